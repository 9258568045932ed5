#!/usr/bin/env python3
"""`lipcert bound --all-margins` from the outside: usage: test_margins.py PROGRAM ROOT

The matrix against single calls and against brute force on tiny networks; certificates verified one by one;
text against JSON; interruption and time; sharing that can be seen in the steps."""
import glob
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import unittest
from decimal import Decimal

import numpy as np

PROGRAM, ROOT = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(ROOT / "tests" / "oracle"))
import exact  # noqa: E402  pylint: disable=wrong-import-position

LIMIT = 120
DIGITS = str(ROOT / "examples" / "digits.onnx")
SMALL = ["--samples", "100", "--starts", "4", "--steps", "40", "--sweeps", "1", "--rounds", "5",
         "--time", "1000000"]
AUTO = "product,interval,lbs,search,tangent,hr2"  # of many margins; that of one ends with exact
LONG = ["--samples", "100000000", "--time", "1000", "--method", "product,lbs"]
MEET = 1e-9  # bounds this close end the work on a margin


def run(*arguments, code=0):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          timeout=LIMIT, check=False)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}: {done.stderr}")
    return done.stdout


def answer(*arguments):
    return json.loads(run("bound", *arguments, "--json", "-"))


def pairs(m):
    return [(i, j) for i in range(m) for j in range(i + 1, m)]


def random_net(rng, sizes):
    return [(rng.normal(size=(m, n)) / np.sqrt(n), 0.5 * rng.normal(size=m))
            for n, m in zip(sizes, sizes[1:])]


def save(path, net):
    np.savez(path, **{f"W{k}": w for k, (w, _) in enumerate(net)},
             **{f"b{k}": b for k, (_, b) in enumerate(net)})


