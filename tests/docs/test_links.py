#!/usr/bin/env python3
"""Links between the Markdown pages of the repository: test_links.py ROOT.

Every link that is not a web address leads to a file of the repository, and its anchor to a heading of
that page, as GitHub makes anchors.  Pages named in backquotes (`theory.md`) exist.  Web addresses are
not fetched, but have to be public ones; no page names a place on somebody's machine."""
import os
import re
import sys
import unittest

ROOT = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.getcwd()
SKIPPED = re.compile(r"^(build|\.)")  # folders that are not part of the repository
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^()\s]+)\)")
# an absolute path, but for those that every Unix system has
MACHINE = re.compile(r"(?<![\w.:/)\]])/(?!usr/|tmp\b|dev/|etc/|proc/|bin/|lib/)[A-Za-z]\w*/")
ADDRESS = re.compile(r"\b(?:https?|ftp)://[^\s)>\"'`]*")
PUBLIC = re.compile(r"https://([a-z][a-z0-9-]*\.)+[a-z]+(/|$)")  # no port, no number, no bare name
PACKAGE = re.compile(r"--(?:extra-)?index-url|GOPROXY|sources\.list")  # where this machine gets packages
# written for another folder: the page that `make reproduce` fills in
FOLDERS = {"bench/neurips2020-page.md": "docs", "bench/scoreboard-page.md": "docs"}


def pages():
    for folder, inner, names in os.walk(ROOT):
        inner[:] = sorted(name for name in inner if not SKIPPED.match(name))
        for name in sorted(names):
            if name.endswith(".md"):
                yield os.path.relpath(os.path.join(folder, name), ROOT)


def read(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        return file.read()


def prose(text):
    """A page without its blocks of code."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return re.sub(r"^    .*$", "", text, flags=re.M)


def anchor(heading):
    """The anchor that GitHub gives a heading."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip()).lower()
    return re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")


def anchors(text):
    seen, found = {}, set()
    for heading in re.findall(r"^#{1,6} +(.*?) *#*$", prose(text), flags=re.M):
        name = anchor(heading)
        found.add(name if name not in seen else "%s-%d" % (name, seen[name]))
        seen[name] = seen.get(name, 0) + 1
    return found


def problems(page, text):
    """What is wrong with the links of a page."""
    text = prose(text)
    folder = FOLDERS.get(page, os.path.dirname(page))
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, name = target.partition("#")
        full = os.path.normpath(os.path.join(folder, path)) if path else page
        if full.startswith("..") or os.path.isabs(path):
            yield "%s leads out of the repository" % target
        elif not os.path.exists(os.path.join(ROOT, full)):
            yield "%s: there is no %s" % (target, full)
        elif name and (not full.endswith(".md") or name not in anchors(read(full))):
            yield "%s: %s has no such heading" % (target, full)
    for name in re.findall(r"`((?:docs/)?[\w-]+\.md)`", text):
        places = [os.path.join(place, name) for place in ("", folder, "docs")]
        if not any(os.path.exists(os.path.join(ROOT, place)) for place in places):
            yield "`%s`: there is no such page" % name


class Links(unittest.TestCase):
    def test_pages(self):
        found = {page: list(problems(page, read(page))) for page in pages()}
        self.assertGreater(len(found), 10)
        self.assertIn("README.md", found)
        self.assertEqual({page: wrong for page, wrong in found.items() if wrong}, {})

    def test_nothing_private(self):
        for page in pages():
            for number, line in enumerate(read(page).split("\n"), 1):
                self.assertIsNone(MACHINE.search(line), "%s:%d: %s" % (page, number, line))
                self.assertIsNone(PACKAGE.search(line), "%s:%d: %s" % (page, number, line))
                for address in ADDRESS.findall(line):
                    self.assertRegex(address, PUBLIC, "%s:%d" % (page, number))

    def test_map(self):
        """docs/README.md links to every page of docs/."""
        linked = set(LINK.findall(read("docs/README.md")))
        there = {name for name in os.listdir(os.path.join(ROOT, "docs")) if name.endswith(".md")}
        self.assertEqual(there - linked - {"README.md"}, set())


class Tools(unittest.TestCase):
    """The test itself finds what is wrong."""

    def test_anchor(self):
        self.assertEqual(anchor("2. Arithmetic (`src/base/round.h`)"), "2-arithmetic-srcbaseroundh")
        self.assertEqual(anchor("`lipcert plot RESULT`, `lipcert report RECORDS`"),
                         "lipcert-plot-result-lipcert-report-records")
        self.assertEqual(anchors("# A\n\n## A\n\n    # code\n"), {"a", "a-1"})

    def test_wrong_links(self):
        for text in ("[a](no-such-page.md)", "[a](theory.md#no-such-heading)", "[a](../../etc/passwd)",
                     "[a](#nothing)", "`nothing.md`", "![a](nothing.png)", "[`a` [b]](nothing.md)",
                     "[a](/etc)", "[a](bounds.svg#x)"):
            self.assertEqual(len(list(problems("docs/guide.md", text))), 1, text)
        for text in ("[a](theory.md#references)", "[a](../README.md)", "`theory.md`", "[a](https://x.y/z)",
                     "    [a](nothing.md)\n"):
            self.assertEqual(list(problems("docs/guide.md", text)), [], text)

    def test_private(self):
        for text in ("see /home/me/x", "(/opt/some/thing)", "`/data/net.onnx`"):
            self.assertTrue(MACHINE.search(text), text)
        for text in ("a network/home and ./here/x", "/usr/bin/python3", "and/or", "1 / n / m", "/tmp"):
            self.assertFalse(MACHINE.search(text), text)
        for text in ("http://10.0.0.1/x", "https://mirror/simple", "https://host.example.org:8080/x"):
            self.assertFalse(PUBLIC.match(ADDRESS.search(text).group()), text)
        self.assertTrue(PUBLIC.match("https://semver.org/spec/v2.0.0.html"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
