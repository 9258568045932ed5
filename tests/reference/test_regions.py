"""hr2 and tight on the reference networks:

    one hidden layer     hr2 is HR-2 or below; tight closes half of HR-2's gap to the exact value
    two hidden layers    tight is at most the best reference relaxation; on local boxes it closes half of
                         the gap of the tangent relaxation

    usage: test_regions.py PROGRAM DATA
"""
import json
import pathlib
import sys
import tempfile

from test_reference import FLOAT, NORMS, SKIP, Report, as_chain, lipcert, region_options

TIME = 8       # seconds for tight, more than it needs where something is demanded of it,
BRIEF = 2      # and where it only has to be sound and not above hr2
HR2 = 1e-5     # relative
SMALL = 1e-5   # a gap that is none, relative


def upper(program, command, method, time):
    return lipcert.bound(lipcert.answer(program, *command, "--method", method, "--time", time),
                         "upper")


def check_one_hidden(report, label, bounds, entry):
    solvers, truth = entry["upper"], entry.get("exact")
    if "HR2lin" in solvers:
        value = solvers["HR2lin"]["value"]
        report.check(bounds["hr2"] <= value * (1 + HR2),
                     f"{label}: hr2 = {bounds['hr2']!r}, HR-2 is {value!r}")
        if truth is not None:
            report.check(bounds["tight"] - truth <= max(0.5 * (value - truth), SMALL * truth),
                         f"{label}: tight = {bounds['tight']!r} for exact {truth!r}, HR-2 {value!r}")


def check_two_hidden(report, label, bounds, entry, tangent):
    solvers, truth = entry["upper"], entry.get("exact")
    values = [solvers[key]["value"] for key in ("COND", "HR1_multi") if key in solvers]
    if values:
        report.check(bounds["tight"] <= min(values) * (1 + SMALL),
                     f"{label}: tight = {bounds['tight']!r} is not below {min(values)!r}")
    if truth is not None and "box0.1" in label:
        report.check(bounds["tight"] - truth <= max(0.5 * (tangent - truth), SMALL * truth),
                     f"{label}: tight = {bounds['tight']!r} for exact {truth!r}, tangent "
                     f"{tangent!r}")


def check_entry(report, program, label, command, entry):
    one_hidden = label.startswith("n1")
    time = BRIEF if one_hidden and entry.get("exact") is None else TIME
    bounds = {"hr2": upper(program, command, "hr2", TIME), "tight": upper(program, command, "tight", time)}
    print(f"{label}: {bounds}, exact {entry.get('exact')}", flush=True)
    truth = entry.get("exact") or entry["sampling_lb"]
    report.check(min(bounds.values()) >= truth * (1 - FLOAT),
                 f"{label}: {bounds} lies below the exact value {truth!r}")
    report.check(bounds["tight"] <= bounds["hr2"] * (1 + 1e-6), f"{label}: {bounds} do not fall")
    if one_hidden:
        check_one_hidden(report, label, bounds, entry)
    else:
        check_two_hidden(report, label, bounds, entry, upper(program, command, "tangent", TIME))


def main():
    program, data = sys.argv[1], pathlib.Path(sys.argv[2])
    if not (data / "reference" / "reference.json").exists():
        print(f"skipped: no reference/reference.json in {data} (set LIPCERT_DATA)")
        return SKIP
    report = Report()
    with open(data / "reference" / "reference.json", encoding="utf-8") as file:
        nets = json.load(file)["nets"]
    with tempfile.TemporaryDirectory() as name:
        for key, net in nets.items():
            chain, centre = as_chain(data / "reference" / "nets" / f"{key}.npz",
                                     pathlib.Path(name))
            for region, norms in net["regions"].items():
                for norm, entry in norms.items():
                    if not entry.get("upper"):
                        continue
                    command = ["bound", chain, *region_options(region, centre), "--norm",
                               NORMS[norm], "--output", 0]
                    check_entry(report, program, f"{key}, {region}, {norm}", command, entry)
    report.check(report.checks > 80, f"only {report.checks} checks were made")
    print(f"{report.checks} checks, {len(report.failures)} failed")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
