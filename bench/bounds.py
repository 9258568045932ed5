"""Bounds, wall time and peak memory of `lipcert bound` on example and reference networks.

    bench/bounds.py PROGRAM FOLDER [--quick]

writes FOLDER/bounds.csv and FOLDER/bounds.md and prints the table.  Networks of ../shared/data (or
LIPCERT_DATA) are measured when they are there.  One thread, so that figures can be compared.
Standard library only; centres are written as .csv.
"""
import csv
import json
import os
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.environ.get("LIPCERT_DATA", os.path.join(ROOT, "..", "shared", "data"))



def cases():
    """(name, network, region arguments, other arguments); files that are absent are left out."""
    digits = os.path.join(ROOT, "examples", "digits.onnx")
    image = os.path.join(ROOT, "examples", "digits.csv")
    controller = os.path.join(ROOT, "examples", "controller.onnx")
    acas = os.path.join(DATA, "nets", "acasxu", "ACASXU_experimental_v2a_1_1.onnx")
    mnist = os.path.join(DATA, "nets", "mnistfc", "mnist-net_256x2.onnx")
    pixels = os.path.join(DATA, "nets", "images", "mnist_test.csv")
    table = []
    for norm in ("inf", "2"):
        table += [
            ("digits, R^n", digits, ["--global"], norm),
            ("digits, image 0 +- .03", digits,
             ["--box", image, "0.03", "--row", "0", "--scale", repr(1 / 16), "--clip", "0,1"], norm),
            ("controller, R^n", controller, ["--global"], norm),
            ("controller, [-1,1]^2", controller, ["--box", "0", "1"], norm),
            ("ACAS Xu 1_1, R^n", acas, ["--global"], norm),
            ("ACAS Xu 1_1, 0 +- .03", acas, ["--box", "0", "0.03"], norm),
            ("mnist-net_256x2, R^n", mnist, ["--global"], norm),
            ("mnist-net_256x2, image 0 +- .03", mnist,
             ["--box", pixels, "0.03", "--row", "0", "--scale", repr(1 / 255), "--clip", "0,1"], norm),
        ]
    return [c for c in table if os.path.exists(c[1])]


def measure(program, network, region, norm, extra):
    """Run once; (result, wall seconds, peak MiB)."""
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "result.json")
        command = [program, "bound", network, "--norm", norm, "--all", "--json", report, "--quiet"]
        started = time.perf_counter()
        pid = os.posix_spawn(program, command + region + extra,
                             dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1"))
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - started
        if os.waitstatus_to_exitcode(status) != 0:
            raise SystemExit(f"{' '.join(command)} failed")
        with open(report, encoding="utf-8") as file:
            return json.load(file), wall, usage.ru_maxrss / 1024


def row_of(name, norm, result, wall, memory):
    steps = {s["method"]: s for s in result["steps"]}
    value = lambda m: steps[m]["value"] if m in steps else None
    return {"case": name, "norm": norm, "lower": result["lower"], "upper": result["upper"],
            "lbs": value("lbs"), "ascent": value("ascent"), "search": value("search"), "product": value("product"),
            "interval": value("interval"),
            "tangent": value("tangent"), "seconds": round(wall, 2), "MiB": round(memory)}


def text(value):
    return value if isinstance(value, str) else "-" if value is None else f"{value:.5g}"


def main():
    program, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    extra = ["--sweeps", "1", "--steps", "50"] if "--quick" in sys.argv else []
    rows = [row_of(name, norm, *measure(program, network, region, norm, extra))
            for name, network, region, norm in cases()]
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "bounds.csv"), "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    lines += ["| " + " | ".join(text(v) for v in row.values()) + " |" for row in rows]
    with open(os.path.join(folder, "bounds.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
