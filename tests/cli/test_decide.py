#!/usr/bin/env python3
"""lipcert decide from the outside: usage: test_decide.py PROGRAM LIPCHECK.

What is checked: the answer agrees with the exact constant, found by enumerating activation patterns here; the exit
code, the last line and the JSON say the same; a certificate proves the answer by itself; where nothing can be
proved, nothing is claimed."""
import itertools
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


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=LIMIT)


def one_layer(weights, norm):
    """L on R^n of w'ReLU(W x + b) with n = 2: patterns of W are the signs along directions; with biases on R^n a cell of
    the arrangement of lines has a pattern too.  All cells of the arrangement are met by perturbing its vertices."""
    first, bias, last = weights
    points = []
    for i, j in itertools.combinations(range(len(bias)), 2):
        rows = first[[i, j]]
        if abs(np.linalg.det(rows)) < 1e-12:
            continue
        vertex = np.linalg.solve(rows, -bias[[i, j]])
        for signs in itertools.product((-1, 1), repeat=2):  # the four cells at the vertex
            points.append(vertex + 1e-6 * np.linalg.solve(rows, np.array(signs, dtype=float)))
    best = 0
    for x in points:
        gradient = (last * (first @ x + bias > 0)) @ first
        best = max(best, np.linalg.norm(gradient, {"1": np.inf, "2": 2, "inf": 1}[norm]))
    return best


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = os.getcwd()
        cls.folder = tempfile.TemporaryDirectory()
        os.chdir(cls.folder.name)
        rng = np.random.default_rng(5)
        cls.layers = rng.normal(size=(12, 2)), rng.normal(size=12), rng.normal(size=12)
        networks.save_npz("one.npz", [cls.layers[0], cls.layers[2][None]], [cls.layers[1], np.zeros(1)])
        sizes = [5, 14, 14, 2]
        networks.save_npz("two.npz", [rng.normal(size=(b, a)) / np.sqrt(a) for a, b in zip(sizes, sizes[1:])],
                          [rng.normal(size=b) for b in sizes[1:]])
        sizes = [20, 60, 60, 1]
        networks.save_npz("hard.npz", [rng.normal(size=(b, a)) / np.sqrt(a) for a, b in zip(sizes, sizes[1:])],
                          [rng.normal(size=b) for b in sizes[1:]])
        for net in "one", "two", "hard":
            run("convert", net + ".npz", net + ".lip")

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.home)
        cls.folder.cleanup()

    def decide(self, net, at_most, *more, verify=True):
        """The decision, after exit code, text, JSON and certificate were compared."""
        more = [*more, "--json", "out.json"] + (["--certificate", "out.cert"] if verify else [])
        answer = run("decide", net + ".npz", "--at-most", at_most, "--time", LIMIT, *more)
        self.assertEqual(answer.stderr, "")
        with open("out.json", encoding="utf-8") as file:
            document = json.load(file)
        decision = {0: "at most", 7: "above", 5: None}[answer.returncode]
        self.assertEqual((document["decision"], document["document"]), (decision, "lipcert decide"))
        self.assertEqual(document["at_most"], float(at_most))
        last = answer.stdout.splitlines()[-1]
        if decision == "at most":
            self.assertLessEqual(document["upper"], float(at_most))
            self.assertRegex(last, r"\AL <= " + re.escape(str(at_most)) + r" proved: upper bound \S+\Z")
        elif decision == "above":
            self.assertGreater(document["lower"], float(at_most))
            self.assertRegex(last, r"\AL > " + re.escape(str(at_most)) + r" proved: lower bound \S+, with a witness\Z")
        else:
            self.assertRegex(last, r" undecided: \S+ <= L <= \S+\Z")
        if verify:
            self.verify(net, decision, float(at_most))
        return decision

    def verify(self, net, decision, at_most):
        check = subprocess.run([LIPCHECK, net + ".lip", "out.cert"], stdout=subprocess.PIPE, text=True, timeout=LIMIT)
        self.assertEqual(check.returncode, 0, check.stdout)
        found = {k: float(v) for k, v in (line.split() for line in check.stdout.splitlines() if line[0] in "ul")}
        if decision == "at most":
            self.assertLessEqual(found["upper"], at_most)
        elif decision == "above":
            self.assertGreater(found["lower"], at_most)


