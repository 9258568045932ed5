#!/usr/bin/env python3
"""Wrong input: the right exception, one sentence, with the place and what was found."""
import os
import pickle
import shutil
import sys
import unittest

import numpy as np

import common
import lipcert
from common import CONTROLLER, DIGITS, QUICK, random_layers
from lipcert import _errors

LAYERS = random_layers(1, [3, 4, 2])
NAN, INF = float("nan"), float("inf")


class Errors(unittest.TestCase):
    def refuse(self, kinds, text, function, *arguments, **options):
        """The call raises these (all of them), and its only line matches."""
        with self.assertRaisesRegex(lipcert.LipcertError, text) as caught:
            function(*arguments, **options)
        for kind in kinds:
            self.assertIsInstance(caught.exception, kind)
        self.assertNotIn("\n", str(caught.exception))
        return caught.exception

    def test_layers(self):
        w1, b1 = LAYERS[0]
        w2, b2 = LAYERS[1]
        cases = [
            ([], ValueError, "network: expected at least one pair"),
            ([(w1, b1), (w2[:, :3], b2)], ValueError, "layer 2: expected W to have 4 columns.*found 2 x 3"),
            ([(w1, b1[:3])], ValueError, "layer 1: expected b to have 4 entries.*found 3"),
            ([(w1[0], b1)], ValueError, r"layer 1: expected W to be a matrix.*shape \(3,\)"),
            ([(w1[None], b1)], ValueError, r"layer 1: expected W to be a matrix.*shape \(1, 4, 3\)"),
            ([(np.zeros((0, 3)), None)], ValueError, r"layer 1.*shape \(0, 3\)"),
            ([(np.where(w1 == w1[2, 1], NAN, w1), b1)], ValueError, r"layer 1: .*found nan at W\[2, 1\]"),
            ([(w1, b1), (w2, [0, -INF])], ValueError, r"layer 2: .*found -inf at b\[1\]"),
            ([w1, w2], TypeError, "layer 1: expected a pair"),
            ([(w1,)], TypeError, "layer 1: expected a pair"),
            ([3], TypeError, "layer 1: expected a pair.*int"),
            ([(w1 + 1j, b1)], TypeError, "layer 1, W: expected real numbers, found an array of type complex"),
            ([([["a"]], None)], TypeError, "layer 1, W: expected real numbers"),
            ([([[1], [2, 3]], None)], TypeError, "layer 1, W: expected real numbers")]
        for layers, kind, text in cases:
            self.refuse([kind], text, lipcert.bound, layers)

    def test_networks(self):
        self.refuse([OSError], "^missing.onnx: ", lipcert.bound, "missing.onnx")
        self.refuse([ValueError], "^<bytes>: ", lipcert.bound, b"garbage")
        self.refuse([ValueError], "", lipcert.bound, b"")
        for path in ("", "a\0b"):
            self.refuse([ValueError], "network: expected the path", lipcert.bound, path)
        for other in (3, None, object(), {1: 2}, np.zeros((2, 2)), lipcert):
            self.refuse([TypeError], "network: expected a path, bytes", lipcert.bound, other)
        self.refuse([TypeError], "expected a path", lipcert.Network.load, b"bytes")
        with common.folder():
            with open("net.nnet", "w") as file:
                file.write("1,2,1,2,\n2,1,\n0,\n0,0,\n0,0,\n0,0,\n1,1,\n3,oops,\n1,\n")
            problem = self.refuse([ValueError], "net.nnet: line 8: ", lipcert.Network, "net.nnet")
            self.assertEqual((problem.file, problem.place), ("net.nnet", "line 8"))

    def test_unsupported_layer(self):
        """A sigmoid, found by its place in the file, without the onnx package."""
        with open(CONTROLLER, "rb") as file:
            data = file.read().replace(b"\x22\x04Relu", b"\x22\x04Tanh")
        problem = self.refuse([NotImplementedError], "node .*Tanh.*not piecewise linear",
                              lipcert.bound, data)
        self.assertEqual(problem.file, "<bytes>")

    def test_questions(self):
        cases = [
            (dict(norm=3), ValueError, "^norm: expected 1, 2 or 'inf', found 3"),
            (dict(norm="l2"), ValueError, "^norm: .*found 'l2'"),
            (dict(norm=None), ValueError, "^norm: "), (dict(norm=True), ValueError, "^norm: "),
            (dict(norm=[2]), ValueError, "^norm: "), (dict(norm=NAN), ValueError, "^norm: "),
            (dict(norm_out="max"), ValueError, "^norm_out: .*'max'"),
            (dict(output=2), ValueError, "^output: found output 2, but the network has 2 outputs"),
            (dict(output=-1), ValueError, "^output: found output -1"),
            (dict(output=(0, 5)), ValueError, "^output: found output 5"),
            (dict(output=(1, 1)), ValueError, "two different outputs"),
            (dict(output=(0, 1, 1)), ValueError, "^output: expected an index, a pair"),
            (dict(output="both"), ValueError, "^output: .*'both'"),
            (dict(output=1.0), TypeError, "^output: expected a whole number, found 1.0"),
            (dict(output=True), TypeError, "^output: "), (dict(output=(0, "1")), TypeError, "^output: "),
            (dict(method="magic"), ValueError, "magic"), (dict(method=""), ValueError, ""),
            (dict(method=3), TypeError, "^method: "), (dict(method=[]), TypeError, "^method: "),
            (dict(method=["product", 3]), TypeError, "^method: "),
            (dict(method="a\0b"), ValueError, "^method: "),
            (dict(time_limit=-1), ValueError, "^time_limit: expected a value from 0 to 1000000000, found -1"),
            (dict(time_limit=NAN), ValueError, "^time_limit: expected a number, found nan"),
            (dict(time_limit="60"), TypeError, "^time_limit: "),
            (dict(seed=1.5), TypeError, "^seed: expected a whole number, found 1.5"),
            (dict(seed=2 ** 40), ValueError, "^seed: expected a value from 0 to 2147483647, found 1099511627776"),
            (dict(samples=0), ValueError, "^samples: "),
            (dict(sampels=3), TypeError, "unknown setting 'sampels'; the settings are .*samples"),
            (dict(point=[1, 2]), ValueError, "^point: expected 3 numbers.*found 2"),
            (dict(point=[9, 9, 9], region=lipcert.Box(0, 1), method="point"), ValueError, "region"),
            (dict(method="point"), ValueError, "point"),
            (dict(progress=3), TypeError, "^progress: "),
            (dict(progress_interval="often"), TypeError, "^progress_interval: "),
            (dict(on_interrupt="ignore"), ValueError, "^on_interrupt: .*'ignore'")]
        for options, kind, text in cases:
            self.refuse([kind], text, lipcert.bound, LAYERS, **options)
        self.refuse([ValueError], "two outputs", lipcert.margins, CONTROLLER)
        self.refuse([ValueError], "128", lipcert.margins, random_layers(0, [2, 2, 129]))

    def test_regions(self):
        box, ball = lipcert.Box, lipcert.Ball
        for arguments, kind, text in [
                ((0, -1), ValueError, "^eps of the box: .*found -1"), ((0, NAN), ValueError, "^eps of the box"),
                ((0, INF), ValueError, "^eps of the box"), ((0, [1, 2]), TypeError, "^eps of the box"),
                (("x", 1), TypeError, "^centre of the box"), ((None, 1), TypeError, "^centre of the box"),
                ((0, 1, 3), TypeError, "^clip of the box: expected a pair"),
                ((0, 1, (2, 1)), ValueError, "^clip of the box: expected lowest <= highest, found 2.0 and 1.0"),
                ((0, 1, ("a", 1)), TypeError, "^clip of the box")]:
            self.refuse([kind], text, box, *arguments)
        for arguments, kind, text in [((0, -1), ValueError, "^radius of the ball: .*-1"),
                                      ((0, INF), ValueError, "^radius"), ((0, "1"), TypeError, "^radius")]:
            self.refuse([kind], text, ball, *arguments)
        for region, kind, text in [
                (box([1, 2], 1), ValueError, "^centre of the box: expected 3 numbers.*found 2"),
                (box([1, NAN, 2], 1), ValueError, "^centre of the box: .*found nan at index 1"),
                (box([1, 2, 3], 1, clip=(7, 8)), ValueError, ""),
                (box.from_bounds([0, 0, 1], [1, 1, 0.5]), ValueError, "^box: expected lo <= hi.*index 2"),
                (box.from_bounds(0, [1, 1]), ValueError, "^hi of the box: "),
                (box.from_bounds(0, [1, INF, 1]), ValueError, "^hi of the box: .*found inf at index 1"),
                (ball([0, 0], 1), ValueError, "^centre of the ball: "),
                (ball([0, NAN, 0], 1), ValueError, "^centre of the ball: "),
                ("missing.vnnlib", OSError, "missing.vnnlib"), (3, TypeError, "^region: "),
                ((0, 1), TypeError, "^region: ")]:
            self.refuse([kind], text, lipcert.bound, LAYERS, region=region)
        with common.folder():
            with open("bad.vnnlib", "w") as file:
                file.write("(assert (<= X_0")
            self.refuse([ValueError], "^bad.vnnlib: ", lipcert.bound, LAYERS, region="bad.vnnlib")

    def test_radius(self):
        x = [0, 1, 0]
        for options, kind, text in [
                (dict(norm=0), ValueError, "^norm: "), (dict(label=2), ValueError, "^label: found output 2"),
                (dict(label=-1), ValueError, "^label: "), (dict(label="1"), TypeError, "^label: "),
                (dict(precision=0), ValueError, "^precision: "), (dict(precision=1), ValueError, "^precision: "),
                (dict(precision=NAN), ValueError, "^precision: "), (dict(clip=3), TypeError, "^clip: "),
                (dict(clip=(0, 1), norm=2), ValueError, "^clip: needs the norm 'inf'"),
                (dict(clip=(1, 0)), ValueError, "^clip: "), (dict(clip=(2, 3)), ValueError, ""),
                (dict(method="magic"), ValueError, "magic"), (dict(sede=1), TypeError, "sede")]:
            self.refuse([kind], text, lipcert.radius, LAYERS, x, **options)
        self.refuse([ValueError], "^x: expected 3 numbers", lipcert.radius, LAYERS, [1, 2])
        self.refuse([ValueError], "two outputs", lipcert.radius, CONTROLLER, [0, 0])

    def test_points(self):
        net = lipcert.Network(LAYERS)
        for x, kind, text in [([1, 2], ValueError, "^x: expected 3 numbers.*found 2"), ("abc", TypeError, "^x: "),
                              ([1, NAN, 2], ValueError, "^x: .*nan at index 1"), (None, TypeError, "^x: "),
                              ([1j, 0, 0], TypeError, "^x: "), (np.zeros((2, 2)), ValueError, "^x: ")]:
            self.refuse([kind], text, net.eval, x)
            self.refuse([kind], text, net.jacobian, x)
            self.refuse([kind], text, lipcert.gradient_norm, net, x)

    def test_nothing_is_computed_for_nothing(self):
        """A bad option is found before a missing file is looked for."""
        self.refuse([ValueError], "^norm: ", lipcert.bound, "missing.onnx", norm=7)
        self.refuse([TypeError], "^settings: ", lipcert.bound, "missing.onnx", sede=7)

    def test_exceptions(self):
        for name in _errors.__all__:
            kind = getattr(_errors, name)
            self.assertIs(getattr(lipcert, name), kind)
            if kind is lipcert.Interrupted:
                continue
            problem = pickle.loads(pickle.dumps(kind("message", "place", "file")))
            self.assertEqual((type(problem), str(problem)), (kind, "file: place: message"))
            self.assertEqual((problem.message, problem.place, problem.file), ("message", "place", "file"))
        self.assertEqual(str(lipcert.FormatError("m", "p")), "p: m")
        self.assertEqual(sorted(_errors.BY_STATUS), [1, 2, 3, 4, 5, 6])

    def test_out_of_memory(self):
        """More than an address space holds; the rest of the process goes on."""
        code = ("import resource, lipcert, numpy as np\n"
                "lipcert.bound([([[1.0]], None)])\n"
                "size = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
                "layers = [(np.ones((2000, 2000)), None)] * 8\n"
                "resource.setrlimit(resource.RLIMIT_AS, (size + (150 << 20), -1))\n"
                "try:\n    lipcert.Network(layers)\n"
                "except MemoryError as problem:\n    print(type(problem).__name__, problem)\n"
                "print(lipcert.bound([([[1.0]], None)]).stop)")
        if not sys.platform.startswith("linux"):
            self.skipTest("needs Linux")
        lines = common.run([sys.executable, "-c", code])[1].splitlines()
        self.assertIn("MemoryError", lines[0])
        self.assertEqual(lines[-1], "finished")


