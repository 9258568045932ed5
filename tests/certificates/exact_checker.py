#!/usr/bin/env python3
"""A second checker of certificates, naive and exact, for tiny networks and for tests only.

    usage: exact_checker.py NET CERT      exit status 0 verified, 1 rejected, 2 malformed

It follows docs/certificate.md with rationals: ranges, matrices and witnesses are exact, a matrix is
positive semidefinite if its exact LDL' says so, and roots are bounded by rationals with 200 bits and
more.  So the bounds that it prints are those of the document's rules without rounding: lipcheck may
never print a smaller upper or a larger lower bound.  Standard library only.
"""
import copy
import hashlib
import sys
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction

from exact_format import Certificate, Malformed, Network
from exact_identity import Identity
from exact_numbers import INF, Rejected, add, check_spectral, matrix_norm, require, root, times, vector_norm
from exact_sdp import Sdp
from exact_tree import Tree


def select(cert, rows):
    """S A."""
    out = []
    for coefficients in cert.rows:
        row = {}
        for k, c in coefficients.items():
            for j, a in rows[k].items():
                row[j] = row.get(j, 0) + c * a
        out.append({j: a for j, a in row.items() if a})
    return out


# ---- Pre-activation bounds (section 5) -----------------------------------------------------------

class Ranges:
    """lo[l][k] <= z <= hi[l][k] on the region, and what theorem 1 makes of them."""

    def __init__(self, network, cert):
        self.network, self.cert = network, cert
        self.open = cert.region == "everywhere" or \
            (cert.region == "box" and all(a < b for a, b in zip(cert.lo, cert.hi))) or \
            (cert.region == "ball" and cert.radius > 0)
        self.phases = {}  # (layer, neuron) -> 'a' or 'i': what a node of a tree assumes
        self.lo = {l: [-INF] * network.width[l] for l in range(1, network.depth + 1)}
        self.hi = {l: [INF] * network.width[l] for l in range(1, network.depth + 1)}
        for l in range(1, network.depth + 1):
            if cert.bounds == "none":
                continue
            self.both_rules(l, lambda at, j: int(cert.slopes[at][j]))
            for (m, k, sign), slopes in cert.refine.items():
                if m == l:
                    bound = self.linear({(l, k): Fraction(sign)}, lambda at, j, slopes=slopes:
                                        slopes[at, j] if (at, j) in slopes else int(cert.slopes[at][j]))
                    self.intersect(l, k, *((-INF, bound) if sign > 0 else (-bound, INF)))

    def intersect(self, l, k, lo, hi):
        self.lo[l][k], self.hi[l][k] = max(self.lo[l][k], lo), min(self.hi[l][k], hi)

    def both_rules(self, l, slope):
        self.interval(l)
        if self.cert.bounds == "linear" and l > 1:
            for k in range(self.network.width[l]):
                self.intersect(l, k, -self.linear({(l, k): Fraction(-1)}, slope), self.linear({(l, k): Fraction(1)}, slope))

    # -- Nodes of a tree (section 14)

    def copy(self, cert):
        """The same ranges for a node with this box, free to change."""
        other = copy.copy(self)
        other.cert, other.phases = cert, dict(self.phases)
        other.lo, other.hi = ({l: list(ends) for l, ends in side.items()} for side in (self.lo, self.hi))
        return other

    def node_slope(self, l, k):
        return int(self.hi[l][k] > -self.lo[l][k])

    def tighten(self):
        for l in range(1, self.network.depth):
            self.both_rules(l, self.node_slope)
            for k in range(self.network.width[l]):
                phase = self.phases.get((l, k))
                self.intersect(l, k, 0 if phase == "a" else -INF, 0 if phase == "i" else INF)

    def phase(self, l, k):
        """'a', 'i', 'ai' or '' (unstable)"""
        lo, hi = self.lo[l][k], self.hi[l][k]
        path = self.phases.get((l, k))
        return ("a" if lo > 0 or (self.open and lo >= 0) or path == "a" else "") + \
            ("i" if hi < 0 or (self.open and hi <= 0) or path == "i" else "")

    def source(self, term, row):
        """The range of row . h of a source."""
        cert, l = self.cert, term.source
        if l == 0 and cert.region == "ball":
            middle = sum((a * cert.centre[j] for j, a in row.items()), Fraction(0))
            width = cert.radius * vector_norm(row.values(), "2")
            return middle - width, middle + width
        lo, hi = Fraction(0), Fraction(0)
        for j, a in row.items():
            if l == 0:
                ends = (cert.lo[j], cert.hi[j]) if cert.region == "box" else (-INF, INF)
            else:
                ends = (self.lo[l][j], self.hi[l][j])
                if self.network.layers[l].relu:
                    ends = (max(ends[0], Fraction(0)), max(ends[1], Fraction(0)))
            products = [times(a, end) for end in ends]
            lo, hi = add(lo, min(products)), add(hi, max(products))
        return lo, hi

    def interval(self, l):
        layer = self.network.layers[l]
        lo, hi = list(layer.bias), list(layer.bias)
        for term in layer.terms:
            for k, row in enumerate(term.rows):
                a, b = self.source(term, row)
                lo[k], hi[k] = add(lo[k], a), add(hi[k], b)
        for k, ends in enumerate(zip(lo, hi)):
            self.intersect(l, k, *ends)

    def linear(self, start, slope):
        """An upper bound on the sum of c z_k, start = {(layer, k): c}, by substitution down to the input."""
        network, cert = self.network, self.cert
        constant, g = Fraction(0), {}
        for at in range(network.depth, 0, -1):
            through = [(j, c, False) for (l, j), c in start.items() if l == at]
            for j, c, passed in [(j, c, True) for j, c in g.pop(at, {}).items()] + through:
                if passed and network.layers[at].relu:
                    c, more = self.chord(at, j, c, slope(at, j))
                    constant = add(constant, more)
                if c == 0 or constant == INF:
                    continue
                constant += c * network.layers[at].bias[j]
                for term in network.layers[at].terms:
                    into = g.setdefault(term.source, {})
                    for i, a in term.rows[j].items():
                        into[i] = into.get(i, 0) + c * a
        if constant == INF:
            return INF
        g = g.get(0, {})
        if cert.region == "ball":
            return constant + sum(c * cert.centre[j] for j, c in g.items()) + \
                cert.radius * vector_norm(g.values(), "2")
        return constant + sum(max(c * cert.lo[j], c * cert.hi[j]) for j, c in g.items())

    def chord(self, l, j, g, slope):
        """Replace g h by something linear in z that is larger: (coefficient of z, constant)."""
        lo, hi, path = self.lo[l][j], self.hi[l][j], self.phases.get((l, j), "")
        if path == "a" or (lo >= 0 and not path):
            return g, 0
        if path == "i" or hi <= 0:
            return Fraction(0), 0
        if g <= 0:
            return g * slope, 0
        if lo == -INF or hi == INF:
            return Fraction(0), INF
        r = hi / (hi - lo)
        return g * r, -g * r * lo


