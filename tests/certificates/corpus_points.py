"""Certificates whose parts know the point or have cuts, and `refine` lines: the valid ones (make_corpus.py)."""
from corpus_tools import Claim, dense, layer, network

BOX2 = ("box", [-1, -1], [1, 1])
NARROW = ("box", [0.25, 0.5], [0.375, 0.75])
BALL2 = ("ball", 0.75, [0.5, -0.25])
R = ("everywhere",)


def make_networks_for_points(nets):
    nets["half"] = network(  # on [-1, 1]^2 the first neuron of layer 2 is on and the second one off, as only the slope 1/2
        # shows; so is the first of layer 3, with the third of layer 2
        2, layer(1, "relu", [0, 0.25], dense(0, [[1, 0], [0.5, -1]])),
        layer(2, "relu", [0.25, -0.25, 0], dense(1, [[1, 0], [-1, 0], [0, 0]]),
              dense(0, [[-0.5, 0.03125], [0.5, 0.03125], [1, 1]])),
        layer(3, "relu", [0.25, 0.5], dense(2, [[0, 0, 1], [1, 1, -1]]), dense(0, [[-0.5, -0.5], [0, 1]])),
        layer(4, "linear", [0, 1], dense(3, [[1, 2], [-1, 0.5]])))
    nets["steep"] = network(  # four neurons of layer 1 with four different good slopes
        1, layer(1, "relu", [0, 0.5, -0.5, 0.25], dense(0, [[1], [-1], [1], [2]])),
        layer(2, "relu", [0.125, -0.5], dense(1, [[1, 0.5, 0.25, 0.125], [-1, -1, 1, 0.5]]), dense(0, [[-0.5], [0.25]])),
        layer(3, "linear", [0], dense(2, [[1, 1]])))
    nets["far"] = network(  # inputs that have nothing to do with each other
        3, layer(1, "relu", [0.25, 0, -0.5], dense(0, [[1, 0, 0], [0, 1, 0], [0, 1, 1]])),
        layer(2, "relu", [0, 0.125], dense(1, [[1, -1, 0], [0, 1, 1]])),
        layer(3, "linear", [0, 0], dense(2, [[1, 1], [-1, 2]])))
    nets["scale"] = network(  # an input of 2^-8, one of 2^8
        2, layer(1, "relu", [0, -1], dense(0, [[2.0**8, 2.0**-8], [2.0**7, -2.0**-9]])),
        layer(2, "linear", [0], dense(1, [[1, -2]])))
    nets["line"] = network(1, layer(1, "relu", [0, -0.25], dense(0, [[1], [-1]])), layer(2, "linear", [0], dense(1, [[1, 2]])))


def make_points(nets, valid):
    """A claim is (network, region, norms, output, bounds, slopes, refine)."""
    def sdp(name, head, *parts, at=None, spectral=()):
        c = Claim(nets[head[0]], *head[1:])
        made = [c.part(*part[0], **part[1]) for part in parts]
        c.sdp(*made, spectral=spectral)
        valid(f"{head[0]}-sdp-{name}", c.at(at) if at is not None else c)

    def part(*arguments, **keywords):
        return arguments, keywords

    one_layer(sdp, part)
    two_layers(sdp, part)
    special(sdp, part)
    refinements(nets, valid, sdp, part)


