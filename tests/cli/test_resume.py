#!/usr/bin/env python3
"""Checkpoints of branch and bound from the outside: usage: test_resume.py PROGRAM LIPCHECK.

What is checked: a checkpoint is a certificate that lipcheck verifies; resuming keeps its bounds bit by bit and
ends with the value of a run without a break, for every kind of region and norm, also after kill -9; nothing in a
checkpoint is trusted; what is malformed, or about another question, gives one sentence with the line."""
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np

import networks

PROGRAM = LIPCHECK = None
LIMIT = 120
GAP = 1e-6


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=LIMIT)


def random_net(name, sizes, seed):
    rng = np.random.default_rng(seed)
    networks.save_npz(name + ".npz", [rng.normal(size=(b, a)) / np.sqrt(a) for a, b in zip(sizes, sizes[1:])],
                      [rng.normal(size=b) for b in sizes[1:]])
    run("convert", name + ".npz", name + ".lip")


# Network, question.  The nets of 2 and 3 inputs have more undecided neurons than branch and bound splits at once in a
# box: it cuts the box.
QUESTIONS = [
    ("deep", ["--norm", "2"]),
    ("deep", ["--norm", "inf", "--box", "0", "0.7"]),
    ("deep", ["--norm", "2", "--ball", "0.2", "0.6"]),
    ("deep", ["--norm", "1", "--out-norm", "inf", "--box", "0", "0.5"]),
    ("deep", ["--norm", "inf", "--out-norm", "1"]),
    ("deep", ["--norm", "2", "--out-norm", "2", "--box", "0", "0.6"]),
    ("deep", ["--norm", "2", "--margin", "2,0"]),
    ("wide", ["--norm", "inf", "--box", "0", "1", "--output", "1"]),
    ("wide", ["--norm", "1", "--out-norm", "1", "--box", "0", "1"]),
    ("wide", ["--norm", "2", "--box", "0", "1"]),
    ("flat", ["--norm", "2", "--out-norm", "1"]),
    ("flat", ["--norm", "inf", "--box", "0", "1", "--linear-bounds", "0"]),
]


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = os.getcwd()
        cls.folder = tempfile.TemporaryDirectory()
        os.chdir(cls.folder.name)
        random_net("deep", [4, 10, 10, 3], 1)
        random_net("wide", [2, 22, 14, 2], 2)
        random_net("flat", [5, 14, 3], 3)
        random_net("long", [6, 20, 20, 1], 1)

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.home)
        cls.folder.cleanup()

    def tearDown(self):
        for name in glob.glob("*.cert*") + glob.glob("*.json"):
            os.unlink(name)

    def exact(self, net, question, *more, code=0):
        answer = run("bound", net + ".npz", *question, "--method", "exact", "--time", LIMIT, "--json", "-", *more)
        self.assertEqual(answer.returncode, code, answer.stderr)
        self.assertEqual(answer.stderr, "")
        return json.loads(answer.stdout)

    def verify(self, net, path):
        """The bounds that lipcheck finds in a certificate."""
        answer = subprocess.run([LIPCHECK, net + ".lip", path], stdout=subprocess.PIPE, text=True, timeout=LIMIT)
        self.assertEqual(answer.returncode, 0, answer.stdout)
        found = dict(line.split() for line in answer.stdout.splitlines() if line[0] in "ul")
        return float(found["lower"]), float(found["upper"])

    def agree(self, answer, full):
        """Two runs to the gap have the same value to the gap."""
        self.assertLessEqual(answer["upper"], answer["lower"] * (1 + GAP))
        self.assertLessEqual(full["lower"], answer["upper"])
        self.assertLessEqual(answer["lower"], full["upper"])


def nodes(answer):
    return int(re.match(r"\d+", answer["steps"][-1]["note"])[0])


