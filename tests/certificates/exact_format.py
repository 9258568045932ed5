"""Readers of canonical networks and certificates, strict, with exact numbers (docs/canonical-format.md,
docs/certificate.md).  They share nothing with lipcheck or the library; standard library only.

Both files are lines of tokens.  A token is an integer, a real or a word in its one spelling, so that
what is accepted has one text.  Everything else raises Malformed, with the line.
"""
import math
import re
from dataclasses import dataclass, field
from fractions import Fraction

import exact_identity_format
import exact_tree_format

INTEGER = re.compile(r"0|[1-9][0-9]{0,18}")
NORMAL = re.compile(r"(-?)0x1(?:\.([0-9a-f]{0,12}[1-9a-f]))?p(?:\+(0|[1-9][0-9]{0,3})|(-[1-9][0-9]{0,3}))")
SUBNORMAL = re.compile(r"(-?)0x0\.([0-9a-f]{0,12}[1-9a-f])p-1022")
HASH = re.compile(r"[0-9a-f]{64}")
LARGEST = 10**9
NORMS = ("1", "2", "inf")
# the lines of a layer in their order, with the roles and the values of the neurons that have a number in them
KINDS = {"bound": ("vb", ""), "tangent": ("vb", ""), "range": ("vb", ""), "bin": ("sb", "hz"), "gate": ("b", ""),
         "switch": ("b", ""), "cap": ("b", ""), "least": ("", "hz"), "most": ("", "hz"), "state": ("", "h"),
         "square": ("", "h"), "closed": ("", "h"), "open": ("", "h"), "above": ("", "hz"), "below": ("", "hz"),
         "phases": ("", "hz"), "roof": ("", "hz"), "floor": ("", "hz")}
FREE = ("tangent", "bin", "gate", "switch", "least", "most", "square", "closed", "open")  # the others are at least 0


def has(kind, role, value):
    """Does a neuron with this role and this value have a number in the lines of this kind?"""
    roles, values = KINDS[kind]
    return role in roles or value in values


class Malformed(Exception):
    """The text does not follow its grammar."""


class Lines:
    """The lines of a file, one after the other, each a list of tokens."""

    def __init__(self, data, name):
        self.name, self.number = name, 0
        self.lines = data.decode("latin-1").split("\n")
        if self.lines.pop() != "":
            self.fail("the last line has no end")

    def fail(self, sentence):
        raise Malformed(f"{self.name}, line {self.number}: {sentence}")

    def need(self, condition, sentence):
        if not condition:
            self.fail(sentence)

    def peek(self):
        """The first word of the next line, "" at the end."""
        return self.lines[self.number].split(" ")[0] if self.number < len(self.lines) else ""

    def next(self, keyword=None, tokens=None):
        """The tokens of the next line without `keyword`, which must be its first; `tokens` of them."""
        self.need(self.number < len(self.lines), "a line is missing")
        found = self.lines[self.number].split(" ")
        self.number += 1
        if keyword is not None:
            self.need(found[0] == keyword, f"expected '{keyword}'")
            found = found[1:]
        if tokens is not None:
            self.need(len(found) == tokens, f"expected {tokens} values, found {len(found)}")
        return found

    def end(self):
        self.next("end", 0)
        self.need(self.number == len(self.lines), "something follows 'end'")

    def integer(self, token, least=0, most=LARGEST):
        self.need(INTEGER.fullmatch(token), "expected an integer")
        self.need(least <= int(token) <= most, f"expected an integer from {least} to {most}")
        return int(token)

    def real(self, token):
        if token == "0x0p+0":
            return Fraction(0)
        match = NORMAL.fullmatch(token)
        if match:
            sign, digits, up, down = match.groups()
            mantissa, exponent = int("1" + (digits or ""), 16), int(up or down)
            self.need(-1022 <= exponent <= 1023, "a real that is not finite or not normal")
        else:
            match = SUBNORMAL.fullmatch(token)
            self.need(match, "expected a real in its one spelling")
            sign, digits = match.groups()
            mantissa, exponent = int(digits, 16), -1022
        exponent -= 4 * len(digits or "")
        value = Fraction(mantissa << exponent) if exponent >= 0 else Fraction(mantissa, 1 << -exponent)
        return -value if sign else value

    def reals(self, keyword, count):
        return [self.real(token) for token in self.next(keyword, count)]


# ---- Networks ------------------------------------------------------------------------------------

@dataclass
class Term:
    """rows[k] = {column: weight that is not 0}"""
    source: int
    rows: list
    columns: int


@dataclass
class Layer:
    bias: list
    relu: bool
    terms: list = field(default_factory=list)


