"""The published hierarchies against brute force on random tiny networks:

    exact <= every bound of hr1, hr2-blocks, lasserre, lipopt   on R^n, boxes, flat boxes and balls
    hr2-blocks <= hr1,  lasserre of order 2 <= of order 1,  lipopt of degree 4 <= of degree 3
    hr2 <= hr2-blocks, mostly with equality                  with one hidden layer and p = inf
    every certificate is verified by the exact checker       (and by lipcheck, if the environment names it)

A question that a method does not fit must end with a note that says what was expected; lipopt needs HiGHS.

    usage: test_published.py PROGRAM
"""
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import exact
import program as lipcert
from checks import Report
from test_random_networks import NORM_PAIRS, SLACK, dense, duplicated, outputs, regions, save, \
    scaled, with_bias, zero_row

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "certificates"))
import exact_checker  # noqa: E402  pylint: disable=wrong-import-position

METHODS = {"hr1": ["hr1"], "hr2-blocks": ["hr2-blocks"], "order 1": ["lasserre", "--order", 1],
           "order 2": ["lasserre", "--order", 2], "degree 3": ["lipopt", "--degree", 3],
           "degree 4": ["lipopt", "--degree", 4]}
DEEP = {method: METHODS[method] for method in ("hr1", "hr2-blocks")}
SMALLER = (("hr2-blocks", "hr1"), ("order 2", "order 1"), ("degree 4", "degree 3"))
SOLVER = 1e-5  # what an interior-point method leaves, relative


def networks(rng):
    """name -> network, so small that order 2 takes a fraction of a second."""
    return {
        "affine": dense(rng, 3, 2),
        "one-hidden": dense(rng, 2, 4, 2),
        "narrow": dense(rng, 3, 2, 1),
        "two-hidden": dense(rng, 2, 3, 2, 1),
        "three-hidden": dense(rng, 2, 2, 2, 2, 1),
        "scalar": dense(rng, 1, 3, 1),
        "bottleneck": dense(rng, 2, 3, 1, 1),
        "stable": with_bias(dense(rng, 2, 4, 2, 2), 0, [50, -50, 0.3, -0.2]),
        "all-dead": with_bias(dense(rng, 2, 2, 2, 2), 1, [-1e4, -1e4]),
        "zero-row": zero_row(dense(rng, 2, 3, 2)),
        "duplicated": duplicated(dense(rng, 2, 3, 1)),
        "tiny-weights": scaled(dense(rng, 2, 3, 1), 2.0**-40),
        "huge-weights": scaled(dense(rng, 2, 3, 1), 2.0**30),
    }


def deep_networks(rng):
    """For hr1 and hr2-blocks alone: products of three and four phases."""
    return {
        "3-3-3-3-1": dense(rng, 3, 3, 3, 3, 1),
        "3-3-3-3-2": dense(rng, 3, 3, 3, 3, 2),
        "2-3-3-3-3-1": dense(rng, 2, 3, 3, 3, 3, 1),
        "2-2-2-2-2-2": dense(rng, 2, 2, 2, 2, 2, 2),
        "1-1-2-2-2-2-1": dense(rng, 1, 1, 2, 2, 2, 2, 1),
    }


def ask(report, program, label, path, arguments):
    """The bound, verified; None if the question does not fit the method."""
    certificate = pathlib.Path(lipcert.FOLDER.name) / "certificate"
    certificate.unlink(missing_ok=True)
    done = subprocess.run([program, "bound", *map(str, [path, *arguments, *lipcert.NO_CLOCK]), "--json",
                           "-", "--certificate", certificate], capture_output=True, text=True,
                          timeout=lipcert.TIMEOUT, check=False)
    if done.returncode not in (0, lipcert.NO_ANSWER):
        raise lipcert.Refused(f"{label}: exit code {done.returncode}: {done.stderr.strip()}")
    answer = json.loads(done.stdout)
    upper = lipcert.bound(answer, "upper")
    if upper == np.inf:
        note = answer["steps"][0]["note"]
        report.check("expected" in note or "needs HiGHS" in note, f"{label}: no bound, and the note '{note}'")
        return None
    report.check(lipcert.bound(answer, "certified") == upper, f"{label}: no certificate of {upper!r}")
    canonical = pathlib.Path(lipcert.canonical(program, path))
    try:
        own = exact_checker.check(canonical.read_bytes(), certificate.read_bytes())[0]
        report.check(own <= exact_checker.Fraction(upper), f"{label}: {upper!r}, exactly {float(own)!r}")
    except (exact_checker.Rejected, exact_checker.Malformed) as error:
        report.check(False, f"{label}: the exact checker says {error}")
    if lipcert.CHECKER:
        lipcert.verify(program, path, certificate, answer)
    return upper


