"""The method exact against values that others found, and against other methods.

Every row of bench/exact.py that closes within seconds: closed, verified by lipcheck, and the reference value, where
there is one, to 1e-6; and lower <= reference <= upper (the reference has 13 digits, or what its last digit is worth)
The method miqcqp (HiGHS), boxes, norms inf and 1, one output: its value is the same to 1e-6
Polygon splitting: networks with two inputs cut a box into polygons, one gradient on each; the largest norm is L

    usage: test_exact.py PROGRAM DATA [--slow]      exit code 77 (skip) if the data are not there;
                                                    --slow: instead the rows that take longer
"""
import importlib.util
import os
import pathlib
import resource
import sys
import tempfile

import numpy as np

from test_reference import SKIP, Report, lipcert

ROOT = pathlib.Path(__file__).resolve().parents[2]

EQUAL = 1e-6
DIGITS = 1e-11      # of the reference values
CLOSED = 1.01e-6    # --gap, and the rounding outwards
MOST_SECONDS = 60   # CPU time of the quick ones, children included
SLOW = ("n1_80x80", "wine_net_11x24x24x1, [-3,3]", "r = 10, inf", "bike")    # and those that nobody has closed
OPEN = ("n1_80x80",)  # no claim: bounds have to hold
FEW = 40          # seconds for the slow ones


def is_slow(label):
    return any(part in label for part in SLOW)


