"""Reader of a part of the statement `identity` (docs/certificate.md, section 10): what is malformed is found here."""
from dataclasses import dataclass, field

LARGEST = 10**9
MOST_FACTORS = MOST_DEGREE = 8
INPUTS, OUTPUTS = ("cube", "ball", "unit"), ("cube", "ball", "fixed")
# word -> (what its number counts, the degree of its polynomial)
FACTORS = {"plus": ("variable", 1), "minus": ("variable", 1), "square": ("variable", 2), "on": ("u", 1), "off": ("u", 1),
           "tball": ("ball", 2), "wball": ("ball", 2), "xball": ("ball", 2), "above": ("open", 2), "below": ("open", 2),
           "half": ("open", 2), "excess": ("state", 1), "state": ("state", 1), "room": ("state", 1), "base": ("kept", 1),
           "top": ("gate", 1), "bottom": ("gate", 1)}
EQUALITIES = {"open": ("both", 2), "closed": ("both", 2), "relu": ("state", 2), "link": ("lift", 1)}


@dataclass
class IdentityPart:
    """Sets are (kind, index) as in a part of `sdp`; a monomial is an ascending tuple of variables."""
    input: tuple
    output: tuple
    roles: dict = field(default_factory=dict)   # layer -> string
    values: dict = field(default_factory=dict)  # the same, or empty
    needed: set = field(default_factory=set)    # (layer, neuron) whose z has a value image
    region: str = ""                            # 'box', 'ball' or 'everywhere'
    ends: dict = field(default_factory=dict)    # (layer, neuron) of a gate -> [least, most]
    lifts: bool = False
    variables: list = field(default_factory=list)  # their names in order
    terms: list = field(default_factory=list)      # (word, factors or [(equality, gate)], basis, numbers)

    def letters(self, l, k):
        return self.roles[l][k], self.values[l][k] if self.values else "n"

    def gates(self):
        """The (layer, neuron) of every gate, in order."""
        return [(l, k) for l, letters in self.values.items() for k, letter in enumerate(letters) if letter in "hz"]

    def with_u(self):
        return [(l, k) for l, letters in self.roles.items() for k, letter in enumerate(letters) if letter == "u"]

    def is_u(self, variable):
        return self.variables[variable][0] == "u"

    def has(self, what, at):
        """Is a gate of this kind?"""
        role, value = self.letters(*at)
        return {"gate": True, "open": role == "u", "state": value == "h", "kept": role == "a",
                "both": role == "u" and value == "h", "lift": self.lifts}[what]


def read_part(cert):
    lines, network = cert.lines, cert.network
    token = lines.next("part")
    part = IdentityPart(cert.read_set(token, network.width[0], INPUTS), cert.read_set(token, len(cert.rows), OUTPUTS),
                        region=cert.region)
    lines.need(not token, "too many values")
    lines.need(part.output[0] == "fixed" or len(cert.rows) > 1, "one row is a fixed one")
    part.roles = cert.read_digits("roles", "aiu")
    if lines.peek() == "values":
        lines.need(cert.region != "everywhere", "values need a region")
        read_values(cert, part)
        cert.read_needed(part)
        if lines.peek() == "lifts":
            lines.next("lifts", 0)
            part.lifts = True
    list_variables(cert, part)
    for _ in range(lines.integer(lines.next("terms", 1)[0])):
        part.terms.append(Term(lines, part).read())
    return part


def read_values(cert, part):
    """The lines `values`, each with its lines `least` and `most`."""
    lines, network = cert.lines, cert.network
    for l in network.relus():
        token = lines.next("values", 2)
        lines.need(lines.integer(token[0]) == l, f"expected layer {l}")
        lines.need(len(token[1]) == network.width[l] and set(token[1]) <= set("aihzn"), "expected letters of values")
        part.values[l] = token[1]
        for role, value in zip(part.roles[l], token[1]):
            lines.need(value not in "hz" or role == "u" or role + value == "ah", "a gate has role u, or is kept")
        gates = [(l, k) for k, value in enumerate(token[1]) if value in "hz"]
        for keyword in ("least", "most") if gates else ():
            token = lines.next(keyword, 1 + len(gates))
            lines.need(lines.integer(token[0]) == l, f"expected layer {l}")
            for at, number in zip(gates, token[1:]):
                part.ends.setdefault(at, []).append(lines.real(number))


