#!/usr/bin/env python3
"""lipcheck where the exact checker is too slow, and on sizes that lie; usage: test_sizes.py LIPCHECK [--unlimited]

Thresholds: for given multipliers numpy finds the least s of a spectral line, and the least `dual` of a part,
for which the matrix is positive semidefinite.  A little above lipcheck has to verify, a little below to
reject; so the blocked factorisation is tested on matrices of some hundred rows from both sides.

Long sums: bounds of networks with sums of 400 products, against the exact checker.

Trees: norms by signs, spans and sums on both sides of their thresholds, deep ones, many leaves (tree_sizes.py).

Hostile sizes: short files that ask for large arrays.  Within 300 MiB of address space (--unlimited: for
sanitizers) lipcheck has to end by itself, with status 1 or 2 and a last line that fits.
"""
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
from fractions import Fraction

import numpy as np

import exact_checker
import identity_sizes
import tree_sizes
from corpus_broken import critical, critical_norm, put
from corpus_tools import Claim, dense, layer, network, real, reals, sha256, sparse
from exact_format import Certificate, Network
from exact_numbers import psd
from exact_sdp import Sdp

MEMORY = 300 << 20
GAP = 1e-8
failures = []


def expect(condition, name, sentence):
    if not condition:
        failures.append(f"{name}: {sentence}")


class Checker:
    def __init__(self, program, folder, memory):
        self.program, self.folder, self.memory = program, pathlib.Path(folder), memory

    def __call__(self, net, cert):
        """(exit status, last line)"""
        for name, text in (("net", net), ("cert", cert)):
            (self.folder / name).write_text(text)

        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (self.memory, self.memory))

        done = subprocess.run([self.program, str(self.folder / "net"), str(self.folder / "cert")], text=True,
                              stdout=subprocess.PIPE, timeout=120, preexec_fn=limit if self.memory else None)
        self.output = done.stdout
        return done.returncode, ("\n" + done.stdout).split("\n")[-2]


# ---- Thresholds ----------------------------------------------------------------------------------

def chain(rng, *widths):
    weights = [np.round(rng.normal(size=(b, a)) * 64 / np.sqrt(a)) / 64 for a, b in zip(widths, widths[1:])]
    last = len(weights)
    net = network(widths[0], *(layer(l, "linear" if l == last else "relu", np.zeros(len(a)), dense(l - 1, a))
                               for l, a in enumerate(weights, 1)))
    return net, weights


def convolution(rng, channels, side):
    """A layer of 3 x 3 kernels with padding, as text and as a matrix."""
    kernel = np.round(rng.normal(size=(channels, 9)) * 64) / 64
    size = side * side
    matrix = np.zeros((channels * size, size))
    for o in range(channels):
        for y in range(side):
            for x in range(side):
                for k in range(9):
                    i, j = y + k // 3 - 1, x + k % 3 - 1
                    if 0 <= i < side and 0 <= j < side:
                        matrix[(o * side + y) * side + x, i * side + j] = kernel[o, k]
    term = f"term 0 conv 1 {side} {side} {channels} {side} {side} 3 3 1 1 1 1 1 1 1\n"
    return term + "".join(reals(row)[1:] + "\n" for row in kernel), matrix


def both_sides(check, name, net, make, least):
    """make(x) is a certificate that is true for x >= least only."""
    for factor, status in ((1 + GAP, 0), (1 - GAP, 1)):
        found, line = check(net, make(least * factor))
        expect(found == status, name, f"{factor} times the threshold: exit status {found}, {line!r}")


def spectral(check, name, net, weights):
    for l, a in enumerate(weights, 1):
        def make(s, l=l):
            claim = Claim(net, ("everywhere",), "2 2", "all").product((l, 0, s))
            claim.upper = 2.0**500
            return claim.text()
        both_sides(check, f"{name}, spectral {l}", net, make, np.linalg.norm(a, 2))


