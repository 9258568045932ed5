"""Exact Lipschitz constants of tiny ReLU networks, by brute force.

A network is a list of (W, b); z_1 = W_1 x + b_1, h = max(z, 0), ..., f = last z.  On a cell of the
input space all phases are fixed and f is affine with Jacobian J, so

    L = max over the cells that meet the region of || J ||_{p -> q}.

cells() walks the phases neuron by neuron.  Given the phases so far every z is an affine function
a'x + beta of x, and a cell exists if some x of the region has s_i (a_i'x + beta_i) > 0 for all i,
s_i = +-1 the phase.  R^n and boxes: an LP maximises the margin m of s_i z_i >= m |a_i| (m <= 1).
A ball: the point of the polyhedron nearest to the centre, by non-negative least squares (least
distance programming, Lawson and Hanson 1974, chapter 23).  A neuron with a = 0 is constant: its
phase has no influence on J.

Decisions closer than a tolerance are not guessed: they raise Ambiguous and the caller takes another
instance.  Nothing here is shared with the C library; python3, numpy and scipy only.

    usage: exact.py [DATA]     self-test; DATA is a folder that holds reference/reference.json
"""
import itertools
import json
import pathlib
import sys

import numpy as np
from scipy.optimize import linprog, nnls

CLOSED = 1e-11  # a margin below this is no cell
OPEN = 1e-8     # a margin above this is one


class Ambiguous(Exception):
    """A cell so thin that floating point cannot tell whether it exists."""


# ---- Regions -----------------------------------------------------------------------------------

class Everywhere:
    """All of R^n."""

    def __init__(self, n):
        self.lo, self.hi = np.full(n, -np.inf), np.full(n, np.inf)

    def point(self):
        return np.zeros(len(self.lo))

    def contains(self, x, slack=0.0):
        return bool(np.all(x >= self.lo - slack) and np.all(x <= self.hi + slack))

    def meet(self, rows, offsets):
        """A point with rows x + offsets > 0 (rows of norm 1), or None."""
        x, margin = widest(rows, offsets, self.lo, self.hi)
        if margin <= CLOSED:
            return None
        if margin < OPEN:
            raise Ambiguous(f"margin {margin:g}")
        return x

    def sample(self, rng):
        return rng.normal(0, 3, len(self.lo))


class Box(Everywhere):
    """lo <= x <= hi."""

    def __init__(self, lo, hi):
        self.lo, self.hi = np.array(lo, float), np.array(hi, float)

    def point(self):
        return (self.lo + self.hi) / 2

    def sample(self, rng):
        return self.lo + rng.uniform(size=len(self.lo)) * (self.hi - self.lo)


class Ball(Everywhere):
    """|x - centre|_2 <= radius."""

    def __init__(self, centre, radius):
        super().__init__(len(centre))
        self.centre, self.radius = np.array(centre, float), float(radius)

    def point(self):
        return self.centre.copy()

    def contains(self, x, slack=0.0):
        return bool(np.linalg.norm(x - self.centre) <= self.radius + slack)

    def meet(self, rows, offsets):
        if super().meet(rows, offsets) is None:
            return None
        shifted = offsets + rows @ self.centre
        inner = nearest(rows, OPEN - shifted)
        if inner is not None and np.linalg.norm(inner) <= self.radius:
            return self.centre + inner
        outer = nearest(rows, -shifted)
        if outer is not None and np.linalg.norm(outer) <= self.radius * (1 + 1e-9):
            raise Ambiguous("the cell touches the ball")
        return None

    def sample(self, rng):
        d = rng.normal(size=len(self.centre))
        length = self.radius * rng.uniform() ** (1 / len(d))
        return self.centre + d / np.linalg.norm(d) * length


def widest(rows, offsets, lo, hi):
    """max m <= 1 with rows x + offsets >= m, lo <= x <= hi; returns (x, m)."""
    n = rows.shape[1]
    result = linprog(np.append(np.zeros(n), -1.0),
                     A_ub=np.hstack([-rows, np.ones((len(rows), 1))]), b_ub=offsets,
                     bounds=[(None if l == -np.inf else l, None if h == np.inf else h)
                             for l, h in zip(lo, hi)] + [(None, 1.0)], method="highs")
    if result.status != 0:
        raise RuntimeError(f"HiGHS: {result.message}")
    x = result.x[:n]
    return x, min(1.0, float(np.min(rows @ x + offsets)))


def nearest(rows, need):
    """argmin |y| with rows y >= need, or None; checked after the fact."""
    if np.all(need <= 0):
        return np.zeros(rows.shape[1])
    matrix = np.vstack([rows.T, need])
    target = np.append(np.zeros(rows.shape[1]), 1.0)
    u, _ = nnls(matrix, target, maxiter=1000)
    residual = matrix @ u - target
    if -residual[-1] < 1e-14:
        return None
    y = -residual[:-1] / residual[-1]
    scale = max(1.0, float(np.abs(y).max()))
    return y if np.all(rows @ y >= need - 1e-9 * scale) else None


