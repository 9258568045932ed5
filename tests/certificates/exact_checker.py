#!/usr/bin/env python3
"""A second checker of certificates, naive and exact, for tiny networks and for tests only.

    usage: exact_checker.py NET CERT      exit status 0 verified, 1 rejected, 2 malformed

It follows docs/certificate.md with rationals: ranges, matrices and witnesses are exact, a matrix is
positive semidefinite if its exact LDL' says so, and roots are bounded by rationals with 200 bits and
more.  So the bounds that it prints are those of the document's rules without rounding: lipcheck may
never print a smaller upper or a larger lower bound.  Standard library only.
"""
import hashlib
import sys
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from math import isqrt, lcm

from exact_format import MULTIPLIERS, Certificate, Malformed, Network

INF = float("inf")
BITS = 200


class Rejected(Exception):
    """The certificate does not prove its claims; `code` names the rule that failed."""

    def __init__(self, code, sentence):
        super().__init__(sentence)
        self.code = code


def require(condition, code, sentence):
    if not condition:
        raise Rejected(code, sentence)


# ---- Numbers -------------------------------------------------------------------------------------

def root(q):
    """A rational at least the root of q >= 0; the root itself if that is rational."""
    q = Fraction(q)
    p, d = isqrt(q.numerator), isqrt(q.denominator)
    if p * p == q.numerator and d * d == q.denominator:
        return Fraction(p, d)
    shift = max(0, BITS + (q.denominator.bit_length() - q.numerator.bit_length()) // 2 + 1)
    return Fraction(isqrt((q.numerator << 2 * shift) // q.denominator) + 1, 1 << shift)


def add(a, b):
    """a + b, each finite or infinite (but not of opposite signs)."""
    return a if abs(a) == INF else b if abs(b) == INF else a + b


def times(a, b):
    """a b for a finite and b finite or infinite, with 0 inf = 0."""
    if abs(b) != INF:
        return a * b
    return Fraction(0) if a == 0 else b if a > 0 else -b


def psd(entries):
    """Is the symmetric matrix {(i, j): value, i <= j} positive semidefinite?

    Elimination without fractions (Bareiss): every number is a minor, so it has the sign of the pivot
    of LDL'.  A pivot 0 needs a row of zeros, which is left out."""
    entries = {at: Fraction(a) for at, a in entries.items() if a}
    order = sorted({i for at in entries for i in at}, key=repr)
    scale = lcm(*(a.denominator for a in entries.values()))
    size = range(len(order))
    m = [[int(entries.get((order[i], order[j]), entries.get((order[j], order[i]), 0)) * scale)
          for j in size] for i in size]
    previous = 1
    for k in size:
        pivot = m[k][k]
        if pivot < 0 or (pivot == 0 and any(m[k][j] for j in range(k + 1, len(order)))):
            return False
        if pivot == 0:
            continue
        for i in range(k + 1, len(order)):
            for j in range(k + 1, len(order)):
                m[i][j] = (pivot * m[i][j] - m[i][k] * m[k][j]) // previous
        previous = pivot
    return True


# ---- Norms (section 6) ---------------------------------------------------------------------------

def vector_norm(values, norm):
    """An upper bound, exact for 1 and inf."""
    values = [abs(v) for v in values]
    if norm == "1":
        return sum(values, Fraction(0))
    if norm == "inf":
        return max(values, default=Fraction(0))
    return root(sum(v * v for v in values))


def transpose(rows):
    out = {}
    for i, row in enumerate(rows):
        for j, a in row.items():
            out.setdefault(j, {})[i] = a
    return list(out.values())


DUAL = {"1": "inf", "2": "2", "inf": "1"}


def matrix_norm(rows, p, q, spectral=None):
    """An upper bound on |A|_{p->q}; `spectral` is a verified one for p = q = 2."""
    columns = transpose(rows)
    if p == "1":
        return max((vector_norm(c.values(), q) for c in columns), default=Fraction(0))
    if q == "inf":
        return max((vector_norm(r.values(), DUAL[p]) for r in rows), default=Fraction(0))
    sums = [vector_norm(r.values(), "1") for r in rows]
    if p == "inf":
        return sum(sums, Fraction(0)) if q == "1" else \
            min(vector_norm(sums, "2"), sum((vector_norm(c.values(), "2") for c in columns), Fraction(0)))
    if q == "1":
        return matrix_norm(columns, "inf", "2")
    frobenius = sum(a * a for row in rows for a in row.values())
    product = max(sums, default=0) * max((vector_norm(c.values(), "1") for c in columns), default=0)
    bound = root(min(frobenius, product))
    return bound if spectral is None else min(bound, spectral)


def check_spectral(rows, s, what):
    """Theorem 3: s^2 I - G positive semidefinite, G = A A' or A'A."""
    require(s > 0, "spectral", f"{what}: s is not positive")
    columns = transpose(rows)
    vectors = rows if len(rows) <= len(columns) else columns
    entries = {}
    for i, a in enumerate(vectors):
        for j in range(i, len(vectors)):
            g = sum(x * vectors[j].get(at, 0) for at, x in a.items())
            entries[i, j] = (s * s if i == j else 0) - g
    require(psd(entries), "spectral", f"{what}: s^2 I - G is not positive semidefinite")
    return s


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
        self.lo, self.hi = {}, {}
        for l in range(1, network.depth + 1):
            width = network.width[l]
            if cert.bounds == "none":
                self.lo[l], self.hi[l] = [-INF] * width, [INF] * width
                continue
            self.interval(l)
            if cert.bounds == "linear" and l > 1:
                self.hi[l] = [min(a, self.linear(l, k, 1)) for k, a in enumerate(self.hi[l])]
                self.lo[l] = [max(a, -self.linear(l, k, -1)) for k, a in enumerate(self.lo[l])]

    def phase(self, l, k):
        """'a', 'i', 'ai' or '' (unstable)"""
        lo, hi = self.lo[l][k], self.hi[l][k]
        return ("a" if lo > 0 or (self.open and lo >= 0) else "") + \
            ("i" if hi < 0 or (self.open and hi <= 0) else "")

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
        self.lo[l], self.hi[l] = lo, hi

    def linear(self, l, k, sign):
        """An upper bound on sign * z_k by substitution down to the input."""
        network, cert = self.network, self.cert
        constant, g = Fraction(0), {l: {k: Fraction(sign)}}
        for at in range(l, 0, -1):
            for j, c in g.pop(at, {}).items():
                if at < l and network.layers[at].relu:
                    c, more = self.chord(at, j, c)
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

    def chord(self, l, j, g):
        """Replace g h by something linear in z that is larger: (coefficient of z, constant)."""
        lo, hi = self.lo[l][j], self.hi[l][j]
        if lo >= 0:
            return g, 0
        if hi <= 0:
            return Fraction(0), 0
        if g <= 0:
            return g * int(self.cert.slopes[l][j]), 0
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


def interval_bound(network, cert, ranges):
    """Theorem 5."""
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
    for name, s in cert.spectral.items():
        check_spectral(matrices[name], s, name)
    p, q = cert.norms
    bound = matrix_norm(matrices["magnitude"], p, q, cert.spectral.get("magnitude"))
    if (p, q) == ("2", "2"):
        bound = min(bound, sum(matrix_norm(matrices[name], p, q, cert.spectral.get(name))
                               for name in names[1:]))
    return bound


class Sdp:
    """One part: the variables are ("1",), ("t", j), ("v", l, k), ("s", l, k) and ("w", o)."""

    def __init__(self, network, cert, ranges, part):
        self.network, self.cert, self.ranges, self.part = network, cert, ranges, part
        self.matrix, self.value, self.homogeneous = {}, Fraction(0), part.one is None
        kind, index = part.input
        self.inputs = range(network.width[0]) if kind != "unit" else [index]
        kind, index = part.output
        self.outputs = range(len(cert.rows)) if kind in ("cube", "ball") else [index]
        self.image = {(0, j): {("t", j): Fraction(1)} for j in self.inputs}
        self.norm = {0: root(network.width[0]) if part.input[0] == "cube" else Fraction(1)}
        self.range = {}

    def quadratic(self, i, j, value):
        """Add value * p_i p_j to the form of S_p."""
        at = (i, j) if repr(i) <= repr(j) else (j, i)
        self.matrix[at] = self.matrix.get(at, 0) + (value if i == j else value / 2)

    def linear_image(self, l, k):
        """y of a neuron, or its images in the last layer: {variable: coefficient}; a coefficient
        that cancelled to 0 stays an entry."""
        out = {}
        for term in self.network.layers[l].terms:
            for j, a in term.rows[k].items():
                for variable, c in self.image.get((term.source, j), {}).items():
                    out[variable] = out.get(variable, 0) + a * c
        return out

    def bound_range(self, l, k, y):
        """The rule `Ranges`: r >= |y|."""
        inputs = [c for variable, c in y.items() if variable[0] == "t"]
        r1 = vector_norm(inputs, "2" if self.part.input[0] == "ball" else "1")
        r1 += sum(abs(c) * self.range[variable[1:]] for variable, c in y.items() if variable[0] == "v")
        r2 = sum((vector_norm(term.rows[k].values(), "2") * self.norm[term.source]
                  for term in self.network.layers[l].terms), Fraction(0))
        return min(r1, r2)

    def layer(self, l):
        layer, squares = self.network.layers[l], Fraction(0)
        roles = self.part.roles.get(l, "a" * self.network.width[l])
        for k, role in enumerate(roles):
            y = self.linear_image(l, k)
            r = self.range[l, k] = self.bound_range(l, k, y)
            if layer.relu and role in "ai":
                require(role in self.ranges.phase(l, k) or not y, "role",
                        f"layer {l}, neuron {k}: role {role} is not justified")
            if role != "i":
                squares += r * r
            self.image[l, k] = y if role == "a" else {("v", l, k): Fraction(1)} if role in "vb" else {}
            self.constraints(l, k, y, role, {kind: self.multiplier(l, kind, roles, k) for kind in MULTIPLIERS})
        by_norms = sum((matrix_norm(term.rows, "2", "2", self.cert.spectral.get((l, t))) *
                        self.norm[term.source] for t, term in enumerate(layer.terms)), Fraction(0))
        self.norm[l] = min(root(squares), by_norms)

    def multiplier(self, l, kind, roles, k):
        """0 where the file has none."""
        values = self.part.multipliers.get((l, kind))
        if values is None or roles[k] not in MULTIPLIERS[kind]:
            return Fraction(0)
        value = values[sum(role in MULTIPLIERS[kind] for role in roles[:k])]
        require(value >= 0 or kind in ("bin", "gate", "switch"), "sign", f"layer {l}: {kind} is negative")
        if kind == "bound":
            require(value >= self.range[l, k], "range", f"layer {l}, neuron {k}: the bound is too small")
        return value

    def constraints(self, l, k, y, role, weight):
        """The constraints of a neuron; those without a multiplier add zeros."""
        one, v, s = ("1",), ("v", l, k), ("s", l, k)
        square = weight["bound"] ** 2
        if role in "vb":
            self.combine(-weight["tangent"], y, v)
            self.quadratic(v, v, weight["tangent"] + weight["range"] + weight["cap"])
            self.value += weight["range"] * square
            self.homogeneous = self.homogeneous and weight["range"] == 0
        if role in "sb":
            self.quadratic(s, s, weight["bin"])
            self.value += weight["bin"]
        if role == "b":
            self.quadratic(s, v, -weight["gate"])
            self.quadratic(one, v, weight["gate"] + weight["switch"])
            self.combine(-weight["switch"] / 2, y, one, s)
            self.quadratic(one, one, -weight["cap"] * square / 2)
            self.quadratic(one, s, -weight["cap"] * square / 2)

    def combine(self, weight, y, *variables):
        """Add weight * y * (sum of the variables)."""
        for variable, c in y.items():
            for other in variables:
                self.quadratic(other, variable, weight * c)

    def squares(self, name, variables, multipliers, kind):
        """The lines `input` and `dual`; returns the sum of their multipliers."""
        for value in multipliers:
            require(value >= 0, "sign", f"{name} multiplier is negative")
        for i, variable in enumerate(variables):
            self.quadratic(variable, variable, multipliers[i if kind == "cube" else 0])
        self.value += sum(multipliers)
        return sum(multipliers)

    def objective(self):
        last = self.network.depth
        for o in self.outputs:
            w = ("w", o) if self.part.dual is not None else ("1",)
            for k, c in self.cert.rows[o].items():
                self.combine(-c, self.linear_image(last, k), w)
                for term in self.network.layers[last].terms:
                    for j, a in term.rows[k].items():
                        if self.part.roles.get(term.source, {j: ""})[j] == "s":
                            self.combine(-c * a / 2, self.linear_image(term.source, j), w, ("s", term.source, j))

    def build(self):
        """Fill `matrix` and `value`; returns T and W of theorem 6."""
        for l in range(1, self.network.depth):
            self.layer(l)
        part = self.part
        if part.one is not None:
            self.quadratic(("1",), ("1",), part.one)
            self.value += part.one
        t = self.squares("input", [("t", j) for j in self.inputs], part.input_multipliers, part.input[0])
        w = self.squares("dual", [("w", o) for o in self.outputs], part.dual, part.output[0]) \
            if part.dual is not None else 0
        self.objective()
        return t, w

    def bound(self):
        """Theorem 6."""
        t, w = self.build()
        require(psd(self.matrix), "psd", "the slack matrix is not positive semidefinite")
        return min(self.value, root(4 * t * w)) if self.homogeneous else self.value


def sdp_bound(network, cert, ranges):
    """Theorem 7."""
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
        bound = Sdp(network, cert, ranges, part).bound()
        best = bound if best is None else max(best, bound)
    require(len(covered) == n * rows, "cover", "the parts do not cover every input and row")
    return best


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
            upper = sdp_bound(network, cert, ranges)
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
