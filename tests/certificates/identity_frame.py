"""Parts of the statement `identity` in the making: their head, all factors and equalities that they have, terms at random,
and terms that a linear or a semidefinite program finds.

The programs are solved in floating point and rounded to short numbers; whatever they are, the terms give a valid bound,
which the exact checker computes.
"""
import itertools
from fractions import Fraction

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

import exact_checker
from corpus_tools import barrier, down, real, reals, short, up
from exact_format import Certificate, Network
from exact_identity import Identity
from exact_identity_format import EQUALITIES, FACTORS

UPPER = 2.0**1000


def outwards(q):
    """The smallest double that is at least q."""
    x = float(q)
    return x if Fraction(x) >= q else float(np.nextafter(x, np.inf))


def available(part):
    """All factors and equalities of a part as (word, number)."""
    gates = part.gates()
    balls = {"tball": part.input[0] == "ball", "wball": part.output[0] == "ball", "xball": bool(part.values) and part.region == "ball"}
    factors = []
    for word, (what, _) in FACTORS.items():
        if what == "ball":
            factors += [(word, 0)] * balls[word]
        elif what in ("variable", "u"):
            factors += [(word, i) for i in range(len(part.variables)) if part.is_u(i) == (what == "u")]
        else:
            factors += [(word, g) for g, at in enumerate(gates) if part.has(what, at)]
    return factors, [(word, g) for word, (what, _) in EQUALITIES.items() for g, at in enumerate(gates) if part.has(what, at)]


