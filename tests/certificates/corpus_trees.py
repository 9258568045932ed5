"""Certificates with the statement `tree`: valid ones, invalid ones and malformed ones (make_corpus.py)."""
import random
import re

import exact_checker
from corpus_identity_broken import last_double
from corpus_points_broken import loose, only_upper, put, sub
from corpus_tools import Claim, Frame, dense, layer, network, short
from exact_format import Network
from tree_maker import Maker, cut, span_line, split, sum_line

R = ("everywhere",)
BOX2 = ("box", [-1, -1], [1, 1])
SKEW = ("box", [-0.875, -1.25], [1.5, 0.625])
BALL2 = ("ball", 0.75, [0.5, -0.25])
I = "interval\n"


def make_networks_for_trees(nets):
    nets["fold"] = network(  # the second layer is on only where the first is; the last neuron never
        2, layer(1, "relu", [0.25, -0.5, 0], dense(0, [[1, 0.5], [-0.5, 1], [1, 1]])),
        layer(2, "relu", [-0.25, 0, -1], dense(1, [[1, -1, 0], [0, 0, 1], [-1, -1, -0.5]])),
        layer(3, "linear", [0, 1], dense(2, [[1, -2, 1], [0.5, 1, 1]])))
    nets["cone"] = network(  # no biases
        2, layer(1, "relu", [0, 0, 0], dense(0, [[1, 0], [-0.5, 1], [-1, -1]])),
        layer(2, "relu", [0, 0], dense(1, [[1, 2, 0.5], [-1, -0.25, -1]])),
        layer(3, "relu", [0, 0], dense(2, [[1, -1], [-1, -0.5]])), layer(4, "linear", [0], dense(3, [[1, 1]])))
    nets["bend"] = network(  # row 4 is 2 row 2 + 3 row 3, but a factorisation in floating point does not see it; all add up to 0
        2, layer(1, "relu", [106, 14, -37, -83], dense(0, [[19, -163], [31, 25], [-28, 22], [-22, 116]])),
        layer(2, "linear", [0], dense(1, [[1, 1, 1, 1]])))
    nets["clash"] = network(  # with both neurons of layer 1 active, which cannot be, z of layer 2 is -1/4, and at least 1/4
        1, layer(1, "relu", [0, -0.5], dense(0, [[1], [-1]])), layer(2, "relu", [0.25], dense(1, [[1, 1]])),
        layer(3, "linear", [0], dense(2, [[1]])))
    nets["twice"] = network(  # terms that cancel, a source before the last one, a row of zeros, z that is 0 on a cell
        2, layer(1, "relu", [0, 0.5], dense(0, [[1, 1], [1, -1]])),
        layer(2, "relu", [0, 0.25, 0], dense(0, [[1, 0], [1, 0], [0, 1]]), dense(0, [[-1, 0], [0, 1], [0, -1]])),
        layer(3, "relu", [0, -0.5, 0.125], dense(2, [[1, 0, 0], [1, 1, 0], [0, 1, -1]]), dense(1, [[0, 1], [0, 0], [1, 0]])),
        layer(4, "linear", [0, 0], dense(3, [[1, 1, 2], [1, -1, 1]]), dense(0, [[0.5, 0], [0, 1]])))


# ---- Valid ---------------------------------------------------------------------------------------

