"""Broken certificates: each starts as a valid one (or as one proved here) and breaks one rule.

The names say which: invalid/NET-CODE-WHAT with the code that exact_checker.py gives for it.
"""
import re
from fractions import Fraction

import numpy as np

import exact_checker
from corpus_tools import Claim, real, sha256
from exact_format import Network


def sub(text, pattern, replacement, count=1):
    """Replace lines; a pattern that does not match is a mistake here."""
    made, times = re.subn(pattern, replacement, text, count=count, flags=re.M)
    if times == 0 or made == text:
        raise ValueError(f"nothing to change: {pattern} in\n{text}")
    return made


def scale(text, keyword, factor, index=0):
    """Multiply a number of the first line that begins with `keyword`."""
    line = re.search(f"^{keyword}(( \\S+)+)$", text, re.M)
    numbers = line.group(1).split()
    numbers[index] = real(float.fromhex(numbers[index]) * factor)
    return text[:line.start(1)] + " " + " ".join(numbers) + text[line.end(1):]


def put(text, keyword, value, index=0):
    line = re.search(f"^{keyword}(( \\S+)+)$", text, re.M)
    numbers = line.group(1).split()
    numbers[index] = real(value)
    return text[:line.start(1)] + " " + " ".join(numbers) + text[line.end(1):]


def loose(text):
    """Raise the upper claim so that only what follows can be wrong."""
    return sub(text, "^upper .*$", f"upper {real(2.0 ** 500)}")


# ---- The last double that is wrong ---------------------------------------------------------------

TIGHT = [("plain-sdp-cube", "dual"), ("plain-sdp-bins", "one"), ("plain-sdp-both", "one"), ("chain-sdp-ball-ball", "input"),
         ("chain-sdp-spectral", "dual"), ("deep-sdp-phases", "one"), ("dead-sdp-stable", "one"), ("dead-sdp-active", "dual"),
         ("skip-sdp-skip", "input"), ("inner-sdp-inner", "one"), ("inner-sdp-inner-ball", "dual"), ("conv-sdp-conv", "one"),
         ("sparse-sdp-sparse", "dual"), ("affine-sdp", "dual"), ("chain-sdp-margin", "one")]


def bisect(wrong, right, fails):
    """The largest double for which fails(x), which is monotone, between two positive doubles."""
    a, b = (int(np.float64(x).view(np.int64)) for x in (wrong, right))
    while b - a > 1:
        middle = (a + b) // 2
        if fails(float(np.int64(middle).view(np.float64))):
            a = middle
        else:
            b = middle
    return float(np.int64(a).view(np.float64))


def critical(net, text, keyword):
    """The largest value of this multiplier for which the slack matrix is not positive semidefinite."""
    def fails(x):
        try:
            exact_checker.check(net.encode(), put(loose(text), keyword, x).encode())
        except exact_checker.Rejected as error:
            return error.code == "psd"
        return False
    value = float.fromhex(re.search(f"^{keyword} (\\S+)", text, re.M).group(1))
    return bisect(value / 1024, value, fails)


def critical_norm(net, term):
    """The largest double below the 2-norm of a term of layer 1."""
    rows = Network(net.encode()).layers[1].terms[term].rows

    def fails(s):
        try:
            exact_checker.check_spectral(rows, Fraction(s), "")
        except exact_checker.Rejected:
            return True
        return False
    return bisect(2.0**-10, 2.0**10, fails)


def make_invalid(nets, valid, out):
    def add(name, text):
        out[name] = text

    hashes(nets, valid, add)
    claims(nets, valid, add)
    witnesses(nets, valid, add)
    signs(valid, add)
    roles(nets, valid, add)
    matrices(nets, valid, add)
    covers(nets, valid, add)
    spectra(nets, valid, add)
    underflows(nets, add)


def underflows(nets, add):
    """Slack matrices whose entries, or the errors of entries, are lost if error terms may underflow."""
    parts = {"vanish": "part cube cube\nroles 2 v\ninput 0x0p+0\ndual 0x1.8p+1021\ntangent 2 0x1p-481\n",
             "dwindle": "part cube fixed 0\nroles 2 s\none 0x0p+0\ninput 0x0p+0\n",
             "differ": "part cube fixed 0\nroles 1 s\none 0x0p+0\ninput 0x0p+0\n"}
    for net, part in parts.items():
        add(f"{net}-psd-underflow",
            f"lipcert-certificate 1\nnetwork {sha256(nets[net])}\nregion everywhere\nnorms 2 2\noutput all\n"
            f"bounds none\nupper 0x0p+0\nlower none\nstatement sdp 1\n{part}end\n")


def hashes(nets, valid, add):
    text = valid["plain-product"]
    digit = sha256(nets["plain"])[-1]
    add("plain-hash-digit", sub(text, f"{digit}$", "0" if digit != "0" else "1"))
    add("plain-hash-other", sub(text, "^network .*$", "network " + sha256(nets["corner"])))
    add("plain-hash-zero", sub(text, "^network .*$", "network " + "0" * 64))
    add("plain-hash-newline", sub(text, "^network .*$", "network " + sha256(nets["plain"][:-1])))


