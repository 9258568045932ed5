"""The program against published and independently computed values.

reference.json: for every network, region and norm
    lower <= exact <= upper of product and of interval     where the exact value is known
    upper >= the best gradient found by sampling           always
    upper of product <= the reference's norm product       lipcert takes the best chain of norms
    f and its Jacobian at random points (lipcert eval) agree with numpy and finite differences
    search finds the exact value in 95 % of the cases where it is known
    a box inside a box has no larger upper bound, and linear bounds on neurons do no harm
SDP-NN.mat (Chen et al.): lower bounds over +-10 and +-0.1 above the paper's, and the gradient norms
of two points confirmed.

    usage: test_reference.py PROGRAM DATA      exit code 77 (skip) if DATA is not there
"""
import json
import pathlib
import re
import sys
import tempfile

import numpy as np
from scipy.io import loadmat

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "oracle"))
import exact  # noqa: E402
import program as lipcert  # noqa: E402
from checks import Report, check_jacobian  # noqa: E402

SKIP = 77
FLOAT = 1e-6  # the reference values are floats good to about this
EQUAL = 1e-9  # a lower bound is the exact value from here
NORMS = {"inf": "inf", "l2": "2"}
RADII = (0.01, 0.05, 0.1, 0.3, 1, 3, 10)

# The centre +-10 and +-0.1: lower bounds of Chen et al., and what shipped witness points reach.
SDP_NN = {"10": {"paper": 9.69, "point": 15.16589205}, "0.1": {"paper": 8.20, "point": 9.49250028}}


def region_options(name, centre_file):
    """'Rn', or 'box' followed by the radius around the centre."""
    if name == "Rn":
        return ["--global"]
    return ["--box", centre_file, re.fullmatch(r"box([0-9.]+)", name).group(1)]


def as_chain(path, folder):
    """The network of a reference file (A1 b1 [A2 b2] c, x00) in the W0 b0 W1 b1 form, its centre."""
    layers, centre = exact.load_reference(path)
    arrays = {f"{key}{k}": a for k, pair in enumerate(layers) for key, a in zip("Wb", pair)}
    chain, point = folder / f"{path.stem}.npz", folder / f"{path.stem}-centre.npy"
    np.savez(chain, **arrays)
    np.save(point, centre)
    return chain, point


def check_relaxation(report, label, upper, solvers):
    """The tangent relaxation beside what interior-point solvers found: at most SHOR with one hidden layer,
    below HR-1 with two.  In small boxes the reference SHOR knows which patterns occur, and is no measure."""
    if "SHOR" in solvers and "box0.1" not in label:
        value = solvers["SHOR"]["value"]
        report.check(upper <= value * (1 + 1e-6), f"{label}: tangent = {upper!r} > SHOR {value!r}")
    if "HR1_multi" in solvers:
        value = solvers["HR1_multi"]["value"]
        report.check(upper < value, f"{label}: tangent = {upper!r} >= HR-1 {value!r}")


def check_entry(report, program, label, command, entry):
    """One network, region and norm."""
    truth, sampled = entry.get("exact"), entry["sampling_lb"]
    lower = lipcert.bound(lipcert.answer(program, *command, "--method", "lbs,ascent",
                                         *lipcert.NO_CLOCK), "lower")
    report.check(lower > 0.5 * sampled, f"{label}: lower = {lower!r}, sampling found {sampled!r}")
    if truth is not None:
        report.check(lower <= truth * (1 + FLOAT), f"{label}: lower = {lower!r} > exact {truth!r}")
    one_hidden = label.startswith("n1")
    for method in ("product", "interval", "tangent") + (("shor",) if one_hidden else ()):
        upper = lipcert.bound(lipcert.answer(program, *command, "--method", method,
                                             *lipcert.NO_CLOCK), "upper")
        if method in ("tangent", "shor"):
            check_relaxation(report, label, upper, entry.get("upper", {}))
        if truth is not None:
            report.check(upper >= truth * (1 - FLOAT),
                         f"{label}: upper of {method} = {upper!r} < exact {truth!r}")
        report.check(upper >= max(lower, sampled * (1 - FLOAT)),
                     f"{label}: upper of {method} = {upper!r} < lower {lower!r} or sampling "
                     f"{sampled!r}")
        if method == "product":
            product = entry["norm_product"]
            report.check(upper <= product * (1 + FLOAT),
                         f"{label}: product = {upper!r} > reference {product!r}")


def check_search(report, program, data, folder):
    """The method search beside enumeration: equal (1e-9) in at least 95 % of the cases with one output."""
    with open(data / "reference" / "reference.json", encoding="utf-8") as file:
        nets = json.load(file)["nets"]
    missed, cases, slowest = [], 0, 0.0
    for name, net in nets.items():
        chain, centre = as_chain(data / "reference" / "nets" / f"{name}.npz", folder)
        for region, norms in net["regions"].items():
            for norm, entry in norms.items():
                if entry.get("exact") is None:
                    continue
                answer = lipcert.answer(program, "bound", chain, *region_options(region, centre),
                                        "--norm", NORMS[norm], "--output", 0, "--method", "search",
                                        *lipcert.NO_CLOCK)
                lower, truth = lipcert.bound(answer, "lower"), entry["exact"]
                report.check(lower <= truth * (1 + FLOAT),
                             f"{name}, {region}, {norm}: search = {lower!r} > exact {truth!r}")
                cases, slowest = cases + 1, max(slowest, answer["seconds"])
                if lower < truth * (1 - EQUAL):
                    missed.append(f"{name}, {region}, {norm}: {lower!r} of {truth!r}")
    print(f"search: {cases - len(missed)} of {cases} exact values found, at most {slowest:.2f} s")
    report.check(cases >= 40 and len(missed) <= 0.05 * cases,
                 f"search missed {len(missed)} of {cases} exact values: {'; '.join(missed)}")