def slack(check, name, net, weights, kinds):
    """Forward elimination: with M_l = 2 Lam - Lam F Lam > 0, S >= 0 iff dual >= lambda_max(C M^-1 C' / 4),
    in the scaling where S has Lam on the diagonal and -Lam W / 2 beside it."""
    n, rows = weights[0].shape[1], len(weights[-1])
    inputs = np.full(n if kinds[0] == "cube" else 1, 1.0)
    f, lines = weights[0] @ weights[0].T, []
    for l, a in enumerate(weights[1:], 1):
        lam = np.full(len(f), 2.0 / np.linalg.norm(f, 2))  # near the best, of few digits
        lam = np.array([float(np.format_float_positional(v, 6, fractional=False)) for v in lam])
        lines.append(f"tangent {l}{reals(lam)}\n")
        pivot = np.diag(lam) - np.outer(lam, lam) * f / 4
        f = a @ np.linalg.inv(pivot) @ a.T
    least = np.linalg.norm(f, 2) / 4
    head = f"statement sdp 1\npart {kinds[0]} {kinds[1]}\n"
    head += "".join(f"roles {l} {'v' * len(a)}\n" for l, a in enumerate(weights[:-1], 1))
    norms = "2 2" if kinds == ("ball", "ball") else "inf 1"

    def make(dual):
        claim = Claim(net, ("everywhere",), norms, "all")
        claim.upper = 2.0**500
        claim.statement = head + f"input{reals(inputs)}\ndual{reals([dual] * (rows if kinds[1] == 'cube' else 1))}\n" + \
            "".join(lines)
        return claim.text()
    both_sides(check, f"{name}, sdp {kinds[0]} {kinds[1]}", net, make, least)


def thresholds(check):
    rng = np.random.default_rng(5)
    for widths in ((40, 130, 3), (9, 33, 34, 35, 36, 5), (150, 70, 1), (6,) + (12,) * 20 + (2,)):
        net, weights = chain(rng, *widths)
        name = "-".join(map(str, widths))
        spectral(check, name, net, weights)
        slack(check, name, net, weights, ("ball", "ball"))
        slack(check, name, net, weights, ("cube", "cube"))
    text, matrix = convolution(rng, 3, 9)
    last = np.round(rng.normal(size=(4, len(matrix))) * 64) / 64
    net = network(81, layer(1, "relu", np.zeros(len(matrix)), text), layer(2, "linear", np.zeros(4), dense(1, last)))
    spectral(check, "convolution", net, [matrix, last])
    slack(check, "convolution", net, [matrix, last], ("ball", "ball"))
    some = {(i, j): 1 + (i * j) % 5 for i in range(90) for j in range(i % 7, 120, 11 + i % 3)}
    rows = [{j: a for (k, j), a in some.items() if k == i} for i in range(90)]
    full = np.array([[row.get(j, 0) for j in range(120)] for row in rows], float)
    net = network(120, layer(1, "linear", np.zeros(90), sparse(0, rows, 120)))
    spectral(check, "sparse", net, [full])


# ---- Parts that know the point -------------------------------------------------------------------