def claims(nets, valid, add):
    """Bounds that are too good, wrong norms, outputs and regions."""
    # one unit beyond the exact values 9 and 2
    add("plain-upper-ulp", put(valid["plain-interval"], "upper", np.nextafter(9, 0)))
    add("affine-upper-ulp", put(valid["affine-product"], "upper", np.nextafter(2, 0)))
    add("affine-lower-ulp", put(valid["affine-product"], "lower", np.nextafter(2, 3)))
    for name in ("plain-product", "chain-interval-2-2", "plain-sdp-cube", "plain-sdp-bins", "huge-product", "chain-sdp-columns"):
        net, _, what = name.partition("-")
        add(f"{net}-upper-{what}", scale(valid[name], "upper", 1 - 2**-20))
    add("tiny-upper-zero", sub(valid["tiny-interval"], "^upper .*$", "upper 0x0p+0"))
    add("chain-upper-input-norm", sub(valid["chain-product-1-2"], "^norms .*$", "norms 2 2"))
    add("chain-upper-output-norm", sub(valid["chain-product-2-inf"], "^norms .*$", "norms 2 1"))
    row = Claim(nets["affine"], ("everywhere",), "2 2", "row 1").product().prove()
    add("affine-upper-output", sub(row, "^output row 1$", "output row 0"))
    add("affine-upper-all", sub(row, "^output row 1$", "output all"))
    add("dead-upper-region", sub(valid["dead-interval"], "^(lo|hi) (-?)0x1p\\+0 (-?)0x1p\\+0$",
                                 r"\1 \g<2>0x1p+3 \g<3>0x1p+3", 2))
    add("dead-upper-bounds", re.sub("slopes.*\n", "", sub(valid["dead-interval"], "^bounds linear$", "bounds none")))
    add("plain-lower-much", scale(valid["plain-witness"], "lower", 1.001))
    add("plain-lower-norm", sub(valid["plain-witness"], "^norms inf 1$", "norms 1 1"))
    add("chain-lower-norm", sub(valid["chain-product-inf-1"], "^norms inf 1$", "norms inf inf"))
    # the second bound of theorem 6 holds only if every range is 0
    ranged = valid["chain-sdp-ball-ball"]
    ranged = scale(scale(ranged, "input", 64), "tangent 1", 64, 0)
    for l in (1, 2):
        for k in range(3):
            ranged = scale(ranged, f"tangent {l}", 1 if (l, k) == (1, 0) else 64, k)
    ranged = scale(ranged, "dual", 1 / 64)
    lines = re.search("^tangent 2.*\n", ranged, re.M)
    bound = "bound 2" + " 0x1p+10" * 3 + "\n"
    add("chain-upper-range", ranged[:lines.start()] + bound + lines.group(0) + "range 2" +
        " 0x1p-60" * 3 + "\n" + ranged[lines.end():])


def witnesses(nets, valid, add):
    zero = "0x0p+0"
    box = sub(valid["plain-witness"], "^region everywhere$", "region box\nlo 0x1p+0 0x1p+0\nhi 0x1.8p+1 0x1.2p+2")
    add("plain-point-ulp", ulp_at(box, "hi", 0, -1))
    add("plain-point-box", sub(box, "^hi .*$", "hi 0x1.8p+1 0x1.ep+1"))
    add("plain-point-below", sub(box, "^lo .*$", "lo 0x1p+0 0x1.00001p+2"))
    ball = sub(valid["plain-witness"], "^region everywhere$", "region ball 0x1.4p+2\ncentre 0x0p+0 0x0p+0")
    add("plain-point-ball", ulp_at(ball, "region ball", 0, -1))
    add("plain-point-centre", sub(ball, "^centre .*$", f"centre {zero} -0x1p-30"))
    corner = valid["corner-witness-kink"]
    add("corner-kink-bounds", sub(corner, "^bounds interval$", "bounds none"))
    add("corner-kink-flat-box", sub(corner, "^hi .*$", f"hi 0x1p+0 {zero}"))
    add("corner-kink-box", sub(corner, "^lo .*$", "lo -0x1p-40 -0x1p-40"))
    add("corner-kink-ball", re.sub("(?m)^(region box|hi .*)\n", "", corner).replace(
        f"lo {zero} {zero}", f"region ball {zero}\ncentre {zero} {zero}"))
    add("plain-kink-everywhere", sub(valid["plain-witness"], "^point .*$", f"point 0x1p+0 {zero}"))
    add("dead-kink-second", Claim(nets["dead"], ("box", [-1, -1], [1, 1]), "inf inf", "row 0").at([0.5, 0.5]).prove()
        .replace("point 0x1p-1 0x1p-1", "point -0x1p-2 0x1p-1"))
    add("cut-lower-cut", put(valid["cut-witness"], "lower", 3.5))
    add("dark-kink-edge", sub(valid["dark-witness"], "^point .*$", f"point {zero} 0x1p-1"))
    add("dark-kink-read", sub(valid["dark-witness"], "^point .*$", "point 0x1p+1 -0x1p+1"))
    add("plain-direction-zero", sub(sub(valid["plain-witness"], "^direction .*$", f"direction {zero} {zero}"),
                                    "^lower .*$", f"lower {zero}"))
    add("plain-lower-direction", sub(valid["plain-witness"], "^direction .*$", "direction 0x1p+0 -0x1p+0"))
    add("plain-lower-pattern", sub(valid["plain-witness"], "^point .*$", "point -0x1.8p+1 -0x1p+2"))


def ulp_at(text, keyword, index, direction):
    line = re.search(f"^{keyword}(( \\S+)+)$", text, re.M)
    value = float.fromhex(line.group(1).split()[index])
    return put(text, keyword, np.nextafter(value, direction * np.inf), index)


