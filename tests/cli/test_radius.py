#!/usr/bin/env python3
"""`lipcert radius` from the outside: usage: test_radius.py PROGRAM ROOT

Exact distances by enumeration of the cells of tiny networks; attacks on a real one; the arithmetic of the
report checked in rationals; every constant against a bound of its own; what is refused."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from decimal import Decimal
from fractions import Fraction

import numpy as np
from scipy.optimize import linprog

PROGRAM, ROOT = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
sys.path[:0] = [str(ROOT / "tests" / "oracle"), str(ROOT / "tests" / "cli")]
import attack  # noqa: E402  pylint: disable=wrong-import-position
import exact  # noqa: E402  pylint: disable=wrong-import-position

LIMIT = 120


def run(*arguments, code=0):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          timeout=LIMIT, check=False)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}: {done.stderr}")
    return done.stdout if code == 0 else done.stderr


def radius(*arguments):
    return json.loads(run("radius", *arguments, "--json", "-"))


def save(path, net):
    np.savez(path, **{f"W{k}": w for k, (w, _) in enumerate(net)},
             **{f"b{k}": b for k, (_, b) in enumerate(net)})


def polytope(net, x):
    """The cell around x as rows y + offsets >= 0, and f there as (gain, shift)."""
    gain, shift, rows, offsets = np.eye(len(x)), np.zeros(len(x)), [], []
    for k, (w, b) in enumerate(net):
        gain, shift = w @ gain, w @ shift + b
        if k + 1 == len(net):
            break
        on = gain @ x + shift > 0
        sign = np.where(on, 1.0, -1.0)
        rows.append(sign[:, None] * gain)
        offsets.append(sign * shift)
        gain, shift = gain * on[:, None], shift * on
    return np.vstack(rows), np.concatenate(offsets), gain, shift


def nearest(rows, offsets, x, norm):
    """The distance from x to rows y + offsets >= 0; inf if that is empty."""
    n, here = len(x), rows @ x + offsets
    if norm == 2:
        size = np.linalg.norm(rows, axis=1)
        d = exact.nearest(rows[size > 0] / size[size > 0, None], -here[size > 0] / size[size > 0])
        return np.inf if d is None or np.any(here[size == 0] < 0) else float(np.linalg.norm(d))
    # min |d|: d = y - x with rows d >= -here; norm 1 has a bound for each entry, norm inf one for all
    extra = n if norm == 1 else 1
    spread = np.eye(n) if norm == 1 else np.ones((n, 1))
    upper = np.vstack([np.hstack([-rows, np.zeros((len(rows), extra))]),
                       np.hstack([np.eye(n), -spread]), np.hstack([-np.eye(n), -spread])])
    answer = linprog(np.append(np.zeros(n), np.ones(extra)), A_ub=upper,
                     b_ub=np.concatenate([here, np.zeros(2 * n)]),
                     bounds=[(None, None)] * n + [(0, None)] * extra, method="highs")
    return answer.fun if answer.status == 0 else np.inf


def distances(net, x, k, norm):
    """From x to the nearest point where f_j >= f_k, for every j: exact but for floating point."""
    m, best = len(net[-1][0]), np.full(len(net[-1][0]), np.inf)
    for _, inside in exact.cells(net, exact.Everywhere(len(x))):
        rows, offsets, gain, shift = polytope(net, inside)
        for j in range(m):
            if j != k:
                far = nearest(np.vstack([rows, gain[j] - gain[k]]),
                              np.append(offsets, shift[j] - shift[k]), x, norm)
                best[j] = min(best[j], far)
    return best


def balanced(rng, sizes):
    """A random network whose classes all occur near the origin."""
    net = exact.random_net(rng, sizes)
    w, b = net[-1]
    net[-1] = (w, b - exact.evaluate(net, rng.normal(size=(200, sizes[0]))).mean(axis=0))
    return net


class Radius(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = os.getcwd()
        cls.folder = tempfile.TemporaryDirectory()
        os.chdir(cls.folder.name)
        rng = np.random.default_rng(7)
        cls.nets = {"shallow.npz": balanced(rng, [2, 8, 5]),
                    "deep.npz": balanced(rng, [3, 4, 4, 3])}
        for name, net in cls.nets.items():
            save(name, net)
        cls.linear = [(rng.normal(size=(4, 5)), rng.normal(size=4))]
        save("linear.npz", cls.linear)

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.home)
        cls.folder.cleanup()

    def check_report(self, got):
        """Every class radius follows from its margin, constant and region; the smallest one is r."""
        values = []
        for entry in got["classes"]:
            for key in "radius", "margin", "upper", "on_radius":
                plain, hexadecimal = entry[key], float.fromhex(entry[key + "_hex"])
                self.assertEqual(hexadecimal, np.inf if plain is None else plain)
            r = float.fromhex(entry["radius_hex"])
            values.append(r)
            if not np.isfinite(r) or r == 0:
                continue
            self.assertLessEqual(Decimal(entry["radius_decimal"]), Decimal(r))
            self.assertTrue(entry["on_radius"] is None or r <= entry["on_radius"])
            if entry["upper"] is not None:
                self.assertLessEqual(Fraction(r) * Fraction(entry["upper"]), Fraction(entry["margin"]))
            else:
                self.assertEqual((entry["method"], r), ("outputs", entry["on_radius"]))
        self.assertEqual(float.fromhex(got["radius_hex"]), min(values))
        others = [entry["class"] for entry in got["classes"]]
        self.assertEqual(others, [j for j in range(got["network"]["outputs"]) if j != got["label"]])
        self.assertEqual(values[others.index(got["nearest"])], min(values))
        return dict(zip(others, values))

    def test_against_exact_distances(self):
        ratios, rng = [], np.random.default_rng(2)
        for name, net in self.nets.items():
            for _ in range(3):
                x = rng.normal(size=net[0][0].shape[1])
                np.save("x.npy", x)
                f = exact.evaluate(net, x)
                for norm in 1, 2, "inf":
                    got = radius(name, "--input", "x.npy", "--norm", norm)
                    self.assertEqual(got["label"], int(f.argmax()))
                    found, truth = self.check_report(got), distances(net, x, got["label"], norm)
                    for j, r in found.items():
                        self.assertLessEqual(r, truth[j] * (1 + 1e-9))
                        if truth[j] < 5:  # far away no local constant says much
                            ratios.append(r / truth[j])
                    for entry in got["classes"]:
                        self.assertLess(abs(entry["margin"] - f[got["label"]] + f[entry["class"]]), 1e-12)
        self.assertGreater(len(ratios), 10)
        self.assertGreater(np.median(ratios), 0.6)
        print(f"{len(ratios)} class radii, median ratio to the exact distance {np.median(ratios):.3f}")

    def test_constants(self):
        """Each constant holds: it is at least the exact one on the region, and `bound` finds it too."""
        net, x = self.nets["deep.npz"], np.array([0.3, -0.4, 0.5])
        np.save("x.npy", x)
        for norm in 2, "inf":
            for entry in (got := radius("deep.npz", "--input", "x.npy", "--norm", norm))["classes"]:
                if entry["upper"] is None or entry["on_radius"] is None:
                    continue
                eps = entry["on_radius"]
                region = exact.Ball(x, eps) if norm == 2 else exact.Box(x - eps, x + eps)
                margin = ("margin", got["label"], entry["class"])
                truth = exact.lipschitz(exact.cells(net, region), norm, "inf", margin)
                self.assertGreaterEqual(entry["upper"], truth * (1 - 1e-9))
                single = json.loads(run(
                    "bound", "deep.npz", "--norm", norm, "--margin", f"{margin[1]},{margin[2]}",
                    "--ball" if norm == 2 else "--box", "x.npy", float(eps).hex(), "--method",
                    "product,interval,tangent", "--json", "-"))
                self.assertLess(abs(single["upper"] / entry["upper"] - 1), 1e-6)

    def test_linear(self):
        """Without ReLUs the radius is the exact distance."""
        w, b = self.linear[0]
        x = np.array([0.1, 0.2, -0.3, 0.4, 0.5])
        np.save("x.npy", x)
        k = int((w @ x + b).argmax())
        for norm, dual in ((1, np.inf), (2, 2), ("inf", 1)):
            found = self.check_report(radius("linear.npz", "--input", "x.npy", "--norm", norm))
            for j, r in found.items():
                truth = ((w[k] - w[j]) @ x + b[k] - b[j]) / np.linalg.norm(w[k] - w[j], dual)
                self.assertLess(r, truth * (1 + 1e-14))
                self.assertGreater(r, truth * (1 - 1e-6))

    def test_no_other_class(self):
        """Outputs 1 and 2 never win: infinitely far, everywhere or within the clip range."""
        save("constant.npz", [(np.zeros((2, 2)), np.zeros(2)), (np.ones((3, 2)), np.array([2.0, 1, 0]))])
        got = radius("constant.npz", "--input", "0.5")
        self.assertEqual((got["radius"], got["radius_hex"], got["label"]), (None, "inf", 0))
        self.check_report(got)
        # f_0 - f_1 = 1 - 2 x_0 + relu(x_1 - 9)
        save("half.npz", [(np.array([[1.0, 0], [0, 1]]), np.array([0.0, -9])),
                          (np.array([[-2.0, 1], [0, 0]]), np.array([1.0, 0]))])
        got = radius("half.npz", "--input", "0.1", "--clip", "0,0.49")
        self.assertEqual(got["radius"], None)
        self.check_report(got)
        got = radius("half.npz", "--input", "0.1", "--clip", "0,0.51")
        self.assertLessEqual(got["radius"], 0.4)
        self.assertGreater(got["radius"], 0.39)

    def test_other_class(self):
        """Misclassified: 0 with a note; a tie as well."""
        x = np.array([0.1, 0.2, -0.3, 0.4, 0.5])
        np.save("x.npy", x)
        w, b = self.linear[0]
        order = np.argsort(w @ x + b)
        got = radius("linear.npz", "--input", "x.npy", "--label", order[0])
        self.assertEqual((got["radius"], got["label"]), (0, order[0]))
        self.assertRegex(got["note"], rf"output \d is larger than output {order[0]} at the point")
        text = run("radius", "linear.npz", "--input", "x.npy", "--label", order[0])
        self.assertTrue(text.endswith("\n0 <= r\n"))
        self.assertIn(got["note"], text)
        save("tie.npz", [(np.array([[1.0, 1], [1, 1]]), np.zeros(2))])
        got = radius("tie.npz", "--input", "1")
        self.assertEqual(got["radius"], 0)
        self.assertIn("too close", got["note"])

    def test_attack(self):
        """No attack finds a point of another class within the radius, and the best ones come near it."""
        for norm in "inf", "2":
            pair = attack.compare(PROGRAM, str(ROOT), 6, norm, 300, 4, "--precision", "0.01")
            if pair is None:
                self.skipTest("scikit-learn is not there")
            r = np.array([self.check_report(report) and report["radius"] for report in pair[0]])
            self.assertTrue(np.all(r > 0))
            self.assertTrue(np.all(np.isfinite(pair[1])))
            self.assertTrue(np.all(pair[1] >= r), norm)
            self.assertGreater(np.median(r / pair[1]), 0.5)

    def test_methods_and_settings(self):
        question = ["deep.npz", "--input", "0.3", "--norm", "inf"]
        cheap = radius(*question, "--method", "product")
        better = radius(*question, "--method", "product,interval,tangent")
        self.assertEqual(radius(*question)["radius"], better["radius"])
        self.assertLessEqual({e["method"] for e in cheap["classes"]}, {"product", "outputs"})
        self.assertLessEqual(cheap["radius"], better["radius"] * 1.002)  # the precision of the search
        rough = radius(*question, "--precision", "0.3")
        self.assertLess(rough["trials"], better["trials"])
        none = radius(*question, "--time", "0")
        self.assertEqual(none["stop"], "out of time")
        self.assertLessEqual(none["radius"], better["radius"])

    def test_text(self):
        text = run("radius", "deep.npz", "--input", "0.3", "--json", "r.json")
        with open("r.json", encoding="utf-8") as file:
            got = json.load(file)
        self.check_report(got)
        self.assertEqual(got["document"], "lipcert radius")
        shown = re.search(r"^(\S+) <= r$", text, re.M).group(1)
        self.assertLessEqual(Decimal(shown), Decimal(got["radius"]))
        self.assertGreater(float(shown), got["radius"] * (1 - 1e-8))
        for entry in got["classes"]:
            line = re.search(rf"^ +{entry['class']}  .*$", text, re.M).group(0).split()
            self.assertLessEqual(Decimal(line[-1]), Decimal(entry["radius"]))
        self.assertEqual(run("radius", "deep.npz", "--input", "0.3", "--quiet"), shown + " <= r\n")

    BAD = [(["--input", "0", "--label", "3"], 1, "output 3"), ([], 1, "missing option --input"),
           (["--input", "0", "--norm", "2", "--clip", "-1,1"], 1, "--norm inf"),
           (["--input", "0", "--clip", "1,1"], 1, "LO < HI"),
           (["--input", "0", "--clip", "1,2"], 1, "inside the clip range"),
           (["--input", "0", "--method", "lbs"], 1, "'lbs'"),
           (["--input", "0", "--method", "lsb"], 1, "'lsb'"),
           (["--input", "0", "--precision", "1"], 1, "--precision"),
           (["--input", "0", "--label", "x"], 1, "--label"),
           (["--input", "absent.npy"], 2, "absent.npy"),
           (["--input", "0", "--row", "1"], 1, "--row"),
           (["--input", "0", "--json", "no/such/file"], 4, "no/such/file")]

    def test_refusals(self):
        for arguments, code, fragment in self.BAD:
            with self.subTest(arguments=arguments):
                message = run("radius", "deep.npz", *arguments, code=code)
                self.assertRegex(message, r"\Alipcert: [^\n]+\n\Z")
                self.assertIn(fragment, message)
        save("one.npz", [(np.ones((1, 2)), np.zeros(1))])
        self.assertIn("two outputs", run("radius", "one.npz", "--input", "0", code=1))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
