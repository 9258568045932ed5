"""Broken certificates with points, cuts and `refine` lines, each from a valid one (corpus_broken.py)."""
import re

import numpy as np

import exact_checker
from corpus_tools import Claim, real, refine_line
from exact_format import Malformed


def sub(text, pattern, replacement, count=1):
    """Replace lines; a pattern that does not match is a mistake here."""
    made, times = re.subn(pattern, replacement, text, count=count, flags=re.M)
    if times == 0 or made == text:
        raise ValueError(f"nothing to change: {pattern} in\n{text}")
    return made


def numbers(text, line):
    """(match, reals) of the first line that begins with the words `line`."""
    match = re.search(f"^{re.escape(line)}((?: -?0x\\S+)+)$", text, re.M)
    return match, [float.fromhex(token) for token in match.group(1).split()]


def put(text, line, value, index=0):
    match, values = numbers(text, line)
    values[index] = value
    return text[:match.start(1)] + "".join(" " + real(v) for v in values) + text[match.end(1):]


def loose(text):
    return sub(text, "^upper .*$", f"upper {real(2.0 ** 500)}")


def verdict(net, text):
    try:
        exact_checker.check(net.encode(), text.encode())
        return "verified"
    except Malformed:
        return "malformed"
    except exact_checker.Rejected as error:
        return error.code


# ---- The last double that is wrong ---------------------------------------------------------------

# where the slack matrix stops being positive semidefinite: (certificate, line, index, direction)
EDGES = [("plain-sdp-point-both", *edge) for edge in (
    ("one", 0, -1), ("input", 1, -1), ("point", 0, -1), ("bin 1", 2, -1), ("square 1", 0, 1), ("closed 1", 1, -1), ("open 1", 2, 1),
    ("above 1", 0, 1), ("below 1", 1, 1), ("phases 1", 2, 1), ("roof 1", 0, 1), ("floor 1", 1, 1), ("triangle 0 5 12 ++", 0, 1),
    ("triangle 3 7 10 -+", 0, 1), ("product closed 1 on- 2", 0, 1), ("product on+ 0 off- 2", 0, 1),
    ("product lower 2 minus 3", 0, 1), ("product upper 0 lower 1", 0, 1))] + [("plain-sdp-point-mixed", *edge) for edge in (
        ("point", 0, -1), ("state 1", 0, -1), ("bin 1", 1, -1), ("floor 1", 1, 1), ("phases 1", 1, 1), ("roof 1", 1, 1),
        ("product closed 0 lower 1", 0, 1), ("product off- 0 upper 0", 0, 1), ("product upper 1 minus 9", 0, 1),
        ("triangle 1 7 9 --", 0, 1))] + [("chain-sdp-point-margin", *edge) for edge in (
            ("square 1", 2, -1), ("closed 2", 0, 1), ("open 1", 0, -1), ("above 2", 2, 1), ("below 2", 0, 1), ("phases 2", 1, 1),
            ("product lower 3 closed 0", 0, 1))] + [
    ("half-sdp-refine-fixed", "floor 3", 1, 1), ("half-sdp-refine-fixed", "product on+ 1 closed 3", 0, 1),
    ("plain-sdp-cuts", "one", 0, -1), ("chain-sdp-cuts-cube", "one", 0, -1), ("chain-sdp-cuts-cube", "dual", 1, -1),
    ("turn-sdp-point", "square 2", 1, 1), ("inner-sdp-point", "open 3", 0, -1), ("inner-sdp-point", "roof 3", 0, 1)]
TIGHT = EDGES[2:42:3]  # these become valid files, too, just on the other side


def edge(net, text, line, index, direction):
    """(ok, wrong), two doubles side by side: with one of them the slack matrix is positive semidefinite."""
    ok = numbers(text, line)[1][index]
    step = 2.0**-10
    while verdict(net, put(text, line, wrong := ok + direction * step, index)) == "verified":
        step *= 4
    while np.nextafter(ok, wrong) != wrong:
        middle = (ok + wrong) / 2
        if middle in (ok, wrong):
            middle = np.nextafter(ok, wrong)
        if verdict(net, put(text, line, middle, index)) == "verified":
            ok = middle
        else:
            wrong = middle
    return float(ok), float(wrong)


