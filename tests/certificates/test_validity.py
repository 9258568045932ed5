#!/usr/bin/env python3
"""The tables of sections 9 and 10 of docs/certificate.md on true points; usage: test_validity.py [CASES] [SEED]

For the parts of the valid certificates, and for CASES random parts (default 100) on random tiny networks with all their
multipliers 1, points x of the region (inside, on its boundary, at corners and at kinks), tangents t and dual vectors w are
drawn as rationals, and the network is evaluated at them.  With the vector p of the variables, in exact arithmetic:

    every rule of the exact checker holds at p, the equalities with 0;
    what it says is what the table says in terms of z, h, u, y, v (written down here once more);
    the form without multipliers is -w'S J_u t;
    lo <= z <= hi, and |y| is at most its range.

The same for all factors and equalities of parts of the statement `identity`; every term is at least 0, and F <= P <= U.

So an error in the table, in its proof or in the exact checker's images shows up as a constraint that a true point breaks.
"""
import pathlib
import random
import sys
from fractions import Fraction

import exact_checker
from exact_format import Certificate, Network
from exact_identity import Identity
from exact_identity_format import EQUALITIES, FACTORS
from exact_numbers import root
from exact_sdp import Sdp
from identity_frame import available
from random_parts import random_identity, random_part

ROOT = pathlib.Path(__file__).resolve().parent
EQUAL = ("one", "tangent", "bin", "gate", "switch", "square", "closed", "open")
failures, counted = [], {}


def expect(condition, name, sentence):
    if not condition and len(failures) < 40:
        failures.append(f"{name}: {sentence}")


# ---- True points ---------------------------------------------------------------------------------

def fraction(rng, size=64):
    return Fraction(rng.randint(-size, size), size)


def unit_ball(rng, n):
    """A point of the Euclidean unit ball, often next to or on its boundary."""
    x = [fraction(rng) for _ in range(n)]
    if rng.randrange(4) == 0:
        x = [Fraction(0)] * n
        x[rng.randrange(n)] = Fraction(rng.choice((-1, 1)))
    length = root(sum(a * a for a in x))
    return [a / max(length, 1) if rng.randrange(3) == 0 or not length else a / length for a in x]


def point(rng, cert, network_):
    n = network_.width[0]
    if cert.region == "everywhere":
        return [fraction(rng) * 4 for _ in range(n)]
    if cert.region == "ball":
        step = unit_ball(rng, n)
        return [c + cert.radius * a for c, a in zip(cert.centre, step)]
    side = rng.choice(((0, 1), (0, Fraction(1, 3), 1), (Fraction(1, 2), Fraction(1, 7), Fraction(8, 9), 0, 1)))
    return [lo + rng.choice(side) * (hi - lo) for lo, hi in zip(cert.lo, cert.hi)]


def forward(net, x):
    """z[l][k] and h[l][k]"""
    z, h = {}, {0: list(x)}
    for l in range(1, net.depth + 1):
        z[l] = [b + sum(a * h[t.source][j] for t in net.layers[l].terms for j, a in t.rows[k].items())
                for k, b in enumerate(net.layers[l].bias)]
        h[l] = [max(a, Fraction(0)) for a in z[l]] if net.layers[l].relu else z[l]
    return z, h


def kink(rng, cert, net):
    """A point at which some z is 0, or just a point: regula falsi between two points of the (convex) region."""
    a, b = point(rng, cert, net), point(rng, cert, net)
    if not net.relus():
        return a
    l = rng.choice(net.relus())
    k = rng.randrange(net.width[l])
    for _ in range(4):
        za, zb = forward(net, a)[0][l][k], forward(net, b)[0][l][k]
        if za * zb >= 0:
            return b if zb == 0 else a
        x = [u + (v - u) * za / (za - zb) for u, v in zip(a, b)]
        zx = forward(net, x)[0][l][k]
        if zx == 0:
            return x
        a, b = (x, b) if zx * za > 0 else (a, x)
    return a


def signs(rng, net, z, part, images):
    """u of theorem 1: the sign of z, and anything that the roles allow where z is 0."""
    u = {}
    for l in net.relus():
        for k, a in enumerate(z[l]):
            role = part.roles[l][k] if images[l, k] else "v"
            free = {"a": 1, "i": 0}.get(role, rng.randrange(2))
            u[l, k] = int(a > 0) if a else free
    return u


