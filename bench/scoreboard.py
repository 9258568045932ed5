"""The scoreboard: lipcert and the peers that install from Debian or PyPI, on the same questions in one run.

    bench/scoreboard.py BUILD [--full] [--time S] [--jobs N] [--only TEXT] [--skip LIST] [--no-install] [--fresh]
                        [--draw] [--list] [--docs [FOLDER]]

Three groups: LipSDP on R^n with 2-norms; Shor's relaxation and HR-2 with inf-norms; exact constants.  Peers
get what `lipcert export` writes, or the weights as .npz (bench/scoreboard_peers.py).  Debian's packages are
installed where this runs as root, Python's into BUILD/scoreboard/venv (eclipse-nn brings torch: 5 GiB); what
is not there is a row "not installed" with the reason.  --skip csdp,eclipse-nn leaves programs out.

--time is the CPU limit of one run (default 120 s; mixed-integer programs and `exact`: 60 s of wall clock, which
all of them take as an option).  --full adds the runs that take long.  BUILD/bench/scoreboard-runs.csv keeps every row: a run
with the same network, commands and programs is not made again, unless it failed, or a limit stopped it that is
larger now; --fresh forgets.  --only keeps runs whose name, as --list shows it, contains TEXT.  --draw runs nothing.
--docs copies scoreboard.csv and scoreboard.md to FOLDER (default docs/).  Networks of ../shared/data (or
LIPCERT_DATA) that are absent are left out with a message.

What a row says.  One thread; CPU seconds of the whole process, imports and reading included, since others
may use the machine; below half a second the median of three runs.  "proved, verified": lipcert's bound, and
lipcheck accepted its certificate.  "computed": a floating-point answer, whatever its program calls it.
"""
import argparse
import collections
import concurrent.futures
import csv
import datetime
import decimal
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np

import exact
import scoreboard_page as page
from gaps import DATA, ENVIRONMENT, ROOT, fingerprint, nets, verify

COLUMNS = ["group", "work", "program", "method", "value", "status", "found", "gap %", "CPU s", "wall s", "MiB", "solve s",
           "note", "version", "date", "limit s", "command", "key"]
# program -> (kind of package, packages)
PROGRAMS = {"csdp": ("Debian", ["coinor-csdp"]), "dsdp5": ("Debian", ["dsdp"]), "sdpa": ("Debian", ["sdpa"]),
            "Cbc": ("Debian", ["coinor-cbc"]), "HiGHS": ("PyPI", ["highspy"]), "cvxpy + SCS": ("PyPI", ["cvxpy", "scs"]),
            "cvxpy + Clarabel": ("PyPI", ["cvxpy", "clarabel"]), "eclipse-nn": ("PyPI", ["eclipse-nn"]),
            "auto-LiRPA": ("PyPI", ["auto-LiRPA"])}
COMMANDS = {"csdp": "csdp", "dsdp5": "dsdp5", "sdpa": "sdpa", "Cbc": "cbc"}
SDP = ("csdp", "dsdp5", "sdpa")
PYTHON = {"cvxpy + SCS": ["lipsdp-scs"], "cvxpy + Clarabel": ["lipsdp-clarabel"], "eclipse-nn": ["eclipse", "eclipse-fast"]}
# full: the peers' runs, or lipcert's beyond the first, belong to --full
Work = collections.namedtuple("Work", "group name net question methods export peers full")
# The limit is CPU time by the scheduler's clock (RLIMIT_CPU counts ticks, 10 % too many where others run), and much more
# of wall clock; a run may have 8 GiB.  A small process asks for memory: a child's peak counts that of its parent.
LAUNCH = """
import os, resource, signal, sys, time
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_CPU, (2 * limit + 5, 2 * limit + 10))
resource.setrlimit(resource.RLIMIT_DATA, (8 << 30, 8 << 30))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
started = time.monotonic()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
def check(*_):
    try:
        used = time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return
    if time.monotonic() - started > 6 * limit + 60 or used > limit + 5:
        os.kill(pid, signal.SIGKILL)
    elif used > limit:
        os.kill(pid, signal.SIGXCPU)
signal.signal(signal.SIGALRM, check)
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, .2, .2)
_, status, usage = os.wait4(pid, 0)
signal.setitimer(signal.ITIMER_REAL, 0)
print()
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, time.monotonic() - started, usage.ru_maxrss)
"""
MIP_SECONDS = 60


