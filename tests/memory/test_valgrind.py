#!/usr/bin/env python3
"""Every subcommand under valgrind: test_valgrind.py PROGRAM ROOT VALGRIND [OPTIONS ...].

Good runs have to give the answer's exit code 0, wrong ones their own; valgrind makes it 99 if it saw
an uninitialised value, a stray access or a leak.  Which subcommands there are, the program says."""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import networks  # noqa: E402
import test_faults  # noqa: E402

LIMIT = 300  # seconds for one run

# What ends early has to free as much as what succeeds: arguments and exit code.
EARLY = [
    (["bound", "net.npz", "--output", "2"], 1),
    (["bound", "net.npz", "--box-file", "hi.npy", "lo.npy"], 1),
    (["bound", "net.npz", "--method", "prodct"], 1),
    (["bound", "net.npz", "--json", "same.out", "--witness", "./same.out"], 1),
    (["bound", "net.npz", "--time", "0"], 0),
    (["bound", "truncated.npz"], 2),
    (["bound", "nan.npz"], 2),
    (["bound", "misfit.npz"], 2),
    (["bound", "garbage"], 2),
    (["bound", "net.npz", "--vnnlib", "bad.vnnlib"], 2),
    (["bound", "net.npz", "--box", "bad.csv", "1"], 2),
    (["gradient", "net.npz", "--input", "short.npy"], 2),
    (["eval", "net.npz", "--input", "nan.npy"], 2),
    (["info", "net.npz", "--json", "no/such/folder/out"], 4),
    (["convert", "net.npz", "net.npz"], 1),
    (["export", "net.npz", "no/such/folder/out"], 4),
    (["export", "net.npz", "out.dat-s", "--output", "0", "--norm", "2", "--box", "0", "1"], 0),
    (["bound", "net.npz", "--certificate", "out.cert", "--box", "0", "1"], 0),
    (["bound", "net.npz", "--all-margins", "--certificate", "m", "--method", "product,lbs",
      "--samples", "20"], 0),
    (["bound", "one.npz", "--all-margins"], 1),
    (["check", "net.npz", "out.cert"], 0),
    (["check", "net.npz", "garbage"], 2),
    (["sweep", "list.csv"], 5),
    (["sweep", "list.csv", "--retry", "--jobs", "1"], 5),
    (["sweep", "bad.csv"], 2),
    (["plot", "garbage"], 2),
    (["report", "garbage"], 2),
    (["plot", "bound.result", "--shape", "3x3"], 1),
    (["xyzzy"], 1),
    (["help", "bound"], 0),
]


def questions(root):
    """The runs of test_faults.py, all of which succeed, and EARLY."""
    for arguments, _ in test_faults.scenarios(root):
        yield arguments, 0
    yield from EARLY


def main():
    if len(sys.argv) < 4:
        sys.exit("usage: test_valgrind.py PROGRAM ROOT VALGRIND [OPTIONS ...]")
    program, root, valgrind = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
    overview = subprocess.run([program, "help"], check=True, capture_output=True, text=True).stdout
    listed = re.findall(r"^  ([a-z]+) ", overview.split("\nexample")[0], re.M)
    missing = set(listed) - {arguments[0] for arguments, _ in questions(root)}
    if not listed or missing:
        sys.exit(f"subcommands {listed}, without a run: {sorted(missing)}")
    failed = runs = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        networks.write_all()
        subprocess.run([program, "convert", "net.npz", "net.lip"], check=True, timeout=LIMIT)
        test_faults.write_results(program)
        for arguments, code in questions(root):
            got = subprocess.run([*valgrind, program, *arguments], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True, timeout=LIMIT, check=False)
            runs += 1
            if got.returncode != code or "==" in got.stderr:
                failed += 1
                print(f"exit code {got.returncode}, expected {code}:", *arguments)
                print(got.stderr[:4000])
        os.chdir("/")
    print(f"{runs} runs, {failed} wrong")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