# name, network, region, norms, output, bounds, slopes, sets, options of Maker; the seed is the place in the list
DRAWN = (
    ("sums", "chain", BOX2, "inf inf", "all", "interval", (), ("cube cube",), {"empty": ("sum",)}),
    ("spans", "chain", R, "2 2", "all", "none", (), ("ball ball",), {"empty": ("span",)}),
    ("levels", "deep", R, "inf inf", "row 0", "none", (), ("cube fixed 0",), {"empty": ("span",), "sdp": 0.5}),
    ("cone", "cone", R, "inf inf", "row 0", "none", (), ("cube fixed 0",), {"empty": ("span",), "sdp": 0.1}),
    ("cone-interval", "cone", R, "2 inf", "row 0", "interval", (), ("ball fixed 0",), {"empty": ("span", "ranges"), "tightens": 0.3}),
    ("ranges", "fold", SKEW, "2 1", "all", "linear", ("010", "101"), ("cube cube",), {"tightens": 0.7, "empty": ("ranges", "sum")}),
    ("everything", "fold", SKEW, "inf 2", "all", "linear", ("010", "101"), ("cube cube",), {"cuts": 0.5, "tightens": 0.4}),
    ("ball", "fold", BALL2, "2 2", "margin 1 0", "linear", ("000", "111"), ("ball fixed 0",), {"sdp": 0.6, "tightens": 0.3}),
    ("units", "fold", BOX2, "1 inf", "all", "interval", (), ("unit 0 unit 0", "unit 1 fixed 0", "ball fixed 1"), {"cuts": 0.3}),
    ("columns", "chain", BALL2, "1 2", "all", "linear", ("010", "101"), ("unit 0 ball", "unit 1 cube"), {"sdp": 0.4}),
    ("rows", "twice", SKEW, "inf inf", "all", "linear", ("01", "101", "011"), ("cube unit 0", "cube fixed 1"), {"tightens": 0.3}),
    ("twice", "twice", R, "1 1", "all", "none", (), ("cube cube",), {"sdp": 0.1}),
    ("skip", "skip", BOX2, "inf 1", "all", "linear", ("01", "10"), ("cube cube",), {"sdp": 0.5, "cuts": 0.4}),
    ("skip-everywhere", "skip", R, "2 inf", "all", "interval", (), ("ball cube",), {"tightens": 0.2}),
    ("inner", "inner", R, "inf inf", "row 0", "none", (), ("cube fixed 0",), {"sdp": 0.4}),
    ("inner-box", "inner", SKEW, "2 1", "row 0", "linear", ("010", "11"), ("ball unit 0",), {"tightens": 0.5, "cuts": 0.2}),
    ("dead", "dead", BOX2, "inf inf", "row 0", "interval", (), ("cube fixed 0",), {"tightens": 0.4}),
    ("dark", "dark", BOX2, "2 2", "row 0", "interval", (), ("ball ball",), {"tightens": 0.4, "sdp": 0.5}),
    ("pass", "pass", R, "2 2", "row 0", "none", (), ("ball ball",), {}),
    ("cancel", "cancel", R, "2 2", "row 0", "none", (), ("ball ball",), {}),
    ("single", "single", R, "inf inf", "row 0", "none", (), ("unit 0 fixed 0",), {"sdp": 0.5}),
    ("steep", "steep", ("box", [-1], [1]), "2 2", "row 0", "linear", ("0101", "10"), ("unit 0 fixed 0",), {"cuts": 0.6, "tightens": 0.5}),
    ("far", "far", ("box", [-1, -1, 0], [1, 0.5, 2]), "inf 2", "all", "interval", (), ("cube cube",), {"cuts": 0.3}),
    ("half", "half", BOX2, "2 2", "all", "linear", ("01", "010", "11"), ("ball ball",), {"tightens": 0.6, "sdp": 0.4}),
    ("conv", "conv", R, "inf 1", "row 0", "none", (), ("cube fixed 0",), {}),
    ("affine", "affine", R, "2 1", "all", "none", (), ("ball cube",), {}),
)


def make_trees(nets, valid):
    counted = {}
    for seed, (name, net, *head, sets, options) in enumerate(DRAWN):
        maker = Maker(random.Random(seed), nets[net], *head, **options)
        claim = Claim(nets[net], *head).tree(*(maker.part(*re.split(" (?=[a-z])", both)) for both in sets))
        made = valid(f"{net}-tree-{name}", claim)
        for word in re.findall("(?m)^(split|cut|tighten|interval|sdp|empty sum|empty span [0-9] (?:one|none)|empty)", made):
            counted[word] = counted.get(word, 0) + 1
    print("trees: " + ", ".join(f"{n} {word}" for word, n in sorted(counted.items())))
    by_hand(nets, valid)


