"""The program against brute force on random tiny networks.

For each network, region, pair of norms and output selection:
    lower <= exact <= upper            exact.py enumerates all cells
    the witness lies in the region, off every kink, and has a gradient of norm >= lower
    f and its Jacobian at the witness (lipcert eval) agree with numpy and with finite differences
and, relations that hold without knowing the answer:
    a box inside a box (and a box inside R^n) has no larger upper bound, method by method
    doubling the output doubles every upper bound, bit for bit
    permuting neurons changes no upper bound by more than 1e-9, relatively
    the same command gives the same answer

    usage: test_random_networks.py PROGRAM
"""
import itertools
import pathlib
import sys
import tempfile

import numpy as np

import exact
import program as lipcert
from checks import Report, check_jacobian

UPPER_METHODS = ("product", "interval")
ALL_UPPER_METHODS = UPPER_METHODS + ("tangent",)  # its bounds end with an iteration: not monotone
ROUNDS = 4      # sets of random networks
SHORT = ["--rounds", 5]  # all but the first set: the search ends after a sixth of its usual work
SLACK = 1e-9  # rounding of the oracle, relative


# ---- Networks ----------------------------------------------------------------------------------

def dense(rng, *sizes):
    return [(rng.normal(size=(m, n)) * np.sqrt(2 / n), 0.7 * rng.normal(size=m))
            for n, m in zip(sizes[:-1], sizes[1:])]


def with_bias(net, layer, values):
    return [(w, np.array(values, float) if k == layer else b) for k, (w, b) in enumerate(net)]


def duplicated(net):
    """The first two neurons of the first layer become equal."""
    (w, b), rest = net[0], net[1:]
    w, b = w.copy(), b.copy()
    w[1], b[1] = w[0], b[0]
    return [(w, b)] + rest


def scaled(net, factor):
    """Every layer times `factor`; the kinks stay where they are."""
    return [(w * factor, b * factor**(k + 1)) for k, (w, b) in enumerate(net)]


def zero_row(net):
    """A neuron and an output that nothing feeds."""
    net = [(w.copy(), b.copy()) for w, b in net]
    net[0][0][0] = 0
    net[-1][0][0] = 0
    return net


def networks(rng):
    """name -> network: every depth, and what tends to break programs."""
    flat = [(w, np.zeros_like(b)) for w, b in dense(rng, 3, 5, 4, 2)]
    integer = [(rng.integers(-2, 3, w.shape).astype(float), rng.integers(-1, 2, b.shape) + 0.5)
               for w, b in dense(rng, 2, 4, 3, 2)]
    return {
        "affine": dense(rng, 3, 2),
        "one-hidden": dense(rng, 3, 7, 2),
        "one-hidden-wide-output": dense(rng, 2, 4, 5),
        "two-hidden": dense(rng, 3, 5, 4, 3),
        "three-hidden": dense(rng, 2, 4, 3, 3, 2),
        "four-hidden": dense(rng, 2, 3, 2, 3, 2, 1),
        "scalar": dense(rng, 1, 4, 3, 1),
        "bottleneck": dense(rng, 3, 4, 1, 3, 2),
        "stable": with_bias(dense(rng, 3, 5, 4, 2), 0, [50, -50, 0.3, 50, -0.2]),
        "all-dead": with_bias(dense(rng, 2, 3, 3, 2), 1, [-1e4, -1e4, -1e4]),
        "zero-row": zero_row(dense(rng, 3, 5, 3, 2)),
        "duplicated": duplicated(dense(rng, 3, 5, 3, 2)),
        "zero-bias": flat,
        "no-bias": [(w, None) for w, _ in dense(rng, 2, 5, 4, 2)],
        "integer": integer,
        "tiny-weights": scaled(dense(rng, 2, 4, 3, 2), 2.0**-40),
        "huge-weights": scaled(dense(rng, 2, 4, 3, 2), 2.0**30),
    }