# ---- Statements ----------------------------------------------------------------------------------

def product_bound(network, cert):
    """Theorem 4."""
    n, last = network.width[0], network.depth
    larger = {("2", "1"): root(n), ("inf", "1"): Fraction(n), ("inf", "2"): root(n)}
    norms = [{b: larger.get((cert.norms[0], b), Fraction(1)) for b in ("1", "2", "inf")}]
    for l in range(1, last + 1):
        total = dict.fromkeys(("1", "2", "inf"), Fraction(0))
        for t, term in enumerate(network.layers[l].terms):
            rows = select(cert, term.rows) if l == last else term.rows
            s = cert.spectral.get((l, t))
            if s is not None:
                check_spectral(rows, s, f"layer {l}, term {t}")
            for a in total:
                total[a] += min(norms[term.source][b] * matrix_norm(rows, b, a, s) for b in total)
        norms.append(total)
    found = norms[last][cert.norms[1]]
    return min(found, norms[last]["inf"]) if cert.single else found


def interval_matrices(network, cert, ranges):
    """Theorem 5: {"magnitude", "midpoint", "radius": rows}"""
    g = {network.depth: {}}  # layer -> {(neuron, row): (lo, hi)}
    for o, row in enumerate(cert.rows):
        for k, c in row.items():
            g[network.depth][k, o] = (c, c)
    for l in range(network.depth, 0, -1):
        layer = network.layers[l]
        for (k, o), (lo, hi) in g.pop(l, {}).items():
            phase = ranges.phase(l, k) if layer.relu else "a"
            if "i" in phase:
                continue
            if phase == "":
                lo, hi = min(lo, 0), max(hi, 0)
            for term in layer.terms:
                into = g.setdefault(term.source, {})
                for j, a in term.rows[k].items():
                    old = into.get((j, o), (0, 0))
                    into[j, o] = (old[0] + min(a * lo, a * hi), old[1] + max(a * lo, a * hi))
    names = ("magnitude", "midpoint", "radius")
    matrices = {name: [{} for _ in cert.rows] for name in names}
    for (j, o), (lo, hi) in g.get(0, {}).items():
        for name, a in zip(names, (max(abs(lo), abs(hi)), (lo + hi) / 2, (hi - lo) / 2)):
            matrices[name][o][j] = a
    return matrices