class IdentityFrame:
    def __init__(self, claim, input_set, output_set, roles, values=(), lifts=False, tight=False):
        self.tight = tight
        self.claim, self.net = claim, Network(claim.net.encode())
        relus = self.net.relus()
        self.head = f"part {input_set} {output_set}\n" + "".join(f"roles {l} {letters}\n" for l, letters in zip(relus, roles))
        if values:
            self.head += self.value_lines(dict(zip(relus, roles)), dict(zip(relus, values))) + ("lifts\n" if lifts else "")
        self.identity = self.evaluate([])
        self.part = self.identity.part
        self.factors, self.equalities = available(self.part)

    def value_lines(self, roles, values):
        """Lines `values`, with bounds rounded outwards, by 1e-9 if not `tight`."""
        more, less = (outwards, lambda q: -outwards(-q)) if self.tight else (up, lambda q: float(down(q)))
        ranges = exact_checker.Ranges(self.net, self.certificate("statement product\n"))
        text = ""
        for l, letters in values.items():
            text += f"values {l} {letters}\n"
            gates = [k for k, letter in enumerate(letters) if letter in "hz"]
            if gates:
                lo, hi = ranges.lo[l], ranges.hi[l]
                least = [-more(-lo[k]) if lo[k] < 0 else less(lo[k]) if roles[l][k] == "a" else -0.125 for k in gates]
                text += f"least {l}{reals(least)}\nmost {l}{reals(more(hi[k]) if hi[k] > 0 else 0.125 for k in gates)}\n"
        return text

    def certificate(self, statement):
        claim = self.claim
        saved = claim.statement, claim.witness, claim.upper, claim.lower
        claim.statement, claim.witness, claim.upper, claim.lower = statement, "", UPPER, None
        text = claim.text()
        claim.statement, claim.witness, claim.upper, claim.lower = saved
        return Certificate(text.encode(), self.net)

    def evaluate(self, terms):
        """The exact checker's view of the part with these terms."""
        cert = self.certificate("statement identity 1\n" + self.text(terms))
        identity = Identity(self.net, cert, exact_checker.Ranges(self.net, cert), cert.parts[0])
        identity.build()
        return identity

    def text(self, terms):
        return f"{self.head}terms {len(terms)}\n" + "".join(terms)

    def spell(self, monomial):
        return "*".join(map(str, monomial)) or "one"

    def monomials(self, degree, variables=None):
        """All of at most this degree in normal form."""
        chosen = range(len(self.part.variables)) if variables is None else variables
        found = {self.identity.monomial(some, ()) for d in range(degree + 1)
                 for some in itertools.combinations_with_replacement(chosen, d)}
        return sorted(found, key=lambda m: (len(m), m))

    # -- Terms as text

    def scalar(self, factors, c):
        return f"scalar {product(factors)} {real(c)}\n"

    def gram(self, factors, basis, q):
        lines = "".join(reals(row[:i + 1])[1:] + "\n" for i, row in enumerate(q))
        return f"gram {product(factors)} {len(basis)} {' '.join(map(self.spell, basis))}\n{lines}"

    def zero(self, equality, basis, c):
        return f"zero {equality[0]} {equality[1]} {len(basis)} {' '.join(map(self.spell, basis))}\n{reals(c)[1:]}\n"

    # -- At random

    def random_monomial(self, rng, degree):
        return self.identity.monomial(tuple(rng.randrange(len(self.part.variables)) for _ in range(rng.randint(0, degree))), ())

    def random_factors(self, rng, degree, most=3):
        """Factors of at most this degree together, and the degree that is left."""
        found = []
        for _ in range(rng.randint(0, most)):
            word, number = rng.choice(self.factors)
            if FACTORS[word][1] <= degree:
                found.append((word, number))
                degree -= FACTORS[word][1]
        return found, degree

    def random_gram(self, rng, degree=8, size=3):
        """L L' + 2^-8 I for a short L."""
        factors, left = self.random_factors(rng, degree - 2, 2)
        d = rng.randint(1, size)
        low = np.tril(np.array([[rng.randint(-8, 8) / 16 for _ in range(d)] for _ in range(d)]))
        return self.gram(factors, [self.random_monomial(rng, min(left // 2, 2)) for _ in range(d)], low @ low.T + np.eye(d) / 256)

    def random_zero(self, rng, degree=8, size=3):
        word, gate = rng.choice(self.equalities)
        d = rng.randint(1, size)
        basis = [self.random_monomial(rng, min(degree - EQUALITIES[word][1], 2)) for _ in range(d)]
        return self.zero((word, gate), basis, [rng.randint(-32, 32) / 64 for _ in range(d)])

    def random_terms(self, rng, scalars, grams=0, zeros=0):
        terms = [self.scalar(self.random_factors(rng, 8)[0], rng.randint(0, 64) / 256) for _ in range(scalars)]
        terms += [self.random_gram(rng) for _ in range(grams)]
        terms += [self.random_zero(rng) for _ in range(zeros if self.equalities else 0)]
        return terms

    def every(self, rng):
        """Every factor and every equality at least once."""
        terms = [self.scalar([f], rng.randint(1, 16) / 64) for f in self.factors]
        return terms + [self.zero(e, [(), (0,)], [rng.randint(-16, 16) / 64, 0.125]) for e in self.equalities]

    # -- Programs

    def products(self, degree, words=None):
        """All products of factors of at most this degree, the empty one left out."""
        chosen = [f for f in self.factors if words is None or f[0] in words]
        return [some for m in range(1, degree + 1) for some in itertools.combinations_with_replacement(chosen, m)
                if sum(FACTORS[word][1] for word, _ in some) <= degree]

    def polynomial(self, factors):
        p = {(): 1}
        for word, number in factors:
            p = self.identity.times(p, self.identity.factor(word, number))
        return p

    def free_terms(self, degree):
        """(equality, monomial, polynomial)"""
        return [(e, m, self.identity.times({m: 1}, self.identity.equality(*e))) for e in self.equalities
                for m in self.monomials(max(0, degree - EQUALITIES[e[0]][1]))]

    def lp(self, degree, words=None):
        """The best scalars for all products of factors, with numbers for the equalities: minimise the constant plus
        the sum of magnitudes of the other coefficients of P."""
        signed, free = self.products(degree, words), self.free_terms(degree)
        columns = [self.polynomial(some) for some in signed] + [p for _, _, p in free]
        rows = {m: i for i, m in enumerate(sorted({m for p in (*columns, self.identity.objective) for m in p} | {()}))}
        entries = [(rows[m], j, float(c)) for j, p in enumerate(columns) for m, c in p.items()]
        i, j, v = zip(*entries)
        a = coo_matrix((v, (i, j)), (len(rows), len(columns))).toarray()
        f = np.zeros(len(rows))
        for m, c in self.identity.objective.items():
            f[rows[m]] = float(c)
        rest = [r for m, r in rows.items() if m]
        # P_m - s_m <= 0, -P_m - s_m <= 0
        slack = -np.eye(len(rest))
        matrix = np.block([[a[rest], slack], [-a[rest], slack]])
        cost = np.concatenate([a[rows[()]], np.ones(len(rest))])
        found = linprog(cost, matrix, np.concatenate([-f[rest], f[rest]]), method="highs",
                        bounds=[(0, None)] * len(signed) + [(-8, 8)] * len(free) + [(0, None)] * len(rest))
        x = [short(v) if abs(v) > 1e-9 else 0.0 for v in found.x[:len(columns)]]
        terms = [self.scalar(some, c) for some, c in zip(signed, x) if c]
        return terms + [self.zero(e, [m], [c]) for (e, m, _), c in zip(free, x[len(signed):]) if c]

    def sos(self, basis, scalars=(), degree=0):
        """A Gram matrix b'Qb = U - F - the other terms, with multipliers of these products and of the equalities."""
        times = self.identity.monomial
        pairs = {}
        for i, a in enumerate(basis):
            for j in range(i + 1):
                pairs.setdefault(times(a, basis[j]), []).append((i, j))
        signed = [(some, p) for some in scalars if set(p := self.polynomial(some)) <= set(pairs)]
        free = [(e, m, p) for e, m, p in self.free_terms(degree) if set(p) <= set(pairs)] if degree else []

        def matrix(p):
            q = np.zeros((len(basis), len(basis)))
            for m, c in p.items():
                i, j = pairs[m][0]
                q[i, j] += float(c) / (1 if i == j else 2)
                q[j, i] = q[i, j]
            return q

        def other(m, pair):
            q = matrix({m: -1})
            i, j = pair
            q[i, j] += 1 if i == j else 0.5
            q[j, i] = q[i, j]
            return q

        slopes = [matrix({(): 1})] + [-matrix(p) for _, p in signed] + [-matrix(p) for _, _, p in free]
        slopes += [other(m, pair) for m, some in pairs.items() for pair in some[1:]]
        count, named = len(slopes), 1 + len(signed)
        cost, is_free = np.zeros(count), [False] * named + [True] * (count - named)
        cost[0] = 1
        base, slopes = -matrix(self.identity.objective), np.array(slopes)
        x = np.ones(count)
        x[named:] = 0
        more = np.append(x, max(0.0, -np.linalg.eigvalsh(base + np.tensordot(x, slopes, 1))[0]) + 1)
        wide = np.concatenate([slopes, np.eye(len(basis))[None]])
        for mu in (1.0, 0.1, 0.01, 1e-3, 1e-4):
            more = barrier(base, wide, np.append(cost * 1e-3, 1.0), is_free + [True], mu, more, 1e-6, stop=lambda y: y[-1] < -1e-3)
            if more[-1] < 0:
                break
        if more[-1] >= 0:
            raise ValueError("no Gram matrix")
        x = more[:-1]
        for mu in 10.0 ** -np.arange(0, 6):
            x = barrier(base, slopes, cost, is_free, mu, x, 1e-6)
        x = np.array([short(v) for v in x])
        x[0] = 0.0  # the Gram matrix without U is what has to cancel; U is its constant
        terms = [self.scalar(some, c) for (some, _), c in zip(signed, x[1:named])]
        terms += [self.zero(e, [m], [c]) for (e, m, _), c in zip(free, x[named:])]
        u = more_constant(base, slopes, x)
        q = base + np.tensordot(x, slopes, 1) + u * slopes[0]
        return terms + [self.gram([], basis, [[short(v, 40) for v in row] for row in q])]


def more_constant(base, slopes, x):
    """The least U for which the matrix is definite, and a little more."""
    u = 1.0
    while np.linalg.eigvalsh(base + np.tensordot(x, slopes, 1) + u * slopes[0])[0] < 1e-6:
        u *= 1.01
    return u


def product(factors):
    return " ".join([str(len(factors)), *(f"{word} {number}" for word, number in factors)])
