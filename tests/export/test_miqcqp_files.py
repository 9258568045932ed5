"""The mixed-integer programs that `lipcert export` writes:  usage: test_miqcqp_files.py LIPCERT [HIGHS]

Random tiny networks.  Boxes, norms 1 and inf: the LP and the MPS file are the same program number by number; its optimum, by
scipy and (if the library is there) by HiGHS reading the files itself, is the exact constant by enumeration, of the
upper and of the lower formulation; where closed regions allow more, the upper one has exactly that.
Every region and norm, quadratic rows and objectives included: a point of the region and a direction, completed by the
network, satisfy every row and have the norm of the tangent as objective; with one phase flipped some row is violated.
"""
import ctypes
import itertools
import pathlib
import sys
import tempfile

import numpy as np
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import coo_matrix

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "oracle"))
import exact  # noqa: E402
import program as lipcert  # noqa: E402
from checks import Report  # noqa: E402
from test_random_networks import dense, regions, save, with_bias  # noqa: E402

EQUAL = 1e-6
TRUE = 1e-9  # what rounding leaves of a row at a true point, relative to its terms
CLEAR = 0.01  # pre-activations of true points: inside the cells of the lower formulation too


class Program:
    """objective {column: cost}, squares [column]; rows {name: (terms, products, sense, right)}; bounds; integers."""

    def __init__(self):
        self.objective, self.squares, self.rows, self.bounds, self.integers = {}, [], {}, {}, set()


# ---- Readers -----------------------------------------------------------------------------------

def read_expression(words):
    """({column: value}, [products as pairs], factor of products) of "+ 2 x - 3 y + [ 1 u * z + 1 t ^2 ] / 2"."""
    terms, products, at, inside = {}, [], 0, False
    while at < len(words):
        word = words[at]
        if word in "[]/" or word == "2" and words[at - 1] == "/":
            inside = word == "[" or (inside and word != "]")
            at += 1
            continue
        sign = -1.0 if word == "-" else 1.0
        at += word in "+-"
        if words[at] == "[":
            continue
        value, name = sign * float(words[at]), words[at + 1]
        at += 2
        if not inside:
            assert name not in terms
            terms[name] = value
        elif words[at] == "^2":
            products.append((value, name, name))
            at += 1
        else:
            assert words[at] == "*"
            products.append((value, name, words[at + 1]))
            at += 2
    return terms, products


def read_lp(path):
    program, section, name, words = Program(), "", "", []
    for line in path.read_text().splitlines():
        if line.startswith("\\"):
            continue
        if not line.startswith(" "):
            section = line
            if section == "Subject To":
                program.objective, squares = read_expression(words)
                assert all(v == 2 and i == j for v, i, j in squares)  # the format halves them
                program.squares = [i for _, i, _ in squares]
            continue
        parts = line.split()
        if parts[-1].endswith(":"):
            name, words = parts[0][:-1], []
        elif section == "Maximize":
            words += parts
        elif section == "Subject To":
            if parts[0] in ("<=", ">=", "="):
                program.rows[name] = (*read_expression(words), parts[0], float(parts[1]))
            else:
                words += parts
        elif section == "Bounds":
            if parts[-1] == "free":
                program.bounds[parts[0]] = (-np.inf, np.inf)
            elif parts[1] == "=":
                program.bounds[parts[0]] = (float(parts[2]),) * 2
            else:
                program.bounds[parts[2]] = (float(parts[0]), float(parts[4]))
        elif section == "Binaries":
            program.bounds[parts[0]] = (0.0, 1.0)
            program.integers.add(parts[0])
    assert section == "End"
    return program


def read_mps(path):
    program, section, integer, sense = Program(), "", False, {"E": "=", "G": ">=", "L": "<="}
    for line in path.read_text().splitlines():
        words = line.split()
        if line.startswith("*"):
            continue
        if not line.startswith(" "):
            section = words[0]
        elif section == "OBJSENSE":
            assert words == ["MAX"]
        elif section == "ROWS" and words[0] != "N":
            program.rows[words[1]] = ({}, [], sense[words[0]], 0.0)
        elif section == "COLUMNS" and words[1] == "'MARKER'":
            integer = words[2] == "'INTORG'"
        elif section == "COLUMNS":
            if integer:
                program.integers.add(words[0])
            if words[1] != "L":
                program.rows[words[1]][0][words[0]] = float(words[2])
            elif float(words[2]):
                program.objective[words[0]] = float(words[2])
        elif section == "RHS":
            program.rows[words[1]] = (*program.rows[words[1]][:3], float(words[2]))
        elif section == "BOUNDS":
            value, (lo, hi) = float(words[3]), program.bounds.get(words[2], (0.0, np.inf))
            program.bounds[words[2]] = {"FX": (value, value), "LO": (value, hi), "UP": (lo, value)}[words[0]]
    assert section == "ENDATA"
    return program


# ---- Linear programs, solved -------------------------------------------------------------------