def interval_bound(network, cert, ranges):
    matrices = interval_matrices(network, cert, ranges)
    for name, s in cert.spectral.items():
        check_spectral(matrices[name], s, name)
    p, q = cert.norms
    bound = matrix_norm(matrices["magnitude"], p, q, cert.spectral.get("magnitude"))
    if (p, q) == ("2", "2"):
        bound = min(bound, sum(matrix_norm(matrices[name], p, q, cert.spectral.get(name))
                               for name in ("midpoint", "radius")))
    return bound


def parts_bound(network, cert, ranges):
    """Theorem 7, of parts of the statement `sdp` or `identity`."""
    for (l, t), s in cert.spectral.items():
        check_spectral(network.layers[l].terms[t].rows, s, f"layer {l}, term {t}")
    n, rows = network.width[0], len(cert.rows)
    p, q = cert.norms
    covered, best = set(), None
    for part in cert.parts:
        kind, j = part.input
        require(kind != "unit" or p == "1" or n == 1, "unit", "an input 'unit' needs p = 1")
        columns = [j] if kind == "unit" else range(n) if kind == "cube" or p in "12" else []
        kind, k = part.output
        one = kind in ("unit", "fixed")
        require(not one or q == "inf" or rows == 1, "unit", f"an output '{kind}' needs q = inf")
        lines = [k] if one else range(rows) if kind == "cube" or q != "1" or rows == 1 else []
        covered |= {(j, k) for j in columns for k in lines}
        bound = STATEMENTS[cert.statement](network, cert, ranges, part).bound()
        best = bound if best is None else max(best, bound)
    require(len(covered) == n * rows, "cover", "the parts do not cover every input and row")
    return best


def tree(network, cert, ranges, part):
    return Tree(network, cert, ranges, part, interval_matrices)


STATEMENTS = {"sdp": Sdp, "identity": Identity, "tree": tree}


# ---- Witnesses (theorem 9) -----------------------------------------------------------------------

def squared_norm(values, norm):
    if norm == "2":
        return sum((v * v for v in values), Fraction(0))
    return vector_norm(values, norm) ** 2