def signs(valid, add):
    """A negative multiplier of an inequality, in a matrix that stays definite."""
    text = loose(valid["plain-sdp-both"])
    eps = -2.0**-40
    zero = valid["dead-sdp-zero-rows"]
    add("dead-sign-range", put(loose(zero), "range 2", eps, 1))
    add("plain-sign-cap", put(scale(text, "one", 2), "cap 1", eps))
    add("plain-sign-range", put(text, "range 1", eps, 1))
    add("plain-sign-bound", put(put(text, "bound 1", -2.0**10), "range 1", 2.0**-20))
    add("sparse-sign-input", loose(put(valid["sparse-sdp-sparse-unit"], "input", -1.0)))
    add("affine-sign-dual", loose(put(valid["affine-sdp"], "dual", -1.0)))


def roles(nets, valid, add):
    """Neurons treated as stable that are not."""
    stable = valid["dead-sdp-stable"]
    for what, old, new in (("active", "aiiv", "aiia"), ("inactive", "aiiv", "aiii"), ("swapped", "aiiv", "iaiv")):
        text = loose(stable).replace(f"roles 1 {old}", f"roles 1 {new}")
        if new.count("v") == 0:
            text = re.sub("(?m)^(bound|tangent|range) 1 .*\n", "", text)
        add(f"dead-role-{what}", text)
    add("dead-role-bounds", sub(stable, "^bounds interval$", "bounds none"))
    add("dead-role-region", sub(stable, "^lo .*$", "lo -0x1p+0 -0x1.8p+2"))
    add("dead-role-everywhere", re.sub("(?m)^(lo|hi) .*\n", "", stable).replace("region box", "region everywhere"))
    add("dead-role-ball", re.sub("(?m)^hi .*\n", "", stable).replace("region box", "region ball 0x1.8p+1").replace(
        "lo -0x1p+0 -0x1p+0", "centre 0x0p+0 0x0p+0"))
    slope = valid["slope-sdp-slope"]
    add("slope-role-slope", sub(slope, "^slopes 1 1$", "slopes 1 0"))
    add("slope-role-interval", re.sub("(?m)^slopes .*\n", "", sub(slope, "^bounds linear$", "bounds interval")))
    at = Claim(nets["corner"], ("box", [0, 0], [1, 1]), "inf inf", "row 0", "interval")
    corner = at.sdp(at.part("cube", "fixed 0", "ai")).prove()
    add("corner-role-flat", sub(corner, "^hi .*$", "hi 0x1p+0 0x0p+0"))
    for letters in ("av", "vi"):
        text = at.sdp(at.part("cube", "fixed 0", letters)).prove()
        add(f"corner-role-flat-{letters}", sub(text, "^hi .*$", "hi 0x1p+0 0x0p+0"))
    add("corner-role-ulp", sub(corner, "^lo .*$", "lo -0x0.0000000000001p-1022 0x0p+0"))
    # z may be 2^-60 on the other side of 0, which is lost if sums are only rounded to nearest
    for bounds, slopes in (("interval", ()), ("linear", ("11", "11"))):
        at = Claim(nets["rounding"], ("box", [-1, -1], [1, 1]), "inf inf", "row 0", bounds, slopes)
        whole = at.sdp(at.part("cube", "fixed 0", "vv", "vv")).prove()
        for l, old, new in ((1, "vv", "iv"), (1, "vv", "va"), (2, "vv", "iv"), (2, "vv", "va")):
            text = sub(loose(whole), f"^roles {l} {old}$", f"roles {l} {new}")
            for kind in ("bound", "tangent", "range"):
                text = re.sub(f"(?m)^({kind} {l}) (\\S+) (\\S+)$", r"\1 \3" if new == "iv" else r"\1 \2", text)
            add(f"rounding-role-{bounds}-{l}-{new}", text)
    at = Claim(nets["sums"], ("box", [-1, -1, -2], [1, 1, -1]), "inf inf", "row 0", "interval")
    for letters in ("ivvv", "vavv", "vviv", "vvva"):
        whole = at.sdp(f"part cube fixed 0\nroles 1 {letters}\none 0x1p+10\ninput 0x1p+10 0x1p+10 0x1p+10\n"
                       "tangent 1 0x1p+2 0x1p+2 0x1p+2\n")
        whole.upper = 2.0**500
        add(f"sums-role-{letters}", whole.text())
    for letters in ("iv", "av"):
        text = sub(loose(valid["cancel-sdp-cancelled"]), "^roles 2 vv$", f"roles 2 {letters}")
        add(f"cancel-role-{letters}", sub(text, r"^tangent 2 (\S+) (\S+)$", r"tangent 2 \2"))
    for net, l in (("lost", 2), ("terms", 1)):
        for letters, kept in (("iv", r"\3"), ("va", r"\2")):
            text = sub(loose(valid[f"{net}-sdp-free"]), f"^roles {l} vv$", f"roles {l} {letters}")
            add(f"{net}-role-{letters}", re.sub(f"(?m)^((?:bound|tangent|range) {l}) (\\S+) (\\S+)$", rf"\1 {kept}", text))
    tiny = Claim(nets["tiny"], ("everywhere",), "2 2", "row 0")
    for what, letters in (("active", "aa"), ("inactive", "ii")):
        # y = 2^-1200 t is not 0, though its products underflow
        add(f"tiny-role-{what}", f"{tiny.head}upper 0x1p+1\nlower none\nstatement sdp 1\npart ball ball\n"
            f"roles 1 vv\nroles 2 {letters}\ninput 0x1p+1\ndual 0x1p+1\ntangent 1 0x1p-1 0x1p-1\nend\n")


