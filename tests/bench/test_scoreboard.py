"""bench/scoreboard.py: what it reads from programs, the tables it writes, and a run on an example network.

    usage: test_scoreboard.py SOURCE LIPCERT LIPCHECK

    answers     outputs of csdp, dsdp5, sdpa, Cbc and Python peers, good ones and bad; scale of exported files
    form        LipSDP's matrix is the quadratic form that its comment states
    page        ratios, distances, unfinished, missing and published rows of canned data
    run         a bound above gradients that numpy computes; nothing runs twice; peers that are here agree with it
"""
import argparse
import csv
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np

SOURCE, LIPCERT, LIPCHECK = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
SCRIPT = SOURCE / "bench" / "scoreboard.py"
sys.path.insert(0, str(SCRIPT.parent))
import scoreboard as bench  # noqa: E402
import scoreboard_page as page  # noqa: E402
import scoreboard_peers as peers  # noqa: E402

CSDP = """CSDP 6.2.0
Iter:  0 Ap: 0.00e+00 Pobj:  0.0000000e+00 Ad: 0.00e+00 Dobj:  0.0000000e+00 
Success: SDP solved
Primal objective value: 3.9919646e-02 
Dual objective value: 3.9919647e-02 
Relative primal infeasibility: 5.36e-14 
"""
DSDP = """26   -3.99196245e-02   -3.99196467e-02   5.4e-26   0.0e+00   2.7e-11  1.00  0.28   1.07 
DSDP Converged. 

P Objective  :  -3.99196337e-02 
DSDP Solution:  -3.99196467e-02 

DSDP Solve Time:                     1.539e+00 seconds
"""
SDPA = """phase.value  = pdFEAS    
   Iteration = 18
objValPrimal = +3.9919648410553212e-02
objValDual   = +3.9919491026131806e-02
"""
CBC = """Cbc0001I Search completed - best objective -16.70931669679072, took 21 iterations and 0 nodes (0.26 seconds)

Result - Optimal solution found

Objective value:                16.70931670
Enumerated nodes:               0
"""
CBC_STOPPED = """Result - Stopped on time limit

Objective value:                5.38677808
Upper bound:                    15.986
Gap:                            -0.66
"""
CBC_EMPTY = """Result - Stopped on time limit

No feasible solution found
Upper bound:                    20.5
"""


