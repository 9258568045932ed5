"""LipOpt as published against lipcert's cutting planes: usage: test_mps.py LIPCERT

Random networks: `lipcert export --format mps` writes the whole program, scipy solves it, and the value is that of
`lipcert bound --method lipopt` to 1e-6 (without HiGHS for lipcert: at least the exact formal constant).  The
coefficients of every product are checked against the product itself, multiplied out here from its name.
"""
import itertools
import pathlib
import re
import sys
import tempfile

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "oracle"))
import program as lipcert  # noqa: E402

EQUAL = 1e-6
FAILURES = []


def check(condition, text):
    if not condition:
        FAILURES.append(text)
        print("FAILED:", text)


def read_mps(path):
    """rows, columns {name: {row: value}}, right-hand sides, free columns."""
    section, rows, columns, right, free, ended = "", [], {}, {}, [], False
    for line in path.read_text().splitlines():
        if line.startswith("*"):
            continue
        if not line.startswith(" "):
            section = line.split()[0]
            ended = section == "ENDATA"
            continue
        words = line.split()
        if section == "ROWS":
            rows.append((words[0], words[1]))
        elif section == "COLUMNS":
            columns.setdefault(words[0], {})[words[1]] = float(words[2])
        elif section == "RHS":
            right[words[1]] = float(words[2])
        elif section == "BOUNDS":
            free.append(words[2])
    assert ended and rows[0] == ("N", "bound") and free == ["g"]
    assert all(kind == "E" for kind, _ in rows[1:])
    return [name for _, name in rows[1:]], columns, right


def multiply_out(name):
    """{monomial: coefficient} of a product's name, x by x."""
    terms = {(): 1.0}
    for factor in name.split("*"):
        variable = factor.lstrip("~")
        grown = {}
        for monomial, value in terms.items():
            longer = monomial + (variable,)
            if factor.startswith("~"):
                grown[monomial] = grown.get(monomial, 0) + value
                grown[longer] = grown.get(longer, 0) - value
            else:
                grown[longer] = grown.get(longer, 0) + value
        terms = grown
    return {"*".join(m) or "1": v for m, v in terms.items()}


def solve(path, label):
    """The program's value, its number of products and of monomials."""
    rows, columns, right = read_mps(path)
    number = {name: i for i, name in enumerate(rows)}
    check(len(number) == len(rows) and columns["g"] == {"bound": 1, "1": 1}, f"{label}: rows")
    entries = []
    for j, (name, entry) in enumerate(columns.items()):
        if name != "g":
            check(entry == {m: -v for m, v in multiply_out(name).items()}, f"{label}: {name}")
        entries += [(number[r], j, v) for r, v in entry.items() if r != "bound"]
    i, j, v = zip(*entries)
    right = np.array([right.get(name, 0) for name in rows])
    done = linprog(np.eye(len(columns))[0], A_eq=coo_matrix((v, (i, j))).tocsr(), b_eq=right,
                   bounds=[(None, None)] + [(0, None)] * (len(columns) - 1), method="highs")
    assert done.status == 0, done.message
    return done.fun, len(columns) - 1, len(rows)


def formal_constant(layers):
    """The largest 1-norm over all patterns, all neurons unstable."""
    best = 0
    hidden = [w.shape[0] for w, _ in layers[:-1]]
    for pattern in itertools.product((0, 1), repeat=sum(hidden)):
        row, at = layers[-1][0][0], sum(hidden)
        for (w, _), width in zip(reversed(layers[:-1]), reversed(hidden)):
            row = (row * pattern[at - width:at]) @ w
            at -= width
        best = max(best, np.abs(row).sum())
    return best


def main():
    program = sys.argv[1]
    rng = np.random.default_rng(5)
    worst = solved = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for case, (sizes, degree, density) in enumerate((
                ((3, 4, 1), 3, 1), ((4, 6, 1), 3, 1), ((4, 6, 1), 4, 1), ((5, 6, 1), 3, 0.5),
                ((2, 3, 3, 1), 3, 1), ((3, 4, 4, 1), 4, 0.6), ((2, 2, 2, 2, 1), 4, 1),
                ((3, 2, 1), 5, 1))):
            layers = [(rng.normal(size=(m, n)) * (rng.random((m, n)) < density), rng.normal(size=m))
                      for n, m in zip(sizes, sizes[1:])]
            arrays = {f"{k}{i}": a for i, pair in enumerate(layers) for k, a in zip("Wb", pair)}
            np.savez(folder / "net.npz", **arrays)
            label = f"case {case}: {sizes} degree {degree}"
            options = ["--norm", "inf", "--global", "--degree", degree]
            lipcert.run(program, "export", folder / "net.npz", folder / "p.mps", "--format", "mps",
                        *options)
            value, products, monomials = solve(folder / "p.mps", label)
            exact = formal_constant(layers)
            check(value >= exact * (1 - EQUAL), f"{label}: {value!r} < exact {exact!r}")
            answer = lipcert.answer(program, "bound", folder / "net.npz", *options, "--method",
                                    "lipopt", *lipcert.NO_CLOCK)
            step = answer["steps"][0]
            if "HiGHS" in step["note"]:
                continue
            solved += 1
            upper = lipcert.bound(answer, "upper")
            worst = max(worst, abs(upper / value - 1))
            check(exact <= upper, f"{label}: lipopt {upper!r} < exact {exact!r}")
            check(abs(upper / value - 1) <= EQUAL, f"{label}: lipopt {upper!r}, scipy {value!r}")
            size = re.match(r"(\d+) products, (\d+) monomials", step["note"])
            check(size and tuple(map(int, size.groups())) == (products, monomials),
                  f"{label}: {step['note']!r}, file {products} {monomials}")
    print(f"lipopt: {solved} programs, scipy and lipcert differ by {worst:.1e}")
    if not solved:
        print("lipopt: HiGHS was not found (tools/deps.sh --highs): only the files were checked")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