class Known:
    """The slack matrix of a part about a chain of two layers on [-1, 1]^n, all neurons with role b and value h, and with
    cuts, in numpy: forms are vectors."""

    def __init__(self, rng, n, neurons):
        self.rng, self.order = rng, 1 + 2 * n + 3 * neurons
        self.s, unit = np.zeros((self.order, self.order)), np.eye(self.order)
        self.net, (a, self.c) = chain(rng, n, neurons, 1)
        self.one, self.t, self.v = unit[0], unit[1:1 + n], unit[1 + n:1 + n + neurons]
        phases = unit[1 + n + neurons:1 + n + 2 * neurons]
        self.x, self.h1 = unit[1 + n + 2 * neurons:1 + 2 * n + 2 * neurons], unit[1 + 2 * n + 2 * neurons:]
        self.u, self.y = (self.one + phases) / 2, a @ self.t
        self.r = np.abs(a).sum(1) * (1 + 2.0**-30)
        wide = np.nextafter(1.0, 2)  # the box is [-1, 1], so c = 0 and w the next double
        self.z, self.most, self.least = wide * a @ self.x, self.r, -self.r
        self.h = self.most[:, None] * (self.one + self.h1) / 2
        self.phases, self.lines = phases, []

    def add(self, f, g, weight):
        """weight f g, for one neuron or for all of them."""
        f, g = np.broadcast_arrays(np.atleast_2d(f), np.atleast_2d(g))
        product = (np.broadcast_to(weight, len(f)) * f.T) @ g
        self.s += (product + product.T) / 2

    def line(self, kind, size, signed=False):
        low = -size if signed else 0
        values = np.round(self.rng.uniform(low, size, len(self.r)) * 2**20) / 2**20
        self.lines.append(f"{kind} 1{reals(values)}\n")
        return values

    def neurons(self):
        u, v, y, z, h, one, off = self.u, self.v, self.y, self.z, self.h, self.one, self.one - self.u
        self.lines.append(f"bound 1{reals(self.r)}\n")
        m = self.line("tangent", 1) + 0.0
        self.add(v, y, -m), self.add(v, v, m)
        self.add(v, v, self.line("range", 2.0))
        self.add(self.phases, self.phases, self.line("bin", 8.0, True))
        m = self.line("gate", 0.125, True)
        self.add(2 * u - one, v, -m), self.add(one, v, m)
        m = self.line("switch", 0.125, True)
        self.add(u, y, -m), self.add(one, v, m)
        m = self.line("cap", 0.125)
        self.add(one, u, -m * self.r**2), self.add(v, v, m)
        self.lines += [f"least 1{reals(self.least)}\n", f"most 1{reals(self.most)}\n"]
        self.add(self.h1, self.h1, self.line("state", 8.0))
        self.add(one + self.h1, z - h, -self.line("square", 0.125, True))
        self.add(off, one + self.h1, -2 * self.line("closed", 0.125, True))
        m = self.line("open", 0.125, True)
        self.add(u, z, -m), self.add(one, h, m)
        self.add(u, z, -self.line("above", 0.125))
        self.add(off, z, self.line("below", 0.125))
        m = self.line("phases", 0.125)
        self.add(z, z, m), self.add(u, z, -m * self.most), self.add(off, z, -m * self.least)
        m = self.line("roof", 0.125)
        self.add(one, u, -m * self.most), self.add(u, z, m)
        m = self.line("floor", 0.125)
        self.add(off, z, -m), self.add(off, one, m * self.least)

    def form(self):
        """(words, vector)"""
        k, word = int(self.rng.integers(len(self.r))), self.rng.choice(
            ["plus", "minus", "closed", "upper", "lower", "on+", "on-", "off+", "off-"])
        u, off, v, y, r = self.u[k], self.one - self.u[k], self.v[k], self.y[k], self.r[k]
        i = int(self.rng.integers(1, self.order))
        size = r_of = self.size(i)
        vector = {"plus": size * self.one + np.eye(self.order)[i], "minus": r_of * self.one - np.eye(self.order)[i],
                  "closed": self.h[k] - self.z[k], "upper": self.most[k] * u - self.h[k],
                  "lower": self.z[k] - self.h[k] - self.least[k] * off, "on+": r * u + v, "on-": r * u - v,
                  "off+": r * off + (y - v), "off-": r * off - (y - v)}[word]
        return f"{word} {i if word in ('plus', 'minus') else k}", vector

    def size(self, i):
        k = i - 1 - len(self.t)
        return self.r[k] if 0 <= k < len(self.r) else 1.0

    def cuts(self, triangles, products):
        for _ in range(triangles):
            i, j, k = sorted(int(v) for v in self.rng.choice(self.order, 3, replace=False))
            a, b = self.rng.choice([-1, 1], 2)
            m, (ri, rj, rk), e = self.small(), map(self.size, (i, j, k)), np.eye(self.order)
            self.lines.append(f"triangle {i} {j} {k} {'+-'[int(a < 0)]}{'+-'[int(b < 0)]} {real(m)}\n")
            self.add(self.one, self.one, -m * ri * rj * rk)
            self.add(e[i], e[j], -m * a * rk), self.add(e[i], e[k], -m * b * rj), self.add(e[j], e[k], -m * a * b * ri)
        for _ in range(products):
            (f, left), (g, right), m = self.form(), self.form(), self.small()
            self.lines.append(f"product {f} {g} {real(m)}\n")
            self.add(left, right, -m)

    def small(self):
        return np.round(self.rng.uniform(0, 0.125) * 2**20) / 2**20

    def text(self, one, square, cuts):
        n, k = len(self.t), len(self.r)
        claim = Claim(self.net, ("box", [-1] * n, [1] * n), "inf inf", "row 0", "interval")
        claim.upper = 2.0**500
        claim.statement = f"statement sdp 1\npart cube fixed 0\nroles 1 {'b' * k}\nvalues 1 {'h' * k}\ncuts {cuts[0]} {cuts[1]}\n" \
            f"one {real(one)}\ninput{reals([square] * n)}\npoint{reals([square] * n)}\n" + "".join(self.lines)
        return claim.text()


