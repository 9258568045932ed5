"""The method miqcqp against exact values that other programs found.

Random tiny networks (one file for each question, no data needed), boxes and flat boxes, p and q in {1, inf}, every
output selection:  computed value = exact value by enumeration = proved lower bound, to 1e-6
Networks with a kink that closed regions see twice: upper formulation 2, lower one 1, L = 1
reference.json, p = inf, boxes, where the exact value is known: the same to 1e-6, both formulations coincide
LipBaB and ExLipBaB networks: published exact values
What HiGHS says never becomes a bound: `upper` stays what other methods proved, certificates too
Refusals name what was expected; without HiGHS the note says so; time limit and Ctrl-C end a run

    usage: test_miqcqp.py PROGRAM DATA      exit code 77 (skip) if HiGHS is not there
"""
import itertools
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np

from test_reference import SKIP, Report, as_chain, exact, lipcert, region_options

from test_random_networks import dense, duplicated, save, scaled, with_bias, zero_row

EQUAL = 1e-6
COINCIDE = "both formulations"
MOST_SECONDS = 60  # CPU time for all of reference.json; measured: 3

# Values of other programs (data/README.md): file, box, norm, outputs, exact constant.
PUBLISHED = (
    ("exlipbab/exlipbab_iris_net_4x6x6x3_ReLU.npz", (0, 3), "inf", ["--output", 0], 16.7093166968),
    ("lipbab/lipbab_iris_net_4-5-5-3.npz", (0.5, 0.5), "inf", ["--all"], 12.605085581417),
    ("lipbab/lipbab_iris_net_4-5-5-3.npz", (0.5, 0.5), "1", ["--all"], 5.958048912395),
    ("lipbab/lipbab_SDnet_10-15-10-3.npz", (0.05, 0.05), "inf", ["--all"], 16.274810805319),
    ("lipbab/lipbab_SDnet_10-15-10-3.npz", (0.05, 0.05), "1", ["--all"], 10.412868503745))


def miqcqp(program, path, *options):
    """(step, lower) of one run; what holds for every run is checked here."""
    answer = lipcert.answer(program, "bound", path, *options, "--method", "miqcqp", *lipcert.NO_CLOCK)
    step = answer["steps"][0]
    assert lipcert.bound(answer, "upper") == np.inf and answer["upper_method"] is None, answer
    assert step["evidence"] == "computed" and step["side"] == "upper", step
    return step, lipcert.bound(answer, "lower")


def check_exact(report, label, answer, truth):
    """The value is the exact one, its pattern has an interior point, and the witness proves as much."""
    (step, lower), close = answer, EQUAL * max(truth, 1e-300)
    report.check(step["complete"] and step["value"] is not None, f"{label}: {step['note']}")
    if step["value"] is None:
        return
    report.check(abs(step["value"] - truth) <= close, f"{label}: {step['value']!r}, exact {truth!r}")
    report.check(truth - close <= lower <= truth + close, f"{label}: proved {lower!r}, exact {truth!r}")
    report.check(step["note"].startswith(COINCIDE), f"{label}: {step['note']}")


# ---- Random networks ---------------------------------------------------------------------------

def networks(rng):
    return {
        "affine": dense(rng, 3, 2),
        "one-hidden": dense(rng, 3, 6, 2),
        "two-hidden": dense(rng, 3, 4, 4, 3),
        "three-hidden": dense(rng, 2, 4, 3, 3, 2),
        "scalar": dense(rng, 1, 4, 3, 1),
        "stable": with_bias(dense(rng, 3, 5, 4, 2), 0, [50, -50, 0.3, 50, -0.2]),
        "all-dead": with_bias(dense(rng, 2, 3, 3, 2), 1, [-1e4, -1e4, -1e4]),
        "zero-row": zero_row(dense(rng, 3, 5, 3, 2)),
        "duplicated": duplicated(dense(rng, 3, 5, 3, 2)),
        "tiny-weights": scaled(dense(rng, 2, 4, 3, 2), 2.0**-40),
        "huge-weights": scaled(dense(rng, 2, 4, 3, 2), 2.0**30),
    }


def boxes(rng, n):
    """Boxes of several sizes and places; one has no extent in the first coordinate."""
    centre = rng.normal(size=n) * 0.5
    half = rng.uniform(0.3, 1.5, n)
    flat = half.copy()
    flat[0] = 0
    return {"box": (centre - half, centre + half), "flat": (centre - flat, centre + flat),
            "small": (centre - 1e-5 * half, centre + 1e-5 * half)}


