#!/usr/bin/env python3
"""Write networks/, valid/, invalid/ and malformed/ (needs numpy and scipy; the same files on every run).

    networks/NET.txt                     a canonical network
    valid/NET-WHAT.txt                   a certificate that proves its claims for networks/NET.txt
    invalid/NET-CODE-WHAT.txt            one that breaks a single rule; CODE is the exact checker's reason
    malformed/NET-WHAT.txt               one that breaks the grammar
    malformed/NET-WHAT.net.txt           a network that breaks its grammar, whatever the certificate

    usage: make_corpus.py [FOLDER]       default: the folder of this script, and fuzz/corpus/certificate
"""
import pathlib
import shutil
import sys

import numpy as np

import exact_checker
from corpus_broken import TIGHT, critical, critical_norm, make_invalid, make_malformed, put
from corpus_hulls import make_hulls, make_invalid_hulls, make_malformed_hulls
from corpus_identity import make_identities
from corpus_identity_broken import make_invalid_identities, make_malformed_identities
from corpus_points import make_networks_for_points, make_points
from corpus_points_broken import make_invalid_points, make_malformed_points
from corpus_tools import Claim, dense, layer, network, reals, sparse
from corpus_trees import make_invalid_trees, make_malformed_trees, make_networks_for_trees, make_trees
from exact_format import Malformed, Network

HERE = pathlib.Path(__file__).resolve().parent
ROOT = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else HERE
RNG = np.random.default_rng(4)
NETS, VALID, INVALID, MALFORMED = {}, {}, {}, {}
WRONG = []


def weights(rows, columns):
    """Few digits, no zeros: multiples of 1/8."""
    a = np.round(RNG.normal(size=(rows, columns)) * 8) / 8
    return np.where(a == 0, 0.125, a)


def biases(size):
    return np.round(RNG.normal(size=size) * 4) / 8


def chain(*widths):
    last = len(widths) - 1
    return network(widths[0], *(layer(l, "linear" if l == last else "relu", biases(widths[l]),
                                      dense(l - 1, weights(widths[l], widths[l - 1])))
                                for l in range(1, last + 1)))


