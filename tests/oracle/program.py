"""Run the program lipcert from a test and read its JSON answer."""
import decimal
import json
import math
import os
import subprocess
import tempfile

TIMEOUT = 300  # seconds for one run; a hang is a failure, not a slow test

# The number of steps and not the clock ends a run: the same answer on a slow machine.
NO_CLOCK = ["--time", 1e6]

CHECKER = os.environ.get("LIPCHECK")  # the program lipcheck; without it nothing is verified
NO_ANSWER = 5
FOLDER = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
CANONICAL = {}


class Refused(Exception):
    """The program ended with a non-zero exit code; the text is what it wrote to stderr."""


def run(program, *arguments):
    """stdout of one run."""
    done = subprocess.run([program, *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        raise Refused(f"exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def canonical(program, path):
    """The network in canonical form, converted once."""
    key = (str(path), os.stat(path).st_mtime_ns)
    if key not in CANONICAL:
        CANONICAL[key] = os.path.join(FOLDER.name, f"net{len(CANONICAL)}")
        run(program, "convert", path, CANONICAL[key])
    return CANONICAL[key]


def verify(program, path, certificate, document):
    """lipcheck accepts the certificate, and its own bounds are no worse than the printed ones."""
    done = subprocess.run([CHECKER, canonical(program, path), certificate], capture_output=True,
                          text=True, timeout=TIMEOUT, check=False)
    lines = done.stdout.splitlines()
    own = dict(line.split() for line in lines[:-1])
    if done.returncode != 0 or lines[-1] != "s VERIFIED":
        raise AssertionError(f"{path}: lipcheck: {done.stdout}{done.stderr}")
    upper, lower = bound(document, "upper"), bound(document, "lower")
    if bound(document, "certified") != upper:
        raise AssertionError(f"{path}: the certificate states less than the bound {upper!r}")
    if math.isfinite(upper) and not float(own["upper"]) <= upper * (1 + 1e-15):
        raise AssertionError(f"{path}: lipcheck finds {own['upper']}, above {upper!r}")
    if lower > 0 and not float(own["lower"]) >= lower * (1 - 1e-15):
        raise AssertionError(f"{path}: lipcheck finds {own['lower']}, below {lower!r}")


def certified(program, *arguments):
    """An answer whose certificate was verified; None if there is nothing to certify."""
    certificate = os.path.join(FOLDER.name, "certificate")
    command = [program, *map(str, arguments), "--json", "-", "--certificate", certificate]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=TIMEOUT, check=False)
    if done.returncode == NO_ANSWER and "no bound to certify" in done.stderr:
        return json.loads(done.stdout)
    if done.returncode != 0:
        raise Refused(f"exit code {done.returncode}: {done.stderr.strip()}")
    document = json.loads(done.stdout)
    verify(program, arguments[1], certificate, document)
    return document


def answer(program, *arguments):
    """The JSON answer of `lipcert bound` or `lipcert gradient`.  If the environment names a checker,
    every answer of `bound` has its certificate verified."""
    if CHECKER and arguments[0] == "bound":
        return certified(program, *arguments)
    return json.loads(run(program, *arguments, "--json", "-"))


def jacobian(program, path, point):
    """(f(x), J(x)) of `lipcert eval --jacobian` for the point in a file."""
    rows = [[float(word) for word in line.split()] for line in
            run(program, "eval", path, "--input", point, "--jacobian").splitlines()]
    half = len(rows) // 2
    return [row[0] for row in rows[:half]], rows[half:]


def bound(document, key):
    """The bound `key` ("lower" or "upper") of an answer, from its hexadecimal form.

    It is there three times, and all three are held against each other: as a number (null if
    infinite), in hexadecimal, and as decimal text rounded outwards."""
    value = float.fromhex(document[key + "_hex"])
    plain, outward = document[key], decimal.Decimal(document[key + "_decimal"])
    if (math.inf if plain is None else plain) != value:
        raise AssertionError(f"{key}: the number {plain!r} and the hexadecimal {value!r} differ")
    away = outward - decimal.Decimal(value) if math.isfinite(value) else 0
    if (away > 0 if key == "lower" else away < 0):
        raise AssertionError(f"{key}: the decimal {outward} is rounded to the wrong side of {value!r}")
    return value
