#!/usr/bin/env python3
"""Let the k-th allocation fail, for every k, in every subcommand: test_faults.py PROGRAM [ROOT].

PROGRAM is lipcert linked with fault.c.  For each k the program must either say in one sentence that
memory is short, with exit code 3, or succeed with the same output as without the failure.  It may
never die of a signal, leave a partial or temporary file, or (under a sanitizer) leak."""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

import networks

SMALL = ["--samples", "3", "--starts", "1", "--steps", "2", "--sweeps", "1",
         "--rounds", "1"]
LIMIT = 120


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


def without_times(text):
    """Seconds differ from run to run: drop the column and the fields."""
    text = re.sub(r'"seconds": [0-9.e+-]+', '"seconds": 0', text)
    text = re.sub(r"(proved|none|computed|(?:lower|upper) +\d+) +\d+\.\d{3}", r"\1", text)
    return re.sub(r"after \d+\.\d{3} s", "", text)


def content(path):
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".json"):
        json.loads(data)
        return without_times(data.decode())
    return data


def run(program, arguments, folder, **environment):
    """Exit code, stdout, stderr and the files of one run in a folder of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                os.symlink(path, os.path.join(home, name))
        inputs = set(os.listdir(home))
        answer = subprocess.run([program, *arguments], cwd=home, timeout=LIMIT, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment})
        files = {}
        for name in set(os.listdir(home)) - inputs:
            try:
                files[name] = content(os.path.join(home, name))
            except ValueError:
                files[name] = "broken JSON"
        return answer.returncode, without_times(answer.stdout), answer.stderr, files


def judge(k, got, standard):
    """What is wrong with the run in which allocation k failed, or None."""
    code, out, err, files = got
    for name, data in files.items():
        if standard[3].get(name) != data:
            return f"k = {k}: the file {name} is partial or should not be there"
    if code == 0:
        if got == standard:
            return None
        return f"k = {k}: success, but not with the same output: {out}{err}"
    if code != 3:
        return f"k = {k}: exit code {code}: {err[-2000:]}"
    if not re.fullmatch(r"lipcert: [^\n]*memory[^\n]*\n", err):
        return f"k = {k}: not one sentence about memory: {err[-2000:]!r}"
    if out not in ("", standard[1]):
        return f"k = {k}: partial output"
    return None


def check(program, arguments, files, folder, pool):
    """Run one scenario with every k; returns the number of allocations and the complaints."""
    counter = os.path.join(folder, "counter")
    standard = run(program, arguments, folder, LIPCERT_COUNT_ALLOC=counter)
    with open(counter) as file:
        total = int(file.read())
    os.unlink(counter)
    if standard[0] != 0 or standard[2] or set(standard[3]) != set(files):
        return total, [f"without a failure: {standard}"]

    def one(k):
        return judge(k, run(program, arguments, folder, LIPCERT_FAIL_ALLOC=str(k)), standard)

    # one more than there are: nothing fails, so the run must succeed
    complaints = [text for text in pool.map(one, range(1, total + 2)) if text]
    code = run(program, arguments, folder, LIPCERT_FAIL_ALLOC="1")[0]
    if total > 0 and code == 0 and arguments[0] in ("info", "convert", "eval", "gradient", "bound"):
        complaints.append("k = 1 was not noticed: is the allocator wrapped?")
    return total, complaints


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: test_faults.py PROGRAM [ROOT]")
    program = os.path.abspath(sys.argv[1])
    root = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
    failed = runs = 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        os.chdir(folder)
        networks.write_all()
        subprocess.run([program, "convert", "net.npz", "net.lip"], check=True, timeout=LIMIT)
        write_results(program)
        for arguments, files in scenarios(root):
            total, complaints = check(program, arguments, files, folder, pool)
            runs += total
            failed += len(complaints)
            print(f"{total:6d} allocations  {len(complaints):4d} wrong", *arguments)
            for text in complaints[:5]:
                print("        " + text)
        os.chdir("/")
    print(f"{runs} failing allocations, {failed} wrong")
    if runs < 100:
        sys.exit("too few allocations were seen: the allocator is not wrapped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
