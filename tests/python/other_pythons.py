#!/usr/bin/env python3
"""The tests of this folder with the oldest and the newest other Python that has numpy.

    other_pythons.py LAYOUT [FOLDER]     run them; FOLDER holds virtual environments, FOLDER/*/bin/python
    other_pythons.py --install FOLDER    make virtual environments of the oldest and the newest Python
                                         that can be found, with numpy (pip fetches it)

Looked at are LIPCERT_PYTHONS (paths separated by colons), FOLDER/*/bin/python, python3.* in PATH and in
/usr/bin and /usr/local/bin, and those of pyenv."""
import glob
import os
import sys

import common

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = ("test_layout.py", "test_inputs.py", "test_results.py", "test_errors.py", "test_interrupt.py",
         "test_plot.py", "test_documents.py", "test_wheel.py")
OLDEST = (3, 6)


def candidates(folder):
    yield from filter(None, os.environ.get("LIPCERT_PYTHONS", "").split(":"))
    if folder:
        yield from sorted(glob.glob(os.path.join(folder, "*", "bin", "python")))
    places = os.environ.get("PATH", "").split(":") + ["/usr/bin", "/usr/local/bin"]
    for place in places:
        yield from sorted(glob.glob(os.path.join(place, "python3.[0-9]*")))
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    yield from sorted(glob.glob(os.path.join(pyenv, "versions", "*", "bin", "python")))


def pythons(folder, needs):
    """{version: path} of those that can import what is needed."""
    found = {}
    for path in candidates(folder):
        if path.endswith("-config") or not os.access(path, os.X_OK):
            continue
        try:
            status, out, _ = common.run(
                [path, "-c", "import sys, {}; print(*sys.version_info[:3])".format(needs)], check=False)
        except OSError:
            continue
        version = tuple(map(int, out.split())) if status == 0 else ()
        if version >= OLDEST:
            found.setdefault(version, path)
    return found


def ends(found):
    """The oldest and the newest, without doubles."""
    return sorted({min(found), max(found)}) if found else []


def install(folder):
    found = pythons(None, "venv")
    for version in ends(found):
        place = os.path.join(folder, ".".join(map(str, version)))
        print(place)
        common.run([found[version], "-m", "venv", place])
        common.run([os.path.join(place, "bin", "python"), "-m", "pip", "install", "--quiet",
                    "--disable-pip-version-check", "--only-binary", ":all:", "numpy"])


def main():
    if sys.argv[1:2] == ["--install"] and len(sys.argv) == 3:
        install(sys.argv[2])
        return
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    found = pythons(sys.argv[2] if len(sys.argv) == 3 else None, "numpy")
    found.pop(sys.version_info[:3], None)
    if not found:
        common.skip("no Python with numpy but {}".format(sys.executable))
    failed = []
    for version in ends(found):
        for test in TESTS:
            arguments = [sys.argv[1]] if test == "test_layout.py" else []
            status, out, err = common.run([found[version], os.path.join(HERE, test)] + arguments, check=False)
            last = (err.strip().splitlines() or [""])[-1]
            print("Python {} {}: {}".format(".".join(map(str, version)), test, last), flush=True)
            if status not in (0, common.SKIPPED):
                failed.append(test)
                print(out + err)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
