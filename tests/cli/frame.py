"""What the tests of the program from the outside have in common: TEST.py PROGRAM [ROOT]."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import networks

if len(sys.argv) < 2:
    sys.exit(f"usage: {os.path.basename(sys.argv[0])} PROGRAM [ROOT]")
PROGRAM = os.path.abspath(sys.argv[1])
ROOT = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None  # the source tree
LIMIT = 120  # seconds: a hang is a failure
SMALL = ["--samples", "20", "--starts", "2", "--steps", "5", "--sweeps", "1"]
LONG = ["--samples", "100000000", "--time", "1000", "--method", "product,lbs"]


def run(*arguments, **keywords):
    keywords.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([PROGRAM, *map(str, arguments)], stderr=subprocess.PIPE, text=True,
                          timeout=LIMIT, **keywords)


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = os.getcwd()
        cls.folder = tempfile.TemporaryDirectory()
        os.chdir(cls.folder.name)
        networks.write_all()

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.home)
        cls.folder.cleanup()

    def good(self, *arguments, **keywords):
        answer = run(*arguments, **keywords)
        self.assertEqual((answer.returncode, answer.stderr), (0, ""), arguments)
        return answer.stdout

    def bound(self, *arguments):
        return json.loads(self.good("bound", *arguments, *SMALL, "--json", "-"))


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
