#!/usr/bin/env python3
"""Random trees through both checkers; usage: test_trees.py LIPCHECK [CASES] [SEED]

For CASES (default 250) random tiny networks (a third from networks/), regions, norms and outputs tree_maker.py writes trees with all kinds of nodes.
Both checkers must verify them, exact <= lipcheck's <= claim, and what is proved must not be below L(X), found by enumeration of all
cells (R^n, boxes).  Then leaves in which a point is known are called empty, by ranges, by sums, by spans and by hulls (most of them hulls of
a neighbour, with as many rows as that takes): both must reject.
"""
import pathlib
import random
import re
import subprocess
import sys
import tempfile
from fractions import Fraction

import exact_checker
from corpus_tools import Claim
from exact_format import Malformed, Network
from exact_numbers import Rejected
from random_parts import random_network
from tree_maker import Maker, exact_value, without_marks

KINDS = ("split", "cut", "tighten", "interval", "sdp", "empty", "empty sum", "empty span", "empty hull")


# with dead neurons, z that is 0 on a cell or everywhere, kinks that meet, skip connections, linear layers inside
NETWORKS = ("bend", "cancel", "clash", "cone", "corner", "dark", "dead", "deep", "far", "fold", "half", "inner", "line", "pass", "plain",
            "single", "skip", "slope", "sparse", "steep", "turn", "twice")


def random_head(rng):
    text, widths = random_network(rng)
    if rng.randrange(3) == 0:
        text = (pathlib.Path(__file__).resolve().parent / "networks" / f"{rng.choice(NETWORKS)}.txt").read_text()
        widths = Network(text.encode()).width
    n, net = widths[0], Network(text.encode())
    lo = [rng.randint(-8, 8) / 8 for _ in range(n)]
    region = rng.choice((("everywhere",), ("box", lo, [a + rng.choice((0.25, 1, rng.uniform(0.1, 3), 3)) for a in lo]),
                         ("ball", rng.uniform(0.05, 1.5), lo)))
    bounds = rng.choice(("none", "interval", "linear")[:2 + (region[0] != "everywhere")])
    slopes = ["".join(rng.choice("01") for _ in range(net.width[l])) for l in net.relus()] if bounds == "linear" else ()
    norms = rng.choice([f"{p} {q}" for p in ("1", "2", "inf") for q in ("1", "2", "inf")])
    output = rng.choice(("all", "row 0")) if widths[-1] == 1 else rng.choice(("all", "row 1", "margin 0 1"))
    return (text, region, norms, output, bounds, slopes), n, widths[-1] if output == "all" else 1


def random_sets(rng, norms, n, rows):
    """Parts that cover everything."""
    p, q = norms.split(" ")
    inputs = rng.choice([["cube"]] + [["ball"]] * (p != "inf") + [[f"unit {j}" for j in range(n)]] * (p == "1" or n == 1))
    outputs = rng.choice([["cube"]] + [["ball"]] * (q != "1" or rows == 1) +
                         [[f"{rng.choice(('fixed', 'unit'))} {k}" for k in range(rows)]] * (2 * (q == "inf" or rows == 1)))
    return [(a, b) for a in inputs for b in outputs]


class Cases:
    def __init__(self, program, folder):
        self.program, self.names = program, [str(pathlib.Path(folder) / name) for name in ("net", "cert")]
        self.failures, self.counted, self.false = [], dict.fromkeys(KINDS, 0), 0
        self.near = 0  # false hulls with the right number of rows

    def fail(self, seed, sentence):
        self.failures.append(f"case {seed}: {sentence}")

    def lipcheck(self, net, cert):
        for name, text in zip(self.names, (net, cert)):
            pathlib.Path(name).write_text(text)
        return subprocess.run([self.program, *self.names], stdout=subprocess.PIPE, text=True, timeout=60).stdout

    def run(self, seed):
        rng = random.Random(seed)
        head, n, rows = random_head(rng)
        kinds = ("ranges", "sum", "span", "hull")
        maker = Maker(rng, *head, wrong=True, empty=kinds, cuts=rng.choice((0, 0.3)), tightens=rng.choice((0, 0.3)))
        marked = [maker.part(*sets) for sets in random_sets(rng, head[2], n, rows)]
        for kind, count in maker.counted.items():
            self.counted[kind] += count
        claim = Claim(*head).tree(*map(without_marks, marked))
        text = claim.prove()
        self.verified(seed, head, text)
        for number, (_, lines) in enumerate(maker.wrong):
            for line in rng.sample(lines, min(3, len(lines))):
                self.rejected(seed, head, claim, marked, number, maker.wrong[number][0], line)

    def verified(self, seed, head, text):
        upper, _ = exact_checker.check(head[0].encode(), text.encode())
        output = self.lipcheck(head[0], text)
        found = re.fullmatch(r"upper (\S+)\ns VERIFIED\n", output)
        claimed = Fraction(float.fromhex(re.search(r"^upper (\S+)$", text, re.M).group(1)))
        if not found or not upper <= Fraction(found.group(1)) <= claimed * (1 + Fraction(1, 2**52)):
            self.fail(seed, f"exact {float(upper)!r}, lipcheck {output!r}")
        elif head[1][0] != "ball" and (value := exact_value(head)) > float(upper) * (1 + 1e-9):
            self.fail(seed, f"L is {value!r}, proved is {float(upper)!r}")

    def rejected(self, seed, head, claim, marked, number, leaf, line):
        text = claim.tree(*(without_marks(part.replace(leaf, line)) for part in marked)).text()
        claim.tree(*map(without_marks, marked))
        output, code = self.lipcheck(head[0], text), "verified"
        try:
            exact_checker.check(head[0].encode(), text.encode())
        except (Rejected, Malformed) as error:
            code = getattr(error, "code", "malformed")
            self.near += code == "hull" and "numbers of rows" not in str(error)
        self.false += 1
        if code not in ("empty", "sum", "span", "hull") or not output.startswith("s REJECTED"):
            self.fail(seed, f"leaf {number} is not empty, but {line!r}: exact checker {code}, lipcheck {output!r}")


def main(arguments):
    if not 2 <= len(arguments) <= 4:
        print("usage: test_trees.py LIPCHECK [CASES] [SEED]", file=sys.stderr)
        return 2
    count, first = (int(a) for a in (arguments[2:] + ["250", "0"][len(arguments) - 2:]))
    with tempfile.TemporaryDirectory() as folder:
        cases = Cases(arguments[1], folder)
        for seed in range(first, first + count):
            cases.run(seed)
    for failure in cases.failures[:40]:
        print(f"FAILED {failure}")
    print(f"{count} trees: " + ", ".join(f"{n} {kind}" for kind, n in cases.counted.items()) + f"; {cases.false} false leaves, "
          f"{cases.near} hulls with the right number of rows")
    few = [kind for kind, n in cases.counted.items() if n < count // 20]
    if cases.near < count // 4:
        few.append("false hulls with the right number of rows")
    if few or cases.false < count:
        print(f"FAILED too few cases of {few or 'false leaves'}")
    return 1 if cases.failures or few or cases.false < count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
