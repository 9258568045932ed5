#!/usr/bin/env python3
"""Random parts on both sides of the last multiplier that is right; usage: test_parts.py LIPCHECK [CASES] [SEED]

Parts of every kind (random_parts.py) get random multipliers, and numbers `one`, `input`, `dual`, `point`, `state` and
`bin` that are large enough for a definite slack matrix.  Then one multiplier is moved to where exact arithmetic says
that the matrix stops being positive semidefinite: lipcheck has to reject the last double that is wrong, and to verify
a number a 2^-16th of the way back, with an upper bound that is no better than the exact one.  A constraint that
lipcheck gets wrong in any entry moves this place.

Parts of the statement `identity` get random terms: lipcheck has to verify a claim that is 1e-9 above the exact bound, with a bound
that is no better than the exact one, and to reject the last double below it.
"""
import pathlib
import random
import subprocess
import sys
import tempfile
from fractions import Fraction

import numpy as np

import exact_checker
from corpus_tools import short, up
from exact_format import FREE, Certificate
from exact_numbers import psd
from exact_sdp import Sdp, expand
from random_parts import random_identity, random_part

LARGE = ("one", "input", "dual", "point", "state", "bin")
failures = []


def expect(condition, name, sentence):
    if not condition:
        failures.append(f"{name}: {sentence}")


def definite(sdp, extra=0):
    """Is S - extra I positive semidefinite, in all rows that are used?"""
    rows = {i for at, a in sdp.matrix.items() if a for i in at}
    return psd({**sdp.matrix, **{(i, i): sdp.matrix.get((i, i), 0) - extra for i in rows}})


def multipliers(rng, frame):
    """Random ones, and the least powers of 4 for the squares that make the matrix definite."""
    scale = rng.choice((1.0, 0.25, 0.0625))
    values = [short(rng.uniform(-1 if name.split()[0] in FREE else 0, 1) * scale * rng.randrange(3), 20) for name in frame.names]
    tangents = [name.startswith(("tangent", "range")) for name in frame.names]
    values = [max(v, 0.25) if t else v for v, t in zip(values, tangents)]
    for power in range(1, 14):
        large = [2.0 ** (2 * power) if name.split()[0] in LARGE else v * (2.0 ** power if t else 1)
                 for name, v, t in zip(frame.names, values, tangents)]
        sdp = frame.frame(large)
        if definite(sdp, Fraction(1, 64)):
            return large, sdp
    return None, None


def edge(frame, sdp, values, chosen):
    """(ok, wrong), doubles side by side, for a multiplier that is moved up or, of a square, down; None if there is no edge."""
    rule = next(rule for rule in sdp.rules if rule[:2] == frame.rules[chosen])
    change, good = expand(rule[3]), values[chosen]
    direction = -1 if rule[0] in LARGE or rule[0] == "range" else 1

    def right(x):
        return psd({at: sdp.matrix.get(at, 0) + (Fraction(x) - Fraction(good)) * change.get(at, 0) for at in {*sdp.matrix, *change}})

    ok, step = good, max(abs(good), 2.0**-10) / 4
    while right(wrong := good + direction * step):
        ok, step = wrong, step * 2
        if step > 2.0**40:
            return None  # it never matters
    while np.nextafter(ok, wrong) != wrong:
        middle = (ok + wrong) / 2
        if middle in (ok, wrong):
            middle = np.nextafter(ok, wrong)
        ok, wrong = (middle, wrong) if right(middle) else (ok, middle)
    return (float(ok), float(wrong)) if ok > 0 or rule[0] in FREE + ("one",) else None


def lipcheck(program, folder, net, text):
    """(exit status, stdout)"""
    (folder / "net").write_text(net)
    (folder / "cert").write_text(text)
    done = subprocess.run([program, str(folder / "net"), str(folder / "cert")], stdout=subprocess.PIPE, text=True, timeout=60)
    return done.returncode, done.stdout


def part_bound(frame, text):
    """U of a certificate's only part, whatever it covers."""
    cert = Certificate(text.encode(), frame.net)
    return Sdp(frame.net, cert, exact_checker.Ranges(frame.net, cert), cert.parts[0]).bound()


def check_case(program, folder, name, rng):
    """True if a multiplier was found that matters."""
    frame = random_part(rng, complete=True)
    values, sdp = multipliers(rng, frame)
    if values is None:
        return False
    chosen = rng.randrange(len(values))
    found = edge(frame, sdp, values, chosen)
    if found is None:
        return False
    ok, wrong = found
    good, net = values[chosen], frame.claim.net
    for value, wanted in ((wrong, 1), (ok + (good - ok) * 2.0**-16, 0)):
        text = frame.whole(values[:chosen] + [value] + values[chosen + 1:])
        where = f"{name}, {frame.names[chosen]} = {value!r}"
        try:
            upper, status = part_bound(frame, text), 0
        except exact_checker.Rejected as error:
            upper, status = None, 1
            expect(error.code in ("psd", "sign"), where, f"exact checker: rejected by {error.code}")
        expect(status == wanted, where, f"exact checker: {status}")
        exit_status, output = lipcheck(program, folder, net, text)
        expect(exit_status == wanted, where, f"lipcheck: exit status {exit_status}, {output!r}")
        if exit_status == 0 and upper is not None:
            printed = Fraction(output.split("\n")[0].split(" ")[1])
            expect(upper <= printed <= upper * (1 + Fraction(1, 10**9)) + Fraction(1, 10**9), where,
                   f"upper {float(printed)!r}, exactly {float(upper)!r}")
    return True


def check_identity(program, folder, name, rng):
    frame, terms = random_identity(rng, complete=True)
    claim = frame.claim
    claim.statement = "statement identity 1\n" + frame.text(terms)
    claim.upper = 2.0**1000
    exact, _ = exact_checker.check(claim.net.encode(), claim.text().encode())
    wrong = float(exact)
    wrong = wrong if Fraction(wrong) < exact else float(np.nextafter(wrong, 0))
    for value, wanted in ((up(exact + Fraction(1, 10**9)), 0), *(((wrong, 1),) if exact else ())):
        claim.upper = value
        status, output = lipcheck(program, folder, claim.net, claim.text())
        expect(status == wanted, f"{name}, upper {value!r}", f"lipcheck: exit status {status}, {output!r}")
        if status == 0:
            printed = Fraction(output.split("\n")[0].split(" ")[1])
            expect(exact <= printed, name, f"upper {float(printed)!r}, exactly {float(exact)!r}")


def main(arguments):
    if len(arguments) not in (2, 3, 4):
        print("usage: test_parts.py LIPCHECK [CASES] [SEED]", file=sys.stderr)
        return 2
    cases = int(arguments[2]) if len(arguments) > 2 else 40
    rng = random.Random(int(arguments[3]) if len(arguments) > 3 else 11)
    with tempfile.TemporaryDirectory() as folder:
        used = sum(check_case(arguments[1], pathlib.Path(folder), f"case {case}", rng) for case in range(cases))
        for case in range(2 * cases):
            check_identity(arguments[1], pathlib.Path(folder), f"identity {case}", rng)
    if used < cases // 2:
        failures.append(f"only {used} of {cases} cases have a multiplier that matters")
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{used} of {cases} parts on both sides of an edge, {2 * cases} identities; failures: {len(failures)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