class Margins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = os.getcwd()
        cls.folder = tempfile.TemporaryDirectory()
        os.chdir(cls.folder.name)
        rng = np.random.default_rng(5)
        cls.nets = {"shallow.npz": random_net(rng, [3, 6, 4]),
                    "deep.npz": random_net(rng, [3, 5, 4, 4]),
                    "two.npz": random_net(rng, [2, 5, 2]),
                    "twelve.npz": random_net(rng, [3, 6, 12]),
                    "many.npz": random_net(rng, [2, 3, 129])}
        for name, net in cls.nets.items():
            save(name, net)
        wide = random_net(rng, [20, 60, 60, 5])
        save("wide.npz", wide)

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.home)
        cls.folder.cleanup()

    def check_matrix(self, got):
        """Symmetric, 0 on the diagonal, in order, and the same numbers in every place and form."""
        m = got["network"]["outputs"]
        lower, upper = (np.array([[float.fromhex(x) for x in row] for row in got[key + "_matrix_hex"]])
                        for key in ("lower", "upper"))
        self.assertEqual((lower.shape, upper.shape), ((m, m), (m, m)))
        for matrix in lower, upper:
            np.testing.assert_array_equal(matrix, matrix.T)
            np.testing.assert_array_equal(np.diag(matrix), 0)
        self.assertTrue(np.all(lower <= upper))
        for key, matrix, away in (("lower", lower, -1), ("upper", upper, 1)):
            plain = [[np.inf if x is None else x for x in row] for row in got[key + "_matrix"]]
            np.testing.assert_array_equal(plain, matrix)
            for i, j in pairs(m):
                if np.isfinite(matrix[i, j]):
                    off = Decimal(got[key + "_matrix_decimal"][i][j]) - Decimal(matrix[i, j])
                    self.assertGreaterEqual(away * off, 0)
            self.assertEqual(float.fromhex(got[key + "_hex"]), matrix.max())
            self.assertEqual(matrix[tuple(got[key + "_margin"])], matrix.max())
        self.assertEqual([(e["i"], e["j"]) for e in got["margins"]], pairs(m))
        for entry in got["margins"]:
            at = entry["i"], entry["j"]
            self.assertEqual((float.fromhex(entry["lower_hex"]), float.fromhex(entry["upper_hex"])),
                             (lower[at], upper[at]))
            for step in entry["steps"]:
                value = float.fromhex(step["value_hex"])
                self.assertTrue(value <= lower[at] if step["side"] == "lower" else value >= upper[at])
        return lower, upper

    def check_certificates(self, net, got, prefix):
        """lipcheck verifies every file, and finds what the matrix says."""
        for entry in got["margins"]:
            path = f"{prefix}-{entry['i']}-{entry['j']}.cert"
            self.assertEqual(entry["certificate"], path)
            with open(path, encoding="ascii") as file:
                self.assertIn(f"\noutput margin {entry['i']} {entry['j']}\n", file.read())
            lines = run("check", net, path).splitlines()
            self.assertEqual(lines[-1], "s VERIFIED")
            own = dict(line.split() for line in lines[:-1])
            self.assertLessEqual(float(own["upper"]), entry["certified"] * (1 + 1e-15))
            if entry["lower"] > 0:
                self.assertGreaterEqual(float(own["lower"]), entry["lower"] * (1 - 1e-15))
        self.assertEqual(len(glob.glob(f"{prefix}-*.cert")), len(got["margins"]))

    REGIONS = {"box": (["--box", "0", "0.8"], lambda n: exact.Box([-0.8] * n, [0.8] * n)),
               "ball": (["--ball", "0.2", "0.7"], lambda n: exact.Ball([0.2] * n, 0.7)),
               "everywhere": (["--global"], exact.Everywhere)}

    def test_against_single_calls_and_brute_force(self):
        count = improved = 0
        for name in "shallow.npz", "deep.npz", "two.npz":
            net = self.nets[name]
            m = len(net[-1][0])
            for region, (options, make) in self.REGIONS.items():
                cells = exact.cells(net, make(net[0][0].shape[1]))
                for norm in 1, 2, "inf":
                    prefix = f"{name[:-4]}-{region}-{norm}"
                    question = [name, *options, "--norm", norm, *SMALL]
                    got = answer(*question, "--all-margins", "--method", AUTO, "--certificate", prefix)
                    self.assertEqual((got["document"], got["stop"], got["output"]),
                                     ("lipcert margins", "finished", {"kind": "margins"}))
                    lower, upper = self.check_matrix(got)
                    self.check_certificates(name, got, prefix)
                    for i, j in pairs(m):
                        single = answer(*question, "--margin", f"{i},{j}", "--method", AUTO)
                        truth = exact.lipschitz(cells, norm, "inf", ("margin", i, j))
                        self.assertLessEqual(lower[i, j], truth * (1 + 1e-9))
                        self.assertGreaterEqual(upper[i, j], truth * (1 - 1e-9))
                        self.assertLessEqual(upper[i, j], single["upper"] * (1 + 1e-12))
                        self.assertGreaterEqual(lower[i, j], single["lower"] * (1 - MEET))
                        improved += lower[i, j] > single["lower"] * (1 + MEET)
                        count += 1
        self.assertEqual(count, 3 * 3 * (6 + 6 + 1))
        print(f"{count} margins, {improved} lower bounds better than those of single calls")

    def test_points_are_shared(self):
        """With one sample for each margin the witness of one raises the bounds of others."""
        got = answer(DIGITS, "--box", "0.5", "0.4", "--all-margins", "--method", "product,ascent",
                     "--samples", "1", "--starts", "1", "--steps", "30", "--sweeps", "1")
        self.check_matrix(got)
        notes = [s["note"] for e in got["margins"] for s in e["steps"]]
        shared = [n for n in notes if re.fullmatch(r"at the witness of margin \d,\d", n)]
        self.assertTrue(shared)

    def test_bounds_are_found_though_the_first_margin_is_done(self):
        """Outputs 0 and 1 are equal; the pre-activation bounds of margin 0,1 serve all."""
        rng = np.random.default_rng(4)
        w, v = rng.normal(size=(6, 3)), rng.normal(size=(6, 6))
        last = rng.normal(size=(3, 6))
        last[1] = last[0]
        np.savez("equal.npz", W0=w, b0=np.zeros(6), W1=v, b1=np.full(6, 0.2), W2=last, b2=np.zeros(3))
        question = ["bound", "equal.npz", "--box", "0.4", "0.15", "--method", "product,interval"]
        margins = json.loads(run(*question, "--all-margins", "--json", "-"))["margins"]
        alone = json.loads(run(*question, "--margin", "0,2", "--json", "-"))
        self.assertEqual([margins[0]["upper"], margins[1]["upper"]], [0, alone["upper"]])

    def test_margins_that_are_done_are_left_alone(self):
        """Box without a kink: f is affine, every bound meets, and no search is begun."""
        got = answer("shallow.npz", "--box", "3", "1e-6", "--all-margins", "--norm", "2", *SMALL)
        self.check_matrix(got)
        for entry in got["margins"]:
            self.assertGreaterEqual(entry["lower"], entry["upper"] * (1 - MEET))
            self.assertNotIn("search", [s["method"] for s in entry["steps"]])
            self.assertEqual(entry["stop"], "finished")

    def test_point_of_the_user(self):
        np.save("x.npy", [0.3, -0.2, 0.1])
        got = answer("shallow.npz", "--box", "0", "1", "--all-margins", "--method", "point,product",
                     "--input", "x.npy")
        self.check_matrix(got)
        for entry in got["margins"]:
            self.assertEqual(entry["witness"]["x"], [0.3, -0.2, 0.1])

    def square(self, text, m):
        """The matrices in the text."""
        shown = np.full((m, m), "", dtype=object)
        for block in text.split("\n\n"):
            lines = [line.split() for line in block.splitlines()]
            if not all(word.isdigit() for word in lines[0]):
                continue
            for line in lines[1:]:
                for j, word in zip(lines[0], line[1:]):
                    shown[int(line[0]), int(j)] = word
        return shown

    def test_text(self):
        for name, m, blocks in (("two.npz", 2, 1), ("shallow.npz", 4, 1), ("twelve.npz", 12, 2)):
            text = run("bound", name, "--all-margins", *SMALL, "--method", "product,lbs", "--json", "t.json")
            with open("t.json", encoding="utf-8") as file:
                got = json.load(file)
            lower, upper = self.check_matrix(got)
            shown = self.square(text, m)
            for i in range(m):
                self.assertEqual(shown[i, i], "-")
            for i, j in pairs(m):
                self.assertGreaterEqual(Decimal(shown[i, j]), Decimal(upper[i, j]))
                self.assertLessEqual(Decimal(shown[j, i]), Decimal(lower[i, j]))
                self.assertLess(abs(float(shown[i, j]) / upper[i, j] - 1), 1e-3)
                self.assertLess(abs(float(shown[j, i]) / lower[i, j] - 1), 1e-3)
            self.assertEqual(len(re.findall(r"(?m)^ +0 +-", text)), 1)
            self.assertEqual(len(re.findall(r"(?m)^ +(\d+ +)*\d+$", text)), blocks)
            self.assertLess(max(map(len, text.splitlines())), 130)
            low, high = re.search(r"^(\S+) <= largest L_ij <= (\S+)$", text, re.M).groups()
            self.assertTrue(Decimal(low) <= Decimal(got["lower"]) and
                            Decimal(got["upper"]) <= Decimal(high))
        self.assertRegex(run("bound", "two.npz", "--all-margins", "--quiet", *SMALL),
                         r"\A\S+ <= largest L_ij <= \S+\n\Z")

    def test_folder_of_certificates(self):
        os.mkdir("certs")
        run("bound", "shallow.npz", "--all-margins", "--method", "product", "--certificate", "certs/")
        self.assertEqual(sorted(os.listdir("certs")), [f"{i}-{j}.cert" for i, j in pairs(4)])
        self.assertIn("s VERIFIED", run("check", "shallow.npz", "certs/1-3.cert"))

    def test_too_many_outputs(self):
        done = subprocess.run([PROGRAM, "bound", "many.npz", "--all-margins"], capture_output=True,
                              text=True, timeout=LIMIT, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"\Alipcert: [^\n]*128 outputs[^\n]*129[^\n]*\n\Z")

    def test_network_is_no_certificate(self):
        os.link("shallow.npz", "n-1-2.cert")
        done = subprocess.run([PROGRAM, "bound", "n-1-2.cert", "--all-margins", "--certificate", "n"],
                              capture_output=True, text=True, timeout=LIMIT, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("replace the network", done.stderr)
        os.unlink("n-1-2.cert")

    def test_nothing_to_certify(self):
        zero = [(np.zeros((2, 2)), np.zeros(2)), (np.zeros((3, 2)), np.zeros(3))]
        save("zero.npz", zero)
        run("bound", "zero.npz", "--all-margins", "--method", "lbs", "--certificate", "z", code=5)
        self.assertEqual(glob.glob("z-*"), [])

    def test_no_time(self):
        for net, m in (("shallow.npz", 4), (DIGITS, 10)):
            got = answer(net, "--all-margins", "--time", "0", "--certificate", "t0")
            _, upper = self.check_matrix(got)
            self.assertTrue(np.all(np.isfinite(upper)))
            self.assertEqual((got["stop"], len(got["margins"])), ("out of time", m * (m - 1) // 2))
            self.check_certificates(net, got, "t0")
            for path in glob.glob("t0-*"):
                os.unlink(path)

    def test_time_is_shared_out(self):
        """A method without an end: every margin gets about as much, and the limit holds."""
        got = answer("wide.npz", "--all-margins", *LONG[:2], "--time", "2", "--method", "product,lbs")
        self.check_matrix(got)
        self.assertEqual(got["stop"], "out of time")
        self.assertLess(got["seconds"], 20)
        for entry in got["margins"]:
            self.assertGreater(entry["lower"], 0)
            cut = [s for s in entry["steps"] if s["method"] == "lbs" and not s["complete"]]
            self.assertEqual(len(cut), 1)
            self.assertRegex(cut[0]["note"], "out of (its share of the )?time")

    def test_second_round(self):
        """Time that the last method leaves goes to margins that were cut short before; each keeps one
        step for each method."""
        got = answer("deep.npz", "--all-margins", *LONG[:2], "--time", "3", "--method",
                     "product,lbs,tangent", "--norm", "inf")
        lower, upper = self.check_matrix(got)
        self.assertTrue((lower < upper * (1 - 1e-6)).any())  # otherwise there is nothing to go on with
        for entry in got["margins"]:
            methods = [s["method"] for s in entry["steps"]
                       if not s["note"].startswith("at the witness")]
            self.assertEqual(methods, ["product", "lbs", "tangent"])

    def read(self, terminal):
        if not select.select([terminal], [], [], LIMIT)[0]:
            raise TimeoutError("nothing more comes from the program")
        try:
            return os.read(terminal, 4096)
        except OSError:
            return b""

    def test_interrupt(self):
        """Ctrl-C in the middle: an upper bound and a certificate that is verified for every margin."""
        master, slave = pty.openpty()
        process = subprocess.Popen([PROGRAM, "bound", "wide.npz", "--all-margins", *LONG, "--json",
                                    "i.json", "--certificate", "i"], stdout=subprocess.PIPE,
                                   stderr=slave, text=True)
        os.close(slave)
        self.addCleanup(os.close, master)
        self.addCleanup(process.kill)
        seen = b""
        while not any(0 < float(low) and float(high) < np.inf
                      for low, high in re.findall(rb"(\S+) <= L <= (\S+)(?:  gap \S+ %)?\r", seen)):
            part = self.read(master)
            self.assertTrue(part, f"the run was meant to be long: {seen[-300:]}")
            seen += part
        process.send_signal(signal.SIGINT)
        while self.read(master):
            pass
        out, _ = process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, 130)
        self.assertIn("interrupted", out)
        with open("i.json", encoding="utf-8") as file:
            got = json.load(file)
        _, upper = self.check_matrix(got)
        self.assertTrue(np.all(np.isfinite(upper)))
        self.assertEqual(got["stop"], "interrupted")
        self.check_certificates("wide.npz", got, "i")

    def test_json_is_complete(self):
        got = answer("two.npz", "--all-margins", "--seed", "11", "--method", "product,lbs", *SMALL)
        self.assertEqual(set(got), {
            "document", "document_version", "program", "network", "quantity", "norm_in", "norm_out",
            "output", "given", "region", "method", "seed", "settings", "neurons", "stable_active",
            "stable_inactive", "lower", "lower_hex", "lower_decimal", "upper", "upper_hex",
            "upper_decimal", "lower_margin", "upper_margin", "evidence", "gap", "lower_matrix",
            "lower_matrix_hex", "lower_matrix_decimal", "upper_matrix", "upper_matrix_hex",
            "upper_matrix_decimal", "margins", "stop", "seconds"})
        self.assertEqual(set(got["margins"][0]), {
            "i", "j", "lower", "lower_hex", "lower_decimal", "upper", "upper_hex", "upper_decimal",
            "certified", "certified_hex", "certified_decimal", "lower_method", "upper_method", "gap",
            "steps", "unfinished", "witness", "stop", "seconds", "certificate"})
        self.assertIsNone(got["margins"][0]["certificate"])
        self.assertEqual((got["given"]["all-margins"], got["seed"]), (True, 11))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
