"""The program against published and independently computed values.

reference.json: for every network, region and norm
    lower <= exact <= upper of product and of interval     where the exact value is known
    upper >= the best gradient found by sampling           always
    upper of product <= the reference's norm product       lipcert takes the best chain of norms
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

SKIP = 77
FLOAT = 1e-6  # the reference values are floats good to about this
NORMS = {"inf": "inf", "l2": "2"}
LIMIT = ["--time", 20]

# The centre +-10 and +-0.1: lower bounds of Chen et al., and what shipped witness points reach.
SDP_NN = {"10": {"paper": 9.69, "point": 15.16589205}, "0.1": {"paper": 8.20, "point": 9.49250028}}


class Report:
    def __init__(self):
        self.checks, self.failures = 0, 0

    def check(self, good, sentence):
        self.checks += 1
        if not good:
            self.failures += 1
            print(f"FAILED: {sentence}", flush=True)


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


def check_entry(report, program, label, command, entry):
    """One network, region and norm."""
    truth, sampled = entry.get("exact"), entry["sampling_lb"]
    lower = lipcert.bound(lipcert.answer(program, *command, "--method", "lbs,ascent", *LIMIT),
                          "lower")
    report.check(lower > 0.5 * sampled, f"{label}: lower = {lower!r}, sampling found {sampled!r}")
    if truth is not None:
        report.check(lower <= truth * (1 + FLOAT), f"{label}: lower = {lower!r} > exact {truth!r}")
    for method in ("product", "interval"):
        upper = lipcert.bound(lipcert.answer(program, *command, "--method", method), "upper")
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


def check_random_networks(report, program, data, folder):
    with open(data / "reference" / "reference.json", encoding="utf-8") as file:
        nets = json.load(file)["nets"]
    for name, net in nets.items():
        path = data / "reference" / "nets" / f"{name}.npz"
        chain, centre = as_chain(path, folder)
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
                                "--method", "lbs,ascent", "--time", 30)
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
        check_sdp_nn(report, program, data, pathlib.Path(name))
    report.check(report.checks > 200, f"only {report.checks} checks were made")
    print(f"{report.checks} checks, {report.failures} failed")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