def check_point(cert):
    x = cert.point
    if cert.region == "box":
        inside = all(a <= v <= b for a, v, b in zip(cert.lo, x, cert.hi))
    else:
        inside = cert.region == "everywhere" or \
            sum((v - c) ** 2 for v, c in zip(x, cert.centre)) <= cert.radius ** 2
    require(inside, "point", "the point is not in the region")


def witness_value(network, cert, ranges):
    """(|S J t|_q^2, |t|_p^2)"""
    check_point(cert)
    h, t = {0: cert.point}, {0: cert.direction}
    varies = {0: [True] * network.width[0]}
    for l in range(1, network.depth + 1):
        layer, width = network.layers[l], network.width[l]
        z, y, moves = list(layer.bias), [Fraction(0)] * width, [False] * width
        for term in layer.terms:
            for k, row in enumerate(term.rows):
                for j, a in row.items():
                    z[k] += a * h[term.source][j]
                    y[k] += a * t[term.source][j]
                    moves[k] = moves[k] or varies[term.source][j]
        if layer.relu:
            on = [switch(ranges, l, k, z[k], moves[k]) for k in range(width)]
            z, y = [max(v, Fraction(0)) for v in z], [v if u else Fraction(0) for v, u in zip(y, on)]
            moves = [m and u for m, u in zip(moves, on)]
        h[l], t[l], varies[l] = z, y, moves
    out = [sum(c * t[network.depth][k] for k, c in row.items()) for row in cert.rows]
    return squared_norm(out, cert.norms[1]), squared_norm(cert.direction, cert.norms[0])


def switch(ranges, l, k, z, varies):
    """The sign u of a ReLU at the point."""
    if z != 0:
        return z > 0
    if not varies:
        return False
    phase = ranges.phase(l, k) if ranges.open else ""
    require(phase, "kink", f"layer {l}, neuron {k}: z is 0 at the point")
    return "i" not in phase


# ---- All together --------------------------------------------------------------------------------

def check(network_bytes, certificate_bytes):
    """(upper, lower) as proved, None where nothing is claimed; raises Malformed or Rejected.

    The lower bound is returned as a rational at most the proved one."""
    network = Network(network_bytes)
    cert = Certificate(certificate_bytes, network)
    require(cert.sha256 == hashlib.sha256(network_bytes).hexdigest(), "hash", "another network")
    ranges = Ranges(network, cert)
    upper = lower = None
    if cert.upper is not None:
        if cert.statement == "product":
            upper = product_bound(network, cert)
        elif cert.statement == "interval":
            upper = interval_bound(network, cert, ranges)
        else:
            upper = parts_bound(network, cert, ranges)
        require(upper <= cert.upper, "upper", f"the upper bound is {decimal(upper, ROUND_CEILING)}")
    if cert.lower is not None:
        require(any(cert.direction), "direction", "the direction is 0")
        top, bottom = witness_value(network, cert, ranges)
        lower = Fraction(0) if top == 0 else 1 / root(bottom / top)
        require(cert.lower ** 2 * bottom <= top, "lower",
                f"the lower bound is {decimal(lower, ROUND_FLOOR)}")
    return upper, lower


def decimal(value, rounding):
    return Context(prec=17, rounding=rounding).divide(Decimal(value.numerator), Decimal(value.denominator))


def main(arguments):
    if len(arguments) != 3:
        print("usage: exact_checker.py NET CERT", file=sys.stderr)
        return 2
    try:
        data = [open(name, "rb").read() for name in arguments[1:]]
        upper, lower = check(*data)
    except OSError as error:
        print(f"exact_checker: {error}", file=sys.stderr)
        return 2
    except Malformed as error:
        print(f"s MALFORMED {error}")
        return 2
    except Rejected as error:
        print(f"s REJECTED {error.code}: {error}")
        return 1
    if upper is not None:
        print(f"upper {decimal(upper, ROUND_CEILING):e}")
    if lower is not None:
        print(f"lower {decimal(lower, ROUND_FLOOR):e}")
    print("s VERIFIED")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
