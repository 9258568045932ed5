#!/usr/bin/env python3
"""The wheel: built twice, the same bytes; installed into a virtual environment by pip, and used from
another folder, where neither the checkout nor the environment helps."""
import base64
import hashlib
import os
import shutil
import sys
import tempfile
import unittest
import zipfile

import common

BUILD = os.path.join(common.ROOT, "python", "build_wheel.py")
LIBRARY, CHECKER, PROGRAM = (os.environ["LIPCERT_" + name] for name in ("LIBRARY", "LIPCHECK", "PROGRAM"))
CLEAN = {key: value for key, value in os.environ.items()
         if not key.startswith("LIPCERT_") and key not in ("PYTHONPATH", "PYTHONHOME")}
USE = """
import os, sys, lipcert, pickle
assert os.path.dirname(lipcert.__file__).startswith(sys.prefix), lipcert.__file__
assert lipcert.library_path().startswith(os.path.dirname(lipcert.__file__)), lipcert.library_path()
net = [([[1.0, -1.0], [0.5, 2.0]], [0.1, 0.2]), ([[1.0, 1.0]], None)]
result = lipcert.bound(net, region=lipcert.Box(0, 1))
assert result.lower <= result.upper
assert result.plot().startswith("<svg ")
print(lipcert.__version__, lipcert.check(net, result), len(lipcert.settings()) > 5)
"""


def build(folder):
    out = common.run([sys.executable, BUILD, "--library", LIBRARY, "--checker", CHECKER, "--program", PROGRAM,
                      "--out", folder],
                     env=CLEAN)[1]
    return out.strip()


class Wheel(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.wheel = build(os.path.join(self.folder.name, "one"))

    def test_contents(self):
        again = build(os.path.join(self.folder.name, "two"))
        with open(self.wheel, "rb") as one, open(again, "rb") as two:
            self.assertEqual(one.read(), two.read())
        self.assertRegex(os.path.basename(self.wheel), r"^lipcert-[0-9.]+-py3-none-\w+\.whl$")
        with zipfile.ZipFile(self.wheel) as archive:
            self.assertIsNone(archive.testzip())
            names = archive.namelist()
            self.assertEqual(len(names), len(set(names)))
            record = next(name for name in names if name.endswith("/RECORD"))
            rows = [line.split(",") for line in archive.read(record).decode().splitlines()]
            self.assertEqual([row[0] for row in rows], names)
            for name, digest, size in rows:
                if name != record:
                    data = archive.read(name)
                    sha = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                    self.assertEqual((digest, int(size)), ("sha256=" + sha, len(data)))
            for module in os.listdir(os.path.join(common.ROOT, "python", "lipcert")):
                if module.endswith(".py") or module == "py.typed":
                    self.assertIn("lipcert/" + module, names)
            with open(LIBRARY, "rb") as file:
                self.assertEqual(archive.read("lipcert/lib/liblipcert.so.0"), file.read())
            self.assertIn("lipcert/lipcert_settings.h", names)
            for name, source in (("lipcheck", CHECKER), ("lipcert", PROGRAM)):
                with open(source, "rb") as file:
                    self.assertEqual(archive.read("lipcert/lib/" + name), file.read())
                self.assertEqual(archive.getinfo("lipcert/lib/" + name).external_attr >> 16 & 0o777, 0o755)

    def test_missing_parts(self):
        status, _, err = common.run([sys.executable, BUILD, "--library", "missing.so", "--out",
                                     self.folder.name], check=False, env=CLEAN)
        self.assertEqual((status, err.strip()), (1, "build_wheel: missing.so: expected the shared library, "
                                                 "found no such file; build lipcert first"))
        for option, what in (("--checker", "lipcheck"), ("--program", "lipcert")):
            command = [sys.executable, BUILD, "--library", LIBRARY, "--checker", CHECKER, "--program", PROGRAM,
                       "--out", self.folder.name, option, "missing"]
            status, _, err = common.run(command, check=False, env=CLEAN)
            self.assertEqual((status, err.strip()), (1, "build_wheel: missing: expected the program {}, found no "
                                                     "such file; build lipcert first".format(what)))

    def venv(self):
        """A virtual environment that sees numpy, and its Python."""
        place = os.path.join(self.folder.name, "venv")
        try:
            common.run([sys.executable, "-m", "venv", "--system-site-packages", place], env=CLEAN)
        except AssertionError as problem:
            self.skipTest("no virtual environment here: {}".format(str(problem).splitlines()[-1]))
        python = os.path.join(place, "bin", "python")
        if common.run([python, "-c", "import numpy"], check=False, env=CLEAN)[0]:
            # our own interpreter is in a virtual environment that has numpy: lend it
            import numpy
            home = os.path.dirname(os.path.dirname(numpy.__file__))
            site = common.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                              env=CLEAN)[1].strip()
            with open(os.path.join(site, "numpy.pth"), "w") as file:
                file.write(home + "\n")
        return python

    def use(self, python):
        out = common.run([python, "-c", USE], cwd="/", env=CLEAN)[1]
        self.assertRegex(out, r"^[0-9.]+ <Check verified> True$")

    def test_install(self):
        python = self.venv()
        pip = [python, "-m", "pip", "--disable-pip-version-check"]
        if common.run(pip + ["--version"], check=False, env=CLEAN)[0]:
            self.skipTest("no pip in the virtual environment")
        common.run(pip + ["install", "--no-index", "--no-deps", self.wheel], env=CLEAN)
        moved = os.path.join(self.folder.name, "one")
        shutil.rmtree(moved)
        self.use(python)
        common.run(pip + ["uninstall", "-y", "lipcert"], env=CLEAN)
        self.assertNotEqual(common.run([python, "-c", "import lipcert"], check=False, cwd="/", env=CLEAN)[0], 0)

    def test_pip_from_the_checkout(self):
        """`pip install ./python` goes through pyproject.toml; pip before 21.3 builds in a copy."""
        python = self.venv()
        pip = [python, "-m", "pip", "--disable-pip-version-check"]
        status, out, _ = common.run(pip + ["--version"], check=False, env=CLEAN)
        if status or tuple(int(v) for v in out.split()[1].split(".")[:2]) < (21, 3):
            self.skipTest("pip is too old: " + out.strip())
        environment = dict(CLEAN, LIPCERT_LIBRARY=LIBRARY, LIPCERT_LIPCHECK=CHECKER, LIPCERT_PROGRAM=PROGRAM)
        common.run(pip + ["install", "--no-index", "--no-deps", os.path.join(common.ROOT, "python")],
                   env=environment)
        self.use(python)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
