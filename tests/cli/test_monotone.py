#!/usr/bin/env python3
"""`lipcert monotone` from the outside: usage: test_monotone.py PROGRAM ROOT

Exact ranges of the partial derivatives by enumeration of the cells of tiny networks; witnesses checked by finite
differences of the program's own evaluation; what is refused."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import numpy as np

PROGRAM, ROOT = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(ROOT / "tests" / "oracle"))
import exact  # noqa: E402  pylint: disable=wrong-import-position

LIMIT = 120


def run(*arguments, codes=(0,)):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          timeout=LIMIT, check=False)
    if done.returncode not in codes:
        raise AssertionError(f"{arguments}: exit code {done.returncode}: {done.stderr}")
    return done.stdout if done.returncode in (0, 5) else done.stderr


def monotone(*arguments):
    return json.loads(run("monotone", *arguments, "--json", "-", codes=(0, 5)))


def save(path, net):
    np.savez(path, **{f"W{k}": w for k, (w, _) in enumerate(net)},
             **{f"b{k}": b for k, (_, b) in enumerate(net)})


class Monotone(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = os.getcwd()
        cls.folder = tempfile.TemporaryDirectory()
        os.chdir(cls.folder.name)
        rng = np.random.default_rng(11)
        cls.nets = {f"net{k}.npz": exact.random_net(rng, sizes)
                    for k, sizes in enumerate(([2, 6, 2], [3, 5, 4, 2], [3, 4, 4, 2], [2, 7, 3]))}
        for name, net in cls.nets.items():
            save(name, net)

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.home)
        cls.folder.cleanup()

    def check(self, name, net, region, entry, column, row):
        """One partial derivative against the list of its values on all cells."""
        tiny = 1e-9 * (1 + np.abs(column).max())
        lower, upper = (np.inf * s if entry[k] is None else entry[k] for k, s in (("lower", -1), ("upper", 1)))
        self.assertLessEqual(lower, column.min() + tiny)
        self.assertGreaterEqual(upper, column.max() - tiny)
        verdict = entry["verdict"]
        if verdict in ("nondecreasing", "constant"):
            self.assertGreaterEqual(column.min(), -tiny)
        if verdict in ("nonincreasing", "constant"):
            self.assertLessEqual(column.max(), tiny)
        if verdict == "not monotone":
            self.assertTrue(column.min() < 0 < column.max())
            self.assertTrue(entry["rising"] and entry["falling"])
        for key, sign in (("rising", 1), ("falling", -1)):
            if not entry[key]:
                continue
            x, value = np.array(entry[key]["x"]), entry[key]["derivative"]
            self.assertGreater(sign * value, 0)
            self.assertTrue(region.contains(x, 1e-12))
            there = exact.selected(exact.jacobian(net, x)[0], row)[0][entry["input"]]
            self.assertGreaterEqual(sign * there, sign * value - tiny)
            self.assertLess(abs(there - value), tiny)
        return verdict

    def test_against_cells(self):
        verdicts, rng = [], np.random.default_rng(3)
        for name, net in self.nets.items():
            n = net[0][0].shape[1]
            for eps in 0.05, 0.4, 2:
                x = rng.normal(size=n)
                np.save("x.npy", x)
                for option, region in (("--box", exact.Box(x - eps, x + eps)), ("--ball", exact.Ball(x, eps))):
                    try:
                        found = exact.cells(net, region)
                    except exact.Ambiguous:
                        continue
                    for output, row in ((["--output", "1"], ("row", 1)), (["--margin", "1,0"], ("margin", 1, 0))):
                        got = monotone(name, option, "x.npy", eps, *output)
                        values = np.array([exact.selected(j, row)[0] for j, _ in found])
                        self.assertEqual([e["input"] for e in got["partials"]], list(range(n)))
                        verdicts += [self.check(name, net, region, e, values[:, e["input"]], row)
                                     for e in got["partials"]]
        for verdict in "nondecreasing", "nonincreasing", "not monotone":
            self.assertIn(verdict, verdicts)
        self.assertGreater(len(verdicts), 60)
        print({v: verdicts.count(v) for v in set(verdicts)})

    def test_everywhere(self):
        """Weights of one sign: monotone on all of R^n; an input that is not used: constant."""
        w = np.array([[1.0, -2, 0], [0.5, -1, 0]])
        save("signs.npz", [(w, np.array([0.3, -0.2])), (np.array([[1.0, 2]]), np.zeros(1))])
        got = monotone("signs.npz")
        self.assertEqual([e["verdict"] for e in got["partials"]], ["nondecreasing", "nonincreasing", "constant"])
        self.assertLess(abs(got["partials"][0]["upper"] - 2), 1e-12)
        self.assertEqual((got["partials"][2]["lower"], got["partials"][2]["upper"]), (0, 0))
        save("kink.npz", [(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.array([[1.0, 1]]), np.zeros(1))])
        [entry] = monotone("kink.npz")["partials"]  # |x|
        self.assertEqual(entry["verdict"], "not monotone")
        self.assertTrue(entry["rising"]["x"][0] > 0 > entry["falling"]["x"][0])

    def test_text_and_exit_code(self):
        text = run("monotone", "net0.npz", "--box", "0", "1", "--output", "0", "--input-index", "1", codes=(0, 5))
        got = monotone("net0.npz", "--box", "0", "1", "--output", "0", "--input-index", "1")
        [entry] = got["partials"]
        self.assertEqual(text.splitlines()[-1], f"input 1: {entry['verdict']}")
        low, high = re.search(r"^ +1  (\S+) +(\S+)", text, re.M).groups()
        self.assertTrue(float(low) <= entry["lower"] and entry["upper"] <= float(high))
        # no samples that help: undecided is exit code 5
        save("kink.npz", [(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.array([[1.0, 1]]), np.zeros(1))])
        run("monotone", "kink.npz", "--samples", "1", codes=(5,))
        run("monotone", "kink.npz", "--time", "0", codes=(5,))

    def test_refusals(self):
        for arguments, code, fragment in (
                (["net0.npz"], 1, "--output K"), (["net0.npz", "--output", "0", "--input-index", "2"], 1, "input 2"),
                (["net0.npz", "--output", "5"], 1, "output 5"), (["net0.npz", "--input-index", "x"], 1, "'x'"),
                (["absent.npz"], 2, "absent.npz"), (["net0.npz", "--output", "0", "--json", "no/such"], 4, "no/such")):
            message = run("monotone", *arguments, codes=(code,))
            self.assertRegex(message, r"\Alipcert: [^\n]+\n\Z")
            self.assertIn(fragment, message)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