def make_networks():
    NETS["plain"] = network(
        2, layer(1, "relu", [0.25, -1, 0], dense(0, [[1, 2], [-1.5, 0.5], [0, 1]])),
        layer(2, "linear", [1.75], dense(1, [[1, 2, 3]])))
    NETS["chain"] = chain(2, 3, 3, 2)
    NETS["deep"] = chain(2, 2, 2, 2, 1)
    NETS["wide"] = chain(2, 5, 3)
    NETS["single"] = chain(1, 3, 1)
    # tangents of 2^-328, 2^-3222 and 2^-1180: products of error terms underflow
    NETS["vanish"] = network(
        1, layer(1, "linear", [0, 0], dense(0, [[(1 + 2**-26) * 2.0**-273], [(1 + 2**-26 + 2**-27) * 2.0**-273]])),
        layer(2, "relu", [0], dense(1, [[(1 + 2**-27) * 2.0**-273, -2.0**-273]])),
        layer(3, "linear", [0], dense(2, [[2.0**271]])))
    NETS["dwindle"] = network(
        1, *(layer(k, kind, [0], dense(k - 1, [[2.0**-1074]])) for k, kind in ((1, "linear"), (2, "relu"), (3, "linear"))))
    NETS["differ"] = network(
        1, layer(1, "relu", [0], dense(0, [[2.0**-560]])),
        layer(2, "linear", [0], *(dense(1, [[w]]) for w in (2.0**-560, 2.0**-620, -2.0**-560))))
    NETS["affine"] = network(3, layer(1, "linear", [1, 2], dense(0, [[1, -2, 2], [0.5, 0, -1]])))
    NETS["skip"] = network(
        2, layer(1, "relu", biases(2), dense(0, weights(2, 2))),
        layer(2, "relu", biases(2), dense(1, weights(2, 2)), dense(0, weights(2, 2))),
        layer(3, "linear", biases(2), dense(2, weights(2, 2)), dense(0, weights(2, 2)), dense(1, weights(2, 2))))
    kernel = [[0.5, -1, 0.25, 1], [1, 1, -0.5, 0.125]]
    NETS["conv"] = network(
        6, layer(1, "relu", biases(4), "term 0 conv 1 2 3 2 1 2 2 2 1 1 1 1 0 0 1\n" +
                 "".join(reals(row)[1:] + "\n" for row in kernel)),
        layer(2, "linear", biases(1), dense(1, weights(1, 4))))
    NETS["groups"] = network(  # two groups, stride, dilation, padding
        8, layer(1, "relu", biases(4), "term 0 conv 2 1 4 2 1 2 1 2 1 2 1 2 0 1 2\n" + reals(weights(1, 2)[0])[1:] +
                 "\n" + reals(weights(1, 2)[0])[1:] + "\n"),
        layer(2, "linear", biases(2), dense(1, weights(2, 4))))
    NETS["sparse"] = network(
        3, layer(1, "relu", [0, 0.5, 0, -1], sparse(0, [{0: 1, 2: -2}, {}, {1: 0, 2: 0.75}, {0: 1.5}], 3)),
        layer(2, "linear", [0, 0], sparse(1, [{0: 1, 1: 2, 3: -1}, {2: 1.25}], 4)))
    NETS["inner"] = network(  # a linear layer inside
        2, layer(1, "relu", biases(3), dense(0, weights(3, 2))),
        layer(2, "linear", biases(2), dense(1, weights(2, 3))),
        layer(3, "relu", biases(2), dense(2, weights(2, 2))),
        layer(4, "linear", biases(1), dense(3, weights(1, 2)), dense(2, weights(1, 2))))
    NETS["dead"] = network(  # on [-1, 1]^2: always on, always off, a zero row, one that changes
        2, layer(1, "relu", [4, -4, 0, 0.5], dense(0, [[1, 1], [1, -1], [0, 0], [1, -0.5]])),
        layer(2, "relu", [-0.375, 0.125], dense(1, [[0.25, 1, 1, 1], [0, 5, 2, 0]])),
        layer(3, "linear", [0], dense(2, [[2, 3]])))
    NETS["slope"] = network(  # the second layer, relu(x) - x + y / 8 + 1 / 2, is on, but only the slope 1 shows it
        2, layer(1, "relu", [0], dense(0, [[1, 0]])),
        layer(2, "relu", [0.5, -1], dense(1, [[1], [2]]), dense(0, [[-1, 0.125], [0, 1]])),
        layer(3, "linear", [0], dense(2, [[1, 1]])))
    NETS["dark"] = network(  # the second layer reads neurons that are off for x < 0, and its z is 0 there
        2, layer(1, "relu", [0, -1], dense(0, [[1, 0], [1, 0.5]])), layer(2, "relu", [0], dense(1, [[1, -1]])),
        layer(3, "linear", [0], dense(2, [[1]]), dense(0, [[-2, 1]])))
    some = np.random.default_rng(8)
    NETS["norms"] = network(3, layer(1, "linear", [0] * 3, *(dense(0, np.round(some.normal(size=(3, 3)) * 64) / 64)
                                                             for _ in range(6))))
    NETS["rounding"] = network(  # on [-1, 1]^2: z is at most 2^-60, at least -2^-60, in both layers
        2, layer(1, "relu", [-1, 1], dense(0, [[1, 2.0**-60], [1, -2.0**-60]])),
        layer(2, "relu", [-2, 2], dense(1, [[0, 1], [0, -1]])),
        layer(3, "linear", [0], dense(2, [[1, 2.0**-60]]), dense(0, [[1, 2.0**-60]])))
    NETS["sums"] = network(  # for x in [-1, 1]^2 x [-2, -1] z is at most, at least, +-2^-60, if nothing is lost
        3, layer(1, "relu", [0, 0, 1, -1], dense(0, [[1, 2.0**-60, 1], [-1, -2.0**-60, -1], [2.0**-60, 0, 0], [2.0**-60, 0, 0]]),
                 dense(0, [[0, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, -1]])),
        layer(2, "linear", [0], dense(1, [[1, 1, 1, 1]])))
    NETS["cancel"] = network(  # y of the second layer is 0, but has entries that cancel
        2, layer(1, "relu", [0, 0], dense(0, [[1, 0.5], [-1, 1]])),
        layer(2, "relu", [0, 0], dense(1, [[1, 1], [1, 2]]), dense(1, [[-1, -1], [0, -1]])),
        layer(3, "linear", [0], dense(2, [[1, 1]])))
    NETS["lost"] = network(  # z of the second layer is +-2^-60 x, by coefficients of which 2^-60 is easily lost
        2, layer(1, "linear", [0, 0, 0], dense(0, [[1, 0], [2.0**-60, 0], [1, 0]])),
        layer(2, "relu", [0, 0], dense(1, [[1, 1, -1], [-1, -1, 1]])), layer(3, "linear", [0], dense(2, [[1, 1]])))
    NETS["terms"] = network(  # on the unit ball z is x + y - 1.5 and its opposite, each in two terms
        2, layer(1, "relu", [-1.5, 1.5], dense(0, [[1, 0], [-1, 0]]), dense(0, [[0, 1], [0, -1]])),
        layer(2, "linear", [0], dense(1, [[1, 1]])))
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    NETS["turn"] = network(  # the ranges of layer 3 need both terms of layer 2
        2, layer(1, "relu", [0, 0], dense(0, turn)), layer(2, "relu", [0, 0], dense(1, turn), dense(0, turn / 2)),
        layer(3, "relu", [0, 0], dense(2, turn)), layer(4, "linear", [0], dense(3, [[1, 1]])))
    NETS["cut"] = network(  # at x = y = 1.9375 2^-64 z is -0.875 2^-128; of each product 0.9375 2^-128 is easily cut off
        2, layer(1, "relu", [3 * 2.0**-128], dense(0, [[-2.0**-64, -2.0**-64]])),
        layer(2, "linear", [0], dense(1, [[2.0**64]]), dense(0, [[-1, -1]])))
    NETS["corner"] = network(  # z = 0 at the corner of [0, 1]^2
        2, layer(1, "relu", [0, 0], dense(0, [[1, 0.5], [-1, -1]])),
        layer(2, "linear", [0], dense(1, [[1, 1]])))
    NETS["pass"] = network(  # a layer without terms, and zeros behind dead neurons
        2, layer(1, "relu", [1, 0]), layer(2, "relu", [0, -1], dense(1, [[1, 2], [0, 1]]), dense(0, [[1, 1], [0, 0]])),
        layer(3, "linear", [0], dense(2, [[1, 3]])))
    tiny = 2.0**-600
    NETS["tiny"] = network(  # the products of the weights underflow
        2, layer(1, "relu", [0, 0], dense(0, [[tiny, tiny], [tiny, -tiny]])),
        layer(2, "relu", [0, 0], dense(1, [[tiny, tiny], [tiny, 2 * tiny]])),
        layer(3, "linear", [0], dense(2, [[2.0**1000, 2.0**1000]])))
    NETS["huge"] = network(
        2, layer(1, "relu", [0, 0], dense(0, [[1e300, 1], [1e-300, -1e300]])),
        layer(2, "linear", [0], dense(1, [[1e5, -1e6]])))
    make_networks_for_points(NETS)
    make_networks_for_trees(NETS)


