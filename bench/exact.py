"""Exact constants: the method `exact` on networks with known values, its certificates, its speed.

    bench/exact.py BUILD [--only TEXT] [--time S] [--threads N] [--program PATH] [--no-check]

One row for each question: proved bounds, the reference value and the target time (docs/exact.md), CPU seconds, nodes, size
of the certificate, lipcheck's verdict and seconds.  Rows whose network is not in ../shared/data (or LIPCERT_DATA) are left
out with a message.  Writes BUILD/bench/exact.csv and prints a Markdown table.  One thread unless --threads says so.
"""
import argparse
import csv
import json
import os
import re
import resource
import subprocess
import sys
import tempfile

import numpy

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.environ.get("LIPCERT_DATA", os.path.join(ROOT, "..", "shared", "data"))
ENVIRONMENT = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
COLUMNS = ["case", "lower", "upper", "gap", "reference", "off", "target s", "CPU s", "nodes", "newton", "LPs", "KiB",
           "verified", "lipcheck s"]


def nets(*path):
    return os.path.join(DATA, "nets", *path)


def chain(source, folder):
    """A reference network A1 b1 [A2 b2] c as a chain W0 b0 ..., and its centre."""
    data = numpy.load(source)
    layers = sorted(key[1:] for key in data.files if re.fullmatch(r"A\d+", key))
    arrays = {}
    for i, key in enumerate(layers):
        arrays[f"W{i}"], arrays[f"b{i}"] = data["A" + key], data["b" + key]
    arrays[f"W{len(layers)}"] = data["c"].reshape(1, -1)
    arrays[f"b{len(layers)}"] = numpy.zeros(1)
    name = os.path.join(folder, os.path.basename(source))
    numpy.savez(name, **arrays)
    centre = os.path.join(folder, os.path.basename(source) + ".csv")
    numpy.savetxt(centre, data[next(k for k in data.files if k in ("x00", "x0", "centre"))].reshape(1, -1),
                  delimiter=",", fmt="%.17g")
    return name, centre


def reference_cases(folder):
    path = os.path.join(DATA, "reference", "reference.json")
    if not os.path.exists(path):
        print("bench: no reference networks: their rows are left out", file=sys.stderr)
        return
    with open(path, encoding="utf-8") as file:
        table = json.load(file)["nets"]
    big = {"n1_40x40_s10": 10, "n2_20x20x10_g": 10}
    known = {("n1_40x40_s10", "Rn", "inf"): 1.314235382981, ("n1_40x40_s10", "box0.1", "inf"): .819396557687,
             ("n2_20x20x10_g", "Rn", "inf"): 4.017255574680}
    for key, net in table.items():
        name, centre = chain(os.path.join(DATA, "reference", "nets", key + ".npz"), folder)
        for region, norms in net["regions"].items():
            where = ["--global"] if region == "Rn" else ["--box", centre, region[3:]]
            for norm, entry in norms.items():
                norm = norm.replace("l", "")
                value = entry.get("exact") or known.get((key, region, norm))
                yield (f"{key}, {region}, {norm}", name, [*where, "--norm", norm, "--output", "0"], value, big.get(key, 2))


def box(folder, name, rows):
    """A VNN-LIB box."""
    path = os.path.join(folder, name + ".vnnlib")
    with open(path, "w", encoding="ascii") as file:
        for i in range(len(rows)):
            file.write(f"(declare-const X_{i} Real)\n")
        for i, (lo, hi) in enumerate(rows):
            file.write(f"(assert (>= X_{i} {lo!r}))\n(assert (<= X_{i} {hi!r}))\n")
    return path