def tangent(rng, net, cert, part, u):
    """t of the input set, y and v of all layers, and w of the output set."""
    n, kind = net.width[0], part.input[0]
    t = [rng.choice((fraction(rng), Fraction(1), Fraction(-1), Fraction(0))) for _ in range(n)]
    if kind == "ball":
        t = unit_ball(rng, n)
    if kind == "unit":
        t = [a if j == part.input[1] else Fraction(0) for j, a in enumerate(t)]
    y, v = {}, {0: t}
    for l in range(1, net.depth + 1):
        y[l] = [sum((a * v[term.source][j] for term in net.layers[l].terms for j, a in term.rows[k].items()), Fraction(0))
                for k in range(net.width[l])]
        v[l] = [a * u.get((l, k), 1) for k, a in enumerate(y[l])]
    rows = len(cert.rows)
    w = [rng.choice((fraction(rng), Fraction(1), Fraction(-1))) for _ in range(rows)]
    if part.output[0] == "ball":
        w = unit_ball(rng, rows)
    if part.output[0] in ("unit", "fixed"):
        w = [(1 if part.output[0] == "fixed" else a) if o == part.output[1] else Fraction(0) for o, a in enumerate(w)]
    return t, y, v, w


# ---- The table -----------------------------------------------------------------------------------

class Truth:
    """A true point, and the value of every variable there."""

    def __init__(self, rng, net, cert, sdp):
        self.sdp, self.part = sdp, sdp.part
        self.x = kink(rng, cert, net) if rng.randrange(2) else point(rng, cert, net)
        self.z, self.h = forward(net, self.x)
        self.u = signs(rng, net, self.z, self.part, sdp.y)
        self.t, self.y, self.v, self.w = tangent(rng, net, cert, self.part, self.u)
        self.values = {name: self.variable(cert, *name) for name in self.part.variables or ()}
        f = net.depth
        self.objective = sum(self.w[o] * c * self.y[f][k] for o, row in enumerate(cert.rows) for k, c in row.items())

    def variable(self, cert, kind, *at):
        if kind == "1":
            return Fraction(1)
        if kind in "tw":
            return {"t": self.t, "w": self.w}[kind][at[0]]
        if kind == "x":
            c, w = cert.frame(at[0])
            return (self.x[at[0]] - c) / w
        l, k = at
        return {"v": lambda: self.v[l][k], "s": lambda: Fraction(2 * self.u[at] - 1),
                "h": lambda: 2 * self.h[l][k] / self.sdp.number("most", l, k) - 1}[kind]()

    def linear(self, form):
        return sum(c * self.values[variable] for variable, c in form.items())

    def quadratic(self, terms):
        return sum(weight * self.linear(f) * self.linear(g) for weight, f, g in terms)

    def form(self, word, number):
        part, sdp = self.part, self.sdp
        if word in ("plus", "minus"):
            name = part.variables[number]
            r = sdp.number("bound", *name[1:]) if name[0] == "v" else 1
            return r + self.values[name] if word == "plus" else r - self.values[name]
        l, k = at = part.neurons("cap" if word[0] == "o" else "least")[number]
        z, h, u, y, v = self.z[l][k], self.h[l][k], self.u[at], self.y[l][k], self.v[l][k]
        if word[0] == "o":
            r, sign = sdp.number("bound", l, k), 1 if word.endswith("+") else -1
            return r * u + sign * v if word.startswith("on") else r * (1 - u) + sign * (y - v)
        least, most, known = sdp.number("least", l, k), sdp.number("most", l, k), part.values[l][k] == "h"
        return {"closed": h - z, "upper": most * u - (h if known else z),
                "lower": z - (h if known else 0) - least * (1 - u)}[word]

    def table(self, kind, at):
        """The left side of a constraint of a neuron, or of a cut, in the words of the document."""
        if kind == "triangle":
            (i, j, k), (a, b), _ = self.part.triangles[at]
            p, q, r = (self.values[self.part.variables[m]] for m in (i, j, k))
            ri, rj, rk = (self.sdp.size(self.part.variables[m]) for m in (i, j, k))
            return ri * rj * rk + a * rk * p * q + b * rj * p * r + a * b * ri * q * r
        if kind == "product":
            f, g, _ = self.part.products[at]
            return self.form(*f) * self.form(*g)
        l, k = at
        z, h, u, y, v, s = self.z[l][k], self.h[l][k], self.u[at], self.y[l][k], self.v[l][k], 2 * self.u[at] - 1
        role, value = self.part.letters(l, k)
        r = self.sdp.number("bound", l, k) if role in "vb" else 0
        least, most = (self.sdp.number(name, l, k) if value in "hz" else Fraction(1) for name in ("least", "most"))
        wide = 2 * h / most
        return {"tangent": v * (y - v), "gate": s * v - v, "switch": (1 + s) * y / 2 - v,
                "cap": r * r * Fraction(1 + s, 2) - v * v, "square": wide * (z - h), "closed": (1 - s) * wide, "open": u * z - h,
                "above": u * z, "below": (u - 1) * z, "phases": -z * z + most * u * z + least * (1 - u) * z,
                "roof": most * u - u * z, "floor": (1 - u) * (z - least)}[kind]


