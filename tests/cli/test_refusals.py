#!/usr/bin/env python3
"""Every way to be wrong gives its exit code, one sentence on stderr, an empty stdout and no file:
test_refusals.py PROGRAM."""
import os
import subprocess
import unittest

from frame import Base, LIMIT, LONG, PROGRAM, SMALL, main, run


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


if __name__ == "__main__":
    main()
