"""The default method: what `auto` reaches within a time limit, beside every single method with the same limit.

    bench/auto.py BUILD [--only TEXT] [--time S]

One row for each question: bounds and gap of `auto`, and the best upper and the best lower bound that a single method proved
within the same limit (a program run for each, so `auto` has one limit for all that they have one each for).  Rows whose
network is not in ../shared/data (or LIPCERT_DATA) are left out with a message.  Writes BUILD/bench/auto.csv and prints a
Markdown table (docs/benchmarks.md).  Meant for a quiet machine.
"""
import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile

from exact import ENVIRONMENT, ROOT, acas_cases, nets

COLUMNS = ["question", "auto", "gap %", "seconds", "best single upper", "by", "best single lower", "lower by", "their gap %"]
UPPER, LOWER = ["product", "interval", "tangent", "hr2", "tight", "exact"], ["lbs", "ascent", "search"]


def cases(folder):
    digits, controller = (os.path.join(ROOT, "examples", name) for name in ("digits.onnx", "controller.onnx"))
    image = ["--scale", "0.0625", "--clip", "0,1", "--box", os.path.join(ROOT, "examples", "digits.csv"), "0.02"]
    yield "digits, R^n, all outputs, 2", digits, ["--all", "--norm", "2"]
    yield "digits, R^n, margin 3 - 8, inf", digits, ["--margin", "3,8", "--norm", "inf"]
    yield "controller, R^n, inf", controller, ["--norm", "inf"]
    for row in range(5):
        rival = (row + 1) % 10
        yield (f"digits, image {row}, eps .02, margin {row} - {rival}, inf", digits,
               [*image, "--row", row, "--margin", f"{row},{rival}", "--norm", "inf"])
    for label, net, question, _, _ in acas_cases(folder):
        if "eps .05" in label:
            yield label, net, question
    yield "SDP-NN, R^n, inf", nets("SDP-NN.mat"), ["--norm", "inf"]
    yield "SDP-NN, box .1, inf", nets("SDP-NN.mat"), ["--norm", "inf", "--box", "0", "0.1"]
    image = nets("images", "mnist_test.csv")
    yield ("mnist-net_256x2, image 0, eps .01, output 0, inf", nets("mnistfc", "mnist-net_256x2.onnx"),
           ["--norm", "inf", "--output", "0", "--box", image, ".01", "--row", "0", "--scale", "0.00392156862745098"])


def bounds(options, net, question, method):
    """(lower, upper, seconds)."""
    command = [os.path.join(options.build, "cli", "lipcert"), "bound", net, *question, "--method", method, "--time",
               options.time, "--quiet", "--json", "-"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    if not done.stdout.strip().startswith("{"):
        print(f"bench: {method}: {done.stderr.strip()}", file=sys.stderr)
        return 0.0, float("inf"), 0.0
    report = json.loads(done.stdout)
    low, high = (report[key]["value"] if isinstance(report[key], dict) else report[key] for key in ("lower", "upper"))
    return float(low or 0), float("inf" if high is None else high), float(report["seconds"])


def gap(low, high):
    return f"{100 * (high - low) / high:.2f}" if high > low else "0"


def measure(options, case):
    label, net, question = case
    low, high, seconds = bounds(options, net, question, "auto")
    single = {method: bounds(options, net, question, method) for method in UPPER + LOWER}
    upper = min(single, key=lambda method: single[method][1])
    lower = max(single, key=lambda method: single[method][0])
    least, most = single[upper][1], single[lower][0]
    return dict(zip(COLUMNS, [label, f"[{low:.8g}, {high:.8g}]", gap(low, high), f"{seconds:.1f}", f"{least:.8g}", upper,
                              f"{most:.8g}", lower, gap(most, least)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build")
    parser.add_argument("--only", default="", help="questions that contain this text")
    parser.add_argument("--time", default="10", help="seconds for auto and for every single method")
    options = parser.parse_args()
    rows = []
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(folder):
            if options.only not in case[0]:
                continue
            if not os.path.exists(case[1]):
                print(f"bench: {case[1]} is not there: {case[0]} is left out", file=sys.stderr)
                continue
            rows.append(measure(options, case))
            print("| " + " | ".join(rows[-1][key] for key in COLUMNS) + " |", flush=True)
    os.makedirs(os.path.join(options.build, "bench"), exist_ok=True)
    with open(os.path.join(options.build, "bench", "auto.csv"), "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