def published_cases(folder):
    unit = box(folder, "iris", [(0.0, 1.0)] * 4)
    tenth = box(folder, "sd", [(0.0, .1)] * 10)
    for norm, value in (("2", 9.530716922306), ("1", 10.412868503745), ("inf", 16.274810805319)):
        yield (f"SDnet, [0,.1]^10, {norm}", nets("lipbab", "lipbab_SDnet_10-15-10-3.npz"),
               ["--vnnlib", tenth, "--norm", norm], value, 1)
    for norm, value in (("2", 6.771454513403), ("1", 5.958048912395), ("inf", 12.605085581417)):
        yield (f"LipBaB iris, [0,1]^4, {norm}", nets("lipbab", "lipbab_iris_net_4-5-5-3.npz"),
               ["--vnnlib", unit, "--norm", norm], value, 1)
    for name, value, target in (("iris_net_4x6x6x3", 11.634355134115, .1), ("wine_net_11x12x12x1", 1.743369996711, .1),
                                ("wine_net_11x24x24x1", 1.998345897418, 5), ("bike_net_13x20x16x8x3", 10802.403812748, 10)):
        yield (f"{name}, R^n, 2", nets("exlipbab", f"exlipbab_{name}_ReLU.npz"), ["--global", "--norm", "2"], value, target)
    yield ("iris_net_4x6x6x3, [-3,3]^4, inf, output 0", nets("exlipbab", "exlipbab_iris_net_4x6x6x3_ReLU.npz"),
           ["--vnnlib", box(folder, "iris3", [(-3.0, 3.0)] * 4), "--norm", "inf", "--output", "0"], 16.7093166968, 1)
    yield ("wine_net_11x24x24x1, [-3,3]^11, inf", nets("exlipbab", "exlipbab_wine_net_11x24x24x1_ReLU.npz"),
           ["--vnnlib", box(folder, "wine3", [(-3.0, 3.0)] * 11), "--norm", "inf", "--output", "0"], 5.386778078674, 20)
    exact2 = (5.080241887401, 5.226306706892, 5.003317164695, 5.562464694816, 5.177308562238)
    for seed in range(5):
        yield (f"digits fnn2 seed {seed}, R^n, 2", nets("glipsdp", f"glipsdp_fnn2_s{seed}.npz"),
               ["--global", "--norm", "2", "--output", "7"], exact2[seed], 1)
    for seed in range(5):
        yield (f"digits fnn3 seed {seed}, R^n, 2", nets("glipsdp", f"glipsdp_fnn3_s{seed}.npz"),
               ["--global", "--norm", "2", "--output", "7"], None, 30)
    for name, label in (("lipsdp_random_weights", "LipSDP random"), ("lipsdp_mnist_weights", "LipSDP mnist")):
        yield (f"{label}, R^n, 2", nets("lipsdp", name + ".npz"), ["--global", "--norm", "2"], None, 2)
    local = nets("locallipsdp_2-100-100-2.npz")
    for radius, value in (("0.1", .121721820811), ("1", .416068748525), ("10", .478988031992)):
        side = [(-float(radius), float(radius))] * 2
        yield (f"2-100-100-2, r = {radius}, inf", local,
               ["--vnnlib", box(folder, "local" + radius, side), "--norm", "inf", "--margin", "0,1"], value, 2)


def acas_cases(folder):
    net = nets("acasxu", "ACASXU_experimental_v2a_1_1.onnx")
    text = nets("acasxu", "acasxu_prop1.vnnlib")
    if not os.path.exists(text):
        return
    ends = {}
    with open(text, encoding="ascii") as file:
        for index, value in re.findall(r"\(assert \([<>]= X_(\d+) ([-+.\deE]+)\)\)", file.read()):
            ends.setdefault(int(index), []).append(float(value))
    middle = os.path.join(folder, "middle.csv")
    numpy.savetxt(middle, [[sum(ends[i]) / 2 for i in sorted(ends)]], delimiter=",", fmt="%.17g")
    for eps in (".02", ".05"):
        for output in range(5):
            yield (f"ACAS Xu 1_1, eps {eps}, inf, output {output}", net,
                   ["--box", middle, eps, "--norm", "inf", "--output", output], None, 300)


