"""Writing tiny networks and certificates, and finding multipliers that prove something.

The multipliers come from a small interior-point method in floating point (numpy); they are rounded
to short numbers and the claims are computed from them by the exact checker, with a margin of 1e-9.
"""
import hashlib
import random
from fractions import Fraction

import numpy as np

import exact_checker
from exact_format import FREE, KINDS, Certificate, Network, has
from exact_sdp import expand

MARGIN = Fraction(1, 10**9)
TANGENT_KINDS = ("tangent", "range", "bin", "gate", "switch", "cap")
POINT_KINDS = tuple(kind for kind in KINDS if kind not in ("bound", "least", "most"))


# ---- Text ----------------------------------------------------------------------------------------

def real(x):
    """The canonical spelling of a double."""
    x = float(x)
    if x == 0:
        return "0x0p+0"
    mantissa, exponent = x.hex().split("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}"


def reals(values):
    return "".join(" " + real(v) for v in values)


def dense(source, rows):
    rows = np.atleast_2d(np.array(rows, float))
    return f"term {source} dense {rows.shape[0]} {rows.shape[1]}\n" + \
        "".join(reals(row)[1:] + "\n" for row in rows)


def sparse(source, rows, columns):
    """rows = [{column: weight}]"""
    lines = "".join(f"{len(row)}" + "".join(f" {j} {real(a)}" for j, a in sorted(row.items())) + "\n"
                    for row in rows)
    return f"term {source} sparse {len(rows)} {columns} {sum(map(len, rows))}\n" + lines


def layer(number, phase, bias, *terms):
    return f"layer {number} {len(bias)} {phase} {len(terms)}\nbias{reals(bias)}\n" + "".join(terms)


def network(inputs, *layers):
    return f"lipcert-network 1\ninput {inputs}\nlayers {len(layers)}\n" + "".join(layers) + "end\n"


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def up(q):
    """A double at least q(1 + margin)."""
    q = Fraction(q) * (1 + MARGIN)
    x = float(q)
    return x if Fraction(x) >= q else np.nextafter(x, np.inf)


def down(q):
    q = Fraction(q) * (1 - MARGIN)
    x = float(q)
    return x if Fraction(x) <= q else np.nextafter(x, -np.inf)


def short(x, bits=28):
    """x rounded to few binary digits."""
    if x == 0:
        return 0.0
    mantissa, exponent = np.frexp(x)
    return float(np.ldexp(np.round(mantissa * 2**bits), int(exponent) - bits))


# ---- Certificates --------------------------------------------------------------------------------

class Claim:
    """A certificate in the making: the lines of its head, then statement and witness."""

    def __init__(self, net, region, norms, output, bounds="none", slopes=(), refine=()):
        self.net, self.norms, self.region = net, norms, region
        self.statement, self.witness, self.upper, self.lower = "", "", None, None
        if region[0] == "box":
            where = f"region box\nlo{reals(region[1])}\nhi{reals(region[2])}\n"
        elif region[0] == "ball":
            where = f"region ball {real(region[1])}\ncentre{reals(region[2])}\n"
        else:
            where = "region everywhere\n"
        self.head = f"lipcert-certificate 1\nnetwork {sha256(net)}\n{where}norms {norms}\noutput {output}\n"
        self.head += f"bounds {bounds}\n"
        relus = Network(net.encode()).relus()
        self.head += "".join(f"slopes {l} {digits}\n" for l, digits in zip(relus, slopes))
        self.head += "".join(refine_line(*line) for line in refine)

    def text(self):
        upper = "none" if self.upper is None else real(self.upper)
        lower = "none" if self.lower is None else real(self.lower)
        return f"{self.head}upper {upper}\nlower {lower}\n{self.statement}{self.witness}end\n"

    def prove(self, **claims):
        """Set the claims to what the exact checker proves, less the margin."""
        self.upper = 2.0**1023 if self.statement else None
        self.lower = 0.0 if self.witness else None
        upper, lower = exact_checker.check(self.net.encode(), self.text().encode())
        if upper is not None:
            self.upper = claims.get("upper", up(upper))
        if lower is not None:
            self.lower = claims.get("lower", down(lower))
        return self.text()

    def product(self, *spectral):
        self.statement = "statement product\n" + spectral_lines(spectral)
        return self

    def interval(self, **lines):
        self.statement = "statement interval\n" + "".join(f"{k} {real(v)}\n" for k, v in lines.items())
        return self

    def at(self, point, direction=None):
        """A witness; without a direction the best one of a few."""
        net = Network(self.net.encode())
        self.lower = 0.0
        directions = [direction] if direction is not None else self.candidates(net, point)
        best = None
        for t in directions:
            self.witness = f"witness\npoint{reals(point)}\ndirection{reals(t)}\n"
            text = Claim.text(self) if not self.statement else None
            cert = Certificate((text or self.bare()).encode(), net)
            ranges = exact_checker.Ranges(net, cert)
            top, bottom = exact_checker.witness_value(net, cert, ranges)
            if best is None or top / bottom > best[0]:
                best = top / bottom, self.witness
        self.witness = best[1]
        return self

    def bare(self):
        statement, self.statement = self.statement, ""
        upper, self.upper = self.upper, None
        text = self.text()
        self.statement, self.upper = statement, upper
        return text

    def candidates(self, net, point):
        n = net.width[0]
        return list(np.eye(n)) + [np.array([1.0 if i >> j & 1 else -1.0 for j in range(n)])
                                  for i in range(2**n)]

    def tree(self, *parts, spectral=()):
        self.statement = f"statement tree {len(parts)}\n" + spectral_lines(spectral) + "".join(parts)
        return self

    def sdp(self, *parts, spectral=()):
        self.statement = f"statement sdp {len(parts)}\n" + spectral_lines(spectral) + "".join(parts)
        return self

    def part(self, input_set, output_set, *roles, kinds=None, spectral=(), values=(), cuts=(0, 0), seed=1):
        """A part with good multipliers of these kinds, and of so many triangles and products, drawn at random."""
        net = Network(self.net.encode())
        lines = [dict(zip(net.relus(), letters)) for letters in (roles, values)]
        kinds, some = kinds or (POINT_KINDS if values else TANGENT_KINDS), ((), ())
        frame = Frame(self, net, input_set, output_set, *lines, kinds, spectral)
        if any(cuts):
            some = random_cuts(random.Random(seed), frame.frame([0.0] * len(frame.names)).part, *cuts)
            frame = Frame(self, net, input_set, output_set, *lines, kinds, spectral, *some)
        return frame.text([short(v) for v in frame.solve()])


def refine_line(layer, neuron, side, slopes):
    """slopes = {relu: slope}"""
    return f"refine {layer} {neuron} {side} {len(slopes)}" + "".join(f" {j} {real(a)}" for j, a in sorted(slopes.items())) + "\n"


def spectral_lines(spectral):
    return "".join(f"spectral {l} {t} {real(s)}\n" for l, t, s in spectral)


def random_cuts(rng, part, triangles, products):
    """At most so many cuts of a part; the variable 1 is there, which the line `cuts` brings about."""
    order = len(part.variables) + (part.variables[0] != ("1",))
    values, both = part.neurons("least"), part.neurons("cap")
    forms = [f"{word} {i}" for word in ("plus", "minus") for i in range(1, order)]
    forms += [f"{word} {i}" for word in ("upper", "lower") for i in range(len(values))] * 3
    forms += [f"closed {i}" for i, at in enumerate(values) if part.letters(*at)[1] == "h"] * 5
    forms += [f"{word} {i}" for word in ("on+", "on-", "off+", "off-") for i in range(len(both))] * 3
    some = {"{} {} {} {}".format(*sorted(rng.sample(range(order), 3)), rng.choice(("++", "+-", "-+", "--")))
            for _ in range(triangles)} if order > 2 else ()
    return sorted(some), sorted({f"{rng.choice(forms)} {rng.choice(forms)}" for _ in range(products)})


class Frame:
    """The multipliers of a part as a vector, and its slack matrix as a function of them.

    names[i] is the line of the i-th multiplier, without numbers, and rules[i] says which rule of the exact checker
    it multiplies."""

    def __init__(self, claim, net, input_set, output_set, roles, values, kinds, spectral, triangles=(), products=(),
                 ranges=None):
        self.ranges = ranges  # of a node of a tree
        self.claim, self.net, self.roles, self.values, self.kinds = claim, net, roles, values, kinds
        self.input_set, self.output_set, self.spectral = input_set, output_set, spectral
        self.cuts = [f"triangle {t}" for t in triangles], [f"product {f}" for f in products]
        self.names, self.rules = [], []
        for name, count in self.head_lines():
            for i in range(count):
                self.name(name, (name, i))
        for l in roles:
            for kind in KINDS:
                for k in self.neurons(l, kind):
                    if kind in kinds and kind not in ("bound", "least", "most"):
                        self.name(f"{kind} {l}", (kind, (l, k)))
        for kind, lines in zip(("triangle", "product"), self.cuts):
            for i, line in enumerate(lines):
                self.name(line, (kind, i))
        self.free = [name.split()[0] in FREE + ("one",) for name in self.names]
        self.fixed = self.fixed_lines()

    def name(self, line, rule):
        self.names.append(line)
        self.rules.append(rule)

    def neurons(self, l, kind):
        values = self.values.get(l, "n" * len(self.roles[l]))
        return [k for k, letters in enumerate(zip(self.roles[l], values)) if has(kind, *letters)]

    def head_lines(self):
        """The lines before those of the layers, with their counts."""
        fixed, phases = self.output_set.startswith("fixed"), any("b" in r for r in self.roles.values())
        head = self.claim.head.split("\noutput ")[1].split("\n")[0]
        outputs = self.net.width[-1] if head == "all" else 1
        region = self.claim.region
        points = 0 if not self.values else int(region[1] > 0) if region[0] == "ball" else \
            sum(a < b for a, b in zip(*region[1:]))
        return (("one", int(fixed or phases or bool(self.values) or any(self.cuts))),
                ("input", self.net.width[0] if self.input_set == "cube" else 1),
                ("dual", 0 if fixed else outputs if self.output_set == "cube" else 1), ("point", points))

    def fixed_lines(self):
        """The lines `bound`, the ranges, and `least` and `most`, rounded outwards."""
        self.fixed, found = {}, {}
        for l in self.roles:
            wanted = {f"range {l}", f"cap {l}"} & set(self.names) or any(self.cuts) or "bound" in self.kinds
            for kind, number in (("bound", 2.0**500), ("least", -2.0**500), ("most", 2.0**500)):
                if self.neurons(l, kind) and (kind != "bound" or wanted):
                    self.fixed[f"{kind} {l}"] = [number] * len(self.neurons(l, kind))
        sdp = self.frame([0.0] * len(self.names))
        for l in self.roles:
            lo, hi = sdp.ranges.lo[l], sdp.ranges.hi[l]
            found[f"bound {l}"] = [up(sdp.range[l, k]) for k in self.neurons(l, "bound")]
            if self.neurons(l, "least"):
                found[f"least {l}"] = [-up(-lo[k]) if lo[k] < 0 else -0.125 for k in self.neurons(l, "least")]
                found[f"most {l}"] = [up(hi[k]) if hi[k] > 0 else 0.125 for k in self.neurons(l, "most")]
        return {line: found[line] for line in self.fixed}

    def text(self, values):
        lines = {}
        for name, value in zip(self.names, values):
            lines.setdefault(name, []).append(value)
        order = ["one", "input", "dual", "point"] + [f"{kind} {l}" for l in self.roles for kind in KINDS]
        lines.update(self.fixed)
        text = f"part {self.input_set} {self.output_set}\n"
        text += "".join(f"roles {l} {letters}\n" for l, letters in self.roles.items())
        text += "".join(f"values {l} {letters}\n" for l, letters in self.values.items())
        if any(self.cuts):
            text += f"cuts {len(self.cuts[0])} {len(self.cuts[1])}\n"
        return text + "".join(f"{line}{reals(lines[line])}\n" for line in order + self.cuts[0] + self.cuts[1] if line in lines)

    def whole(self, values, upper=2.0**1000):
        """The text of a certificate with nothing but this part."""
        claim = self.claim
        saved = claim.statement, claim.witness, claim.upper, claim.lower
        claim.statement = "statement sdp 1\n" + spectral_lines(self.spectral) + self.text(values)
        claim.witness, claim.upper, claim.lower = "", upper, None
        text = claim.text()
        claim.statement, claim.witness, claim.upper, claim.lower = saved
        return text

    def certificate(self, values):
        return Certificate(self.whole(values).encode(), self.net)

    def frame(self, values):
        """The exact checker's view of these multipliers: its `matrix`, `value`, `range` and `rules`."""
        cert = self.certificate(values)
        ranges = self.ranges or exact_checker.Ranges(self.net, cert)
        sdp = exact_checker.Sdp(self.net, cert, ranges, cert.parts[0])
        sdp.build()
        return sdp

    def tables(self):
        """S = S_0 + sum of x_i S_i and U = u'x."""
        sdp = self.frame([0.0] * len(self.names))
        rules = {(kind, at): (expand(terms), d) for kind, at, _, terms, d in sdp.rules}
        columns = [(sdp.matrix, 0)] + [rules[rule] for rule in self.rules]
        variables = sorted({v for matrix, _ in columns for at, a in matrix.items() if a for v in at}, key=repr)
        index = {v: i for i, v in enumerate(variables)}
        out = np.zeros((len(columns), len(variables), len(variables)))
        for k, (matrix, _) in enumerate(columns):
            for (i, j), a in matrix.items():
                if i in index and j in index:
                    out[k, index[i], index[j]] = out[k, index[j], index[i]] = float(a)
        return out[0], out[1:], np.array([float(u) for _, u in columns[1:]])

    def solve(self):
        """Minimise U: first the least shift that makes S definite, then U itself."""
        base, slopes, cost = self.tables()
        # with points and cuts some sums of constraints are 0 or free: keep their multipliers small
        ridge = 1e-6 if self.values or any(self.cuts) else 0.0
        size = len(self.names)
        x = np.ones(size)
        shift = np.linalg.eigvalsh(base + np.tensordot(x, slopes, 1))
        more = np.append(x, max(0.0, -shift[0]) + 1)
        wide = np.concatenate([slopes, np.eye(len(base))[None]])
        free = self.free + [True]
        tilt = np.append(1e-3 * (np.abs(cost) + 1e-3) / (1 + np.abs(cost)), 1.0)
        for mu in (1.0, 0.1, 0.01, 1e-3, 1e-4):
            more = barrier(base, wide, tilt, free, mu, more, ridge, stop=lambda y: y[-1] < -1e-3)
            if more[-1] < 0:
                break
        if more[-1] >= 0:
            raise ValueError("no multipliers make the slack matrix definite")
        x = more[:-1]
        for mu in 10.0 ** -np.arange(0, 6):
            x = barrier(base, slopes, cost, self.free, mu, x, ridge)
        return x


def barrier(base, slopes, cost, free, mu, x, ridge, stop=None):
    """Newton's method for cost'x + ridge x'x / 2 - mu (log det (base + sum x_i slopes_i) + sum log x_i)."""
    signed = ~np.array(free)

    def value(x):
        if np.any(x[signed] <= 0):
            return np.inf
        s = base + np.tensordot(x, slopes, 1)
        try:
            half = np.linalg.cholesky(s)
        except np.linalg.LinAlgError:
            return np.inf
        return cost @ x + ridge * (x @ x) / 2 - mu * (2 * np.log(np.diag(half)).sum() + np.log(x[signed]).sum())

    at = value(x)
    for _ in range(100):
        inverse = np.linalg.inv(base + np.tensordot(x, slopes, 1))
        products = np.einsum("ij,kjl->kil", inverse, slopes)
        gradient = cost + ridge * x - mu * np.einsum("kii->k", products)
        hessian = mu * np.einsum("kij,lji->kl", products, products) + ridge * np.eye(len(x))
        gradient[signed] -= mu / x[signed]
        hessian[signed, signed] += mu / x[signed] ** 2
        step = -np.linalg.lstsq(hessian + 1e-14 * np.eye(len(x)) * np.trace(hessian), gradient, rcond=None)[0]
        length = 1.0
        while value(x + length * step) > at + 1e-4 * length * (gradient @ step) and length > 1e-12:
            length /= 2
        if length <= 1e-12:
            break
        x = x + length * step
        at = value(x)
        if -(gradient @ step) < 1e-8 * mu or (stop and stop(x)):
            break
    return x