def slug(name):
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def lipsdp_works():
    digits = os.path.join(ROOT, "examples", "digits.onnx")
    table = [("controller example", os.path.join(ROOT, "examples", "controller.onnx"), ["--output", "0"]),
             ("digits example, all outputs", digits, ["--all"])]
    table += [(f"digits {kind} seed 0, row 7", nets("glipsdp", f"glipsdp_{kind}_s0.npz"), ["--output", "7"])
              for kind in ("fnn2", "fnn3")]
    table += [("LipSDP random, all outputs", nets("lipsdp", "lipsdp_random_weights.npz"), ["--all"]),
              ("LipSDP mnist, all outputs", nets("lipsdp", "lipsdp_mnist_weights.npz"), ["--all"]),
              ("MLP 64 wide, 8 layers, all outputs", nets("glipsdp", "glipsdp_mlp_d8_w64.npz"), ["--all"])]
    for name, net, output in table:
        yield Work("LipSDP", f"{name}, R^n, 2", net, ["--norm", "2", *output], ["tangent"], "tangent",
                   [*SDP, *PYTHON], False)


def reference(name, folder):
    """A reference network as a chain, with its centre; (its path, None) where it is absent."""
    path = os.path.join(DATA, "reference", "nets", name + ".npz")
    return exact.chain(path, folder) if os.path.exists(path) else (path, None)


def shor_works(folder):
    inf = ["--norm", "inf", "--output", "0"]
    digits = os.path.join(ROOT, "examples", "digits.onnx")
    yield Work("Shor, HR-2", "digits example, output 0, R^n, inf", digits, inf, ["tangent"], "tangent", SDP, False)
    for name, label in (("n1_40x40_s10", "40x40 band 10"), ("n1_80x80_g", "80x80")):
        net, centre = reference(name, folder)
        full = name == "n1_80x80_g"
        yield Work("Shor, HR-2", f"{label}, R^n, inf: Shor", net, inf, ["shor"], "tangent", SDP, False)
        yield Work("Shor, HR-2", f"{label}, centre +- .1, inf: HR-2", net, [*inf, "--box", centre, "0.1"],
                   ["hr2", "hr2-blocks"], "hr2-blocks", SDP, full)
    yield Work("Shor, HR-2", "SDP-NN 784-500-1, R^n, inf: Shor", nets("SDP-NN.mat"), inf, ["shor"], "tangent", SDP, False)


def exact_works(folder):
    inf, mip = ["--norm", "inf", "--output", "0"], ("HiGHS", "Cbc")
    controller = os.path.join(ROOT, "examples", "controller.onnx")
    net, centre = reference("n1_40x40_s10", folder)
    table = [("controller example, [-1,1]^2, inf", controller, [*inf, "--box", "0", "1"], mip),
             ("40x40 band 10, centre +- .1, inf", net, [*inf, "--box", centre, "0.1"], mip),
             ("iris 4-6-6-3, [-3,3]^4, inf, output 0", nets("exlipbab", "exlipbab_iris_net_4x6x6x3_ReLU.npz"),
              [*inf, "--vnnlib", exact.box(folder, "iris", [(-3.0, 3.0)] * 4)], mip),
             ("wine 11-24-24-1, [-3,3]^11, inf", nets("exlipbab", "exlipbab_wine_net_11x24x24x1_ReLU.npz"),
              [*inf, "--vnnlib", exact.box(folder, "wine", [(-3.0, 3.0)] * 11)], mip),
             ("wine 11-24-24-1, R^n, 2", nets("exlipbab", "exlipbab_wine_net_11x24x24x1_ReLU.npz"), ["--norm", "2"], ()),
             ("bike 13-20-16-8-3, R^n, 2", nets("exlipbab", "exlipbab_bike_net_13x20x16x8x3_ReLU.npz"), ["--norm", "2"], ())]
    for name, path, question, peers in table:
        yield Work("Exact", name, path, question, ["exact"], "miqcqp", peers, False)


def works(folder):
    for work in (*lipsdp_works(), *shor_works(folder), *exact_works(folder)):
        if os.path.exists(work.net):
            yield work
        else:
            print(f"scoreboard: {work.name} is left out, no {work.net}", file=sys.stderr)


