"""LipOpt-3 and LipOpt-4 against reference values, which an independent program computed with another solver.

reference.json, p = inf, every network and region:
    the values of lipopt3 and lipopt4 agree to 1e-5, the numbers of products and monomials exactly
    every bound is at least the exact value (or the best gradient that sampling found)
    degree 4 is never worse than degree 3
The network with 77,136 products is solved, in less than a minute of CPU time.  What is too large is refused at once,
with its size.

    usage: test_lipopt.py PROGRAM DATA      exit code 77 (skip) if DATA or HiGHS is not there
"""
import json
import pathlib
import re
import resource
import sys
import tempfile

import numpy as np

from test_reference import SKIP, as_chain, lipcert, region_options, Report

AGREE = 1e-5
FLOAT = 1e-6  # the reference values are floats good to about this
MOST = 101000  # products that are solved here
BAND = ("n1_40x40_s10", 77136, 60)
# as the reference took them: intervals
BOUNDS = ["--linear-bounds", 0, "--slope-steps", 0]


def lipopt(program, chain, region, centre, degree):
    """(bound, note) of one run."""
    answer = lipcert.answer(program, "bound", chain, *region_options(region, centre), "--norm", "inf",
                            "--output", 0, "--method", "lipopt", "--degree", degree, *BOUNDS,
                            *lipcert.NO_CLOCK)
    return lipcert.bound(answer, "upper"), answer["steps"][0]["note"]


def size(note):
    found = re.match(r"(\d+) products, (\d+) monomials", note)
    return tuple(map(int, found.groups())) if found else None


def check_entry(report, program, label, question, entry):
    """Both degrees in one region; how many values were compared."""
    truth, compared, bounds = entry.get("exact") or entry["sampling_lb"], 0, {}
    for degree in (3, 4):
        wanted = entry.get(f"lipopt{degree}")
        if not wanted or wanted["rows"] > MOST:
            continue
        bound, note = lipopt(program, *question, degree)
        bounds[degree] = bound
        report.check(bound >= truth * (1 - FLOAT), f"{label}: LipOpt-{degree} {bound!r} < {truth!r}")
        sizes = [wanted[key] for key in ("rows", "cols") if key in wanted]
        report.check(size(note) is not None and size(note)[:len(sizes)] == tuple(sizes),
                     f"{label}: LipOpt-{degree}: {note!r}, the reference has {sizes}")
        if wanted["value"] is not None:
            compared += 1
            report.check(abs(bound - wanted["value"]) <= AGREE * wanted["value"],
                         f"{label}: LipOpt-{degree} {bound!r}, reference {wanted['value']!r}")
    if len(bounds) == 2:
        report.check(bounds[4] <= bounds[3] * (1 + FLOAT), f"{label}: {bounds} rise")
    return compared


def check_band(report, program, data, folder):
    name, products, seconds = BAND
    chain, centre = as_chain(data / "reference" / "nets" / f"{name}.npz", folder)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    bound, note = lipopt(program, chain, "Rn", centre, 3)
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    report.check(size(note) and size(note)[0] == products, f"{name}: {note!r}")
    report.check(0 < bound < 10 and used < seconds, f"{name}: {bound!r} in {used:.1f} s")
    print(f"lipopt: {name}, R^n, {products} products: {bound:.8f}, {used:.1f} s of CPU time")


def check_refusal(report, program, folder):
    rng = np.random.default_rng(7)
    np.savez(folder / "wide.npz", W0=rng.normal(size=(300, 300)), b0=rng.normal(size=300),
             W1=rng.normal(size=(1, 300)), b1=rng.normal(size=1))
    answer = lipcert.answer(program, "bound", folder / "wide.npz", "--global", "--norm", "inf",
                            "--method", "lipopt")
    step = answer["steps"][0]
    report.check("at least 143" in step["note"] and "products" in step["note"] and
                 step["seconds"] < 30, f"300 x 300: {step}")


def main():
    program, data = sys.argv[1], pathlib.Path(sys.argv[2])
    if not (data / "reference" / "reference.json").exists():
        print(f"lipopt: no reference data at {data}: skipped")
        return SKIP
    report, compared = Report(), 0
    with open(data / "reference" / "reference.json", encoding="utf-8") as file:
        nets = json.load(file)["nets"]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in list(nets)[:1]:
            chain, centre = as_chain(data / "reference" / "nets" / f"{name}.npz", folder)
            if "HiGHS" in lipopt(program, chain, "Rn", centre, 3)[1]:
                print("lipopt: HiGHS was not found (tools/deps.sh --highs): skipped")
                return SKIP
        for name, net in nets.items():
            chain, centre = as_chain(data / "reference" / "nets" / f"{name}.npz", folder)
            for region, norms in net["regions"].items():
                if "inf" in norms:
                    compared += check_entry(report, program, f"{name}, {region}",
                                            (chain, region, centre), norms["inf"])
        check_band(report, program, data, folder)
        check_refusal(report, program, folder)
    report.check(compared > 40, f"only {compared} values were compared")
    print(f"lipopt: {compared} reference values compared, {report.checks} checks, "
          f"{len(report.failures)} failed")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