SQUARES = ("one", "input", "dual", "point", "state", "range", "bin")


def check_point(where, rng, net, cert, ranges, sdp):
    truth = Truth(rng, net, cert, sdp)
    if not truth.part.variables:
        return
    for l in range(1, net.depth + 1):
        for k in range(net.width[l]):
            expect(ranges.lo[l][k] <= truth.z[l][k] <= ranges.hi[l][k], where, f"layer {l}, neuron {k}: z is beyond its bounds")
            if l < net.depth:
                expect(abs(truth.y[l][k]) <= sdp.range[l, k], where, f"layer {l}, neuron {k}: y is beyond its range")
    for kind, at, _, terms, d in sdp.rules:
        if kind in ("range", "cap") and (at[0], "bound") not in sdp.part.multipliers:
            continue  # no r, and no multiplier
        found = truth.quadratic(terms)
        slack = d - found if kind in SQUARES else -found
        expect(slack == 0 if kind in EQUAL else slack >= 0, where, f"{kind} {at}: {float(slack)} at a true point {truth.values}")
        if kind not in SQUARES:
            expect(slack == truth.table(kind, at), where, f"{kind} {at}: not what the table says")
        counted[kind] = counted.get(kind, 0) + 1
        counted[f"{kind} tight"] = counted.get(f"{kind} tight", 0) + (slack == 0)
    matrix = sum(value * truth.values[i] * truth.values[j] * (1 if i == j else 2) for (i, j), value in sdp.matrix.items())
    rest = sum(weight * truth.quadratic(terms) for _, _, weight, terms, _ in sdp.rules)
    expect(matrix - rest == -truth.objective, where, "the objective is not w'S J t")


# ---- The statement `identity` --------------------------------------------------------------------

class IdentityTruth:
    """A true point of a part of the statement `identity`."""

    def __init__(self, rng, net, cert, identity):
        self.identity, self.part = identity, identity.part
        self.x = kink(rng, cert, net) if rng.randrange(2) else point(rng, cert, net)
        self.z, self.h = forward(net, self.x)
        self.u = signs(rng, net, self.z, self.part, identity.y)
        self.t, self.y, self.v, self.w = tangent(rng, net, cert, self.part, self.u)
        self.values = [self.variable(cert, *name) for name in self.part.variables]
        self.objective = sum(self.w[o] * c * self.y[net.depth][k] for o, row in enumerate(cert.rows) for k, c in row.items())

    def variable(self, cert, kind, *at):
        if kind in "tw":
            return {"t": self.t, "w": self.w}[kind][at[0]]
        if kind == "x":
            c, w = cert.frame(at[0])
            return (self.x[at[0]] - c) / w
        l, k = at
        if kind == "u":
            return Fraction(self.u[at])
        return self.h[l][k] / self.part.ends[at][1] if kind == "h" else self.z[l][k] / self.size(at)

    def size(self, at):
        least, most = map(abs, self.part.ends[at])
        return next(Fraction(2) ** e for e in range(-1080, 1080) if Fraction(2) ** e >= max(least, most))

    def polynomial(self, p):
        total = Fraction(0)
        for monomial, c in p.items():
            for i in monomial:
                c *= self.values[i]
            total += c
        return total

    def table(self, word, number):
        """A factor or an equality in the words of the document."""
        if word in ("plus", "minus", "square", "on", "off"):
            p = self.values[number]
            return {"plus": 1 + p, "minus": 1 - p, "square": 1 - p * p, "on": p, "off": 1 - p}[word]
        if word.endswith("ball"):
            kind = word[0]
            return 1 - sum(v * v for name, v in zip(self.part.variables, self.values) if name[0] == kind)
        l, k = at = self.part.gates()[number]
        z, h, u, (least, most) = self.z[l][k], self.h[l][k], self.u[at], self.part.ends[at]
        return {"above": u * z, "below": (u - 1) * z, "half": (u - Fraction(1, 2)) * z, "excess": h - z, "state": h / most,
                "room": 1 - h / most, "base": h - least, "top": most - z, "bottom": z - least,
                "open": u * z - h, "closed": (1 - u) * h, "relu": h / most * (h - z), "link": Fraction(0)}[word]


