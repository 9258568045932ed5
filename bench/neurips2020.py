"""The experiment of Chen, Lasserre, Magron and Pauwels (NeurIPS 2020) with proved bounds.

    bench/neurips2020.py BUILD [--full] [--time S] [--seeds N] [--jobs N] [--only TEXT] [--limit N] [--fresh]
                         [--draw] [--list] [--docs [FOLDER]]

Random networks with one and two hidden layers whose matrices are bands, on centre +- 10 ("global") and
centre +- .1 ("local"), inf-norm; every method is a run of its own on one thread.  Writes
BUILD/bench/neurips2020.csv, neurips2020-bounds.svg, neurips2020-time.svg and the page neurips2020.md;
--docs copies page and figures to FOLDER (default: docs/).

The default is a reduced set of minutes; --full takes the sizes and the ten seeds of the paper, which is
days for all of it: --only keeps runs whose name contains TEXT, --seeds takes fewer seeds, --limit stops
after N new runs, --jobs (default 2) runs as many programs at once.  --time is the wall-clock limit of one
run (default 10 s, --full: 600 s).  A run is not made again if its row in the .csv has the same network,
question, limit and program, so that a table can be stopped and taken up; --fresh forgets what is there.
--draw runs nothing and draws what is there, --list shows the runs.  The exit code is 1 if a certificate is
not verified, or if bounds contradict each other.

What is known of the published setting (the authors' code and its result files): networks n - n - 1 and
n - n - 10 - 1 by torch.nn.Linear, so that weights and biases are U(-1/sqrt(fan-in), 1/sqrt(fan-in)), fan-in
before masking; hidden matrices keep |i - j| <= (s - 1) / 2 for sparsity s (the code has s - 1, and this one
as a comment; published bounds at width 10 differ between s = 16 and s = 20, which the wider band would make
the same network); seeds 0 to 9; eps = 10 and .1.  Centres are not published: here they are U(-1, 1).  The
numbers are ours (numpy's RandomState, whose stream is frozen, and doubles), so the networks are others of
the same distribution.  All sparsities of a seed share their numbers.
"""
import argparse
import concurrent.futures
import csv
import hashlib
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import numpy as np

import neurips2020_figures as figures
from gaps import ENVIRONMENT, ROOT, fingerprint, text, verify

COLUMNS = ["network", "sparsity", "seed", "region", "method", "side", "bound", "certified", "verified", "complete",
           "CPU s", "MiB", "check s", "note", "time", "net", "program"]
KEY = ["network", "sparsity", "seed", "region", "method", "time", "net", "program"]
REGIONS = {"global": "10", "local": "0.1"}
REDUCED = {"20-20": (8, 24, 40), "40-40": (10, 30, 80), "10-10-10": (4, 12, 20)}
FULL = {"20-20": (8, 16, 24, 32, 40), "40-40": (10, 20, 30, 40, 50, 60, 70, 80),
        "80-80": (10, 20, 30, 40, 50, 60, 70, 80), "10-10-10": (4, 8, 12, 16, 20),
        "20-20-10": (4, 8, 12, 16, 20, 24, 28, 32, 36, 40)}
SMALL = {"3-4": (2, 8), "3-4-3": (8,)}  # what the test runs
# column of the table -> (side, options of lipcert bound)
METHODS = {"lbs": ("lower", ["lbs"]), "search": ("lower", ["search"]), "shor": ("upper", ["shor"]),
           "tangent": ("upper", ["tangent"]), "hr1": ("upper", ["hr1"]), "hr2-blocks": ("upper", ["hr2-blocks"]),
           "lipopt-3": ("upper", ["lipopt", "--degree", "3"]), "lipopt-4": ("upper", ["lipopt", "--degree", "4"]),
           "hr2": ("upper", ["hr2"]), "tight": ("upper", ["tight"])}