def controller_cases(_):
    folder = nets("controllers")
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if name == "controller_5_20.onnx":  # an invalid file
            continue
        for region, options in (("R^n", ["--global"]), ("unit box", ["--box", "0.5", "0.5"])):
            yield (f"{name}, {region}, inf", os.path.join(folder, name), [*options, "--norm", "inf"], None, 300)


def frontier_cases(folder):
    """Random networks at the edge of what can be closed: weights and biases N(0, 1 / fan-in), seed 0, one output."""
    for widths in ([10, 30, 30], [10, 40, 40], [20, 40, 40], [5, 50, 50], [10, 20, 20, 20], [6] + [10] * 6):
        generator, arrays = numpy.random.default_rng(0), {}
        for layer, (fan_in, width) in enumerate(zip(widths, [*widths[1:], 1])):
            arrays[f"W{layer}"] = generator.standard_normal((width, fan_in)) / numpy.sqrt(fan_in)
            arrays[f"b{layer}"] = generator.standard_normal(width) / numpy.sqrt(fan_in)
        name = "-".join(map(str, widths))
        path = os.path.join(folder, name + ".npz")
        numpy.savez(path, **arrays)
        yield f"frontier {name}, R^n, 2", path, ["--global", "--norm", "2"], None, 600


def run(command):
    """What a run gave, and its CPU seconds: with one thread and a quiet machine, those of the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(options, folder, case):
    label, net, question, value, target = case
    certificate, canonical = os.path.join(folder, "cert"), os.path.join(folder, "net")
    command = [options.program, "bound", net, *question, "--method", "exact", "--time", options.time, "--threads",
               options.threads, "--json", "-", "--certificate", certificate]
    done, seconds = run(command)
    if done.returncode not in (0, 3, 4) or not done.stdout.strip().startswith("{"):
        return {"case": label, "verified": done.stderr.strip()[:100] or f"status {done.returncode}"}
    report = json.loads(done.stdout)
    low, high = (float(report[key]["value"] if isinstance(report[key], dict) else report[key]) for key in ("lower", "upper"))
    step = next(step for step in report["steps"] if step["method"] == "exact" and step["side"] == "upper")
    counts = re.findall(r"\d+", step.get("note") or "")
    row = {"case": label, "lower": f"{low:.12g}", "upper": f"{high:.12g}", "gap": f"{(high - low) / high if high else 0:.1e}",
           "reference": value and f"{value:.12g}", "off": value and f"{(low - value) / value:.1e}", "target s": target,
           "CPU s": f"{seconds:.2f}", "KiB": os.path.getsize(certificate) // 1024 if os.path.exists(certificate) else ""}
    if len(counts) >= 3:
        row.update(zip(("nodes", "newton", "LPs"), counts))
    if not options.no_check and os.path.exists(certificate):
        run([options.program, "convert", net, canonical])
        verdict, seconds = run([os.path.join(options.build, "check", "lipcheck"), canonical, certificate])
        row["verified"] = (verdict.stdout.strip().splitlines() or [verdict.stderr])[-1][:110]
        row["lipcheck s"] = f"{seconds:.2f}"
        os.unlink(certificate)
    return row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--only", default="")
    parser.add_argument("--time", default="60")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--program")
    parser.add_argument("--no-check", action="store_true")
    options = parser.parse_args()
    options.program = options.program or os.path.join(options.build, "cli", "lipcert")
    rows = []
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        for case in [*reference_cases(folder), *published_cases(folder), *acas_cases(folder), *controller_cases(folder),
                     *frontier_cases(folder)]:
            if options.only not in case[0]:
                continue
            if not os.path.exists(case[1]):
                print(f"bench: {case[1]} is not there: {case[0]} is left out", file=sys.stderr)
                continue
            rows.append(measure(options, folder, case))
            print("| " + " | ".join(str(rows[-1].get(key) or "") for key in COLUMNS) + " |", flush=True)
    os.makedirs(os.path.join(options.build, "bench"), exist_ok=True)
    with open(os.path.join(options.build, "bench", "exact.csv"), "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