def list_variables(cert, part):
    kind, index = part.input
    inputs = [index] if kind == "unit" else range(cert.network.width[0])
    outputs = [] if part.output[0] == "fixed" else range(len(cert.rows))
    points = [j for j in range(cert.network.width[0]) if cert.frame(j)[1] > 0] if part.values else []
    gates = part.gates()
    part.variables = [("t", j) for j in inputs] + [("u", *at) for at in part.with_u()] + [("w", o) for o in outputs] + \
        [("x", j) for j in points] + [("h", *at) for at in gates if part.has("state", at)] + \
        [("z", *at) for at in gates if part.lifts]


class Term:
    """The lines of a term; reads the tokens of the first one from left to right."""

    def __init__(self, lines, part):
        self.lines, self.part, self.gates = lines, part, part.gates()
        self.tokens, self.at = lines.next(), 0

    def token(self):
        self.lines.need(self.at < len(self.tokens), "a term that ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def integer(self, least=0, most=LARGEST):
        return self.lines.integer(self.token(), least, most)

    def done(self):
        self.lines.need(self.at == len(self.tokens), "a term that goes on")

    def read(self):
        word, lines = self.token(), self.lines
        lines.need(word in ("scalar", "gram", "zero"), "expected a term")
        if word == "zero":
            factors, degree = self.equality()
        else:
            factors, degree = self.factors()
        if word == "scalar":
            basis, numbers = [()], [[lines.real(self.token())]]
            self.done()
        else:
            basis = [self.monomial() for _ in range(self.count())]
            self.done()
            degree += self.degree(basis, word == "gram")
            numbers = [lines.reals(None, k) for k in (range(1, len(basis) + 1) if word == "gram" else [len(basis)])]
        lines.need(degree <= MOST_DEGREE, f"a term of degree {degree}")
        return word, factors, basis, numbers

    def count(self):
        """d, which is no more than the tokens that follow."""
        d = self.integer(1)
        self.lines.need(d == len(self.tokens) - self.at, "expected as many monomials as announced")
        return d

    def factors(self):
        found = []
        for _ in range(self.integer(0, MOST_FACTORS)):
            word = self.token()
            self.lines.need(word in FACTORS, "expected a factor")
            found.append((word, self.number(word, FACTORS[word][0])))
        return found, sum(FACTORS[word][1] for word, _ in found)

    def number(self, word, what):
        """What a factor is about."""
        part, lines = self.part, self.lines
        if what == "ball":
            allowed = {"tball": part.input[0] == "ball", "wball": part.output[0] == "ball",
                       "xball": bool(part.values) and part.region == "ball"}[word]
            lines.need(allowed, f"there is no ball for {word}")
            return self.integer(0, 0)
        if what in ("variable", "u"):
            number = self.integer(0, len(part.variables) - 1)
            lines.need(part.is_u(number) == (what == "u"), f"{word} of a wrong variable")
            return number
        return self.gate(word, what)

    def gate(self, word, what):
        number = self.integer(0, len(self.gates) - 1)
        self.lines.need(self.part.has(what, self.gates[number]), f"{word} of a wrong gate")
        return number

    def equality(self):
        word = self.token()
        self.lines.need(word in EQUALITIES, "expected an equality")
        what, degree = EQUALITIES[word]
        return [(word, self.gate(word, what))], degree

    def monomial(self):
        text, lines = self.token(), self.lines
        if text == "one":
            return ()
        found = []
        for number in text.split("*"):
            number = lines.integer(number, found[-1] if found else 0, len(self.part.variables) - 1)
            lines.need(not (found and number == found[-1] and self.part.is_u(number)), "a u that is squared")
            found.append(number)
        return tuple(found)

    def degree(self, basis, pairs):
        """The largest degree of a monomial, or of a product of two."""
        if not pairs:
            return max(map(len, basis))
        phases = [{i for i in b if self.part.is_u(i)} for b in basis]
        return max(len(a) + len(b) - len(u & v) for a, u in zip(basis, phases) for b, v in zip(basis, phases))