def known(check):
    """The least `one` of a part with points and cuts, by the Schur complement of the first row."""
    for case, (n, neurons, triangles, products) in enumerate(((3, 5, 20, 20), (20, 60, 400, 400), (40, 130, 600, 600))):
        part = Known(np.random.default_rng(case), n, neurons)
        part.neurons()
        part.cuts(triangles, products)
        part.add(part.one, part.c @ part.v, -1)
        low = np.linalg.eigvalsh(part.s[1:, 1:])[0]
        # tangents and states need more on the diagonal than the other lines give them: raise their lines by as much
        more = float(2 ** np.ceil(np.log2(2 * abs(low) + 1)))
        raise_lines(part, more)
        part.s[1:1 + n, 1:1 + n] += more * np.eye(n)
        at = 1 + n + 2 * neurons
        part.s[at:at + n, at:at + n] += more * np.eye(n)
        rest = part.s[1:, 1:]
        least = part.s[0, 1:] @ np.linalg.solve(rest, part.s[0, 1:]) - part.s[0, 0]
        both_sides(check, f"known point {n}, {neurons}", part.net, lambda one, p=part, m=more, c=(triangles, products): p.text(one, m, c),
                   least)


def raise_lines(part, more):
    """Add `more` to the numbers of range, bin and state."""
    for i, line in enumerate(part.lines):
        kind = line.split(" ")[0]
        if kind in ("range", "bin", "state"):
            values = [float.fromhex(token) + more for token in line.split(" ")[2:]]
            part.lines[i] = f"{kind} 1{reals(values)}\n"
            squares = {"range": part.v, "bin": part.phases, "state": part.h1}[kind]
            part.add(squares, squares, more)


# ---- Long sums -----------------------------------------------------------------------------------

def long_sums(check):
    """Sums of 400 products, the same one or random ones, whose rounding errors add up: bounds and the last
    wrong multiplier against the exact checker."""
    rng, count = np.random.default_rng(6), 400
    for case in range(6):
        values = np.full(count, rng.uniform(0.5, 1)) if case % 2 else rng.uniform(0.5, 1, count)
        row = network(count, layer(1, "linear", [0], dense(0, [values])))
        column = network(1, layer(1, "linear", np.zeros(count), dense(0, values[:, None])),
                         layer(2, "linear", [0], dense(1, [rng.uniform(0.5, 1, count)])))
        for p in ("1", "2", "inf"):
            for what, net in (("row", row), ("column", column)):
                for claim in (Claim(net, ("everywhere",), f"{p} 2", "row 0").product(),
                              Claim(net, ("everywhere",), f"{p} 2", "row 0").interval().at(
                                  *((np.zeros(count), values) if what == "row" else ([0.0], [1.0])))):
                    inside(check, f"long {what} {case}, norm {p}", net, claim)
        s = critical_norm(row, 0)
        expect(check(row, tight(row, f"statement product\nspectral 1 0 {real(s)}\n"))[0] == 1, f"long row {case}",
               "a spectral line one unit too small is verified")
        slack = "statement sdp 1\npart unit 0 unit 0\ninput 0x1p+0\ndual 0x1p+20\n"
        dual = critical(column, tight(column, slack), "dual")
        expect(check(column, put(tight(column, slack), "dual", dual))[0] == 1, f"long column {case}",
               "a slack matrix that is not positive semidefinite is verified")


def long_values(check):
    """y and z of 400 products each, through a layer without ReLU: the last wrong `one` against the exact checker."""
    rng, count = np.random.default_rng(7), 400
    for case in range(6):
        a, b, c = rng.uniform(-1, 1, (3, count)) if case % 2 else rng.uniform(0.5, 1, (3, 1)) * np.ones((3, count))
        net = network(1, layer(1, "linear", b, dense(0, a[:, None])), layer(2, "relu", [0.125], dense(1, [c])),
                      layer(3, "linear", [0], dense(2, [[1]])))
        claim = Claim(net, ("box", [-0.3], [0.7]), "1 inf", "row 0", "interval")
        size = real(2.0**10)
        claim.statement, claim.upper = "statement sdp 1\npart unit 0 fixed 0\nroles 2 b\nvalues 2 h\none 0x1p+30\ninput 0x1p+20\n" \
            f"point 0x1p+20\nbound 2 {size}\ntangent 2 0x1p-3\nrange 2 0x1p+10\nbin 2 0x1p+20\nleast 2 -{size}\nmost 2 {size}\n" \
            f"state 2 0x1p+20\nsquare 2{reals([rng.uniform(-2, 2)])}\nopen 2{reals([rng.uniform(-2, 2)])}\nphases 2 0x1p+0\n", 2.0**400
        one = least_one(net, claim.text())
        for value, wanted in ((one, 1), (one + 2.0**-20, 0)):
            status, line = check(net, put(claim.text(), "one", value))
            expect(status == wanted, f"long value {case}", f"one {value!r}: exit status {status}, {line!r}")