class Library(unittest.TestCase):
    """A library that is missing, is none, or is another one.  Each in a process of its own."""

    def attempt(self, library, package=None):
        environment = dict(os.environ, LIPCERT_LIBRARY=library)
        if package:
            environment["PYTHONPATH"] = package
        code = ("import lipcert\n"
                "try:\n    lipcert.bound([([[1.0]], None)])\n"
                "except lipcert.LibraryError as problem:\n"
                "    assert isinstance(problem, OSError)\n    print(problem)\nelse:\n    print('fine')")
        return common.run([sys.executable, "-c", code], env=environment)[1].strip()

    def test_missing(self):
        with common.folder() as home:
            self.assertRegex(self.attempt(home + "/none.so"), "^LIPCERT_LIBRARY: expected the shared library.*"
                             "found none at .*none.so$")
            self.assertRegex(self.attempt(home), "^LIPCERT_LIBRARY: expected .* found none at ")
            # nowhere at all: a package that is neither installed nor in a checkout
            shutil.copytree(os.path.join(common.ROOT, "python", "lipcert"), "lipcert",
                            ignore=shutil.ignore_patterns("lib", "__pycache__"))
            text = self.attempt("", home)
            if text != "fine":  # fine: an installed library of this version was found
                self.assertRegex(text, "liblipcert")

    def test_not_ours(self):
        with common.folder() as home:
            with open("text.so", "w") as file:
                file.write("no library")
            self.assertRegex(self.attempt(home + "/text.so"), r"text.so: the library cannot be loaded: ")
            import ctypes.util
            libm = "/lib/x86_64-linux-gnu/libm.so.6"
            if os.path.exists(libm):
                self.assertRegex(self.attempt(libm), "libm.so.6: expected a function lip_version, found none")

    def test_folder_and_file(self):
        library = os.environ["LIPCERT_LIBRARY"]
        self.assertEqual(self.attempt(library), "fine")
        self.assertEqual(self.attempt(os.path.dirname(library)), "fine")

    def test_other_version(self):
        """A package of another version, and one with another table of settings."""
        with common.folder() as home:
            package = os.path.join(home, "lipcert")
            shutil.copytree(os.path.join(common.ROOT, "python", "lipcert"), package)
            header = os.path.join(common.ROOT, "include", "lipcert_settings.h")
            library = os.environ["LIPCERT_LIBRARY"]
            with open(header, encoding="utf-8") as file:
                text = file.read()
            copy = os.path.join(package, "lipcert_settings.h")
            for old, new, wanted in (("", "", "^fine$"), ("60.0,", "61.0,", "settings differ"),
                                     ("X(int, seed", "X(double, seed", "settings differ"),
                                     ("X(", "Y(", "expected X")):
                with open(copy, "w", encoding="utf-8") as file:
                    file.write(text.replace(old, new) if old != "X(" else text.replace("    X(", "    Y(", 1))
                self.assertRegex(self.attempt(library, home), wanted)
            os.unlink(copy)
            self.assertRegex(self.attempt(library, home), "lipcert_settings.h")
            with open(copy, "w", encoding="utf-8") as file:
                file.write(text)
            with open(os.path.join(package, "_version.py"), "w") as file:
                file.write('__version__ = "9.9.9"\n')
            self.assertRegex(self.attempt(library, home), "expected version 9.9.9, found ")

    def test_checker(self):
        code = ("import lipcert\n"
                "net = [([[1.0]], None)]\n"
                "try:\n    print(lipcert.check(net, lipcert.bound(net)))\n"
                "except lipcert.LibraryError as problem:\n    print(problem)")
        with common.folder() as home:
            home = os.path.join(home, "lib")
            os.mkdir(home)
            shutil.copy(os.environ["LIPCERT_LIBRARY"], os.path.join(home, "liblipcert.so"))
            for checker, wanted in (("", r"^expected the program lipcheck beside the library \(.*/lib/lipcheck"
                                     r".*\) or in PATH"),
                                    (home + "/none", "^LIPCERT_LIPCHECK: expected the program"),
                                    (home + "/liblipcert.so", "liblipcert.so: "),
                                    ("/bin/ls", "ls: the checker ended without a verdict, exit status 0"),
                                    (os.environ["LIPCERT_LIPCHECK"], "^<Check verified>$")):
                environment = dict(os.environ, LIPCERT_LIBRARY=home + "/liblipcert.so", PATH="",
                                   LIPCERT_LIPCHECK=checker)
                found = common.run([sys.executable, "-c", code], env=environment)[1].strip()
                self.assertRegex(found, wanted)
            environment["LIPCERT_LIPCHECK"] = ""
            for place in ("bin", "lib"):  # of an installation, of a wheel
                os.makedirs(os.path.join(home, os.pardir, place), exist_ok=True)
                copy = os.path.join(home, os.pardir, place, "lipcheck")
                shutil.copy(os.environ["LIPCERT_LIPCHECK"], copy)
                found = common.run([sys.executable, "-c", code], env=environment)[1].strip()
                self.assertEqual(found, "<Check verified>")
                os.unlink(copy)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