# never larger where both runs are complete, up to what a proof pays for rounding: (smaller, larger)
ORDER = [("hr2-blocks", "hr1"), ("lipopt-4", "lipopt-3"), ("tight", "hr2")]
SLACK = 1e-5
# Memory is asked for by a small process: a child's peak counts that of the process that starts it.
LAUNCH = """
import os, signal, sys
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.alarm(int(sys.argv[1]))
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""


def widths(name):
    """Inputs, neurons of every hidden layer, outputs."""
    return [*map(int, name.split("-")), 1]


def band(rows, columns, sparsity):
    """Where the matrix of a hidden layer may differ from 0."""
    return abs(np.arange(rows)[:, None] - np.arange(columns)[None, :]) <= (sparsity - 1) / 2


def generate(name, sparsity, seed):
    """Arrays of the .npz file, and the centre; the numbers do not depend on the sparsity."""
    sizes = widths(name)
    random = np.random.RandomState(seed)
    arrays = {}
    for layer, (before, after) in enumerate(zip(sizes, sizes[1:])):
        most = 1 / math.sqrt(before)
        weights = random.uniform(-most, most, (after, before))
        if layer < len(sizes) - 2:
            weights = np.where(band(after, before, sparsity), weights, 0.0)
        arrays[f"W{layer}"] = weights
        arrays[f"b{layer}"] = random.uniform(-most, most, after)
    return arrays, random.uniform(-1, 1, sizes[0])


def digest(arrays, centre):
    """Names a network with its centre: another generator makes other rows."""
    every = b"".join(np.ascontiguousarray(a, dtype="<f8").tobytes() for a in (*arrays.values(), centre))
    return hashlib.sha256(every).hexdigest()[:12]


def methods(name):
    """shor is for one hidden layer; tangent takes its place with two."""
    left_out = "tangent" if len(widths(name)) == 3 else "shor"
    return [m for m in METHODS if m != left_out]


def questions(chosen, seeds):
    """(network, sparsity, seed, region, method); whole figures of few seeds come first."""
    for seed in range(seeds):
        for name, sparsities in chosen.items():
            for sparsity in sparsities:
                for region in REGIONS:
                    for method in methods(name):
                        yield name, str(sparsity), str(seed), region, method


def name_of(question):
    network, sparsity, seed, region, method = question
    return f"{network}, sparsity {sparsity}, seed {seed}, {region}, {method}"


def identify(question, limit, program_hash):
    """What a row has to agree with to be the answer."""
    name, sparsity, seed = question[:3]
    net = digest(*generate(name, int(sparsity), int(seed)))
    return dict(zip(KEY, (*question, f"{limit:g}", net, program_hash)))


def key_of(row):
    return tuple(row[name] for name in KEY)


def launch(command, limit):
    """(exit code, CPU seconds, peak MiB, what it said); killed long after its own limit."""
    done = subprocess.run([sys.executable, "-S", "-E", "-c", LAUNCH, str(int(2 * limit) + 60), *command],
                          env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"bench: {' '.join(command)} did not start: {done.stderr.strip()}")
    code, cpu, memory = done.stdout.split()[-3:]
    return int(code), float(cpu), int(memory) / 1024, done.stderr.strip()


def measure(build, question, identity, limit):
    """Run one method on one network; the row."""
    name, sparsity, seed, region, method = question
    side, options = METHODS[method]
    program, checker = (os.path.abspath(os.path.join(build, *p))
                        for p in (("cli", "lipcert"), ("check", "lipcheck")))
    arrays, centre = generate(name, int(sparsity), int(seed))
    with tempfile.TemporaryDirectory() as folder:
        net, middle, report, certificate = (os.path.join(folder, f) for f in
                                            ("net.npz", "centre.npy", "result.json", "certificate"))
        np.savez(net, **arrays)
        np.save(middle, centre)
        command = [program, "bound", net, "--norm", "inf", "--box", middle, REGIONS[region], "--output", "0",
                   "--method", *options, "--time", repr(limit), "--json", report, "--certificate", certificate,
                   "--quiet"]
        code, cpu, memory, said = launch(command, limit)
        row = dict.fromkeys(COLUMNS, "-") | identity | {"side": side, "CPU s": f"{cpu:.3f}", "MiB": f"{memory:.0f}"}
        if code == -9:
            return row | {"complete": "no", "note": "killed: it did not stop in time"}
        if code == 130 or not os.path.exists(report):
            raise RuntimeError(f"bench: {' '.join(command)} ended with {code}: {said}")
        with open(report, encoding="utf-8") as file:
            result = json.load(file)
        row |= outcome(result, side)
        if row["bound"] != "-":
            row["verified"], seconds = verify(checker, program, net, certificate, folder)
            row["check s"] = f"{seconds:.2f}"
    return row


def outcome(result, side):
    """What a report says of the only method that ran; 0 and inf are no bounds."""
    step = result["steps"][-1]
    found = result["lower"] > 0 if side == "lower" else math.isfinite(float.fromhex(result["upper_hex"]))
    complete = step.get("complete") and result["stop"] == "finished"
    return {"bound": text(result, side) if found else "-", "complete": "yes" if complete else "no",
            "certified": text(result, "certified") if found and side == "upper" else "-",
            "note": step.get("note") or ""}


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


def run_all(arguments, wanted, path):
    """Measure what is not there yet; every row is written as soon as it is known."""
    rows = [] if arguments.fresh else load(path)
    known = {key_of(row) for row in rows}
    missing = [(q, i) for q, i in wanted if key_of(i) not in known]
    missing = [] if arguments.draw else missing[:arguments.limit]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        waiting = [pool.submit(measure, arguments.build, q, i, arguments.time) for q, i in missing]
        try:
            for count, future in enumerate(concurrent.futures.as_completed(waiting), 1):
                new = future.result()
                # a question has one row: the last one measured
                rows = [old for old in rows if key_of(old)[:5] != key_of(new)[:5]] + [new]
                write(path, rows)
                print(f"{count}/{len(missing)} {name_of(key_of(new)[:5])}: {new['bound']}, "
                      f"verified: {new['verified']}, {new['CPU s']} s", file=sys.stderr, flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    answered = {key_of(row): row for row in rows}
    return [answered[key_of(i)] for _, i in wanted if key_of(i) in answered]


def contradictions(rows):
    """Sentences, one for every relation between bounds that does not hold."""
    cases, found = {}, []
    for row in rows:
        if row["bound"] != "-":
            cases.setdefault(key_of(row)[:4], {})[row["method"]] = row
    for case, answers in cases.items():
        value = {m: float(r["bound"]) for m, r in answers.items()}
        pairs = [(low, up) for low in value for up in value
                 if METHODS[low][0] == "lower" and METHODS[up][0] == "upper"]
        # printed values have 8 digits, rounded outwards: lower <= upper stays
        found += [(case, low, up) for low, up in pairs if value[low] > value[up]]
        found += [(case, a, b) for a, b in ORDER if a in value and b in value
                  and answers[a]["complete"] == answers[b]["complete"] == "yes" and value[a] > value[b] * (1 + SLACK)]
    return [f"{', '.join(case)}: {a} is {cases[case][a]['bound']}, which should be at most {b}, "
            f"{cases[case][b]['bound']}" for case, a, b in found]


def cell(rows, column, digits):
    """The median of a column; * if a run was cut off, (k) if only k of the runs have a bound."""
    values = [float(r[column]) for r in rows if r["bound"] != "-"]
    if not rows:
        return ""
    if not values:
        return "none"
    short = f" ({len(values)})" if len(values) < len(rows) else ""
    cut = "*" if any(r["complete"] != "yes" for r in rows) else ""
    return f"{statistics.median(values):.{digits}g}{cut}{short}"


def table(rows, networks, column, digits):
    """One line for every network, region and sparsity."""
    shown = [m for m in METHODS if any(m in methods(n) for n in networks)]
    lines = ["| network | region | sparsity | " + " | ".join(shown) + " |", "|" + "---|" * (3 + len(shown))]
    groups = {}
    for row in rows:
        if row["network"] in networks:
            groups.setdefault((row["network"], row["region"], int(row["sparsity"])), []).append(row)
    for (network, region, sparsity), group in sorted(groups.items()):
        cells = [cell([r for r in group if r["method"] == m], column, digits) for m in shown]
        lines.append(f"| {network} | {region} | {sparsity} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def tables(rows):
    every = list(dict.fromkeys(row["network"] for row in rows))
    parts = []
    for layers, count in (("One hidden layer", 3), ("Two hidden layers", 4)):
        networks = [n for n in every if len(widths(n)) == count]
        if networks:
            parts += [f"### {layers}: bounds", "", table(rows, networks, "bound", 5), "",
                      f"### {layers}: CPU seconds", "", table(rows, networks, "CPU s", 3), ""]
    return "\n".join(parts)


def counts(rows, total, arguments):
    """What was run, and how much of it was verified, in sentences."""
    bounds = [row for row in rows if row["bound"] != "-"]
    verified = sum(row["verified"] == "yes" for row in bounds)
    cut = sum(row["complete"] != "yes" for row in rows)
    peak = max((int(row["MiB"]) for row in rows if row["MiB"] != "-"), default=0)
    most = {row["method"] for row in rows if row["MiB"] == str(peak)}
    wrong = contradictions(rows)
    return "\n".join([
        f"- {'Full' if arguments.full else 'Reduced'} set, {arguments.seeds} seeds, {arguments.time:g} s for a run, "
        f"{len(rows)} of {total} runs made, {cut} of them not run to their end.",
        f"- {len(bounds)} runs have a bound; lipcheck verifies {verified} of their certificates.",
        f"- Largest peak memory of a run: {peak} MiB ({', '.join(sorted(most)) or 'none'}).",
        "- Lower bounds are at most upper bounds; refined relaxations that ran to their end, at most what they "
        "refine."
        if not wrong else "- **Contradictions:** " + "; ".join(wrong)]) + "\n"


def sdp_nn(path):
    """The table of bench/neurips2020-sdp-nn.csv."""
    with open(path, newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    rows = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def page(rows, total, arguments):
    """bench/neurips2020-page.md with its @NAMES@ replaced."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "neurips2020-page.md"), encoding="utf-8") as file:
        words = file.read()
    for name, value in (("COUNTS", counts(rows, total, arguments)), ("TABLES", tables(rows)),
                        ("SDP-NN", sdp_nn(os.path.join(here, "neurips2020-sdp-nn.csv")))):
        words = words.replace(f"@{name}@", value.rstrip("\n"))
    return words


