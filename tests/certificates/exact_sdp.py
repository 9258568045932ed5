"""A part of the statement `sdp` in rationals (docs/certificate.md, section 9): images, ranges, constraints and
cuts, and the slack matrix of theorem 6 as a sum of rules, each with a multiplier."""
from fractions import Fraction

from exact_format import FREE, KINDS, has
from exact_numbers import INF, matrix_norm, psd, require, root, vector_norm


def combine(*weighted):
    """The sum of weight * linear form; a coefficient that cancelled to 0 stays an entry."""
    out = {}
    for weight, form in weighted:
        for variable, c in form.items():
            out[variable] = out.get(variable, 0) + weight * c
    return out


ONE = {("1",): Fraction(1)}
HALF = Fraction(1, 2)


def expand(terms):
    """The quadratic form, sum of weight f g, as {(i, j): entry of the matrix, i <= j}."""
    out = {}
    for weight, f, g in terms:
        for i, a in f.items():
            for j, b in g.items():
                at = (i, j) if repr(i) <= repr(j) else (j, i)
                out[at] = out.get(at, 0) + weight * a * b * (1 if i == j else HALF)
    return out


class Sdp:
    """One part: the variables are ("1",), ("t", j), ("v", l, k), ("s", l, k), ("w", o), ("x", j) and ("h", l, k).

    `rules` lists (kind, at, multiplier, terms, d): the multiplier adds multiplier * sum of weight f g to the
    form of S_p (a square, or minus a constraint), and multiplier * d to U."""

    def __init__(self, network, cert, ranges, part):
        self.network, self.cert, self.ranges, self.part = network, cert, ranges, part
        self.matrix, self.value, self.homogeneous, self.rules = {}, Fraction(0), part.one is None, []
        kind, index = part.input
        self.inputs = range(network.width[0]) if kind != "unit" else [index]
        kind, index = part.output
        self.outputs = range(len(cert.rows)) if kind in ("cube", "ball") else [index]
        self.image = {(0, j): {("t", j): Fraction(1)} for j in self.inputs}
        self.norm = {0: root(network.width[0]) if part.input[0] == "cube" else Fraction(1)}
        self.range, self.y, self.z, self.h = {}, {}, {}, {}
        if part.values:
            self.inputs_of_the_point()

    # -- The form of S_p and the number U

    def subtract(self, terms):
        """Take sum of weight f g from the form of S_p."""
        for at, value in expand(terms).items():
            self.matrix[at] = self.matrix.get(at, 0) - value

    def rule(self, kind, at, multiplier, terms, d=0):
        self.rules.append((kind, at, multiplier, terms, d))
        if multiplier:
            self.subtract([(-multiplier * weight, f, g) for weight, f, g in terms])
            self.value += multiplier * d

    def constraint(self, kind, at, multiplier, *terms):
        """sum of weight f g >= 0, or = 0"""
        self.rule(kind, at, multiplier, [(-weight, f, g) for weight, f, g in terms])

    # -- Tangents

    def linear_image(self, l, k):
        """y of a neuron, or its images in the last layer: {variable: coefficient}"""
        return combine(*((a, self.image.get((term.source, j), {}))
                         for term in self.network.layers[l].terms for j, a in term.rows[k].items()))

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
        for k in range(self.network.width[l]):
            role, value = self.part.letters(l, k) if layer.relu else ("a", "a")
            y = self.y[l, k] = self.linear_image(l, k)
            r = self.range[l, k] = self.bound_range(l, k, y)
            if layer.relu and role in "ai":
                require(role in self.ranges.phase(l, k) or not y, "role",
                        f"layer {l}, neuron {k}: role {role} is not justified")
            if role != "i":
                squares += r * r
            self.image[l, k] = y if role == "a" else {("v", l, k): Fraction(1)} if role in "vb" else {}
            if self.part.values:
                self.value_image(l, k, value if layer.relu else "a")
            if layer.relu:
                self.constraints(l, k, role, value)
        by_norms = sum((matrix_norm(term.rows, "2", "2", self.cert.spectral.get((l, t))) *
                        self.norm[term.source] for t, term in enumerate(layer.terms)), Fraction(0))
        self.norm[l] = min(root(squares), by_norms)

    # -- Points

    def inputs_of_the_point(self):
        for j in range(self.network.width[0]):
            c, w = self.cert.frame(j)
            require(w != INF, "frame", f"input {j}: the region is too wide")
            self.h[0, j] = {("1",): c, ("x", j): w} if w else {("1",): c}

    def value_image(self, l, k, value):
        """z and h of a neuron as functions of the variables, where they are needed."""
        if value in "ai" and self.network.layers[l].relu:
            require(value in self.ranges.phase(l, k), "value", f"layer {l}, neuron {k}: value {value} is not justified")
        if (l, k) in self.part.needed:
            layer = self.network.layers[l]
            self.z[l, k] = combine((layer.bias[k], ONE), *((a, self.h[term.source, j])
                                                           for term in layer.terms for j, a in term.rows[k].items()))
        if value in "hz":
            least, most = self.number("least", l, k), self.number("most", l, k)
            require(least <= self.ranges.lo[l][k] and least < 0, "least", f"layer {l}, neuron {k}: least")
            require(most >= self.ranges.hi[l][k] and most > 0, "most", f"layer {l}, neuron {k}: most")
            if value == "h":
                self.h[l, k] = {("1",): most / 2, ("h", l, k): most / 2}
        elif value == "i":
            self.h[l, k] = {}
        elif value == "a" and (l, k) in self.z:
            self.h[l, k] = self.z[l, k]

    # -- The constraints of a neuron

    def number(self, kind, l, k):
        """The multiplier of a neuron, 0 where the file has none."""
        values = self.part.multipliers.get((l, kind))
        if values is None:
            return Fraction(0)
        value = values[[m for m in self.part.neurons(kind) if m[0] == l].index((l, k))]
        require(value >= 0 or kind in FREE, "sign", f"layer {l}: {kind} is negative")
        if kind == "bound":
            require(value >= self.range[l, k], "range", f"layer {l}, neuron {k}: the bound is too small")
        return value

    def constraints(self, l, k, role, value):
        """Those without a multiplier add zeros."""
        at, y, v, s = (l, k), self.y[l, k], {("v", l, k): Fraction(1)}, {("s", l, k): Fraction(1)}
        weight = {kind: self.number(kind, l, k) for kind in KINDS if has(kind, role, value)}
        square = weight.get("bound", 0) ** 2
        u = combine((HALF, ONE), (HALF, s))
        if role in "vb":
            self.constraint("tangent", at, weight["tangent"], (1, v, y), (-1, v, v))
            self.rule("range", at, weight["range"], [(1, v, v)], square)
            self.homogeneous = self.homogeneous and weight["range"] == 0
        if role in "sb" or value in "hz":
            self.rule("bin", at, weight["bin"], [(1, s, s)], 1)
        if role == "b":
            self.constraint("gate", at, weight["gate"], (1, s, v), (-1, ONE, v))
            self.constraint("switch", at, weight["switch"], (1, u, y), (-1, ONE, v))
            self.constraint("cap", at, weight["cap"], (square, ONE, u), (-1, v, v))
        if value in "hz":
            self.value_constraints(at, value, weight, u)

    def value_constraints(self, at, value, weight, u):
        z, least, most, off = self.z[at], weight["least"], weight["most"], combine((1, ONE), (-1, u))
        if value == "h":
            h, wide = self.h[at], combine((1, ONE), (1, {("h", *at): Fraction(1)}))
            self.rule("state", at, weight["state"], [(1, {("h", *at): Fraction(1)}, {("h", *at): Fraction(1)})], 1)
            self.constraint("square", at, weight["square"], (1, wide, z), (-1, wide, h))
            self.constraint("closed", at, weight["closed"], (2, off, wide))
            self.constraint("open", at, weight["open"], (1, u, z), (-1, ONE, h))
        self.constraint("above", at, weight["above"], (1, u, z))
        self.constraint("below", at, weight["below"], (-1, off, z))
        self.constraint("phases", at, weight["phases"], (-1, z, z), (most, u, z), (least, off, z))
        self.constraint("roof", at, weight["roof"], (most, u, ONE), (-1, u, z))
        self.constraint("floor", at, weight["floor"], (1, off, combine((1, z), (-least, ONE))))

    # -- Cuts

    def size(self, variable):
        """R of a variable."""
        if variable[0] != "v":
            return Fraction(1)
        return self.bound_line(*variable[1:])

    def bound_line(self, l, k):
        require((l, "bound") in self.part.multipliers, "bound", f"layer {l} has no line `bound`")
        return self.number("bound", l, k)

    def form(self, word, number):
        """A linear function that is at least 0."""
        if word in ("plus", "minus"):
            variable = self.part.variables[number]
            return combine((self.size(variable), ONE), (1 if word == "plus" else -1, {variable: Fraction(1)}))
        l, k = self.part.neurons("cap" if word[0] == "o" else "least")[number]
        u = {("1",): HALF, ("s", l, k): HALF}
        off = combine((1, ONE), (-1, u))
        if word[0] == "o":
            r, sign, v = self.bound_line(l, k), 1 if word[-1] == "+" else -1, {("v", l, k): Fraction(1)}
            return combine((r, u), (sign, v)) if word[:-1] == "on" else \
                combine((r, off), (sign, self.y[l, k]), (-sign, v))
        z, least, most = self.z[l, k], self.number("least", l, k), self.number("most", l, k)
        h = self.h[l, k] if self.part.values[l][k] == "h" else None
        if word == "closed":
            return combine((1, h), (-1, z))
        if word == "upper":
            return combine((most, u), (-1, z if h is None else h))
        return combine((1, z), (-1, {} if h is None else h), (-least, off))

    def cuts(self):
        for number, (indices, (a, b), multiplier) in enumerate(self.part.triangles):
            require(multiplier >= 0, "sign", "the multiplier of a triangle is negative")
            variables = [self.part.variables[i] for i in indices]
            p, q, r = ({variable: Fraction(1)} for variable in variables)
            rp, rq, rr = (self.size(variable) for variable in variables)
            self.constraint("triangle", number, multiplier, (rp * rq * rr, ONE, ONE), (a * rr, p, q), (b * rq, p, r),
                            (a * b * rp, q, r))
        for number, (f, g, multiplier) in enumerate(self.part.products):
            require(multiplier >= 0, "sign", "the multiplier of a product is negative")
            self.constraint("product", number, multiplier, (1, self.form(*f), self.form(*g)))

    # -- All together

    def squares(self, name, variables, multipliers, each):
        """The lines `input`, `dual` and `point`, a number for every variable or one for all; the sum of the numbers."""
        for value in multipliers:
            require(value >= 0, "sign", f"{name} multiplier is negative")
        for i, value in enumerate(multipliers):
            chosen = variables[i:i + 1] if each else variables
            self.rule(name, i, value, [(1, {v: Fraction(1)}, {v: Fraction(1)}) for v in chosen], 1)
        return sum(multipliers)

    def objective(self):
        last = self.network.depth
        for o in self.outputs:
            w = {("w", o): Fraction(1)} if self.part.dual is not None else ONE
            for k, c in self.cert.rows[o].items():
                self.subtract([(c, self.linear_image(last, k), w)])
                for term in self.network.layers[last].terms:
                    for j, a in term.rows[k].items():
                        if self.part.roles.get(term.source, {j: ""})[j] == "s":
                            u = combine((HALF, w), (HALF, {("s", term.source, j): Fraction(1)}))
                            self.subtract([(c * a, self.linear_image(term.source, j), u)])

    def build(self):
        """Fill `matrix` and `value`; returns T and W of theorem 6."""
        for l in range(1, self.network.depth):
            self.layer(l)
        part = self.part
        if part.one is not None:
            self.rule("one", 0, part.one, [(1, ONE, ONE)], 1)
        t = self.squares("input", [("t", j) for j in self.inputs], part.input_multipliers, part.input[0] == "cube")
        w = self.squares("dual", [("w", o) for o in self.outputs], part.dual, part.output[0] == "cube") \
            if part.dual is not None else 0
        if part.point is not None:
            self.squares("point", [v for v in part.variables if v[0] == "x"], part.point, self.cert.region == "box")
        self.cuts()
        self.objective()
        return t, w

    def bound(self):
        """Theorem 6."""
        t, w = self.build()
        require(psd(self.matrix), "psd", "the slack matrix is not positive semidefinite")
        return min(self.value, root(4 * t * w)) if self.homogeneous else self.value
