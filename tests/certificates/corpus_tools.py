"""Writing tiny networks and certificates, and finding multipliers that prove something.

The multipliers come from a small interior-point method in floating point (numpy); they are rounded
to short numbers and the claims are computed from them by the exact checker, with a margin of 1e-9.
"""
import hashlib
from fractions import Fraction

import numpy as np

import exact_checker
from exact_format import MULTIPLIERS, Certificate, Network

MARGIN = Fraction(1, 10**9)
TINY = 1e-7  # relative margin of the slack matrix


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

    def __init__(self, net, region, norms, output, bounds="none", slopes=()):
        self.net, self.norms = net, norms
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

    def sdp(self, *parts, spectral=()):
        self.statement = f"statement sdp {len(parts)}\n" + spectral_lines(spectral) + "".join(parts)
        return self

    def part(self, input_set, output_set, *roles, kinds=("tangent", "range", "bin", "gate", "switch", "cap"), spectral=(),
             stretch=None):
        """A part with good multipliers of these kinds; `stretch` changes them before they are written."""
        net = Network(self.net.encode())
        rows = dict(zip(net.relus(), roles))
        frame = Frame(self, net, input_set, output_set, rows, kinds, spectral)
        values = [short(v) for v in frame.solve()]
        if stretch:
            values = stretch(values, frame)
        return frame.text(values)


def spectral_lines(spectral):
    return "".join(f"spectral {l} {t} {real(s)}\n" for l, t, s in spectral)


class Frame:
    """The multipliers of a part as a vector, and its slack matrix as a function of them."""

    def __init__(self, claim, net, input_set, output_set, roles, kinds, spectral):
        self.claim, self.net, self.roles = claim, net, roles
        self.input_set, self.output_set, self.spectral = input_set, output_set, spectral
        fixed, phases = output_set.startswith("fixed"), any("b" in r for r in roles.values())
        head = claim.head.split("\noutput ")[1].split("\n")[0]
        outputs = net.width[-1] if head == "all" else 1
        self.names = ["one"] if fixed or phases else []
        self.names += ["input"] * (net.width[0] if input_set == "cube" else 1)
        self.names += [] if fixed else ["dual"] * (outputs if output_set == "cube" else 1)
        for l, letters in roles.items():
            for kind in MULTIPLIERS:
                if kind in kinds and kind != "bound":
                    self.names += [f"{kind} {l}"] * sum(role in MULTIPLIERS[kind] for role in letters)
        self.free = [name.split()[0] in ("one", "bin", "gate", "switch") for name in self.names]
        self.bounds = self.ranges()

    def ranges(self):
        """The lines `bound`, the ranges rounded up."""
        self.bounds = {l: [2.0**1000] * sum(r in "vb" for r in letters) for l, letters in self.roles.items()}
        sdp = self.frame([0.0] * len(self.names))
        return {l: [up(sdp.range[l, k]) for k, role in enumerate(letters) if role in "vb"]
                for l, letters in self.roles.items()}

    def text(self, values):
        lines = {}
        for name, value in zip(self.names, values):
            kind, _, l = name.partition(" ")
            if kind in MULTIPLIERS and (f"range {l}" in self.names or f"cap {l}" in self.names):
                lines[f"bound {l}"] = self.bounds[int(l)]
            lines.setdefault(name, []).append(value)
        head = f"part {self.input_set} {self.output_set}\n"
        head += "".join(f"roles {l} {letters}\n" for l, letters in self.roles.items())
        return head + "".join(name + reals(group) + "\n" for name, group in lines.items())

    def frame(self, values):
        """The exact checker's view of these multipliers: its `matrix`, `value` and `range`."""
        claim = self.claim
        saved = claim.statement, claim.witness, claim.upper, claim.lower
        claim.statement = "statement sdp 1\n" + spectral_lines(self.spectral) + self.text(values)
        claim.witness, claim.upper, claim.lower = "", 2.0**1000, None
        cert = Certificate(claim.text().encode(), self.net)
        claim.statement, claim.witness, claim.upper, claim.lower = saved
        sdp = exact_checker.Sdp(self.net, cert, exact_checker.Ranges(self.net, cert), cert.parts[0])
        sdp.build()
        return sdp

    def tables(self):
        """S = S_0 + sum of x_i S_i and U = u'x."""
        size = len(self.names)
        frames = [self.frame([0.0] * size)] + \
            [self.frame([float(i == k) for i in range(size)]) for k in range(size)]
        columns = [(frame.matrix, frame.value) for frame in frames]
        variables = sorted({v for matrix, _ in columns for at, a in matrix.items() if a for v in at}, key=repr)
        index = {v: i for i, v in enumerate(variables)}
        dense_ones = np.zeros((size + 1, len(variables), len(variables)))
        for k, (matrix, _) in enumerate(columns):
            for (i, j), a in matrix.items():
                if i in index and j in index:
                    dense_ones[k, index[i], index[j]] = dense_ones[k, index[j], index[i]] = float(a)
        dense_ones[1:] -= dense_ones[0]
        return dense_ones[0], dense_ones[1:], np.array([float(u) for _, u in columns[1:]])

    def solve(self):
        """Minimise U: first the least shift that makes S definite, then U itself."""
        base, slopes, cost = self.tables()
        size = len(self.names)
        x = np.ones(size)
        shift = np.linalg.eigvalsh(base + np.tensordot(x, slopes, 1))
        more = np.append(x, max(0.0, -shift[0]) + 1)
        wide = np.concatenate([slopes, np.eye(len(base))[None]])
        free = self.free + [True]
        tilt = np.append(1e-3 * (np.abs(cost) + 1e-3) / (1 + np.abs(cost)), 1.0)
        for mu in (1.0, 0.1, 0.01, 1e-3, 1e-4):
            more = barrier(base, wide, tilt, free, mu, more, stop=lambda y: y[-1] < -1e-3)
            if more[-1] < 0:
                break
        if more[-1] >= 0:
            raise ValueError("no multipliers make the slack matrix definite")
        x = more[:-1]
        for mu in 10.0 ** -np.arange(0, 6):
            x = barrier(base, slopes, cost, self.free, mu, x)
        return x


def barrier(base, slopes, cost, free, mu, x, stop=None):
    """Newton's method for cost'x - mu (log det (base + sum x_i slopes_i) + sum log x_i)."""
    signed = ~np.array(free)

    def value(x):
        if np.any(x[signed] <= 0):
            return np.inf
        s = base + np.tensordot(x, slopes, 1)
        try:
            half = np.linalg.cholesky(s)
        except np.linalg.LinAlgError:
            return np.inf
        return cost @ x - mu * (2 * np.log(np.diag(half)).sum() + np.log(x[signed]).sum())

    at = value(x)
    for _ in range(100):
        inverse = np.linalg.inv(base + np.tensordot(x, slopes, 1))
        products = np.einsum("ij,kjl->kil", inverse, slopes)
        gradient = cost - mu * np.einsum("kii->k", products)
        hessian = mu * np.einsum("kij,lji->kl", products, products)
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
