"""Tiny networks and points for the tests of the program, written into the current folder."""
import gzip

import numpy as np
import scipy.io

WEIGHTS = [np.array([[1.0, -2.0], [0.5, 1.5], [-1.0, 1.0]]),
           np.array([[1.0, 2.0, -1.0], [0.0, 1.0, 3.0]])]
BIASES = [np.array([0.25, -0.5, 0.125]), np.array([1.0, -1.0])]

NNET = """// a tiny network
2,2,2,3,
2,3,2,
0,
-1.0,-1.0,
1.0,1.0,
0.0,0.0,0.0,
1.0,1.0,1.0,
1.0,-2.0,
0.5,1.5,
-1.0,1.0,
0.25,
-0.5,
0.125,
1.0,2.0,-1.0,
0.0,1.0,3.0,
1.0,
-1.0,
"""

VNNLIB = """(declare-const X_0 Real)
(declare-const X_1 Real)
(declare-const Y_0 Real)
(assert (<= X_0 1.0))
(assert (>= X_0 -1.0))
(assert (<= X_1 0.5))
(assert (>= X_1 -0.5))
(assert (>= Y_0 0.0))
"""


def evaluate(x, weights=WEIGHTS, biases=BIASES):
    h = np.asarray(x, dtype=float)
    for l, (a, b) in enumerate(zip(weights, biases)):
        h = a @ h + b
        if l + 1 < len(weights):
            h = np.maximum(h, 0)
    return h


def jacobian(x, weights=WEIGHTS, biases=BIASES):
    h, j = np.asarray(x, dtype=float), np.eye(len(x))
    for l, (a, b) in enumerate(zip(weights, biases)):
        z, j = a @ h + b, a @ j
        if l + 1 < len(weights):
            j = j * (z > 0)[:, None]
            h = np.maximum(z, 0)
    return j


def largest_norms(weights=WEIGHTS, biases=BIASES, points=40000):
    """A lower bound on L over R^2 for p = q = inf, from random points: an oracle from below."""
    rng, best = np.random.default_rng(0), 0.0
    for x in rng.normal(size=(points // 100, 2)) * 5:
        best = max(best, np.abs(jacobian(x, weights, biases)).sum(axis=1).max())
    return best


def save_npz(name, weights, biases):
    np.savez(name, **{f"W{i}": w for i, w in enumerate(weights)},
             **{f"b{i}": b for i, b in enumerate(biases)})


def write_all():
    save_npz("net.npz", WEIGHTS, BIASES)
    save_npz("one.npz", [WEIGHTS[0], WEIGHTS[1][:1]], [BIASES[0], BIASES[1][:1]])
    rng = np.random.default_rng(3)
    sizes = [20, 60, 60, 5]
    save_npz("wide.npz", [rng.normal(size=(b, a)) for a, b in zip(sizes, sizes[1:])],
             [rng.normal(size=b) for b in sizes[1:]])
    nan = [WEIGHTS[0].copy(), WEIGHTS[1]]
    nan[0][1, 1] = np.nan
    save_npz("nan.npz", nan, BIASES)
    save_npz("misfit.npz", [WEIGHTS[0], WEIGHTS[1][:, :2]], BIASES)
    np.save("point.npy", np.array([0.3, -0.7]))
    np.save("points.npy", np.array([[0.0, 1.0], [2.0, 3.0]]))
    np.save("short.npy", np.array([1.0, 2.0, 3.0, 4.0]))
    np.save("nan.npy", np.array([1.0, np.nan]))
    np.save("lo.npy", np.array([-1.0, -2.0]))
    np.save("hi.npy", np.array([1.0, 2.0]))
    texts = {"net.nnet": NNET, "box.vnnlib": VNNLIB, "bad.vnnlib": "(assert (<= X_0",
             "empty": "", "garbage": "this is no network\n", "point.csv": "0.3,-0.7\n",
             "labelled.csv": "7,0.5,1.5\n3,-1.0,2.0\n", "bad.csv": "0.3,zzz\n"}
    for name, text in texts.items():
        with open(name, "w") as file:
            file.write(text)
    with gzip.open("net.nnet.gz", "wt") as file:
        file.write(NNET)
    scipy.io.savemat("abc.mat", {"A": WEIGHTS[0], "b": BIASES[0][:, None], "c": WEIGHTS[1][:1].T})
    with open("net.npz", "rb") as file:
        whole = file.read()
    with open("truncated.npz", "wb") as file:
        file.write(whole[: len(whole) // 2])