def edges(nets, valid, add, add_valid):
    for name, line, index, direction in EDGES:
        net, what = name.split("-")[0], re.sub("[^a-z0-9]+", "-", f"{name.split('-sdp-')[1]}-{line}".replace("+", "p").replace(
            "-", "m" if line[0] in "tp" and line != "point" else "-")) + f"-{index}"
        text = loose(valid[name])
        good = numbers(text, line)[1][index]
        ok, wrong = edge(nets[net], text, line, index, direction)
        # a lower bound of a multiplier comes first for numbers that have a sign
        code = verdict(nets[net], put(text, line, wrong, index))
        add(f"{net}-{code}-edge-{what}", put(text, line, wrong, index))
        if (name, line, index, direction) in TIGHT:
            add_valid(f"{net}-sdp-edge-{what}", put(text, line, ok + (good - ok) * 2.0**-16, index))


# ---- One wrong rule each -------------------------------------------------------------------------

def make_invalid_points(nets, valid, add, add_valid):
    edges(nets, valid, add, add_valid)
    leasts(nets, valid, add, add_valid)
    signs(valid, add)
    letters(nets, valid, add)
    values(nets, valid, add)
    bounds(valid, add)
    refinements(nets, valid, add)
    claims(valid, add)


def leasts(nets, valid, add, add_valid):
    """On the box lo of `plain` is -2.75, -3 and -1 and hi is 3.25, 1 and 1, exactly."""
    text = loose(valid["plain-sdp-point-both"])
    for k, (least, most) in enumerate(((-2.75, 3.25), (-3, 1), (-1, 1))):
        add(f"plain-least-ulp-{k}", put(text, "least 1", np.nextafter(least, 0), k))
        add(f"plain-most-ulp-{k}", put(text, "most 1", np.nextafter(most, 0), k))
        add_valid(f"plain-sdp-least-exact-{k}", put(put(text, "least 1", least, k), "most 1", most, k))
    for value in (0.0, 0.5):
        add(f"plain-least-{value}", put(text, "least 1", value, 1))
        add(f"plain-most-minus-{value}", put(text, "most 1", -value, 2))
    dead = loose(valid["dead-sdp-point-variables"])  # hi < 0 in the second neuron, lo > 0 in the first one
    add("dead-most-zero", put(dead, "most 1", 0.0, 1))
    add("dead-most-negative", put(dead, "most 1", -1.0, 1))
    add("dead-least-zero", put(dead, "least 1", 0.0, 0))
    add("dead-least-positive", put(dead, "least 1", 1.0, 0))
    chain = loose(valid["chain-sdp-point-margin"])
    for l, k in ((1, 1), (2, 0), (2, 2)):
        add(f"chain-least-{l}-{k}", put(chain, f"least {l}", numbers(chain, f"least {l}")[1][k] * (1 - 2.0**-24), k))
    for l, k in ((1, 0), (2, 1)):
        add(f"chain-most-{l}-{k}", put(chain, f"most {l}", numbers(chain, f"most {l}")[1][k] * (1 - 2.0**-24), k))
    add("chain-least-slopes", sub(chain, "^slopes 1 010$", "slopes 1 101"))
    add("plain-least-region", sub(put(text, "least 1", -2.75), "^lo -0x1p\\+0", "lo -0x1.0000000000001p+0"))
    add("plain-least-bounds", sub(loose(valid["plain-sdp-point"]), "^bounds interval$", "bounds none"))
    add("plain-least-ball", sub(loose(valid["plain-sdp-point-mixed"]), "^region ball .*$", "region ball 0x1.80001p-1"))


