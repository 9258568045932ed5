"""Bounds on nested random boxes and balls: the smaller region never has the worse bound.

    exact(small) <= bound(small) <= bound(large) (1 + SOLVER)    for every method of upper bounds

A small region is a random box inside a random box, a smaller ball around the same centre, or a box
inside a ball.  The exact constant of the small one comes from brute force.

    usage: test_nested_regions.py PROGRAM
"""
import pathlib
import sys
import tempfile

import numpy as np

import exact
import program as lipcert
from checks import Report
from test_random_networks import NORM_PAIRS, SLACK, dense, outputs, save, with_bias

METHODS = ("product", "interval", "tangent", "hr2", "tight")
SOLVER = 1e-5  # what solvers and the linear bounds, which are not monotone in the region, may leave
ROUNDS = 3


def boxes(rng, n):
    """A random box and one inside it, as exact regions."""
    centre, eps = rng.normal(size=n) * 0.5, rng.uniform(0.3, 1.2)
    lo, hi = centre - eps, centre + eps * rng.uniform(0.6, 1.4, n)
    cut = rng.uniform(0, 0.4, (2, n))
    return exact.Box(lo + cut[0] * (hi - lo), hi - cut[1] * (hi - lo)), exact.Box(lo, hi)


def balls(rng, n):
    centre, radius = rng.normal(size=n) * 0.5, rng.uniform(0.3, 1.2)
    return exact.Ball(centre, radius * rng.uniform(0.3, 0.9)), exact.Ball(centre, radius)


def box_in_ball(rng, n):
    ball = balls(rng, n)[1]
    half = ball.radius / np.sqrt(n) * rng.uniform(0.5, 0.99)
    return exact.Box(ball.centre - half, ball.centre + half), ball


def options(folder, label, region):
    """The options that state the region."""
    if isinstance(region, exact.Ball):
        np.save(folder / f"{label}.npy", region.centre)
        return ["--ball", folder / f"{label}.npy", repr(float(region.radius))]
    for side in ("lo", "hi"):
        np.save(folder / f"{label}-{side}.npy", getattr(region, side))
    return ["--box-file", folder / f"{label}-lo.npy", folder / f"{label}-hi.npy"]


def networks(rng):
    return {
        "one-hidden": dense(rng, 3, 7, 2),
        "two-hidden": dense(rng, 3, 5, 4, 3),
        "three-hidden": dense(rng, 2, 4, 3, 3, 1),
        "stable": with_bias(dense(rng, 3, 5, 4, 2), 0, [50, -50, 0.3, 50, -0.2]),
    }


def uppers(program, path, folder, label, region, question):
    asked = options(folder, label, region)
    return {method: lipcert.bound(lipcert.answer(
        program, "bound", path, *asked, *question, "--method", method, *lipcert.NO_CLOCK), "upper")
        for method in METHODS}


def check_network(report, program, folder, name, net, rng):
    path, smaller = folder / f"{name}.npz", 0
    save(path, net)
    for kind, pick in (("boxes", boxes), ("balls", balls), ("box in ball", box_in_ball)):
        small, large = pick(rng, net[0][0].shape[1])
        try:
            found = exact.cells(net, small)
        except exact.Ambiguous as reason:
            print(f"note: {name}, {kind}: left out, {reason}")
            continue
        choice = outputs(len(net[-1][0]))
        output, output_options = choice[rng.integers(len(choice))]
        p, q = NORM_PAIRS[rng.integers(len(NORM_PAIRS))]
        question = [*output_options, "--norm", p, "--out-norm", q]
        truth = exact.lipschitz(found, p, q, output)
        inner = uppers(program, path, folder, "small", small, question)
        outer = uppers(program, path, folder, "large", large, question)
        for method in METHODS:
            label = f"{name}, {kind}, {p} -> {q}, {output}, {method}"
            report.check(truth * (1 - SLACK) <= inner[method],
                         f"{label}: {inner[method]!r} lies below the exact {truth!r}")
            report.check(inner[method] <= outer[method] * (1 + SOLVER),
                         f"{label}: {inner[method]!r} in the smaller region, {outer[method]!r} in "
                         "the larger one")
            smaller += inner[method] < outer[method] * (1 - 1e-3)
    return smaller


def main():
    program, rng, report, smaller = sys.argv[1], np.random.default_rng(5), Report(), 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for turn in range(ROUNDS):
            for kind, net in networks(rng).items():
                smaller += check_network(report, program, folder, f"{kind}-{turn}", net, rng)
    report.check(smaller > report.checks / 20, f"only {smaller} bounds shrink")
    print(f"{report.checks} checks, {len(report.failures)} failed; {smaller} bounds shrink by .1 %")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
