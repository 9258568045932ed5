"""bench/neurips2020.py: its networks, and a run of the smallest ones from start to page.

    usage: test_neurips2020.py SOURCE LIPCERT LIPCHECK

    networks    the same seed gives the same numbers, whatever the sparsity; another seed others; bands
                counted one by one; ranges of the numbers; matrices that fit together
    tables      a lower bound above an upper one, or a refined bound above a coarser one, is reported
    run         every run has a row, a bound and a verified certificate; bounds enclose gradients that numpy computes;
                stopped and taken up makes the same table and runs nothing twice; figures are well-formed
"""
import csv
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

import numpy as np

SOURCE, LIPCERT, LIPCHECK = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
SCRIPT = SOURCE / "bench" / "neurips2020.py"
sys.path.insert(0, str(SCRIPT.parent))
import neurips2020 as bench  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


def largest_gradient(arrays, centre, size, points=300):
    """The largest 1-norm of a gradient at random points of the box: a lower bound, by other means."""
    random, best = np.random.RandomState(1), 0.0
    last = len(arrays) // 2 - 1
    for x in centre + size * random.uniform(-1, 1, (points, len(centre))):
        jacobian = np.eye(len(x))
        for layer in range(last + 1):
            x, jacobian = (arrays[f"W{layer}"] @ x + arrays[f"b{layer}"], arrays[f"W{layer}"] @ jacobian)
            if layer < last:
                jacobian[x <= 0] = 0
                x = np.maximum(x, 0)
        best = max(best, abs(jacobian).sum())
    return best


class Networks(unittest.TestCase):
    def test_same_seed_same_numbers(self):
        first, second = (bench.generate("20-20-10", 8, 3) for _ in range(2))
        self.assertEqual(bench.digest(*first), bench.digest(*second))
        self.assertNotEqual(bench.digest(*first), bench.digest(*bench.generate("20-20-10", 8, 4)))
        self.assertNotEqual(bench.digest(*first), bench.digest(*bench.generate("20-20-10", 12, 3)))

    def test_sparsities_share_their_numbers(self):
        dense, centre = bench.generate("20-20-10", 40, 5)
        for sparsity in (1, 8, 21):
            arrays, middle = bench.generate("20-20-10", sparsity, 5)
            np.testing.assert_array_equal(middle, centre)
            for name, array in arrays.items():
                kept = array != 0
                np.testing.assert_array_equal(array[kept], dense[name][kept])
                self.assertTrue(kept.all() or name in ("W0", "W1"), name)

    def test_bands(self):
        for sparsity in (1, 2, 3, 8, 19, 39):
            arrays, _ = bench.generate("20-20-10", sparsity, 0)
            for name, rows in (("W0", 20), ("W1", 10)):
                self.assertEqual(arrays[name].shape, (rows, 20))
                for i in range(rows):
                    for j in range(20):
                        self.assertEqual(arrays[name][i, j] != 0, 2 * abs(i - j) <= sparsity - 1,
                                         (sparsity, name, i, j))
        self.assertTrue((bench.generate("20-20", 39, 0)[0]["W0"] != 0).all())
        self.assertFalse((bench.generate("20-20", 38, 0)[0]["W0"] != 0).all())

    def test_ranges(self):
        arrays, centre = bench.generate("40-40", 80, 1)
        self.assertEqual([a.shape for a in arrays.values()], [(40, 40), (40,), (1, 40), (1,)])
        self.assertEqual(centre.shape, (40,))
        most = 40 ** -.5
        self.assertLessEqual(abs(arrays["W0"]).max(), most)
        self.assertGreater(abs(arrays["W0"]).max(), .99 * most)  # 1,600 numbers
        self.assertLess(abs(arrays["W0"].mean()), most / 10)

    def test_sets(self):
        for chosen in (bench.REDUCED, bench.FULL):
            asked = list(bench.questions(chosen, 2))
            self.assertEqual(len(asked), len(set(asked)))
            for name, sparsities in chosen.items():
                self.assertLessEqual(max(sparsities), 2 * bench.widths(name)[0], name)
        self.assertEqual(bench.FULL["80-80"], tuple(range(10, 90, 10)))
        self.assertNotIn("tangent", bench.methods("20-20"))
        self.assertNotIn("shor", bench.methods("20-20-10"))


def row(method, bound, complete="yes"):
    return dict.fromkeys(bench.COLUMNS, "-") | {
        "network": "3-4", "sparsity": "2", "seed": "0", "region": "local", "method": method, "bound": bound,
        "side": bench.METHODS[method][0], "complete": complete, "CPU s": "0.1", "MiB": "9", "verified": "yes"}