def signs(valid, add):
    """A negative multiplier of an inequality, in a matrix that stays definite."""
    text = loose(valid["plain-sdp-point-both"])
    eps = -2.0**-40
    for line in ("point", "state 1", "above 1", "below 1", "phases 1", "roof 1", "floor 1"):
        add(f"plain-sign-{line.split()[0]}", put(text, line, eps))
    for line in ("triangle 3 7 10 -+", "triangle 1 7 12 --", "product closed 1 on- 2", "product plus 13 minus 11"):
        add("plain-sign-" + re.sub("[^a-z0-9]+", "-", line.replace("+", "p")).strip("-"), put(text, line, eps))
    add("chain-sign-point-ball", put(loose(valid["chain-sdp-point-margin"]), "point", eps))
    add("chain-sign-floor-2", put(loose(valid["chain-sdp-point-margin"]), "floor 2", eps, 2))
    add("plain-sign-cuts", put(loose(valid["plain-sdp-cuts"]), "range 1", eps, 1))


def breaking(net, text, pattern, replacement):
    """Change the first line for which that makes the slack matrix indefinite."""
    for match in re.finditer(pattern, text, re.M):
        made = text[:match.start()] + match.expand(replacement) + text[match.end():]
        if verdict(net, made) == "psd":
            return made
    raise ValueError(f"{pattern} -> {replacement} never matters")


def letters(nets, valid, add):
    """Wrong signs, numbers and forms of cuts."""
    for name in ("plain-sdp-point-both", "chain-sdp-point-margin", "plain-sdp-cuts"):
        net, _, what = name.partition("-sdp-")
        text = loose(valid[name])
        # heavier cuts, so that a wrong one matters: the same certificate with a multiplier near its edge
        for line in re.findall("^(?:triangle|product) .*(?= 0x)", text, re.M)[::3]:
            good = numbers(text, line)[1][0]
            text = put(text, line, good + (edge_near(nets[net], text, line) - good) * 0.75)
        for change, pattern, replacement in (
                ("sign-first", r"^(triangle \d+ \d+ \d+) \+(.)", r"\1 -\2"), ("sign-second", r"^(triangle \d+ \d+ \d+ .)-", r"\1+"),
                ("signs-swapped", r"^(triangle \d+ \d+ \d+) -\+", r"\1 +-"), ("variable", r"^triangle (\d+) (\d+) (\d+)", r"triangle 0 1 \3"),
                ("plus-minus", r"^(product .*)plus", r"\1minus"), ("minus-plus", r"^(product .*)minus", r"\1plus"),
                ("upper-lower", r"^(product .*)upper", r"\1lower"), ("closed-lower", r"^(product .*)closed", r"\1lower"),
                ("on-off", r"^(product .*)on", r"\1off"), ("on-sign", r"^(product .*on)\+", r"\1-"),
                ("off-sign", r"^(product .*off)-", r"\1+")):
            try:
                add(f"{net}-psd-cut-{change}-{what}", breaking(nets[net], text, pattern, replacement))
            except ValueError:
                if change in ("sign-first", "plus-minus", "on-off"):
                    raise
    text = loose(valid["plain-sdp-point-both"])
    add("plain-psd-no-point", sub(text, "^(square|closed|open|phases) .*\n", "", 4))
    add("plain-psd-no-cuts", sub(sub(text, "^(triangle|product) .*\n", "", 23), "^cuts .*\n", ""))
    add("plain-psd-other-values", sub(sub(text, "^(closed 1) (\\S+) (\\S+)", r"\1 \3 \2"), "^(open 1) (\\S+) (\\S+)", r"\1 \3 \2"))


def edge_near(net, text, line):
    """Roughly where a multiplier becomes too large."""
    ok = numbers(text, line)[1][0]
    wrong = ok + 2.0**-10
    while verdict(net, put(text, line, wrong)) == "verified":
        wrong = ok + (wrong - ok) * 4
    for _ in range(8):
        middle = (ok + wrong) / 2
        if verdict(net, put(text, line, middle)) == "verified":
            ok = middle
        else:
            wrong = middle
    return ok


