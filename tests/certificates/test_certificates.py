#!/usr/bin/env python3
"""Every file of the corpus through lipcheck and through the exact checker; usage: test_certificates.py LIPCHECK

Both must say what the file's folder says, an invalid file must fall for the reason in its name, and
the numbers must be in order:

    lower claim <= lipcheck's lower <= exact lower,   exact upper <= lipcheck's upper <= upper claim

(exact: the same rules without rounding), and below every proved upper bound lie the norms of
Jacobians at random points.  The files are counted, so that a corpus that went missing is an error.
"""
import itertools
import pathlib
import re
import subprocess
import sys
import tempfile
from fractions import Fraction

import numpy as np

import exact_checker
from exact_format import Certificate, Malformed, Network

ROOT = pathlib.Path(__file__).resolve().parent
LEAST = {"networks": 35, "valid": 255, "invalid": 640, "malformed": 590}
LIMIT = 60  # seconds: a hang is a failure

# What lipcheck's reason must match, by the code of the exact checker.
REASONS = {
    "hash": "about the network", "upper": "upper bound", "lower": "lower bound", "point": "not in the region",
    "kink": "kink", "direction": "direction", "sign": "negative", "role": "not proved to be (active|inactive)",
    "psd": "slack matrix", "spectral": "2-norm|spectral line", "cover": "in no part", "unit": "needs [pq] =",
    "range": "range", "least": "not bounds of", "most": "not bounds of", "value": "not proved to be (active|inactive)",
    "bound": "without a bound", "frame": "too wide", "interior": "has an interior", "empty": "empty by ranges", "sum": "^ ?the sum on line .* negative",
    "span": "^ ?the span on line .* empty", "hull": "^ ?the hull on line .* empty", "gram": "matrix of term .* positive semidefinite", "size": "too large",
}

failures = []


def expect(condition, name, sentence):
    if not condition:
        failures.append(f"{name}: {sentence}")


# ---- Files ---------------------------------------------------------------------------------------

def files(folder):
    """{name: path}; a file that does not follow the naming is an error."""
    found = {path.name.removesuffix(".txt"): path for path in sorted((ROOT / folder).iterdir())
             if path.suffix == ".txt"}
    strangers = [path.name for path in (ROOT / folder).iterdir() if path.suffix != ".txt"]
    expect(not strangers, folder, f"files that no one reads: {strangers}")
    expect(len(found) >= LEAST[folder], folder, f"expected {LEAST[folder]} files or more, found {len(found)}")
    return found


def pairs(folder):
    """(name, network path, certificate path); x.net.txt is a network, checked with any certificate."""
    networks, certificates = files("networks"), files("valid")
    for name, path in files(folder).items():
        net = name.split("-")[0]
        if net not in networks:
            expect(False, f"{folder}/{name}", f"there is no network {net}")
        elif name.endswith(".net"):
            yield name, path, next(c for n, c in certificates.items() if n.split("-")[0] == net)
        else:
            yield name, networks[net], path


# ---- The two checkers ----------------------------------------------------------------------------