def save(path, net):
    arrays = {}
    for k, (w, b) in enumerate(net):
        arrays[f"W{k}"] = w
        if b is not None:
            arrays[f"b{k}"] = b
    np.savez(path, **arrays)


def filled(net):
    """The same with explicit zero biases."""
    return [(w, np.zeros(len(w)) if b is None else b) for w, b in net]


def permuted(net, rng):
    """Hidden neurons in another order."""
    net, order = [(w.copy(), b.copy()) for w, b in filled(net)], None
    for k, (w, b) in enumerate(net):
        if order is not None:
            w = w[:, order]
        if k < len(net) - 1:
            order = rng.permutation(len(w))
            w, b = w[order], b[order]
        net[k] = (w, b)
    return net


def doubled(net):
    w, b = net[-1]
    return net[:-1] + [(2 * w, None if b is None else 2 * b)]


# ---- Questions ---------------------------------------------------------------------------------

def regions(folder, name, n, rng):
    """(name, region, options of the program); boxes come as the doubles of their two corners."""
    centre = rng.normal(size=n) * 0.5
    eps = rng.uniform(0.2, 1.0)
    lo, hi = centre - eps, centre + eps * rng.uniform(0.5, 1.5, n)
    flat_hi = hi.copy()
    flat_hi[0] = lo[0]  # no extent in the first coordinate
    files = {}
    for key, value in (("lo", lo), ("hi", hi), ("flat", flat_hi), ("centre", centre)):
        files[key] = folder / f"{name}-{key}.npy"
        np.save(files[key], value)
    return [
        ("R^n", exact.Everywhere(n), ["--global"]),
        ("box", exact.Box(lo, hi), ["--box-file", files["lo"], files["hi"]]),
        ("flat box", exact.Box(lo, flat_hi), ["--box-file", files["lo"], files["flat"]]),
        ("ball", exact.Ball(centre, eps), ["--ball", files["centre"], repr(float(eps))]),
    ]


def outputs(m):
    """Selections and the options that ask for them."""
    choice = [(("all",), ["--all"]), (("row", m - 1), ["--output", m - 1])]
    if m > 1:
        choice.append((("margin", 0, m - 1), ["--margin", f"0,{m - 1}"]))
    return choice


NORM_PAIRS = list(itertools.product((1, 2, "inf"), repeat=2))


def check_witness(report, label, net, region, result, p, q, output):
    lower = lipcert.bound(result, "lower")
    if lower == 0:
        return
    x = np.array(result["witness"]["x"], float)
    report.check(region.contains(x, 1e-14 * max(1.0, np.abs(x).max())),
                 f"{label}: the witness {x} lies outside the region")
    j, clearance = exact.jacobian(net, x)
    report.check(clearance > 0, f"{label}: the witness {x} lies on a kink")
    rows = exact.selected(j, output)
    norm = exact.operator_norm(rows, p, q if len(rows) > 1 else "inf")
    report.check(norm >= lower * (1 - SLACK),
                 f"{label}: the witness has gradient norm {norm!r}, below lower = {lower!r}")


def check_oracle(report, program, folder, name, net, rng, settings):
    """lower <= exact <= upper on every region, some norms and outputs.  Returns (runs, exact hits,
    finite differences)."""
    path, full, hits, runs, differences = folder / f"{name}.npz", filled(net), 0, 0, 0
    m = len(full[-1][0])
    pairs = itertools.cycle(rng.permutation(len(NORM_PAIRS)))
    for region_name, region, options in regions(folder, name, full[0][0].shape[1], rng):
        try:
            found = exact.cells(full, region)
        except exact.Ambiguous as reason:
            print(f"note: {name}, {region_name}: left out, {reason}")
            continue
        for output, output_options in outputs(m):
            p, q = NORM_PAIRS[next(pairs)]
            label = f"{name}, {region_name}, {p} -> {q}, {output}"
            truth = exact.lipschitz(found, p, q, output)
            result = lipcert.answer(program, "bound", path, *options, *output_options, "--norm", p,
                                    "--out-norm", q, *settings, *lipcert.NO_CLOCK)
            lower, upper = lipcert.bound(result, "lower"), lipcert.bound(result, "upper")
            report.check(lower <= truth * (1 + SLACK),
                         f"{label}: lower = {lower!r} exceeds the exact {truth!r}")
            report.check(upper >= truth * (1 - SLACK),
                         f"{label}: upper = {upper!r} is below the exact {truth!r}")
            check_witness(report, label, full, region, result, p, q, output)
            if lower > 0:
                differences += check_jacobian(report, label, program, path, full,
                                              np.array(result["witness"]["x"], float))
            runs += 1
            hits += lower >= truth * (1 - 1e-6)
    return runs, hits, differences