def check_nested(report, program, label, chain, centre):
    """Upper bounds of boxes inside boxes inside R^n never fall, and enclose inner lower bounds."""
    regions = [["--box", centre, radius] for radius in RADII] + [["--global"]]
    for norm in NORMS.values():
        command = ["bound", chain, "--norm", norm, "--output", 0, *lipcert.NO_CLOCK]
        lowers = [lipcert.bound(lipcert.answer(program, *command, *region, "--method", "lbs"),
                                "lower") for region in regions]
        for method in ("product", "interval"):
            plain, linear = ([lipcert.bound(lipcert.answer(
                program, *command, *region, "--method", method, "--linear-bounds", switch), "upper")
                for region in regions] for switch in (0, 1))
            where = f"{label}, {norm}, {method}, radii {RADII} and R^n"
            for name, uppers in (("0", plain), ("1", linear)):
                report.check(uppers == sorted(uppers),
                             f"{where}, --linear-bounds {name}: upper bounds fall, {uppers}")
                report.check(all(max(lowers[:k + 1]) <= upper for k, upper in enumerate(uppers)),
                             f"{where}, --linear-bounds {name}: {uppers} against the lower bounds "
                             f"{lowers} of the boxes inside")
            report.check(all(a <= b for a, b in zip(linear, plain)),
                         f"{where}: {linear} with and {plain} without linear bounds")


def check_points(report, program, label, chain, net, centre, rng):
    """eval at random points; finite differences have to agree at most of them."""
    points = [centre + radius * rng.uniform(-1, 1, len(centre))
              for radius in (0.1, 0.3, 1, 3, 10, 30)]
    hits = sum(check_jacobian(report, label, program, chain, net, x) for x in points)
    report.check(hits >= 3, f"{label}: finite differences told something at {hits} points only")


def check_random_networks(report, program, data, folder):
    rng = np.random.default_rng(5)
    with open(data / "reference" / "reference.json", encoding="utf-8") as file:
        nets = json.load(file)["nets"]
    for name, net in nets.items():
        path = data / "reference" / "nets" / f"{name}.npz"
        chain, centre = as_chain(path, folder)
        check_points(report, program, name, chain, *exact.load_reference(path), rng)
        check_nested(report, program, name, chain, centre)
        for region, norms in net["regions"].items():
            for norm, entry in norms.items():
                command = ["bound", chain, *region_options(region, centre), "--norm", NORMS[norm],
                           "--output", 0]
                check_entry(report, program, f"{name}, {region}, {norm}", command, entry)


def check_point(report, weights, x, eps, lower):
    """The witness once more with numpy: in the box, gradient l1 norm of c' max(A x + b, 0)."""
    away = np.abs(x - weights["x00"].ravel()).max()
    report.check(away <= eps * (1 + 1e-12), f"SDP-NN: the witness is {away!r} from the centre")
    active = weights["A"] @ x + weights["b"].ravel() > 0
    norm = float(np.abs((weights["c"].ravel() * active) @ weights["A"]).sum())
    report.check(abs(norm - lower) <= 1e-8 * norm,
                 f"SDP-NN, box {eps}: lower = {lower!r}, but the witness has gradient norm {norm!r}")


def check_sdp_nn(report, program, data, folder):
    net = data / "nets" / "SDP-NN.mat"
    centre = folder / "sdp-nn-centre.npy"
    weights = {key: loadmat(net)[key].astype(float) for key in ("A", "b", "c", "x00")}
    np.save(centre, weights["x00"].ravel())
    for eps, expected in SDP_NN.items():
        witness = data / "witness" / f"sdp-nn-box{eps}.npy"
        answer = lipcert.answer(program, "gradient", net, "--input", witness, "--norm", "inf")
        lower, upper = lipcert.bound(answer, "lower"), lipcert.bound(answer, "upper")
        report.check(answer["decided"] and abs(lower - expected["point"]) < 1e-8
                     and abs(upper - expected["point"]) < 1e-8,
                     f"gradient at {witness.name}: [{lower!r}, {upper!r}], expected "
                     f"{expected['point']}")
        answer = lipcert.answer(program, "bound", net, "--box", centre, eps, "--norm", "inf",
                                "--method", "lbs,ascent", "--sweeps", 1, "--steps", 200,
                                *lipcert.NO_CLOCK)
        lower = lipcert.bound(answer, "lower")
        check_point(report, weights, np.array(answer["witness"]["x"]), float(eps), lower)
        print(f"SDP-NN, box {eps}: lower = {lower:.6f} by {answer['lower_method']} in "
              f"{answer['seconds']:.1f} s (paper {expected['paper']}, best known "
              f"{expected['point']})")
        report.check(lower > expected["paper"],
                     f"SDP-NN, box {eps}: lower = {lower!r} is not above {expected['paper']}")


def main():
    program, data = sys.argv[1], pathlib.Path(sys.argv[2])
    if not (data / "reference" / "reference.json").exists():
        print(f"skipped: no reference/reference.json in {data} (set LIPCERT_DATA)")
        return SKIP
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        check_random_networks(report, program, data, pathlib.Path(name))
        check_search(report, program, data, pathlib.Path(name))
        check_sdp_nn(report, program, data, pathlib.Path(name))
    report.check(report.checks > 200, f"only {report.checks} checks were made")
    print(f"{report.checks} checks, {len(report.failures)} failed")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