def output_norms(check):
    """2-norms of 1,000 outputs, at most 64 of them not 0, near the ends of the range of doubles: a lower bound that is
    a little too large.  Rounding there is absolute, or a sum overflows."""
    for name, weights, direction, truth, wrong in (
            ("subnormal", ["0x1.805136bf62814p-934", "0x1.5869b40a3d70ap-953"], "0x1p-100", "0x1.8p-934",
             "0x1.805136bf64ffep-934"),
            ("overflow", [real(2.0**1021 * (1 - 40 * 2.0**-53))] * 64, "0x1p+0", "0x1p+1020", "0x1.ffffffffffffep+1023")):
        values = np.zeros((1000, 1))
        values[:len(weights), 0] = [float.fromhex(w) for w in weights]
        net = network(1, layer(1, "linear", np.zeros(1000), dense(0, values)))
        for claim, status in ((truth, 0), (wrong, 1)):
            cert = f"lipcert-certificate 1\nnetwork {sha256(net)}\nregion everywhere\nnorms inf 2\noutput all\nbounds none\n" \
                f"upper none\nlower {real(float.fromhex(claim))}\nwitness\npoint 0x0p+0\ndirection {direction}\nend\n"
            got, line = check(net, cert)
            expect(got == status, f"output norm, {name}, lower {claim}", f"exit status {got}, {line!r}")


def least_one(net, text):
    """The largest `one` for which the slack matrix of the only part is not positive semidefinite."""
    network_ = Network(net.encode())
    cert = Certificate(text.encode(), network_)
    sdp = Sdp(network_, cert, exact_checker.Ranges(network_, cert), cert.parts[0])
    sdp.build()
    at = (("1",), ("1",))
    wrong, right = -2.0**40, 2.0**40
    while np.nextafter(wrong, right) != right:
        middle = (wrong + right) / 2
        if psd({**sdp.matrix, at: sdp.matrix[at] - cert.parts[0].one + Fraction(middle)}):
            right = middle
        else:
            wrong = middle
    return wrong


def tight(net, statement):
    claim = Claim(net, ("everywhere",), "2 2", "row 0")
    claim.statement, claim.upper = statement, 2.0**400
    return claim.text()


def inside(check, name, net, claim):
    """What lipcheck prints is no better than exact arithmetic."""
    text = claim.prove()
    upper, lower = exact_checker.check(net.encode(), text.encode())
    status, line = check(net, text)
    expect(status == 0, name, f"exit status {status}, {line!r}")
    printed = dict(entry.split(" ") for entry in check.output.split("\n")[:-2])
    for key, value, sign in (("upper", upper, 1), ("lower", lower, -1)):
        if value is not None and status == 0:
            expect(sign * (Fraction(printed[key]) - value) >= 0, name, f"{key} {printed[key]}, exactly {float(value)!r}")


# ---- Hostile sizes -------------------------------------------------------------------------------

