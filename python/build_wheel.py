#!/usr/bin/env python3
"""Build the wheel of the Python package: the modules, the shared library, the programs, the settings header.

    build_wheel.py [--library FILE] [--checker FILE] [--program FILE] [--out FOLDER]

A wheel is a zip file with three text files beside the package (PEP 427), so the standard library is
enough: no setuptools, no network.  pyproject.toml names this file as the build backend (PEP 517), so
`pip install ./python` does the same.

The tag is py3-none-PLATFORM: nothing in it is for one version of Python, but the library is for one
kind of machine, and needs the libraries that it was linked with (OpenBLAS, LAPACKE, protobuf-c,
libzip, zlib, libmd, DSDP; the program lipcert, which draws
pictures, jansson too) where it is used.  The same inputs give the same bytes.
"""
import argparse
import base64
import hashlib
import os
import re
import stat
import sys
import sysconfig
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
LIBRARY = "liblipcert.0.dylib" if sys.platform == "darwin" else "liblipcert.so.0"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def version():
    text = read(os.path.join(HERE, "lipcert", "_version.py")).decode()
    return re.search(r'^__version__ = "([^"]+)"$', text, flags=re.M).group(1)


def platform_tag():
    return re.sub(r"[^0-9A-Za-z]", "_", sysconfig.get_platform())


def metadata():
    return "".join(line + "\n" for line in (
        "Metadata-Version: 2.1", "Name: lipcert", "Version: " + version(),
        "Summary: Certified Lipschitz constants of ReLU networks", "License: MIT",
        "Requires-Python: >=3.6", "Requires-Dist: numpy",
        "Classifier: License :: OSI Approved :: MIT License",
        "Classifier: Programming Language :: Python :: 3", "Classifier: Typing :: Typed",
        "Description-Content-Type: text/markdown", "",
        read(os.path.join(HERE, "README.md")).decode())).encode()


def wheel_file():
    return "Wheel-Version: 1.0\nGenerator: lipcert build_wheel\nRoot-Is-Purelib: false\n" \
        "Tag: py3-none-{}\n".format(platform_tag()).encode()


def contents(library, checker, program):
    """(name in the wheel, bytes, executable), without RECORD."""
    package = os.path.join(HERE, "lipcert")
    for name in sorted(os.listdir(package)):
        if name.endswith(".py") or name == "py.typed":
            yield "lipcert/" + name, read(os.path.join(package, name)), False
    header = os.path.join(ROOT, "include", "lipcert_settings.h")
    yield "lipcert/lipcert_settings.h", read(header), False
    yield "lipcert/lib/" + LIBRARY, read(library), True
    yield "lipcert/lib/lipcheck", read(checker), True
    yield "lipcert/lib/lipcert", read(program), True
    info = "lipcert-{}.dist-info/".format(version())
    yield info + "LICENSE", read(os.path.join(ROOT, "LICENSE")), False
    yield info + "METADATA", metadata(), False
    yield info + "WHEEL", wheel_file(), False


def add(archive, name, data, executable):
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)


def write(folder, library, checker, program):
    """Write the wheel into a folder; returns its file name."""
    for path, what in ((library, "the shared library"), (checker, "the program lipcheck"),
                       (program, "the program lipcert")):
        if not os.path.isfile(path):
            raise SystemExit("build_wheel: {}: expected {}, found no such file; build lipcert first".format(
                path, what))
    name = "lipcert-{}-py3-none-{}.whl".format(version(), platform_tag())
    os.makedirs(folder, exist_ok=True)
    record, path = [], os.path.join(folder, name)
    with zipfile.ZipFile(path + ".part", "w") as archive:
        for entry, data, executable in contents(library, checker, program):
            add(archive, entry, data, executable)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append("{},sha256={},{}".format(entry, digest, len(data)))
        entry = "lipcert-{}.dist-info/RECORD".format(version())
        add(archive, entry, ("\n".join(record + [entry + ",,"]) + "\n").encode(), False)
    os.replace(path + ".part", path)
    return name


def default_library():
    """LIPCERT_LIBRARY, or build/ of the checkout."""
    wanted = os.environ.get("LIPCERT_LIBRARY") or os.path.join(ROOT, "build", "src")
    return os.path.join(wanted, LIBRARY) if os.path.isdir(wanted) else wanted


def default_checker(library):
    """LIPCERT_LIPCHECK, or lipcheck of the build tree that the library lies in."""
    beside = os.path.join(os.path.dirname(os.path.abspath(library)), os.pardir, "check", "lipcheck")
    return os.environ.get("LIPCERT_LIPCHECK") or os.path.normpath(beside)


def default_program(library):
    """LIPCERT_PROGRAM, or lipcert of the build tree that the library lies in."""
    beside = os.path.join(os.path.dirname(os.path.abspath(library)), os.pardir, "cli", "lipcert")
    return os.environ.get("LIPCERT_PROGRAM") or os.path.normpath(beside)


# ---- PEP 517 ------------------------------------------------------------------------------------


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    del config_settings, metadata_directory
    library = default_library()
    return write(wheel_directory, library, default_checker(library), default_program(library))


def build_sdist(sdist_directory, config_settings=None):
    raise NotImplementedError("the Python package is built from a checkout of lipcert")


def main():
    parser = argparse.ArgumentParser(description="Build the wheel of lipcert.")
    parser.add_argument("--library", default=default_library(), help="the shared library")
    parser.add_argument("--checker", help="the program lipcheck")
    parser.add_argument("--program", help="the program lipcert")
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "python"),
                        help="the folder to write into")
    given = parser.parse_args()
    checker = given.checker or default_checker(given.library)
    program = given.program or default_program(given.library)
    print(os.path.join(given.out, write(given.out, given.library, checker, program)))


if __name__ == "__main__":
    main()