def load_benchmark():
    """bench/exact.py, whose name is taken."""
    place = importlib.util.spec_from_file_location("bench_exact", ROOT / "bench" / "exact.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


def exact(program, net, *options):
    """(lower, upper) of a run that ended by itself; the certificate was verified."""
    answer = lipcert.answer(program, "bound", net, *options, "--method", "exact")
    return lipcert.bound(answer, "lower"), lipcert.bound(answer, "upper")


# ---- Reference values --------------------------------------------------------------------------

def check_row(report, program, case, slow):
    """Bounds of one row of the table."""
    label, net, question, value, _ = case
    low, high = exact(program, net, *question, "--time", FEW if slow else 300)
    if not any(part in label for part in OPEN):
        report.check(high <= low * (1 + CLOSED), f"{label}: not closed: {low!r}, {high!r}")
    if value is not None:
        report.check(low <= value * (1 + DIGITS) and value * (1 - DIGITS) <= high,
                     f"{label}: {value!r} is not between {low!r} and {high!r}")
        report.check(abs(low - value) <= EQUAL * value, f"{label}: {low!r}, reference {value!r}")
    return low, high


def check_rows(report, program, folder, slow):
    """All rows of the benchmark; those of other programs that were found."""
    bench = load_benchmark()
    rows = values = 0
    for case in [*bench.reference_cases(folder), *bench.published_cases(folder)]:
        if is_slow(case[0]) != slow or not os.path.exists(case[1]):
            continue
        bounds = check_row(report, program, case, slow)
        rows, values = rows + 1, values + (case[3] is not None)
        question = [str(word) for word in case[2]]
        if not slow and "--global" not in question and question[question.index("--norm") + 1] != "2":
            check_miqcqp(report, program, case, bounds)
    print(f"exact: {rows} rows, {values} with a reference value")
    report.check(rows > 2 if slow else rows > 50 and values > 40, f"only {rows} rows, {values} values")


# ---- HiGHS -------------------------------------------------------------------------------------

MIQCQP = [0, 0]  # asked, answered


def check_miqcqp(report, program, case, bounds):
    """The mixed-integer formulation by another solver: its value is computed, so the bounds hold for it but for a
    tolerance."""
    if "n2_20x20" in case[0] or "40x40" in case[0] or "100-100" in case[0]:
        return
    answer = lipcert.answer(program, "bound", case[1], *case[2], "--method", "miqcqp", "--time", 200)
    step = answer["steps"][0]
    if "HiGHS" in (step["note"] or "") and step["value"] is None:
        return
    MIQCQP[0] += 1
    if step["value"] is None or not step["complete"]:
        return
    MIQCQP[1] += 1
    low, high = bounds
    report.check(low * (1 - EQUAL) <= step["value"] <= high * (1 + EQUAL),
                 f"{case[0]}: miqcqp {step['value']!r}, exact {low!r}, {high!r}")


# ---- Polygons ----------------------------------------------------------------------------------

def split(polygon, normal, offset):
    """The parts of a convex polygon (k x 2, in order) where normal x + offset is at most and at least 0."""
    side = polygon @ normal + offset
    parts = ([], [])
    for i, here in enumerate(side):
        before, there = side[i - 1], polygon[i]
        if here * before < 0:
            crossing = polygon[i - 1] + (there - polygon[i - 1]) * (before / (before - here))
            parts[0].append(crossing)
            parts[1].append(crossing)
        if here <= 0:
            parts[0].append(there)
        if here >= 0:
            parts[1].append(there)
    return [np.array(part) for part in parts]


def area(polygon):
    x, y = polygon.T
    return abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2


def by_polygons(layers, selection, lo, hi, norm):
    """The largest gradient norm on a box in the plane, and the number of polygons: every polygon carries the affine map
    of z on it, layer by layer, and is cut by the kinks of its neurons."""
    whole = np.array([[lo[0], lo[1]], [hi[0], lo[1]], [hi[0], hi[1]], [lo[0], hi[1]]])
    tiny = 1e-13 * area(whole)
    pieces = [(whole, np.eye(2), np.zeros(2))]
    for w, b in layers[:-1]:
        made = []
        for polygon, a, c in pieces:
            za, zc = w @ a, w @ c + b
            todo = [polygon]
            for k in range(len(w)):
                values = np.concatenate([p @ za[k] for p in todo]) + zc[k]
                if values.min() >= 0 or values.max() <= 0:
                    continue
                todo = [part for p in todo for part in
                        (split(p, za[k], zc[k]) if (p @ za[k] + zc[k]).min() < 0 < (p @ za[k] + zc[k]).max() else [p])
                        if len(part) > 2 and area(part) > tiny]
            for p in todo:
                on = (p.mean(axis=0) @ za.T + zc > 0).astype(float)
                made.append((p, on[:, None] * za, on * zc))
        pieces = made
    order = {"inf": 1, "2": 2, "1": np.inf}[norm]  # the dual norm of the gradient
    last = selection @ layers[-1][0]
    return max(np.linalg.norm(last @ a, order) for _, a, _ in pieces), len(pieces)


def random_plane(rng, *sizes):
    return [(rng.normal(size=(m, n)) * np.sqrt(2 / n), 0.7 * rng.normal(size=m)) for n, m in zip(sizes, sizes[1:])]


def load_chain(path):
    data = np.load(path)
    return [(data[f"W{k}"], np.ravel(data[f"b{k}"])) for k in range(len([key for key in data.files if key[0] == "W"]))]


def check_polygons(report, program, folder, data):
    """Random networks with two inputs, and 2-100-100-2."""
    rng, folder = np.random.default_rng(77), pathlib.Path(folder)
    cases = []
    for k, sizes in enumerate(((2, 8, 1), (2, 20, 2), (2, 12, 10, 2), (2, 15, 15, 3), (2, 8, 8, 8, 2), (2, 30, 20, 2))):
        cases.append((f"random {sizes}", random_plane(rng, *sizes), rng.uniform(0.3, 3)))
        np.savez(folder / f"plane{k}.npz",
                 **{f"{key}{i}": array for i, layer in enumerate(cases[-1][1]) for key, array in zip("Wb", layer)})
    paths = [folder / f"plane{k}.npz" for k in range(len(cases))]
    local = pathlib.Path(data) / "nets" / "locallipsdp_2-100-100-2.npz"
    if local.exists():
        for radius in (0.1, 1.0):
            cases.append((f"2-100-100-2, r = {radius}", load_chain(local), radius))
            paths.append(local)
    for path, (label, layers, radius) in zip(paths, cases):
        corners = [folder / "lo.npy", folder / "hi.npy"]
        for file, value in zip(corners, (-radius, radius)):
            np.save(file, np.full(2, value))
        m = len(layers[-1][0])
        selection = np.zeros(m)
        selection[0], option = 1, ["--output", 0]
        if m > 1:
            selection[m - 1], option = -1, ["--margin", f"0,{m - 1}"]
        for norm in ("inf", "2", "1") if "random" in label else ("inf",):
            truth, count = by_polygons(layers, selection, np.full(2, -radius), np.full(2, radius), norm)
            low, high = exact(program, path, "--box-file", *corners, "--norm", norm, *option, "--time", 60)
            report.check(high <= low * (1 + CLOSED), f"{label}, {norm}: not closed: {low!r}, {high!r}")
            report.check(abs(low - truth) <= EQUAL * truth and truth <= high * (1 + 1e-9),
                         f"{label}, {norm}: {low!r}, {high!r}, but {truth!r} by {count} polygons")
    print(f"exact: {len(cases)} networks by polygon splitting")


def main():
    program, data, slow = sys.argv[1], sys.argv[2], sys.argv[3:] == ["--slow"]
    if not os.path.exists(os.path.join(data, "reference", "reference.json")):
        print(f"reference_exact: no data in {data}: skipped")
        return SKIP
    os.environ["LIPCERT_DATA"] = data
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        check_rows(report, program, folder, slow)
        if not slow:
            print(f"exact: {MIQCQP[1]} of {MIQCQP[0]} values confirmed by HiGHS")
            report.check(MIQCQP[0] in (0, MIQCQP[1]), f"HiGHS answered {MIQCQP[1]} of {MIQCQP[0]} questions")
            check_polygons(report, program, folder, data)
    seconds = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"exact: {seconds:.0f} s CPU")
    if not slow:
        report.check(seconds < MOST_SECONDS, f"{seconds:.0f} s CPU, at most {MOST_SECONDS} expected")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