def matrices(nets, valid, add):
    """Slack matrices that are not positive semidefinite."""
    for name, keyword, factor, index in (
            ("plain-sdp-cube", "input", 0.99, 0), ("plain-sdp-cube", "dual", 0.99, 0),
            ("plain-sdp-bins", "one", 0.99, 0), ("plain-sdp-bins", "bin 1", 0.9, 1),
            ("plain-sdp-cube", "tangent 1", 2, 0), ("chain-sdp-ball-ball", "tangent 2", 0.5, 1),
            ("plain-sdp-both", "gate 1", -1, 0), ("plain-sdp-both", "switch 1", -1, 1),
            ("deep-sdp-phases", "cap 1", 4, 0), ("chain-sdp-cube-cube", "dual", 0.9, 1),
            ("conv-sdp-conv", "input", 0.5, 3), ("inner-sdp-inner", "tangent 3", 0.5, 0)):
        net, _, what = name.partition("-sdp-")
        add(f"{net}-psd-{what}-{keyword.replace(' ', '')}{index}",
            loose(scale(valid[name], keyword, factor, index)))
    for name, keyword in TIGHT:
        net, _, what = name.partition("-")
        add(f"{net}-psd-last-{what}", loose(put(valid[name], keyword, critical(nets[net], valid[name], keyword))))
    add("plain-psd-swapped", sub(loose(valid["plain-sdp-cube"]), r"^tangent 1 (\S+) (\S+) (\S+)$", r"tangent 1 \3 \2 \1"))
    add("plain-psd-left-out", re.sub("(?m)^tangent 1.*\n", "", loose(valid["plain-sdp-cube"])))
    add("plain-psd-no-multipliers", re.sub("(?m)^(tangent|range|bin|gate|switch|cap|bound) .*\n", "",
                                           loose(valid["plain-sdp-both"])))
    add("affine-psd-zero", loose(put(valid["affine-sdp"], "input", 0.0)))
    add("chain-psd-margin", sub(loose(valid["chain-sdp-margin"]), "^output margin 1 0$", "output row 0"))
    add("chain-psd-wrong-rows", sub(sub(loose(valid["chain-sdp-rows"]), "^part cube unit 0$", "part cube unit 1"),
                                    "^part cube fixed 1$", "part cube fixed 0"))
    add("chain-psd-second-part", loose(second_part(valid["chain-sdp-columns"])))
    add("chain-psd-ball-is-no-cube", sub(loose(valid["chain-sdp-cube-cube"]), r"^input (\S+) .*$", r"input \1 0x1p-20"))


def second_part(text):
    first, second = text.split("part unit 1")
    return first + "part unit 1" + scale(second, "input", 0.5)


def covers(nets, valid, add):
    """Parts that leave something out, or that their norm does not allow."""
    columns = valid["chain-sdp-columns"]
    first = re.search("(?m)^part unit 0(.*\n)*?(?=part)", columns)
    second = re.search("(?m)^part unit 1(.*\n)*?(?=end)", columns)
    one = sub(loose(columns), "^statement sdp 2$", "statement sdp 1")
    add("chain-cover-first-column", one.replace(first.group(0), ""))
    add("chain-cover-second-column", one.replace(second.group(0), ""))
    add("chain-cover-twice", loose(columns).replace(second.group(0), first.group(0)))
    rows = valid["chain-sdp-rows"]
    add("chain-cover-row", sub(sub(loose(rows), "^statement sdp 2$", "statement sdp 1"),
                               "^part cube fixed 1\n(.*\n)*", "end\n"))
    pairs = valid["chain-sdp-pairs"]
    add("chain-cover-pair", sub(sub(loose(pairs), "^statement sdp 3$", "statement sdp 2"),
                                "^part unit 1 unit 0\n(.*\n)*?(?=part)", ""))
    ball = valid["chain-sdp-ball-ball"]
    add("chain-cover-ball-inf", sub(only_upper(ball), "^norms 2 2$", "norms inf 2"))
    add("chain-cover-dual-ball", sub(only_upper(ball), "^norms 2 2$", "norms 2 1"))
    add("plain-cover-ball", sub(loose(valid["plain-sdp-mixed"]), "^norms 1 1$", "norms inf 1"))
    add("chain-unit-input", sub(loose(columns), "^norms 1 2$", "norms 2 2"))
    add("chain-unit-output", sub(loose(rows), "^norms inf inf$", "norms inf 2"))
    add("chain-unit-fixed", sub(sub(sub(loose(rows), "^part cube unit 0\n(.*\n)*?(?=part)", ""),
                                    "^norms inf inf$", "norms inf 1"), "^statement sdp 2$", "statement sdp 1"))
    whole = valid["affine-sdp"]
    part = re.search("(?m)^part ball ball\n(.*\n)*?(?=end)", whole).group(0)
    for sets, name in (("unit 0 ball", "after"), ("ball fixed 1", "fixed-after"), ("ball unit 0", "row-after")):
        more = part.replace("ball ball", sets)
        if "fixed" in sets:
            more = re.sub("input (.*)\ndual (.*)", r"one \2\ninput \1", more)
        add(f"affine-unit-{name}", loose(sub(whole, "^statement sdp 1$", "statement sdp 2")).replace("end\n", more + "end\n"))
    add("plain-range-small", scale(loose(valid["plain-sdp-both"]), "bound 1", 0.999))
    add("chain-range-small", scale(loose(valid["chain-sdp-cube-cube-range"]), "bound 2", 0.999, 1))
    for index in range(2):  # both terms count
        add(f"skip-range-term-{index}", scale(loose(valid["skip-sdp-skip-spectral"]), "bound 2", 0.97, index))
    add("turn-range-norms", scale(loose(valid["turn-sdp-norms"]), "bound 3", 0.97))
    add("dead-range-active", scale(loose(valid["dead-sdp-active"]), "bound 2", 0.97))
    add("dead-range-zero", put(loose(valid["dead-sdp-zero-rows"]), "bound 2", 0.0, 0))