class Kept(Base):
    def test_every_question(self):
        unfinished = 0
        for net, question in QUESTIONS:
            with self.subTest(net=net, question=question):
                full = self.exact(net, question)
                coarse = self.exact(net, question, "--gap", "0.15", "--checkpoint", "a.cert")
                lower, upper = self.verify(net, "a.cert")
                self.assertGreaterEqual(lower, coarse["lower"] * (1 - 1e-11))
                self.assertLessEqual(upper, coarse["upper"] * (1 + 1e-11))
                unfinished += coarse["upper"] > coarse["lower"] * (1 + GAP)
                # nothing left to do: the bounds are the same doubles, the file the same bytes
                again = self.exact(net, question, "--gap", "0.15", "--resume", "a.cert", "--checkpoint", "b.cert")
                self.assertEqual((again["lower_hex"], again["upper_hex"]), (coarse["lower_hex"], coarse["upper_hex"]))
                self.assertEqual(nodes(again), 0)
                with open("a.cert", "rb") as a, open("b.cert", "rb") as b:
                    self.assertEqual(a.read(), b.read())
                # and then to the end, over the checkpoint itself
                fine = self.exact(net, question, "--resume", "a.cert", "--checkpoint", "a.cert",
                                  "--certificate", "c.cert")
                self.agree(fine, full)
                self.verify(net, "a.cert")
                self.verify(net, "c.cert")
        self.assertGreaterEqual(unfinished, 8)  # or this test tests nothing

    def test_certificate_is_a_checkpoint(self):
        coarse = self.exact("deep", ["--norm", "2"], "--gap", "0.15", "--certificate", "a.cert")
        again = self.exact("deep", ["--norm", "2"], "--gap", "0.15", "--resume", "a.cert")
        self.assertEqual(again["upper_hex"], coarse["upper_hex"])

    def test_threads(self):
        full = self.exact("deep", ["--norm", "2"])
        self.exact("deep", ["--norm", "2"], "--threads", "3", "--gap", "0.1", "--checkpoint", "a.cert",
                   "--checkpoint-every", "0.001")
        self.verify("deep", "a.cert")
        fine = self.exact("deep", ["--norm", "2"], "--threads", "3", "--resume", "a.cert", "--checkpoint", "a.cert",
                          "--checkpoint-every", "0.001")
        self.agree(fine, full)
        self.verify("deep", "a.cert")


class Broken(Base):
    """Runs that end before they are done."""

    def start(self, *more):
        return subprocess.Popen([PROGRAM, "bound", "long.npz", "--norm", "2", "--method", "exact", "--time", str(LIMIT),
                                 "--checkpoint", "a.cert", *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)

    def wait_for_checkpoint(self, process):
        end = time.monotonic() + LIMIT
        while not os.path.exists("a.cert"):
            self.assertIsNone(process.poll(), "the run ended before its first checkpoint")
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def test_kill(self):
        process = self.start("--checkpoint-every", "0.3")
        self.wait_for_checkpoint(process)
        process.kill()
        process.communicate()
        self.assertEqual(process.returncode, -signal.SIGKILL)
        lower, upper = self.verify("long", "a.cert")
        self.assertGreater(upper, lower * (1 + 10 * GAP))  # it was not done
        kept = self.exact("long", ["--norm", "2"], "--gap", "1", "--resume", "a.cert")
        with open("a.cert", encoding="ascii") as file:
            claims = dict(re.findall(r"^(upper|lower) (\S+)$", file.read(), re.M))
        self.assertEqual(float.fromhex(claims["upper"]), float.fromhex(kept["upper_hex"]))
        self.assertGreaterEqual(float.fromhex(kept["lower_hex"]), float.fromhex(claims["lower"]))
        full = self.exact("long", ["--norm", "2"])
        self.agree(self.exact("long", ["--norm", "2"], "--resume", "a.cert", "--checkpoint", "a.cert"), full)
        self.verify("long", "a.cert")

    def test_interrupt(self):
        process = self.start("--checkpoint-every", "0.2")
        self.wait_for_checkpoint(process)
        os.unlink("a.cert")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT)
        self.assertEqual((process.returncode, err), (130, ""))
        found = re.search(r"(\S+) <= L <= (\S+)$", out.strip())
        lower, upper = self.verify("long", "a.cert")
        self.assertLessEqual(upper, float(found[2]) * (1 + 1e-9))
        self.assertGreaterEqual(lower, float(found[1]) * (1 - 1e-9))

    def test_no_time_to_resume(self):
        """A checkpoint that cannot be read again in time is not replaced by what is known without it."""
        self.exact("deep", ["--norm", "2"], "--gap", "0.05", "--checkpoint", "a.cert")
        with open("a.cert", "rb") as file:
            before = file.read()
        answer = run("bound", "deep.npz", "--norm", "2", "--method", "exact", "--time", "0", "--resume", "a.cert",
                     "--checkpoint", "a.cert")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        with open("a.cert", "rb") as file:
            self.assertEqual(file.read(), before)

    def test_cannot_write(self):
        """The result is not lost, and the exit code says that the checkpoint is."""
        for name in ["/dev/full"]:
            answer = run("bound", "deep.npz", "--norm", "2", "--method", "exact", "--checkpoint", name)
            self.assertEqual(answer.returncode, 4)
            self.assertRegex(answer.stderr, r"\Alipcert: /dev/full: cannot write the checkpoint: [^\n]+\n\Z")
            self.assertRegex(answer.stdout, r"<= L <=")


