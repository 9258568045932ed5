#!/usr/bin/env python3
"""The output shown in README.md is what the program prints: test_readme.py PROGRAM ROOT [--update].

A block of README.md that starts with `$ lipcert` is followed by an excerpt of the output: `...`, the
table of methods if the block shows one, `...`, and the last line.  Words have to agree; seconds
need not; other numbers to 5e-3 relatively, because lower bounds come from searches that rounding
steers (between two kernels of OpenBLAS they differed by 7e-4).
--update writes the present output into README.md."""
import math
import os
import re
import shlex
import subprocess
import sys
import tempfile

LIMIT = 600  # seconds: a hang is a failure
INDENT = "    "
EVIDENCE = ("proved", "computed", "none")


def blocks(lines):
    """(first, last, command, shown lines): lines[first:last] are the excerpt below `$ lipcert`."""
    for first, line in enumerate(lines, 1):
        if not line.startswith(INDENT + "$ lipcert "):
            continue
        last = first
        while last < len(lines) and lines[last].startswith(INDENT) and "$" not in lines[last]:
            last += 1
        yield (first, last, shlex.split(line[len(INDENT + "$ lipcert "):]),
               [shown[len(INDENT):] for shown in lines[first:last]])


def excerpt(output, table):
    """The lines that README.md shows of an output."""
    lines = output.splitlines()
    if not table:
        return ["...", lines[-1]]
    head = next(k for k, line in enumerate(lines) if re.match(r"method +side ", line))
    return ["...", *lines[head:lines.index("", head)], "...", lines[-1]]


def number(word):
    try:
        return float(word)
    except ValueError:
        return None


def same(shown, printed):
    """Do two lines agree, up to late digits and seconds?"""
    shown, printed = shown.split(), printed.split()
    if len(shown) != len(printed):
        return False
    for k, (a, b) in enumerate(zip(shown, printed)):
        x, y = number(a), number(b)
        seconds = k == 4 and shown[3] in EVIDENCE
        if x is None or y is None:
            if a != b:
                return False
        elif not seconds and not math.isclose(x, y, rel_tol=5e-3):
            return False
    return True


def main():
    if len(sys.argv) < 3 or sys.argv[3:] not in ([], ["--update"]):
        sys.exit("usage: test_readme.py PROGRAM ROOT [--update]")
    program, update = os.path.abspath(sys.argv[1]), sys.argv[3:] == ["--update"]
    readme = os.path.join(os.path.abspath(sys.argv[2]), "README.md")
    examples = os.path.join(os.path.abspath(sys.argv[2]), "examples")
    with open(readme, encoding="utf-8") as file:
        lines = file.read().split("\n")
    found = list(blocks(lines))
    if len(found) < 2:
        sys.exit(f"README.md: expected at least two blocks '$ lipcert ...', found {len(found)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:  # the commands write files
        os.symlink(examples, os.path.join(folder, "examples"))
        outputs = [subprocess.run([program, *command], check=True, stdout=subprocess.PIPE, text=True,
                                  timeout=LIMIT, cwd=folder).stdout for _, _, command, _ in found]
    for (first, last, _, shown), output in reversed(list(zip(found, outputs))):
        printed = excerpt(output, any(line.startswith("method ") for line in shown))
        if len(shown) == len(printed) and all(map(same, shown, printed)):
            continue
        failed += 1
        print(f"README.md, line {first}: expected", *printed, "found", *shown, sep="\n    ")
        lines[first:last] = [INDENT + line for line in printed]
    print(f"{len(found)} blocks, {failed} differ")
    if failed and update:
        with open(readme, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
    elif failed:
        sys.exit("test_readme.py PROGRAM ROOT --update writes the present output into README.md")


if __name__ == "__main__":
    main()