class Answers(unittest.TestCase):
    def write(self, text):
        file = tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False, encoding="ascii")
        self.addCleanup(os.unlink, file.name)
        with file:
            file.write(text)
        return file.name

    def test_semidefinite(self):
        self.assertEqual(bench.sdp_value("csdp", CSDP), (.039919647, "Success: SDP solved"))
        self.assertEqual(bench.sdp_value("dsdp5", DSDP), (.0399196467, "Converged."))
        self.assertEqual(bench.sdp_value("sdpa", SDPA), (.039919648410553212, "pdFEAS"))
        for name in bench.SDP:
            self.assertIsNone(bench.sdp_value(name, "Iter:  1 Ap: 9.60e-01 Pobj:  2.9e-05\n")[0], name)

    def test_scale(self):
        tangent = self.write("* lipcert\n* maximise F_0 . Y; 2^-3 times the value bounds the question's norm\n")
        blocks = self.write("* lipcert\n* bound = (value + constant) * 2^4, constant = 1.5\n")
        self.assertEqual(bench.scale_of(tangent), (.125, 0))
        self.assertEqual(bench.scale_of(blocks), (16, 1.5))
        with self.assertRaisesRegex(ValueError, "line 2: expected how the value becomes a bound, found '3'"):
            bench.scale_of(self.write("* no\n3\n"))
        self.assertEqual(bench.computed("csdp", blocks, 0, CSDP, "")["value"], f"{16 * 1.539919647:.11g}")
        self.assertEqual(bench.computed("csdp", blocks, 1, "", "")["status"], "failed")

    def test_mixed_integer(self):
        self.assertEqual(bench.cbc_value(CBC), (16.7093167, 16.7093167, "Optimal solution found"))
        self.assertEqual(bench.cbc_value(CBC_STOPPED), (15.986, 5.38677808, "Stopped on time limit"))
        self.assertEqual(bench.cbc_value(CBC_EMPTY), (20.5, None, "Stopped on time limit"))
        self.assertEqual(bench.cbc_value("Welcome\n")[0], None)
        row = bench.computed("Cbc", "", 0, CBC_STOPPED, "")
        self.assertEqual((row["status"], row["gap %"]), ("computed", "66.3"))
        self.assertEqual(bench.computed("Cbc", "", 0, "Welcome\n", "")["status"], "failed")

    def test_python_peers(self):
        said = 'Falling back to ECLipsE-Fast\n{"value": 5.5, "says": "returned", "solve s": 0.25}\n'
        row = bench.computed("eclipse-nn", "", 0, said, "")
        self.assertEqual((row["value"], row["solve s"]), ("5.5", "0.250"))
        self.assertIn("fell back", row["note"])
        row = bench.computed("HiGHS", "", 0, '{"value": 4.0, "found": 3.0, "says": "Time limit reached", "solve s": 60}', "")
        self.assertEqual((row["value"], row["found"], row["gap %"]), ("4", "3", "25"))
        row = bench.computed("cvxpy + SCS", "", 1, "", "Traceback\nMemoryError\n")
        self.assertEqual((row["status"], row["note"]), ("failed", "MemoryError (exit code 1)"))

    def test_outwards(self):
        third = {"upper_hex": (1 / 3).hex(), "lower_hex": (1 / 3).hex()}
        self.assertGreater(float(bench.outward(third, "upper")), 1 / 3)
        self.assertLess(float(bench.outward(third, "lower")), 1 / 3)

    def test_installers_words(self):
        done = argparse.Namespace(stderr="ERROR: no wheel at https://host/x.whl for this\n", stdout="")
        self.assertEqual(bench.last_error(done), "no wheel at for this")

    def test_weights(self):
        chain = ("lipcert-network 1\ninput 2\nlayers 2\nlayer 1 2 relu 1\nbias 0x0p+0 0x0p+0\nterm 0 dense 2 2\n"
                 "0x1p+0 0x1p+1\n-0x1.8p+0 0x1p-1\nlayer 2 1 linear 1\nbias 0x0p+0\nterm 1 dense 1 2\n0x1p+0 0x1p+1\nend\n")
        first, second = bench.weights(self.write(chain))
        np.testing.assert_array_equal(first, [[1, 2], [-1.5, .5]])
        np.testing.assert_array_equal(second, [[1, 2]])
        with self.assertRaisesRegex(ValueError, "expected a chain of dense layers, found 'term 0 dense 1 2'"):
            bench.weights(self.write(chain.replace("term 1", "term 0")))

    def test_limit(self):
        with tempfile.TemporaryDirectory() as folder:
            code, cpu = bench.launch(["/bin/sh", "-c", "while :; do :; done"], 1, folder)[:2]
            self.assertEqual(code, -24)
            self.assertGreater(cpu, .5)
            code, _, _, memory, said, errors = bench.launch(["/bin/sh", "-c", "echo a; echo b >&2; exit 3"], 9, folder)
            self.assertEqual((code, said.strip(), errors), (3, "a", "b\n"))
            self.assertGreater(memory, .1)