class Distrust(Base):
    """A checkpoint that lies gives no wrong result."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cases = []
        for net, question in (QUESTIONS[0], QUESTIONS[1], QUESTIONS[7], QUESTIONS[10]):
            name = f"case{len(cls.cases)}.txt"
            answer = run("bound", net + ".npz", *question, "--method", "exact", "--gap", "0.1", "--checkpoint", name,
                         "--time", LIMIT)
            assert answer.returncode == 0, answer.stderr
            full = run("bound", net + ".npz", *question, "--method", "exact", "--json", "-", "--time", LIMIT)
            with open(name, encoding="ascii") as file:
                cls.cases.append((net, question, file.read(), json.loads(full.stdout)))

    def check(self, change):
        """Resume every case with changed text; at least one must differ."""
        changed = 0
        for net, question, text, full in self.cases:
            other = change(text)
            changed += other != text
            with open("a.cert", "w", encoding="ascii") as file:
                file.write(other)
            with self.subTest(question=question):
                self.agree(self.exact(net, question, "--resume", "a.cert", "--certificate", "b.cert"), full)
                self.verify(net, "b.cert")
        self.assertGreater(changed, 0)

    def test_small_multipliers(self):
        self.check(lambda text: re.sub(r"^(one|input|dual) .*$", lambda m: re.sub(
            r"(0x1[^ ]*p)([+-]\d+)", lambda n: f"{n[1]}{int(n[2]) - 3:+d}", m[0]), text, flags=re.M))

    def test_zero_multipliers(self):
        self.check(lambda text: re.sub(r"^(one|input|dual|tangent) .*$", lambda m: re.sub(r"-?0x1\S*", "0x0p+0", m[0]),
                                       text, flags=re.M))

    def test_all_empty(self):
        leaf = r"^sdp\n((?:roles|one|input|dual|tangent) .*\n)+"
        self.check(lambda text: re.sub(leaf, "empty\n", text, flags=re.M))

    def test_all_interval(self):
        leaf = r"^sdp\n((?:roles|one|input|dual|tangent) .*\n)+"
        self.check(lambda text: re.sub(leaf, "interval\n", text, flags=re.M))

    def test_wrong_farkas(self):
        """Leaves that are empty because of other neurons than the ones listed, or not at all."""
        def shift(text):
            text = re.sub(r"^empty span (\d+) (one|none) (\d+) .*$", r"empty span \1 \2 1 0", text, flags=re.M)
            text = re.sub(r"^empty sum (\d+) .*$", "empty sum 1 0 0x1p+0", text, flags=re.M)
            return re.sub(r"^interval$", "empty", text, flags=re.M)
        self.check(shift)

    def test_all_roles(self):
        """Phases that nobody proved."""
        self.check(lambda text: re.sub(r"^tangent .*\n", "", re.sub(
            r"^(roles \d+) (\S+)$", lambda m: f"{m[1]} {m[2].replace('v', 'i')}", text, flags=re.M), flags=re.M))

    def test_claims_and_witness(self):
        """What is claimed has no effect, nor a witness outside the region or on no cell."""
        self.check(lambda text: re.sub(r"^upper .*$", "upper 0x1p-20", text, flags=re.M))
        self.check(lambda text: re.sub(r"^lower .*$", "lower 0x1p+20", text, flags=re.M))
        self.check(lambda text: re.sub(r"^point .*$", lambda m: re.sub(r"p[+-]\d+", "p+9", m[0]), text, flags=re.M))
        self.check(lambda text: re.sub(r"^point .*$", lambda m: re.sub(r"-?0x1\S*", "0x0p+0", m[0]), text, flags=re.M))

    def test_foreign_lines(self):
        """Lines of other relaxations are skipped."""
        self.check(lambda text: re.sub(r"^(input .*)$", r"\1\npoint 0x1p+0\nstate 1 0x1p+0", text, flags=re.M))


class Refused(Base):
    def refuse(self, text, place, *fragments, question=("--norm", "2"), net="deep"):
        with open("a.cert", "w", encoding="latin-1") as file:
            file.write(text)
        answer = run("bound", net + ".npz", *question, "--method", "exact", "--resume", "a.cert", "--checkpoint",
                     "b.cert")
        self.assertEqual((answer.returncode, answer.stdout), (2, ""), answer.stderr)
        self.assertRegex(answer.stderr, r"\Alipcert: a\.cert: line \d+: [^\n]+\n\Z")
        if place:
            self.assertIn(f": line {place}: ", answer.stderr)
        for fragment in fragments:
            self.assertIn(fragment, answer.stderr)
        self.assertFalse(os.path.exists("b.cert"))

    def checkpoint(self):
        self.exact("deep", ["--norm", "2"], "--gap", "0.15", "--checkpoint", "a.cert")
        with open("a.cert", encoding="ascii") as file:
            return file.read()

    def test_other_questions(self):
        text = self.checkpoint()
        other = "another question"
        self.refuse(text, 2, other, "network", net="wide")
        self.refuse(text, 4, other, "'norms inf inf'", "'norms 2 2'", question=["--norm", "inf"])
        self.refuse(text, 4, other, "norms 2 1", question=["--norm", "2", "--out-norm", "1"])
        self.refuse(text, 3, other, "region box", question=["--norm", "2", "--box", "0", "1"])
        self.refuse(text, 5, other, "'output row 1'", "'output all'", question=["--norm", "2", "--output", "1"])
        self.exact("deep", ["--norm", "2", "--box", "0", "1"], "--gap", "0.5", "--checkpoint", "a.cert")
        with open("a.cert", encoding="ascii") as file:
            box = file.read()
        self.refuse(box, 4, other, "lo", question=["--norm", "2", "--box-file", "-1", "2"])

    def test_malformed(self):
        text = self.checkpoint()
        lines = text.splitlines()
        first = {word: next(i for i, line in enumerate(lines, 1) if re.match(word + r"( |$)", line))
                 for word in ("statement", "part", "split", "sdp", "roles", "input", "dual", "tangent", "empty span",
                              "witness", "point", "end")}

        def replaced(number, line):
            return "\n".join(lines[:number - 1] + ([line] if line is not None else []) + lines[number:]) + "\n"

        table = [
            (first["statement"], "statement sdp 1", "'statement tree 1'"),
            (first["statement"], "statement tree 2", "'statement tree 1'"),
            (first["part"], "part cube ball", "part ball ball"),
            (first["split"], "split", "'split' and a neuron"),
            (first["split"], "split 20", "'split' and a neuron"),
            (first["split"], "split x", "'split' and a neuron"),
            (first["split"], lines[first["split"] - 1] + " 1", "'split' and a neuron"),
            (first["split"], "cut 0 0x0p+0", "'cut', an input"),
            (first["split"] + 1, lines[first["split"] - 1], "not split above"),
            (first["split"], "branch 3", "a node of the tree"),
            (first["sdp"], "sdp 1", "'sdp'"),
            (first["sdp"], "interval 1", "'interval'"),
            (first["roles"], lines[first["roles"] - 1][:-1], "a letter for each neuron"),
            (first["roles"], lines[first["roles"] - 1][:-1] + "x", "roles a, i, v, s, b"),
            (first["input"], "input", "'input' and a number"),
            (first["input"], "input 1.5", "'input' and a number"),
            (first["input"], "input nan", "'input' and a number"),
            (first["input"], "input 0x1p+0 0x1p+0", "'input' and a number"),
            (first["dual"], "dual 0x1p+5000", "'dual' and a number"),
            (first["tangent"], lines[first["tangent"] - 1] + " 0x1p+0", "role v or b"),
            (first["tangent"], "tangent 1", "role v or b"),
            (first["tangent"], "tangent 7 0x1p+0", "role v or b"),
            (first["empty span"], "empty span 0 one 1 99", "ascending order"),
            (first["empty span"], "empty span 0 one 2 3 3", "ascending order"),
            (first["empty span"], "empty spam", "ascending order"),
            (first["point"], "point 0x1p+0", "'point' and a number"),
            (first["point"] + 1, "nothing", "'direction'"),
            (first["end"], "ende", "'end'"),
            (first["end"], "end\nend", "the end of the file"),
        ]
        for number, line, fragment in table:
            with self.subTest(line=line):
                self.refuse(replaced(number, line), None, fragment)
        self.refuse("", 1, "the end of the file")
        self.refuse("rubbish\n", 1, "lipcert-certificate 1")
        for cut in range(1, 40):  # cut off anywhere, also within a line
            with self.subTest(cut=cut):
                self.refuse(text[:len(text) * cut // 40], None)
        self.refuse(text[:-1 - len("end\n")], None)

    def test_no_file(self):
        for name in "absent.cert", ".":
            answer = run("bound", "deep.npz", "--method", "exact", "--resume", name)
            self.assertEqual((answer.returncode, answer.stdout), (2, ""))
            self.assertRegex(answer.stderr, r"\Alipcert: " + re.escape(name) + r": [^\n]+\n\Z")

    def test_options(self):
        for arguments, fragments in (
                (["--checkpoint", "a.cert"], ["--checkpoint", "--method exact"]),
                (["--resume", "a.cert"], ["--resume", "--method exact"]),
                (["--method", "tangent,exacts", "--resume", "a.cert"], ["exacts"]),
                (["--method", "tangent", "--resume", "a.cert"], ["--resume", "--method exact"]),
                (["--method", "exact", "--checkpoint", "a.cert", "--checkpoint-every", "0"], ["positive"]),
                (["--method", "exact", "--checkpoint", "a.cert", "--checkpoint-every", "x"], ["'x'"]),
                (["--method", "exact", "--resume", "a.cert", "--checkpoint-every", "3"], ["needs --checkpoint"]),
                (["--method", "exact", "--checkpoint", "deep.npz"], ["replace the network"]),
                (["--method", "exact", "--checkpoint", "a.cert", "--certificate", "./a.cert"],
                 ["--checkpoint", "--certificate"]),
                (["--method", "exact", "--checkpoint", "a.cert", "--all-margins"], ["--checkpoint", "--all-margins"])):
            answer = run("bound", "deep.npz", *arguments)
            self.assertEqual((answer.returncode, answer.stdout), (1, ""), arguments)
            self.assertEqual(answer.stderr.count("\n"), 1)
            for fragment in fragments:
                self.assertIn(fragment, answer.stderr)
        answer = run("bound", "deep.npz", "--method", "exact", "--checkpoint", "no/such/a.cert")
        self.assertEqual((answer.returncode, answer.stdout), (4, ""))
        self.assertFalse(os.path.exists("a.cert"))


if __name__ == "__main__":
    PROGRAM, LIPCHECK = map(os.path.abspath, sys.argv[1:3])
    unittest.main(argv=sys.argv[:1])
