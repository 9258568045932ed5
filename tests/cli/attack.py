#!/usr/bin/env python3
"""Certified radii against attacks, on test images of examples/digits.onnx.

    usage: attack.py PROGRAM ROOT [--steps N] [--restarts N] [--images N] [--norms inf,2]

For each image `lipcert radius` proves r; projected gradient descent with restarts looks for a point of
another class as close as it can.  No such point may be closer than r.  The table is that of docs/radius.md.
Needs python3-sklearn for the images (those after the 1,437 that the network was trained on)."""
import argparse
import json
import os
import subprocess
import sys

import numpy as np

SCALE = 1 / 16


def load_network(path):
    """[(W, b)] of an ONNX chain of Gemm or MatMul and Add, rows = neurons."""
    import onnx
    from onnx import numpy_helper
    graph = onnx.load(path).graph
    values = {t.name: numpy_helper.to_array(t).astype(float) for t in graph.initializer}
    layers = []
    for node in graph.node:
        if node.op_type == "Gemm":
            trans = any(a.name == "transB" and a.i for a in node.attribute)
            w = values[node.input[1]]
            layers.append((w if trans else w.T, values[node.input[2]]))
        elif node.op_type not in ("Relu", "Flatten", "Reshape"):
            raise ValueError(f"unexpected {node.op_type}")
    return layers


def test_images(count):
    """The first test images, scaled as the network wants them; None without scikit-learn."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        return None
    return load_digits().data[1437:1437 + count] * SCALE


def forward(layers, x):
    h, signs = x, []
    for k, (w, b) in enumerate(layers):
        h = h @ w.T + b
        if k + 1 < len(layers):
            signs.append(h > 0)
            h = np.maximum(h, 0)
    return h, signs


def worst_margin(layers, x, label):
    """min over j of f_k - f_j at the rows of x, and its gradients."""
    f, signs = forward(layers, x)
    rows = np.arange(len(x))
    other = f.copy()
    other[rows, label] = -np.inf
    j = other.argmax(axis=1)
    g = np.zeros_like(f)
    g[rows, label], g[rows, j] = 1, -1
    for k in range(len(layers) - 1, -1, -1):
        g = g @ layers[k][0]
        if k > 0:
            g = g * signs[k - 1]
    return f[rows, label] - f[rows, j], g


def project(d, eps, norm):
    if norm == "inf":
        return np.clip(d, -eps[:, None], eps[:, None])
    length = np.maximum(np.linalg.norm(d, axis=1), 1e-300)
    return d * np.minimum(1, eps / length)[:, None]


def steepest(g, norm):
    if norm == "inf":
        return np.sign(g)
    return g / np.maximum(np.linalg.norm(g, axis=1), 1e-300)[:, None]


def distance(d, norm):
    return np.abs(d).max(axis=1) if norm == "inf" else np.linalg.norm(d, axis=1)


def attack(layers, x, label, norm, steps, restarts, rng):
    """The smallest distance found to a point of another class, for each row of x.

    Every restart works at its own eps; where it finds such a point the eps of that image shrinks to below
    it and the descent goes on from there, so all steps serve to come closer."""
    n, dim = x.shape
    best = np.full(n, np.inf)
    start = np.repeat(x, restarts, axis=0)
    label = np.repeat(label, restarts)
    owner = np.repeat(np.arange(n), restarts)
    eps = np.full(len(start), 0.5 if norm == "inf" else 4.0)
    d = project(rng.uniform(-1, 1, start.shape) * eps[:, None], eps * rng.uniform(size=len(eps)), norm)
    for step in range(steps):
        margin, g = worst_margin(layers, start + d, label)
        size = distance(d, norm)
        hit = margin < 0
        np.minimum.at(best, owner[hit], size[hit])
        # an attack that works is drawn in; the others may go as far as the best one and a little further
        eps = np.where(hit, 0.98 * size, np.minimum(eps * 1.01, 1.05 * best[owner]))
        eps = np.where(np.isfinite(eps), eps, 4.0)
        rate = eps * 0.25 * (1 - step / steps) + 1e-4 * eps
        d = project(d - rate[:, None] * steepest(g, norm), eps, norm)
    return best


def certified(program, network, x, norm, *options):
    """The report for every row of x."""
    found = []
    np.save("images.npy", x)
    for row in range(len(x)):
        done = subprocess.run([program, "radius", network, "--input", "images.npy", "--row", str(row),
                               "--norm", norm, "--json", "-", *options], check=True,
                              capture_output=True, text=True)
        found.append(json.loads(done.stdout))
    os.unlink("images.npy")
    return found


def compare(program, root, images, norm, steps, restarts, *options):
    """(reports, distances of the attack) of the test images, or None."""
    network = os.path.join(root, "examples", "digits.onnx")
    x = test_images(images)
    if x is None:
        return None
    reports = certified(program, network, x, norm, *options)
    label = np.array([r["label"] for r in reports])
    layers = load_network(network)
    far = attack(layers, x, label, norm, steps, restarts, np.random.default_rng(1))
    return reports, far


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("root")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--norms", default="inf,2")
    parser.add_argument("--method", default="auto")
    arguments = parser.parse_args()
    broken = 0
    for norm in arguments.norms.split(","):
        pair = compare(os.path.abspath(arguments.program), arguments.root, arguments.images, norm,
                       arguments.steps, arguments.restarts, "--method", arguments.method)
        if pair is None:
            sys.exit("attack: scikit-learn is not there; on Debian: apt-get install python3-sklearn")
        reports, far = pair
        r = np.array([report["radius"] for report in reports])
        broken += int(np.sum(far < r))
        seconds = np.array([report["seconds"] for report in reports])
        print(f"norm {norm}: median radius {np.median(r):.4g}, median attack {np.median(far):.4g}, "
              f"median ratio {np.median(r / far):.3f} (from {np.min(r / far):.3f} to "
              f"{np.max(r / far):.3f}), {int(np.sum(far < r))} of {len(r)} contradicted, "
              f"{np.median(seconds):.2f} s each")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