class Form(unittest.TestCase):
    def test_quadratic_form(self):
        class Numpy:
            diag, bmat = staticmethod(np.diag), staticmethod(np.block)
        random = np.random.default_rng(1)
        sizes = [3, 5, 4, 2]
        weights = [random.normal(size=shape) for shape in zip(sizes[1:], sizes)]
        rho, diagonals = 2.5, [random.uniform(size=n) for n in sizes[1:-1]]
        v = [random.normal(size=n) for n in sizes[:-1]]
        stacked = np.concatenate(v)
        expected = rho * v[0] @ v[0] - np.sum((weights[-1] @ v[-1]) ** 2)
        for layer, d in enumerate(diagonals, 1):
            expected -= 2 * v[layer] @ (d * (weights[layer - 1] @ v[layer - 1] - v[layer]))
        matrix = peers.form(Numpy, weights, rho, diagonals)
        np.testing.assert_array_equal(matrix, matrix.T)
        self.assertAlmostEqual(stacked @ matrix @ stacked, expected, places=10)

    def test_network(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "w.npz")
            np.savez(path, W0=np.eye(2), W1=np.array([[1., 2.], [3., 4.]]))
            np.testing.assert_array_equal(peers.network(path, None)[1], [[1, 2], [3, 4]])
            np.testing.assert_array_equal(peers.network(path, 1)[1], [[3, 4]])


def row(program, value="", cpu="", **more):
    return dict.fromkeys(bench.COLUMNS, "") | {
        "group": "Exact", "work": "w", "program": program, "method": "m", "value": value, "CPU s": cpu,
        "wall s": cpu, "MiB": "9", "limit s": "60", "version": "1", "date": "2020-01-02", "command": f"{program} net",
        "status": "proved, verified" if program == "lipcert" else "computed"} | more


class Page(unittest.TestCase):
    rows = [row("lipcert", "2", "0.5", found="1.9"), row("HiGHS", "2.2", "2", note="Optimal"),
            row("Cbc", "3", "60", note="Stopped on time limit", found="1.5"), row("csdp", "1.8", "1"),
            row("sdpa", "", "120", status="stopped at 120 s"),
            dict.fromkeys(bench.COLUMNS, "") | {"program": "auto-LiRPA", "status": "not installed", "note": "no wheel"},
            row("ExLipBaB", "", "", **{"status": "published", "wall s": "26404", "date": ""}),
            row("Elsewhere", "", "", **{"status": "published", "work": "not here", "date": ""})]

    def test_ratio(self):
        self.assertEqual([page.ratio(self.rows, r) for r in self.rows[:3]], [1, 4, 120])
        self.assertIsNone(page.off(self.rows, self.rows[0]))
        self.assertAlmostEqual(page.off(self.rows, self.rows[1]), .1)
        self.assertIsNone(page.ratio(self.rows, row("HiGHS", "1", "1", work="no lipcert row")))

    def test_table(self):
        lines = {line.split("|")[2].split()[0]: [c.strip() for c in line.split("|")[1:-1]]
                 for line in page.table(self.rows, "Exact").splitlines()[2:]}
        self.assertEqual(set(lines), {"lipcert", "HiGHS", "Cbc", "csdp", "sdpa", "ExLipBaB"})
        self.assertEqual([lines[p][8] for p in ("HiGHS", "Cbc", "sdpa", "ExLipBaB")], ["4", "> 120", "> 240", ""])
        self.assertEqual(lines["ExLipBaB"][10], "26404")
        self.assertEqual(len({len(line) for line in lines.values()}), 1)

    def test_summary(self):
        lines = page.summary(self.rows).splitlines()
        self.assertIn("| HiGHS | Exact | 1 | 1 | 4 | +1.0e-01 to +1.0e-01 |", lines)
        self.assertIn("| Cbc | Exact | 1 | 0 |  |  |", lines)
        self.assertFalse(any("ExLipBaB" in line for line in lines))

    def test_below_a_proved_bound(self):
        self.assertEqual(page.below(self.rows), "- csdp on w: 1.8 is below the proved lower bound 1.9.")

    def test_programs(self):
        text = page.programs(self.rows, {"csdp": ("Debian", ["coinor-csdp"]), "auto-LiRPA": ("PyPI", ["auto-LiRPA"])})
        self.assertIn("| csdp | Debian: coinor-csdp | 1 |", text)
        self.assertIn("| auto-LiRPA | PyPI: auto-LiRPA | not installed: no wheel |", text)

    def test_whole(self):
        text = page.draw(self.rows, {}, argparse.Namespace(time=120.0, full=False), 5)
        self.assertIn("5 of 5 runs made (reduced set", text)
        self.assertIn("Answers that cannot be upper bounds", text)
        self.assertIn("Limits: 60 s of wall clock in the group Exact; 8 GiB.", text)
        self.assertNotIn("@", text)
        self.assertIn("\nHiGHS net\n", text)
        self.assertRegex(page.machine(), r"^\d+ cores, \d+ GiB of memory, ")

    def test_published_rows_have_the_columns(self):
        for published in page.PUBLISHED:
            self.assertLessEqual(set(published), set(bench.COLUMNS))
            self.assertEqual(published["status"], "published")