def check_random(report, program, folder, rng):
    questions = ambiguous = 0
    for name, net in networks(rng).items():
        save(folder / "net.npz", net)
        for kind, (lo, hi) in boxes(rng, len(net[0][0][0])).items():
            np.save(folder / "lo.npy", lo)
            np.save(folder / "hi.npy", hi)
            try:
                found = exact.cells(net, exact.Box(lo, hi))
            except exact.Ambiguous:
                ambiguous += 1
                continue
            for p, q in itertools.product((1, "inf"), repeat=2):
                for output, option in ((("row", 0), ["--output", 0]), (("all",), ["--all"]),
                                       (("margin", 0, 1), ["--margin", "0,1"])):
                    if (output[0] == "margin" and len(net[-1][0]) < 2) or (output[0] != "all" and p != q):
                        continue
                    answer = miqcqp(program, folder / "net.npz", "--box-file", folder / "lo.npy",
                                    folder / "hi.npy", "--norm", p, "--out-norm", q, *option)
                    check_exact(report, f"{name}, {kind}, {p} -> {q}, {option}", answer,
                                exact.lipschitz(found, p, q, output))
                    questions += 1
    report.check(questions > 150 and ambiguous < 5, f"{questions} questions, {ambiguous} ambiguous")
    print(f"miqcqp: {questions} questions about random networks against enumeration")


# ---- Where the two formulations differ ---------------------------------------------------------

def check_kinks(report, program, folder):
    """relu(x) - relu(-x) = x: at 0 closed regions allow the gradient 2, which no neighbourhood has."""
    single = [(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.array([[1.0, -1.0]]), np.zeros(1))]
    # the same behind another layer, along (1, 1), and beside a gradient of 3/2 somewhere else
    deep = [(np.array([[1.0, 1.0], [1.0, 0.0]]), np.array([9.0, 9.0])),
            (np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([-9.0, 9.0])),
            (np.array([[1.0, -1.0]]), np.zeros(1))]
    for label, net, upper, lower in (("kink", single, 2, 1), ("deep kink", deep, 4, 2)):
        save(folder / "net.npz", net)
        for norm, factor in (("inf", 1), ("1", 1 if label == "kink" else 0.5)):
            step, proved = miqcqp(program, folder / "net.npz", "--box", 0, 1, "--norm", norm)
            said = re.match(r"upper formulation ([\d.]+), lower ([\d.]+)", step["note"])
            report.check(said is not None and step["complete"], f"{label}: {step}")
            if said is None:
                continue
            for value, truth in zip(map(float, said.groups()), (upper * factor, lower * factor)):
                report.check(abs(value - truth) <= EQUAL * truth, f"{label}, {norm}: {value}, not {truth}")
            report.check(abs(step["value"] - upper * factor) <= EQUAL * upper,
                         f"{label}, {norm}: {step['value']}")
            report.check(abs(proved - lower * factor) <= EQUAL * lower, f"{label}, {norm}: proved {proved}")


# ---- A value is no bound -----------------------------------------------------------------------

def check_not_a_bound(report, program, folder, rng):
    """Beside a method that proves: the bound, its method and the certificate are those of that method."""
    net = dense(rng, 3, 5, 4, 2)
    save(folder / "net.npz", net)
    question = ["bound", folder / "net.npz", "--box", 0, 1, "--output", 0, *lipcert.NO_CLOCK]
    plain = lipcert.answer(program, *question, "--method", "interval")
    both = lipcert.answer(program, *question, "--method", "interval,miqcqp")
    certificate = folder / "certificate"
    lipcert.run(program, *question, "--method", "interval,miqcqp", "--certificate", certificate)
    upper, value = lipcert.bound(both, "upper"), both["steps"][1]["value"]
    report.check(value < upper * 0.999, f"interval {upper!r} is no looser than miqcqp {value!r}")
    report.check(upper == lipcert.bound(plain, "upper") == lipcert.bound(both, "certified") and
                 both["upper_method"] == "interval" and both["lower_method"] == "miqcqp",
                 f"{upper!r} by {both['upper_method']}, certified {both['certified']!r}")
    stated = re.search(r"^upper (\S+)", certificate.read_text(), re.MULTILINE)
    report.check(stated and float.fromhex(stated.group(1)) == upper, "the certificate states another bound")
    text = lipcert.run(program, *question, "--method", "miqcqp")
    report.check(" computed " in text and "upper     no bound was proved" in text and
                 text.rstrip().endswith("<= L <= inf"), text)
    margins = json.loads(lipcert.run(program, "bound", folder / "net.npz", "--box", 0, 1, "--all-margins",
                                     "--method", "product,miqcqp", "--json", "-", *lipcert.NO_CLOCK))
    report.check(margins["margins"][0]["upper_method"] == "product" and
                 margins["margins"][0]["lower_method"] == "miqcqp", "all margins: another method")