def run(program, net, cert):
    """(exit status, {"upper": text, "lower": text}, last line)"""
    done = subprocess.run([program, str(net), str(cert)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, errors="replace", timeout=LIMIT)
    lines = done.stdout.split("\n")
    complete = done.stdout.endswith("\n") and len(lines) >= 2
    bounds = dict(line.split(" ", 1) for line in lines[:-2] if " " in line)
    return done.returncode, bounds, lines[-2] if complete else done.stdout, done.stderr


def exact(net, cert):
    """(status, code, upper, lower) of the exact checker"""
    try:
        return ("VERIFIED", "", *exact_checker.check(net.read_bytes(), cert.read_bytes()))
    except Malformed as error:
        return "MALFORMED", str(error), None, None
    except exact_checker.Rejected as error:
        return "REJECTED", error.code, None, None


STATUS = {"VERIFIED": 0, "REJECTED": 1, "MALFORMED": 2}


def check_file(program, folder, name, net, cert):
    where = f"{folder}/{name}"
    wanted = {"valid": "VERIFIED", "invalid": "REJECTED", "malformed": "MALFORMED"}[folder]
    status, code, upper, lower = exact(net, cert)
    expect(status == wanted, where, f"exact checker: {status} {code}")
    exit_status, bounds, line, errors = run(program, net, cert)
    found = re.fullmatch(r"s (VERIFIED|REJECTED|MALFORMED)( .+)?", line)
    expect(found and found.group(1) == wanted, where, f"lipcheck: {line!r} {errors!r}")
    expect(exit_status == STATUS[wanted], where, f"lipcheck: exit status {exit_status}")
    expect(not errors, where, f"lipcheck: stderr {errors!r}")
    if not found or found.group(1) != wanted or status != wanted:
        return
    if wanted == "REJECTED":
        expect(code == name.split("-")[1], where, f"exact checker: rejected by '{code}'")
        expect(code in REASONS and re.search(REASONS[code], found.group(2) or ""), where,
               f"lipcheck: another reason: {line!r}")
    if wanted == "VERIFIED":
        check_numbers(where, net, cert, bounds, upper, lower)


def check_numbers(where, net, cert, bounds, upper, lower):
    network = Network(net.read_bytes())
    certificate = Certificate(cert.read_bytes(), network)
    claimed = {"upper": certificate.upper, "lower": certificate.lower}
    expect(set(bounds) == {k for k, v in claimed.items() if v is not None}, where, f"lipcheck printed {bounds}")
    printed = {key: Fraction(value) for key, value in bounds.items()}
    if "upper" in printed:
        # the claim may be rounded up once more by printing 17 digits
        top = Fraction(np.nextafter(float(claimed["upper"]), np.inf))
        expect(upper <= printed["upper"] <= top, where, f"upper: {float(upper)!r}, {bounds['upper']}")
        seen = sampled(network, certificate)
        expect(seen <= float(claimed["upper"]) * (1 + 1e-9), where, f"a Jacobian has norm {seen!r}")
    if "lower" in printed:
        least = Fraction(np.nextafter(float(claimed["lower"]), -np.inf))
        expect(least <= printed["lower"] <= lower, where, f"lower: {float(lower)!r}, {bounds['lower']}")
    if len(printed) == 2:
        expect(printed["lower"] <= printed["upper"], where, "lower > upper")


# ---- Jacobians at random points ------------------------------------------------------------------

def sampled(network, cert, points=60):
    """The largest norm of S J at random points, by plain numpy."""
    rng = np.random.default_rng(1)
    n = network.width[0]
    layers = [(layer.relu, np.array(layer.bias, float), [(t.source, full(t)) for t in layer.terms])
              for layer in network.layers[1:]]
    select = np.zeros((len(cert.rows), network.width[-1]))
    for o, row in enumerate(cert.rows):
        for k, c in row.items():
            select[o, k] = float(c)
    best = 0.0
    for _ in range(points):
        h, j = [point(cert, n, rng)], [np.eye(n)]
        for relu, bias, terms in layers:
            z = bias + sum((a @ h[source] for source, a in terms), np.zeros(len(bias)))
            d = sum((a @ j[source] for source, a in terms), np.zeros((len(bias), n)))
            on = (z > 0) if relu else np.ones(len(z))
            h.append(z * on)
            j.append(d * on[:, None])
        best = max(best, operator_norm(select @ j[-1], *cert.norms))
    return best


def full(term):
    a = np.zeros((len(term.rows), term.columns))
    for k, row in enumerate(term.rows):
        for j, value in row.items():
            a[k, j] = float(value)
    return a


def point(cert, n, rng):
    if cert.region == "box":
        lo, hi = np.array(cert.lo, float), np.array(cert.hi, float)
        return lo + rng.uniform(size=n) * (hi - lo)
    if cert.region == "ball":
        step = rng.normal(size=n)
        step *= float(cert.radius) * rng.uniform() ** (1 / n) / np.linalg.norm(step)
        return np.array(cert.centre, float) + step
    return rng.normal(size=n) * 10 ** rng.uniform(-1, 1)


def operator_norm(a, p, q):
    """|A|_{p->q} by extreme points; exact for every pair of norms."""
    order = {"1": 1, "2": 2, "inf": np.inf}
    if p == "1":
        return max(np.linalg.norm(a, order[q], axis=0))
    if q == "inf":
        return max(np.linalg.norm(a, order[{"1": "inf", "2": "2", "inf": "1"}[p]], axis=1))
    if p == "inf":
        return max(np.linalg.norm(a @ np.array(x), order[q]) for x in itertools.product((-1, 1), repeat=a.shape[1]))
    if q == "1":
        return max(np.linalg.norm(np.array(x) @ a) for x in itertools.product((-1, 1), repeat=a.shape[0]))
    return np.linalg.norm(a, 2)


# ---- The programs themselves ---------------------------------------------------------------------

def check_calls(program):
    """Wrong calls and missing files: exit status 2, one sentence, no bound."""
    net, cert = ROOT / "networks/plain.txt", ROOT / "valid/plain-product.txt"
    for arguments in ([], [net], [net, cert, cert], [net, ROOT / "missing"], [ROOT / "missing", cert], [ROOT, cert],
                      [net, ROOT]):
        done = subprocess.run([program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=LIMIT)
        said = done.stdout + done.stderr
        expect(done.returncode == 2 and said.strip() and "upper" not in said, f"lipcheck {arguments}",
               f"exit status {done.returncode}, {said!r}")


def check_help(program):
    for option, word in (("--help", "usage: lipcheck NET CERT"), ("--version", "lipcheck ")):
        done = subprocess.run([program, option], stdout=subprocess.PIPE, text=True, timeout=LIMIT)
        expect(done.returncode == 0 and done.stdout.startswith(word), f"lipcheck {option}", repr(done.stdout))


def check_exact_program():
    for folder, status in (("valid", 0), ("invalid", 1), ("malformed", 2)):
        name, net, cert = next(pairs(folder))
        done = subprocess.run([sys.executable, str(ROOT / "exact_checker.py"), str(net), str(cert)],
                              stdout=subprocess.PIPE, text=True, timeout=LIMIT)
        expect(done.returncode == status and done.stdout.count("\ns ") + done.stdout.startswith("s ") == 1,
               f"exact_checker.py {name}", f"exit status {done.returncode}, {done.stdout!r}")


def check_large_file(program):
    """Line feeds without end: read to the end of memory or refused, but no crash."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"lipcert-certificate 1\n" + b"\n" * 5_000_000)
        file.flush()
        status, _, line, _ = run(program, ROOT / "networks/plain.txt", file.name)
        expect(status == 2 and line.startswith("s MALFORMED"), "a large file", f"{status} {line!r}")


def main():
    if len(sys.argv) != 2:
        print("usage: test_certificates.py LIPCHECK", file=sys.stderr)
        return 2
    files("networks")
    counted = {}
    for folder in ("valid", "invalid", "malformed"):
        for name, net, cert in pairs(folder):
            check_file(sys.argv[1], folder, name, net, cert)
            counted[folder] = counted.get(folder, 0) + 1
    check_calls(sys.argv[1])
    check_help(sys.argv[1])
    check_exact_program()
    check_large_file(sys.argv[1])
    for failure in dict.fromkeys(failures):
        print(f"FAILED {failure}")
    print(f"files: {counted}; failures: {len(set(failures))}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