# ---- Valid ---------------------------------------------------------------------------------------

BOX2 = ("box", [-1, -1], [1, 1])
SMALL = ("box", [0.25, 0.5], [0.375, 0.75])
R = ("everywhere",)


def valid(name, claim, **claims):
    VALID[name] = claim.prove(**claims)
    return VALID[name]


def make_valid():
    def claim(net, region, norms, output, bounds="none", slopes=()):
        return Claim(NETS[net], region, norms, output, bounds, slopes)

    valid("plain-interval", claim("plain", BOX2, "inf inf", "row 0", "interval").interval())
    valid("plain-product", claim("plain", R, "2 2", "all").product())
    valid("plain-witness", claim("plain", R, "inf 1", "all").at([3, 4]))
    for p in ("1", "2", "inf"):
        for q in ("1", "2", "inf"):
            at = claim("chain", BOX2, f"{p} {q}", "all", "linear", ("010", "101")).at([0.5, -0.25])
            valid(f"chain-product-{p}-{q}", at.product())
            valid(f"wide-witness-{p}-{q}", claim("wide", ("ball", 1.25, [0.25, -1]), f"{p} {q}", "margin 2 0" if p == q
                                                 else "all").at([1, 0], [1, -0.625]))  # |x - c| is the radius
            valid(f"chain-interval-{p}-{q}", claim("chain", ("ball", 0.75, [0.5, -0.5]), f"{p} {q}", "all",
                                                   "linear", ("000", "111")).interval())
    valid("chain-product-spectral", claim("chain", R, "2 2", "margin 0 1").product((1, 0, 3), (2, 0, 5), (3, 0, 4)))
    valid("chain-product-one-spectral", claim("chain", R, "2 2", "all").product((2, 0, 5)))
    valid("groups-product-spectral", claim("groups", R, "2 2", "all").product((1, 0, 5), (2, 0, 4)))
    valid("sparse-product-spectral", claim("sparse", R, "2 2", "all").product((1, 0, 3), (2, 0, 3)))
    valid("wide-interval-spectral", claim("wide", BOX2, "2 2", "all", "interval").interval(
        magnitude=9, midpoint=7, radius=8))
    valid("wide-interval-midpoint", claim("wide", BOX2, "2 2", "all").interval(midpoint=7))
    valid("affine-product", claim("affine", R, "1 inf", "all").product().at([0, 0, 0]))
    valid("affine-exact", claim("affine", ("ball", 0, [1, 1, 1]), "2 2", "row 0").product().at([1, 1, 1], [1, -2, 2]),
          lower=3 - 2.0**-47, upper=3 + 2.0**-47)  # L is 3
    valid("affine-sdp", claim("affine", R, "2 2", "all").sdp(
        claim("affine", R, "2 2", "all").part("ball", "ball")))
    valid("corner-witness-kink", claim("corner", ("box", [0, 0], [1, 1]), "inf inf", "row 0", "interval").at([0, 0]))
    valid("dead-interval", claim("dead", BOX2, "inf inf", "row 0", "linear", ("0000", "11")).interval().at([0.5, 0.5]))
    valid("pass-product", claim("pass", R, "2 2", "row 0").product().at([1, 2]))
    valid("tiny-interval", claim("tiny", R, "inf 2", "row 0").interval(), upper=1.0)
    valid("tiny-product", claim("tiny", R, "inf 2", "row 0").product(), upper=1.0)
    valid("huge-product", claim("huge", R, "1 inf", "row 0").product())
    valid("groups-product", claim("groups", R, "inf inf", "all").product().at([1, -1, 2, 0.5, 1, 1, 3, -2]))
    valid("groups-interval", claim("groups", ("ball", 0.25, [0] * 8), "2 1", "all", "linear", ("0110",)).interval())
    valid("skip-everything", claim("skip", BOX2, "1 2", "all", "linear", ("01", "10")).interval().at([0.125, 0.5]))
    valid("skip-product", claim("skip", R, "inf 2", "margin 1 0").product())
    valid("cut-witness", claim("cut", R, "inf inf", "row 0").at([1.9375 * 2.0**-64] * 2))
    valid("sums-interval", claim("sums", ("box", [-1, -1, -2], [1, 1, -1]), "inf inf", "row 0", "interval").interval())
    valid("dark-witness", claim("dark", R, "inf inf", "row 0").at([-1, 0.5]))
    valid("norms-product-spectral", claim("norms", R, "2 2", "all").product(
        *((1, t, critical_norm(NETS["norms"], t) * (1 + 1e-11)) for t in range(6))))
    for bounds, slopes in (("interval", ()), ("linear", ("11", "00"))):
        valid(f"rounding-{bounds}", claim("rounding", BOX2, "inf inf", "row 0", bounds, slopes).interval())
    valid("rounding-product", claim("rounding", BOX2, "1 inf", "all").product())
    make_sdp(claim)
    make_points(NETS, valid)
    # as tight as floating point proves, and (corpus_broken.py) one unit below what is true
    for name, keyword in TIGHT:
        text = VALID[name]
        VALID[f"{name}-tight"] = put(text, keyword, critical(NETS[name.split("-")[0]], text, keyword) * (1 + 1e-10))