def check_question(report, label, truth, upper, one_hidden, counts):
    """Relations between the bounds of one question."""
    known = {name: value for name, value in upper.items() if value is not None}
    report.check(truth * (1 - SLACK) <= min(known.values(), default=np.inf),
                 f"{label}: {upper} lies below the exact {truth!r}")
    for small, large in SMALLER:
        if small in known and large in known:
            counts["compared"] += 1
            counts["better"] += known[small] < known[large] * (1 - 1e-3)
            report.check(known[small] <= known[large] * (1 + SOLVER) + 1e-300,
                         f"{label}: {small} gives {known[small]!r}, {large} {known[large]!r}")
    if one_hidden and "hr2-blocks" in known:
        counts["cuts"] += 1
        counts["equal"] += known["hr2-blocks"] <= known["hr2"] * (1 + SOLVER)
        report.check(known["hr2"] <= known["hr2-blocks"] * (1 + SOLVER),
                     f"{label}: hr2-blocks = {known['hr2-blocks']!r}, hr2 = {known['hr2']!r}")
    counts["proved"] += len(known)
    counts["refused"] += len(upper) - len(known)
    counts["exact"] += min(known.values(), default=np.inf) <= truth * (1 + 1e-4)


def check_network(report, program, folder, name, net, methods, rng, counts):
    path = folder / f"{name}.npz"
    pairs = itertools.cycle(rng.permutation(len(NORM_PAIRS)))
    for region_name, region, options in regions(folder, name, net[0][0].shape[1], rng):
        try:
            found = exact.cells(net, region)
        except exact.Ambiguous as reason:
            print(f"note: {name}, {region_name}: left out, {reason}")
            continue
        for output, output_options in outputs(len(net[-1][0])):
            p, q = NORM_PAIRS[next(pairs)]
            label = f"{name}, {region_name}, {p} -> {q}, {output}"
            question = [*options, *output_options, "--norm", p, "--out-norm", q, "--method"]
            upper = {method: ask(report, program, f"{label}, {method}", path, question + words)
                     for method, words in methods.items()}
            one_hidden = len(net) == 2 and p == "inf"
            if one_hidden:
                upper["hr2"] = lipcert.bound(json.loads(lipcert.run(
                    program, "bound", path, *question, "hr2", *lipcert.NO_CLOCK, "--json", "-")), "upper")
            check_question(report, label, exact.lipschitz(found, p, q, output), upper, one_hidden,
                           counts)


def main():
    program, rng, report = sys.argv[1], np.random.default_rng(23), Report()
    counts = dict.fromkeys(("proved", "refused", "compared", "better", "cuts", "equal", "exact"), 0)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for kind, net in networks(rng).items():
            save(folder / f"{kind}.npz", net)
            check_network(report, program, folder, kind, net, METHODS, rng, counts)
        for kind, net in deep_networks(rng).items():
            save(folder / f"{kind}.npz", net)
            check_network(report, program, folder, kind, net, DEEP, rng, counts)
    report.check(counts["proved"] > 400, "too few bounds")
    report.check(counts["better"] > 0, "no hierarchy gains anything")
    report.check(counts["equal"] > 0.8 * counts["cuts"] > 10, "cuts and blocks differ")
    print(", ".join(f"{key} {count}" for key, count in counts.items()))
    print(f"{report.checks} checks, {len(report.failures)} failed")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