def runs(chosen, full):
    """(work, program, method); lipcert's first method comes first and is what ratios are relative to."""
    for work in chosen:
        for place, method in enumerate(work.methods):
            if place == 0 or full or not work.full:
                yield work, "lipcert", method
        for program in work.peers if full or not work.full else ():
            for method in PYTHON.get(program, [work.export]):
                yield work, program, method


def label(run):
    work, program, method = run
    return f"{work.group}: {work.name}, {program} {method}"


# Installing

def ask(command):
    return subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)


def plain(line):
    """A program's message without addresses and folders."""
    return re.sub(r"\s*\S*(://|/)\S*", "", line).strip()[:150]


def last_error(done):
    """One sentence of what an installer said, without addresses and folders."""
    lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    chosen = next((line for line in lines if "ERROR" in line or line.startswith("E:")), lines[-1] if lines else "no message")
    return plain(chosen.replace("ERROR: ", ""))


def debian(packages, install):
    """(version, reason why there is none)"""
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}\n", *packages]
    if not shutil.which("dpkg-query"):
        return None, "not a Debian system"
    reason = "not asked for (--no-install)"
    if install and not ask(query).stdout.startswith("installed"):
        if os.geteuid() != 0:
            reason = f"not root; an administrator can: apt-get install {' '.join(packages)}"
        else:
            ask(["apt-get", "update", "-qq"])
            reason = last_error(ask(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]))
    words = ask(query).stdout.split()
    return (words[1], "") if words[:1] == ["installed"] else (None, reason)


def pip_versions(python, packages):
    code = "import importlib.metadata as m, sys; print(*[f'{p} {m.version(p)}' for p in sys.argv[1:]], sep=', ')"
    done = ask([python, "-c", code, *packages]) if os.path.exists(python) else None
    return done.stdout.strip() if done and done.returncode == 0 else None


def pypi(packages, folder, install):
    """The same for packages of the virtual environment; one for auto-LiRPA alone, which asks for old packages."""
    venv = os.path.join(folder, "venv-auto-lirpa" if packages == ["auto-LiRPA"] else "venv")
    python = os.path.join(venv, "bin", "python")
    found = pip_versions(python, packages)
    if found or not install:
        return found, "" if found else "not asked for (--no-install)"
    done = ask([sys.executable, "-m", "venv", venv]) if not os.path.exists(python) else None
    if done is None or done.returncode == 0:
        done = ask([python, "-m", "pip", "install", "-q", *packages])
    found = pip_versions(python, packages)
    return found, "" if found else last_error(done)


def installed(folder, arguments):
    """program -> (version or None, reason)"""
    table = {}
    for program, (kind, packages) in PROGRAMS.items():
        if program in arguments.skip or program.lower() in arguments.skip:
            table[program] = (None, "left out (--skip)")
        else:
            install = not (arguments.no_install or arguments.draw or arguments.list)
            table[program] = debian(packages, install) if kind == "Debian" else pypi(packages, folder, install)
        if table[program][0] is None:
            print(f"scoreboard: {program} is not installed: {table[program][1]}", file=sys.stderr)
    return table


# What programs say

def sdp_value(name, said):
    """(value, what it says of it) of csdp, dsdp5 or sdpa; the larger of both objectives, since a bound is wanted."""
    number = r"([-+]?\d[\d.]*(?:[eE][-+]?\d+)?)"
    patterns = {"csdp": (rf"Primal objective value: {number}", rf"Dual objective value: {number}",
                         r"^((?:Partial Success|Success|Failure|Declaring)\b.*)$"),
                "dsdp5": (rf"P Objective\s*:\s*{number}", rf"DSDP Solution:\s*{number}",
                          r"^DSDP (Converged.*|.*Terminated.*)$"),
                "sdpa": (rf"objValPrimal = {number}", rf"objValDual\s+= {number}", r"phase.value\s*=\s*(\w+)")}
    first, second, state = (re.search(p, said, re.MULTILINE) for p in patterns[name])
    if not first or not second:
        return None, "no objective in its output"
    sign = -1 if name == "dsdp5" else 1  # it minimises the negative
    return max(sign * float(first[1]), sign * float(second[1])), state[1].strip() if state else ""


def outward(result, side):
    """A proved bound with 11 digits, rounded outwards."""
    away = decimal.ROUND_FLOOR if side == "lower" else decimal.ROUND_CEILING
    value = float.fromhex(result[side + "_hex"])
    return f"{decimal.Context(prec=11, rounding=away).create_decimal_from_float(value):g}".lower()


