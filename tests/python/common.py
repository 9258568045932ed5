"""What the tests of the Python package share.

They run with Python 3.6 and newer, and find what they test by the environment: PYTHONPATH leads to
the package, LIPCERT_LIBRARY and LIPCERT_LIPCHECK to what was built, LIPCERT_ROOT to the repository,
LIPCERT_PROGRAM to the program `lipcert`.
"""
import contextlib
import os
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.environ.get("LIPCERT_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PROGRAM = os.environ.get("LIPCERT_PROGRAM", "")
CONTROLLER = os.path.join(ROOT, "examples", "controller.onnx")
DIGITS = os.path.join(ROOT, "examples", "digits.onnx")
LIMIT = 300  # seconds: a hang is a failure
SKIPPED = 77
QUICK = {"method": "product,interval,lbs", "samples": 50}
LONG = {"method": "product,lbs", "samples": 100000000, "time_limit": 1000}


def random_layers(seed, sizes):
    """[(W, b), ...] of a random network."""
    rng = np.random.RandomState(seed)
    return [(rng.randn(m, n) / np.sqrt(n), 0.5 * rng.randn(m)) for n, m in zip(sizes, sizes[1:])]


def forward(layers, x):
    """The network in numpy: the oracle."""
    for k, (weight, bias) in enumerate(layers):
        x = weight @ x + bias
        if k + 1 < len(layers):
            x = np.maximum(x, 0)
    return x


def gradient(layers, x):
    """The Jacobian in numpy."""
    product = np.eye(len(x))
    for k, (weight, bias) in enumerate(layers):
        x, product = weight @ x + bias, weight @ product
        if k + 1 < len(layers):
            product = product * (x > 0)[:, None]
            x = np.maximum(x, 0)
    return product


def run(command, check=True, **options):
    """A program's (exit status, standard output, standard error) as text."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, universal_newlines=True, **options)
    try:
        out, err = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    if check and process.returncode != 0:
        raise AssertionError("{}: exit status {}\n{}{}".format(command, process.returncode, out, err))
    return process.returncode, out, err


@contextlib.contextmanager
def folder():
    """A temporary folder, which is the current one meanwhile."""
    home = os.getcwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            yield name
        finally:
            os.chdir(home)


def skip(reason):
    """End the test as skipped."""
    print("skipped: " + reason)
    sys.exit(SKIPPED)
