#!/usr/bin/env python3
"""The doctests of the package, the guide docs/python.md, and examples/python_example.py."""
import ast
import doctest
import importlib
import importlib.util
import os
import pkgutil
import re
import sys
import unittest

import numpy as np

import common
import lipcert

GUIDE = os.path.join(common.ROOT, "docs", "python.md")


def setUpModule():
    os.chdir(common.ROOT)  # the examples name files of the repository


class Doctests(unittest.TestCase):
    def test_modules(self):
        count = 0
        for module in [lipcert] + [importlib.import_module("lipcert." + item.name)
                                   for item in pkgutil.iter_modules(lipcert.__path__)]:
            done = doctest.testmod(module)
            self.assertEqual(done.failed, 0, module.__name__)
            count += done.attempted
        self.assertGreater(count, 20)

    def test_docstrings(self):
        """All that is public has one; __all__ is complete and sorted."""
        for name in lipcert.__all__:
            thing = getattr(lipcert, name)
            if name == "__version__":
                continue
            self.assertTrue(thing.__doc__, name)
            if isinstance(thing, type) and thing.__module__.startswith("lipcert"):
                for member, value in vars(thing).items():
                    if not member.startswith("_") and (callable(value) or isinstance(value, property)) \
                            and thing.__bases__ != (tuple,):
                        inherited = any(getattr(getattr(base, member, None), "__doc__", None)
                                        for base in thing.__mro__)
                        self.assertTrue(inherited, "{}.{}".format(name, member))
        self.assertEqual(lipcert.__all__, sorted(lipcert.__all__))


class Guide(unittest.TestCase):
    """The blocks of docs/python.md: sessions with >>> are doctests, all others have to be Python."""

    def setUp(self):
        with open(GUIDE, encoding="utf-8") as file:
            self.text = file.read()

    def sessions(self, text, name):
        """Run the sessions of a text; how many examples there were."""
        found = doctest.DocTestParser().get_doctest(text, {"lipcert": lipcert, "np": np}, name, name, 0)
        with common.folder():
            os.symlink(os.path.join(common.ROOT, "examples"), "examples")
            runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
            runner.run(found)
        self.assertEqual(runner.failures, 0)
        return len(found.examples)

    def test_sessions(self):
        self.assertGreater(self.sessions(self.text, "docs/python.md"), 15)

    def test_readme(self):
        path = os.path.join(common.ROOT, "README.md")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.sessions(file.read(), "README.md")

    def test_guide(self):
        with open(os.path.join(common.ROOT, "docs", "guide.md"), encoding="utf-8") as file:
            self.assertGreater(self.sessions(file.read(), "docs/guide.md"), 5)

    def test_names(self):
        """Every `lipcert.name` of the guide exists, and the guide names everything public."""
        named = set(re.findall(r"\blipcert\.([A-Za-z_]\w*)", self.text)) - {"h"}
        for name in named:
            self.assertTrue(hasattr(lipcert, name), name)
        words = set(re.findall(r"\w+", self.text))
        self.assertEqual({name for name in lipcert.__all__ if not name.startswith("_")} - words, set())

    def test_settings(self):
        """bound() names no setting as an argument of its own but time_limit."""
        arguments = lipcert.bound.__code__.co_varnames[:lipcert.bound.__code__.co_argcount +
                                                        lipcert.bound.__code__.co_kwonlyargcount]
        self.assertEqual(set(arguments) & set(lipcert.settings()), {"time_limit"})


class Example(unittest.TestCase):
    def test_runs(self):
        path = os.path.join(common.ROOT, "examples", "python_example.py")
        with open(path, encoding="utf-8") as file:
            ast.parse(file.read())
        with common.folder() as home:
            out = common.run([sys.executable, path], cwd=home)[1]
            self.assertEqual([name for name in os.listdir(home) if not name.startswith("digit-3-8.")], [])
            self.assertTrue(lipcert.check(common.DIGITS, "digit-3-8.cert"))
        bounds = re.findall(r"(\S+) <= L <= (\S+)", out)
        self.assertGreaterEqual(len(bounds), 3, out)
        for lower, upper in bounds:
            self.assertLessEqual(float(lower), float(upper))
        self.assertIn("verified", out)


class Types(unittest.TestCase):
    @unittest.skipUnless(importlib.util.find_spec("mypy"), "needs mypy")
    def test_mypy(self):
        status, out, err = common.run(
            [sys.executable, "-m", "mypy", "--strict", "--cache-dir", os.devnull,
             os.path.join(common.ROOT, "python", "lipcert")], check=False)
        self.assertEqual(status, 0, out + err)

    def test_marker(self):
        self.assertTrue(os.path.isfile(os.path.join(os.path.dirname(lipcert.__file__), "py.typed")))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