class Tables(unittest.TestCase):
    def test_contradictions(self):
        self.assertEqual(bench.contradictions([row("lbs", "1"), row("hr1", "2"), row("hr2-blocks", "1.5")]), [])
        self.assertEqual(len(bench.contradictions([row("lbs", "2.1"), row("hr1", "2")])), 1)
        self.assertEqual(len(bench.contradictions([row("hr1", "2"), row("hr2-blocks", "2.1")])), 1)
        self.assertEqual(bench.contradictions([row("hr1", "2", "no"), row("hr2-blocks", "2.1")]), [])
        self.assertEqual(bench.contradictions([row("lbs", "-"), row("hr1", "2")]), [])

    def test_cells(self):
        self.assertEqual(bench.cell([row("hr1", "2"), row("hr1", "4")], "bound", 5), "3")
        self.assertEqual(bench.cell([row("hr1", "2"), row("hr1", "-", "no")], "bound", 5), "2* (1)")
        self.assertEqual(bench.cell([row("hr1", "-", "no")], "bound", 5), "none")
        self.assertEqual(bench.cell([], "bound", 5), "")

    def test_ticks(self):
        for low, high in ((1e-3, 50), (.5, 1.7), (1.30, 1.41), (4.7, 5.4), (.0563, .0564), (1, 3e5)):
            marks = bench.figures.ticks(low, high)
            self.assertTrue(all(low <= m <= high for m in marks) and marks == sorted(set(marks)), (low, high, marks))
            self.assertTrue(len(marks) <= 8 and (len(marks) >= 3 or high / low < 1.05), (low, high, marks))

    def test_options(self):
        self.assertEqual((bench.parse(["b"]).time, bench.parse(["b"]).seeds), (10.0, 2))
        self.assertEqual((bench.parse(["b", "--full"]).time, bench.parse(["b", "--full"]).seeds), (600.0, 10))
        self.assertIsInstance(bench.parse(["b", "--docs"]).docs, str)


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
        done = subprocess.run([sys.executable, SCRIPT, self.build, "--small", "--seeds", "1", "--time", "60", *options],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def rows(self):
        with open(self.build / "bench" / "neurips2020.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def check_row(self, found):
        label = str(found)
        self.assertEqual((found["verified"], found["complete"]), ("yes", "yes"), label)
        arrays, centre = bench.generate(found["network"], int(found["sparsity"]), 0)
        self.assertEqual(found["net"], bench.digest(arrays, centre))
        sampled = largest_gradient(arrays, centre, float(bench.REGIONS[found["region"]]))
        product = np.prod([abs(a).sum(1).max() for name, a in arrays.items() if name[0] == "W"])
        bound = float(found["bound"])
        if found["side"] == "upper":
            self.assertGreaterEqual(bound, sampled * (1 - 1e-9), label)
            self.assertGreaterEqual(float(found["certified"]), sampled * (1 - 1e-9), label)
        else:
            self.assertLessEqual(bound, product, label)
        self.assertGreater(float(found["MiB"]), 1, label)
        self.assertGreater(float(found["CPU s"]), 0, label)

    def check_figure(self, name, methods):
        """Every method has a line, and only those; everything lies inside."""
        root = xml.parse(self.docs / name).getroot()
        self.assertEqual(root.tag, SVG + "svg")
        lines = root.findall(SVG + "polyline")
        drawn = {word[2:] for line in lines for word in line.get("class").split() if word.startswith("m-")}
        self.assertEqual(drawn, set(methods))
        self.assertIn("prefers-color-scheme: dark", root.find(SVG + "style").text)
        width, height = map(float, root.get("viewBox").split()[2:])
        for circle in root.findall(SVG + "circle"):
            self.assertTrue(0 < float(circle.get("cx")) < width and 0 < float(circle.get("cy")) < height)

    def test_stopped_and_taken_up(self):
        self.script("--limit", "5")
        first = self.rows()
        self.assertEqual(len(first), 5)
        done = self.script("--docs", self.docs)
        rows = self.rows()
        asked = {tuple(q) for q in bench.questions(bench.SMALL, 1)}
        self.assertEqual({bench.key_of(r)[:5] for r in rows}, asked)
        self.assertEqual(len(rows), len(asked))
        self.assertEqual([r for r in rows if r in first], first)  # seconds included: not measured again
        # without HiGHS lipopt has no bound and says so
        bounded = [r for r in rows if not (r["method"].startswith("lipopt") and "HiGHS" in r["note"])]
        for found in bounded:
            self.check_row(found)
        self.assertIn(f"verifies {len(bounded)} of", done.stdout)
        page = (self.docs / "neurips2020.md").read_text(encoding="utf-8")
        self.assertIn("| 3-4-3 | local | 8 |", page)
        self.assertNotIn("@", page)
        self.check_figure("neurips2020-bounds.svg", [r["method"] for r in bounded])
        self.check_figure("neurips2020-time.svg", [r["method"] for r in bounded if r["side"] == "upper"])
        self.script("--draw")
        self.assertEqual(self.rows(), rows)

    def test_a_contradiction_fails(self):
        self.script("--only", "3-4, sparsity 8, seed 0, local, shor")
        path = self.build / "bench" / "neurips2020.csv"
        rows = self.rows()
        rows[0]["verified"] = "s REJECTED"
        bench.write(path.__fspath__(), rows)
        self.assertIn("not verified", self.script("--draw", code=1).stderr)

    def test_nothing_to_draw(self):
        self.assertIn("found none", self.script("--draw", code=1).stderr)
        self.assertIn("no run has", self.script("--only", "99-99").stdout)
        (self.build / "check" / LIPCHECK.name).unlink()
        self.assertIn("expected a build with check/lipcheck", self.script("--draw", code=1).stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