def by_hand(nets, valid):
    def tree(name, *head, nodes=(I,), sets=("cube fixed 0",), spectral=(), at=None):
        claim = Claim(nets[head[0]], *head[1:]).tree(*(f"part {s}\n{node}" for s, node in zip(sets, nodes)), spectral=spectral)
        valid(f"{head[0]}-tree-{name}", claim.at(at) if at else claim)

    plain = ("plain", BOX2, "inf inf", "row 0", "interval")
    tree("root", *plain, at=[0.5, 0.5])
    nested = I
    for k in range(300):  # cuts next to each other
        nested = cut(0, 1 - 2.0**-12 * (k + 1), I, nested)
    tree("nested", *plain, nodes=(nested,))
    for p, q in (("inf", "2"), ("inf", "1"), ("2", "1"), ("2", "2"), ("1", "2"), ("2", "inf")):  # all phases: the norm of a matrix
        tree(f"norms-{p}-{q}", "wide", R, f"{p} {q}", "all", "none",
             nodes=(split(0, split(1, I, I), I),), sets=("cube cube" if p == "inf" or q == "1" else "ball ball",))
    tree("edge", "corner", ("box", [0, 0], [1, 1]), "inf inf", "row 0", "interval", nodes=(split(1, I, I),))
    # a neuron made active whose z is 0 on the cell; one that reads it is split before it
    tree("zero", "twice", R, "inf inf", "row 0", "none", nodes=(split(2, I, I),))
    tree("rows", "far", ("box", [-1, -1, 0], [1, 0.5, 2]), "inf inf", "all", "interval", nodes=(I, split(0, I, I)),
         sets=("cube fixed 0", "cube unit 1"))
    tree("open", "clash", ("box", [-1], [1]), "inf inf", "row 0", "linear", ("00", "0"), nodes=(split(
        0, I, split(1, I, "tighten\nempty\n")),))
    tree("slope", "slope", BOX2, "inf inf", "row 0", "linear", ("0", "00"), nodes=(cut(0, -0.5, "tighten\n" + I, "tighten\n" + I),))
    tree("before", "fold", BOX2, "inf inf", "row 0", "interval", nodes=(split(
        5, split(0, I, I), split(0, I, "tighten\nempty\n")),))
    # 1 and one neuron that reads nothing that is on: its z is the bias
    tree("constant", "fold", R, "inf inf", "row 0", "none", nodes=(split(0, split(1, split(2, split(
        3, I, span_line(1, True, [3])), I), I), I),))
    tree("spectral", "chain", BALL2, "2 2", "row 1", "interval", nodes=(norm_leaf(nets["chain"]),), sets=("ball unit 0",),
         spectral=((1, 0, 3.0), (2, 0, 5.0)))
    valid("vanish-tree-split", Claim(nets["vanish"], R, "inf inf", "row 0").tree("part cube fixed 0\n" + split(0, I, I)), upper=2.0**-300)
    frame = Frame(Claim(nets["plain"], R, "2 2", "row 0"), Network(nets["plain"].encode()), "ball", "fixed 0", {1: "vvv"}, {},
                  ("tangent", "range"), ())
    values = {"one": [256.0], "input": [256.0], "tangent 1": [8.0, -0.0625, 8.0], "range 1": [4.0] * 3}  # `tangent` has no sign
    values = [values[name].pop(0) for name in frame.names]
    valid("plain-sdp-tangent-negative", Claim(nets["plain"], R, "2 2", "row 0").sdp(frame.text(values)))


def norm_leaf(net):
    """A leaf with ranges, which need norms."""
    head = (net, BALL2, "2 2", "row 1", "interval")
    maker, lines = Maker(random.Random(1), *head), ((1, 0, 3.0), (2, 0, 5.0))
    frame = Frame(Claim(*head), maker.net, "ball", "unit 0", {1: "vvv", 2: "vvv"}, {}, ("tangent", "range"), lines)
    return "sdp\n" + frame.text([short(v) for v in frame.solve()]).split("\n", 1)[1]


# ---- Invalid -------------------------------------------------------------------------------------

def make_invalid_trees(nets, valid, add):
    for name in list(valid):
        if "-tree-" in name:
            net, _, what = name.partition("-tree-")
            text = only_upper(valid[name]) if "witness" in valid[name] else valid[name]
            upper, _ = exact_checker.check(nets[net].encode(), loose(text).encode())
            if upper > 0:
                add(f"{net}-upper-tree-{what}", put(text, "upper", last_double(upper)))
    add("fold-hash-tree", sub(valid["fold-tree-units"], "^network .*$", "network " + "0" * 64))
    wrong_sets(nets, valid, add)
    wrong_ranges(nets, add)
    wrong_spans(nets, add)
    wrong_leaves(nets, valid, add)


def tree(net, region, nodes, bounds="interval", slopes=(), norms="inf inf", output="row 0", sets=("cube fixed 0",), spectral=()):
    claim = Claim(net, region, norms, output, bounds, slopes).tree(
        *(f"part {s}\n{node}" for s, node in zip(sets, nodes)), spectral=spectral)
    claim.upper = 2.0**60
    return claim.text()