# ---- Enumeration -------------------------------------------------------------------------------

def compose(layer, gain, shift):
    """z = W (gain x + shift) + b as (rows, shifts, noise): a row no longer than its noise is zero."""
    w, b = layer
    return w @ gain, w @ shift + b, 1e-13 * np.abs(w) @ np.linalg.norm(gain, axis=1)


def cells(net, region):
    """The Jacobians of all cells that meet the region, each with a point of its cell."""
    found = []
    n = net[0][0].shape[1]

    def visit(k, z, phases, rows, offsets, x):
        """Decide the next neuron of layer k; x is a point of the region with rows x + offsets > 0."""
        z_rows, z_shift, noise = z
        i = len(phases)
        if k == len(net) - 1:
            found.append((z_rows, x))
        elif i == len(z_rows):
            on = np.array(phases, float)
            visit(k + 1, compose(net[k + 1], z_rows * on[:, None], z_shift * on), [], rows, offsets,
                  x)
        elif (size := np.linalg.norm(z_rows[i])) <= noise[i]:
            visit(k, z, phases + [z_shift[i] > 0], rows, offsets, x)
        else:
            for active in (True, False):
                sign = (1.0 if active else -1.0) / size
                more, offset = np.vstack([rows, sign * z_rows[i]]), np.append(offsets, sign * z_shift[i])
                point = x if np.min(more @ x + offset) > OPEN else region.meet(more, offset)
                if point is not None:
                    visit(k, z, phases + [active], more, offset, point)

    visit(0, compose(net[0], np.eye(n), np.zeros(n)), [], np.zeros((0, n)), np.zeros(0),
          region.point())
    return found


def signs(n):
    """All vectors of +-1 up to a global sign."""
    return np.array([(1.0, *s) for s in itertools.product((1.0, -1.0), repeat=n - 1)])


def vector_norm(x, q, axis):
    return np.linalg.norm(x, {1: 1, 2: 2, "inf": np.inf}[q], axis=axis)


DUAL = {1: "inf", 2: 2, "inf": 1}


def operator_norm(j, p, q):
    """max |J t|_q over |t|_p <= 1, p and q in {1, 2, 'inf'}; exponential where it has to be."""
    if p == 1:  # the extreme points of the ball are the unit vectors
        return float(vector_norm(j, q, 0).max())
    if q == "inf":
        return float(vector_norm(j, DUAL[p], 1).max())
    if p == "inf":  # the extreme points are the sign vectors
        return float(vector_norm(signs(j.shape[1]) @ j.T, q, 1).max())
    if q == 2:
        return float(np.linalg.norm(j, 2))
    return float(np.linalg.norm(signs(j.shape[0]) @ j, axis=1).max())  # 2 -> 1


def selected(j, output):
    """Rows of the selected output: ('row', i), ('margin', i, j) or ('all',)."""
    if output[0] == "row":
        return j[output[1]][None, :]
    if output[0] == "margin":
        return (j[output[1]] - j[output[2]])[None, :]
    return j


def lipschitz(found, p, q, output):
    """L from the answer of cells(); q has no effect on a single row."""
    jacobians = [selected(j, output) for j, _ in found]
    return max(operator_norm(j, p, q if len(j) > 1 else "inf") for j in jacobians)


# ---- Evaluation --------------------------------------------------------------------------------

def evaluate(net, x):
    """f for one point or for the rows of an array."""
    h = x
    for k, (w, b) in enumerate(net):
        z = h @ w.T + b
        h = np.maximum(z, 0) if k < len(net) - 1 else z
    return h


def magnitude(net, x):
    """The size of what is summed up in f(x): rounding is small compared to this."""
    h = np.abs(x)
    for w, b in net:
        h = np.abs(w) @ h + np.abs(b)
    return float(h.max())


def jacobian(net, x):
    """J(x) and the distance to the nearest kink, in floating point."""
    j, h, clearance = np.eye(len(x)), x, np.inf
    for k, (w, b) in enumerate(net):
        z, j = w @ h + b, w @ j
        if k == len(net) - 1:
            return j, clearance
        slope = np.linalg.norm(j, axis=1)
        moving = slope > 0
        if moving.any():
            clearance = min(clearance, float((np.abs(z[moving]) / slope[moving]).min()))
        h, j = np.maximum(z, 0), j * (z > 0)[:, None]
    return j, clearance


def smooth(net, x):
    """Is the nearest kink so far away that finite differences at x tell the Jacobian?"""
    return jacobian(net, x)[1] > 1e-4 * max(1.0, np.abs(x).max())


def off_differences(net, x, j):
    """How far j is from the finite differences at x, in units of what they are good for."""
    quotient, _ = finite_differences(net, x)
    good = 1e-5 * np.abs(quotient).max() + 1e-8 * magnitude(net, x)
    gap = np.abs(quotient - j).max()
    return gap / good if gap > 0 else 0.0