class Network:
    """layers[1..L]; width[0..L]"""

    def __init__(self, data, name="network"):
        lines = Lines(data, name)
        lines.need(lines.next("lipcert-network") == ["1"], "expected version 1")
        self.width = [lines.integer(lines.next("input", 1)[0], 1)]
        count = lines.integer(lines.next("layers", 1)[0], 1)
        self.layers = [None]
        for number in range(1, count + 1):
            self.layers.append(self.read_layer(lines, number, number == count))
        lines.end()
        lines.need(self.all_used(), "a layer does not contribute to the output")

    @property
    def depth(self):
        return len(self.layers) - 1

    def relus(self):
        return [l for l in range(1, self.depth + 1) if self.layers[l].relu]

    def read_layer(self, lines, number, last):
        token = lines.next("layer", 4)
        lines.need(lines.integer(token[0]) == number, f"expected layer {number}")
        width, terms = lines.integer(token[1], 1), lines.integer(token[3])
        lines.need(token[2] == "linear" or (token[2] == "relu" and not last), "expected a phase")
        layer = Layer(lines.reals("bias", width), token[2] == "relu")
        for _ in range(terms):
            layer.terms.append(self.read_term(lines, width, number))
        self.width.append(width)
        return layer

    def read_term(self, lines, width, number):
        token = lines.next("term")
        lines.need(len(token) > 2, "expected a term")
        source = lines.integer(token[0], 0, number - 1)
        columns = self.width[source]
        read = {"dense": dense, "sparse": sparse, "conv": conv}.get(token[1])
        lines.need(read, "expected 'dense', 'sparse' or 'conv'")
        return Term(source, read(lines, token[2:], width, columns), columns)

    def all_used(self):
        used = {self.depth}
        for l in range(self.depth, 0, -1):
            if l in used:
                used |= {term.source for term in self.layers[l].terms}
        return used >= set(range(1, self.depth + 1))


def sizes(lines, tokens, width, columns, count):
    lines.need(len(tokens) == count, f"expected {count} sizes")
    lines.need(lines.integer(tokens[0]) == width, f"expected {width} rows")
    lines.need(lines.integer(tokens[1]) == columns, f"expected {columns} columns")


def dense(lines, tokens, width, columns):
    sizes(lines, tokens, width, columns, 2)
    rows = []
    for _ in range(width):
        values = [lines.real(token) for token in lines.next(None, columns)]
        rows.append({j: a for j, a in enumerate(values) if a})
    return rows


def sparse(lines, tokens, width, columns):
    sizes(lines, tokens, width, columns, 3)
    entries, rows = lines.integer(tokens[2], 0, width * columns), []
    for _ in range(width):
        token = lines.next()
        count, row, last = lines.integer(token[0], 0, entries), {}, -1
        entries -= count
        lines.need(len(token) == 1 + 2 * count, f"expected {count} entries")
        for at in range(1, len(token), 2):
            last = lines.integer(token[at], last + 1, columns - 1)
            row[last] = lines.real(token[at + 1])
        rows.append({j: a for j, a in row.items() if a})
    lines.need(entries == 0, "fewer entries than announced")
    return rows


def conv(lines, tokens, width, columns):
    lines.need(len(tokens) == 15, "expected 15 sizes")
    size = [lines.integer(token, 0 if i in (12, 13) else 1) for i, token in enumerate(tokens)]
    in_c, in_h, in_w, out_c, out_h, out_w, k_h, k_w = size[:8]
    step_h, step_w, wide_h, wide_w, top, left, groups = size[8:]
    lines.need(in_c * in_h * in_w == columns and out_c * out_h * out_w == width, "the sizes do not fit")
    lines.need(in_c % groups == 0 and out_c % groups == 0, "the groups do not divide the channels")
    depth, rows = in_c // groups, []
    for o in range(out_c):
        w = [lines.real(token) for token in lines.next(None, depth * k_h * k_w)]
        first = o // (out_c // groups) * depth
        for y in range(out_h):
            for x in range(out_w):
                row = {}
                for at, weight in enumerate(w):
                    c, dy, dx = at // (k_h * k_w), at // k_w % k_h, at % k_w
                    i, j = y * step_h + dy * wide_h - top, x * step_w + dx * wide_w - left
                    if weight and 0 <= i < in_h and 0 <= j < in_w:
                        row[((first + c) * in_h + i) * in_w + j] = weight
                rows.append(row)
    return rows


# ---- Certificates --------------------------------------------------------------------------------

