"""Certificates with the statement `identity`: the valid ones (make_corpus.py)."""
import random

import numpy as np

import exact_checker
from corpus_tools import Claim
from exact_format import Certificate, Network
from exact_identity_format import EQUALITIES, FACTORS
from identity_frame import IdentityFrame

R = ("everywhere",)
BOX2 = ("box", [-1, -1], [1, 1])
BOX3 = ("box", [-1, -0.5, 0], [0.5, 0.5, 0.75])
BALL2 = ("ball", 0.75, [0.5, -0.25])
GLOBAL = ("plus", "minus", "on", "off")
LINEAR = ("linear", ("010", "101"))


class Maker:
    """A head is (network, region, norms, output, bounds, slopes, refine)."""

    def __init__(self, nets, valid):
        self.nets, self.valid = nets, valid

    def frame(self, head, *arguments, **keywords):
        return IdentityFrame(Claim(self.nets[head[0]], *head[1:]), *arguments, **keywords)

    def add(self, name, head, *parts, at=None):
        """A part is a frame and its terms."""
        claim = Claim(self.nets[head[0]], *head[1:])
        claim.statement = f"statement identity {len(parts)}\n" + "".join(frame.text(terms) for frame, terms in parts)
        self.valid(f"{head[0]}-identity-{name}", claim.at(at) if at is not None else claim)

    def every(self, name, head, *parts, at=None, seed=1, more=(4, 2, 2)):
        """Every factor and equality, and random terms."""
        rng, made = random.Random(seed), []
        for arguments in parts:
            *arguments, lifts = arguments if arguments[-1] in (True, False) else (*arguments, False)
            frame = self.frame(head, *arguments, lifts=lifts)
            made.append((frame, frame.every(rng) + frame.random_terms(rng, *more)))
        self.add(name, head, *made, at=at)


def make_identities(nets, valid):
    maker = Maker(nets, valid)
    programs(maker)
    tables(maker)
    gates(maker)
    covers(maker)


def programs(maker):
    """Terms from linear and semidefinite programs; the claims are good bounds."""
    plain, single = ("plain", R, "inf inf", "row 0"), ("single", R, "inf 1", "row 0")
    frame = maker.frame(plain, "cube", "fixed 0", ("uuu",))
    maker.add("products", plain, (frame, frame.lp(3, GLOBAL)), at=[3, 4])
    maker.add("squares", plain, (frame, frame.sos(frame.monomials(1) + [(0, k) for k in (2, 3, 4)] + [(1, k) for k in (2, 3, 4)],
                                                  [[("square", 0)], [("square", 1)]])))
    frame = maker.frame(single, "unit 0", "fixed 0", ("uuu",))
    maker.add("products", single, (frame, frame.lp(2, GLOBAL)), at=[0.75])
    box = ("plain", BOX2, "inf 2", "row 0", "interval")
    frame = maker.frame(box, "cube", "fixed 0", ("uuu",), ("zzz",))
    maker.add("products-box", box, (frame, frame.lp(2)))
    frame = maker.frame(box, "cube", "fixed 0", ("uuu",), ("hhh",))
    maker.add("products-values", box, (frame, frame.lp(2)))
    some = [[f] for f in frame.factors if f[0] in ("square", "above", "below", "excess", "room", "state", "top")]
    t = [(j, k) for j in (0, 1) for k in (2, 3, 4)]
    maker.add("squares-values", box, (frame, frame.sos(frame.monomials(1) + t, some, 2)))
    line = ("line", ("box", [-0.125], [1]), "2 2", "row 0", "interval")
    frame = maker.frame(line, "ball", "fixed 0", ("uu",), ("hh",), lifts=True)
    maker.add("products-lifts", line, (frame, frame.lp(3, ("on", "off", "plus", "minus", "above", "below", "state", "top", "bottom"))))
    maker.add("squares-ball", line, (frame, frame.sos(frame.monomials(1) + [(0, 1), (0, 2)], [[("tball", 0)], [("above", 0)], [("below", 1)],
                                                                                            [("square", 3)]], 2)))
    deep = ("deep", R, "1 inf", "row 0")
    frames = [maker.frame(deep, f"unit {j}", "fixed 0", ("uu", "uu", "uu")) for j in (0, 1)]
    maker.add("products", deep, *((frame, frame.lp(4, GLOBAL)) for frame in frames))
    chain = ("chain", ("box", [0.25, 0.5], [0.375, 0.75]), "inf inf", "all", *LINEAR)
    frames = [maker.frame(chain, "cube", f"fixed {o}", *stable_letters(maker, chain)) for o in (0, 1)]
    maker.add("products-rows", chain, *((frame, frame.lp(3, GLOBAL)) for frame in frames), at=[0.3125, 0.625])