def wrong_sets(nets, valid, add):
    text = loose(valid["fold-tree-units"])
    add("fold-cover-tree-column", sub(text, "^part unit 1 fixed 0$", "part unit 0 fixed 0"))
    add("fold-cover-tree-row", tree(nets["fold"], BOX2, (I, I), norms="1 inf", output="all", sets=("ball fixed 1",) * 2))
    add("fold-unit-tree-norm", sub(text, "^norms 1 inf$", "norms 2 inf"))
    add("fold-unit-tree-output", sub(text, "^norms 1 inf$", "norms 1 2"))
    add("plain-cover-tree-ball", tree(nets["plain"], R, (I,), "none", sets=("ball fixed 0",)))
    for what, region in (("box", ("box", [-1, 0.5], [1, 0.5])), ("point", ("box", [0, 0], [0, 0])), ("ball", ("ball", 0, [1, 1]))):
        add(f"plain-interior-tree-{what}", tree(nets["plain"], region, (split(0, I, I),)))
    add("plain-interior-tree-cut", tree(nets["plain"], ("box", [-1, 0.5], [1, 0.5]), (cut(0, 0.25, I, I),)))
    add("chain-spectral-tree", sub(loose(valid["chain-tree-spectral"]), "^spectral 1 .*$", "spectral 1 0 0x1p+0"))
    add("chain-spectral-tree-zero", tree(nets["chain"], R, (I,), "none", norms="2 2", sets=("ball fixed 0",), spectral=((2, 0, 0.0),)))


def wrong_ranges(nets, add):
    """Leaves `empty` and `empty sum`."""
    corner, unit, plain, fold = nets["corner"], ("box", [0, 0], [1, 1]), nets["plain"], nets["fold"]
    add("corner-empty-tree-zero", tree(corner, unit, (split(1, I, "empty\n"),)))  # z <= 0, and 0 is not > 0
    add("corner-empty-tree-zero-tighten", tree(corner, unit, (split(1, I, "tighten\nempty\n"),)))
    add("corner-sum-tree-zero", tree(corner, unit, (split(1, I, sum_line([(1, 1.0)])),)))
    add("corner-empty-tree-child", tree(corner, unit, (split(0, "empty\n", I),)))
    add("corner-empty-tree-zero-inactive", tree(corner, unit, (split(0, "tighten\nempty\n", I),)))
    add("corner-empty-tree-zero-both", tree(corner, unit, (split(0, split(1, I, "tighten\nempty\n"), I),)))  # z = 0 for both
    add("plain-empty-tree-restored", tree(plain, BOX2, (split(0, cut(0, 0.5, I, I), "tighten\n" + split(1, I, "empty\n")),)))
    add("plain-sum-tree-restored", tree(plain, BOX2, (split(0, cut(0, 0.5, I, I), split(1, I, sum_line([(1, 1.0)]))),)))
    add("plain-empty-tree-restored-bounds", tree(plain, BOX2, (split(0, cut(0, 0.5, I, "tighten\n" + I), split(1, I, "empty\n")),)))
    add("plain-empty-tree-root", tree(plain, BOX2, ("empty\n",)))
    add("plain-empty-tree-bounds", tree(plain, BOX2, (split(1, I, "empty\n"),), "none"))
    # x_0 >= 1/2 makes neuron 1 (z = -1 - 3/2 x + y/2) inactive, but ranges have to be tightened to see that
    add("plain-empty-tree-untightened", tree(plain, BOX2, (cut(0, 0.5, I, split(1, I, "empty\n")),)))
    add("plain-empty-tree-wrong-side", tree(plain, BOX2, (cut(0, 0.5, "tighten\n" + split(1, I, "empty\n"), I),)))
    add("plain-empty-tree-before", tree(plain, BOX2, ("tighten\n" + cut(0, 0.5, I, split(1, I, "empty\n")),)))
    add("plain-empty-tree-back", tree(plain, BOX2, (cut(0, 0.5, I, "tighten\n" + split(1, I, "empty\n")).replace(
        I, split(1, I, "empty\n"), 1),)))
    add("plain-empty-tree-after", tree(plain, BOX2, (split(0, cut(0, 0.5, "tighten\n" + I, "tighten\n" + I), split(1, I, "empty\n")),)))
    add("plain-sum-tree-back", tree(plain, BOX2, (split(1, I, cut(0, 0.5, cut(1, 0.5, I, I), sum_line([(1, 1.0)])).replace(
        I, sum_line([(1, 1.0)]), 1)),)))
    add("plain-sum-tree-side", tree(plain, BOX2, (split(1, I, cut(0, 0.5, sum_line([(1, 1.0)]), I)),)))
    add("plain-sum-tree-phase", tree(plain, BOX2, (cut(0, 0.5, I, split(1, sum_line([(1, 1.0)]), I)),)))
    add("plain-sum-tree-weights", tree(plain, BOX2, (split(0, split(2, I, sum_line([(0, 1.0), (2, 4.0)])), I),)))
    # layer 2, neuron 2 reads what is at least 0 with negative weights: -1 - ...; neuron 0 needs the phases of layer 1
    add("fold-sum-tree-deep", tree(fold, BOX2, (split(3, I, sum_line([(3, 1.0)])),)))
    add("fold-sum-tree-sibling", tree(fold, BOX2, (split(0, split(3, I, sum_line([(3, 1.0)])), split(3, I, sum_line([(3, 1.0)]))),)))
    add("fold-empty-tree-sibling", tree(fold, BOX2, (split(0, "tighten\n" + split(3, I, "empty\n"), split(3, I, "empty\n")),)))
    add("fold-empty-tree-inactive", tree(fold, BOX2, (split(5, "tighten\nempty\n", "tighten\nempty\n"),)))
    # unbounded ranges of neurons that are open
    add("fold-sum-tree-unbounded", tree(fold, BOX2, (split(4, sum_line([(4, 1.0)]), I),), "none"))
    add("turn-sum-tree-ball", tree(nets["turn"], ("ball", 1, [0, 1.5]), (split(1, sum_line([(1, 1.0)]), I),)))  # |y - .8 x| <= ...