def values(nets, valid, add):
    """Values treated as stable that are not, and roles beside them."""
    head = ("plain", ("box", [-1, -1], [1, 1]), "inf inf", "row 0", "interval")
    for letters, code in (("ahh", "value"), ("hih", "value"), ("hhi", "value"), ("zna", "value")):
        lines = [k for k, letter in enumerate(letters) if letter in "hz"]
        claim = Claim(nets["plain"], *head[1:])
        part = f"part cube fixed 0\nroles 1 vvv\nvalues 1 {letters}\none 0x1p+10\ninput 0x1p+10 0x1p+10\npoint 0x1p+0 0x1p+0\n" \
            "tangent 1 0x1p+2 0x1p+2 0x1p+2\n" + "bin 1" + " 0x1p+0" * len(lines) + "\n" + \
            "least 1" + " -0x1p+2" * len(lines) + "\n" + "most 1" + " 0x1p+2" * len(lines) + "\n"
        claim.statement, claim.upper = "statement sdp 1\n" + part, 2.0**500
        add(f"plain-{code}-{letters}", claim.text())
    corner = loose(valid["corner-sdp-point"])  # in the interior's closure z = 0 is stable, on a flat box it is not
    flat = sub(sub(only_upper(corner), "^hi .*$", "hi 0x1p+0 0x0p+0"), "^(point) (\\S+) \\S+$", r"\1 \2")
    add("corner-role-point-flat", flat)
    add("corner-value-flat", sub(flat, "^roles 1 ai$", "roles 1 vv"))
    add("corner-value-swapped", sub(sub(corner, "^values 1 ai$", "values 1 ia"), "^roles 1 ai$", "roles 1 vv"))
    dead = loose(valid["dead-sdp-point"])
    add("dead-value-active", sub(dead, "^values 1 aiih$", "values 1 iiih"))
    add("dead-value-inactive", sub(dead, "^values 1 aiih$", "values 1 aaih"))
    add("dead-role-point", sub(dead, "^roles 1 aiiv$", "roles 1 iiiv"))


def only_upper(text):
    """Without the witness."""
    return sub(sub(text, "^lower .*$", "lower none"), "^witness\n.*\n.*\n", "")


def bounds(valid, add):
    """r of cuts: too small, or not there."""
    text = only_upper(loose(valid["plain-sdp-cuts"]))
    add("plain-range-cuts", put(text, "bound 1", numbers(text, "bound 1")[1][2] * (1 - 2.0**-24), 2))
    without = sub(sub(text, "^(range|cap) .*\n", "", 2), "^bound .*\n", "")
    add("plain-bound-cuts", without)
    head = sub(sub(without, "^(triangle|product) .*\n", "", len(re.findall("^(triangle|product) ", without, re.M))), "^cuts .*\n", "")
    # 0 is 1, 1 and 2 are t, 3 to 5 are v, 6 to 8 are s
    for what, count, line in (("triangle", "1 0", "triangle 0 1 3 ++"), ("plus", "0 1", "product plus 4 plus 1"),
                              ("minus", "0 1", "product plus 1 minus 5"), ("on", "0 1", "product on+ 0 plus 1"),
                              ("off", "0 1", "product plus 1 off- 2"), ("on-minus", "0 1", "product on- 0 plus 1"),
                              ("off-plus", "0 1", "product plus 1 off+ 2")):
        cut = sub(head, "^(roles .*\n)", rf"\1cuts {count}\n")
        add(f"plain-bound-{what}", cut.replace("end\n", f"{line} 0x0p+0\nend\n"))
    add("chain-range-point", put(loose(valid["chain-sdp-point-margin"]), "bound 2", 1.0))
    wide = sub(loose(valid["line-sdp-point-tenths"]), "^(lo) .*$", "lo -0x1.fffffffffffffp+1023")
    add("line-frame-wide", sub(put(put(put(wide, "least 1", -2.0**1023 * (2 - 2.0**-52)), "least 1", -2.0**1023 * (2 - 2.0**-52), 1),
                                   "most 1", 2.0**1023 * (2 - 2.0**-52)), "^hi .*$", "hi 0x1.fffffffffffffp+1023"))


