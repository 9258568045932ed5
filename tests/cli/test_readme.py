#!/usr/bin/env python3
"""The output shown in README.md and docs/guide.md is what the program prints:
test_readme.py PROGRAM ROOT [--update].

A block that starts with `$ lipcert` (a line that ends in a backslash goes on in the next one) is
followed by an excerpt of the output: lines as they are, `...` for any number of lines left out.
Words have to agree; seconds need not; other numbers to 5e-3 relatively, because lower bounds come
from searches that rounding steers (between two kernels of OpenBLAS they differed by 7e-4), so a gap
to .5 % of the upper bound.  In the note of a method, which counts steps and nodes, numbers are only
numbers.  Tables of methods are shown in full.  Commands of a page run in order in one folder; the
lines below `$ cat FILE` are written to that file.
--update writes the present output into the pages; which lines are left out stays as it is."""
import math
import os
import re
import shlex
import subprocess
import sys
import tempfile

PAGES = ("README.md", "docs/guide.md")
LIMIT = 600  # seconds: a hang is a failure
INDENT = "    "
DOTS = "..."
EVIDENCE = ("proved", "computed", "none")


class Block:
    """lines[first:last] of a page are the excerpt below a command."""

    def __init__(self, lines, start):
        command, self.first = lines[start][len(INDENT + "$ "):], start + 1
        while command.endswith("\\"):
            command = command[:-1] + lines[self.first].strip()
            self.first += 1
        self.command = shlex.split(command)
        self.last = self.first
        while self.last < len(lines) and self.inside(lines[self.last]):
            self.last += 1
        while self.last > self.first and not lines[self.last - 1].strip():
            self.last -= 1
        self.shown = [line[len(INDENT):] for line in lines[self.first:self.last]]

    @staticmethod
    def inside(line):
        """Excerpts are indented; empty lines are part of them if indented lines follow."""
        return not line.strip() or line.startswith(INDENT) and not line.startswith(INDENT + "$ ")


def blocks(lines):
    return [Block(lines, k) for k, line in enumerate(lines)
            if re.match(INDENT + r"\$ (lipcert|cat) ", line)]


def number(word):
    """Its value; a comma may follow it."""
    try:
        return float(word.removesuffix(","))
    except ValueError:
        return None


def pattern(line):
    """The words of a line, with # for numbers: what makes it the line that was meant."""
    return ["#" if number(word) is not None else word for word in line.split()]


def is_table(line):
    return pattern(line)[:2] == ["method", "side"]


def runs(shown):
    """Split an excerpt at its `...`: (begins at the start, ends at the end, lines) of each run."""
    parts = [[]]
    for line in shown:
        if line == DOTS:
            parts.append([])
        else:
            parts[-1].append(line)
    for k, part in enumerate(parts):
        if part:
            yield k == 0, k == len(parts) - 1, part


def find(part, lines, begin, at_start, at_end):
    """Where a run stands among the printed lines: (first, last); None: nowhere."""
    if at_start:
        first = 0
    elif at_end and not is_table(part[0]):
        first = len(lines) - len(part)
    else:
        wanted = pattern(part[0])
        first = next((k for k in range(begin, len(lines)) if pattern(lines[k]) == wanted), -1)
    if first < begin or first >= len(lines):
        return None
    last = first + len(part)
    if is_table(part[0]):
        last = next((k for k in range(first, len(lines)) if not lines[k].strip()), len(lines))
    return (first, len(lines)) if at_end else (first, min(last, len(lines)))


def excerpt(output, shown):
    """The excerpt that should be shown, or the line of the present one that is not there."""
    lines, begin, wanted = output.splitlines(), 0, []
    for at_start, at_end, part in runs(shown):
        place = find(part, lines, begin, at_start, at_end)
        if place is None:
            return None, part[0]
        if not at_start:
            wanted.append(DOTS)
        wanted += lines[slice(*place)]
        begin = place[1]
    if shown and shown[-1] == DOTS:
        wanted.append(DOTS)
    return wanted, None


def agree(a, b, line, k):
    """Do the words number k of a line, as shown and as printed, agree?"""
    x, y = number(a), number(b)
    if x is None or y is None:
        return a == b
    in_table = len(line) > 4 and line[3] in EVIDENCE
    if in_table and k >= 4 or line[k + 1:k + 2] == ["s"]:  # seconds, and the counts of a note
        return True
    if line[0] == "gap":
        return abs(x - y) <= .5
    return math.isclose(x, y, rel_tol=5e-3)


def same(shown, printed):
    """Do two lines agree, up to late digits and seconds?"""
    shown, printed = shown.split(), printed.split()
    return len(shown) == len(printed) and all(
        agree(a, b, printed, k) for k, (a, b) in enumerate(zip(shown, printed)))


def perform(block, program, folder):
    """Run the command of a block: what it prints.  `cat` makes its file instead."""
    if block.command[0] == "cat":
        text = "\n".join(block.shown) + "\n"
        with open(os.path.join(folder, block.command[1]), "w", encoding="utf-8") as file:
            file.write(text)
        return text
    done = subprocess.run([program, *block.command[1:]], stdout=subprocess.PIPE, cwd=folder,
                          stderr=subprocess.STDOUT, universal_newlines=True, timeout=LIMIT)
    return done.stdout


def check(page, lines, program, folder):
    """Compare the blocks of a page with the program's output; how many differ.  Updates lines."""
    found = blocks(lines)
    if len(found) < 2:
        sys.exit(f"{page}: expected at least two blocks '$ lipcert ...', found {len(found)}")
    outputs = [perform(block, program, folder) for block in found]
    failed = 0
    for block, output in reversed(list(zip(found, outputs))):
        printed, missing = excerpt(output, block.shown)
        if printed is None:
            sys.exit(f"{page}, line {block.first}: {' '.join(block.command)}\n"
                     f"expected a line like\n    {missing}\nfound\n{output}")
        if not any(line != DOTS for line in block.shown):
            sys.exit(f"{page}, line {block.first}: expected some output below the command")
        if len(block.shown) == len(printed) and all(map(same, block.shown, printed)):
            continue
        failed += 1
        print(f"{page}, line {block.first}: expected", *printed, "found", *block.shown,
              sep="\n    ")
        lines[block.first:block.last] = [(INDENT + line).rstrip() for line in printed]
    print(f"{page}: {len(found)} blocks, {failed} differ")
    return failed


def main():
    if len(sys.argv) < 3 or sys.argv[3:] not in ([], ["--update"]):
        sys.exit("usage: test_readme.py PROGRAM ROOT [--update]")
    program, root = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    update, failed = sys.argv[3:] == ["--update"], 0
    for page in PAGES:
        path = os.path.join(root, page)
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
        with tempfile.TemporaryDirectory() as folder:  # the commands write files
            os.symlink(os.path.join(root, "examples"), os.path.join(folder, "examples"))
            differ = check(page, lines, program, folder)
        failed += differ
        if differ and update:
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(lines))
    if failed and not update:
        sys.exit("test_readme.py PROGRAM ROOT --update writes the present output into the pages")


if __name__ == "__main__":
    main()
