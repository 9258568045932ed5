#!/usr/bin/env python3
"""Certificates that lipcert writes for degenerate networks, and with hulls; usage: test_tree_writer.py LIPCERT LIPCHECK

Every network has cells that are empty without a proof (a neuron twice), or flat (a neuron whose range ends at 0 on the edge of the box). There
lipcert halves boxes for as long as it may, and ranges, which both programs round differently, decide what is empty.  Whatever
the bounds are, lipcheck must verify what was written.

Random networks on all of R^n have cells that only rows of undecided neurons show to be empty. The certificates must have such leaves
(`empty hull`), both checkers must verify them, and a run that resumes one must keep its bounds.
"""
import pathlib
import random
import re
import subprocess
import sys
import tempfile
from fractions import Fraction

import exact_checker
from corpus_hulls import LINE, read
from corpus_tools import dense, layer, network

TWICE = """lipcert-network 1
input 2
layers 2
layer 1 2 relu 1
bias 0x0p+0 0x0p+0
term 0 dense 2 2
0x1p+0 -0x1p+0
0x1p+0 -0x1p+0
layer 2 1 linear 1
bias 0x0p+0
term 1 dense 1 2
0x1p+0 -0x1p+0
end
"""

EDGE = """lipcert-network 1
input 2
layers 4
layer 1 2 relu 1
bias -0x1p+0 0x0p+0
term 0 dense 2 2
-0x1p+0 0x0p+0
0x1p+0 -0x1p+0
layer 2 4 linear 1
bias 0x0p+0 0x0p+0 0x1p+0 0x0p+0
term 1 dense 4 2
0x1p+1 0x1p+1
0x0p+0 0x1p+0
0x0p+0 -0x1p+0
0x0p+0 -0x1p+0
layer 3 4 relu 1
bias -0x1p+0 0x0p+0 0x0p+0 0x0p+0
term 2 dense 4 4
0x1p+0 0x1p+1 -0x1p+0 0x1p+0
-0x1p+0 0x1p+0 0x1p+0 -0x1p+0
0x1p+0 -0x1p+0 0x0p+0 0x1p+1
0x1p+0 0x1p+0 0x0p+0 0x1p+0
layer 4 1 linear 1
bias 0x0p+0
term 3 dense 1 4
-0x1p+0 0x1p+0 -0x1p+0 0x1p+1
end
"""

# name, network, lower and upper ends of the box, options
CASES = (
    ("a neuron twice", TWICE, "0,0", "1,1", ("--norm", "2")),
    ("a range that ends at 0", EDGE, "-1,0.5", "0.5,2.5", ("--norm", "1", "--out-norm", "2", "--linear-bounds", "0")),
)


def failure(lipcert, lipcheck, folder, network, lo, hi, options):
    """None, or what went wrong."""
    for name, text in (("net", network), ("lo.csv", lo + "\n"), ("hi.csv", hi + "\n")):
        (folder / name).write_text(text)
    cert = folder / "cert"
    run = subprocess.run([lipcert, "bound", folder / "net", "--method", "exact", "--time", "2", "--quiet", "--box-file",
                          folder / "lo.csv", folder / "hi.csv", "--certificate", cert, *options], capture_output=True, text=True)
    if run.returncode != 0:
        return run.stderr.strip()
    if "statement tree" not in cert.read_text():
        return "the certificate has no tree"
    check = subprocess.run([lipcheck, folder / "net", cert], capture_output=True, text=True)
    return None if check.returncode == 0 else check.stdout.strip().split("\n")[-1]


# widths, seed
RANDOM = (((10, 8, 6, 1), 0), ((9, 5, 4, 4, 1), 1), ((3, 6, 5, 1), 1))


def random_network(widths, seed):
    rng, last = random.Random(seed), len(widths) - 1
    return network(widths[0], *(
        layer(l, "linear" if l == last else "relu", [rng.gauss(0, 1) for _ in range(rows)],
              dense(l - 1, [[rng.gauss(0, 1) / columns**0.5 for _ in range(columns)] for _ in range(rows)]))
        for l, (columns, rows) in enumerate(zip(widths, widths[1:]), 1)))


def claims(text):
    return [float.fromhex(re.search(f"(?m)^{side} (\\S+)$", text)[1]) for side in ("lower", "upper")]


def hulls(lipcert, lipcheck, folder, text):
    """(the number of hulls with rows of undecided neurons, None or what went wrong)"""
    net, cert, again = (folder / name for name in ("net", "cert", "again"))
    net.write_text(text)
    question = [lipcert, "bound", net, "--norm", "2", "--method", "exact", "--quiet", "--time", "60"]
    for more in (("--certificate", cert), ("--resume", cert, "--certificate", again)):
        run = subprocess.run([*question, *more], capture_output=True, text=True)
        if run.returncode != 0:
            return 0, run.stderr.strip()
    made, resumed = cert.read_text(), again.read_text()
    found = [sum(any(read(line)[3:]) for line in LINE.findall(both)) for both in (made, resumed)]
    (lower, upper), (new_lower, new_upper) = claims(made), claims(resumed)
    if found[1] < found[0] or not lower <= new_lower <= new_upper <= upper:
        return 0, f"resumed: {found[1]} hulls, [{new_lower!r}, {new_upper!r}], before: {found[0]} hulls, [{lower!r}, {upper!r}]"
    for path in (cert, again):
        check = subprocess.run([lipcheck, net, path], capture_output=True, text=True)
        if check.returncode != 0:
            return 0, check.stdout.strip().split("\n")[-1]
    proved, _ = exact_checker.check(text.encode(), made.encode())
    return found[0], None if proved <= Fraction(upper) else f"the exact bound is {float(proved)!r}, claimed is {upper!r}"


def all_hulls(lipcert, lipcheck, folder):
    """How many networks went wrong; one more if there are no hulls at all."""
    wrong = total = 0
    for widths, seed in RANDOM:
        count, message = hulls(lipcert, lipcheck, folder, random_network(widths, seed))
        print(f"{'-'.join(map(str, widths))}: {message or f'{count} hulls, verified'}")
        total += count
        wrong += message is not None
    if total == 0:
        print("no leaf 'empty hull' with rows of undecided neurons: this test shows nothing")
    return wrong + (total == 0)


def main():
    lipcert, lipcheck = sys.argv[1:3]
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        for title, *case in CASES:
            message = failure(lipcert, lipcheck, pathlib.Path(name), *case)
            print(f"{title}: {message or 'verified'}")
            wrong += message is not None
        wrong += all_hulls(lipcert, lipcheck, pathlib.Path(name))
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