def wrong_spans(nets, add):
    plain, cone, fold, twice, dark, turn = (nets[name] for name in ("plain", "cone", "fold", "twice", "dark", "turn"))

    def span(name, net, order, phases, line, bounds="none", region=R):
        """One leaf of a chain of splits with these phases; all others are `interval`."""
        node = line
        for number, phase in reversed(list(zip(order, phases))):
            node = split(number, node, I) if phase == "i" else split(number, I, node)
        add(name, tree(net, region, (node,), bounds))

    # plain: z = (1/4 + x + 2y, -1 - 3/2 x + y/2, y)
    span("plain-span-tree-child", plain, (0, 1, 2), "aia", span_line(0, True, [0, 1, 2]))
    span("plain-span-tree-all-active", plain, (0, 1, 2), "aaa", span_line(0, True, [0, 1, 2]))
    span("plain-span-tree-none", plain, (0, 1, 2), "aai", span_line(0, False, [0, 1, 2]))
    span("plain-span-tree-few", plain, (0, 1, 2), "aai", span_line(0, True, [0, 1]))
    span("plain-span-tree-one-row", plain, (0, 1, 2), "aai", span_line(0, True, [0]))
    span("plain-span-tree-own", plain, (0, 1, 2), "aai", span_line(1, True, [0, 1, 2]))
    span("plain-span-tree-own-none", plain, (0,), "i", span_line(1, False, [0]))
    # cone: layer 1 (x, y - x/2, -x - y); a flat cone is no contradiction while a row is missing, or has the other sign
    span("cone-span-tree-positive", cone, (0, 1, 2), "aia", span_line(0, False, [0, 1, 2]))
    span("cone-span-tree-one", cone, (0, 1, 2), "aaa", span_line(0, True, [0, 1, 2]))
    span("cone-span-tree-two", cone, (0, 1), "aa", span_line(0, False, [0, 1]))
    # layer 2, neuron 1 is - z_0 - z_1 / 4 - z_2: negative only while those are active
    span("cone-span-tree-deep", cone, (0, 1, 2, 4), "aaaa", span_line(1, False, [0, 1, 4]))
    span("cone-span-tree-open", cone, (0, 1, 4), "aaa", span_line(1, False, [0, 1, 4]))
    span("cone-span-tree-off", cone, (0, 1, 2, 4), "iiia", span_line(1, False, [4]))  # z = 0: no coordinate is left
    span("cone-span-tree-off-one", cone, (0, 1, 2, 4), "iiia", span_line(1, True, [4]))
    # layer 3, neuron 1 is - z_3 - z_4 / 2 over layer 2, of which nothing says that it is not 0
    span("cone-span-tree-not-zero", cone, (3, 4, 6), "aaa", span_line(2, False, [3, 4, 6]))
    span("cone-span-tree-not-zero-on", cone, (0, 1, 2, 3, 4, 6), "aiiaaa", span_line(2, False, [3, 4, 6]))
    # fold: layer 2, neuron 2 is -1 - z_0 - z_1 - z_2 / 2
    span("fold-span-tree-sign", fold, (0, 1, 2, 5), "aaai", span_line(1, True, [0, 1, 2, 5]))
    span("fold-span-tree-inactive", fold, (0, 1, 2, 5), "aaia", span_line(1, True, [0, 1, 2, 5]))
    span("fold-span-tree-missing", fold, (0, 1, 5), "aaa", span_line(1, True, [0, 1, 5]))
    span("fold-span-tree-constant", fold, (0, 1, 2, 3), "iiii", span_line(1, True, [3]))
    span("fold-span-tree-singular", fold, (0, 1, 2, 3, 4), "iiaia", span_line(1, True, [2, 3, 4]))
    # twice: layer 2 reads the input in two terms, which cancel in neuron 0; layer 3 reads layers 1 and 2
    span("twice-span-tree-cancel", twice, (2,), "a", span_line(0, False, [2]))
    span("twice-span-tree-below", twice, (0, 1, 2, 3, 4, 7), "aaaaaa", span_line(2, True, [2, 3, 4, 7]))
    span("twice-span-tree-zero-weights", twice, (2, 3, 4, 6), "aiaa", span_line(2, True, [2, 3, 6]))
    span("twice-span-tree-zero-sum", twice, (1, 2, 5), "iai", span_line(2, False, [2, 5]))  # z is 0 everywhere
    span("turn-span-tree-not-zero", turn, (2, 3, 4), "aai", span_line(2, False, [2, 3, 4]))  # reads the input, and a layer
    span("steep-span-tree-open", nets["steep"], (0, 5), "ia", span_line(0, True, [0, 5]))  # true, but not for this reason
    span("steep-span-tree-many", nets["steep"], (0, 2, 3), "iaa", span_line(0, True, [0, 2, 3]))  # true with `none`
    span("bend-span-tree-singular", nets["bend"], (0, 1, 2, 3), "aaaa", span_line(0, False, [0, 1, 2, 3]))
    span("dark-span-tree-before", dark, (0, 1, 2), "aaa", span_line(0, True, [0, 1, 2]))
    # twice, layer 3: neuron 0 reads layer 1 besides layer 2
    span("twice-span-tree-skip", twice, (0, 1, 2, 3, 4, 5), "aaaaai", span_line(2, True, [2, 3, 4, 5]))
    # a region does not count
    span("plain-span-tree-box", plain, (1, 2), "ai", span_line(0, True, [1, 2]), "interval", ("box", [1, 1], [2, 2]))


