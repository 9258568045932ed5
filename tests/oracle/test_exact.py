"""The method exact against brute force on random tiny networks: both bounds meet at the exact value,

    truth (1 - gap) <= lower <= truth <= upper <= truth (1 + gap),       and lipcheck verifies the tree (program.py),

on R^n, boxes and balls, for all pairs of norms and all selections of outputs, with one thread and with two.

Every question must be closed, but for networks in OPEN, of which it is only said whether they were: with two equal
neurons some cells are empty, and no row of a Farkas certificate can be told from another; with weights far from 1
distances underflow the tolerances of floating point.  Their bounds have to hold all the same.

    usage: test_exact.py PROGRAM
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

GAP = 2e-6    # twice --gap
SMALL = 1e-7  # of the network's size, for constants that are 0
OPEN = {"duplicated", "tiny-weights", "huge-weights"}
SECONDS = 60  # for one question; those that must be closed take hundredths of one


def check_question(report, label, truth, answer, size):
    lower, upper = lipcert.bound(answer, "lower"), lipcert.bound(answer, "upper")
    slack = SLACK * truth + SMALL * size * (truth < 1e-9 * size)
    report.check(truth * (1 - SLACK) - slack <= upper, f"{label}: upper {upper!r} < exact {truth!r}")
    report.check(lower <= truth * (1 + SLACK) + slack, f"{label}: lower {lower!r} > exact {truth!r}")
    return upper <= truth * (1 + GAP) + slack and lower >= truth * (1 - GAP) - slack


def check_network(report, program, folder, name, net, rng):
    path, full, counts = folder / f"{name}.npz", filled(net), np.zeros(3, int)
    pairs = itertools.cycle(rng.permutation(len(NORM_PAIRS)))
    size = np.prod([max(np.abs(w).sum(), 1e-300) for w, _ in full])
    for region_name, region, options in regions(folder, name, full[0][0].shape[1], rng):
        if "flat" in region_name:
            continue
        try:
            found = exact.cells(full, region)
        except exact.Ambiguous as reason:
            print(f"note: {name}, {region_name}: left out, {reason}")
            continue
        for output, output_options in outputs(len(full[-1][0])):
            p, q = NORM_PAIRS[next(pairs)]
            label = f"{name}, {region_name}, {p} -> {q}, {output}"
            truth = exact.lipschitz(found, p, q, output)
            threads = 1 + int(counts[0] % 2)
            answer = lipcert.answer(program, "bound", path, *options, *output_options, "--norm", p,
                                    "--out-norm", q, "--method", "exact", "--threads", threads,
                                    "--time", 1 if name in OPEN else SECONDS)
            closed = check_question(report, label, truth, answer, size)
            report.check(closed or name in OPEN, f"{label}: not closed: {lipcert.bound(answer, 'lower')!r}, "
                         f"{truth!r}, {lipcert.bound(answer, 'upper')!r}")
            if not closed and name in OPEN:
                print(f"note: {label}: not closed: {lipcert.bound(answer, 'lower')!r}, {truth!r}, "
                      f"{lipcert.bound(answer, 'upper')!r}")
            counts += (1, closed, threads == 2)
    return counts


def main():
    program, rng, report = sys.argv[1], np.random.default_rng(22), Report()
    counts = np.zeros(3, int)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for kind, net in networks(rng).items():
            save(folder / f"{kind}.npz", net)
            counts += check_network(report, program, folder, kind, net, rng)
    print(f"{counts[0]} questions, {counts[1]} closed, {counts[2]} with two threads")
    report.check(counts[0] > 80, f"only {counts[0]} questions were decided by the oracle")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
