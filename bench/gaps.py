"""Gap tables: proved lower and upper bounds, their gap, the best methods, seconds, and lipcheck's verdict.

    bench/gaps.py BUILD [--time S] [--only TEXT] [--methods LIST] [--limit N] [--fresh] [--list]

writes BUILD/bench/gaps.csv and gaps.md and prints the table.  Rows (input norm inf and 2, every one by itself):

    ACAS Xu 1_1       every output, on property 1's box and on +- .05 around the middle of that box
    digits example    10 images, +- .02, .05, .1, cut with [0, 1]; all outputs
    mnist-net_256x2   5 images, +- .01, .03, cut with [0, 1]; all outputs

--time is the limit of one row (default 60 s); --only keeps rows whose name contains TEXT; --methods defaults to
"auto,hr2,tight"; --limit stops after N new rows.  A row that is in gaps.csv with the same question, limit, methods
and program is not measured again, so that a table can be stopped and taken up; --fresh forgets what is there.
--list shows the rows.  One thread, so that figures can be compared.  "verified" says whether lipcheck accepts the row's
certificate; "certified" is the upper bound that it states, which is weaker than "upper" where the best
proof does not fit the format.  Networks of ../shared/data (or LIPCERT_DATA) that are absent are left out
with a message.  Standard library only.
"""
import argparse
import csv
import decimal
import hashlib
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.environ.get("LIPCERT_DATA", os.path.join(ROOT, "..", "shared", "data"))
ENVIRONMENT = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
COLUMNS = ["case", "region", "output", "norm", "lower", "upper", "gap %", "lower by", "upper by", "certified",
           "verified", "seconds", "check s", "stop", "time", "methods", "program"]
ACAS_OUTPUTS, DIGITS_IMAGES, MNIST_IMAGES = 5, 10, 5


def nets(*path):
    return os.path.join(DATA, "nets", *path)


def middle(vnnlib, folder):
    """The middle of a VNN-LIB box as a .csv file (bounds as in acasxu_prop1.vnnlib: one input each)."""
    ends = {}
    with open(vnnlib, encoding="ascii") as file:
        for index, value in re.findall(r"\(assert \([<>]= X_(\d+) ([-+.\deE]+)\)\)", file.read()):
            ends.setdefault(int(index), []).append(float(value))
    if sorted(ends) != list(range(len(ends))) or any(len(pair) != 2 for pair in ends.values()):
        sys.exit(f"bench: {vnnlib}: expected two bounds for every input, found {ends}")
    path = os.path.join(folder, "middle.csv")
    with open(path, "w", encoding="ascii") as file:
        file.write(",".join(repr((lo + hi) / 2) for lo, hi in (ends[i] for i in sorted(ends))) + "\n")
    return path


def acasxu(folder):
    net = nets("acasxu", "ACASXU_experimental_v2a_1_1.onnx")
    box = nets("acasxu", "acasxu_prop1.vnnlib")
    if not os.path.exists(net) or not os.path.exists(box):
        print(f"bench: ACAS Xu is left out, no {net} or {box}")
        return
    around = middle(box, folder)
    for region, options in (("property 1", ["--vnnlib", box]), ("middle +- .05", ["--box", around, "0.05"])):
        for output in range(ACAS_OUTPUTS):
            for norm in ("inf", "2"):
                yield "ACAS Xu 1_1", region, str(output), norm, net, [*options, "--output", str(output)]


def images(case, net, pixels, scale, count, sizes):
    for path in (net, pixels):
        if not os.path.exists(path):
            print(f"bench: {case} is left out, no {path}")
            return
    for eps in sizes:
        for row in range(count):
            for norm in ("inf", "2"):
                yield (case, f"image {row} +- {eps}", "all", norm, net,
                       ["--box", pixels, eps, "--row", str(row), "--scale", repr(scale), "--clip", "0,1",
                        "--all"])


def cases(folder):
    """(case, region, output, norm, network, options)"""
    yield from acasxu(folder)
    yield from images("digits", os.path.join(ROOT, "examples", "digits.onnx"),
                      os.path.join(ROOT, "examples", "digits.csv"), 1 / 16, DIGITS_IMAGES,
                      (".02", ".05", ".1"))
    yield from images("mnist-net_256x2", nets("mnistfc", "mnist-net_256x2.onnx"),
                      nets("images", "mnist_test.csv"), 1 / 255, MNIST_IMAGES, (".01", ".03"))


def fingerprint(program):
    """Which program made a row: results of another one are measured again."""
    with open(program, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:12]


def verify(checker, program, net, certificate, folder):
    """(lipcheck's verdict, seconds)"""
    if not os.path.exists(certificate):
        return "no certificate", 0.0
    canonical = os.path.join(folder, "network")
    subprocess.run([program, "convert", net, canonical], check=True, env=ENVIRONMENT)
    started = time.perf_counter()
    done = subprocess.run([checker, canonical, certificate], capture_output=True, text=True, check=False,
                          env=ENVIRONMENT)
    lines = done.stdout.splitlines()
    verdict = "yes" if done.returncode == 0 and lines[-1:] == ["s VERIFIED"] else \
        (lines[-1] if lines else f"exit code {done.returncode}")
    return verdict, time.perf_counter() - started