def check_identity_point(where, rng, net, cert, identity, found):
    truth = IdentityTruth(rng, net, cert, identity)
    expect(all(abs(v) <= 1 for v in truth.values), where, f"a variable is beyond 1: {truth.values}")
    expect(truth.polynomial(identity.objective) == truth.objective, where, "the objective is not w'S J t")
    for (word, number), p in found.items():
        value = truth.polynomial(p)
        expect(value == 0 if word in EQUALITIES else value >= 0, where, f"{word} {number}: {float(value)} at a true point")
        expect(value == truth.table(word, number), where, f"{word} {number}: not what the table says")
        counted[f"identity {word}"] = counted.get(f"identity {word}", 0) + 1
        counted[f"identity {word} tight"] = counted.get(f"identity {word} tight", 0) + (value == 0)
    for (word, *_), p in zip(identity.part.terms, identity.terms):
        value = truth.polynomial(p)
        expect(value == 0 if word == "zero" else value >= 0, where, f"a term {word} is {float(value)} at a true point")
    value = truth.polynomial(identity.sum)
    expect(truth.objective <= value <= identity.bound_of_sum(), where, "F <= P <= U does not hold")


def check_identity(where, rng, net, cert, points):
    ranges = exact_checker.Ranges(net, cert)
    for part in cert.parts:
        identity = Identity(net, cert, ranges, part)
        identity.build()
        factors, equalities = available(part)
        found = {f: identity.factor(*f) for f in factors} | {e: identity.equality(*e) for e in equalities}
        for _ in range(points):
            check_identity_point(where, rng, net, cert, identity, found)


def check_identities(rng, cases):
    parts = 0
    for path in sorted((ROOT / "valid").glob("*-identity-*.txt")):
        net = Network((ROOT / "networks" / (path.name.split("-")[0] + ".txt")).read_bytes())
        cert = Certificate(path.read_bytes(), net)
        check_identity(path.name, rng, net, cert, 6)
        parts += len(cert.parts)
    for case in range(cases):
        frame, terms = random_identity(rng, tight=True)
        check_identity(f"random identity {case}", rng, frame.net, frame.certificate("statement identity 1\n" + frame.text(terms)), 10)
    for word in (*FACTORS, *EQUALITIES):
        n, tight = counted.get(f"identity {word}", 0), counted.get(f"identity {word} tight", 0)
        if n < cases // 2 or (word in FACTORS and not 0 < tight < n):
            failures.append(f"identity {word}: evaluated {n} times, with equality {tight} times")
    return parts


# ---- All together --------------------------------------------------------------------------------

def check_parts(where, rng, net, cert, points):
    ranges = exact_checker.Ranges(net, cert)
    for part in cert.parts:
        sdp = Sdp(net, cert, ranges, part)
        sdp.build()
        for _ in range(points):
            check_point(where, rng, net, cert, ranges, sdp)


def main(arguments):
    cases = int(arguments[1]) if len(arguments) > 1 else 100
    rng = random.Random(int(arguments[2]) if len(arguments) > 2 else 9)
    parts = 0
    for path in sorted((ROOT / "valid").glob("*-sdp-*.txt")):
        net = Network((ROOT / "networks" / (path.name.split("-")[0] + ".txt")).read_bytes())
        cert = Certificate(path.read_bytes(), net)
        check_parts(path.name, rng, net, cert, 6)
        parts += len(cert.parts)
    for case in range(cases):
        frame = random_part(rng)
        check_parts(f"random part {case}", rng, frame.net, frame.certificate([1.0] * len(frame.names)), 10)
    for kind in ("triangle", "product", "point", "state", "square", "closed", "open", "above", "below", "phases", "roof", "floor",
                 "tangent", "gate", "switch", "cap", "range", "bin"):
        if counted.get(kind, 0) < cases or (kind not in EQUAL and not 0 < counted[f"{kind} tight"] < counted[kind]):
            failures.append(f"{kind}: evaluated {counted.get(kind, 0)} times, with equality {counted.get(kind + ' tight', 0)} times")
    parts += check_identities(rng, cases)
    for failure in failures:
        print(f"FAILED {failure}")
    total = sum(n for kind, n in counted.items() if not kind.endswith("tight"))
    print(f"{parts} parts of files and {2 * cases} random ones, {total} constraints evaluated; failures: {len(failures)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