def scale_of(path):
    """What an exported program's second line says of the bound: (factor, constant)."""
    with open(path, encoding="ascii") as file:
        file.readline()
        line = file.readline()
    found = re.search(r"; 2\^(-?\d+) times the value bounds", line)
    if found:
        return 2.0 ** int(found[1]), 0.0
    found = re.search(r"bound = \(value \+ constant\) \* 2\^(-?\d+), constant = (\S+)", line)
    if not found:
        raise ValueError(f"{path}, line 2: expected how the value becomes a bound, found {line.strip()!r}")
    return 2.0 ** int(found[1]), float(found[2])


def cbc_value(said):
    """(claimed upper bound, best found, what it says)"""
    state = re.search(r"^Result - (.*)$", said, re.MULTILINE)
    found = re.search(r"^Objective value:\s+(\S+)$", said, re.MULTILINE)
    bound = re.search(r"^Upper bound:\s+(\S+)$", said, re.MULTILINE)
    if not state:
        return None, None, "no result in its output"
    best = float(found[1]) if found else None
    return (float(bound[1]) if bound else best if "Optimal" in state[1] else None), best, state[1].strip()


def last_json(said):
    return next((json.loads(line) for line in reversed(said.splitlines()) if line.startswith("{")), None)


# Running

def launch(command, limit, folder):
    """(exit code, CPU seconds, wall seconds, peak MiB, stdout, stderr)"""
    done = subprocess.run([sys.executable, "-S", "-E", "-c", LAUNCH, str(int(limit)), *command], env=ENVIRONMENT, cwd=folder,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise RuntimeError(f"scoreboard: {' '.join(command)} did not start: {done.stderr.strip()[-300:]}")
    said, _, last = done.stdout.rstrip("\n").rpartition("\n")
    code, cpu, wall, memory = last.split()
    return int(code), float(cpu), float(wall), int(memory) / 1024, said, done.stderr


def weights(path):
    """Matrices of a chain in the canonical format: dense terms, ReLU in every layer but the last."""
    with open(path, encoding="ascii") as file:
        lines = iter(file.read().splitlines())
    matrices = []
    for line in lines:
        words = line.split()
        if words[0] == "term":
            if words[1:3] != [str(len(matrices)), "dense"]:
                raise ValueError(f"{path}: expected a chain of dense layers, found '{line}'")
            matrices.append(np.array([[float.fromhex(w) for w in next(lines).split()] for _ in range(int(words[3]))]))
    return matrices


class Board:
    """Everything a run needs: programs, folders, limits."""

    def __init__(self, arguments):
        self.build, self.limit, self.fresh = os.path.abspath(arguments.build), arguments.time, arguments.fresh
        self.folder = os.path.join(self.build, "scoreboard")
        self.files = os.path.join(self.folder, "work")
        os.makedirs(self.files, exist_ok=True)
        self.program, self.checker = (os.path.join(self.build, *p) for p in (("cli", "lipcert"), ("check", "lipcheck")))
        for path in (self.program, self.checker):
            if not os.path.exists(path):
                sys.exit(f"scoreboard: {arguments.build}: expected a build with cli/lipcert and check/lipcheck, "
                         f"found no {path}")
        self.version = ask([self.program, "--version"]).stdout.split("\n")[0].replace("lipcert ", "")
        self.python = os.path.join(self.folder, "venv", "bin", "python")
        self.peers = os.path.join(ROOT, "bench", "scoreboard_peers.py")

    def short(self, command):
        """A command as one would type it in a folder that has the network."""
        words = [word if not os.path.isabs(word) or word.startswith("/dev/") else os.path.basename(word)
                 for word in command]
        return " ".join(f"'{word}'" if " " in word else word for word in words)

    def steps(self, work, program, method):
        """The commands of a run: what prepares it, and what is measured."""
        name = os.path.join(self.files, slug(work.name))
        if program == "lipcert":
            limit = MIP_SECONDS if method == "exact" else self.limit
            tag = f"{name}-{method}"
            return [], [self.program, "bound", work.net, *work.question, "--method", method, "--time", f"{limit:g}",
                        "--json", tag + ".json", "--certificate", tag + ".cert", "--quiet"]
        if program in PYTHON:
            row = work.question[work.question.index("--output") + 1:][:1] if "--output" in work.question else []
            return ([self.program, "convert", work.net, f"{name}-{method}.net"],
                    [self.python, self.peers, method, f"{name}-{method}.npz", *row])
        kind = {"HiGHS": "mps", "Cbc": "lp"}.get(program, "sdpa")
        out = f"{name}-{program.lower()}.{'dat-s' if kind == 'sdpa' else kind}"
        export = [self.program, "export", work.net, out, *work.question, "--relaxation", method, "--format", kind]
        model = os.path.basename(out)  # dsdp5 cuts paths off after 79 characters
        peer = {"csdp": ["csdp", model, "/dev/null"], "dsdp5": ["dsdp5", model],
                "sdpa": ["sdpa", "-ds", model, "-o", "/dev/null"],
                "Cbc": ["cbc", model, "-timeMode", "elapsed", "-sec", str(MIP_SECONDS), "-solve"],
                "HiGHS": [self.python, self.peers, "highs", model, str(MIP_SECONDS)]}
        return export, peer[program]

    def key(self, work, program, method, version):
        with open(work.net, "rb") as file:
            net = hashlib.sha256(file.read()).hexdigest()
        who = fingerprint(self.program) if program == "lipcert" else version
        commands = [self.short(c) for c in self.steps(work, program, method)]
        return hashlib.sha256(repr((net, who, commands)).encode()).hexdigest()[:12]

    def measure(self, work, program, method, version):
        prepare, command = self.steps(work, program, method)
        row = dict.fromkeys(COLUMNS, "") | {
            "group": work.group, "work": work.name, "program": program, "method": method, "version": version,
            "date": datetime.date.today().isoformat(), "key": self.key(work, program, method, version),
            "command": "; ".join(self.short(c) for c in (prepare, command) if c)}
        if prepare:
            done = ask(prepare)
            if done.returncode != 0:
                return row | {"status": "failed", "note": "lipcert: " + done.stderr.strip()[-150:]}
        if program in PYTHON:
            np.savez(command[3], **{f"W{i}": w for i, w in enumerate(weights(prepare[3]))})
        limit = 2 * MIP_SECONDS if work.group == "Exact" else self.limit
        row["limit s"] = f"{MIP_SECONDS if work.group == 'Exact' else self.limit:g}"
        every = [launch(command, limit + (30 if program == "lipcert" else 0), self.files)]
        while every[-1][0] == 0 and every[0][1] < .5 and len(every) < 3:
            every.append(launch(command, limit, self.files))
        code, cpu, wall, memory, said, errors = sorted(every, key=lambda r: r[1])[len(every) // 2]
        row |= {"CPU s": f"{cpu:.3f}", "wall s": f"{wall:.3f}", "MiB": f"{memory:.0f}"}
        if program == "lipcert":
            return row | self.proved(work, command)
        if code in (-24, -9):
            return row | {"status": f"stopped at {limit:g} s"}
        return row | computed(program, prepare[3], code, said, errors)

    def proved(self, work, command):
        """lipcert's bounds, and lipcheck's verdict on the certificate."""
        report, certificate = (command[command.index(option) + 1] for option in ("--json", "--certificate"))
        if not os.path.exists(report):
            return {"status": "failed"}
        with open(report, encoding="utf-8") as file:
            result = json.load(file)
        with tempfile.TemporaryDirectory() as folder:
            verdict, seconds = verify(self.checker, self.program, work.net, certificate, folder)
        for path in (report, certificate):
            if os.path.exists(path):
                os.unlink(path)
        step, finite = result["steps"][-1], result["gap"] is not None
        row = {"value": outward(result, "upper"),
               "status": "proved, verified" if verdict == "yes" else f"proved ({verdict})",
               "note": f"certificate checked in {seconds:.2f} s"}
        if not step.get("complete"):
            row["note"] += "; stopped by its time limit"
        if result["lower"] > 0 and finite:
            row |= {"found": outward(result, "lower"), "gap %": f"{100 * result['gap']:.3g}"}
        return row


def computed(program, model, code, said, errors):
    """What a peer answered, as columns."""
    if program in SDP:
        value, note = sdp_value(program, said)
        if value is None:
            last = (said.strip() or errors.strip() or "no output").splitlines()[-1].strip()
            return {"status": "failed", "note": f"{note}, its last line: {plain(last)} (exit code {code})"}
        factor, constant = scale_of(model)
        return {"value": f"{(value + constant) * factor:.11g}", "status": "computed", "note": note}
    if program == "Cbc":
        bound, best, note = cbc_value(said)
        answer, solve = {"value": bound, "found": best, "says": note}, ""
    else:
        answer = last_json(said)
        if answer is None:
            lines = (errors.strip() or said.strip() or "no output").splitlines()
            return {"status": "failed", "note": f"{plain(lines[-1])} (exit code {code})"}
        solve = f"{answer['solve s']:.3f}"
        if "Falling back" in said:
            answer["says"] += "; fell back to ECLipsE-Fast"
    row = {"status": "computed" if answer["value"] is not None else "failed", "note": answer["says"], "solve s": solve}
    if answer["value"] is not None:
        row["value"] = f"{answer['value']:.11g}"
    if answer.get("found") is not None:
        row["found"] = f"{answer['found']:.11g}"
        if answer["value"]:
            row["gap %"] = f"{max(0.0, 100 * (answer['value'] - answer['found']) / answer['value']):.3g}"
    return row


# The table

def load(path):
    """Rows of an earlier run; none if the columns are others."""
    if not os.path.exists(path):
        return []
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        return list(reader) if reader.fieldnames == COLUMNS else []


def save(path, rows):
    """Whole or not at all: the run may be stopped at any moment."""
    with open(path + ".part", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    os.replace(path + ".part", path)


def run_all(board, wanted, path, arguments, versions):
    """Measure what is not there yet; every row is written as soon as it is known."""
    rows = [] if arguments.fresh else load(path)
    keys = [(run, board.key(*run, versions[run[1]][0])) for run in wanted]
    known = {row["key"] for row in rows if row["status"] != "failed" and
             (not row["status"].startswith("stopped") or float(row["limit s"]) >= board.limit)}
    missing = [] if arguments.draw else [run for run, key in keys if key not in known]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        waiting = [pool.submit(board.measure, *run, versions[run[1]][0]) for run in missing]
        try:
            for count, future in enumerate(concurrent.futures.as_completed(waiting), 1):
                new = future.result()
                rows = [old for old in rows if old["key"] != new["key"]] + [new]
                save(path, rows)
                print(f"{count}/{len(missing)} {new['work']}, {new['program']} {new['method']}: {new['value']} "
                      f"{new['status']}, {new['CPU s']} s", file=sys.stderr, flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    answered = {row["key"]: row for row in rows}
    return [answered[key] for _, key in keys if key in answered]


def parse(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--time", type=float, default=120.0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--skip", type=lambda s: s.split(","), default=[])
    for flag in ("--no-install", "--fresh", "--draw", "--list"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--docs", nargs="?", const=os.path.join(ROOT, "docs"), default=None)
    return parser.parse_args(words)


def main():
    arguments = parse()
    board = Board(arguments)
    versions = installed(board.folder, arguments) | {"lipcert": (board.version, "")}
    wanted = [run for run in runs(works(board.files), arguments.full)
              if versions[run[1]][0] and arguments.only in label(run)]
    if arguments.list:
        print("\n".join(map(label, wanted)))
        return
    target = os.path.join(board.build, "bench")
    os.makedirs(target, exist_ok=True)
    rows = run_all(board, wanted, os.path.join(target, "scoreboard-runs.csv"), arguments, versions)
    if not rows:
        sys.exit("scoreboard: nothing to draw: expected at least one measured row, found none")
    rows += [dict.fromkeys(COLUMNS, "") | {"program": p, "status": "not installed", "note": why}
             for p, (version, why) in versions.items() if version is None]
    rows += [dict.fromkeys(COLUMNS, "") | published for published in page.PUBLISHED]
    save(os.path.join(target, "scoreboard.csv"), rows)
    with open(os.path.join(target, "scoreboard.md"), "w", encoding="utf-8") as file:
        file.write(page.draw(rows, PROGRAMS, arguments, len(wanted)))
    for name in ("scoreboard.csv", "scoreboard.md") if arguments.docs else ():
        shutil.copyfile(os.path.join(target, name), os.path.join(arguments.docs, name))
    print(page.summary(rows))


if __name__ == "__main__":
    main()