@dataclass
class Part:
    """An input or output set is (kind, index); the index is None for 'cube' and 'ball'."""
    input: tuple
    output: tuple
    roles: dict = field(default_factory=dict)        # layer -> string
    values: dict = field(default_factory=dict)       # the same, or empty
    needed: set = field(default_factory=set)         # (layer, neuron) whose z has a value image
    cuts: tuple = None
    variables: list = None                           # their names in order
    one: Fraction = None
    input_multipliers: list = None
    dual: list = None
    point: list = None
    multipliers: dict = field(default_factory=dict)  # (layer, kind) -> list
    triangles: list = field(default_factory=list)    # ((i, j, k), (a, b), multiplier)
    products: list = field(default_factory=list)     # (form, form, multiplier), a form is (word, number)

    def letters(self, l, k):
        """Role and value of a neuron; the value is 'n' if the part does not know the point."""
        return self.roles[l][k], self.values[l][k] if self.values else "n"

    def neurons(self, kind):
        """The (layer, neuron) that have a number in the lines of this kind, in order."""
        return [(l, k) for l, roles in self.roles.items() for k in range(len(roles)) if has(kind, *self.letters(l, k))]


class Certificate:
    """What the file says; nothing is decided here but the grammar."""

    def __init__(self, data, network, name="certificate"):
        self.lines, self.network = Lines(data, name), network
        lines = self.lines
        lines.need(lines.next("lipcert-certificate") == ["1"], "expected version 1")
        self.sha256 = lines.next("network", 1)[0]
        lines.need(HASH.fullmatch(self.sha256), "expected 64 lower-case hexadecimal digits")
        self.read_region()
        self.norms = lines.next("norms", 2)
        lines.need(all(norm in NORMS for norm in self.norms), "expected two norms")
        self.read_output()
        self.bounds = lines.next("bounds", 1)[0]
        lines.need(self.bounds in ("none", "interval", "linear"), "expected kind of bounds")
        lines.need(self.bounds != "linear" or self.region != "everywhere", "linear needs a region")
        self.slopes = self.read_digits("slopes", "01") if self.bounds == "linear" else {}
        self.refine = {}
        if self.bounds == "linear":
            self.read_refine()
        self.upper, self.lower = self.read_claim("upper"), self.read_claim("lower")
        lines.need(self.upper is not None or self.lower is not None, "nothing is claimed")
        self.statement, self.spectral, self.parts = None, {}, []
        if self.upper is not None:
            self.read_statement()
        if self.lower is not None:
            lines.next("witness", 0)
            self.point = lines.reals("point", network.width[0])
            self.direction = lines.reals("direction", network.width[0])
        lines.end()

    def read_region(self):
        lines, n = self.lines, self.network.width[0]
        token = lines.next("region")
        self.region = token[0] if token else ""
        lines.need(self.region in ("everywhere", "box", "ball"), "expected a region")
        lines.need(len(token) == 1 + (self.region == "ball"), "too few or too many values")
        if self.region == "box":
            self.lo, self.hi = lines.reals("lo", n), lines.reals("hi", n)
            lines.need(all(a <= b for a, b in zip(self.lo, self.hi)), "lo > hi")
        elif self.region == "ball":
            self.radius = lines.real(token[1])
            lines.need(self.radius >= 0, "the radius is negative")
            self.centre = lines.reals("centre", n)

    def read_output(self):
        """S as rows {output: coefficient}."""
        lines, m = self.lines, self.network.width[-1]
        token = lines.next("output")
        arguments = {"all": 0, "row": 1, "margin": 2}.get(token[0] if token else "")
        lines.need(arguments is not None and len(token) == 1 + arguments, "expected an output")
        index = [lines.integer(i, 0, m - 1) for i in token[1:]]
        self.single = arguments > 0
        if arguments == 0:
            self.rows = [{k: Fraction(1)} for k in range(m)]
        else:
            lines.need(len(set(index)) == arguments, "the outputs of a margin differ")
            self.rows = [dict(zip(index, (Fraction(1), Fraction(-1))))]

    def read_digits(self, keyword, letters):
        """A string for every relu layer."""
        found = {}
        for l in self.network.relus():
            token = self.lines.next(keyword, 2)
            self.lines.need(self.lines.integer(token[0]) == l, f"expected layer {l}")
            self.lines.need(len(token[1]) == self.network.width[l] and set(token[1]) <= set(letters),
                            f"expected {self.network.width[l]} of '{letters}'")
            found[l] = token[1]
        return found

    def read_refine(self):
        """{(layer, neuron, sign): {(layer, neuron): slope}}"""
        lines, last = self.lines, (0, 0, 0)
        relus = [(l, k) for l in self.network.relus() for k in range(self.network.width[l])]
        while lines.peek() == "refine":
            token = lines.next("refine")
            lines.need(len(token) > 4, "expected a layer, a neuron, a side and numbers")
            l = lines.integer(token[0], 1, self.network.depth)
            lines.need(l in self.network.relus(), "expected a relu layer")
            at = (l, lines.integer(token[1], 0, self.network.width[l] - 1), {"upper": 1, "lower": 2}.get(token[2], 0))
            lines.need(at[2] > 0, "expected a side")
            lines.need(at > last, "refine lines are sorted, each at most once")
            lines.need(len(token) == 4 + 2 * lines.integer(token[3], 1), "expected as many slopes as announced")
            slopes, least, before = {}, 0, sum(m < l for m, _ in relus)
            for number, value in zip(token[4::2], token[5::2]):
                number = lines.integer(number, least, before - 1)
                slope = slopes[relus[number]] = lines.real(value)
                lines.need(0 <= slope <= 1, "expected a slope from 0 to 1")
                least = number + 1
            self.refine[l, at[1], 1 if at[2] == 1 else -1], last = slopes, at

    def frame(self, j):
        """(c, w) of an input: x = c + w x' on the region, |x'| <= 1; w may be infinite."""
        if self.region == "ball":
            return self.centre[j], self.radius
        lo, hi = self.lo[j], self.hi[j]
        if lo == hi:
            return lo, Fraction(0)
        c = Fraction(float(lo / 2 + hi / 2))
        w = max(math.nextafter(float(side), math.inf) for side in (hi - c, c - lo))
        return c, w if w == math.inf else Fraction(w)

    def read_claim(self, keyword):
        token = self.lines.next(keyword, 1)[0]
        if token == "none":
            return None
        value = self.lines.real(token)
        self.lines.need(value >= 0, "a claim is at least 0")
        return value

    def read_statement(self):
        lines = self.lines
        token = lines.next("statement")
        self.statement = token[0] if token else ""
        lines.need(self.statement in ("product", "interval", "sdp", "identity", "tree"), "expected a statement")
        read = {"sdp": lambda: self.read_body(self.read_head()), "identity": lambda: exact_identity_format.read_part(self),
                "tree": lambda: exact_tree_format.read_part(self)}.get(self.statement)
        lines.need(len(token) == 1 + (read is not None), "too few or too many values")
        if self.statement == "interval":
            self.read_interval()
        elif self.statement != "identity":
            self.read_spectral()
        if read:
            for _ in range(lines.integer(token[1], 1)):
                self.parts.append(read())

    def read_interval(self):
        lines = self.lines
        for name in ("magnitude", "midpoint", "radius"):
            if lines.peek() == name:
                self.spectral[name] = lines.real(lines.next(name, 1)[0])
        lines.need(not self.spectral or self.norms == ["2", "2"], "spectral lines need the norms 2 2")

    def read_spectral(self):
        lines, last = self.lines, (0, 0)
        while lines.peek() == "spectral":
            token = lines.next("spectral", 3)
            layer = lines.integer(token[0], 1, self.network.depth)
            at = (layer, lines.integer(token[1], 0, len(self.network.layers[layer].terms) - 1))
            lines.need(at > last, "spectral lines are sorted, each at most once")
            self.spectral[at], last = lines.real(token[2]), at

    def read_set(self, token, size, kinds):
        lines = self.lines
        lines.need(token and token[0] in kinds, "expected a set")
        kind = token.pop(0)
        if kind not in ("unit", "fixed"):
            return (kind, None)
        lines.need(token, "expected an index")
        return (kind, lines.integer(token.pop(0), 0, size - 1))

    def read_head(self):
        lines, network = self.lines, self.network
        token = lines.next("part")
        part = Part(self.read_set(token, network.width[0], ("cube", "ball", "unit")),
                    self.read_set(token, len(self.rows), ("cube", "ball", "unit", "fixed")))
        lines.need(not token, "too many values")
        return part

    def read_body(self, part):
        lines, network = self.lines, self.network
        fixed = part.output[0] == "fixed"
        part.roles = self.read_digits("roles", "aivbs" if fixed else "aivb")
        for l in range(1, network.depth):
            for term in network.layers[l].terms:
                lines.need("s" not in part.roles.get(term.source, ""), "an inner layer reads an 's'")
        if lines.peek() == "values":
            lines.need(self.region != "everywhere", "values need a region")
            part.values = self.read_digits("values", "aihzn")
            self.read_needed(part)
        if lines.peek() == "cuts":
            part.cuts = tuple(lines.integer(number) for number in lines.next("cuts", 2))
            lines.need(any(part.cuts), "expected a cut")
        self.list_variables(part)
        if part.variables[0] == ("1",):
            part.one = lines.real(lines.next("one", 1)[0])
        cube = part.input[0] == "cube"
        part.input_multipliers = lines.reals("input", network.width[0] if cube else 1)
        if not fixed:
            part.dual = lines.reals("dual", len(self.rows) if part.output[0] == "cube" else 1)
        points = sum(variable[0] == "x" for variable in part.variables)
        if points:
            part.point = lines.reals("point", points if self.region == "box" else 1)
        self.read_multipliers(part)
        self.read_cuts(part)
        return part

    def read_needed(self, part):
        """The neurons whose z is needed, which may not read a neuron without a value image."""
        open_ends = [at for at in self.all_neurons() if part.values.get(at[0], "n" * (at[1] + 1))[at[1]] in "ahz"]
        while open_ends:
            l, k = at = open_ends.pop()
            if at in part.needed:
                continue
            part.needed.add(at)
            for term in self.network.layers[l].terms:
                for j in term.rows[k]:
                    if term.source in part.values:
                        self.lines.need(part.values[term.source][j] in "aih",
                                        f"layer {l}, neuron {k} reads a neuron without value")
                    elif term.source > 0:
                        open_ends.append((term.source, j))

    def all_neurons(self):
        return [(l, k) for l in range(1, self.network.depth) for k in range(self.network.width[l])]

    def list_variables(self, part):
        kind, index = part.input
        inputs = range(self.network.width[0]) if kind != "unit" else [index]
        kind, index = part.output
        outputs = range(len(self.rows)) if kind in ("cube", "ball") else [index] if kind == "unit" else []
        one = kind == "fixed" or part.values or part.cuts or any("b" in letters for letters in part.roles.values())
        points = [j for j in range(self.network.width[0]) if self.frame(j)[1] > 0] if part.values else []
        part.variables = [("1",)] if one else []
        part.variables += [("t", j) for j in inputs] + [("v", *at) for at in part.neurons("tangent")]
        part.variables += [("s", *at) for at in part.neurons("bin")] + [("w", o) for o in outputs]
        part.variables += [("x", j) for j in points] + [("h", *at) for at in part.neurons("state")]

    def read_multipliers(self, part):
        lines, kinds, last = self.lines, list(KINDS), (0, 0)
        while lines.peek() in kinds:
            kind = lines.peek()
            token = lines.next(kind)
            lines.need(token, "expected a layer")
            at = (lines.integer(token[0]), kinds.index(kind))
            count = sum(l == at[0] for l, _ in part.neurons(kind))
            lines.need(at > last, "multipliers are sorted, each line at most once")
            lines.need(count > 0 and len(token) == 1 + count, f"expected {count} multipliers, at least 1")
            part.multipliers[at[0], kind], last = [lines.real(value) for value in token[1:]], at
        for l in self.network.relus():
            used = (l, "range") in part.multipliers or (l, "cap") in part.multipliers
            lines.need((l, "bound") in part.multipliers or not used, "range and cap need a bound")
        for l, _ in part.neurons("least"):
            lines.need({(l, "least"), (l, "most")} <= set(part.multipliers), f"layer {l} needs least and most")

    def read_cuts(self, part):
        lines, order = self.lines, len(part.variables)
        triangles, products = part.cuts or (0, 0)
        for _ in range(triangles):
            token = lines.next("triangle", 5)
            i = lines.integer(token[0], 0, order - 1)
            j = lines.integer(token[1], i + 1, order - 1)
            k = lines.integer(token[2], j + 1, order - 1)
            lines.need(len(token[3]) == 2 and set(token[3]) <= {"+", "-"}, "expected two signs")
            signs = tuple(1 if sign == "+" else -1 for sign in token[3])
            part.triangles.append(((i, j, k), signs, lines.real(token[4])))
        for _ in range(products):
            token = lines.next("product", 5)
            f, g = self.read_form(part, *token[:2]), self.read_form(part, *token[2:4])
            part.products.append((f, g, lines.real(token[4])))

    def read_form(self, part, word, number):
        lines = self.lines
        values, both = part.neurons("least"), part.neurons("cap")
        about = {"plus": part.variables, "minus": part.variables, "closed": values, "upper": values, "lower": values,
                 "on+": both, "on-": both, "off+": both, "off-": both}
        lines.need(word in about, "expected a form")
        number = lines.integer(number, int(word in ("plus", "minus")), len(about[word]) - 1)
        lines.need(word != "closed" or part.letters(*values[number])[1] == "h", "closed needs a value h")
        return word, number
