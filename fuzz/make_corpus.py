#!/usr/bin/env python3
"""Write the seed corpora of the fuzz targets (all but corpus/onnx) from tiny networks.

The files are small, valid or broken in one interesting way, and the same on every run.
Usage: python3 fuzz/make_corpus.py        (needs numpy and scipy)
"""
import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import scipy.io

ROOT = Path(__file__).resolve().parent / "corpus"
RNG = np.random.default_rng(1)


def write(folder, name, data):
    path = ROOT / folder
    path.mkdir(parents=True, exist_ok=True)
    (path / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def chain(*widths):
    """Weights and biases with few digits, so that text stays short."""
    weights = [np.round(RNG.normal(size=(b, a)), 2) for a, b in zip(widths, widths[1:])]
    return weights, [np.round(RNG.normal(size=b), 2) for b in widths[1:]]


# ---- canonical -------------------------------------------------------------------------------

def number(x):
    """The canonical spelling of a double."""
    if x == 0:
        return "0x0p+0"
    mantissa, exponent = float(x).hex().split("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}"


def numbers(values):
    return " ".join(number(v) for v in np.ravel(values))


def dense(source, matrix):
    rows = "\n".join(numbers(row) for row in matrix)
    return f"term {source} dense {matrix.shape[0]} {matrix.shape[1]}\n{rows}\n"


def layer(index, bias, phase, *terms):
    return f"layer {index} {len(bias)} {phase} {len(terms)}\nbias {numbers(bias)}\n" + "".join(terms)


def canonical(inputs, *layers):
    return f"lipcert-network 1\ninput {inputs}\nlayers {len(layers)}\n" + "".join(layers) + "end\n"


def canonical_files():
    (w1, w2), (b1, b2) = chain(2, 3, 1)
    plain = canonical(2, layer(1, b1, "relu", dense(0, w1)), layer(2, b2, "linear", dense(1, w2)))
    sparse = "term 1 sparse 3 3 4\n2 0 0x1p+0 2 -0x1.8p-3\n0\n2 1 0x0p+0 2 0x1.fffffffffffffp+1023\n"
    skip = canonical(2, layer(1, b1, "relu", dense(0, w1)),
                     layer(2, b1, "relu", sparse, dense(0, w1)),
                     layer(3, b2, "linear", dense(2, w2)))
    conv = "term 0 conv 1 4 4 2 2 2 3 3 2 2 1 1 1 1 1\n" + numbers(np.arange(9)) + "\n" + \
        numbers(np.full(9, 5e-324)) + "\n"
    image = canonical(16, layer(1, np.zeros(8), "relu", conv), layer(2, b2, "linear", dense(1, np.ones((1, 8)))))
    for name, text in [("plain", plain), ("skip", skip), ("conv", image), ("truncated", plain[:-20]), ("crlf", plain.replace("\n", "\r\n")),
                       ("unused", canonical(2, layer(1, b1, "relu", dense(0, w1)), layer(2, b2, "linear", dense(0, w1[:1])))),
                       ("huge", plain.replace("term 0 dense 3 2", "term 0 dense 3 999999999"))]:
        write("canonical", name, text)
    return plain


# ---- .nnet -----------------------------------------------------------------------------------

def nnet(weights, biases, means="0,0,0,", ranges="1,1,1,"):
    widths = [weights[0].shape[1]] + [w.shape[0] for w in weights]
    lines = ["// tiny", f"{len(weights)},{widths[0]},{widths[-1]},{max(widths)},",
             ",".join(map(str, widths)) + ",", "0,", "-1,-1,", "1,1,", means, ranges]
    for w, b in zip(weights, biases):
        lines += [",".join(f"{v:.2f}" for v in row) + "," for row in w] + [f"{v:.2f}," for v in b]
    return "\n".join(lines) + "\n"


def nnet_files():
    weights, biases = chain(2, 3, 1)
    plain = nnet(weights, biases)
    for name, text in [("plain", plain), ("scaled", nnet(weights, biases, "1,-2,.5,", "2,1e1,4,")),
                       ("range0", nnet(weights, biases, "1,2,3,", "1,0,1,")), ("short", plain[:-6]),
                       ("extra", plain + "1.0\n"), ("word", plain.replace("0.", "nan.", 1)),
                       ("wide", plain.replace("2,3,1,\n0", "2,99999999,1,\n0"))]:
        write("nnet", name, text)
    return plain


# ---- .npz ------------------------------------------------------------------------------------

def npy(array, fortran=False):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asfortranarray(array) if fortran else array, allow_pickle=True)
    return file.getvalue()


def npz(arrays, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            entry.compress_type = compression
            archive.writestr(entry, data if isinstance(data, bytes) else npy(data))
    return file.getvalue()


def npz_files():
    (w0, w1), (b0, b1) = chain(2, 3, 1)
    plain = npz({"W0": w0, "b0": b0, "W1": w1, "b1": b1})
    files = {
        "plain": plain,
        "deflated": npz({"W1": w0, "b1": b0, "W2": w1}, zipfile.ZIP_DEFLATED),
        "types": npz({"w1": w0.astype(">f4"), "w2": npy(w1.astype("<i2"), fortran=True)}),
        "half": npz({"W0": npy(w0.astype("f2"), fortran=True), "W1": w1[0]}),
        "reference": npz({"A1": w0, "b1": b0, "c": w1[0], "x00": np.zeros(2), "depth": np.int64(1)}),
        "keras": npz({"W1": w0.T, "b1": b0, "W2": w1.T, "b2": b1}),
        "pickle": npz({"W0": np.array([None])}),
        "gap": npz({"W0": w0, "W2": w1}),
        "stray": npz({"W0": w0, "B0": b0, "W1": w1}),
        "truncated": plain[:-30],
    }
    for name, data in files.items():
        write("npz", name, data)
    return files["deflated"]


# ---- .mat ------------------------------------------------------------------------------------

def mat(variables, **options):
    file = io.BytesIO()
    scipy.io.savemat(file, variables, **options)
    data = file.getvalue()
    return b"MATLAB 5.0 MAT-file".ljust(116) + data[116:]  # without the date


def cells(matrices):
    array = np.empty((1, len(matrices)), dtype=object)
    for i, matrix in enumerate(matrices):
        array[0, i] = matrix
    return array


def element(order, kind, data):
    return struct.pack(order + "II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def big_endian_mat():
    """A 2x2 matrix A, b and c as MATLAB on a big-endian machine would have written them."""
    out = b"MATLAB 5.0 MAT-file".ljust(116) + b"\0" * 8 + b"\x01\x00MI"
    for name, rows, cols, values in [("A", 2, 2, (1, 2, 3, 4)), ("b", 2, 1, (5, 6)), ("c", 2, 1, (7, 8))]:
        body = element(">", 6, struct.pack(">II", 6, 0)) + element(">", 5, struct.pack(">ii", rows, cols))
        body += struct.pack(">HH", 1, 1) + name.encode() + b"\0\0\0"  # small element
        body += element(">", 3, struct.pack(f">{len(values)}h", *values))
        out += element(">", 14, body)
    return out


def mat_files():
    (w0, w1), (b0, b1) = chain(2, 3, 1)
    plain = mat({"weights": cells([w0, w1]), "biases": cells([b0[None], b1[None]])})
    packed = zlib.compress(plain[128:], 9)  # two variables where one belongs
    files = {
        "cells": plain,
        "compressed": mat({"A": w0, "b": b0, "c": w1.T, "x00": np.zeros((2, 1))}, do_compression=True),
        "controller": mat({"W": cells([w0, w1]), "b": cells([b0, b1]), "act_fcns": ["relu  ", "linear"]}),
        "tanh": mat({"W": cells([w0, w1]), "act_fcns": ["tanh  ", "linear"]}),
        "bigendian": big_endian_mat(),
        "others": mat({"A": np.eye(2) * 1j, "s": {"x": 1}, "t": "text", "d": np.zeros((2, 2, 2))}),
        "biases": mat({"biases": cells([b0, b1])}),
        "truncated": plain[:-40],
        "nested": plain[:128] + struct.pack("<II", 15, len(packed)) + packed,
    }
    for name, data in files.items():
        write("mat", name, data)
    return plain


# ---- points and VNN-LIB ----------------------------------------------------------------------

def point_files():
    """Two bytes choose n (its remainder by 16, plus 1) and the row."""
    three = bytes([2, 1])
    table = "a,b,c\n1,2,3\n4,5e-1,-6\n"
    for name, data in [("table", table), ("label", "# x\n7 1 2 3\n8 4 5 6\n"), ("nan", "1,2,3\n1,nan,3\n"),
                       ("short", "1,2,3\n1,2\n"), ("empty-field", "1,2,3\n1,,3\n"),
                       ("mark", "\ufeffa,b,c\n1,2,3\n4,5,6\n"), ("nan-first", "a,NaN\n4,5,6\n")]:
        write("point", name, three + data.encode())
    first = bytes([2, 0])
    write("point", "column", first + b"1\n2\n3\n")
    write("point", "array", three + npy(np.arange(6.0).reshape(2, 3)))
    write("point", "fortran", three + npy(np.arange(12, dtype=">i4").reshape(2, 3, 2)[:, :, 0], fortran=True))
    write("point", "image", first + npy(np.arange(3, dtype="f2").reshape(1, 1, 3)))
    write("point", "nan-array", first + npy(np.array([1, np.nan, 3])))


def vnnlib_files():
    """One byte chooses n (its remainder by 8, plus 1)."""
    declare = "(declare-const X_0 Real)\n(declare-const X_1 Real)\n(declare-const Y_0 Real)\n"
    unit = "(assert (and (>= X_0 -1) (<= X_0 1)))\n(assert (<= (- 0.25) X_1))(assert (<= X_1 2.5e-1))\n"
    branch = "(and (<= X_0 {0}) (>= X_0 0) (<= X_1 1) (>= X_1 .1))"
    for name, text in [
            ("box", "; a property\n" + declare + unit + "(assert (>= Y_0 0))\n"),
            ("output-or", declare + unit + "(assert (or (and (<= Y_0 1)) (>= Y_0 (* 2 3))))\n"),
            ("one-branch", declare + f"(assert (or {branch.format(1)}))\n"),
            ("same-boxes", declare + f"(assert (or {branch.format(1)} {branch.format(1)}))\n"),
            ("two-boxes", declare + f"(assert (or {branch.format(1)} {branch.format(2)}))\n"),
            ("arithmetic", declare + "(assert (<= (+ X_0 1) 2))\n"),
            ("open", declare + "(assert (<= X_0"), ("empty-box", declare + unit + "(assert (>= X_0 3))"),
            ("version2", "(vnnlib-version <2.0>)\n(declare-network N (declare-input X Real [2]))\n"),
            ("deep", "(" * 70)]:
        write("vnnlib", name, b"\x01" + text.encode())


def main():
    text = canonical_files()
    weights = nnet_files()
    archive, matlab = npz_files(), mat_files()
    point_files()
    vnnlib_files()
    for name, data in [("canonical.gz", gzip.compress(text.encode(), mtime=0)), ("nnet", weights.encode()),
                       ("npz.gz", gzip.compress(archive, mtime=0)), ("mat", matlab),
                       ("twice.gz", gzip.compress(gzip.compress(text.encode(), mtime=0), mtime=0)),
                       ("npy", npy(np.zeros(2))), ("hdf5", b"\x89HDF\r\n\x1a\n")]:
        write("load", name, data)


if __name__ == "__main__":
    main()
