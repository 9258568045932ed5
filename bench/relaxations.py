"""The semidefinite relaxations: proved bound and CPU time beside the published value, and beside csdp and
dsdp5 on the exported SDPA file, in one run and on one thread.

    bench/relaxations.py PROGRAM FOLDER [--peers SECONDS]

writes FOLDER/relaxations.csv and .md.  Needs the networks of ../shared/data (or LIPCERT_DATA); peers run
where they are installed, each for at most SECONDS of CPU time (default 100) per problem.  numpy is needed
for the centres of the reference networks.
"""
import csv
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.environ.get("LIPCERT_DATA", os.path.join(ROOT, "..", "shared", "data"))
ENVIRONMENT = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
LIPSDP = {"fnn2": [5.109715, 5.226950, 5.029697, 5.572594, 5.205277],
          "fnn3": [9.728614, 9.791786, 8.929567, 7.753897, 8.702760]}


def nets(*path):
    return os.path.join(DATA, "nets", *path)


def cases():
    """(work, network, question, published value, export for the peers?)"""
    yield "SDP-NN, R^n, inf", nets("SDP-NN.mat"), ["--norm", "inf"], "shor", 17.8487, True
    for kind in ("fnn2", "fnn3"):
        for seed, value in enumerate(LIPSDP[kind]):
            yield (f"digits {kind} seed {seed}, row 7, 2", nets("glipsdp", f"glipsdp_{kind}_s{seed}.npz"),
                   ["--norm", "2", "--output", "7"], "tangent", value, seed == 0)
    yield ("LipSDP random, all, 2", nets("lipsdp", "lipsdp_random_weights.npz"), ["--norm", "2"],
           "tangent", 36.482230, True)
    yield ("LipSDP mnist, all, 2", nets("lipsdp", "lipsdp_mnist_weights.npz"), ["--norm", "2"],
           "tangent", 24.366349, False)
    for depth, value in ((2, .877468), (8, .156409), (16, .0146308), (32, 2.33e-4), (64, 4.331e-6)):
        yield (f"MLP 64 wide, {depth} layers, all, 2", nets("glipsdp", f"glipsdp_mlp_d{depth}_w64.npz"),
               ["--norm", "2"], "tangent", value, depth == 2)
    yield ("wine 11-24-24-1, 2", nets("exlipbab", "exlipbab_wine_net_11x24x24x1_ReLU.npz"),
           ["--norm", "2"], "tangent", 2.53, True)
    for norm in ("2", "inf"):
        yield ("mnist-net_256x2, all, " + norm, nets("mnistfc", "mnist-net_256x2.onnx"),
               ["--norm", norm, "--time", "240"], "tangent", None, False)


def timed(command, limit=None, folder=None):
    """(output, CPU seconds); output is None if the command failed or ran out of time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    cap = (lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))) if limit else None
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, preexec_fn=cap,
                          check=False, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (done.stdout if done.returncode == 0 else None), cpu


def peers(program, network, question, limit, folder):
    """CPU seconds of each peer on the exported program; 'none' where absent, '> limit' if stopped."""
    program_file = os.path.join(folder, "problem.dat-s")
    question = [q for i, q in enumerate(question)
                if q != "--time" and (i == 0 or question[i - 1] != "--time")]
    subprocess.run([program, "export", network, program_file] + question, check=True,
                   env=ENVIRONMENT, capture_output=True)
    result = {}
    for peer, command in (("csdp", ["csdp", program_file, os.path.join(folder, "x.sol")]),
                          ("dsdp5", ["dsdp5", program_file])):
        if not shutil.which(peer):
            result[peer] = "not installed"
            continue
        output, cpu = timed(command, limit, folder)  # dsdp5 writes a file where it runs
        result[peer] = f"{cpu:.2f}" if output is not None else f"> {limit}"
    return result


def measure(program, case, limit):
    work, network, question, method, published, export = case
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "r.json")
        _, cpu = timed([program, "bound", network, "--method", f"product,{method}", "--json", report,
                        "--quiet"] + question)
        with open(report, encoding="utf-8") as file:
            steps = {s["method"]: s["value"] for s in json.load(file)["steps"]}
        other = peers(program, network, question, limit, folder) if export else {}
    value = steps[method]
    return {"work": work, "method": method, "proved": f"{value:.8g}" if value else "none",
            "published": published or "", "norm product": f"{steps['product']:.5g}",
            "CPU s": f"{cpu:.3f}", "csdp CPU s": other.get("csdp", ""),
            "dsdp5 CPU s": other.get("dsdp5", "")}


def main():
    program, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    limit = int(sys.argv[sys.argv.index("--peers") + 1]) if "--peers" in sys.argv else 100
    rows = [measure(program, case, limit) for case in cases() if os.path.exists(case[1])]
    if not rows:
        print(f"bench: no networks under {DATA}, so the relaxations are not measured")
        return
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "relaxations.csv"), "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    lines += ["| " + " | ".join(str(v) for v in row.values()) + " |" for row in rows]
    with open(os.path.join(folder, "relaxations.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