def hostile(check):
    one = layer(2, "linear", [0], "term 1 dense 1 1\n0x1p+0\n")
    wide = 10**9
    inputs = f"lipcert-network 1\ninput {wide}\nlayers 2\n" + layer(
        1, "relu", [0], f"term 0 sparse 1 {wide} 1\n1 {wide - 1} 0x1p+0\n") + one + "end\n"
    folded = f"lipcert-network 1\ninput {wide}\nlayers 2\n" + layer(
        1, "relu", [0], f"term 0 conv 1 1 {wide} 1 1 1 1 1 1 1 1 1 0 0 1\n0x1p+0\n") + one + "end\n"
    many = 1200
    unfolded = network(many, layer(1, "linear", np.zeros(many), f"term 0 conv 1 1 {many} 1 1 {many} 1 {many} 1 1 1 1 0 "
                                   f"{many // 2} 1\n" + " ".join(["0x1p+0"] * many) + "\n"))
    outputs = network(1, layer(1, "linear", np.zeros(20000), sparse(0, [{0: 1}] * 20000, 1)))
    gram = network(9000, layer(1, "linear", np.zeros(9000), sparse(0, [{0: 1, i: 1} for i in range(1, 9000)] + [{0: 1}], 9000)))
    slacks = network(1, layer(1, "relu", np.zeros(9000), sparse(0, [{0: 1}] * 9000, 1)),
                     layer(2, "linear", [0], "term 1 dense 1 9000\n" + " ".join(["0x1p+0"] * 9000) + "\n"))
    statements = {
        "product": "statement product\n", "interval": "statement interval\n", "spectral": f"statement product\nspectral 1 0 {real(1e4)}\n",
        "part": "statement sdp 1\npart ball ball\nroles 1 v\ninput 0x1p+0\ndual 0x1p+0\ntangent 1 0x1p+0\n",
        "bins": "statement sdp 1\npart ball fixed 0\nroles 1 " + "s" * 9000 + "\none 0x1p+20\ninput 0x1p+20\nbin 1" +
                " 0x1p+20" * 9000 + "\n",
        "parts": "statement sdp 1000000000\n" + "part ball ball\n" * 50,
        "cuts": "statement sdp 1\npart ball fixed 0\nroles 1 " + "v" * 9000 + "\ncuts 1000000000 1000000000\none 0x1p+0\ninput 0x1p+0\n" +
                "triangle 0 1 2 ++ 0x1p+0\n" * 50,
        "values": "statement sdp 1\npart ball fixed 0\nroles 1 " + "v" * 9000 + "\nvalues 1 " + "h" * 9000 + "\none 0x1p+20\n" +
                  "input 0x1p+20\npoint 0x1p+20\ntangent 1" + " 0x1p+0" * 9000 + "\nbin 1" + " 0x1p+20" * 9000 + "\nleast 1" +
                  " -0x1p+1" * 9000 + "\nmost 1" + " 0x1p+1" * 9000 + "\nstate 1" + " 0x1p+20" * 9000 + "\nsquare 1" +
                  " 0x1p-3" * 9000 + "\n",
        "refine": "refine 1 0 upper 1000000000 0 0x1p+0\nupper 0x1p+0\n"}
    for what, net, output, names in (
            ("inputs", inputs, "all", ("product", "interval", "part")), ("folded", folded, "all", ("product", "interval", "part")),
            ("unfolded", unfolded, "all", ("product", "spectral")), ("outputs", outputs, "all", ("product", "interval")),
            ("gram", gram, "all", ("spectral", "parts")), ("slacks", slacks, "row 0", ("bins", "cuts", "values", "refine"))):
        for name in names:
            region = "region everywhere" if name not in ("values", "refine") else "region box\nlo -0x1p+0\nhi 0x1p+0"
            bounds = "interval" if name == "values" else f"linear\nslopes 1 {'0' * 9000}" if name == "refine" else "none"
            claims = f"upper {real(2.0**1000)}\nlower none\n"
            cert = f"lipcert-certificate 1\nnetwork {sha256(net)}\n{region}\nnorms 2 2\noutput {output}\nbounds {bounds}\n" + \
                (statements[name] + claims if name == "refine" else claims + statements[name]) + "end\n"
            status, line = check(net, cert)
            words = {0: "s VERIFIED", 1: "s REJECTED ", 2: "s MALFORMED "}
            expect(status in words and line.startswith(words[status]), f"hostile {what}, {name}",
                   f"exit status {status}, {line!r}")
            if os.environ.get("VERBOSE"):
                print(what, name, status, line)


def main(arguments):
    unlimited = "--unlimited" in arguments
    arguments = [a for a in arguments if a != "--unlimited"]
    if len(arguments) != 2:
        print("usage: test_sizes.py LIPCHECK [--unlimited]", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        check = Checker(arguments[1], folder, 0 if unlimited else MEMORY)
        thresholds(check)
        known(check)
        long_sums(check)
        long_values(check)
        output_norms(check)
        identity_sizes.grams(check, both_sides)
        identity_sizes.long_sums(check, inside)
        identity_sizes.cancelled(check, expect)
        tree_sizes.all_sizes(check, expect)
        if not unlimited:
            hostile(check)
            identity_sizes.hostile(check, expect)
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"failures: {len(failures)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