def stable_letters(maker, head):
    """Roles and values that leave out what the bounds decide."""
    net, claim = Network(maker.nets[head[0]].encode()), Claim(maker.nets[head[0]], *head[1:])
    claim.statement, claim.upper = "statement product\n", 1.0
    ranges = exact_checker.Ranges(net, Certificate(claim.text().encode(), net))
    phases = [[ranges.phase(l, k)[:1] for k in range(net.width[l])] for l in net.relus()]
    return ["".join(p or "u" for p in some) for some in phases], ["".join(p or "h" for p in some) for some in phases]


def tables(maker):
    """Everything that the table has, for every kind of region, set and letter."""
    maker.every("table", ("plain", BOX2, "inf inf", "row 0", "interval"), ("cube", "fixed 0", ("uuu",), ("hzh",)), at=[0.5, 0.25])
    maker.every("table-lifts", ("plain", BOX2, "1 2", "row 0", "interval"), ("ball", "fixed 0", ("uuu",), ("hzh",), True), seed=2)
    maker.every("table-ball", ("plain", BALL2, "2 2", "row 0", "interval"), ("ball", "fixed 0", ("uuu",), ("zhn",), True), seed=3)
    maker.every("table-everywhere", ("plain", R, "1 inf", "row 0"), ("cube", "fixed 0", ("uuu",)), seed=4)
    maker.every("table-flat", ("plain", ("box", [-1, 0.5], [1, 0.5]), "inf 2", "row 0", "interval"),
                ("cube", "fixed 0", ("uua",), ("hzh",), True), seed=5)
    maker.every("table-point", ("plain", ("box", [0.25, 0.5], [0.25, 0.5]), "2 2", "row 0", "interval"),
                ("ball", "fixed 0", ("uuu",), ("hzh",), True), seed=6)
    maker.every("table-no-radius", ("plain", ("ball", 0, [0.25, 0.5]), "2 2", "row 0", "interval"),
                ("ball", "fixed 0", ("uuu",), ("hhz",), True), seed=7)
    maker.every("cube", ("chain", BOX2, "inf 1", "all", *LINEAR), ("cube", "cube", ("uuu", "uuu"), ("hhh", "zhn")), seed=8)
    maker.every("ball", ("chain", BALL2, "2 2", "all", *LINEAR), ("ball", "ball", ("uuu", "uuu"), ("hhh", "hzh"), True), seed=9,
                at=[0.5, 0.25])
    maker.every("margin", ("chain", BOX2, "2 1", "margin 1 0", *LINEAR), ("ball", "fixed 0", ("uuu", "uuu"), ("hzn", "nnn")), seed=10)
    maker.every("three", ("deep", BOX2, "inf 1", "row 0", "linear", ("00", "11", "01")),
                ("cube", "fixed 0", ("uu", "uu", "uu"), ("hh", "hh", "hz"), True), seed=11, at=[0.5, 0.25])
    maker.every("three-everywhere", ("deep", R, "2 2", "row 0"), ("ball", "fixed 0", ("uu", "uu", "uu")), seed=12)
    maker.every("skip", ("skip", BOX2, "2 inf", "all", "interval"), ("ball", "ball", ("uu", "uu"), ("hh", "zz")), seed=13)
    maker.every("linear", ("inner", BOX2, "inf inf", "row 0", "interval"),
                ("cube", "fixed 0", ("uuu", "uu"), ("hhh", "zh"), True), seed=14)
    maker.every("conv", ("conv", ("box", [-0.5] * 6, [0.5, 0.25, 0, 1, 0.125, -0.5]), "inf 1", "row 0", "interval"),
                ("cube", "fixed 0", ("uuuu",), ("hzhn",)), seed=15)
    maker.every("sparse", ("sparse", ("ball", 0.5, [0.25, 0.5, 0]), "2 2", "all", "interval"),
                ("ball", "ball", ("uauu",), ("hazz",)), seed=16)
    maker.every("wide", ("wide", BALL2, "2 2", "all", "interval"), ("ball", "ball", ("uuuuu",), ("hznnz",), True), seed=17)
    maker.every("scale", ("scale", ("box", [-2.0**-8, -2.0**8], [2.0**-7, 2.0**8]), "inf 2", "row 0", "interval"),
                ("cube", "fixed 0", ("uu",), ("hh",), True), seed=18, more=(1, 0, 0))
    maker.every("affine", ("affine", R, "2 2", "all"), ("ball", "ball", ()), seed=19)
    maker.every("cancel", ("cancel", BOX2, "2 2", "row 0", "interval"), ("ball", "fixed 0", ("uu", "uu"), ("hh", "hz"), True), seed=20)
    maker.every("tenths", ("line", ("box", [-0.1], [0.7]), "2 2", "row 0", "interval"), ("unit 0", "fixed 0", ("uu",), ("hh",), True),
                seed=21, more=(8, 8, 4))
    frame = maker.frame(("affine", R, "inf 2", "row 0"), "cube", "fixed 0", ())
    maker.add("empty", ("affine", R, "inf 2", "row 0"), (frame, []))
    repeated(maker)


