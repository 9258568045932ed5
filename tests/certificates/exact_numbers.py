"""What the exact checker computes with: roots, semidefinite matrices and norms, all rational."""
from fractions import Fraction
from math import isqrt, lcm

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