def only_upper(text):
    """Without the witness."""
    return sub(sub(loose(text), "^lower .*$", "lower none"), "^witness\n.*\n.*\n", "")


def spectra(nets, valid, add):
    for name, layer, value in (("chain-product-spectral", 2, 1.0), ("chain-sdp-spectral", 1, 1.0),
                               ("chain-product-one-spectral", 2, -5.0)):
        what = name.split("-")[1]
        what = "negative" if value < 0 else what
        add(f"chain-spectral-{what}", sub(loose(valid[name]), f"^spectral {layer} 0 .*$", f"spectral {layer} 0 {real(value)}"))
    add("chain-spectral-zero", sub(loose(valid["chain-product-one-spectral"]), "^spectral .*$", "spectral 2 0 0x0p+0"))
    for t in range(6):
        line = f"spectral 1 {t} {real(critical_norm(nets['norms'], t))}"
        add(f"norms-spectral-last-{t}", sub(valid["norms-product-spectral"], f"^spectral 1 {t} .*$", line))
    for name in ("magnitude", "midpoint", "radius"):
        add(f"wide-spectral-{name}", sub(loose(valid["wide-interval-spectral"]), f"^{name} .*$", f"{name} 0x1p+0"))
    # |(1, -2, 2)| = 3 exactly: one unit below is too small
    row = Claim(nets["affine"], ("everywhere",), "2 2", "row 0").product((1, 0, np.nextafter(3.0, 0)))
    row.upper = 4.0
    add("affine-spectral-ulp", row.text())
    add("affine-upper-spectral", sub(row.text(), "^spectral .*$", "spectral 1 0 0x1.9p+1").replace(
        "upper 0x1p+2", f"upper {real(np.nextafter(3.0, 0))}"))


# ---- Malformed -----------------------------------------------------------------------------------

def make_malformed(nets, valid, out):
    def edit(source, what, pattern, replacement, count=1):
        net = source.partition("-")[0]
        name = f"{net}-{what}"
        if name in out:
            raise ValueError(f"{name} twice")
        out[name] = sub(valid[source], pattern, replacement, count)

    texts(valid["plain-sdp-both"], out)
    heads(edit)
    numbers(edit)
    statements(edit)
    parts(edit)
    networks(nets, out)


