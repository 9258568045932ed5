"""Run the program lipcert from a test and read its JSON answer."""
import decimal
import json
import math
import subprocess

TIMEOUT = 300  # seconds for one run; a hang is a failure, not a slow test

# The number of steps and not the clock ends a run: the same answer on a slow machine.
NO_CLOCK = ["--time", 1e6]


class Refused(Exception):
    """The program ended with a non-zero exit code; the text is what it wrote to stderr."""


def run(program, *arguments):
    """stdout of one run."""
    done = subprocess.run([program, *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        raise Refused(f"exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def answer(program, *arguments):
    """The JSON answer of `lipcert bound` or `lipcert gradient`."""
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