def make_sdp(claim):
    """Every kind of set, role and multiplier."""
    def sdp(name, head, *parts, spectral=(), at=None):
        c = claim(*head)
        made = [c.part(*part[0], **part[1]) for part in parts]
        c.sdp(*made, spectral=spectral)
        valid(f"{head[0]}-sdp-{name}", c.at(at) if at is not None else c)

    def part(*arguments, **keywords):
        return arguments, keywords

    tangent = {"kinds": ("tangent",)}
    sdp("cube", ("plain", R, "inf inf", "row 0"), part("cube", "unit 0", "vvv", **tangent), at=[3, 4])
    sdp("cube-range", ("plain", R, "inf inf", "row 0"), part("cube", "fixed 0", "vvv"))
    sdp("bins", ("plain", R, "inf 1", "row 0"), part("cube", "fixed 0", "sss"))
    sdp("mixed", ("plain", R, "1 1", "row 0"), part("ball", "fixed 0", "svs"))
    sdp("units", ("plain", R, "1 2", "row 0"), part("unit 0", "fixed 0", "svb"), part("unit 1", "unit 0", "vvb"))
    sdp("both", ("plain", R, "inf 2", "row 0"), part("cube", "fixed 0", "bvb"))
    sdp("ball-ball", ("chain", R, "2 2", "all"), part("ball", "ball", "vvv", "vvv", **tangent), at=[0.5, 0.25])
    sdp("cube-cube", ("chain", R, "inf 1", "all"), part("cube", "cube", "vvv", "vvv", **tangent))
    sdp("cube-cube-range", ("chain", R, "inf 1", "all"), part("cube", "cube", "vvv", "vvv"))
    sdp("ball-cube", ("chain", R, "2 1", "all"), part("ball", "cube", "vvv", "vvv", kinds=("tangent", "range")))
    sdp("spectral", ("chain", R, "2 inf", "all"), part("ball", "ball", "vvv", "vvv", spectral=((1, 0, 3.0), (2, 0, 5.0))),
        spectral=((1, 0, 3.0), (2, 0, 5.0)))
    sdp("rows", ("chain", R, "inf inf", "all"), part("cube", "unit 0", "vvv", "vvv", **tangent),
        part("cube", "fixed 1", "vvv", "svs"))
    sdp("columns", ("chain", R, "1 2", "all"), part("unit 0", "ball", "vvv", "vvv", **tangent),
        part("unit 1", "ball", "bvv", "vvb"))
    sdp("pairs", ("chain", R, "1 inf", "all"), part("unit 0", "unit 0", "vvv", "vvv", **tangent),
        part("unit 1", "unit 0", "vvv", "vvv", **tangent), part("ball", "fixed 1", "vvv", "ssv"))
    sdp("margin", ("chain", SMALL, "2 2", "margin 1 0", "linear", ("000", "111")), part("ball", "fixed 0", "vvv", "vbs"))
    sdp("tangent-only", ("deep", R, "2 2", "row 0"), part("ball", "ball", "vv", "vv", "vv", **tangent), at=[-1, 1])
    sdp("phases", ("deep", R, "inf 1", "row 0"), part("cube", "fixed 0", "bb", "vb", "sv"))
    sdp("one-input", ("single", R, "inf inf", "row 0"), part("unit 0", "fixed 0", "svb"), at=[0.75])
    sdp("stable", ("dead", BOX2, "inf inf", "row 0", "interval"), part("cube", "fixed 0", "aiiv", "vs"))
    sdp("slope", ("slope", BOX2, "2 2", "row 0", "linear", ("1", "00")), part("ball", "unit 0", "v", "av"))
    sdp("zero-rows", ("dead", R, "2 2", "all"), part("ball", "cube", "vvav", "vv", kinds=("tangent", "range")))
    sdp("no-entries", ("pass", R, "2 2", "all"), part("ball", "ball", "ia", "vi", **tangent))
    sdp("skip", ("skip", BOX2, "2 2", "all", "interval"), part("ball", "ball", "vv", "vv"), at=[0.5, 0.5])
    sdp("skip-fixed", ("skip", R, "inf 1", "margin 0 1"), part("cube", "fixed 0", "vb", "sv"))
    sdp("conv", ("conv", R, "inf 1", "row 0"), part("cube", "fixed 0", "ssvb"), at=[1, 2, 3, 1, 0, 1])
    sdp("groups", ("groups", R, "2 1", "all"), part("ball", "cube", "vvvv"))
    sdp("sparse", ("sparse", R, "2 2", "all"), part("ball", "ball", "vavv", **tangent), at=[1, 2, 3])
    sdp("sparse-unit", ("sparse", R, "1 inf", "all"), *(part(f"unit {j}", "cube", "vavv", kinds=("tangent", "range"))
                                                        for j in range(3)))
    sdp("inner", ("inner", R, "inf inf", "row 0"), part("cube", "fixed 0", "vbv", "sv"))
    lines = ((1, 0, 2.0), (2, 0, 3.0), (2, 1, 3.0))
    sdp("skip-spectral", ("skip", R, "2 2", "all"), part("ball", "ball", "vv", "vv", spectral=lines), spectral=lines)
    sdp("active", ("dead", ("box", [0.5, -0.5], [1, 0.5]), "2 2", "row 0", "interval"), part("ball", "ball", "aiia", "vv"))
    for net, region, bounds, roles in (("lost", BOX2, "linear", ("vv",)), ("terms", ("ball", 1, [0, 0]), "interval", ("vv",))):
        sdp("free", (net, region, "2 2", "row 0", bounds, ("11",)[:bounds == "linear"]), part("ball", "ball", *roles, **tangent))
    lines = tuple((l, t, s) for l, t, s in ((1, 0, 1.001), (2, 0, 1.001), (2, 1, 0.501), (3, 0, 1.001)))
    sdp("norms", ("turn", R, "2 2", "row 0"), part("ball", "ball", "vv", "vv", "vv", spectral=lines), spectral=lines)
    sdp("cancelled", ("cancel", R, "2 2", "row 0"), part("ball", "ball", "vv", "vv", **tangent))
    sdp("inner-ball", ("inner", ("ball", 0.125, [0.5, 0.5]), "2 2", "all", "linear", ("101", "00")),
        part("ball", "ball", "vvv", "vv"))