def repeated(maker):
    """Monomials more than once, Gram matrices of 0 and of one row, powers, 8 factors, degree 8."""
    head = ("plain", BOX2, "inf 1", "row 0", "interval")
    frame = maker.frame(head, "cube", "fixed 0", ("uuu",), ("hhh",))
    q = np.array([[1, 0.5, -0.25], [0.5, 1, 0.5], [-0.25, 0.5, 1]])
    t, u, x, h = 0, 2, 5, 7
    maker.add("repeated", head, (frame, [
        frame.gram([], [(t,), (t,), (t, u)], q), frame.gram([("on", u)], [(u,), (u,), ()], q / 8), frame.gram([("state", 0)], [()], [[0]]),
        frame.gram([], [(t, t, t, t)], [[0.125]]), frame.zero(("open", 0), [(), (), (u,)], [0.5, -0.5, 0.25]),
        frame.scalar([("on", u)] * 8, 0.25), frame.scalar([("square", t)] * 4, 0.125), frame.scalar([("state", 0)] * 8, 0.0625),
        frame.scalar([], 0.5), frame.scalar([("plus", x)] * 3 + [("minus", x)] * 3 + [("room", 2)], 0.25),
        frame.zero(("relu", 1), [(t, t, x, x, h, h), (t, u, u + 1, x, x, h)], [0.25, 0.5]),
        frame.gram([("top", 0), ("bottom", 0)], [(t, u, x), (u, u + 1, h)], q[:2, :2]),
        frame.gram([("plus", t)] * 3, [(t, u, u + 1, u + 2)], [[0.25]])]))


    head = ("wide", BALL2, "2 2", "all", "interval")
    frame = maker.frame(head, "ball", "ball", ("uuuuu",), ("hznnz",), lifts=True)
    first = {word: (word, number) for word, number in reversed(frame.factors)}
    maker.add("degrees", head, (frame, [
        *(frame.scalar([f] * (8 // FACTORS[word][1]), 0.0625) for word, f in first.items()),
        *(frame.gram([f], [(0,) * (4 - FACTORS[word][1] // 2 - FACTORS[word][1] % 2)], [[0.0625]]) for word, f in first.items()),
        *(frame.zero((word, gate), [(0,) * (8 - EQUALITIES[word][1])], [0.0625]) for word, gate in frame.equalities)]))
    head = ("line", ("box", [-1], [1]), "2 2", "row 0", "interval")  # least and most exactly the bounds; sizes 1 and 2
    frame = maker.frame(head, "ball", "fixed 0", ("uu",), ("hh",), lifts=True, tight=True)
    maker.add("powers", head, (frame, frame.every(random.Random(50))))


def gates(maker):
    """Kept gates, stable neurons, inputs that a neuron does not read."""
    dead = ("dead", BOX2, "inf inf", "row 0", "interval")
    maker.every("stable", dead, ("cube", "fixed 0", ("aiiu", "uu"), ("aiih", "zz")), seed=30)
    maker.every("kept", dead, ("cube", "fixed 0", ("auau", "uu"), ("hhaz", "nn"), True), seed=31)
    maker.every("all-kept", ("dead", ("box", [0.5, -0.5], [1, 0.5]), "2 2", "row 0", "interval"),
                ("ball", "fixed 0", ("aiia", "uu"), ("hiih", "hz")), seed=32)
    maker.every("kept-zero", ("corner", ("box", [0, 0], [1, 1]), "inf inf", "row 0", "interval"),
                ("cube", "fixed 0", ("ai",), ("hi",), True), seed=33, at=[0, 0])
    maker.every("kept-layers", ("half", BOX2, "2 2", "all", "linear", ("01", "010", "10"),
                                ((2, 0, "lower", {0: 0.5}), (2, 1, "upper", {0: 0.5, 1: 0.25}), (3, 0, "lower", {4: 0.5}))),
                ("ball", "ball", ("uu", "aiu", "au"), ("hh", "hih", "az")), seed=34, more=(2, 1, 1))
    maker.every("no-entries", ("pass", BOX2, "2 2", "all", "interval"), ("ball", "fixed 0", ("ia", "ui"), ("ai", "zn")), seed=35)
    slope = ("slope", BOX2, "2 2", "row 0", "linear", ("1", "00"))
    maker.every("slope", slope, ("ball", "fixed 0", ("u", "au"), ("h", "hz"), True), seed=36)


def covers(maker):
    """Several parts, of all kinds."""
    maker.every("columns", ("chain", BALL2, "1 2", "all", *LINEAR), ("unit 0", "ball", ("uuu", "uuu"), ("hhh", "nnn")),
                ("unit 1", "cube", ("uuu", "uuu"), ("hhh", "zzz"), True), seed=40, more=(2, 1, 1))
    maker.every("pairs", ("wide", BOX2, "1 inf", "all", "interval"), ("unit 0", "fixed 0", ("uuuuu",)), ("unit 0", "fixed 2", ("uuuuu",)),
                ("ball", "fixed 1", ("uuuuu",), ("zznnn",)), ("unit 1", "cube", ("uuuuu",)), seed=41, more=(1, 1, 0))
    far = ("far", BOX3, "1 inf", "all", "linear", ("010", "00"))
    # neurons that do not read an input: their tangents have no entries; kept gates that are not active
    maker.every("no-tangent", far, ("unit 0", "cube", ("uaa", "ui"), ("hhh", "hn")), ("unit 1", "cube", ("iuu", "uu"), ("nnn", "nn")),
                ("unit 2", "ball", ("aiu", "iu"), ("nnn", "nn")), seed=42, more=(2, 1, 1))
