"""A part of the statement `tree` in rationals (docs/certificate.md, section 14): nodes, their boxes and ranges, leaves."""
import copy
import itertools
from fractions import Fraction

from exact_numbers import DUAL, matrix_norm, require, vector_norm
from exact_sdp import Sdp

SIGNS = 12


class Tree:
    """One part; the bounds of its leaves and what they were about are kept in `leaves`."""

    def __init__(self, network, cert, ranges, part, interval_matrices):
        require(ranges.open, "interior", "a tree needs a region with an interior")
        self.network, self.part, self.interval_matrices = network, part, interval_matrices
        self.cert, self.ranges, self.leaves = cert, ranges, []

    def bound(self):
        self.walk(self.part.root, self.ranges.copy(self.cert))
        return max((bound for _, _, bound in self.leaves if bound is not None), default=Fraction(0))

    def walk(self, node, ranges):
        """A node with what its path made of cert (the box) and ranges (with the phases)."""
        cert = ranges.cert
        if node.kind == "split":
            for phase, child in zip("ia", node.children):
                below = ranges.copy(cert)
                below.phases[node.at] = phase
                self.walk(child, below)
        elif node.kind == "cut":
            j, c = node.at
            for side, child in zip(("hi", "lo"), node.children):
                smaller = copy.copy(cert)
                setattr(smaller, side, [c if i == j else x for i, x in enumerate(getattr(cert, side))])
                self.walk(child, ranges.copy(smaller))
        elif node.kind == "tighten":
            below = ranges.copy(cert)
            below.tighten()
            self.walk(node.children[0], below)
        else:
            self.leaves.append((node, ranges, getattr(self, node.kind)(node, cert, ranges)))

    # -- Leaves with a bound

    def sdp(self, node, cert, ranges):
        return Sdp(self.network, cert, ranges, node.part).bound()

    def interval(self, node, cert, ranges):
        """The norm of an interval matrix, or a part of it."""
        matrices = self.interval_matrices(self.network, cert, ranges)
        (kind, j), (output, k) = self.part.input, self.part.output
        columns = [j] if kind == "unit" else range(self.network.width[0])
        rows = [k] if output in ("unit", "fixed") else range(len(cert.rows))
        parts = {name: [{i: m[o][i] for i in columns if m[o].get(i)} for o in rows] for name, m in matrices.items()}
        p, q = cert.norms
        bounds = [matrix_norm(parts["magnitude"], p, q)]
        if (p, q) == ("2", "2"):
            bounds.append(matrix_norm(parts["midpoint"], p, q) + matrix_norm(parts["radius"], p, q))
        if p == "inf" and q != "inf" and len(columns) <= SIGNS:
            bounds.append(over_signs(parts["midpoint"], parts["radius"], columns, q))
        if q == "1" and p != "1" and len(rows) <= SIGNS:
            turned = [[dict(enumerate(row.get(i, 0) for row in parts[name])) for i in columns] for name in ("midpoint", "radius")]
            bounds.append(over_signs(*turned, range(len(rows)), DUAL[p]))
        return min(bounds)

    # -- Leaves without anything

    def empty(self, node, cert, ranges):
        for l in range(1, self.network.depth):
            for k, (lo, hi) in enumerate(zip(ranges.lo[l], ranges.hi[l])):
                path = ranges.phases.get((l, k))
                if lo > hi or (path == "a" and hi < 0) or (path == "i" and lo > 0):
                    return None
        require(False, "empty", "every range allows its phase")

    def sum(self, node, cert, ranges):
        start = {at: c if ranges.phases[at] == "a" else -c for at, c in zip(node.neurons, node.numbers)}
        require(ranges.linear(start, ranges.node_slope) < 0, "sum", "the sum is not negative")

    def span(self, node, cert, ranges):
        self.vanish("span", node, [self.row(ranges, node.level, at) for at in node.neurons])

    def hull(self, node, cert, ranges):
        self.vanish("hull", node, self.hull_rows(ranges, node.level, node.neurons, node.signs, node.gaps))

    def hull_rows(self, ranges, level, neurons, signs, gaps):
        rows = [self.row(ranges, level, at, hull=True) for at in neurons]
        rows += [{("h", *at): Fraction(1)} for at in signs]
        return rows + [{**self.row(ranges, level, at, hull=True), ("h", *at): Fraction(1)} for at in gaps]

    def vanish(self, rule, node, rows):
        rows = rows + ([{"1": Fraction(1)}] if node.one else [])
        left = sorted({i for row in rows for i, a in row.items() if a}, key=str)
        require(len(rows) == len(left) + 1, rule, "the numbers of rows and coordinates do not fit")
        not_zero = [i == "1" or (isinstance(i, int) and (node.level == 0 or self.varies(node.level, i))) for i in left]
        require(any(not_zero), rule, "all coordinates may be 0")
        solution = solve([[row.get(i, Fraction(0)) for row in rows[1:]] for i in left], [-rows[0].get(i, 0) for i in left])
        require(solution is not None, rule, "the rows are dependent")
        require(all(x > 0 for x in solution), rule, "a multiplier is not positive")

    def row(self, ranges, level, at, hull=False):
        """s z of a neuron (-z if it has no phase) as {number of a coordinate, ("h", layer, neuron), or "1": coefficient}"""
        sign = Fraction(1 if ranges.phases.get(at) == "a" else -1)
        l, k = at
        if l == level:
            return {k: sign}
        out, g = {}, {}
        total = self.spread(at, sign, g)
        while g:
            source, j = at = max(g)
            c = g.pop(at)
            phase = ranges.phase(source, j) if source > 0 and self.network.layers[source].relu else "a"
            if "i" in phase:
                continue
            if hull and not phase and source >= level:
                out["h", source, j] = c
                continue
            require(phase and source >= level, "hull" if hull else "span", f"layer {source}, neuron {j}: not allowed here")
            if source == level:
                out[j] = c
                continue
            total += self.spread(at, c, g)
        out["1"] = total
        return out

    def spread(self, at, c, g):
        """Add c z of a neuron to g, {(source, neuron): coefficient of h}; returns the constant."""
        l, k = at
        for term in self.network.layers[l].terms:
            for j, a in term.rows[k].items():
                g[term.source, j] = g.get((term.source, j), 0) + c * a
        return c * self.network.layers[l].bias[k]

    def varies(self, l, k):
        """Is z a function of the input alone, and not constant?"""
        g = {}
        self.spread((l, k), Fraction(1), g)
        return all(source == 0 for source, _ in g) and any(g.values())


def over_signs(middle, radius, columns, norm):
    """max over signs t of | |C t| + R 1 |"""
    best = Fraction(0)
    for signs in itertools.product((1, -1), repeat=len(columns)):
        t = dict(zip(columns, signs))
        best = max(best, vector_norm([abs(sum(a * t[i] for i, a in c.items())) + sum(r.values())
                                      for c, r in zip(middle, radius)], norm))
    return best


def solve(a, b):
    """The solution of A x = b, None if A is singular."""
    m = [row + [value] for row, value in zip(a, b)]
    for k in range(len(m)):
        pivot = next((i for i in range(k, len(m)) if m[i][k]), None)
        if pivot is None:
            return None
        m[k], m[pivot] = m[pivot], m[k]
        m[k] = [x / m[k][k] for x in m[k]]
        for i in range(len(m)):
            if i != k and m[i][k]:
                m[i] = [x - m[i][k] * y for x, y in zip(m[i], m[k])]
    return [row[-1] for row in m]