def check(folder, name, text):
    """Each file must be what its folder and name say; only the exact checker is asked."""
    if folder == "networks":
        Network(text.encode())
        return
    net = NETS[name.split("-")[0]]
    certificate = text
    if name.endswith(".net"):
        net, certificate = text, ""
    expected = {"valid": "verified", "malformed": "malformed", "invalid": (name.split("-") + [""])[1]}[folder]
    try:
        exact_checker.check(net.encode("latin-1"), certificate.encode("latin-1"))
        found = "verified"
    except Malformed as error:
        found = "malformed" if not name.endswith(".net") or "network" in str(error) else str(error)
    except exact_checker.Rejected as error:
        found = error.code
    if found != expected:
        WRONG.append(f"{folder}/{name}: expected {expected}, found {found}\n{text}")


def main():
    make_networks()
    make_valid()
    make_invalid(NETS, VALID, INVALID)
    make_invalid_points(NETS, dict(VALID), INVALID.__setitem__, VALID.__setitem__)
    make_malformed(NETS, VALID, MALFORMED)
    make_malformed_points(VALID, MALFORMED.__setitem__)
    make_identities(NETS, valid)
    make_invalid_identities(NETS, VALID, INVALID.__setitem__)
    make_malformed_identities(VALID, MALFORMED.__setitem__)
    make_trees(NETS, valid)
    make_invalid_trees(NETS, VALID, INVALID.__setitem__)
    make_malformed_trees(NETS, VALID, MALFORMED.__setitem__)
    hulls = make_hulls(NETS, valid)
    make_invalid_hulls(NETS, hulls, INVALID.__setitem__)
    make_malformed_hulls(NETS, hulls, MALFORMED.__setitem__)
    for folder, files in (("networks", NETS), ("valid", VALID), ("invalid", INVALID), ("malformed", MALFORMED)):
        shutil.rmtree(ROOT / folder, ignore_errors=True)
        (ROOT / folder).mkdir(parents=True)
        for name, text in files.items():
            check(folder, name, text)
            data = text if isinstance(text, bytes) else text.encode("latin-1")
            (ROOT / folder / f"{name}.txt").write_bytes(data)
        print(f"{folder}: {len(files)} files")
    write_seeds()
    sys.exit("\n".join(WRONG) or None)


def write_seeds():
    """The seeds of fuzz/fuzz_certificate.c: network and certificate in one file."""
    seeds = ROOT / "seeds" if ROOT != HERE else ROOT.parents[1] / "fuzz/corpus/certificate"
    shutil.rmtree(seeds, ignore_errors=True)
    seeds.mkdir(parents=True)
    chosen = dict(VALID)
    chosen.update((name, text) for files in (INVALID, MALFORMED) for name, text in list(files.items())[::6])
    for name, text in chosen.items():
        net = "" if name.endswith(".net") else NETS[name.split("-")[0]]
        (seeds / name).write_bytes((net + text).encode("latin-1"))


if __name__ == "__main__":
    main()
