#!/usr/bin/env python3
"""Certificates that lipcert writes for degenerate networks; usage: test_tree_writer.py LIPCERT LIPCHECK

Every network has cells that are empty without a proof (a neuron twice), or flat (a neuron whose range ends at 0 on the edge of the box). There
lipcert halves boxes for as long as it may, and ranges, which both programs round differently, decide what is empty.  Whatever
the bounds are, lipcheck must verify what was written.
"""
import pathlib
import subprocess
import sys
import tempfile

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


def main():
    lipcert, lipcheck = sys.argv[1:3]
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        for title, *case in CASES:
            message = failure(lipcert, lipcheck, pathlib.Path(name), *case)
            print(f"{title}: {message or 'verified'}")
            wrong += message is not None
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