def refinements(nets, valid, add):
    """Slopes that do not prove what is used."""
    text = loose(valid["half-sdp-refine"])
    text = only_upper(text) if "witness" in text else text
    first, second, third = re.findall("^refine .*\n", text, re.M)[:3]
    for what, line in (("none", first), ("none-upper", second), ("none-layer-3", third)):
        add(f"half-role-refine-{what}", text.replace(line, ""))
    for what, slope in (("0", 0.0), ("1", 1.0), ("quarter", 0.25), ("more", 0.75)):
        add(f"half-role-refine-slope-{what}", text.replace(first, refine_line(2, 0, "lower", {0: slope})))
    add("half-role-refine-upper", text.replace(first, refine_line(2, 0, "upper", {0: 0.5})))
    add("half-role-refine-other", text.replace(first, refine_line(2, 0, "lower", {1: 0.5})))
    add("half-role-refine-digit", text.replace(third, refine_line(3, 0, "lower", {1: 0.5})))
    add("half-role-refine-second-slope", text.replace(second, refine_line(2, 1, "upper", {0: 1})))
    add("half-role-refine-second-side", text.replace(second, refine_line(2, 1, "lower", {0: 0.5})))
    add("half-role-refine-number", text.replace(third, refine_line(3, 0, "lower", {3: 0.5})))
    add("half-role-refine-region", sub(text, "^(lo \\S+) \\S+$", r"\1 -0x1p+4"))
    point = loose(valid["half-sdp-refine-point"])
    add("half-most-refine", put(point, "most 1", 0.5))
    add("half-upper-refine", valid["half-interval"].replace(first, ""))
    add("half-upper-refine-all", re.sub("(?m)^refine .*\n", "", valid["half-interval"]))
    add("steep-upper-refine", re.sub("(?m)^refine 2 0 lower .*\n", "", valid["steep-interval"]))
    add("steep-upper-refine-slope", sub(valid["steep-interval"], "^(refine 2 0 lower 4 0) \\S+", r"\1 0x0p+0"))
    steep = loose(valid["steep-sdp-refine-point"])
    tight = numbers(steep, "most 2")[1][0]
    add("steep-most-refine", put(steep, "most 2", tight * (1 - 2.0**-24)))


def claims(valid, add):
    for name in ("plain-sdp-point-both", "chain-sdp-point-cube", "half-sdp-refine", "far-sdp-point-no-tangent", "plain-sdp-cuts"):
        net, what = name.split("-sdp-")
        text = valid[name]
        value = numbers(text, "upper")[1][0]
        add(f"{net}-upper-{what}", put(text, "upper", value * (1 - 2.0**-20)))
    far = loose(valid["far-sdp-point-no-tangent"])
    first = re.search("(?m)^part unit 1(.*\n)*?(?=part)", far).group(0)
    add("far-cover-point", sub(far, "^statement sdp 3$", "statement sdp 2").replace(first, ""))
    add("far-unit-point", sub(far, "^norms 1 inf$", "norms 2 inf"))


# ---- Malformed -----------------------------------------------------------------------------------

def make_malformed_points(valid, add):
    def edit(source, what, pattern, replacement, count=1):
        add(f"{source.partition('-')[0]}-{what}", sub(valid[source], pattern, replacement, count))

    refine_lines(edit)
    value_lines(edit)
    point_lines(edit)
    cut_lines(edit)


