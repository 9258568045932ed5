"""The methods that know the region, hr2 and tight, against brute force on random tiny networks:

    exact <= tight <= hr2 <= tangent        on R^n, boxes, flat boxes and balls, all norms and outputs

    usage: test_tight.py PROGRAM
"""
import itertools
import pathlib
import sys
import tempfile

import numpy as np

import exact
import program as lipcert
from checks import Report
from test_random_networks import NORM_PAIRS, SLACK, filled, networks, outputs, regions, save

SOLVER = 1e-6  # what interior points and the clock of rounding may leave, relative


def check_network(report, program, folder, name, net, rng):
    """Returns (questions, those where hr2 gains, those where tight gains)."""
    path, full, counts = folder / f"{name}.npz", filled(net), np.zeros(3, int)
    pairs = itertools.cycle(rng.permutation(len(NORM_PAIRS)))
    for region_name, region, options in regions(folder, name, full[0][0].shape[1], rng):
        try:
            found = exact.cells(full, region)
        except exact.Ambiguous as reason:
            print(f"note: {name}, {region_name}: left out, {reason}")
            continue
        for output, output_options in outputs(len(full[-1][0])):
            p, q = NORM_PAIRS[next(pairs)]
            label = f"{name}, {region_name}, {p} -> {q}, {output}"
            truth = exact.lipschitz(found, p, q, output)
            upper = {method: lipcert.bound(lipcert.answer(
                program, "bound", path, *options, *output_options, "--norm", p, "--out-norm", q,
                "--method", method, *lipcert.NO_CLOCK), "upper")
                for method in ("tangent", "hr2", "tight")}
            report.check(truth * (1 - SLACK) <= min(upper.values()),
                         f"{label}: {upper} lies below the exact {truth!r}")
            report.check(upper["hr2"] <= upper["tangent"] * (1 + SOLVER)
                         and upper["tight"] <= upper["hr2"] * (1 + SOLVER),
                         f"{label}: {upper} do not fall")
            counts += (1, upper["hr2"] < upper["tangent"] * (1 - 1e-4),
                       upper["tight"] < upper["hr2"] * (1 - 1e-4))
    return counts


def main():
    program, rng, report = sys.argv[1], np.random.default_rng(21), Report()
    counts = np.zeros(3, int)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for kind, net in networks(rng).items():
            save(folder / f"{kind}.npz", net)
            counts += check_network(report, program, folder, kind, net, rng)
    report.check(counts[0] > 100, f"only {counts[0]} questions were decided by the oracle")
    report.check(counts[1] > 0.05 * counts[0] and counts[2] > 0.1 * counts[0],
                 f"of {counts[0]} bounds hr2 improved {counts[1]}, tight {counts[2]}")
    print(f"{counts[0]} questions; hr2 improved {counts[1]}, tight {counts[2]}; {report.checks} "
          f"checks, {len(report.failures)} failed")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
