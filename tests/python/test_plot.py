#!/usr/bin/env python3
"""Pictures: as the program draws them, for every kind of result, and what cannot be drawn.  And the history that
they show, and what a result says of work that was left."""
import json
import math
import os
import pickle
import shutil
import sys
import threading
import unittest
import xml.etree.ElementTree as ElementTree
from unittest import mock

import numpy as np

import common
import lipcert
from common import CONTROLLER, DIGITS, QUICK, random_layers
from lipcert._plot import Picture, as_shape

SVG = "{http://www.w3.org/2000/svg}"


def titles(picture):
    return [e.text for e in ElementTree.fromstring(picture).iter(SVG + "text") if e.get("class") == "title"]


def tips(picture):
    return [e.text for e in ElementTree.fromstring(picture).iter(SVG + "title")]


@unittest.skipUnless(common.PROGRAM, "needs the program lipcert")
class Plot(unittest.TestCase):
    def same(self, result, picture, *options):
        """The program draws the same from the document of the result."""
        result.to_json("result.json")
        self.assertEqual(picture, common.run([common.PROGRAM, "plot", "result.json", *options])[1])
        self.assertEqual(picture, picture._repr_svg_())
        self.assertIs(type(picture._repr_svg_()), str)
        self.assertRegex(repr(picture), r"^<Picture, 720 x \d+>$")

    def test_result(self):
        result = lipcert.bound(DIGITS, output=(3, 8), region=lipcert.Box(0.5, 0.05), **QUICK)
        with common.folder() as home:
            self.same(result, result.plot())
            self.same(result, result.plot(kind="time"), "--figure", "time")
            self.same(result, result.plot(kind=["time", "methods"]))
            both = result.plot("out.svg", shape=(8, 8))
            self.same(result, both, "--shape", "8x8")
            with open("out.svg", encoding="utf-8") as file:
                self.assertEqual(file.read(), both)
            result.plot().save("again.svg")
            self.assertEqual(sorted(os.listdir(home)), ["again.svg", "out.svg", "result.json"])
            self.assertEqual([len(titles(result.plot(kind=kind))) for kind in ("time", ["methods"], None)],
                             [2, 2, 3])  # the network's, and one for every figure
            self.assertEqual(len(titles(both)), 4)
            copy = pickle.loads(pickle.dumps(result))
            self.assertEqual(copy.plot(shape="8x8"), both)

    def test_gradient_of_lists(self):
        """The network has no file: every pixel is the gradient that numpy finds at the witness."""
        layers = random_layers(5, [12, 9, 2])
        result = lipcert.bound(layers, output=1, region=lipcert.Box(0, 1), **QUICK)
        expected = common.gradient(layers, result.witness.x)[1]
        for shape in ((3, 4), [2, 3, 2], "12x1", np.array((3, 4)).tolist()):
            shown = [float(tip.split(": ")[1]) for tip in tips(result.plot(kind="gradient", shape=shape))]
            np.testing.assert_allclose(sorted(shown), sorted(expected), rtol=1e-5)

    def test_margins_and_radius(self):
        layers = random_layers(6, [3, 8, 4])
        with common.folder():
            margins = lipcert.margins(layers, region=lipcert.Box(0, 1), **QUICK)
            self.same(margins, margins.plot("margins.svg"))
            self.assertEqual(len(tips(margins.plot())), 12)
            self.assertTrue(os.path.isfile("margins.svg"))
            pair = margins[1, 2]
            self.assertEqual(pair.history, ())
            self.assertNotIn("history", pair.to_dict())
            self.assertEqual(len(titles(pair.plot(shape=(1, 3)))), 4)
            radius = lipcert.radius(layers, [0.1, 0.2, 0.3])
            self.same(radius, radius.plot("radius.svg"))
            self.assertTrue(os.path.isfile("radius.svg"))

    def refuse(self, result, expected, text, **options):
        with self.assertRaisesRegex(lipcert.LipcertError, text) as caught:
            result.plot(**options)
        self.assertIsInstance(caught.exception, expected)
        self.assertNotIn("\n", str(caught.exception))

    def test_refusals(self):
        result = lipcert.bound(DIGITS, output=3, **QUICK)
        for options, expected, text in (
                (dict(kind="pie"), ValueError, "^kind: expected 'time' or 'methods' or 'gradient', found 'pie'$"),
                (dict(kind="margins"), ValueError, "^kind: "), (dict(kind=3), TypeError, "^kind: .*found 3$"),
                (dict(kind=[]), TypeError, "^kind: "), (dict(kind="gradient"), ValueError, "^shape: .*None$"),
                (dict(kind="time", shape=(8, 8)), ValueError, "^shape: is of no use"),
                (dict(shape=(8, 9)), ValueError, r"^shape: .*64 numbers in all, found \(8, 9\)$"),
                (dict(shape=(64,)), ValueError, "^shape: "), (dict(shape=(-8, -8)), ValueError, "^shape: "),
                (dict(shape="8 x 8"), ValueError, "^shape: "), (dict(shape=64), TypeError, "^shape: "),
                (dict(shape=(8, 8.5)), TypeError, "^shape: "), (dict(shape=(2, 2, 4, 4)), ValueError, "^shape: "),
                (dict(path="no/such/file.svg"), OSError, "^no/such/file.svg: cannot write")):
            self.refuse(result, expected, text, **options)
        self.refuse(lipcert.bound(DIGITS, **QUICK), ValueError, "^shape: .*found all outputs$", shape=(8, 8))
        self.refuse(lipcert.bound(CONTROLLER, output=0, method="product"), ValueError, "^shape: .*witness",
                    shape=(1, 2))

    def test_large_shapes(self):
        for shape, inputs, text in (
                ((1, 4097), 4097, r"numbers up to 4096, found \(1, 4097\)$"), ("4097x1x1", 4097, "up to 4096, found '4097x1x1'$"),
                ("9" * 5000 + "x1", 64, "64 numbers in all, found '9{99}[.]{3}$"), ("0x1", 64, "found '0x1'$"),
                ("8x8\n", 64, r"found '8x8\\n'$"), ("8xx8", 64, "found '8xx8'$"), ("", 64, "found ''$"), ("x".join("8" * 9999), 64, "in all, found"),
                ((10 ** 6000, 1), 64, "64 numbers in all, found (numbers with thousands of digits|.10{98}[.]{3})$")):
            with self.assertRaisesRegex(lipcert.ArgumentError, "^shape: expected .*" + text) as caught:
                as_shape(shape, inputs)
            self.assertLess(len(str(caught.exception)), 250)
        self.assertEqual([as_shape(shape, 4096) for shape in ((1, 4096), "4096x1", "0" * 5000 + "64x64")], ["1x4096", "4096x1", "64x64"])

    def test_interrupted_save(self):
        """Ctrl-C at any step of writing leaves the old file, and no other one."""
        picture = Picture("<svg />\n")
        with common.folder() as home:
            picture.save("picture.svg")
            for patch in (mock.patch("lipcert._files.os.replace", side_effect=KeyboardInterrupt),
                          mock.patch("lipcert._files.open", self.broken_open, create=True)):
                with patch, self.assertRaises(KeyboardInterrupt):
                    Picture("<svg>more</svg>\n").save("picture.svg")
                self.assertEqual(os.listdir(home), ["picture.svg"])
                with open("picture.svg") as file:
                    self.assertEqual(file.read(), picture)

    @staticmethod
    def broken_open(*arguments, **options):
        """A file that is interrupted when half is written."""
        file = open(*arguments, **options)

        def write(text, whole=file.write):
            whole(text[:len(text) // 2])
            file.flush()
            raise KeyboardInterrupt
        broken = mock.MagicMock(wraps=file)
        broken.__enter__.return_value.write = write
        broken.__exit__.side_effect = lambda *_: file.close()
        return broken

    def attempt(self, **environment):
        code = ("import lipcert\n"
                "result = lipcert.bound([([[1.0]], None)], method='product')\n"
                "try:\n    print(repr(result.plot()))\n"
                "except lipcert.LibraryError as problem:\n    print(problem)")
        return common.run([sys.executable, "-c", code], env=dict(os.environ, **environment))[1].strip()

    def test_program(self):
        """Missing: the sentence says what was looked for and where.  Another program: no picture."""
        with common.folder() as home:
            home = os.path.realpath(home)
            os.mkdir("lib")
            library = os.path.join(home, "lib", "liblipcert.so")
            shutil.copy(os.environ["LIPCERT_LIBRARY"], library)
            self.assertEqual(
                self.attempt(LIPCERT_LIBRARY=library, LIPCERT_PROGRAM="", PATH=""),
                "expected the program lipcert beside the library ({0}/lib/lipcert, "
                "{0}/bin/lipcert) or in PATH, found none; set LIPCERT_PROGRAM to its path".format(home))
            self.assertEqual(self.attempt(LIPCERT_PROGRAM=home + "/none"),
                             "LIPCERT_PROGRAM: expected the program lipcert, found no file at {}/none".format(home))
            with open("text", "w") as file:
                file.write("no program\n")
            self.assertRegex(self.attempt(LIPCERT_PROGRAM=home + "/text"), "/text: cannot run the program: ")
            self.assertEqual(self.attempt(LIPCERT_PROGRAM="/bin/true"),
                             "/bin/true: the program drew no picture, exit status 0")
            self.assertRegex(self.attempt(LIPCERT_PROGRAM="/bin/ls"), "^/bin/ls: .* exit status 2: ")
            for place in ("bin", "lib"):  # of an installation, of a wheel
                os.makedirs(place, exist_ok=True)
                copy = os.path.join(home, place, "lipcert")
                shutil.copy(common.PROGRAM, copy)
                self.assertRegex(self.attempt(LIPCERT_LIBRARY=library, LIPCERT_PROGRAM="", PATH=""),
                                 "^<Picture, 720 x ")
                os.unlink(copy)


class History(unittest.TestCase):
    def check(self, result):
        self.assertTrue(result.history)
        last = (0, math.inf)
        clock = 0.0
        for moment in result.history:
            self.assertTrue(moment.lower >= last[0] and moment.upper <= last[1])
            self.assertNotEqual((moment.lower, moment.upper), last)
            self.assertGreaterEqual(moment.seconds, clock)
            last, clock = moment[1:], moment.seconds
        self.assertEqual(last, (result.lower, result.upper))
        self.assertLessEqual(clock, result.seconds)
        found = json.loads(result.to_json())["history"]
        self.assertEqual([m["lower"] for m in found], [m.lower for m in result.history])

    def test_history(self):
        result = lipcert.bound(DIGITS, output=3, region=lipcert.Box(0.5, 0.1), **QUICK)
        self.check(result)
        self.assertGreaterEqual(len(result.history), 2)
        seen = []
        self.check(lipcert.bound(DIGITS, output=3, progress=seen.append, progress_interval=0, **QUICK))
        self.assertTrue(seen)

    def test_other_thread(self):
        """No signals there, and no progress function: the history is kept all the same."""
        results = []
        thread = threading.Thread(target=lambda: results.append(lipcert.bound(DIGITS, output=3, **QUICK)))
        thread.start()
        thread.join(common.LIMIT)
        self.check(results[0])
        self.assertGreaterEqual(len(results[0].history), 2)

    def test_many(self):
        from lipcert import _bounds
        history = _bounds.History()
        for k in range(5000):
            history.keep(0.01 * k, float(k), math.inf)
            history.keep(0.01 * k, float(k), math.inf)
        self.assertLessEqual(len(history), _bounds.MOST_MOMENTS)
        self.assertGreater(len(history), _bounds.MOST_MOMENTS // 4)
        self.assertEqual(history[-1].lower, 4999)
        self.assertEqual([m.lower for m in history], sorted({m.lower for m in history}))


class Unfinished(unittest.TestCase):
    def test_reasons(self):
        whole = lipcert.bound(CONTROLLER, region=lipcert.Box(0, 0.1))
        self.assertEqual((whole.stop, whole.unfinished), ("finished", ()))
        cut = lipcert.bound(DIGITS, method="product,lbs,ascent", samples=10 ** 8, time_limit=0.1)
        self.assertEqual(cut.unfinished, (("lbs", "stopped by the time limit"), ("ascent", "not begun")))
        self.assertEqual((cut.unfinished[0].method, cut.unfinished[1].reason), ("lbs", "not begun"))
        self.assertEqual(cut.to_dict()["unfinished"], [{"method": "lbs", "reason": "stopped by the time limit"},
                                                       {"method": "ascent", "reason": "not begun"}])
        stopped = lipcert.bound(DIGITS, method="product,lbs", samples=10 ** 8, time_limit=1000,
                                progress=lambda p: p.method == "lbs" and p.lower > 0)
        self.assertEqual(stopped.unfinished, (("lbs", "interrupted"),))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