def refine_lines(edit):
    half = "half-interval"  # its first line: refine 2 0 lower 1 0 0x1p-1
    line = "^refine 2 0 lower .*$"
    for what, text in (
            ("layer-1", "refine 1 0 lower 1 0 0x1p-1"), ("layer-0", "refine 0 0 lower 1 0 0x1p-1"),
            ("layer-last", "refine 4 0 lower 1 0 0x1p-1"), ("layer-beyond", "refine 5 0 lower 1 0 0x1p-1"),
            ("neuron-beyond", "refine 2 3 lower 1 0 0x1p-1"), ("neuron-minus", "refine 2 -1 lower 1 0 0x1p-1"),
            ("side", "refine 2 0 both 1 0 0x1p-1"), ("side-letter", "refine 2 0 Lower 1 0 0x1p-1"),
            ("no-side", "refine 2 0 1 0 0x1p-1"), ("count-0", "refine 2 0 lower 0"), ("count-few", "refine 2 0 lower 2 0 0x1p-1"),
            ("count-many", "refine 2 0 lower 1 0 0x1p-1 1 0x1p-1"), ("count-huge", "refine 2 0 lower 1000000000 0 0x1p-1"),
            ("number-same-layer", "refine 2 0 lower 1 2 0x1p-1"), ("number-beyond", "refine 2 0 lower 1 7 0x1p-1"),
            ("numbers-order", "refine 2 0 lower 2 1 0x1p-1 0 0x1p-1"), ("numbers-twice", "refine 2 0 lower 2 0 0x1p-1 0 0x1p-1"),
            ("slope-negative", "refine 2 0 lower 1 0 -0x0.0000000000001p-1022"),
            ("slope-above-1", "refine 2 0 lower 1 0 0x1.0000000000001p+0"), ("slope-decimal", "refine 2 0 lower 1 0 1"),
            ("no-slope", "refine 2 0 lower 1 0"), ("short", "refine 2"), ("empty", "refine")):
        edit(half, f"refine-{what}", line, text)
    edit(half, "refine-twice", "^(refine 2 0.*\n)", r"\1\1")
    edit(half, "refine-unsorted", "^(refine 2 0.*\n)(refine 2 1.*\n)", r"\2\1")
    edit(half, "refine-layers-unsorted", "^(refine 2 1.*\n)(refine 3 0.*\n)", r"\2\1")
    edit("steep-interval", "refine-lower-first", "^(refine 2 0 upper.*\n)(refine 2 0 lower.*\n)", r"\2\1")
    edit(half, "refine-before-slopes", "^(slopes 3.*\n)(refine 2 0.*\n)", r"\2\1")
    edit("plain-interval", "refine-for-interval", "^(bounds .*\n)", r"\1refine 2 0 upper 1 0 0x1p-1\n")
    edit("inner-sdp-inner-ball", "refine-linear-layer", "^(slopes 3.*\n)", r"\1refine 2 0 upper 1 0 0x1p-1\n")


def value_lines(edit):
    both, chain, half = "plain-sdp-point-both", "chain-sdp-point-margin", "half-sdp-refine-point"
    edit(both, "values-short", "^values 1 hhh$", "values 1 hh")
    edit(both, "values-long", "^values 1 hhh$", "values 1 hhhh")
    edit(both, "values-letter", "^values 1 hhh$", "values 1 hhv")
    edit(both, "values-upper-case", "^values 1 hhh$", "values 1 HHH")
    edit(both, "values-spaces", "^values 1 hhh$", "values 1 h h h")
    edit(both, "values-layer", "^values 1 hhh$", "values 2 hhh")
    edit(both, "values-twice", "^(values .*\n)", r"\1\1")
    edit(both, "values-missing", "^values .*\n", "")
    edit(both, "values-before-roles", "^(roles .*\n)(values .*\n)", r"\2\1")
    edit(both, "values-everywhere", "^region box\n.*\n.*\n", "region everywhere\n")
    edit(chain, "values-one-layer", "^values 2 .*\n", "")
    edit(chain, "values-second-only", "^values 1 .*\n", "")
    edit(chain, "values-order", "^(values 1.*\n)(values 2.*\n)", r"\2\1")
    edit("inner-sdp-point", "values-linear-layer", "^(values 1.*\n)", r"\1values 2 hh\n")
    # a z that is needed reads a neuron without value image
    edit("chain-sdp-point-first-only", "values-unread-z", "^values 2 nnn$", "values 2 nzn")
    edit("chain-sdp-point-first-only", "values-unread-a", "^values 2 nnn$", "values 2 nna")
    edit("inner-sdp-point-before", "values-unread-linear", "^values 3 nn$", "values 3 zn")
    edit(half, "values-unread-n", "^values 1 hh$", "values 1 nh")
    edit(half, "values-unread-z", "^values 1 hh$", "values 1 zh")
    edit("turn-sdp-point", "values-unread-layer", "^values 2 hh$", "values 2 hn")


