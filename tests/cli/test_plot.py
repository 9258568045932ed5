#!/usr/bin/env python3
"""`lipcert plot` and `lipcert report` from the outside: usage: test_plot.py PROGRAM ROOT

Figures are read back as XML and compared with the documents they show; text from outside must stay text; the
page's table is sorted in headless Chromium, where there is one."""
import html.parser
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

import numpy as np

PROGRAM, ROOT = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(ROOT / "tests" / "cli"))
import networks  # noqa: E402  pylint: disable=wrong-import-position

LIMIT = 120
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SVG = "{http://www.w3.org/2000/svg}"
SMALL = ["--samples", "50", "--starts", "2", "--steps", "10", "--sweeps", "1"]
NASTY = "a<b>&\"c'\x1b\xe9 <script>.npz"


def run(*arguments, code=0):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          timeout=LIMIT, check=False)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}: {done.stderr}")
    return done.stdout if code == 0 else done.stderr


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def parts(svg, tag, kind=None):
    return [e for e in svg.iter(SVG + tag) if kind is None or kind in e.get("class", "").split()]


class Page(html.parser.HTMLParser):
    """The cells of the table, the tags, and addresses of other files."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.tags, self.links, self.cell = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href")]
        if tag == "tr":
            self.rows.append([])
        self.cell = tag in ("td", "th")
        if self.cell:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.cell = False

    def handle_data(self, data):
        if self.rows and self.rows[-1] and "table" in self.tags and self.cell is not None and data.strip():
            self.rows[-1][-1] += data


class Plot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = os.getcwd()
        cls.folder = tempfile.TemporaryDirectory()
        os.chdir(cls.folder.name)
        networks.write_all()
        shutil.copy("net.npz", NASTY)
        run("bound", "net.npz", "--output", "0", "--box", "0.3", "0.5", *SMALL, "--json", "bound.json")
        run("bound", "wide.npz", "--all-margins", "--box", "0", "0.1", "--method", "product,interval,lbs",
            *SMALL, "--json", "margins.json")
        run("radius", "wide.npz", "--input", "0.2", "--method", "product,interval", "--json", "radius.json")

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.home)
        cls.folder.cleanup()

    def plot(self, document, *options):
        text = run("plot", document, *options)
        self.assertEqual(text, run("plot", document, *options))  # the same bytes again
        run("plot", document, *options, "-o", "out.svg")
        with open("out.svg", encoding="utf-8") as file:
            self.assertEqual(file.read(), text)
        self.assertIn("prefers-color-scheme:dark", text)
        svg = ElementTree.fromstring(text)
        width, height = (float(svg.get(k)) for k in ("width", "height"))
        for e in svg.iter():
            for key in "x", "cx", "x1", "x2":
                self.assertTrue(0 <= float(e.get(key, 0)) <= width, e.attrib)
            for key in "y", "cy", "y1", "y2":
                self.assertTrue(0 <= float(e.get(key, 0)) <= height, e.attrib)
        self.assertFalse(re.search(r'="[^"]*\b(nan|inf)\b|http(?!://www\.w3\.org/2000/svg)', text))
        return svg

    def test_bound(self):
        """A dot for every method at the place of its value; a step of the curve for every improvement."""
        got = load("bound.json")
        svg = self.plot("bound.json")
        big = {side: [e for e in parts(svg, "circle", side) if e.get("r") == "5"] for side in ("upper", "lower")}
        for side, sign in (("upper", 1), ("lower", -1)):
            values = [s["value"] for s in got["steps"] if s["side"] == side and s["value"]]
            dots = [e for e in big[side] if e.find(SVG + "title") is not None]
            self.assertEqual(len(dots), len(values))
            for e, value in zip(dots, values):
                shown = float(re.search(r"bound (\S+),", e.find(SVG + "title").text).group(1))
                self.assertLess(abs(shown / value - 1), 1e-5)
            order = np.argsort(values, kind="stable")
            places = [float(dots[k].get("cx")) for k in order]
            self.assertEqual(places, sorted(places))
            points = [m for m in got["history"] if m[side]]
            count = len({m[side] for m in points})
            self.assertEqual(points[-1][side], got[side])
            self.assertEqual([m["seconds"] for m in points], sorted(m["seconds"] for m in points))
            self.assertEqual([sign * m[side] for m in points], sorted((sign * m[side] for m in points), reverse=True))
            small = [e for e in parts(svg, "circle", side) if e.get("r") == "3.5"]
            self.assertEqual(len(small), count)
            heights = [float(e.get("cy")) for e in small]
            self.assertEqual(heights, sorted(heights, reverse=sign < 0))
        names = [e.text for e in parts(svg, "text", "end")]
        for step in got["steps"]:
            self.assertIn(step["method"], names)

    def test_margins(self):
        got = load("margins.json")
        m = got["network"]["outputs"]
        cells = parts(self.plot("margins.json"), "rect", "heat")
        self.assertEqual(len(cells), m * (m - 1))
        shades = {}
        for e in cells:
            side, i, j, shown = re.fullmatch(r"(lower|upper) bound of L for (\d+),(\d+): (\S+)",
                                             e.find(SVG + "title").text).groups()
            i, j = int(i), int(j)
            value = got[f"{side}_matrix"][i][j]
            self.assertEqual(side, "upper" if i < j else "lower")
            self.assertLess(abs(float(shown) / value - 1), 1e-2)
            shades[value] = float(e.get("fill-opacity"))
        order = [shades[v] for v in sorted(shades)]
        self.assertEqual(order, sorted(order))
        self.assertGreater(order[-1], 0.99)

    def test_radius(self):
        got = load("radius.json")
        bars = parts(self.plot("radius.json"), "rect", "lower")
        self.assertEqual(len(bars), len(got["classes"]))
        for e, entry in zip(bars, got["classes"]):
            widest = max(c["radius"] for c in got["classes"])
            full = max(float(b.get("width")) for b in bars)
            self.assertLess(abs(float(e.get("width")) / full - entry["radius"] / widest), 0.01)

    def test_gradient(self):
        """Every pixel has the sign and the relative size of the Jacobian at the witness."""
        run("bound", "wide.npz", "--margin", "1,3", "--box", "0", "0.1", *SMALL, "--method", "product,lbs",
            "--json", "wide.json")
        np.save("w.npy", load("wide.json")["witness"]["x"])
        rows = run("eval", "wide.npz", "--input", "w.npy", "--jacobian").split("\n")[5:10]
        jacobian = np.array([[float(v) for v in row.split()] for row in rows])
        g = jacobian[1] - jacobian[3]
        for shape, at in (("4x5", lambda p: p[0] * 5 + p[1]), ("2x2x5", lambda p: None), ("5x4", lambda p: p[0] * 4 + p[1])):
            svg = self.plot("wide.json", "--shape", shape)
            cells = [e for e in svg.iter(SVG + "rect")
                     if e.find(SVG + "title") is not None and e.get("fill-opacity")]
            self.assertEqual(len(cells), 20)
            found = []
            for e in cells:
                i, j, v = re.fullmatch(r"(\d+),(\d+): (\S+)", e.find(SVG + "title").text).groups()
                v = float(v)
                found.append(v)
                self.assertEqual(e.get("class"), "upper" if v > 0 else "lower")
                self.assertLess(abs(float(e.get("fill-opacity")) - abs(v) / np.abs(g).max()), 1e-3)
                if at((int(i), int(j))) is not None:
                    self.assertLess(abs(v - g[at((int(i), int(j)))]), 1e-4 * np.abs(g).max())
            np.testing.assert_allclose(sorted(found), sorted(g), rtol=1e-5)

    def test_some_figures(self):
        """Some of the figures, whatever their order, are those of the whole picture."""
        run("bound", "wide.npz", "--output", "1", *SMALL, "--method", "product,lbs", "--json", "some.json")
        names = {"time": "Bounds against time", "methods": "Bounds by method", "gradient": "Gradient at the witness"}

        def shown(*options):
            return [e.text for e in parts(self.plot("some.json", *options), "text", "title")][1:]

        whole = shown("--shape", "4x5")
        self.assertEqual(len(whole), 3)
        for figure, title in names.items():
            shape = ["--shape", "4x5"] if figure == "gradient" else []
            self.assertTrue(any(text.startswith(title) for text in shown("--figure", figure, *shape)), whole)
            self.assertEqual(len(shown("--figure", figure, *shape)), 1)
        self.assertEqual(shown("--figure", "gradient,time,methods", "--shape", "4x5"), whole)
        self.assertEqual(shown("--figure", "methods,time"), whole[:2])
        for document, figure in (("margins.json", "margins"), ("radius.json", "classes")):
            self.assertEqual(run("plot", document), run("plot", document, "--figure", figure))

    def test_network(self):
        """The network may have moved, and have another format; it may not be another one."""
        run("bound", "wide.npz", "--output", "1", *SMALL, "--method", "product,lbs", "--json", "here.json")
        expected = run("plot", "here.json", "--shape", "4x5")
        run("convert", "wide.npz", "wide.canonical")
        document = load("here.json")
        document["network"]["path"] = "gone.npz"
        with open("gone.json", "w", encoding="utf-8") as file:
            json.dump(document, file)
        self.assertIn("gone.npz", run("plot", "gone.json", "--shape", "4x5", code=2))
        for name in "wide.npz", "wide.canonical":
            moved = run("plot", "gone.json", "--shape", "4x5", "--network", name)
            self.assertEqual(moved.replace("gone.npz", "wide.npz"), expected)
        self.assertIn("another one", run("plot", "gone.json", "--shape", "4x5", "--network", "net.npz", code=2))

    def test_text_stays_text(self):
        run("bound", NASTY, "--output", "0", "--method", "product", "--json", "nasty.json")
        svg = self.plot("nasty.json")
        self.assertEqual(parts(svg, "text")[0].text, NASTY.replace("\x1b", "?"))
        self.assertEqual(parts(svg, "script"), [])

    def test_refusals(self):
        documents = {"broken.json": "{", "other.json": '{"document": "lipcert info"}', "list.json": "[1]",
                     "empty.json": '{"document": "lipcert bound", "steps": []}',
                     "ragged.json": '{"document": "lipcert margins", "lower_matrix": [[0, 1], [1]], '
                                    '"upper_matrix": [[0, 1], [1, 0]]}'}
        for name, text in documents.items():
            with open(name, "w", encoding="utf-8") as file:
                file.write(text)
        for arguments, code, fragment in (
                (["absent.json"], 2, "absent.json"), *(([name], 2, name) for name in documents),
                (["bound.json", "--shape", "3"], 1, "--shape"), (["bound.json", "--shape", "3x3"], 1, "2 pixels"),
                (["bound.json", "--shape", "0x2"], 1, "--shape"), (["margins.json", "--shape", "4x5"], 1, "--shape"),
                (["bound.json", "--figure", "pie"], 1, "unknown figure 'pie'"), (["bound.json", "--figure", "time,"], 1, "''"),
                (["bound.json", "--figure", "gradient"], 1, "needs --shape"), (["bound.json", "--network", "net.npz"], 1, "--shape"),
                (["bound.json", "--figure", "time", "--shape", "1x2"], 1, "no use"),
                (["bound.json", "--figure", "margins"], 1, "found 'lipcert bound'"),
                (["radius.json", "--figure", "time"], 1, "found 'lipcert radius'"),
                (["bound.json", "--out", "bound.json"], 1, "replace"), (["bound.json", "-o"], 1, "--out"),
                (["bound.json", "--out", "no/such/file"], 4, "no/such/file")):
            message = run("plot", *arguments, code=code)
            self.assertRegex(message, r"\Alipcert: [^\n]+\n\Z")
            self.assertIn(fragment, message)
        shutil.copy("bound.json", "moved.json")
        document = load("moved.json")
        document["network"]["sha256"] = "0" * 64
        with open("moved.json", "w", encoding="utf-8") as file:
            json.dump(document, file)
        self.assertIn("another one", run("plot", "moved.json", "--shape", "1x2", code=2))


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = os.getcwd()
        cls.folder = tempfile.TemporaryDirectory()
        os.chdir(cls.folder.name)
        networks.write_all()
        shutil.copy("net.npz", NASTY.replace("\x1b", "").replace('"', ""))
        name = NASTY.replace("\x1b", "").replace('"', "")
        with open("list.csv", "w", encoding="utf-8") as file:
            file.write("network,input,eps,output,method\n")
            for k, eps in enumerate((0.1, 3, 0.7, 0.01, 20, 1)):
                file.write(f"net.npz,{k},{eps},{k % 2},\"product,interval,lbs\"\n")
            file.write(f"absent.npz,0,1,0,product\n{name},0,1,0,product\n")
        subprocess.run([PROGRAM, "sweep", "list.csv", "--quiet"], check=False, timeout=LIMIT,
                       stdout=subprocess.DEVNULL)
        with open("list.jsonl", "a", encoding="utf-8") as file:
            file.write('{"torn": \n')
        run("report", "list.jsonl", "-o", "report.html")
        with open("report.html", encoding="utf-8") as file:
            cls.text = file.read()

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.home)
        cls.folder.cleanup()

    def records(self):
        with open("list.jsonl", encoding="utf-8") as file:
            lines = [json.loads(line) for line in file.read().splitlines()[:-1]]
        return sorted(lines, key=lambda r: r["line"])

    def test_page(self):
        page, records = Page(self.text), self.records()
        self.assertEqual(page.links, [])
        self.assertEqual((page.tags.count("script"), page.tags.count("svg")), (1, 2))
        self.assertNotRegex(self.text, r"https?://")
        self.assertEqual(self.text, run("report", "list.jsonl"))
        self.assertIn("1 line skipped that is no record", self.text)
        body = page.rows[1:]
        self.assertEqual(len(body), len(records))
        for cells, record in zip(body, records):
            self.assertEqual(cells[0], str(record["line"]))
            self.assertEqual(cells[1], " ".join(record["arguments"]))
            if record["status"] == "failed":
                self.assertIn(record["error"], cells[2])
                continue
            lower, upper = record["result"]["lower"], record["result"]["upper"]
            self.assertTrue(lower * (1 - 1e-6) <= float(cells[2]) <= lower)
            self.assertTrue(upper <= float(cells[3]) <= upper * (1 + 1e-6))
        for svg in re.findall(r"<svg.*?</svg>", self.text, re.S):
            ElementTree.fromstring(svg)

    def test_sorting(self):
        """In a browser: a click sorts by the number, a second one turns the order round."""
        if not CHROMIUM:
            self.skipTest("no Chromium; on Debian: apt-get install chromium")
        probe = ("<script>var b=document.querySelectorAll('#t th button'),o={};function r(){return Array.from("
                 "document.querySelectorAll('#t tbody tr'),function(t){return t.cells[0].textContent})}"
                 "b.forEach(function(e,k){e.click();var up=r();e.click();o[k]=[up,r()]});"
                 "document.title=JSON.stringify(o);</script></body>")
        with open("probe.html", "w", encoding="utf-8") as file:
            file.write(self.text.replace("</body>", probe))
        done = subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
                               f"--user-data-dir={os.getcwd()}/profile", f"file://{os.getcwd()}/probe.html"],
                              capture_output=True, text=True, timeout=LIMIT, check=False)
        title = re.search(r"<title>(.*?)</title>", done.stdout, re.S)
        self.assertTrue(title, done.stderr[-500:])
        orders = json.loads(title.group(1).replace("&quot;", '"'))
        records = {str(r["line"]): r for r in self.records()}
        good = [line for line, r in records.items() if r["status"] == "done"]
        for column, key in ((0, lambda r: r["line"]), (2, lambda r: r["result"]["lower"]),
                            (3, lambda r: r["result"]["upper"]), (4, lambda r: r["result"]["gap"]),
                            (6, lambda r: r["wall"])):
            up, down = orders[str(column)]
            self.assertEqual(sorted(up), sorted(records))
            values = [key(records[line]) for line in up if line in good]
            self.assertEqual(values, sorted(values))
            values = [key(records[line]) for line in down if line in good]
            self.assertEqual(values, sorted(values, reverse=True))

    def test_refusals(self):
        with open("none.jsonl", "w", encoding="utf-8") as file:
            file.write("nothing\n")
        for arguments, code, fragment in (
                (["absent.jsonl"], 2, "absent.jsonl"), (["none.jsonl"], 2, "none.jsonl"),
                (["list.jsonl", "--out", "list.jsonl"], 1, "replace"),
                (["list.jsonl", "--out", "no/such/file"], 4, "no/such/file")):
            message = run("report", *arguments, code=code)
            self.assertRegex(message, r"\Alipcert: [^\n]+\n\Z")
            self.assertIn(fragment, message)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
