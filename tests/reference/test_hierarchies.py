"""The published hierarchies against reference values, which other programs and other solvers computed.

reference.json, p = inf and 2, for every network whose relaxation takes a few seconds at most:
    SHOR, HR1_multi, HR2, HR2_multi_fixed agree with hr1 and hr2-blocks to 1e-5
    every bound is at least the exact value (or the best gradient that sampling found)
    hr2-blocks <= hr1;  hr2, the same relaxation as cuts, = hr2-blocks to 1e-5 with one hidden layer
    certificates are verified by lipcheck, if the environment names it
What is too large is refused at once, with its size.

    usage: test_hierarchies.py PROGRAM DATA      exit code 77 (skip) if DATA is not there
"""
import json
import pathlib
import sys
import tempfile

import numpy as np

from test_reference import NORMS, SKIP, as_chain, lipcert, region_options, Report

AGREE = 1e-5
FLOAT = 1e-6  # the reference values are floats good to about this
# key of reference.json -> method
VALUES = {"SHOR": "hr1", "HR1_multi": "hr1", "HR2": "hr2-blocks", "HR2_multi_fixed": "hr2-blocks"}
# what takes longer: (network, regions or None for all, methods)
SLOW = (("n1_80x80_g", None, ("hr2-blocks",)), ("n1_40x40_s10", ("box10",), ("hr2-blocks",)),
        ("n2_10x10x10_s8", ("box10",), ("hr2-blocks",)), ("n2_20x20x10_g", None, ("hr1", "hr2-blocks")))


def slow(name, region, method):
    return any(name == net and method in methods and (regions is None or region in regions)
               for net, regions, methods in SLOW)


def check_entry(report, program, label, command, wanted, entry, one_hidden):
    """One network, region and norm; returns how many values were compared."""
    truth = entry.get("exact") or entry["sampling_lb"]
    bounds = {}
    for key, method in wanted.items():
        # the reference takes intervals for neurons of the second layer
        bounds[method] = lipcert.bound(lipcert.answer(program, *command, "--method", method,
                                                      "--linear-bounds", 0), "upper")
        value = entry["upper"][key]["value"]
        report.check(abs(bounds[method] - value) <= AGREE * value,
                     f"{label}: {method} = {bounds[method]!r}, the reference {key} is {value!r}")
        report.check(bounds[method] >= truth * (1 - FLOAT),
                     f"{label}: {method} = {bounds[method]!r} < {truth!r}")
    if len(bounds) == 2:
        report.check(bounds["hr2-blocks"] <= bounds["hr1"] * (1 + FLOAT),
                     f"{label}: {bounds} do not fall")
    if one_hidden and "hr2-blocks" in bounds:
        cuts = lipcert.bound(lipcert.answer(program, *command, "--method", "hr2"), "upper")
        report.check(abs(cuts - bounds["hr2-blocks"]) <= AGREE * cuts,
                     f"{label}: hr2-blocks = {bounds['hr2-blocks']!r}, hr2 = {cuts!r}")
    return len(bounds)


def check_values(report, program, data, folder):
    with open(data / "reference" / "reference.json", encoding="utf-8") as file:
        nets = json.load(file)["nets"]
    compared = 0
    for name, net in nets.items():
        chain, centre = as_chain(data / "reference" / "nets" / f"{name}.npz", folder)
        for region, norms in net["regions"].items():
            for norm, entry in norms.items():
                wanted = {key: method for key, method in VALUES.items()
                          if key in entry.get("upper", {}) and not slow(name, region, method)}
                command = ["bound", chain, *region_options(region, centre), "--norm", NORMS[norm],
                           "--output", 0, *lipcert.NO_CLOCK]
                label = f"{name}, {region}, {norm}"
                compared += check_entry(report, program, label, command, wanted, entry,
                                        name.startswith("n1"))
    return compared


def check_refusals(report, program, folder):
    """(network sizes, arguments, what the note must say)."""
    rng = np.random.default_rng(6)
    cases = (((20, 20, 1), ["lasserre", "--order", 3], ("expected at most", "found")),
             ((40, 200, 1), ["lasserre"], ("expected at most", "found")),
             ((300, 400, 300, 1), ["hr1"], ("at most 2000000 terms", "found")),
             ((20, 20, 20, 20, 1), ["hr2-blocks"], ("at most 8000 free multipliers", "found")),
             ((3, 4, 4, 4, 4, 4, 4, 4, 1), ["hr1"], ("degree at most 8", "found more")),
             ((2, 2, 2, 2, 1), ["lasserre", "--order", 1], ("expected an order from 2", "found 1")))
    for sizes, arguments, words in cases:
        path = folder / "refused.npz"
        np.savez(path, **{f"{kind}{k}": rng.normal(size=(m, n) if kind == "W" else m)
                          for k, (n, m) in enumerate(zip(sizes[:-1], sizes[1:])) for kind in "Wb"})
        answer = json.loads(lipcert.run(program, "bound", path, "--global", "--output", 0, "--method",
                                        *arguments, "--json", "-"))
        step, label = answer["steps"][0], f"{sizes}, {arguments}"
        report.check(lipcert.bound(answer, "upper") == np.inf and not step["complete"],
                     f"{label}: a bound {answer['upper']}")
        report.check(all(word in step["note"] for word in words), f"{label}: '{step['note']}'")
        report.check(answer["seconds"] < 20, f"{label}: refused after {answer['seconds']} s")


def main():
    program, data = sys.argv[1], pathlib.Path(sys.argv[2])
    report, compared = Report(), 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check_refusals(report, program, folder)
        if data.is_dir():
            compared = check_values(report, program, data, folder)
            report.check(compared > 50, f"only {compared} values were compared")
    print(f"{compared} values; {report.checks} checks, {len(report.failures)} failed")
    if report.failures:
        return 1
    if not data.is_dir():
        print(f"no data in {data}: only refusals were checked")
        return SKIP
    return 0


if __name__ == "__main__":
    sys.exit(main())