def gradient(weights, biases, points=2000):
    """The largest 2-norm of a gradient at random points: a lower bound, by other means."""
    random, best = np.random.default_rng(3), 0.0
    for x in random.normal(size=(points, weights[0].shape[1])):
        jacobian = np.eye(len(x))
        for layer, (w, b) in enumerate(zip(weights, biases)):
            x, jacobian = w @ x + b, w @ jacobian
            if layer < len(weights) - 1:
                jacobian[x <= 0] = 0
                x = np.maximum(x, 0)
        best = max(best, np.linalg.norm(jacobian, 2))
    return best


class Run(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.build = pathlib.Path(scratch.name) / "build"
        for folder, file in (("cli", LIPCERT), ("check", LIPCHECK)):
            (self.build / folder).mkdir(parents=True)
            os.symlink(file, self.build / folder / file.name)
        self.docs = pathlib.Path(scratch.name) / "docs"
        self.docs.mkdir()

    def script(self, *options, code=0):
        done = subprocess.run([sys.executable, SCRIPT, self.build, "--no-install", *options],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def rows(self):
        with open(self.build / "bench" / "scoreboard.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_example(self):
        question = "controller example, R^n, 2"
        self.script("--only", question, "--docs", self.docs)
        rows = self.rows()
        measured = [r for r in rows if r["date"]]
        mine = next(r for r in measured if r["program"] == "lipcert")
        self.assertEqual((mine["work"], mine["status"]), (question, "proved, verified"))
        canonical = self.build / "network"
        subprocess.run([LIPCERT, "convert", SOURCE / "examples" / "controller.onnx", canonical], check=True)
        biases = [np.array([float.fromhex(w) for w in line.split()[1:]])
                  for line in canonical.read_text(encoding="ascii").splitlines() if line.startswith("bias")]
        self.assertGreaterEqual(float(mine["value"]), gradient(bench.weights(canonical), biases))
        self.assertGreater(float(mine["MiB"]), 1)
        for found in measured:
            if found["program"] in ("csdp", "dsdp5", "sdpa"):
                self.assertEqual(found["status"], "computed", found)
                self.assertAlmostEqual(float(found["value"]) / float(mine["value"]), 1, places=5, msg=str(found))
        for program in bench.COMMANDS:
            if program in bench.SDP and shutil.which(program):
                self.assertTrue(any(r["program"] == program for r in rows), program)
        self.assertEqual({r["program"] for r in rows if r["status"] == "not installed"} & {"auto-LiRPA"}, {"auto-LiRPA"})
        text = (self.docs / "scoreboard.md").read_text(encoding="utf-8")
        self.assertIn(f"| {question} | lipcert `tangent` |", text)
        self.assertNotIn(str(SOURCE), text)
        self.assertNotIn("26404", text)  # its network is not in this table
        self.script("--only", question)
        self.assertEqual(self.rows(), rows)  # seconds included: not measured again

    def test_words(self):
        self.assertIn("Exact: controller example", self.script("--list").stdout)
        self.assertIn("expected at least one measured row", self.script("--draw", code=1).stderr)
        (self.build / "check" / LIPCHECK.name).unlink()
        self.assertIn("expected a build with cli/lipcert and check/lipcheck", self.script("--list", code=1).stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