def solve(program):
    """The optimum by scipy."""
    number = {name: j for j, name in enumerate(program.bounds)}
    i, j, v, lo, hi = [], [], [], [], []
    for row, (terms, _, sense, right) in enumerate(program.rows.values()):
        for name, value in terms.items():
            i.append(row)
            j.append(number[name])
            v.append(value)
        lo.append(-np.inf if sense == "<=" else right)
        hi.append(np.inf if sense == ">=" else right)
    cost = np.zeros(len(number))
    for name, value in program.objective.items():
        cost[number[name]] = -value
    bounds = np.array(list(program.bounds.values()))
    done = milp(cost, integrality=[name in program.integers for name in number], bounds=tuple(bounds.T),
                constraints=LinearConstraint(coo_matrix((v, (i, j)), (len(lo), len(number))).tocsr(), lo, hi),
                options={"mip_rel_gap": 1e-9})
    assert done.status == 0, done.message
    return -done.fun


class Highs:
    """The library reads a file itself."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.library.Highs_create.restype = ctypes.c_void_p
        self.library.Highs_getObjectiveValue.restype = ctypes.c_double

    def solve(self, path):
        highs = ctypes.c_void_p(self.library.Highs_create())
        self.library.Highs_setBoolOptionValue(highs, b"output_flag", 0)
        self.library.Highs_setDoubleOptionValue(highs, b"mip_rel_gap", ctypes.c_double(1e-9))
        status = self.library.Highs_readModel(highs, str(path).encode())
        status = max(status, self.library.Highs_run(highs))
        optimal = status == 0 and self.library.Highs_getModelStatus(highs) == 7
        value = self.library.Highs_getObjectiveValue(highs)
        self.library.Highs_destroy(highs)
        return value if optimal else np.nan


def export(program, folder, kind, relaxation, question):
    path = folder / f"p.{kind}"
    path.unlink(missing_ok=True)
    lipcert.run(program, "export", folder / "net.npz", path, "--format", kind, "--relaxation", relaxation,
                *question)
    return path


def optimum(report, program, highs, folder, label, relaxation, question, parts):
    """The largest optimum of the parts, all ways."""
    best = 0.0
    for part in range(parts):
        paths = [export(program, folder, kind, relaxation, [*question, "--part", part]) for kind in ("lp", "mps")]
        lp, mps = read_lp(paths[0]), read_mps(paths[1])
        report.check(vars(lp) == vars(mps) and not lp.squares and lp.rows, f"{label}: LP and MPS differ")
        value = solve(lp)
        for path in paths if highs else []:
            other = highs.solve(path)
            report.check(abs(other - value) <= EQUAL * max(abs(value), 1e-9),
                         f"{label}: scipy {value!r}, HiGHS {other!r} from {path.suffix}")
        best = max(best, value)
    return best


def check_linear(report, program, highs, folder, rng):
    solved = 0
    for sizes in ((3, 5, 2), (2, 3, 3, 2), (2, 3, 2, 2, 1)):
        net = dense(rng, *sizes)
        save(folder / "net.npz", net)
        for kind, region, options in regions(folder, "r", sizes[0], rng):
            if kind not in ("box", "flat box"):
                continue
            found = exact.cells(net, region)
            for p, q, output, option in ((1, 1, ("all",), "--all"), ("inf", "inf", ("row", 0), "--output=0"),
                                         ("inf", 1, ("all",), "--all"), (1, "inf", ("row", 0), "--output=0")):
                truth = exact.lipschitz(found, p, q, output)
                for relaxation in ("miqcqp", "miqcqp-lower"):
                    label = f"{sizes}, {kind}, {p} -> {q}, {relaxation}"
                    value = optimum(report, program, highs, folder, label, relaxation,
                                    [*options, "--norm", p, "--out-norm", q, option], sizes[0] if p == 1 else 1)
                    report.check(abs(value - truth) <= EQUAL * truth, f"{label}: {value!r}, exact {truth!r}")
                    solved += 1
    net = [(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.array([[1.0, -1.0]]), np.zeros(1))]
    save(folder / "net.npz", net)
    for relaxation, truth in (("miqcqp", 2), ("miqcqp-lower", 1)):
        value = optimum(report, program, highs, folder, f"kink, {relaxation}", relaxation, ["--box", 0, 1], 1)
        report.check(abs(value - truth) <= EQUAL, f"kink, {relaxation}: {value!r}, not {truth}")
    print(f"miqcqp files: {solved} linear programs solved" + ("" if highs else "; no HiGHS to read the files"))


# ---- Points of quadratic programs --------------------------------------------------------------

def best_direction(j, p, q):
    """t with |t|_p = 1 and the largest |J t|_q."""
    n = j.shape[1]
    if p == 1:
        candidates = np.eye(n)
    elif p == "inf":
        candidates = exact.signs(n)
    else:
        weights = exact.signs(len(j)) if q == 1 else np.eye(len(j)) if q == "inf" else np.linalg.svd(j)[0].T
        candidates = [t / (np.linalg.norm(t) or 1) for t in weights @ j]
    return max(candidates, key=lambda t: exact.vector_norm(j @ t, q, 0))


def complete(net, x, t, centre, flipped=None):
    """The values of all columns at x in the direction t, by name; one neuron's phase may be flipped."""
    values, h, v = {}, x, t
    for i, value in enumerate(x):
        values[f"x{i}"], values[f"t{i}"], values[f"d{i}"] = value, t[i], value - centre[i]
    for k, (w, b) in enumerate(net):
        z, y = w @ h + b, w @ v
        u = z > 0
        if flipped and flipped[0] == k:
            u[flipped[1]] = not u[flipped[1]]
        h, v = u * z, u * y
        for i in range(len(z)):
            for letter, array in zip("zyhvu", (z, y, h, v, u)):
                values[f"{letter}{k + 1}_{i}"] = float(array[i])
    for i, w in enumerate(y):
        values[f"s{i}"], values[f"a{i}"] = float(w > 0), abs(w)
    return values