def wrong_leaves(nets, valid, add):
    plain = nets["plain"]

    def leaf(roles, more="", values="", one=True, point=""):
        count = sum(c in "vb" for c in roles)
        return f"sdp\nroles 1 {roles}\n{values}" + "one 0x1p+20\n" * one + f"input 0x1p+20\n{point}" + more + \
            (f"tangent 1{' 0x1p+10' * count}\n" if count and "tangent" not in more else "")

    ball = {"norms": "2 2", "sets": ("ball fixed 0",), "bounds": "none"}
    for what, roles, children in (("other", "avv", 0), ("sibling", "ivv", 1), ("neighbour", "vav", 1), ("inactive-neighbour", "viv", 0)):
        nodes = [leaf("vvv"), leaf("vvv")]
        nodes[children] = leaf(roles)
        add(f"plain-role-tree-{what}", tree(plain, R, (split(0, *nodes),), **ball))
    add("plain-role-tree-behind", tree(plain, R, (split(0, split(1, I, I), split(1, leaf("aav"), I)),), **ball))
    add("plain-role-tree-cut", tree(plain, BOX2, (cut(0, 0.5, I, leaf("viv")),), norms="2 2", sets=("ball fixed 0",)))
    # after a cut and `tighten` neuron 1 is inactive there; the other side, and what comes later, are not
    after = cut(0, 0.5, "@", "tighten\n" + leaf("viv"))
    add("plain-role-tree-other-side", tree(plain, BOX2, (after.replace("@", leaf("viv")),), norms="2 2", sets=("ball fixed 0",)))
    add("plain-role-tree-next-part", tree(plain, BOX2, (after.replace("@", I), leaf("viv")), norms="2 2", sets=("ball fixed 0",) * 2))
    # slope: at hi = -lo the lower slope is 0, which does not show that the first neuron of layer 2 is on
    add("slope-role-tree-tie", tree(nets["slope"], BOX2, ("tighten\nsdp\nroles 1 v\nroles 2 av\none 0x1p+20\ninput 0x1p+20\n"
                                                          "tangent 1 0x1p+10\ntangent 2 0x1p+10\n",), "linear", ("0", "00"),
                                    norms="2 2", sets=("ball fixed 0",)))
    point = {"point": "point 0x1p+10 0x1p+10\n"}
    add("plain-value-tree", tree(plain, BOX2, (split(0, leaf("vvv", values="values 1 ann\n", **point), I),), norms="2 2",
                                 sets=("ball fixed 0",)))
    narrow = "least 1 -0x1p-4\nmost 1 0x1p+2\n"  # z_0 from -2.75 to 3.25
    add("plain-least-tree", tree(plain, BOX2, (split(0, I, leaf("avv", "tangent 1 0x1p+10 0x1p+10\n" + narrow, "values 1 znn\n", **point)),),
                                 norms="2 2", sets=("ball fixed 0",)))
    narrow = "least 1 -0x1p+2\nmost 1 0x1p+1\n"
    add("plain-most-tree", tree(plain, BOX2, (cut(0, -0.5, leaf("vvv", "tangent 1 0x1p+10 0x1p+10 0x1p+10\n" + narrow, "values 1 znn\n", **point), I),),
                                norms="2 2", sets=("ball fixed 0",)))  # would do after `tighten`
    add("plain-psd-tree", tree(plain, R, (split(0, I, leaf("avv", "tangent 1 0x1p+10 -0x1p+0\n")),), **ball))
    add("plain-psd-tree-last", tree(plain, R, (split(0, split(1, I, I), split(2, I, leaf("ava", "tangent 1 0x0p+0\n"))),), **ball))
    add("plain-sign-tree", tree(plain, R, (split(0, I, sub(leaf("avv"), "^input .*$", "input -0x1p+10")),), **ball))
    add("plain-range-tree", tree(plain, R, (split(0, I, leaf("avv", "bound 1 0x1p-3 0x1p+3\n" + "tangent 1 0x1p+10 0x1p+10\n")),), **ball))
    text = loose(valid["plain-sdp-tangent-negative"])
    add("plain-psd-tangent-negative", sub(text, "^tangent 1 .*$", "tangent 1 0x1p-20 -0x1p+8 0x1p-20"))


