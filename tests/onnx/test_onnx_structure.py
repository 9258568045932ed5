#!/usr/bin/python3
"""What becomes of the weights: which layers a model turns into, and which operations are folded.

    test_onnx_structure.py PROGRAM

A layer is written as operator (of its first term), number of terms if more than one, and '+' for ReLU:
conv2+ is a ReLU layer whose first term is a convolution and that has a second term.
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import onnx
import models

# name: (layers, folds)
EXPECTED = {
    "input-output": ("sparse", 0),
    "gemm-00-(3,)": ("sparse", 0),  # two rows at once; alpha, beta and weights are float32
    "gemm-gemm": ("dense dense", 0),
    "normalise-gemm": ("dense", 2),  # m/s and 1/s round; both go through the matrix
    "conv-plain": ("conv", 0),
    "conv-whole-image": ("dense", 0),
    "conv-batch": ("conv", 0),
    "conv-conv": ("conv conv", 0),
    "conv-batchnorm-relu": ("conv+ sparse", 1),
    "batchnorm-conv": ("conv", 2),
    "conv-scaled-per-channel": ("conv", 0),  # products of float32 numbers are exact
    "conv-scaled-per-element": ("conv sparse", 0),
    "scaled-per-element-conv": ("sparse conv", 0),
    "channels-last": ("sparse conv+ conv+ dense", 0),
    "transposed-residual": ("conv sparse2+ sparse", 0),
    "conv-slice": ("conv sparse", 0),
    "skip": ("dense+ dense2+ sparse", 0),
    "unsorted": ("dense+ dense2+ sparse", 0),
    "branches": ("dense sparse+ sparse+ sparse2", 0),
    "concat-branches": ("sparse+ sparse", 0),
    "concat-convs": ("conv conv sparse2+ conv", 0),
    "join-gemm": ("dense+ dense2", 0),
    "sum-gemm": ("dense+ dense+ sparse2 dense", 0),
    "same-source-conv": ("conv2", 0),
    "x-x": ("sparse", 0),
    "pool": ("sparse", 1),
    "conv-pool": ("conv sparse", 0),
    "slice-gemm": ("sparse", 0),
    "pre-activation-residual": ("dense sparse+ dense sparse2 sparse+ sparse2+ sparse2", 0),
    "constant-output": ("none", 0),
}


def describe(program, path):
    done = subprocess.run([program, "info", path, "--json", "-"], capture_output=True, text=True, check=True)
    info = json.loads(done.stdout)
    layers = [layer["operator"] + (str(layer["terms"]) if layer["terms"] > 1 else "") +
              ("+" if layer["relu"] else "") for layer in info["layers"]]
    return " ".join(layers), info["network"]["folds"]


def main():
    known = dict(models.agreeing())
    failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "model.onnx")
        for name, expected in EXPECTED.items():
            onnx.save(known[name], path)
            found = describe(sys.argv[1], path)
            if found != expected:
                failures += 1
                print(f"FAILED {name}: expected {expected}, found {found}")
    print(f"{len(EXPECTED)} checks, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