def violation(program, values):
    """The largest violation of a row or a bound, relative to its terms; its name."""
    worst, where = 0.0, ""
    for name, (terms, products, sense, right) in program.rows.items():
        parts = [c * values[k] for k, c in terms.items()]
        parts += [c * values[i] * values[j] for c, i, j in products]
        excess = sum(parts) - right
        excess = -excess if sense == ">=" else abs(excess) if sense == "=" else excess
        excess /= 1 + abs(right) + sum(map(abs, parts))
        if excess > worst:
            worst, where = excess, name
    for name, (lo, hi) in program.bounds.items():
        excess = max(lo - values[name], values[name] - hi) / (1 + abs(values[name]))
        if excess > worst:
            worst, where = excess, name
    return worst, where


def points(net, region, rng):
    """Points of the region off every kink, with different patterns."""
    found = {}
    for _ in range(200):
        x = region.sample(rng)
        z = np.concatenate(list(preactivations(net, x)))
        if region.contains(x) and np.abs(z).min() > CLEAR:
            found[tuple(z > 0)] = x
    return list(found.values())


def check_point(report, label, program, net, x, t, rows, q, centre, rng):
    """One point of one part, whose objective is the norm q of the outputs `rows`."""
    tangent = exact.jacobian(net, x)[0][rows] @ t
    truth = np.sum(tangent**2) if q == 2 else exact.vector_norm(tangent, q, 0)
    # where the objective sees the sign of the direction, the better one of both
    values = max((complete(net, x, sign * t, centre) for sign in (1, -1)),
                 key=lambda v: (violation(program, v)[0] <= TRUE, objective(program, v)))
    bad, row = violation(program, values)
    report.check(bad <= TRUE, f"{label}: a true point violates {row} by {bad:g}")
    report.check(abs(objective(program, values) - truth) <= TRUE * max(truth, 1),
                 f"{label}: objective {objective(program, values)!r}, norm {truth!r}")
    flip = [(k, i) for k, z in enumerate(preactivations(net, x)) for i in range(len(z))
            if f"u{k + 1}_{i}" in program.integers]
    if flip:
        wrong = complete(net, x, t, centre, flip[rng.integers(len(flip))])
        report.check(violation(program, wrong)[0] > 1e-4, f"{label}: a flipped phase violates nothing")


def objective(program, values):
    return sum(c * values[k] for k, c in program.objective.items()) + sum(values[k]**2 for k in program.squares)


def preactivations(net, x):
    for w, b in net[:-1]:
        z = w @ x + b
        yield z
        x = np.maximum(z, 0)


def check_quadratic(report, program, folder, rng):
    """One part of every question."""
    files = patterns = 0
    for net in (dense(rng, 2, 4, 2), dense(rng, 3, 3, 3, 2), with_bias(dense(rng, 2, 3, 2), 0, [9, 0.1, -9])):
        n = net[0][0].shape[1]
        save(folder / "net.npz", net)
        for kind, region, options in regions(folder, "r", n, rng):
            tried = points(net, region, rng)
            patterns += len(tried)
            for p, q in itertools.product((1, 2, "inf"), repeat=2):
                for relaxation in ("miqcqp", "miqcqp-lower"):
                    label = f"{len(net)} layers, {kind}, {p} -> {q}, {relaxation}"
                    column, row = rng.integers(n) if p == 1 else 0, rng.integers(2) if q == "inf" else 0
                    path = export(program, folder, "lp", relaxation,
                                  [*options, "--norm", p, "--out-norm", q, "--all", "--part",
                                   column + (n if p == 1 else 1) * row])
                    file, rows = read_lp(path), [row] if q == "inf" else [0, 1]
                    files += 1
                    for x in tried:
                        j = exact.jacobian(net, x)[0][rows]
                        t = np.eye(n)[column] if p == 1 else best_direction(j, p, q)
                        check_point(report, label, file, net, x, t, rows, q, region.point(), rng)
    report.check(patterns > 60, f"only {patterns} patterns")
    print(f"miqcqp files: {files} programs with true points")


def main():
    program, report, rng = sys.argv[1], Report(), np.random.default_rng(71)
    highs = Highs(sys.argv[2]) if len(sys.argv) > 2 and pathlib.Path(sys.argv[2]).exists() else None
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        check_linear(report, program, highs, folder, rng)
        check_quadratic(report, program, folder, rng)
    print(f"miqcqp files: {report.checks} checks, {len(report.failures)} failed")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