def check_refusals(report, program, folder, rng):
    save(folder / "net.npz", dense(rng, 3, 4, 2))
    for options, words in ((["--global"], ("a box", "R^n", "'exact'")),
                           (["--ball", 0, 1], ("a box", "a ball", "'exact'")),
                           (["--box", 0, 1, "--norm", 2], ("1 or inf", "found 2", "'exact'")),
                           (["--box", 0, 1, "--norm", "inf", "--out-norm", 2, "--all"],
                            ("1 or inf", "found 2", "'exact'"))):
        try:
            lipcert.run(program, "bound", folder / "net.npz", *options, "--method", "miqcqp")
            report.check(False, f"{options}: not refused")
        except lipcert.Refused as refused:
            report.check(str(refused).startswith("exit code 1:") and
                         all(word in str(refused) for word in words), f"{options}: {refused}")
    # the output norm is of no effect for a single output
    step, _ = miqcqp(program, folder / "net.npz", "--box", 0, 1, "--output", 1, "--out-norm", 2)
    report.check(step["complete"], f"{step}")
    done = subprocess.run([program, "bound", folder / "net.npz", "--box", "0", "1", "--method", "miqcqp",
                           "--json", "-"], env={**os.environ, "LIPCERT_HIGHS": "none"},
                          capture_output=True, text=True, timeout=lipcert.TIMEOUT, check=True)
    step = json.loads(done.stdout)["steps"][0]
    report.check("needs HiGHS" in step["note"] and step["value"] is None and not step["complete"],
                 f"without HiGHS: {step}")


def check_ends(report, program, folder, rng):
    """A program that takes hours ends with the time limit, and with Ctrl-C."""
    save(folder / "net.npz", dense(rng, 30, 60, 60, 1))
    question = [program, "bound", str(folder / "net.npz"), "--box", "0", "3", "--method", "miqcqp", "--json",
                "-"]
    answer = json.loads(lipcert.run(*question[:-2], "--time", 1, *question[-2:]))
    step = answer["steps"][0]
    report.check(not step["complete"] and answer["stop"] == "out of time" and answer["seconds"] < 60 and
                 "did not finish" in step["note"], f"time limit: {step}")
    value = np.inf if step["value"] is None else step["value"]
    report.check(0 <= lipcert.bound(answer, "lower") <= value * (1 + EQUAL), f"time limit: {step}")
    with subprocess.Popen([*question, "--time", "1e6"], stdout=subprocess.PIPE, text=True) as process:
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=120)
    answer = json.loads(text)
    report.check(process.returncode == 130 and answer["stop"] == "interrupted" and
                 not answer["steps"][0]["complete"], f"Ctrl-C: {process.returncode}, {answer['steps']}")


# ---- Data --------------------------------------------------------------------------------------

def check_reference(report, program, data, folder):
    with open(data / "reference" / "reference.json", encoding="utf-8") as file:
        nets = json.load(file)["nets"]
    compared, before = 0, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    for name, net in nets.items():
        chain, centre = as_chain(data / "reference" / "nets" / f"{name}.npz", folder)
        for region, norms in net["regions"].items():
            truth = norms.get("inf", {}).get("exact")
            if region == "Rn" or truth is None:
                continue
            answer = miqcqp(program, chain, *region_options(region, centre), "--norm", "inf", "--output", 0)
            check_exact(report, f"{name}, {region}", answer, truth)
            compared += 1
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    report.check(compared >= 15, f"only {compared} values were compared")
    report.check(used < MOST_SECONDS, f"{compared} references took {used:.1f} s of CPU time")
    print(f"miqcqp: {compared} exact values of reference.json in {used:.1f} s of CPU time")


def check_published(report, program, data):
    for path, (centre, eps), norm, outputs, truth in PUBLISHED:
        answer = miqcqp(program, data / "nets" / path, "--box", centre, eps, "--norm", norm, *outputs)
        check_exact(report, f"{path}, norm {norm}", answer, truth)


def main():
    program, data = sys.argv[1], pathlib.Path(sys.argv[2])
    report, rng = Report(), np.random.default_rng(708)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        save(folder / "net.npz", dense(rng, 2, 3, 1))
        if "needs HiGHS" in miqcqp(program, folder / "net.npz", "--box", 0, 1)[0]["note"]:
            print("miqcqp: HiGHS was not found (tools/deps.sh --highs): skipped")
            return SKIP
        check_random(report, program, folder, rng)
        check_kinks(report, program, folder)
        check_not_a_bound(report, program, folder, rng)
        check_refusals(report, program, folder, rng)
        check_ends(report, program, folder, rng)
        if (data / "reference" / "reference.json").exists():
            check_reference(report, program, data, folder)
            check_published(report, program, data)
        else:
            print(f"miqcqp: no reference data at {data}: those checks are skipped")
    print(f"miqcqp: {report.checks} checks, {len(report.failures)} failed")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