def point_lines(edit):
    both, margin, flat = "plain-sdp-point-both", "chain-sdp-point-margin", "plain-sdp-point-flat"
    edit(both, "point-missing", "^point .*\n", "")
    edit(both, "point-few", "^(point \\S+) .*$", r"\1")
    edit(both, "point-many", "^(point .*)$", r"\1 0x1p+0")
    edit(both, "point-order", "^(input .*\n)(point .*\n)", r"\2\1")
    edit(both, "point-twice", "^(point .*\n)", r"\1\1")
    edit(flat, "point-for-flat", "^(point .*)$", r"\1 0x1p+0")
    edit(margin, "point-many-ball", "^(point .*)$", r"\1 0x1p+0")
    edit("plain-sdp-point-single", "point-superfluous", "^(input .*)$", r"\1\npoint 0x1p+0")
    edit("plain-sdp-point-no-radius", "point-no-radius", "^(input .*)$", r"\1\npoint 0x1p+0")
    edit("plain-sdp-both", "point-not-known", "^(input .*)$", r"\1\npoint 0x1p+0 0x1p+0")
    edit("chain-sdp-point-ball", "one-missing-point", "^one .*\n", "")
    edit("chain-sdp-cuts-ball", "one-missing-cuts", "^one .*\n", "")
    for kind in ("least", "most"):
        edit(both, f"{kind}-missing", f"^{kind} .*\n", "")
        edit(both, f"{kind}-few", f"^({kind} 1 \\S+ \\S+) .*$", r"\1")
        edit(margin, f"{kind}-missing-layer-2", f"^{kind} 2 .*\n", "")
    edit(both, "most-before-least", "^(least.*\n)(most.*\n)", r"\2\1")
    edit("plain-sdp-point-phases", "state-for-z", "^(most .*\n)", r"\1state 1 0x1p+0 0x1p+0 0x1p+0\n")
    edit("plain-sdp-point-mixed", "square-many", "^(square 1 .*)$", r"\1 0x0p+0")
    edit("plain-sdp-point-mixed", "floor-few", "^(floor 1 \\S+) .*$", r"\1")
    edit("plain-sdp-point-mixed", "bin-many", "^(bin 1 .*)$", r"\1 0x0p+0")
    edit("plain-sdp-point-none", "least-for-n", "^(bin .*\n)", r"\1least 1 -0x1p+3\n")
    edit(both, "phases-order", "^(below.*\n)(phases.*\n)", r"\2\1")
    edit(both, "floor-twice", "^(floor.*\n)", r"\1\1")
    edit(margin, "roof-layer-3", "^roof 2 ", "roof 3 ")
    edit(margin, "roof-layer-order", "^(roof 1.*\n)((?:.*\n)*?)(roof 2.*\n)", r"\3\2\1")
    edit("plain-sdp-both", "above-unknown-point", "^(cap .*\n)", r"\1above 1 0x1p+0\n")
    edit("plain-sdp-cuts", "bound-missing-cuts", "^bound .*\n", "")