def texts(text, out):
    out["plain-empty"] = ""
    out["plain-newline"] = "\n"
    out["plain-crlf"] = text.replace("\n", "\r\n")
    out["plain-one-cr"] = text.replace("norms inf 2\n", "norms inf 2\r\n")
    out["plain-no-last-newline"] = text[:-1]
    out["plain-no-end"] = text[:-4]
    out["plain-truncated"] = text[:len(text) // 2]
    out["plain-after-end"] = text + "end\n"
    out["plain-blank-after-end"] = text + "\n"
    out["plain-space-after-end"] = text[:-1] + " \n"
    out["plain-zero-byte-after-end"] = text + "\0"
    out["plain-zero-byte"] = text.replace("region", "reg\0ion")
    out["plain-twice"] = text + text
    out["plain-mark"] = "\u00ef\u00bb\u00bf" + text
    out["plain-blank-line"] = text.replace("norms", "\nnorms", 1)
    out["plain-leading-blank"] = "\n" + text
    out["plain-comment"] = text.replace("norms", "# norms\nnorms", 1)
    out["plain-upper-case"] = text.replace("statement", "Statement")
    out["plain-network"] = "lipcert-network 1\n"
    out["plain-dos-eof"] = text + "\x1a"


def heads(edit):
    plain = "plain-interval"
    edit(plain, "double-space", "^norms inf", "norms  inf")
    edit(plain, "leading-space", "^norms", " norms")
    edit(plain, "trailing-space", "^(norms .*)$", r"\1 ")
    edit(plain, "tab", "^norms inf", "norms\tinf")
    edit(plain, "version-2", "^lipcert-certificate 1$", "lipcert-certificate 2")
    edit(plain, "version-zero", "^lipcert-certificate 1$", "lipcert-certificate 01")
    edit(plain, "no-version", "^lipcert-certificate 1$", "lipcert-certificate")
    edit(plain, "hash-upper-case", "^network (.*)$", lambda m: "network " + m.group(1).upper())
    edit(plain, "hash-short", "^(network .*).$", r"\1")
    edit(plain, "hash-long", "^(network .*)$", r"\g<1>0")
    edit(plain, "hash-letter", "^network .", "network g")
    edit(plain, "no-hash", "^network .*\n", "")
    edit(plain, "two-hashes", "^(network .*\n)", r"\1\1")
    edit(plain, "region-unknown", "^region box$", "region sphere")
    edit(plain, "region-value", "^region box$", "region box 0x1p+0")
    edit(plain, "region-missing", "^region box\n", "")
    edit(plain, "box-no-hi", "^hi .*\n", "")
    edit(plain, "box-swapped", "^(lo .*\n)(hi .*\n)", r"\2\1")
    edit(plain, "box-lo-above-hi", "^lo \\S+", "lo 0x1.0000000000001p+0")
    edit(plain, "box-few", "^hi \\S+ ", "hi ")
    edit(plain, "box-many", "^(hi .*)$", r"\1 0x1p+0")
    edit(plain, "norm-3", "^norms inf inf$", "norms 3 inf")
    edit(plain, "norm-one-only", "^norms inf inf$", "norms inf")
    edit(plain, "norm-three", "^norms inf inf$", "norms inf inf inf")
    edit(plain, "norm-2.0", "^norms inf inf$", "norms 2.0 inf")
    edit(plain, "output-beyond", "^output row 0$", "output row 1")
    edit(plain, "output-negative", "^output row 0$", "output row -1")
    edit(plain, "output-leading-zero", "^output row 0$", "output row 00")
    edit(plain, "output-plus", "^output row 0$", "output row +0")
    edit(plain, "output-huge", "^output row 0$", "output row 18446744073709551616")
    edit(plain, "output-missing", "^output row 0$", "output row")
    edit(plain, "output-all-index", "^output row 0$", "output all 0")
    edit(plain, "margin-one", "^output row 0$", "output margin 0 1")
    edit("chain-sdp-margin", "margin-same", "^output margin 1 0$", "output margin 1 1")
    edit(plain, "bounds-unknown", "^bounds interval$", "bounds ibp")
    edit(plain, "bounds-missing", "^bounds interval\n", "")
    edit(plain, "bounds-linear-no-slopes", "^bounds interval$", "bounds linear")
    edit(plain, "slopes-for-interval", "^(bounds interval)$", "\\1\nslopes 1 000")
    edit("plain-product", "linear-everywhere", "^bounds none$", "bounds linear\nslopes 1 000")
    edit(plain, "order", "^(bounds .*\n)(upper .*\n)", r"\2\1")
    edit(plain, "nothing-claimed", "^upper .*\nlower none\nstatement interval\n", "upper none\nlower none\n")
    edit(plain, "upper-twice", "^(upper .*\n)", r"\1\1")
    edit(plain, "upper-negative", "^upper ", "upper -")
    edit(plain, "upper-missing-statement", "^statement interval\n", "")
    edit(plain, "statement-not-claimed", "^upper .*$", "upper none")
    edit(plain, "lower-without-witness", "^lower none$", "lower 0x0p+0")
    edit("plain-witness", "lower-negative", "^lower ", "lower -")
    edit("plain-witness", "witness-not-claimed", "^lower .*$", "lower none")
    edit("plain-witness", "witness-no-point", "^point .*\n", "")
    edit("plain-witness", "witness-order", "^(point .*\n)(direction .*\n)", r"\2\1")
    edit("plain-witness", "witness-short", "^(point \\S+) .*$", r"\1")
    edit("plain-witness", "witness-twice", "^(witness\n.*\n.*\n)", r"\1\1")
    edit("plain-witness", "direction-long", "^(direction .*)$", r"\1 0x0p+0")
    edit("chain-interval-1-1", "ball-negative", "^region ball ", "region ball -")
    edit("chain-interval-1-1", "ball-no-radius", "^region ball .*$", "region ball")
    edit("chain-interval-1-1", "ball-centre-few", "^centre \\S+", "centre")
    edit("chain-interval-1-1", "slopes-short", "^slopes 1 000$", "slopes 1 00")
    edit("chain-interval-1-1", "slopes-digit", "^slopes 1 000$", "slopes 1 002")
    edit("chain-interval-1-1", "slopes-spaces", "^slopes 1 000$", "slopes 1 0 0 0")
    edit("chain-interval-1-1", "slopes-order", "^(slopes 1.*\n)(slopes 2.*\n)", r"\2\1")
    edit("chain-interval-1-1", "slopes-missing", "^slopes 2.*\n", "")
    edit("chain-interval-1-1", "slopes-linear-layer", "^(slopes 2.*\n)", "\\1slopes 3 00\n")


def numbers(edit):
    """The real 0x1p+0 in wrong spellings."""
    spellings = {
        "decimal": "1", "point": "1.0", "nan": "nan", "inf": "inf", "minus-inf": "-inf", "nan-upper": "NAN",
        "no-exponent": "0x1", "no-exponent-sign": "0x1p0", "exponent-zeros": "0x1p+00", "minus-zero-exponent": "0x1p-0",
        "trailing-digit-0": "0x1.0p+0", "trailing-zeros": "0x1.80p-1", "empty-fraction": "0x1.p+0",
        "not-normal": "0x2p-1", "not-normal-8": "0x8p-3", "upper-case-x": "0X1p+0", "upper-case-p": "0x1P+0",
        "upper-case-digit": "0x1.Ap+0", "no-prefix": "1p+0", "plus": "+0x1p+0", "minus-zero": "-0x0p+0",
        "zero-exponent": "0x0p+1", "zero-long": "0x0.0p+0", "too-many-digits": "0x1.00000000000001p+0",
        "overflow": "0x1p+1024", "overflow-far": "0x1p+99999", "underflow": "0x1p-1023", "underflow-far": "0x1p-1075",
        "subnormal-shift": "0x0.8p-1021", "subnormal-normal": "0x0.8p+0", "subnormal-zero": "0x0.0p-1022",
        "comma": "0x1,8p+0", "underscore": "0x1_0p+0", "words": "one", "empty": "", "long": "0x1." + "0" * 400 + "p+0",
    }
    for what, spelling in spellings.items():
        edit("plain-interval", f"real-{what}", "^(hi 0x1p\\+0) 0x1p\\+0$", lambda m, s=spelling: f"{m.group(1)} {s}")


def statements(edit):
    edit("plain-product", "statement-unknown", "^statement product$", "statement lp")
    edit("plain-product", "statement-empty", "^statement product$", "statement")
    edit("plain-product", "statement-twice", "^(statement product\n)", r"\1\1")
    edit("plain-product", "statement-extra", "^statement product$", "statement product 1")
    edit("plain-product", "unknown-keyword", "^statement product\n", "statement product\nmultiplier 1 0x1p+0\n")
    spectral = "chain-product-spectral"
    edit(spectral, "spectral-layer-0", "^spectral 1 ", "spectral 0 ")
    edit(spectral, "spectral-layer-4", "^spectral 3 ", "spectral 4 ")
    edit(spectral, "spectral-term", "^spectral 2 0 ", "spectral 2 1 ")
    edit(spectral, "spectral-twice", "^(spectral 2.*\n)", r"\1\1")
    edit(spectral, "spectral-unsorted", "^(spectral 2.*\n)(spectral 3.*\n)", r"\2\1")
    edit(spectral, "spectral-no-value", "^(spectral 2 0) .*$", r"\1")
    edit("wide-interval-spectral", "interval-norms", "^norms 2 2$", "norms 2 1")
    edit("wide-interval-spectral", "interval-order", "^(midpoint.*\n)(radius.*\n)", r"\2\1")
    edit("wide-interval-spectral", "interval-twice", "^(radius.*\n)", r"\1\1")
    edit("wide-interval-spectral", "interval-spectral", "^magnitude .*$", "spectral 1 0 0x1p+5")


def parts(edit):
    both, units, rows = "plain-sdp-both", "plain-sdp-units", "chain-sdp-rows"
    edit(both, "no-parts", "^statement sdp 1\n(.*\n)*", "statement sdp 0\nend\n")
    edit(both, "parts-missing", "^statement sdp 1$", "statement sdp 2")
    edit(units, "parts-too-many", "^statement sdp 2$", "statement sdp 1")
    edit(both, "parts-huge", "^statement sdp 1$", "statement sdp 1000000000")
    edit(both, "parts-no-count", "^statement sdp 1$", "statement sdp")
    edit(both, "set-unknown", "^part cube ", "part box ")
    edit(both, "set-input-fixed", "^part cube fixed 0$", "part fixed 0 cube")
    edit(both, "set-no-output", "^part cube fixed 0$", "part cube")
    edit(both, "set-no-row", "^part cube fixed 0$", "part cube fixed")
    edit(both, "set-cube-index", "^part cube fixed 0$", "part cube 0 fixed 0")
    edit(both, "set-row-beyond", "^part cube fixed 0$", "part cube fixed 1")
    edit(rows, "set-output-beyond", "^part cube unit 0$", "part cube unit 2")
    edit(units, "set-input-beyond", "^part unit 1 ", "part unit 2 ")
    edit(both, "roles-short", "^roles 1 bvb$", "roles 1 bv")
    edit(both, "roles-letter", "^roles 1 bvb$", "roles 1 bvx")
    edit(both, "roles-upper-case", "^roles 1 bvb$", "roles 1 BVB")
    edit(both, "roles-missing", "^roles .*\n", "")
    edit(both, "roles-twice", "^(roles .*\n)", r"\1\1")
    edit(both, "roles-layer", "^roles 1 ", "roles 2 ")
    edit("chain-sdp-ball-ball", "roles-s-not-fixed", "^roles 2 vvv$", "roles 2 vvs")
    edit(rows, "roles-s-read-inside", "^(part cube fixed 1\n)roles 1 vvv$", r"\1roles 1 vvs")
    edit("inner-sdp-inner", "roles-s-read-by-linear", "^roles 1 vbv$", "roles 1 sbv")
    edit(both, "one-missing", "^one .*\n", "")
    edit(both, "one-two-values", "^(one .*)$", r"\1 0x1p+0")
    edit("chain-sdp-ball-ball", "one-superfluous", "^(input .*)$", r"one 0x1p+0\n\1")
    edit("chain-sdp-columns", "one-missing-for-b", "^one .*\n", "")
    edit(both, "input-few", "^(input \\S+) .*$", r"\1")
    edit(both, "input-missing", "^input .*\n", "")
    edit("chain-sdp-ball-ball", "input-many", "^(input \\S+)$", r"\1 0x1p+0")
    edit("chain-sdp-ball-ball", "dual-missing", "^dual .*\n", "")
    edit("chain-sdp-cube-cube", "dual-few", "^(dual \\S+) .*$", r"\1")
    edit(both, "dual-superfluous", "^(input .*)$", r"\1\ndual 0x1p+0")
    edit(both, "multipliers-unsorted", "^(tangent.*\n)(range.*\n)", r"\2\1")
    edit(both, "multipliers-twice", "^(bin.*\n)", r"\1\1")
    edit(both, "multipliers-few", "^(bin \\S+ \\S+) .*$", r"\1")
    edit(both, "multipliers-many", "^(gate .*)$", r"\1 0x0p+0")
    edit(both, "multipliers-empty", "^(gate 1) .*$", r"\1")
    edit(both, "multipliers-layer-0", "^gate 1 ", "gate 0 ")
    edit(both, "multipliers-layer-2", "^gate 1 ", "gate 2 ")
    edit(both, "multipliers-unknown", "^gate 1 ", "gates 1 ")
    edit(both, "multipliers-nan", "^gate 1 \\S+", "gate 1 nan")
    edit(both, "bound-missing", "^bound .*\n", "")
    edit("plain-sdp-cube", "bin-for-v", "^(tangent .*)$", r"\1\nbin 1 0x1p+0 0x1p+0 0x1p+0")
    edit("chain-sdp-cube-cube", "layers-unsorted", "^(tangent 1.*\n)(tangent 2.*\n)", r"\2\1")
    edit(both, "spectral-after-part", "^(part .*)$", "\\1\nspectral 1 0 0x1p+5")


def networks(nets, out):
    def edit(net, what, pattern, replacement):
        out[f"{net}-{what}.net"] = sub(nets[net], pattern, replacement)

    for what, text in (("crlf", nets["plain"].replace("\n", "\r\n")), ("truncated", nets["plain"][:-40]), ("empty", ""),
                       ("after-end", nets["plain"] + "end\n"), ("no-last-newline", nets["plain"][:-1])):
        out[f"plain-net-{what}.net"] = text
    edit("plain", "net-version", "^lipcert-network 1$", "lipcert-network 2")
    edit("plain", "net-input-0", "^input 2$", "input 0")
    edit("plain", "net-input-huge", "^input 2$", "input 1000000001")
    edit("plain", "net-input-wrong", "^input 2$", "input 3")
    edit("plain", "net-layers-0", "^layers 2$", "layers 0")
    edit("plain", "net-layers-few", "^layers 2$", "layers 1")
    edit("plain", "net-layers-huge", "^layers 2$", "layers 1000000000")
    edit("plain", "net-last-relu", "^layer 2 1 linear 1$", "layer 2 1 relu 1")
    edit("plain", "net-layer-number", "^layer 2 1 ", "layer 3 1 ")
    edit("plain", "net-layer-width-huge", "^layer 1 3 ", "layer 1 999999999 ")
    edit("plain", "net-terms-few", "^layer 1 3 relu 1$", "layer 1 3 relu 2")
    edit("plain", "net-terms-huge", "^layer 1 3 relu 1$", "layer 1 3 relu 1000000000")
    edit("plain", "net-phase", "^layer 1 3 relu 1$", "layer 1 3 tanh 1")
    edit("plain", "net-bias-few", "^bias \\S+ ", "bias ")
    edit("plain", "net-bias-nan", "^bias \\S+ ", "bias nan ")
    edit("plain", "net-source-itself", "^term 1 dense", "term 2 dense")
    edit("plain", "net-source-unused", "^term 1 dense 1 3\n.*$", "term 0 dense 1 2\n0x1p+0 0x1p+0")
    edit("plain", "net-term-kind", "^term 1 dense", "term 1 diagonal")
    edit("plain", "net-dense-rows", "^term 0 dense 3 2", "term 0 dense 2 2")
    edit("plain", "net-dense-columns", "^term 0 dense 3 2", "term 0 dense 3 999999999")
    edit("plain", "net-dense-double-space", "^0x1p\\+0 0x1p\\+1$", "0x1p+0  0x1p+1")
    edit("plain", "net-minus-zero", "^0x0p\\+0 0x1p\\+0$", "-0x0p+0 0x1p+0")
    edit("sparse", "net-sparse-count", "sparse 4 3 5$", "sparse 4 3 4")
    edit("sparse", "net-sparse-too-many", "sparse 4 3 5$", "sparse 4 3 13")
    edit("sparse", "net-sparse-row", "^2 0 0x1p\\+0 2", "1 0 0x1p+0 2")
    edit("sparse", "net-sparse-order", "^2 0 (\\S+) 2 (\\S+)$", r"2 2 \2 0 \1")
    edit("sparse", "net-sparse-same-column", "^2 0 (\\S+) 2 ", r"2 0 \1 0 ")
    edit("sparse", "net-sparse-column", "^2 0 (\\S+) 2 ", r"2 0 \1 3 ")
    edit("sparse", "net-sparse-row-missing", "^0\n", "")
    for field, value in ((0, 2), (1, 0), (3, 1), (6, 3), (8, 0), (10, 0), (14, 2), (14, 0), (7, 1000000000), (8, 4294967296)):
        sizes = "1 2 3 2 1 2 2 2 1 1 1 1 0 0 1".split()
        sizes[field] = str(value)
        edit("conv", f"net-conv-{field}-{value}", "^term 0 conv .*$", "term 0 conv " + " ".join(sizes))
    edit("conv", "net-conv-weights", "^(0x1p-1 .*) \\S+$", r"\1")