def one_layer(sdp, part):
    box = ("plain", BOX2, "inf inf", "row 0", "interval")
    ball = ("plain", BALL2, "2 2", "row 0", "interval")
    sdp("point", box, part("cube", "fixed 0", "vvv", values=("hhh",)))
    sdp("point-phases", box, part("cube", "fixed 0", "sss", values=("zzz",)))
    sdp("point-both", box, part("cube", "fixed 0", "bbb", values=("hhh",), cuts=(12, 12)))
    sdp("point-mixed", ball, part("ball", "fixed 0", "bvs", values=("hzn",), cuts=(8, 16)))
    sdp("point-none", ball, part("ball", "fixed 0", "svb", values=("nnn",)))
    sdp("point-unit", ball, part("ball", "unit 0", "vbv", values=("zhz",), cuts=(10, 10), seed=5))
    flat = ("plain", ("box", [-1, 0.5], [1, 0.5]), "inf 2", "row 0", "interval")
    sdp("point-flat", flat, part("cube", "fixed 0", "bva", values=("hza",), cuts=(6, 14)))
    sdp("point-single", ("plain", ("box", [0.25, 0.5], [0.25, 0.5]), "2 2", "row 0", "interval"),
        part("ball", "fixed 0", "vbs", values=("hzh",), cuts=(4, 12)))
    sdp("point-no-radius", ("plain", ("ball", 0, [0.25, 0.5]), "2 2", "row 0", "interval"),
        part("ball", "fixed 0", "vbs", values=("hhz",), cuts=(4, 12)))
    sdp("cuts", ("plain", R, "inf inf", "row 0"), part("cube", "fixed 0", "bbb", cuts=(20, 20)), at=[3, 4])
    sdp("cuts-triangles", ("plain", R, "inf inf", "row 0"), part("cube", "fixed 0", "ssb", cuts=(20, 0)))
    sdp("cuts-products", ("plain", R, "1 2", "row 0"), part("unit 0", "fixed 0", "bvb", cuts=(0, 20)),
        part("unit 1", "unit 0", "bbv", cuts=(8, 8)))
    sdp("point", ("single", ("box", [-0.7], [1.3]), "inf 1", "row 0", "interval"),
        part("unit 0", "fixed 0", "bsv", values=("hhh",), cuts=(6, 9)), at=[0.75])
    sdp("point", ("wide", BALL2, "inf inf", "all", "interval"), part("cube", "unit 0", "vvvvv", values=("hhhhh",)),
        part("cube", "fixed 1", "sbvvs", values=("hznnz",), cuts=(6, 6)), part("cube", "fixed 2", "vvvvv"))
    sdp("point", ("conv", ("box", [-0.5] * 6, [0.5, 0.25, 0, 1, 0.125, -0.5]), "inf 1", "row 0", "interval"),
        part("cube", "fixed 0", "ssvb", values=("hzhz",), cuts=(5, 5)), at=[0.25, 0.0625, -0.25, 0.5, 0.03125, -0.5])
    sdp("point", ("groups", ("ball", 0.5, [0.25] * 8), "2 1", "all", "interval"),
        part("ball", "cube", "vvvv", values=("hzzh",), cuts=(5, 5)))
    sdp("point", ("corner", ("box", [0, 0], [1, 1]), "inf inf", "row 0", "interval"),
        part("cube", "fixed 0", "ai", values=("ai",)), at=[0, 0])
    sdp("point-variables", ("corner", ("box", [0, 0], [1, 1]), "inf inf", "row 0", "interval"),
        part("cube", "fixed 0", "ab", values=("hh",), cuts=(4, 8)))
    sdp("point", ("scale", ("box", [-2.0**-8, -2.0**8], [2.0**-7, 2.0**8]), "inf 2", "row 0", "interval"),
        part("cube", "fixed 0", "bb", values=("hh",), cuts=(3, 6)))
    sdp("point-tenths", ("line", ("box", [-0.1], [0.7]), "2 2", "row 0", "interval"),
        part("ball", "ball", "vv", values=("hh",), cuts=(3, 9)))


def two_layers(sdp, part):
    box, narrow = ("chain", BOX2), ("chain", NARROW)
    linear = ("linear", ("010", "101"))
    sdp("point-ball", (*box, "2 2", "all", *linear), part("ball", "ball", "vvv", "vvv", values=("hhh", "zzz")), at=[0.5, 0.25])
    sdp("point-cube", (*box, "inf 1", "all", *linear), part("cube", "cube", "vvv", "vvv", values=("hhh", "hzn"), cuts=(12, 12)))
    sdp("point-margin", ("chain", BALL2, "2 2", "margin 1 0", *linear),
        part("ball", "fixed 0", "vvb", "sbv", values=("hhh", "zhz"), cuts=(8, 12)))
    sdp("point-first-only", ("chain", BALL2, "2 inf", "row 1", *linear),
        part("ball", "fixed 0", "bvb", "vss", values=("hzn", "nnn"), cuts=(8, 8)))
    sdp("point-narrow", (*narrow, "2 2", "all", "interval"), part("ball", "ball", "vvv", "vvv", values=("hhh", "hhh"), cuts=(6, 6)))
    sdp("point-columns", ("chain", BALL2, "1 2", "all", *linear), part("unit 0", "ball", "vvv", "vvv", values=("hhh", "nnn")),
        part("unit 1", "cube", "bvv", "vvb", values=("hhh", "zzz"), cuts=(6, 12)))
    sdp("cuts-cube", ("chain", R, "inf 1", "all"), part("cube", "cube", "vvv", "vvv", cuts=(20, 6)))
    sdp("cuts-ball", ("chain", R, "2 2", "all"), part("ball", "ball", "vvv", "vvv", cuts=(20, 6)), at=[0.5, 0.25])
    sdp("bound-alone", ("chain", R, "2 2", "all"), part("ball", "ball", "vvv", "vvv", kinds=("tangent", "bound")))
    sdp("point", ("deep", BOX2, "inf 1", "row 0", "linear", ("00", "11", "01")),
        part("cube", "fixed 0", "bb", "vb", "sv", values=("hh", "hh", "hz"), cuts=(8, 16)))
    sdp("point-half", ("deep", BALL2, "2 1", "row 0", "linear", ("00", "11", "01")),
        part("ball", "unit 0", "vb", "vv", "vv", values=("hh", "zn", "nn"), cuts=(8, 8)))
    sdp("point", ("skip", BOX2, "2 2", "all", "interval"), part("ball", "ball", "vv", "vv", values=("hh", "zz"), cuts=(6, 12)),
        at=[0.5, 0.5])
    sdp("point-fixed", ("skip", BALL2, "inf 1", "margin 0 1", "interval"),
        part("cube", "fixed 0", "vb", "sv", values=("hh", "hh"), cuts=(6, 12)))
    sdp("point", ("inner", BOX2, "inf inf", "row 0", "interval"),
        part("cube", "fixed 0", "vbv", "sv", values=("hhh", "zh"), cuts=(6, 12)))
    sdp("point-before", ("inner", BOX2, "2 2", "all", "interval"), part("ball", "ball", "vvv", "vv", values=("hzn", "nn")))
    sdp("point", ("turn", BOX2, "2 2", "row 0", "linear", ("01", "10", "11")),
        part("ball", "ball", "vv", "vv", "vv", values=("hh", "hh", "zz"), cuts=(4, 8)))