def uppers(program, path, options, methods=UPPER_METHODS):
    """method -> proved upper bound."""
    return {method: lipcert.bound(lipcert.answer(program, "bound", path, "--method", method,
                                                 *options, *lipcert.NO_CLOCK), "upper")
            for method in methods}


def check_relations(report, program, folder, name, net, rng):
    """Monotone in the region, homogeneous in the output, blind to the order of neurons."""
    path, p, q = folder / f"{name}.npz", *NORM_PAIRS[rng.integers(len(NORM_PAIRS))]
    norms = ["--norm", p, "--out-norm", q]
    label = f"{name}, {p} -> {q}"
    large = [*norms, "--box", "0.05", "0.5"]
    inner = uppers(program, path, [*norms, "--box", "0.1", "0.3"])
    outer = uppers(program, path, large, ALL_UPPER_METHODS)
    everywhere = uppers(program, path, [*norms, "--global"])
    save(folder / "doubled.npz", doubled(net))
    twice = uppers(program, folder / "doubled.npz", large, ALL_UPPER_METHODS)
    save(folder / "permuted.npz", permuted(net, rng))
    mixed = uppers(program, folder / "permuted.npz", large, ALL_UPPER_METHODS)
    for method in UPPER_METHODS:
        report.check(inner[method] <= outer[method] <= everywhere[method],
                     f"{label}, {method}: {inner[method]!r} on a box, {outer[method]!r} on a box "
                     f"around it, {everywhere[method]!r} on R^n")
    for method in ALL_UPPER_METHODS:
        report.check(twice[method] == 2 * outer[method],
                     f"{label}, {method}: {outer[method]!r} became {twice[method]!r} for twice f")
        report.check(abs(mixed[method] - outer[method]) <= 1e-9 * outer[method],
                     f"{label}, {method}: {outer[method]!r} became {mixed[method]!r} when neurons "
                     "were permuted")


def check_repeatable(report, program, folder, name):
    command = ["bound", folder / f"{name}.npz", "--box", "0", "1", "--seed", 3,
               *lipcert.NO_CLOCK]
    first, second = (lipcert.answer(program, *command) for _ in range(2))
    for key in ("lower_hex", "upper_hex", "witness"):
        report.check(first[key] == second[key], f"{name}: '{key}' differs between two equal runs")


def main():
    program, rng, report = sys.argv[1], np.random.default_rng(20), Report()
    runs = hits = differences = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for turn in range(ROUNDS):
            for kind, net in networks(rng).items():
                key = f"{kind}-{turn}"
                save(folder / f"{key}.npz", net)
                counts = check_oracle(report, program, folder, key, net, rng, SHORT if turn else [])
                runs, hits, differences = np.add((runs, hits, differences), counts)
                check_relations(report, program, folder, key, net, rng)
        check_repeatable(report, program, folder, "two-hidden-0")
    report.check(runs > 150 * ROUNDS, f"only {runs} questions were decided by the oracle")
    report.check(hits >= 0.85 * runs, f"lower equals the exact value in only {hits} of {runs} cases")
    report.check(differences > 0.3 * runs,
                 f"only {differences} of {runs} witnesses were held against finite differences")
    print(f"{runs} questions, lower = exact in {hits}, {differences} witnesses held against finite "
          f"differences; {report.checks} checks, "
          f"{len(report.failures)} failed")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