def draw(rows, total, arguments, folder):
    for name, words in (("neurips2020.md", page(rows, total, arguments)),
                        ("neurips2020-bounds.svg", figures.draw(rows, "bound", "Bound", METHODS)),
                        ("neurips2020-time.svg", figures.draw(rows, "CPU s", "CPU seconds", METHODS))):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(words)
        if arguments.docs:
            shutil.copyfile(os.path.join(folder, name), os.path.join(arguments.docs, name))


def parse(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--small", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--time", type=float)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--only", default="")
    parser.add_argument("--limit", type=int)
    for flag in ("--fresh", "--draw", "--list"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--docs", nargs="?", const=os.path.join(ROOT, "docs"))
    arguments = parser.parse_args(words)
    arguments.time = arguments.time or (600.0 if arguments.full else 10.0)
    arguments.seeds = arguments.seeds or (10 if arguments.full else 2)
    if arguments.time < 0 or arguments.seeds < 0 or arguments.jobs < 1 or (arguments.limit or 0) < 0:
        parser.error("expected positive numbers after --time, --seeds, --jobs and --limit")
    return arguments


def main():
    arguments = parse()
    chosen = FULL if arguments.full else SMALL if arguments.small else REDUCED
    asked = [q for q in questions(chosen, arguments.seeds) if arguments.only in name_of(q)]
    if arguments.list or not asked:
        print("\n".join(map(name_of, asked)) or f"bench: no run has {arguments.only!r} in its name")
        return
    for place in (("cli", "lipcert"), ("check", "lipcheck")):
        if not os.path.exists(os.path.join(arguments.build, *place)):
            sys.exit(f"bench: {arguments.build}: expected a build with {'/'.join(place)}, found none; run make first")
    program_hash = fingerprint(os.path.join(arguments.build, "cli", "lipcert"))
    folder = os.path.join(arguments.build, "bench")
    os.makedirs(folder, exist_ok=True)
    wanted = [(q, identify(q, arguments.time, program_hash)) for q in asked]
    try:
        rows = run_all(arguments, wanted, os.path.join(folder, "neurips2020.csv"))
    except RuntimeError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("bench: stopped; rows that were finished are kept, the same command takes it up")
    if not rows:
        sys.exit("bench: expected rows of this program and limit to draw, found none; run it without --draw")
    draw(rows, len(wanted), arguments, folder)
    print(counts(rows, len(wanted), arguments), end="")
    failed = [r for r in rows if r["bound"] != "-" and r["verified"] != "yes"]
    for row in failed:
        print(f"bench: {name_of(key_of(row)[:5])}: the certificate is not verified: {row['verified']}",
              file=sys.stderr)
    if failed or contradictions(rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