# ---- Malformed -----------------------------------------------------------------------------------

def make_malformed_trees(nets, valid, add):
    plain = nets["plain"]

    def bad(name, node, region=BOX2, bounds="interval", **more):
        add(f"plain-tree-{name}", tree(plain, region, (node,), bounds, **more))

    for name, node in (
            ("no-node", ""), ("two-nodes", I + I), ("word", "leaf\n"), ("space", "interval \n"), ("capital", "Interval\n"),
            ("one-child", split(0, I, "")), ("no-child", "split 0\n"), ("three-children", split(0, I, I + I)),
            ("split-number", split(3, I, I)), ("split-large", split(2**64, I, I)), ("split-negative", split(-1, I, I)),
            ("split-zero", "split 00\n" + I + I), ("split-nothing", "split\n" + I + I), ("split-two", "split 0 1\n" + I + I),
            ("split-twice", split(0, I, split(0, I, I))), ("split-twice-below", split(0, split(1, cut(0, 0.5, split(0, I, I), I), I), I)),
            ("cut-lower", cut(0, -1.0, I, I)), ("cut-upper", cut(1, 1.0, I, I)), ("cut-outside", cut(1, 1.5, I, I)),
            ("cut-below", cut(0, 0.5, cut(0, 0.75, I, I), I)), ("cut-above", cut(0, 0.5, I, cut(0, 0.25, I, I))),
            ("cut-again", cut(0, 0.5, I, cut(0, 0.5, I, I))), ("cut-input", cut(2, 0.5, I, I)), ("cut-number", "cut 0 0.5\n" + I + I),
            ("cut-nothing", "cut 0\n" + I + I), ("cut-one-child", cut(0, 0.5, I, "")),
            ("tighten-nothing", "tighten\n"), ("tighten-two", "tighten\n" + I + I), ("tighten-argument", "tighten 1\n" + I),
            ("interval-line", "interval\nmagnitude 0x1p+3\n"), ("empty-word", split(0, I, "empty set\n")), ("empty-space", split(0, I, "empty \n")),
            ("sum-nothing", split(0, I, "empty sum\n")), ("sum-none", split(0, I, "empty sum 0\n")),
            ("sum-short", split(0, I, "empty sum 2 0 0x1p+0\n")), ("sum-long", split(0, I, "empty sum 1 0 0x1p+0 0x1p+0\n")),
            ("sum-large", split(0, I, "empty sum 1000000000 0 0x1p+0\n")),
            ("sum-zero", split(0, I, sum_line([(0, 0.0)]))), ("sum-negative", split(0, I, sum_line([(0, -1.0)]))),
            ("sum-not-split", split(0, I, sum_line([(1, 1.0)]))), ("sum-not-a-neuron", split(0, I, sum_line([(3, 1.0)]))),
            ("sum-unsorted", split(0, I, split(1, I, sum_line([(1, 1.0), (0, 1.0)])))),
            ("sum-repeated", split(0, I, split(1, I, sum_line([(0, 1.0), (0, 1.0)])))), ("sum-root", sum_line([(0, 1.0)])),
            ("sum-sibling", split(0, split(1, I, I), sum_line([(1, 1.0)]))), ("sum-no-real", split(0, I, "empty sum 1 0\n")),
            ("span-nothing", split(0, I, "empty span\n")), ("span-level", split(0, I, span_line(2, True, [0]))),
            ("span-word", split(0, I, "empty span 0 two 1 0\n")), ("span-no-word", split(0, I, "empty span 0 1 0\n")),
            ("span-none", split(0, I, "empty span 0 one 0\n")), ("span-short", split(0, I, "empty span 0 one 2 0\n")),
            ("span-long", split(0, I, "empty span 0 one 1 0 0\n")), ("span-not-split", split(0, I, span_line(0, True, [1]))),
            ("span-unsorted", split(0, I, split(1, I, span_line(0, True, [1, 0])))),
            ("span-repeated", split(0, I, span_line(0, False, [0, 0]))), ("span-real", split(0, I, "empty span 0 one 1 0 0x1p+0\n")),
            ("sdp-nothing", "sdp\n"), ("sdp-part", "sdp\npart cube fixed 0\nroles 1 vvv\none 0x1p+0\ninput 0x1p+0 0x1p+0\n"),
            ("sdp-no-one", "sdp\nroles 1 vvv\ninput 0x1p+0 0x1p+0\n"), ("sdp-dual", "sdp\nroles 1 vvv\none 0x1p+0\ninput 0x1p+0 0x1p+0\ndual 0x1p+0\n"),
            ("sdp-input", "sdp\nroles 1 vvv\none 0x1p+0\ninput 0x1p+0\n"), ("sdp-role", "sdp\nroles 1 vvu\none 0x1p+0\ninput 0x1p+0 0x1p+0\n"),
            ("sdp-terms", "sdp\nroles 1 uuu\nterms 0\n")):
        bad(name, node)
    deep = I
    for k in range(4097):
        deep = "tighten\n" + deep
    bad("deep", deep)
    bad("tighten-bounds", "tighten\n" + I, R, "none")
    bad("cut-ball", cut(0, 0.5, I, I), BALL2)
    bad("cut-everywhere", cut(0, 0.5, I, I), R, "none")
    bad("sum-everywhere", split(0, I, sum_line([(0, 1.0)])), R, "none")
    bad("values-everywhere", "sdp\nroles 1 vvv\nvalues 1 nnn\none 0x1p+0\ninput 0x1p+0 0x1p+0\n", R, "none")
    bad("sets", I, sets=("cube",))
    bad("set-row", I, sets=("cube fixed 1",))
    text = valid["plain-tree-root"]
    for name, pattern, by in (("count", "^statement tree 1$", "statement tree 2"), ("count-zero", "^statement tree 1$", "statement tree 0"),
                              ("count-missing", "^statement tree 1$", "statement tree"), ("parts", "^(part .*)$", "part cube fixed 0\ninterval\n\\1"),
                              ("witness-first", "^(statement tree 1)$", "witness\n\\1"), ("magnitude", "^(part .*)$", "magnitude 0x1p+3\n\\1"),
                              ("spectral", "^(part .*)$", "spectral 3 0 0x1p+3\n\\1"), ("spectral-behind", "^(part .*)$", "\\1\nspectral 1 0 0x1p+3"),
                              ("spectral-twice", "^(part .*)$", "spectral 1 0 0x1p+3\nspectral 1 0 0x1p+3\n\\1")):
        add(f"plain-tree-{name}", sub(text, pattern, by))
    # malformed comes before rejected, in a leaf behind a wrong one
    bad("rejected-before", split(0, "empty\n", "sdp\nroles 1 vv\n"))
    add("fold-tree-level", tree(nets["fold"], R, (split(0, I, split(3, I, span_line(2, True, [0, 3]))),), "none"))
    add("affine-tree-split", tree(nets["affine"], R, (split(0, I, I),), "none", sets=("cube fixed 0",)))
    add("affine-tree-span", tree(nets["affine"], R, ("empty span 0 one 1 0\n",), "none", sets=("cube fixed 0",)))
