#!/usr/bin/env python3
"""The program lipcert from the outside: usage: test_cli.py PROGRAM [ROOT], ROOT the source tree.

What is checked: every way to be wrong gives its exit code, one sentence on stderr, an empty stdout
and no file; the numbers agree with numpy; text and JSON agree and printed decimals enclose; signals
and the time limit keep the bounds; help, man page and docs name every option."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from decimal import Decimal

import numpy as np

import networks

PROGRAM = ROOT = None
LIMIT = 120  # seconds: a hang is a failure
SMALL = ["--samples", "20", "--starts", "2", "--steps", "5", "--sweeps", "1"]
LONG = ["--samples", "100000000", "--time", "1000", "--method", "product,lbs"]


def run(*arguments, **keywords):
    keywords.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([PROGRAM, *map(str, arguments)], stderr=subprocess.PIPE, text=True,
                          timeout=LIMIT, **keywords)


# Arguments, exit code, fragments of the sentence.
BAD = [
    ([], 1, ["subcommand", "help"]),
    (["bond"], 1, ["'bond'", "'bound'"]),
    (["xyzzy"], 1, ["'xyzzy'", "lipcert help"]),
    (["--nonsense"], 1, ["'--nonsense'"]),
    (["bound"], 1, ["missing argument", "bound NET"]),
    (["bound", "net.npz", "net.npz"], 1, ["unexpected argument", "net.npz"]),
    (["bound", "net.npz", "--smaples", "3"], 1, ["'--smaples'", "--samples"]),
    (["bound", "net.npz", "--frobnicate"], 1, ["'--frobnicate'", "bound --help"]),
    (["bound", "net.npz", "--frobnicate=4"], 1, ["'--frobnicate'"]),
    (["bound", "net.npz", "-x"], 1, ["'-x'"]),
    (["bound", "net.npz", "-norm", "2"], 1, ["'-norm'", "--norm"]),
    (["bound", "net.npz", "--input", "inf"], 1, ["--input", "finite"]),
    (["bound", "net.npz", "--input", "3", "--box", "0", "1"], 1, ["outside the region"]),
    (["bound", "net.npz", "--method", "point"], 1, ["point", "--input"]),
    (["decide", "net.npz"], 1, ["--at-most"]),
    (["decide", "net.npz", "--at-most", "0"], 1, ["--at-most", "positive", "found 0"]),
    (["decide", "net.npz", "--at-most", "nan"], 1, ["--at-most", "finite", "'nan'"]),
    (["decide", "net.npz", "--at-most", "2", "--all-margins"], 1, ["'--all-margins'"]),
    (["decide", "net.npz", "--at-most", "2", "--method", "exat"], 1, ["'exat'", "'exact'"]),
    (["decide", "net.npz", "--at-most", "2", "--json", "net.npz"], 1, ["replace the network"]),
    (["decide", "absent.npz", "--at-most", "2"], 2, ["absent.npz"]),
    (["decide", "net.npz", "--at-most", "2", "--resume", "absent.cert", "--method", "exact"], 2, ["absent.cert"]),
    (["bound", "net.npz", "--at-most", "2"], 1, ["'--at-most'"]),
    (["check", "net.npz"], 1, ["CERT"]),
    (["check", "absent.npz", "absent.cert"], 2, ["absent.npz"]),
    (["bound", "net.npz", "--norm"], 1, ["--norm", "needs one value"]),
    (["bound", "net.npz", "--norm", "--all"], 1, ["--norm", "needs one value", "--all"]),
    (["bound", "net.npz", "--norm", "3"], 1, ["--norm", "unknown norm '3'", "1, 2 or inf"]),
    (["bound", "net.npz", "--norm", ""], 1, ["--norm", "unknown norm ''"]),
    (["bound", "net.npz", "--out-norm", "l2"], 1, ["--out-norm", "unknown norm 'l2'"]),
    (["bound", "net.npz", "--norm", "2", "--norm", "2"], 1, ["--norm", "twice"]),
    (["bound", "net.npz", "--seed", "2", "--seed=3"], 1, ["--seed", "twice"]),
    (["bound", "net.npz", "--all", "--all"], 1, ["--all", "twice"]),
    (["bound", "net.npz", "--all=yes"], 1, ["--all", "no value"]),
    (["bound", "net.npz", "--box=1"], 1, ["--box", "two values"]),
    (["bound", "net.npz", "--output", "2"], 1, ["--output", "output 2", "2 outputs"]),
    (["bound", "net.npz", "--output", "-1"], 1, ["--output", "-1"]),
    (["bound", "net.npz", "--output", "one"], 1, ["--output", "integer", "'one'"]),
    (["bound", "net.npz", "--output", "1x"], 1, ["--output", "'1x'"]),
    (["bound", "net.npz", "--output", "1.0"], 1, ["--output", "'1.0'"]),
    (["bound", "net.npz", "--output", "99999999999999999999"], 1, ["--output", "too large"]),
    (["bound", "net.npz", "--output", "0", "--all"], 1, ["--all", "--output"]),
    (["bound", "net.npz", "--output", "0", "--margin", "0,1"], 1, ["--margin", "--output"]),
    (["bound", "net.npz", "--margin", "1,1"], 1, ["--margin", "different", "1,1"]),
    (["bound", "net.npz", "--margin", "0"], 1, ["--margin", "I,J", "'0'"]),
    (["bound", "net.npz", "--margin", "0,1,2"], 1, ["--margin", "I,J"]),
    (["bound", "net.npz", "--margin", "0,"], 1, ["--margin", "integer"]),
    (["bound", "net.npz", "--margin", "0,5"], 1, ["--margin", "output 5", "2 outputs"]),
    (["bound", "net.npz", "--margin", "7,1"], 1, ["--margin", "output 7"]),
    (["bound", "one.npz", "--all-margins"], 1, ["--all-margins", "two outputs", "has 1"]),
    (["bound", "net.npz", "--all-margins", "--margin", "0,1"], 1, ["--all-margins", "--margin"]),
    (["bound", "net.npz", "--output", "0", "--all-margins"], 1, ["--all-margins", "--output"]),
    (["bound", "net.npz", "--all", "--all-margins"], 1, ["--all-margins", "--all"]),
    (["bound", "net.npz", "--all-margins=1"], 1, ["--all-margins", "no value"]),
    (["bound", "net.npz", "--all-margins", "--witness", "w.npy"], 1, ["--witness",
                                                                        "--all-margins", "--json"]),
    (["bound", "net.npz", "--all-margins", "--certificate", ""], 1, ["--certificate", "nothing"]),
    (["bound", "net.npz", "--all-margins", "--certificate", "no/such/c"], 4, ["no/such/c-0-1.cert"]),
    (["bound", "net.npz", "--all-margins", "--certificate", "c", "--json", "./c-0-1.cert"], 1,
     ["--certificate", "--json"]),
    (["gradient", "net.npz", "--input", "1", "--all-margins"], 1, ["'--all-margins'"]),
    (["export", "net.npz", "out", "--all-margins"], 1, ["'--all-margins'"]),
    (["bound", "net.npz", "--global", "--box", "0", "1"], 1, ["--box", "--global"]),
    (["bound", "net.npz", "--ball", "0", "1", "--vnnlib", "box.vnnlib"], 1, ["--vnnlib", "--ball"]),
    (["bound", "net.npz", "--box", "0", "1", "--box-file", "0", "1"], 1, ["--box-file", "--box"]),
    (["bound", "net.npz", "--box", "0"], 1, ["--box", "two values"]),
    (["bound", "net.npz", "--box", "0", "-0.1"], 1, ["--box", "-0.1"]),
    (["bound", "net.npz", "--box", "0", "1e"], 1, ["--box", "'1e'"]),
    (["bound", "net.npz", "--box", "0", "nan"], 1, ["--box", "finite", "'nan'"]),
    (["bound", "net.npz", "--box", "0", "inf"], 1, ["--box", "finite", "'inf'"]),
    (["bound", "net.npz", "--box", "0", "1e999"], 1, ["--box", "too large"]),
    (["bound", "net.npz", "--box", "0", "1e-999"], 1, ["--box", "too small"]),
    (["bound", "net.npz", "--box", "nan", "1"], 1, ["--box", "finite", "'nan'"]),
    (["bound", "net.npz", "--box", "0", " 1"], 1, ["--box", "' 1'"]),
    (["bound", "net.npz", "--box", "0", "0,5"], 1, ["--box", "'0,5'"]),
    (["bound", "net.npz", "--ball", "0", "-3"], 1, ["--ball", "-3"]),
    (["bound", "net.npz", "--box-file", "hi.npy", "lo.npy"], 1, ["--box-file", "LO",
                                                                 "coordinate 0"]),
    (["bound", "net.npz", "--box-file", "1", "0"], 1, ["--box-file", "LO"]),
    (["bound", "net.npz", "--box", "0", "1", "--clip", "1,0"], 1, ["--clip", "1,0"]),
    (["bound", "net.npz", "--box", "0", "1", "--clip", "nan,0"], 1, ["--clip", "nan"]),
    (["bound", "net.npz", "--box", "0", "1", "--clip", "0"], 1, ["--clip", "LO,HI"]),
    (["bound", "net.npz", "--box", "0", "1", "--clip", "2,3"], 1, ["--"]),
    (["bound", "net.npz", "--box-file", "0", "1", "--clip", "2,3"], 1, ["--clip", "nothing"]),
    (["bound", "net.npz", "--clip", "0,1"], 1, ["--clip", "--box"]),
    (["bound", "net.npz", "--ball", "0", "1", "--clip", "0,1"], 1, ["--clip", "--box"]),
    (["bound", "net.npz", "--row", "1"], 1, ["--row", "file"]),
    (["bound", "net.npz", "--box", "0", "1", "--row", "1"], 1, ["--row", "file"]),
    (["bound", "net.npz", "--box", "0", "1", "--scale", "2"], 1, ["--scale", "file"]),
    (["bound", "net.npz", "--box", "point.npy", "1", "--scale", "2k"], 1, ["--scale", "'2k'"]),
    (["bound", "net.npz", "--box", "point.npy", "1", "--row", "-2"], 1, ["--row", "-2"]),
    (["bound", "net.npz", "--time", "5x"], 1, ["--time", "'5x'"]),
    (["bound", "net.npz", "--time", "-5"], 1, ["--time", "-5"]),
    (["bound", "net.npz", "--seed", "1e3"], 1, ["--seed", "integer", "'1e3'"]),
    (["bound", "net.npz", "--seed", "2147483648"], 1, ["--seed", "2147483647", "2147483648"]),
    (["bound", "net.npz", "--samples", "0"], 1, ["--samples", "from 1"]),
    (["bound", "net.npz", "--linear-bounds", "2"], 1, ["--linear-bounds", "from 0 to 1"]),
    (["bound", "net.npz", "--samples="], 1, ["--samples", "''"]),
    (["bound", "net.npz", "--method", "magic"], 1, ["--method", "'magic'", "lipcert methods"]),
    (["bound", "net.npz", "--method", "prodct"], 1, ["--method", "'prodct'", "'product'"]),
    (["bound", "net.npz", "--method", "product,"], 1, ["--method", "''"]),
    (["bound", "net.npz", "--method", ""], 1, ["--method", "''"]),
    (["bound", "net.npz", "--json", "same.out", "--witness", "same.out"], 1, ["same.out"]),
    (["bound", "net.npz", "--json", "same.out", "--witness", "./same.out"], 1, ["same.out"]),
    (["bound", "net.npz", "--json", "./net.npz"], 1, ["./net.npz", "replace the network"]),
    (["bound", "net.npz", "--witness", "net.npz"], 1, ["net.npz", "replace the network"]),
    (["bound", "absent.npz"], 2, ["absent.npz"]),
    (["bound", ""], 2, ["empty"]),
    (["bound", "."], 2, ["."]),
    (["bound", "empty"], 2, ["empty"]),
    (["bound", "garbage"], 2, ["garbage"]),
    (["bound", "truncated.npz"], 2, ["truncated.npz"]),
    (["bound", "nan.npz"], 2, ["nan.npz"]),
    (["bound", "misfit.npz"], 2, ["misfit.npz"]),
    (["bound", "a\nb.npz"], 2, ["a?b.npz"]),
    (["bound", "net.npz", "--box", "absent.npy", "1"], 2, ["absent.npy"]),
    (["bound", "net.npz", "--box", "short.npy", "1"], 2, ["short.npy"]),
    (["bound", "net.npz", "--box", "nan.npy", "1"], 2, ["nan.npy"]),
    (["bound", "net.npz", "--box", "bad.csv", "1"], 2, ["bad.csv"]),
    (["bound", "net.npz", "--box", "garbage", "1"], 2, ["garbage"]),
    (["bound", "net.npz", "--box", "points.npy", "1", "--row", "2"], 2, ["points.npy"]),
    (["bound", "net.npz", "--vnnlib", "absent.vnnlib"], 2, ["absent.vnnlib"]),
    (["bound", "net.npz", "--vnnlib", "bad.vnnlib"], 2, ["bad.vnnlib"]),
    (["bound", "net.npz", "--json", "no/such/folder/out"], 4, ["no/such/folder/out"]),
    (["bound", "net.npz", "--json", "."], 4, ["."]),
    (["bound", "net.npz", "--json", ""], 4, ["empty"]),
    (["bound", "net.npz", "--witness", "no/such/folder/out"], 4, ["no/such/folder/out"]),
    (["gradient", "net.npz"], 1, ["--input"]),
    (["gradient", "net.npz", "--input", "1", "--row", "1"], 1, ["--row", "file"]),
    (["gradient", "net.npz", "--input", "1", "--output", "9"], 1, ["output 9"]),
    (["gradient", "net.npz", "--input", "inf"], 1, ["--input", "finite"]),
    (["gradient", "net.npz", "--input", "absent.npy"], 2, ["absent.npy"]),
    (["gradient", "net.npz", "--input", "1", "--box", "0", "1"], 1, ["'--box'"]),
    (["gradient", "net.npz", "--input", "1", "--json", "no/such/out"], 4, ["no/such/out"]),
    (["gradient", "net.npz", "--input", "1", "--json", "net.npz"], 1, ["replace the network"]),
    (["eval", "net.npz"], 1, ["--input"]),
    (["eval", "net.npz", "--input", "short.npy"], 2, ["short.npy"]),
    (["eval", "net.npz", "--input", "1", "--scale", "2"], 1, ["--scale", "file"]),
    (["eval", "absent.npz", "--input", "1"], 2, ["absent.npz"]),
    (["eval", "net.npz", "--input", "1", "--norm", "2"], 1, ["'--norm'"]),
    (["info"], 1, ["missing argument", "info NET"]),
    (["info", "garbage"], 2, ["garbage"]),
    (["info", "net.npz", "--json", "no/such/out"], 4, ["no/such/out"]),
    (["info", "net.npz", "--json", "net.npz"], 1, ["replace the network"]),
    (["convert", "net.npz"], 1, ["missing argument", "NET OUT"]),
    (["convert", "garbage", "out"], 2, ["garbage"]),
    (["convert", "net.npz", "no/such/out"], 4, ["no/such/out"]),
    (["convert", "net.npz", "."], 4, ["."]),
    (["convert", "net.npz", "net.npz"], 1, ["net.npz", "replace the network"]),
    (["convert", "net.npz", "./net.npz"], 1, ["./net.npz", "replace the network"]),
    (["export", "net.npz", "net.npz"], 1, ["net.npz", "replace the network"]),
    (["convert", "a", "b", "c"], 1, ["unexpected argument", "'c'"]),
    (["export", "net.npz"], 1, ["missing argument", "NET OUT"]),
    (["export", "net.npz", "out", "--format", "csv"], 1, ["--format", "'csv'", "sdpa, mps or lp"]),
    (["export", "net.npz", "out", "--norm", "2", "--relaxation", "hr3"], 1, ["'hr3'", "hr2-blocks"]),
    (["export", "net.npz", "out", "--norm", "2", "--relaxation", "hr1", "--phases"], 1,
     ["--phases", "--relaxation hr1"]),
    (["bound", "net.npz", "--order", "5"], 1, ["--order", "from 1 to 4", "found 5"]),
    (["export", "net.npz", "out", "--format", "sdpa", "--relaxation", "lipopt"], 1,
     ["--format", "mps", "found sdpa"]),
    (["export", "net.npz", "out", "--format", "mps", "--relaxation", "hr1", "--output", "0"], 1,
     ["hr1", "expected lipopt, miqcqp"]),
    (["export", "net.npz", "out", "--format", "lp", "--relaxation", "hr1", "--output", "0"], 1,
     ["hr1", "expected miqcqp"]),
    (["export", "net.npz", "out", "--format", "sdpa", "--relaxation", "miqcqp"], 1,
     ["--format", "expected lp or mps", "found sdpa"]),
    (["export", "net.npz", "out", "--format", "lp", "--relaxation", "lipopt"], 1,
     ["--format", "expected mps", "found lp"]),
    (["export", "net.npz", "out", "--format", "lp", "--phases"], 1, ["--phases", "tangent", "miqcqp"]),
    (["export", "net.npz", "out", "--format", "mps", "--relaxation", "miqcqp", "--norm", "2"], 2,
     ["quadratic", "expected the format lp"]),
    (["export", "net.npz", "out", "--format", "mps", "--phases"], 1, ["--phases", "tangent"]),
    (["export", "net.npz", "out", "--format", "mps", "--output", "0", "--norm", "2"], 2,
     ["norm inf or 1", "found 2"]),
    (["export", "net.npz", "out", "--norm", "1"], 1, ["--part", "programs"]),
    (["export", "net.npz", "out", "--norm", "2", "--part", "1"], 1, ["--part", "found 1"]),
    (["export", "net.npz", "out", "--norm", "2", "--part", "x"], 1, ["--part", "x"]),
    (["export", "net.npz", "no/such/out", "--norm", "2"], 4, ["no/such/out"]),
    (["methods", "x"], 1, ["unexpected argument", "'x'"]),
    (["version", "--json", "x"], 1, ["'--json'"]),
    (["help", "nonsense"], 1, ["'nonsense'"]),
]


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = os.getcwd()
        cls.folder = tempfile.TemporaryDirectory()
        os.chdir(cls.folder.name)
        networks.write_all()

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.home)
        cls.folder.cleanup()

    def good(self, *arguments, **keywords):
        answer = run(*arguments, **keywords)
        self.assertEqual((answer.returncode, answer.stderr), (0, ""), arguments)
        return answer.stdout

    def bound(self, *arguments):
        return json.loads(self.good("bound", *arguments, *SMALL, "--json", "-"))


class Refusals(Base):
    def test_table(self):
        self.assertGreaterEqual(len(BAD), 60)
        before = sorted(os.listdir("."))
        for arguments, code, fragments in BAD:
            with self.subTest(arguments=arguments):
                answer = run(*arguments)
                self.assertEqual(answer.returncode, code, answer.stderr)
                self.assertEqual(answer.stdout, "")
                self.assertRegex(answer.stderr, r"\Alipcert: [^\n]+\n\Z")
                for fragment in fragments:
                    self.assertIn(fragment, answer.stderr)
                self.assertEqual(sorted(os.listdir(".")), before)

    def test_old_file_survives(self):
        with open("old", "w") as file:
            file.write("precious")
        for arguments in (["convert", "garbage", "old"], ["bound", "garbage", "--json", "old"],
                          ["bound", "net.npz", "--output", "9", "--witness", "old"]):
            self.assertNotEqual(run(*arguments).returncode, 0)
            with open("old") as file:
                self.assertEqual(file.read(), "precious")

    def test_same_file_under_two_names(self):
        """A folder, a symbolic link (to a file or to nothing yet) and a hard link are seen through."""
        os.mkdir("sub")
        self.addCleanup(os.rmdir, "sub")
        with open("there", "w") as file:
            file.write("precious")
        os.link("there", "hard")
        links = {"soft": "there", "dangling": "absent", "chain": "dangling", "loop": "loop"}
        for link, target in links.items():
            os.symlink(target, link)
            self.addCleanup(os.unlink, link)
        for a, b in (("there", "sub/../there"), ("there", "soft"), ("there", "hard"),
                     ("absent", "dangling"), ("chain", "dangling"), ("chain", "sub/../absent"),
                     ("absent", os.path.abspath("absent"))):
            with self.subTest(names=(a, b)):
                answer = run("bound", "net.npz", "--json", a, "--witness", b, *SMALL)
                self.assertEqual((answer.returncode, answer.stdout), (1, ""))
                self.assertRegex(answer.stderr, r"\Alipcert: option --witness: [^\n]+\n\Z")
        self.assertEqual(run("info", "net.npz", "--json", "loop").returncode, 4)
        with open("there") as file:
            self.assertEqual(file.read(), "precious")
        self.assertFalse(os.path.lexists("absent"))
        self.good("bound", "net.npz", "--json", "sub/there", "--witness", "there", *SMALL)
        os.unlink("sub/there")
        for name in "there", "hard":
            os.unlink(name)

    def test_full_output(self):
        for arguments in (["bound", "net.npz", *SMALL], ["bound", "net.npz", "--json", "-", *SMALL],
                          ["info", "net.npz"], ["eval", "net.npz", "--input", "1"], ["methods"],
                          ["version"], ["help"], ["bound", "--help"],
                          ["gradient", "net.npz", "--input", "1"]):
            with self.subTest(arguments=arguments), open("/dev/full", "w") as full:
                answer = run(*arguments, stdout=full)
                self.assertEqual(answer.returncode, 4)
                self.assertRegex(answer.stderr, r"\Alipcert: standard output: [^\n]+\n\Z")

    def test_full_files(self):
        for option in "--json", "--witness":
            answer = run("bound", "net.npz", option, "/dev/full", *SMALL)
            self.assertEqual(answer.returncode, 4)
            self.assertRegex(answer.stderr, r"\Alipcert: /dev/full: [^\n]+\n\Z")
            self.assertIn("<= L <=", answer.stdout)  # the result is not lost

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_read_only_folder(self):
        os.mkdir("locked", 0o555)
        answer = run("bound", "net.npz", "--json", "locked/out", *LONG)
        self.assertEqual((answer.returncode, answer.stdout), (4, ""))
        self.assertIn("locked/out", answer.stderr)

    def test_closed_stdout(self):
        answer = subprocess.run(["/bin/sh", "-c", 'exec "$0" methods >&-', PROGRAM],
                                stderr=subprocess.PIPE, text=True, timeout=LIMIT)
        self.assertEqual(answer.returncode, 4)
        self.assertEqual(answer.stderr.count("\n"), 1)


class Numbers(Base):
    def test_eval(self):
        for argument, x in (("point.npy", [0.3, -0.7]), ("point.csv", [0.3, -0.7]),
                            ("2.5", [2.5, 2.5]), ("-1", [-1, -1]), ("0x1p-1", [0.5, 0.5])):
            text = self.good("eval", "net.npz", "--input", argument)
            np.testing.assert_allclose([float(w) for w in text.split()], networks.evaluate(x),
                                       rtol=1e-14)
        text = self.good("eval", "net.npz", "--input", "labelled.csv", "--row", 1, "--scale", 0.5)
        np.testing.assert_allclose([float(w) for w in text.split()], networks.evaluate([-0.5, 1.0]))

    def test_jacobian(self):
        lines = self.good("eval", "net.npz", "--input", "point.npy", "--jacobian").splitlines()
        self.assertEqual(len(lines), 4)
        rows = [[float(w) for w in line.split(" ")] for line in lines[2:]]
        np.testing.assert_allclose(rows, networks.jacobian([0.3, -0.7]), rtol=1e-14)

    def test_formats_agree(self):
        self.good("convert", "net.npz", "net.lip")
        names = ["net.npz", "net.nnet", "net.nnet.gz", "net.lip"]
        self.assertEqual(len({self.good("eval", n, "--input", "point.npy") for n in names}), 1)
        hashes = {json.loads(self.good("info", n, "--json",
                                       "-"))["network"]["sha256"] for n in names}
        self.assertEqual(len(hashes), 1)
        self.good("convert", "net.lip", "again.lip")
        with open("net.lip", "rb") as a, open("again.lip", "rb") as b:
            self.assertEqual(a.read(), b.read())

    def test_info(self):
        text = self.good("info", "net.npz")
        answer = json.loads(self.good("info", "net.npz", "--json", "-"))
        net = answer["network"]
        self.assertEqual((net["inputs"], net["outputs"], net["layers"], net["neurons"]),
                         (2, 2, 2, 3))
        self.assertRegex(net["sha256"], r"\A[0-9a-f]{64}\Z")
        self.assertIn(net["sha256"], text)
        self.assertEqual([layer["width"] for layer in answer["layers"]], [3, 2])
        self.assertEqual([layer["relu"] for layer in answer["layers"]], [True, False])
        self.assertTrue(self.good("info", "net.npz", "--json", "info.json").startswith("network"))
        with open("info.json") as file:
            self.assertEqual(json.load(file), answer)

    def test_gradient(self):
        j = networks.jacobian([0.3, -0.7])
        for p, dual in (("inf", 1), ("2", 2), ("1", np.inf)):
            for row in 0, 1:
                answer = json.loads(self.good("gradient", "net.npz", "--input", "point.npy",
                                              "--norm", p,
                                              "--output", row, "--json", "-"))
                exact = np.linalg.norm(j[row], dual)
                self.assertTrue(answer["decided"])
                self.assertLessEqual(answer["lower"], exact * (1 + 1e-12))
                self.assertGreaterEqual(answer["upper"], exact * (1 - 1e-12))
                self.assertLess(answer["upper"] - answer["lower"], 1e-10)

    def test_gradient_on_kink(self):
        answer = run("gradient", "net.npz", "--input", "kink.csv", "--json", "kink.json")
        self.assertEqual(answer.returncode, 2)
        with open("kink.csv", "w") as file:
            file.write("0.75,0.5\n")  # the first neuron is exactly 0
        answer = run("gradient", "net.npz", "--input", "kink.csv", "--json", "kink.json")
        self.assertEqual((answer.returncode, answer.stderr), (5, ""))
        self.assertIn("0 <= |J(x)| <= inf", answer.stdout)
        with open("kink.json") as file:
            got = json.load(file)
        self.assertEqual((got["decided"], got["lower"], got["upper"], got["upper_hex"]),
                         (False, 0.0, None, "inf"))

    def test_bounds_enclose(self):
        sampled = networks.largest_norms()
        answer = self.bound("net.npz")
        self.assertGreaterEqual(answer["upper"], sampled * (1 - 1e-12))
        self.assertLessEqual(answer["lower"], answer["upper"])
        self.assertGreater(answer["lower"], 0)
        x = np.array(answer["witness"]["x"])
        norm = np.abs(networks.jacobian(x)).sum(axis=1).max()
        self.assertGreaterEqual(norm, answer["lower"] * (1 - 1e-12))

    def test_regions(self):
        whole = self.bound("net.npz")
        self.assertEqual(whole["region"], {"kind": "everywhere", "n": 2})
        box = self.bound("net.npz", "--box", "point.npy", "0.25", "--clip", "-0.5,inf")
        self.assertEqual(box["region"]["kind"], "box")
        np.testing.assert_allclose(box["region"]["lo"], [0.05, -0.5], rtol=1e-12)
        np.testing.assert_allclose(box["region"]["hi"], [0.55, -0.45], rtol=1e-12)
        file = self.bound("net.npz", "--box-file", "lo.npy", "1.5", "--clip=-1.5,1")
        self.assertEqual((file["region"]["lo"], file["region"]["hi"]), ([-1.0, -1.5], [1.0, 1.0]))
        ball = self.bound("net.npz", "--ball", "labelled.csv", "0.5", "--row", "1", "--scale", "2")
        self.assertEqual(ball["region"], {"kind": "ball", "n": 2, "centre": [-2.0, 4.0],
                                          "radius": 0.5})
        vnn = self.bound("net.npz", "--vnnlib", "box.vnnlib")
        self.assertEqual((vnn["region"]["lo"], vnn["region"]["hi"]), ([-1.0, -0.5], [1.0, 0.5]))
        self.assertEqual(ball["given"]["ball"], ["labelled.csv", "0.5"])
        for answer in box, file, ball, vnn:
            self.assertLessEqual(answer["lower"], answer["upper"])
            self.assertLessEqual(answer["lower"], whole["upper"])

    def test_selection(self):
        self.assertEqual(self.bound("net.npz")["output"], {"kind": "all"})
        self.assertEqual(self.bound("one.npz")["output"], {"kind": "row", "i": 0})
        self.assertEqual(self.bound("one.npz", "--all")["output"], {"kind": "row", "i": 0})
        self.assertEqual(self.bound("net.npz", "--output", "1")["output"], {"kind": "row", "i": 1})
        self.assertEqual(self.bound("net.npz", "--margin", "1,0")["output"],
                         {"kind": "margin", "i": 1, "j": 0})

    def test_norms(self):
        self.assertEqual([self.bound("net.npz")[k] for k in ("norm_in", "norm_out")],
                         ["inf", "inf"])
        got = self.bound("net.npz", "--norm", "2")
        self.assertEqual([got[k] for k in ("norm_in", "norm_out")], ["2", "2"])
        got = self.bound("net.npz", "--norm=1", "--out-norm", "inf")
        self.assertEqual([got[k] for k in ("norm_in", "norm_out")], ["1", "inf"])

    def test_same_seed_same_bits(self):
        a, b = (self.bound("wide.npz", "--seed", "7", "--output", "0") for _ in range(2))
        self.assertEqual((a["lower_hex"], a["upper_hex"], a["witness"]),
                         (b["lower_hex"], b["upper_hex"], b["witness"]))


class Reports(Base):
    def check_bound(self, answer, key):
        """The three forms of a bound agree and enclose."""
        hexadecimal = answer[key + "_hex"]
        if hexadecimal == "inf":
            self.assertIsNone(answer[key])
            self.assertEqual(answer[key + "_decimal"], "inf")
            return
        value = float.fromhex(hexadecimal)
        self.assertEqual(answer[key], value)
        text, exact = Decimal(answer[key + "_decimal"]), Decimal(value)
        lower = key == "lower" or (key == "value" and answer["side"] == "lower")
        self.assertTrue(text <= exact if lower else text >= exact)

    def test_json_is_complete(self):
        text = self.good("bound", "wide.npz", "--norm", "2", "--output", "3", "--box", "0", "1",
                         *SMALL, "--json", "out.json", "--witness", "x.npy", "--seed", "11",
                         "--method", "product,lbs")
        with open("out.json") as file:
            answer = json.load(file)
        keys = {"document", "document_version", "program", "network", "quantity", "norm_in",
                "norm_out", "output", "given", "region", "method", "seed", "settings", "lower", "lower_hex",
                "lower_decimal", "upper", "upper_hex", "upper_decimal", "lower_method",
                "upper_method", "certified", "certified_hex", "certified_decimal", "evidence", "gap", "neurons", "stable_active",
                "stable_inactive", "steps", "history", "unfinished", "witness", "stop", "seconds"}
        self.assertEqual(set(answer), keys)
        self.assertEqual((answer["document"], answer["document_version"]), ("lipcert bound", 1))
        self.assertEqual((answer["method"], answer["seed"], answer["settings"]["seed"]),
                         ("product,lbs", 11, 11))
        self.assertEqual(answer["settings"]["samples"], 20)
        self.assertEqual((answer["neurons"], answer["stop"], answer["evidence"]),
                         (120, "finished", "proved"))
        self.assertEqual({step["method"] for step in answer["steps"]}, {"product", "lbs"})
        self.assertEqual((answer["lower_method"], answer["upper_method"]), ("lbs", "product"))
        self.check_bound(answer, "lower")
        self.check_bound(answer, "upper")
        for step in answer["steps"]:
            self.check_bound(step, "value")
        self.assertEqual(len(answer["witness"]["x"]), 20)
        np.testing.assert_array_equal(np.load("x.npy"), answer["witness"]["x"])
        self.assertAlmostEqual(answer["gap"], 1 - answer["lower"] / answer["upper"], 12)
        # the same numbers in the text, rounded outwards
        low, high = re.search(r"^(\S+) <= L <= (\S+)$", text, re.M).groups()
        self.assertLessEqual(Decimal(low), Decimal(answer["lower"]))
        self.assertGreaterEqual(Decimal(high), Decimal(answer["upper"]))
        self.assertLess(abs(float(low) / answer["lower"] - 1), 1e-8)
        self.assertLess(abs(float(high) / answer["upper"] - 1), 1e-8)
        for word in (answer["network"]["sha256"][:16], "wide.npz", "number 3 of 0..4", "input 2",
                     "box 0 +- 1", "seed 11", "proved by lbs", "proved by product"):
            self.assertIn(word, text)

    def test_nothing_proved(self):
        got = self.bound("net.npz", "--method", "lbs")
        self.assertEqual((got["upper"], got["upper_hex"], got["upper_method"], got["gap"]),
                         (None, "inf", None, None))
        text = self.good("bound", "net.npz", "--method", "lbs", *SMALL)
        self.assertRegex(text, r"(?m)<= L <= inf$")
        self.assertIn("no bound was proved", text)
        answer = run("bound", "net.npz", "--method", "product", "--witness", "none.npy", "--json",
                     "n.json")
        self.assertEqual(answer.returncode, 5)
        self.assertRegex(answer.stderr, r"\Alipcert: option --witness: [^\n]+\n\Z")
        self.assertRegex(answer.stdout, r"(?m)^0 <= L <= ")
        self.assertIn("no witness", answer.stdout)
        self.assertFalse(os.path.exists("none.npy"))
        with open("n.json") as file:
            got = json.load(file)
        self.assertEqual((got["witness"], got["lower"], got["lower_method"]), (None, 0.0, None))

    def test_witness_confirms(self):
        got = json.loads(self.good("bound", "wide.npz", "--output", "1", *SMALL, "--witness",
                                   "w.npy",
                                   "--json", "-"))
        again = json.loads(self.good("gradient", "wide.npz", "--output", "1", "--input", "w.npy",
                                     "--json", "-"))
        self.assertTrue(again["decided"])
        self.assertGreaterEqual(again["upper"], got["lower"])

    def test_quiet(self):
        text = self.good("bound", "net.npz", "--quiet", *SMALL)
        self.assertRegex(text, r"\A\S+ <= L <= \S+\n\Z")
        text = self.good("gradient", "net.npz", "--input", "point.npy", "--quiet")
        self.assertRegex(text, r"\A\S+ <= \|J\(x\)\| <= \S+\n\Z")

    def test_names_that_are_not_utf8(self):
        name = os.fsdecode(b"b\xe4d.npz")
        os.link("net.npz", name)
        answer = subprocess.run([PROGRAM, "info", os.fsencode(name), "--json", "-"], timeout=LIMIT,
                                stdout=subprocess.PIPE)
        os.unlink(name)
        self.assertEqual(answer.returncode, 0)
        self.assertEqual(json.loads(answer.stdout.decode())["network"]["path"], "b\ufffdd.npz")

    def test_json_to_pipe_and_link(self):
        self.good("info", "net.npz", "--json", "/dev/stdout")
        with open("target", "w") as file:
            file.write("old")
        os.symlink("target", "link")
        self.good("info", "net.npz", "--json", "link")
        self.assertTrue(os.path.islink("link"))
        with open("target") as file:
            self.assertEqual(json.load(file)["document"], "lipcert info")
        self.assertEqual([n for n in os.listdir(".") if ".tmp" in n], [])

    def test_dangling_links_stay(self):
        """A link to a file that does not exist yet: the file is made, the link stays."""
        os.mkdir("elsewhere")
        for name, arguments in (("json", ["info", "net.npz", "--json"]),
                                ("npy", ["bound", "net.npz", *SMALL, "--witness"]),
                                ("lip", ["convert", "net.npz"])):
            os.symlink(f"elsewhere/second.{name}", f"first.{name}")
            os.symlink(f"made.{name}", f"elsewhere/second.{name}")
            self.good(*arguments, f"first.{name}")
            for link in f"first.{name}", f"elsewhere/second.{name}":
                self.assertTrue(os.path.islink(link), link)
            self.assertTrue(os.path.isfile(f"elsewhere/made.{name}"), name)
        self.assertEqual(np.load("first.npy").shape, (2,))
        self.assertEqual(len(os.listdir("elsewhere")), 6)  # and no temporary file
        os.symlink("no/such/folder/out", "lost")
        self.assertEqual(run("bound", "net.npz", "--json", "lost", *LONG).returncode, 4)

    def test_names_with_control_characters(self):
        """They reach neither the report nor the messages, so a name cannot forge a line."""
        name = "a\x1b[2J\n0 <= L <= 0\u009b1m\u00e4.npz"
        shown = "a?[2J?0 <= L <= 0??1m\u00e4.npz"  # one '?' for each byte
        box, point = "box\r\x7f.vnnlib", "point\x07.npy"
        for source, copy in ("net.npz", name), ("box.vnnlib", box), ("point.npy", point):
            os.link(source, copy)
            self.addCleanup(os.unlink, copy)
        for arguments in (["info", name], ["bound", name, *SMALL, "--vnnlib", box],
                          ["bound", name, *SMALL, "--box", point, "1"],
                          ["bound", name, *SMALL, "--ball", point, "1"],
                          ["bound", name, *SMALL, "--box-file", point, point],
                          ["gradient", name, "--input", point]):
            text = self.good(*arguments)
            self.assertNotRegex(text, "[\x00-\x09\x0b-\x1f\x7f-\x9f]", arguments)
            self.assertRegex(text, rf"(?m)^network +{re.escape(shown)}( |$)")
            self.assertNotRegex(text, r"(?m)^0 <= L <= 0")
        answer = run("bound", name, "--box", "absent" + point, "1")
        self.assertRegex(answer.stderr, r"\Alipcert: absentpoint\?\.npy: [^\n]+\n\Z")

    def test_example_networks(self):
        for name in "digits.onnx", "controller.onnx":
            path = os.path.join(ROOT or "", "examples", name)
            if not ROOT or not os.path.exists(path):
                self.skipTest(f"{name} is not there")
            got = self.bound(path, "--box", "0.5", "0.1")
            self.assertLessEqual(got["lower"], got["upper"])
            self.assertEqual(got["network"]["format"], "onnx")


class Stopping(Base):
    @staticmethod
    def handles(pid, number):
        """True once the process has installed a handler for the signal."""
        with open(f"/proc/{pid}/status") as file:
            caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", file.read(), re.M)
        return bool(caught and int(caught.group(1), 16) >> (number - 1) & 1)

    @staticmethod
    def read(terminal):
        """What comes next from a terminal; b"" at its end."""
        if not select.select([terminal], [], [], LIMIT)[0]:
            raise TimeoutError("nothing more comes from the program")
        try:
            return os.read(terminal, 4096)
        except OSError:
            return b""

    def bounded(self, terminal):
        """Read a terminal until its progress line shows a bound on either side."""
        seen = b""
        while True:
            shown = re.findall(rb"(\S+) <= L <= (\S+)(?:  gap \S+ %)?\r", seen)
            if any(0 < float(low) and float(high) < np.inf for low, high in shown):
                return
            part = self.read(terminal)
            self.assertTrue(part, f"the run was meant to be long: {seen[-300:]}")
            seen += part

    def interrupted(self, number, code):
        master, slave = pty.openpty()
        process = subprocess.Popen([PROGRAM, "bound", "wide.npz", *LONG, "--json", "stopped.json"],
                                   stdout=subprocess.PIPE, stderr=slave, text=True)
        os.close(slave)
        self.addCleanup(os.close, master)
        self.addCleanup(process.kill)
        self.bounded(master)
        self.assertTrue(self.handles(process.pid, number))
        process.send_signal(number)
        rest = b""
        while part := self.read(master):
            rest += part
        out, _ = process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, code)
        self.assertTrue(rest.endswith(b"\r\x1b[K"), rest[-60:])
        self.assertNotIn(b"\n", rest)  # a progress line, and no message
        low, high = re.search(r"^(\S+) <= L <= (\S+)$", out, re.M).groups()
        self.assertTrue(0 < float(low) <= float(high) < np.inf)
        self.assertIn("interrupted", out)
        with open("stopped.json") as file:
            got = json.load(file)
        self.assertEqual(got["stop"], "interrupted")
        self.assertIn("interrupted", [left["reason"] for left in got["unfinished"]])
        self.assertIn(False, [step["complete"] for step in got["steps"]])

    def test_interrupt(self):
        self.interrupted(signal.SIGINT, 130)

    def test_terminate(self):
        self.interrupted(signal.SIGTERM, 143)

    def test_lasserre_on_a_flat_region(self):
        """A neuron that is 0 at the only point of the box has a factor without terms."""
        with open("cancel.net", "w", encoding="ascii") as file:
            file.write("lipcert-network 1\ninput 2\nlayers 2\nlayer 1 1 relu 1\nbias 0x0p+0\n"
                       "term 0 dense 1 2\n0x1p+0 -0x1p+0\nlayer 2 1 linear 1\nbias 0x0p+0\n"
                       "term 1 dense 1 1\n0x1p+0\nend\n")
        for region in (["--box", "1", "0"], ["--ball", "1", "0"]):
            text = self.good("bound", "cancel.net", *region, "--method", "lasserre")
            self.assertRegex(text, r"(?m)^0 <= L <= 2\.0\d*$")

    def test_time_limit(self):
        start = time.monotonic()
        text = self.good("bound", "wide.npz", *LONG[:2], "--time", "0.5", "--method", "product,lbs")
        self.assertLess(time.monotonic() - start, 20)
        self.assertIn("out of time", text)
        self.assertRegex(text, r"(?m)^next      with more time: lbs \(stopped by the time limit\)$")
        self.assertRegex(text, r"(?m)^\S+ <= L <= \S+$")

    def test_unfinished(self):
        """What auto left stands in the report and the document alike; nothing when the bounds have met."""
        text = self.good("bound", "wide.npz", "--time", "0", "--json", "left.json")
        with open("left.json") as file:
            got = json.load(file)
        left = {entry["method"]: entry["reason"] for entry in got["unfinished"]}
        self.assertEqual(len(left), len(got["unfinished"]))
        self.assertTrue({"interval", "lbs", "search"} <= set(left), left)
        self.assertTrue({"exact", "tight"} & set(left), left)
        said = re.search(r"^next      with more time: (.*)$", text, re.M).group(1)
        self.assertEqual(said, ", ".join(f"{name} ({reason})" for name, reason in left.items()))
        text = self.good("bound", "net.npz", "--output", "0", "--box", "0", "0.01", "--json", "met.json")
        with open("met.json") as file:
            got = json.load(file)
        self.assertLess(got["gap"], 1e-5)
        self.assertEqual(got["unfinished"], [])
        self.assertNotIn("with more time", text)

    def test_time_zero(self):
        text = self.good("bound", "net.npz", "--time", "0")
        self.assertIn("out of time", text)
        self.assertRegex(text, r"(?m)^\S+ <= L <= \S+$")

    def test_progress_at_a_terminal(self):
        for quiet in [], ["--quiet"]:
            master, slave = pty.openpty()
            process = subprocess.Popen([PROGRAM, "bound", "wide.npz", *LONG[:2], "--time", "1",
                                        "--method", "product,lbs", *quiet],
                                       stdout=subprocess.DEVNULL, stderr=slave)
            os.close(slave)
            seen = b""
            while part := self.read(master):
                seen += part
            os.close(master)
            self.assertEqual(process.wait(timeout=LIMIT), 0)
            self.assertEqual(b"<= L <=" in seen, not quiet)
            shown = re.findall(rb"([0-9.]+) s  lbs  (\S+) <= L <= (\S+)  gap (\S+) %", seen)
            self.assertEqual(bool(shown), not quiet)
            for _, low, high, gap in shown:
                self.assertLess(abs(1 - float(low) / float(high) - float(gap) / 100), 1e-3)
            if not quiet:
                self.assertTrue(seen.endswith(b"\r\x1b[K"), seen[-60:])


class Help(Base):
    COMMANDS = ["bound", "decide", "check", "gradient", "radius", "monotone", "sweep", "plot", "report", "eval", "info", "convert", "export", "methods", "version",
                "help"]

    def options(self, command):
        return re.findall(r"^  --([a-z-]+)", self.good(command, "--help"), re.M)

    def test_help(self):
        overview = self.good("help")
        self.assertEqual(overview, self.good("--help"))
        self.assertEqual(re.findall(r"^  ([a-z]+) ", overview, re.M)[:len(self.COMMANDS)],
                         self.COMMANDS)
        for command in self.COMMANDS:
            text = self.good(command, "--help")
            self.assertEqual(text, self.good(command, "-h"))
            self.assertEqual(text, self.good("help", command))
            self.assertTrue(text.startswith(f"usage: lipcert {command}"))
            self.assertIn("help", self.options(command))
        wanted = {"norm", "out-norm", "output", "margin", "all", "all-margins", "global", "box", "box-file",
                  "ball",
                  "vnnlib", "clip", "row", "scale", "method", "json", "witness", "nnet-normalise",
                  "quiet", "time", "seed", "samples"}
        self.assertLessEqual(wanted, set(self.options("bound")))
        self.assertIn("settings", self.good("help", "settings"))
        self.assertIn("130", self.good("help", "exit"))

    def test_every_option_parses(self):
        """What the help names is known: an option lacks its values, but is not unknown."""
        for command in self.COMMANDS:
            for option in self.options(command):
                answer = run(command, "net.npz", "--" + option)
                self.assertNotIn("unknown option", answer.stderr)

    def test_version(self):
        self.assertRegex(self.good("version"), r"\Alipcert \d+\.\d+\.\d+\n(\S+ .*\n)+\Z")
        self.assertEqual(self.good("version"), self.good("--version"))

    def test_methods(self):
        text = self.good("methods")
        for name in "product", "lbs":
            self.assertRegex(text, rf"(?m)^{name}\s+(lower|upper|both)\s")

    def test_documents(self):
        if not ROOT:
            self.skipTest("no source tree given")
        with open(os.path.join(ROOT, "docs", "settings.md")) as file:
            self.assertEqual(file.read(), self.good("help", "--markdown-settings"))
        with open(os.path.join(ROOT, "docs", "cli.md")) as file:
            manual = file.read()
        with open(os.path.join(ROOT, "docs", "man", "lipcert.1")) as file:
            page = file.read().replace("\\-", "-")
        for command in self.COMMANDS:
            for option in self.options(command):
                self.assertIn(f"--{option}", manual, "docs/cli.md")
                self.assertIn(f"--{option}", page, "lipcert.1")
        exits = re.findall(r"^  (\d+) ", self.good("help", "exit"), re.M)
        self.assertEqual(len(exits), 10)
        for code in exits:
            self.assertRegex(manual, rf"(?m)^\| {code} \|")
            self.assertRegex(page, rf"(?m)^\.B {code}$")

    def test_json_keys_are_documented(self):
        if not ROOT:
            self.skipTest("no source tree given")
        with open(os.path.join(ROOT, "docs", "cli.md")) as file:
            manual = file.read()

        def names(value):
            if isinstance(value, dict):
                for key, inner in value.items():
                    if key not in ("build", "given", "settings"):
                        yield from names(inner)
                    yield key
            elif isinstance(value, list):
                for inner in value[:2]:
                    yield from names(inner)

        documents = [self.bound("net.npz", "--box", "0", "1"),
                     self.bound("net.npz", "--ball", "0", "1"),
                     self.bound("net.npz", "--all-margins"),
                     json.loads(self.good("decide", "net.npz", "--at-most", "99", "--json", "-")),
                     json.loads(self.good("info", "net.npz", "--json", "-")),
                     json.loads(self.good("gradient", "net.npz", "--input", "1", "--json", "-")),
                     json.loads(self.good("radius", "net.npz", "--input", "1", "--json", "-")),
                     json.loads(self.good("monotone", "net.npz", "--output", "0", "--box", "0", "9", "--json", "-"))]
        for document in documents:
            for name in names(document):
                self.assertIn(f"`{name}`", manual)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: test_cli.py PROGRAM [ROOT]")
    PROGRAM = os.path.abspath(sys.argv[1])
    if len(sys.argv) > 2:
        ROOT = os.path.abspath(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
