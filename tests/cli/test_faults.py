#!/usr/bin/env python3
"""Let the k-th allocation fail in every subcommand: test_faults.py PROGRAM [ROOT] [--every].

PROGRAM is lipcert linked with fault.c.  For each k the program must either say in one sentence that
memory is short, with exit code 3, or succeed with the same output as without the failure.  It may
never die of a signal, leave a partial or temporary file, touch an input, or (under a sanitizer) leak.

A search allocates ten thousand times, but at few places.  What runs after a failure is the code at
the return addresses between the allocation and main, their chain; fault.c tells which calls have
the same one.  Of those with one chain the first FIRST fail, the 8th, the 16th, ... and the last;
with --every all of them."""
import array
import collections
import concurrent.futures
import json
import os
import queue
import re
import subprocess
import sys
import tempfile

import networks

SMALL = ["--samples", "3", "--starts", "1", "--steps", "2", "--sweeps", "1",
         "--rounds", "1"]
LIMIT = 120
FIRST, WORKERS = 5, 2


def scenarios(root):
    """(arguments, files that the run writes)"""
    nets = ["net.npz", "net.nnet", "net.nnet.gz", "net.lip", "abc.mat"]
    onnx = os.path.join(root or "", "examples", "controller.onnx")
    if root and os.path.exists(onnx):
        nets.append(onnx)
    for net in nets:
        yield ["info", net], []
        yield ["convert", net, "out.lip"], ["out.lip"]
    yield ["info", "net.npz", "--json", "out.json"], ["out.json"]
    yield ["eval", "net.npz", "--input", "point.npy", "--jacobian"], []
    yield ["eval", "net.npz", "--input", "labelled.csv", "--row", "1"], []
    yield ["gradient", "net.npz", "--input", "point.csv", "--json", "out.json"], ["out.json"]
    # the semidefinite methods have tests of this kind of their own
    yield ["bound", "net.npz", *SMALL, "--method", "product,lbs,search"], []
    yield ["bound", "net.npz", *SMALL, "--box", "point.npy", "0.5", "--norm", "2", "--json",
           "out.json", "--witness", "out.npy", "--certificate", "out.cert", "--method",
           "interval,lbs,tangent"], ["out.json", "out.npy", "out.cert"]
    yield ["bound", "net.npz", *SMALL, "--ball", "0", "1", "--output", "1", "--json", "-",
           "--method", "product,ascent"], []
    yield ["bound", "net.npz", *SMALL, "--vnnlib", "box.vnnlib", "--margin", "0,1", "--norm",
           "1", "--method", "product,interval,lbs"], []
    yield ["bound", "net.npz", *SMALL, "--box-file", "lo.npy", "hi.npy", "--linear-bounds", "0",
           "--method", "interval,lbs"], []
    yield ["bound", "net.npz", *SMALL, "--all-margins", "--json", "out.json", "--certificate", "out",
           "--method", "product,interval,lbs"], ["out.json", "out-0-1.cert"]
    yield ["radius", "net.npz", "--input", "point.npy", "--method", "product,interval", "--precision", "0.5",
           "--json", "out.json"], ["out.json"]
    yield ["bound", "net.npz", *SMALL, "--norm", "2", "--method", "exact", "--checkpoint",
           "out.cert"], ["out.cert"]
    yield ["bound", "net.npz", *SMALL, "--norm", "2", "--method", "exact", "--resume", "net.tree", "--checkpoint",
           "out.cert"], ["out.cert"]
    yield ["decide", "net.npz", *SMALL, "--norm", "2", "--box", "0", "1", "--at-most", "5.5416", "--method", "exact",
           "--json", "out.json", "--certificate", "out.cert"], ["out.json", "out.cert"]
    yield ["monotone", "one.npz", "--box", "0", "2", "--json", "out.json"], ["out.json"]
    for kind in "bound", "margins", "radius":
        yield ["plot", f"{kind}.result", "--out", "out.svg"], ["out.svg"]
    yield ["plot", "bound.result", "--shape", "1x2", "--out", "-"], []
    yield ["report", "sweep.records", "--out", "out.html"], ["out.html"]
    yield ["methods"], []
    yield ["version"], []
    yield ["help"], []


def write_results(program):
    """What plot and report read."""
    for name, arguments in (
            ("bound", ["bound", "net.npz", *SMALL, "--output", "0", "--box", "0", "1", "--method", "product,lbs"]),
            ("margins", ["bound", "net.npz", *SMALL, "--all-margins", "--method", "product,lbs"]),
            ("radius", ["radius", "net.npz", "--input", "1", "--method", "product"])):
        subprocess.run([program, *arguments, "--json", f"{name}.result", "--quiet"], check=True, timeout=LIMIT,
                       stdout=subprocess.DEVNULL)
    subprocess.run([program, "bound", "net.npz", *SMALL, "--norm", "2", "--method", "exact", "--gap", "0.3",
                    "--checkpoint", "net.tree", "--quiet"], check=True, timeout=LIMIT, stdout=subprocess.DEVNULL)
    with open("list.csv", "w", encoding="utf-8") as file:
        file.write("network,input,eps,output,method\nnet.npz,0,1,0,product\nabsent.npz,0,1,0,product\n")
    subprocess.run([program, "sweep", "list.csv", "--out", "sweep.records", "--quiet"], check=False,
                   timeout=LIMIT, stdout=subprocess.DEVNULL)


def without_times(data):
    """Seconds differ from run to run: drop the column and the fields."""
    data = re.sub(rb'"seconds": [0-9.e+-]+', b'"seconds": 0', data)
    data = re.sub(rb"(proved|none|computed|(?:lower|upper) +\d+) +\d+\.\d{3}", rb"\1", data)
    return re.sub(rb"after \d+\.\d{3} s", b"", data)