class Answers(Base):
    def test_enumerated(self):
        for norm in "1", "2", "inf":
            exact = one_layer(self.layers, norm)
            for factor in (0.3, 0.9, 0.999, 1 - 1e-7, 1 + 1e-7, 1.001, 1.1, 5):
                with self.subTest(norm=norm, factor=factor):
                    decision = self.decide("one", repr(float(exact * factor)), "--norm", norm)
                    self.assertEqual(decision, "above" if factor < 1 else "at most")

    def test_against_bound(self):
        for question in (["--norm", "2"], ["--norm", "inf", "--box", "0", "0.5"], ["--norm", "1", "--out-norm", "2",
                         "--ball", "0", "1"], ["--norm", "2", "--margin", "0,1"]):
            answer = run("bound", "two.npz", *question, "--method", "exact", "--time", LIMIT, "--json", "-")
            lower, upper = (json.loads(answer.stdout)[side] for side in ("lower", "upper"))
            self.assertLessEqual(upper, lower * (1 + 1e-6))
            for methods in ("auto", "product", "exact"):
                with self.subTest(question=question, methods=methods):
                    self.assertEqual(self.decide("two", repr(upper * 1.0001), *question, "--method", methods), "at most")
                    self.assertEqual(self.decide("two", repr(lower * 0.9999), *question, "--method", methods), "above")

    def test_cheap_methods_suffice(self):
        """Far from L nothing expensive is begun."""
        self.assertEqual(self.decide("hard", "1e6", "--norm", "2"), "at most")
        with open("out.json", encoding="utf-8") as file:
            self.assertEqual([step["method"] for step in json.load(file)["steps"]], ["product"])
        self.assertEqual(self.decide("hard", "0.001", "--norm", "2"), "above")
        with open("out.json", encoding="utf-8") as file:
            self.assertNotIn("exact", [step["method"] for step in json.load(file)["steps"]])

    def test_less_work(self):
        """A claim away from L takes fewer nodes than L itself."""
        def nodes(command, *more):
            answer = run(command, "two.npz", "--norm", "2", "--method", "exact", "--time", LIMIT, "--json", "-", *more)
            return int(re.match(r"\d+", json.loads(answer.stdout)["steps"][-1]["note"])[0])
        answer = run("bound", "two.npz", "--norm", "2", "--method", "exact", "--time", LIMIT, "--json", "-")
        exact = json.loads(answer.stdout)["lower"]
        self.assertLess(nodes("decide", "--at-most", repr(exact * 1.05)), nodes("bound"))

    def test_quiet_and_standard_output(self):
        answer = run("decide", "one.npz", "--at-most", "1e3", "--quiet")
        self.assertEqual((answer.returncode, answer.stdout.count("\n")), (0, 1))
        answer = run("decide", "one.npz", "--at-most", "1e3", "--json", "-")
        self.assertEqual(json.loads(answer.stdout)["decision"], "at most")


class Undecided(Base):
    def test_out_of_time(self):
        answer = run("decide", "hard.npz", "--at-most", "3", "--norm", "2", "--time", "0")
        self.assertEqual((answer.returncode, answer.stderr), (5, ""))
        self.assertRegex(answer.stdout, r"L <= 3 undecided: 0 <= L <= \S+\n\Z")
        self.assertIn("out of time", answer.stdout)

    def test_interrupted(self):
        process = subprocess.Popen([PROGRAM, "decide", "hard.npz", "--norm", "2", "--method", "exact", "--at-most",
                                    self.middle(), "--time", "1000", "--checkpoint", "a.cert", "--checkpoint-every",
                                    "0.1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + LIMIT
        while not os.path.exists("a.cert") and time.monotonic() < end and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT)
        self.assertEqual((process.returncode, err), (130, ""))
        self.assertRegex(out, r" undecided: \S+ <= L <= \S+\n\Z")
        check = subprocess.run([LIPCHECK, "hard.lip", "a.cert"], stdout=subprocess.PIPE, text=True, timeout=LIMIT)
        self.assertEqual(check.returncode, 0, check.stdout)

    def middle(self):
        """Between the bounds that are found quickly: above every witness, below the relaxation."""
        answer = run("bound", "hard.npz", "--norm", "2", "--method", "search,tangent", "--json", "-")
        document = json.loads(answer.stdout)
        self.assertLess(document["lower"] * 1.05, document["upper"])
        return repr(document["lower"] * 0.7 + document["upper"] * 0.3)

    def test_resume(self):
        """A checkpoint of `bound` serves `decide`."""
        run("bound", "two.npz", "--norm", "2", "--method", "exact", "--gap", "0.1", "--checkpoint", "b.cert")
        answer = run("bound", "two.npz", "--norm", "2", "--method", "exact", "--time", LIMIT, "--json", "-")
        exact = json.loads(answer.stdout)["upper"]
        self.assertEqual(self.decide("two", repr(exact * 1.001), "--norm", "2", "--method", "product", "--resume",
                                     "b.cert"), "at most")


if __name__ == "__main__":
    PROGRAM, LIPCHECK = map(os.path.abspath, sys.argv[1:3])
    unittest.main(argv=sys.argv[:1])