def special(sdp, part):
    """Stable neurons, neurons without tangent and rows of zeros."""
    dead = ("dead", BOX2, "inf inf", "row 0", "interval")
    sdp("point", dead, part("cube", "fixed 0", "aiiv", "vs", values=("aiih", "zz"), cuts=(4, 8)))
    sdp("point-variables", dead, part("cube", "fixed 0", "abiv", "bb", values=("hhhh", "hz"), cuts=(4, 8)))
    sdp("point-active", ("dead", ("box", [0.5, -0.5], [1, 0.5]), "2 2", "row 0", "interval"),
        part("ball", "ball", "aiia", "vv", values=("aiia", "hh"), cuts=(4, 8)))
    sdp("point", ("pass", BOX2, "2 2", "all", "interval"), part("ball", "ball", "ia", "vi", values=("ai", "hn"), cuts=(3, 5)))
    sdp("point-unread", ("sparse", ("ball", 0.5, [0.25, 0.5, 0]), "2 2", "all", "interval"),
        part("ball", "ball", "vavv", values=("hazz",), cuts=(4, 8)), at=[0.25, 0.5, 0.0625])
    far = ("far", ("box", [-1, -0.5, 0], [0.5, 0.5, 0.75]), "1 inf", "all", "linear", ("010", "00"))
    sdp("point-no-tangent", far, part("unit 0", "cube", "vii", "vi", values=("hhh", "hh"), cuts=(6, 10)),
        part("unit 1", "cube", "ibb", "vv", values=("hhh", "hz"), cuts=(4, 10)),
        part("unit 2", "ball", "iiv", "ib", values=("hhh", "zz"), cuts=(4, 10)))
    sdp("point-dead-read", far, part("ball", "cube", "vvb", "vv", values=("hhh", "nn")))


def refinements(nets, valid, sdp, part):
    """Roles, values, witnesses and statements that need a `refine` line."""
    slopes = ("01", "010", "10")
    lines = ((2, 0, "lower", {0: 0.5}), (2, 1, "upper", {0: 0.5, 1: 0.25}), (3, 0, "lower", {4: 0.5}),
             (3, 1, "upper", {0: 0.25, 2: 1, 3: 0, 4: 0.75}))
    half = ("half", BOX2, "2 2", "all", "linear", slopes, lines)
    valid("half-interval", Claim(nets["half"], *half[1:]).interval().at([0.5, 0.25]))
    valid("half-interval-ball", Claim(nets["half"], ("ball", 1, [0, 0]), "inf inf", "all", "linear", slopes, lines).interval())
    sdp("refine", half, part("ball", "ball", "vv", "aiv", "av"), at=[0.5, 0.25])
    sdp("refine-point", half, part("ball", "cube", "vv", "aiv", "av", values=("hh", "aih", "az"), cuts=(4, 8)))
    sdp("refine-fixed", ("half", BOX2, "inf inf", "row 0", "linear", slopes, lines),
        part("cube", "fixed 0", "bv", "aib", "as", values=("hh", "aih", "hz"), cuts=(4, 8)))
    both = ((2, 0, "upper", {2: 1}), (2, 0, "lower", {0: 0.625, 1: 0.375, 2: 0.125, 3: 0.75}),
            (2, 1, "upper", {0: 0.25, 1: 0.625}), (2, 1, "lower", {0: 1}))
    steep = ("steep", ("box", [-1], [1]), "2 2", "row 0", "linear", ("0110", "01"), both)
    valid("steep-interval", Claim(nets["steep"], *steep[1:]).interval())
    sdp("refine-point", steep, part("unit 0", "fixed 0", "vvbv", "bs", values=("hhhh", "hz"), cuts=(6, 6)))
    valid("steep-product", Claim(nets["steep"], *steep[1:]).product().at([0.25]))