def same(data, other):
    return data == other or without_times(data) == without_times(other)


def content(path):
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".json"):
        try:
            json.loads(data)
        except ValueError:
            return b"broken JSON"
    return data


class Home:
    """A folder with links to the inputs for one run after the other."""

    def __init__(self, folder, place):
        self.inputs = {name: os.path.join(folder, name) for name in os.listdir(folder)}
        self.path = tempfile.mkdtemp(dir=place)
        for name, target in self.inputs.items():
            os.symlink(target, os.path.join(self.path, name))

    def new_files(self):
        """Name and content of what a run left, which is then removed; an input that is gone or no link any
        more counts."""
        files, links = {}, set()
        with os.scandir(self.path) as entries:
            for entry in entries:
                if entry.is_symlink() and entry.name in self.inputs:
                    links.add(entry.name)
                else:
                    files[entry.name] = content(entry.path)
                    os.unlink(entry.path)
        for name in self.inputs.keys() - links:
            files.setdefault(name, b"removed")
            os.symlink(self.inputs[name], os.path.join(self.path, name))
        return files


Answer = collections.namedtuple("Answer", "code out err files")


def run(program, arguments, homes, **environment):
    home = homes.get()
    try:
        got = subprocess.run([program, *arguments], cwd=home.path, timeout=LIMIT, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, close_fds=False, check=False,
                             env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment})
        return Answer(got.returncode, got.stdout, got.stderr, home.new_files())
    finally:
        homes.put(home)


def judge(k, got, standard):
    """What is wrong with the run in which allocation k failed, or None."""
    for name, data in got.files.items():
        if name not in standard.files or not same(data, standard.files[name]):
            return f"k = {k}: the file {name} is partial or should not be there"
    if got.code == 0:
        if got.files.keys() == standard.files.keys() and same(got.out, standard.out) and not got.err:
            return None
        return f"k = {k}: success, but not with the same output: {(got.out + got.err).decode(errors='replace')}"
    if got.code != 3:
        return f"k = {k}: exit code {got.code}: {got.err.decode(errors='replace')[-2000:]}"
    if not re.fullmatch(rb"lipcert: [^\n]*memory[^\n]*\n", got.err):
        return f"k = {k}: not one sentence about memory: {got.err.decode(errors='replace')[-2000:]!r}"
    if got.out and not same(got.out, standard.out):
        return f"k = {k}: partial output"
    return None


def choose(chains, every):
    """The numbers of the calls that are to fail, from 1.  Chain 0 is unknown, and like no other."""
    last, seen = {chain: k for k, chain in enumerate(chains, 1)}, collections.Counter()
    for k, chain in enumerate(chains, 1):
        seen[chain] += 1
        n = seen[chain]
        if every or chain == 0 or n <= FIRST or n & (n - 1) == 0 or k == last[chain]:
            yield k


def trace(program, arguments, homes):
    """The answer without a failure and the chain of each allocation."""
    with tempfile.NamedTemporaryFile() as file:
        standard = run(program, arguments, homes, LIPCERT_TRACE_ALLOC=file.name)
        return standard, array.array("Q", file.read())


def check(program, arguments, files, homes, pool, every):
    """Run one scenario.  Returns the chains of its allocations, how many failed, and the complaints."""
    standard, chains = trace(program, arguments, homes)
    if standard.code != 0 or standard.err or standard.files.keys() != set(files):
        return chains, 0, [f"without a failure: {standard}"]

    def one(k):
        return judge(k, run(program, arguments, homes, LIPCERT_FAIL_ALLOC=str(k)), standard)

    chosen = list(choose(chains, every))
    # one more than there are: nothing fails, so the run must succeed
    complaints = [text for text in pool.map(one, [*chosen, len(chains) + 1]) if text]
    if chains and arguments[0] in ("info", "convert", "eval", "gradient", "bound"):
        if run(program, arguments, homes, LIPCERT_FAIL_ALLOC="1").code == 0:
            complaints.append("k = 1 was not noticed: is the allocator wrapped?")
    return chains, len(chosen), complaints


def main():
    arguments = [word for word in sys.argv[1:] if word != "--every"]
    if not arguments:
        sys.exit("usage: test_faults.py PROGRAM [ROOT] [--every]")
    program, every = os.path.abspath(arguments[0]), "--every" in sys.argv
    root = os.path.abspath(arguments[1]) if len(arguments) > 1 else None
    failed = wrong = 0
    everything, homes = [], queue.SimpleQueue()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as place, \
            concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        os.chdir(folder)
        networks.write_all()
        subprocess.run([program, "convert", "net.npz", "net.lip"], check=True, timeout=LIMIT)
        write_results(program)
        for _ in range(WORKERS):
            homes.put(Home(folder, place))
        for words, files in scenarios(root):
            chains, count, complaints = check(program, words, files, homes, pool, every)
            everything += chains
            failed += count
            wrong += len(complaints)
            print(f"{count:6d} of {len(chains):6d} allocations failed, {len(set(chains)):4d} chains, "
                  f"{len(complaints):4d} wrong ", *words, flush=True)
            for text in complaints[:5]:
                print("        " + text)
        os.chdir("/")
    print(f"{failed} of {len(everything)} allocations failed, each chain of return addresses at least once; "
          f"{everything.count(0)} with an unknown chain; {wrong} wrong")
    if failed < 100:
        sys.exit("too few allocations were seen: the allocator is not wrapped")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
