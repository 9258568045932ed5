"""A part of the statement `identity` in rationals (docs/certificate.md, section 10): the objective F, factors and
equalities as polynomials, and P = F + the sum of all terms.

A polynomial is {monomial: coefficient}, a monomial an ascending tuple of variables, each u at most once.
"""
from fractions import Fraction

from exact_numbers import INF, psd, require

ONE = Fraction(1)


def combine(*weighted):
    """The sum of weight * polynomial; a coefficient that cancelled to 0 stays an entry."""
    out = {}
    for weight, poly in weighted:
        for monomial, c in poly.items():
            out[monomial] = out.get(monomial, 0) + weight * c
    return out


def constant(c):
    return {(): Fraction(c)} if c else {}


class Identity:
    """`terms` lists the polynomials of the terms; `bound` is theorem 10."""

    def __init__(self, network, cert, ranges, part):
        self.network, self.cert, self.ranges, self.part = network, cert, ranges, part
        self.index = {name: i for i, name in enumerate(part.variables)}
        self.gates = part.gates()
        self.y, self.tangent, self.z, self.h, self.size = {}, {}, {}, {}, {}
        self.terms, self.objective = [], {}

    # -- Polynomials in normal form

    def monomial(self, a, b):
        """The product of two monomials, with u u = u."""
        merged = sorted(a + b)
        return tuple(i for at, i in enumerate(merged) if not (at and merged[at - 1] == i and self.part.is_u(i)))

    def times(self, f, g):
        out = {}
        for a, x in f.items():
            for b, y in g.items():
                at = self.monomial(a, b)
                out[at] = out.get(at, 0) + x * y
        return out

    def variable(self, *name):
        return {(self.index[name],): ONE}

    # -- Images

    def images(self):
        """Tangents of all layers, values where they are needed, and F."""
        network, part = self.network, self.part
        for j in range(network.width[0]):
            self.tangent[0, j] = self.variable("t", j) if ("t", j) in self.index else {}
            if part.values:
                c, w = self.cert.frame(j)
                require(w != INF, "frame", f"input {j}: the region is too wide")
                self.h[0, j] = combine((1, constant(c)), (w, self.variable("x", j))) if w else constant(c)
        for l in range(1, network.depth + 1):
            for k in range(network.width[l]):
                self.y[l, k] = self.read(l, k, self.tangent)
                role, value = part.letters(l, k) if l in part.roles else ("a", "a")
                if l in part.roles:
                    self.stable(l, k, role, value)
                self.tangent[l, k] = {"a": lambda y: y, "i": lambda y: {}, "u": lambda y: self.times(
                    self.variable("u", l, k), y)}[role](self.y[l, k])
                if l < network.depth:
                    self.value(l, k, value)
        for o, row in enumerate(self.cert.rows):
            if part.output[0] != "fixed" or part.output[1] == o:
                w = self.variable("w", o) if part.output[0] != "fixed" else constant(1)
                for k, c in row.items():
                    self.objective = combine((1, self.objective), (c, self.times(w, self.y[network.depth, k])))

    def read(self, l, k, images):
        """The sum over all terms of weight * image of the neuron that is read."""
        return combine(*((a, images[term.source, j]) for term in self.network.layers[l].terms
                         for j, a in term.rows[k].items()))

    def stable(self, l, k, role, value):
        phase = self.ranges.phase(l, k)
        require(role == "u" or role in phase or not self.y[l, k], "role", f"layer {l}, neuron {k}: role {role} is not justified")
        require(value not in "ai" or value in phase, "value", f"layer {l}, neuron {k}: value {value} is not justified")

    def value(self, l, k, value):
        at, part = (l, k), self.part
        if at in part.needed:
            self.z[at] = combine((1, constant(self.network.layers[l].bias[k])), (1, self.read(l, k, self.h)))
        if value == "a" and at in self.z:
            self.h[at] = self.z[at]
        if value == "i":
            self.h[at] = {}
        if value in "hz":
            least, most = part.ends[at]
            require(least <= self.ranges.lo[l][k] and (least < 0 or part.roles[l][k] != "u"), "least", f"layer {l}, neuron {k}: least")
            require(most >= self.ranges.hi[l][k] and most > 0, "most", f"layer {l}, neuron {k}: most")
            self.size[at] = power(max(abs(least), most))
            require(self.size[at] < 2**1024 or not part.lifts, "size", f"layer {l}, neuron {k}: the size is 2^1024")
            if value == "h":
                self.h[at] = combine((most, self.variable("h", l, k)))

    # -- The table

    def parts(self, gate):
        """(u, z, h, h', least, most) of a gate, those that it has"""
        at = self.gates[gate]
        u = self.variable("u", *at) if self.part.roles[at[0]][at[1]] == "u" else None
        z = combine((self.size[at], self.variable("z", *at))) if self.part.lifts else self.z[at]
        known = self.part.values[at[0]][at[1]] == "h"
        least, most = self.part.ends[at]
        return u, z, self.h[at] if known else None, self.variable("h", *at) if known else None, constant(least), constant(most)

    def factor(self, word, number):
        one = constant(1)
        if word in ("plus", "minus", "square", "on", "off"):
            p = {(number,): ONE}
            return {"plus": combine((1, one), (1, p)), "minus": combine((1, one), (-1, p)), "on": p, "off": combine((1, one), (-1, p)),
                    "square": combine((1, one), (-1, self.times(p, p)))}[word]
        if word.endswith("ball"):
            return combine((1, one), *((-1, {(i, i): ONE}) for name, i in self.index.items() if name[0] == word[0]))
        u, z, h, state, least, most = self.parts(number)
        if word in ("above", "below", "half"):
            return combine((1, self.times(u, z)), ({"above": 0, "below": -1, "half": Fraction(-1, 2)}[word], z))
        return combine(*{"excess": ((1, h), (-1, z)), "state": ((1, state),), "room": ((1, one), (-1, state)),
                         "base": ((1, h), (-1, least)), "top": ((1, most), (-1, z)), "bottom": ((1, z), (-1, least))}[word])

    def equality(self, word, gate):
        u, z, h, state, _, _ = self.parts(gate)
        if word == "open":
            return combine((1, self.times(u, z)), (-1, h))
        if word == "closed":
            return combine((1, h), (-1, self.times(u, h)))
        if word == "relu":
            return self.times(state, combine((1, h), (-1, z)))
        return combine((1, z), (-1, self.z[self.gates[gate]]))

    # -- Terms

    def form(self, word, basis, numbers):
        """What the product of the factors, or the equality, is multiplied by."""
        if word == "scalar":
            require(numbers[0][0] >= 0, "sign", "a scalar is negative")
            return constant(numbers[0][0])
        if word == "zero":
            return combine(*((c, {b: ONE}) for c, b in zip(numbers[0], basis)))
        require(psd({(j, i): c for i, row in enumerate(numbers) for j, c in enumerate(row)}), "gram",
                "a Gram matrix is not positive semidefinite")
        return combine(*((c * (1 if i == j else 2), {self.monomial(basis[i], basis[j]): ONE})
                         for i, row in enumerate(numbers) for j, c in enumerate(row)))

    def build(self):
        self.images()
        polynomials = {}
        for word, factors, basis, numbers in self.part.terms:
            product = self.form(word, basis, numbers)
            for factor in factors:
                if factor not in polynomials:
                    polynomials[factor] = self.equality(*factor) if word == "zero" else self.factor(*factor)
                product = self.times(product, polynomials[factor])
            self.terms.append(product)
        self.sum = combine((1, self.objective), *((1, term) for term in self.terms))

    def bound(self):
        """Theorem 10."""
        self.build()
        return self.bound_of_sum()

    def bound_of_sum(self):
        return max(self.sum.get((), Fraction(0)) + sum(abs(c) for monomial, c in self.sum.items() if monomial), Fraction(0))


def power(x):
    """The smallest power of two that is at least x > 0."""
    p = Fraction(2) ** (x.numerator.bit_length() - x.denominator.bit_length() - 1)
    while p < x:
        p *= 2
    return p