def cut_lines(edit):
    both = "plain-sdp-point-both"
    edit(both, "cuts-missing", "^cuts .*\n", "")
    edit(both, "cuts-zero", "^cuts .*$", "cuts 0 0")
    edit("plain-sdp-point", "cuts-zero-added", "^(values .*)$", r"\1\ncuts 0 0")
    edit(both, "cuts-one-number", "^cuts .*$", "cuts 11")
    edit(both, "cuts-three-numbers", "^cuts .*$", "cuts 11 12 0")
    edit(both, "cuts-few-triangles", "^cuts .*$", "cuts 10 12")
    edit(both, "cuts-many-triangles", "^cuts .*$", "cuts 12 12")
    edit(both, "cuts-few-products", "^cuts .*$", "cuts 11 11")
    edit(both, "cuts-many-products", "^cuts .*$", "cuts 11 13")
    edit(both, "cuts-huge", "^cuts .*$", "cuts 1000000000 1000000000")
    edit(both, "cuts-negative", "^cuts .*$", "cuts -11 12")
    edit(both, "cuts-after-one", "^(cuts .*\n)(one .*\n)", r"\2\1")
    edit(both, "cuts-before-values", "^(values .*\n)(cuts .*\n)", r"\2\1")
    edit(both, "cuts-products-first", "^((?:triangle .*\n)+)((?:product .*\n)+)", r"\2\1")
    line = "^triangle 0 6 7 -- "
    for what, text in (
            ("same", "triangle 0 6 6 -- "), ("order", "triangle 6 0 7 -- "), ("order-last", "triangle 0 7 6 -- "),
            ("beyond", "triangle 0 6 14 -- "), ("one-sign", "triangle 0 6 7 - "), ("three-signs", "triangle 0 6 7 --- "),
            ("split-signs", "triangle 0 6 7 - - "), ("sign", "triangle 0 6 7 -* "), ("no-sign", "triangle 0 6 7 "),
            ("two", "triangle 0 6 -- "), ("four", "triangle 0 6 7 8 -- "), ("negative", "triangle -1 6 7 -- "),
            ("huge", "triangle 0 6 18446744073709551616 -- ")):
        edit(both, f"triangle-{what}", line, text)
    edit(both, "triangle-no-value", "^(triangle 0 6 7 --) .*$", r"\1")
    edit(both, "triangle-two-values", "^(triangle 0 6 7 --.*)$", r"\1 0x0p+0")
    line = "^product closed 1 on- 2 "
    for what, text in (
            ("one-form", "product closed 1 "), ("three-forms", "product closed 1 on- 2 on- 1 "), ("word", "product open 1 on- 2 "),
            ("on", "product closed 1 on 2 "), ("plus-sign", "product closed 1 on* 2 "), ("no-number", "product closed on- 2 "),
            ("value-beyond", "product closed 3 on- 2 "), ("both-beyond", "product closed 1 on- 3 "),
            ("upper-beyond", "product upper 3 on- 2 "), ("plus-0", "product plus 0 on- 2 "), ("minus-0", "product closed 1 minus 0 "),
            ("plus-beyond", "product plus 14 on- 2 "), ("negative", "product closed -1 on- 2 "),
            ("joined", "product closed 1 on -2 ")):
        edit(both, f"product-{what}", line, text)
    edit(both, "product-no-value", "^(product closed 1 on- 2) .*$", r"\1")
    edit("plain-sdp-point-mixed", "product-closed-z", "^product closed 0 minus 5", "product closed 1 minus 5")
    edit("plain-sdp-point-mixed", "product-lower-beyond", "^product closed 0 lower 1", "product closed 0 lower 2")
    edit("plain-sdp-point-mixed", "product-both-v", "^product closed 0 on\\+ 0", "product closed 0 on+ 1")
    edit("plain-sdp-cuts", "product-values-unknown", "^product \\S+ \\S+ ", "product upper 0 ")
    edit("chain-sdp-cuts-ball", "product-no-both", "^product \\S+ \\S+ ", "product on+ 0 ")