def text(document, key):
    """A bound with 8 digits, rounded outwards."""
    value = float.fromhex(document[key + "_hex"])
    away = decimal.ROUND_FLOOR if key == "lower" else decimal.ROUND_CEILING
    context = decimal.Context(prec=8, rounding=away)
    return f"{context.create_decimal_from_float(value):g}".lower() if math.isfinite(value) else "inf"


def measure(build, row, arguments, program_hash):
    case, region, output, norm, net, options = row
    program, checker = (os.path.join(build, *p) for p in (("cli", "lipcert"), ("check", "lipcheck")))
    with tempfile.TemporaryDirectory() as folder:
        report, certificate = (os.path.join(folder, name) for name in ("result.json", "certificate"))
        command = [program, "bound", net, "--norm", norm, *options, "--method", arguments.methods, "--time",
                   repr(arguments.time), "--json", report, "--certificate", certificate, "--quiet"]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        if not os.path.exists(report):
            sys.exit(f"bench: {' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
        with open(report, encoding="utf-8") as file:
            result = json.load(file)
        verdict, seconds = verify(checker, program, net, certificate, folder)
    gap = result["gap"]
    return dict(zip(COLUMNS, [
        case, region, output, norm, text(result, "lower"), text(result, "upper"),
        "-" if gap is None else f"{100 * gap:.4g}", result["lower_method"] or "-",
        result["upper_method"] or "-", text(result, "certified"), verdict, f"{result['seconds']:.1f}",
        f"{seconds:.1f}", result["stop"], f"{arguments.time:g}", arguments.methods, program_hash]))


def key_of(row):
    return tuple(row[name] for name in ("case", "region", "output", "norm", "time", "methods", "program"))


def load(path):
    """Rows of an earlier run; none if the columns are others."""
    if not os.path.exists(path):
        return []
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        return list(reader) if reader.fieldnames == COLUMNS else []


def write(path, rows):
    """Whole or not at all: the run may be stopped at any moment."""
    with open(path + ".part", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    os.replace(path + ".part", path)


def markdown(rows):
    shown = [name for name in COLUMNS if name not in ("time", "methods", "program")]
    lines = ["| " + " | ".join(shown) + " |", "|" + "---|" * len(shown)]
    lines += ["| " + " | ".join(row[name] for name in shown) + " |" for row in rows]
    limits = sorted({f"{row['time']} s, methods {row['methods']}" for row in rows})
    return "\n".join(["One thread; limit for each row: " + "; ".join(limits) + ".", "", *lines]) + "\n"


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--time", type=float, default=60.0)
    parser.add_argument("--only", default="")
    parser.add_argument("--methods", default="auto,hr2,tight")
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def name_of(row):
    return f"{row[0]}, {row[1]}, output {row[2]}, norm {row[3]}"


def run_all(arguments, wanted, path):
    """Measure what is not there yet; every row is written as soon as it is known."""
    program_hash = fingerprint(os.path.join(arguments.build, "cli", "lipcert"))
    rows = [] if arguments.fresh else load(path)
    known, fresh = {key_of(row) for row in rows}, 0
    for row in wanted:
        key = (*row[:4], f"{arguments.time:g}", arguments.methods, program_hash)
        if key in known:
            continue
        if arguments.limit is not None and fresh >= arguments.limit:
            break
        new = measure(arguments.build, row, arguments, program_hash)
        # a question has one row: the last one measured
        rows = [old for old in rows if key_of(old)[:4] != key[:4]] + [new]
        fresh += 1
        write(path, rows)
        print(f"{name_of(row)}: {new['lower']} <= L <= {new['upper']}, verified: {new['verified']}, "
              f"{new['seconds']} s", file=sys.stderr, flush=True)
    return rows


def main():
    arguments = parse()
    folder = os.path.join(arguments.build, "bench")
    with tempfile.TemporaryDirectory() as scratch:
        every = list(cases(scratch))
        wanted = [row for row in every if arguments.only in name_of(row)]
        if arguments.list or not wanted:
            print("\n".join(map(name_of, wanted)) or "bench: no row is left to measure")
            return
        os.makedirs(folder, exist_ok=True)
        rows = run_all(arguments, wanted, os.path.join(folder, "gaps.csv"))
    order = {row[:4]: place for place, row in enumerate(every)}
    rows.sort(key=lambda row: order.get(key_of(row)[:4], len(order)))
    table = markdown(rows)
    with open(os.path.join(folder, "gaps.md"), "w", encoding="utf-8") as file:
        file.write(table)
    print(table, end="")


if __name__ == "__main__":
    main()
