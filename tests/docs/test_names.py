#!/usr/bin/env python3
"""Names that pages must not forget: test_names.py ROOT PROGRAM.

Methods of the program in the map of docs/README.md and in the guide, functions of include/lipcert.h
in docs/api.md, subcommands in docs/cli.md and the manual page."""
import os
import re
import subprocess
import sys
import unittest

ROOT, PROGRAM = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])


def read(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        return file.read()


def output(*arguments):
    return subprocess.run([PROGRAM, *arguments], check=True, stdout=subprocess.PIPE, timeout=60,
                          universal_newlines=True).stdout


def quoted(text):
    return set(re.findall(r"`([^`\n]+)`", text))


def methods():
    return {line.split()[0] for line in output("methods").splitlines()[1:]}


def rows(text, heading):
    """First cells of the table below a heading."""
    section = text.split("\n" + heading + "\n")[1].split("\n#")[0]
    return "\n".join(line.split("|")[1] for line in section.split("\n") if line.startswith("|"))


class Names(unittest.TestCase):
    def test_methods(self):
        found = methods()
        self.assertIn("product", found)
        self.assertEqual(quoted(rows(read("docs/README.md"), "### From a method to its page")), found)
        self.assertEqual(found - quoted(read("docs/guide.md")), set())

    def test_functions(self):
        header = re.sub(r"/\*.*?\*/", "", read("include/lipcert.h"), flags=re.S)
        declared = set(re.findall(r"LIP_API[^;]*?\b(lip_\w+)\s*\(", header))
        named = quoted(read("docs/api.md"))
        self.assertGreater(len(declared), 30)
        self.assertEqual(declared - named, set())
        known = set(re.findall(r"\blip_\w+", header))
        self.assertEqual({name for name in named if name.startswith("lip_")} - known, set())

    def test_guide_functions(self):
        header = read("include/lipcert.h")
        for name in set(re.findall(r"\blip_\w+", read("docs/guide.md") + read("docs/faq.md"))):
            self.assertIn(name, header)

    def test_subcommands(self):
        listed = re.findall(r"^  ([a-z]+) ", output("help").split("subcommands\n")[1].split("\n\n")[0],
                            flags=re.M)
        self.assertIn("bound", listed)
        page, manual = read("docs/cli.md"), read("docs/man/lipcert.1").replace("\\", "")
        self.assertEqual([name for name in listed if not re.search(r"`(lipcert )?%s\b" % name, page)], [])
        self.assertEqual([name for name in listed if not re.search(r"\b%s\b" % name, manual)], [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