def finite_differences(net, x):
    """A difference quotient for J and the change of it under a smaller step (large at a kink)."""
    def quotient(step):
        e = np.eye(len(x)) * step
        return ((evaluate(net, x + e) - evaluate(net, x - e)) / (2 * step)).T
    coarse, fine = quotient(1e-6 * max(1.0, np.abs(x).max())), quotient(1e-7)
    return coarse, float(np.abs(coarse - fine).max())


# ---- Self-test ---------------------------------------------------------------------------------

def load_reference(path):
    """A network of reference/nets: A1 b1 [A2 b2] c, as a list of (W, b)."""
    data = np.load(path)
    layers, k = [], 1
    while f"A{k}" in data.files:
        layers.append((data[f"A{k}"].astype(float), data[f"b{k}"].astype(float)))
        k += 1
    return layers + [(data["c"].astype(float)[None, :], np.zeros(1))], data["x00"].astype(float)


def random_net(rng, sizes):
    return [(rng.normal(size=(m, n)) / np.sqrt(n), rng.normal(size=m))
            for n, m in zip(sizes[:-1], sizes[1:])]


def check_sampling(rng):
    """Jacobians by finite differences at random points are among the cells and never exceed L."""
    for sizes in ([2, 5, 2], [3, 4, 3, 2], [1, 3, 3, 1], [2, 3, 3, 3, 1]):
        net = random_net(rng, sizes)
        n = sizes[0]
        for region in (Everywhere(n), Box(-np.ones(n), np.ones(n)), Ball(np.full(n, 0.3), 1.2)):
            found = cells(net, region)
            for j, x in found:
                assert region.contains(x, 1e-9), "a cell's point lies outside the region"
                assert np.allclose(evaluate(net, x + 1e-10) - evaluate(net, x), j.sum(1) * 1e-10,
                                   atol=1e-13), "a cell's point does not have the cell's Jacobian"
            hits = 0
            for _ in range(300):
                quotient, wobble = finite_differences(net, region.sample(rng))
                if wobble > 1e-6:
                    continue
                gap = min(np.abs(quotient - j).max() for j, _ in found)
                assert gap < 1e-5, f"{sizes}: a sampled Jacobian is {gap:g} from every cell"
                hits += 1
            assert hits > 100, "almost every sample fell on a kink"


def check_norms(rng):
    """Operator norms against alternating maximisation from many starts (a lower bound that is
    nearly always attained on matrices this small)."""
    for p, q in itertools.product((1, 2, "inf"), repeat=2):
        j = rng.normal(size=(3, 4))
        exact, best = operator_norm(j, p, q), 0.0
        for _ in range(200):
            t = rng.normal(size=4)
            for _ in range(100):
                t = maximiser(j.T @ maximiser(j @ t, DUAL[q]), p)
            best = max(best, float(vector_norm(j @ t, q, 0)))
        assert best <= exact * (1 + 1e-12), (p, q, best, exact)
        assert best >= exact * (1 - 1e-6), (p, q, best, exact)


def maximiser(g, p):
    """argmax g't over |t|_p <= 1."""
    if p == "inf":
        return np.where(g >= 0, 1.0, -1.0)
    if p == 2:
        return g / np.linalg.norm(g)
    t = np.zeros_like(g)
    t[np.abs(g).argmax()] = np.sign(g[np.abs(g).argmax()])
    return t


SMALL = ("n1_4x4_g", "n1_4x12_g", "n1_6x8_s4", "n1_10x10_g", "n2_5x5x5_g")


def check_reference(folder):
    """Exact values of other programs."""
    with open(folder / "reference" / "reference.json", encoding="utf-8") as file:
        nets = json.load(file)["nets"]
    count = 0
    for name in SMALL:
        net, centre = load_reference(folder / "reference" / "nets" / f"{name}.npz")
        for region_name, norms in nets[name]["regions"].items():
            eps = None if region_name == "Rn" else float(region_name[3:])
            region = Everywhere(len(centre)) if eps is None else Box(centre - eps, centre + eps)
            found = cells(net, region)
            for norm, entry in norms.items():
                ours = lipschitz(found, {"inf": "inf", "l2": 2}[norm], "inf", ("row", 0))
                assert abs(ours - entry["exact"]) <= 1e-7 * ours, (name, region_name, norm, ours)
                count += 1
    return count


def main():
    rng = np.random.default_rng(7)
    check_norms(rng)
    check_sampling(rng)
    print("oracle: operator norms and cells agree with sampling")
    data = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if data is None or not (data / "reference" / "reference.json").exists():
        print("oracle: no reference data, that part skipped")
        return
    print(f"oracle: {check_reference(data)} exact reference values agree")


if __name__ == "__main__":
    main()
