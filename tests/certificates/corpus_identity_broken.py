"""Broken certificates with the statement `identity`, each from a valid one (corpus_identity.py)."""
import re
from fractions import Fraction

import numpy as np

import exact_checker
from corpus_points_broken import loose, numbers, only_upper, put, sub, verdict
from corpus_tools import Claim, real, reals
from exact_format import Certificate, Network
from exact_identity import Identity

EPS = -2.0**-1074


def make_invalid_identities(nets, valid, add):
    claims(nets, valid, add)
    signs(valid, add)
    grams(nets, valid, add)
    meanings(nets, valid, add)
    letters(nets, valid, add)
    ends(nets, valid, add)
    sets(valid, add)


def last_double(q):
    """The largest double below the rational q > 0."""
    x = float(q)
    return x if Fraction(x) < q else float(np.nextafter(x, 0))


def bound(net, text):
    """U of all parts."""
    network = Network(net.encode())
    cert = Certificate(text.encode(), network)
    ranges = exact_checker.Ranges(network, cert)
    return max(Identity(network, cert, ranges, part).bound() for part in cert.parts)


def claims(nets, valid, add):
    """Claims one unit below what is proved, other norms and regions."""
    for name in valid:
        net, identity, what = name.partition("-identity-")
        if not identity:
            continue
        text = only_upper(valid[name]) if "witness" in valid[name] else valid[name]
        add(f"{net}-upper-identity-{what}", put(text, "upper", last_double(bound(nets[net], text))))
    add("plain-upper-identity-nothing", re.sub("(?m)^(scalar|gram|zero) .*\n(-?0x.*\n)*", "", sub(
        only_upper(valid["plain-identity-products"]), "^terms .*$", "terms 0")))
    add("plain-upper-identity-region", sub(loose_ends(sub(valid["plain-identity-products-values"], "^lo \\S+", "lo -0x1p+1")),
                                           "^least .*$", "least 1 -0x1p+3 -0x1p+3 -0x1p+3"))
    add("plain-hash-identity", sub(valid["plain-identity-squares"], "^network .*$", "network " + "0" * 64))


def loose_ends(text):
    return sub(text, "^most .*$", "most 1 0x1p+3 0x1p+3 0x1p+3")


def signs(valid, add):
    """Negative scalars, of products that are 0 as well."""
    for what, pattern in (("first", "^(scalar .*) \\S+$"), ("constant", "^(scalar 0) \\S+$"), ("eight", "^(scalar 8 on .*) \\S+$")):
        add(f"plain-sign-identity-{what}", sub(loose(valid["plain-identity-repeated"]), pattern, rf"\1 {real(EPS)}"))
    add("line-sign-identity-lifts", sub(loose(valid["line-identity-products-lifts"]), "^(scalar .*) \\S+$", rf"\1 {real(-2.0 ** -40)}"))
    text = loose(valid["plain-identity-squares"])
    add("plain-sign-identity-zero-product", sub(sub(text, "^terms 3$", "terms 4"), "^(terms .*)$", rf"\1\nscalar 2 on 2 off 2 {real(EPS)}"))
    text = loose(valid["wide-identity-pairs"])
    last = list(re.finditer("^scalar .* (\\S+)$", text, re.M))[-1]
    add("wide-sign-identity-last-part", text[:last.start(1)] + "-0x1p-30" + text[last.end(1):])


# ---- Gram matrices -------------------------------------------------------------------------------

def matrices(text):
    """(start, end, rows) of every Gram matrix."""
    for match in re.finditer("^gram .*\n((?:-?0x.*\n)+)", text, re.M):
        yield match.start(1), match.end(1), [[float.fromhex(token) for token in line.split()] for line in match.group(1).splitlines()]


def replace(text, at, row, column, value):
    start, end, rows = list(matrices(text))[at]
    rows[row][column] = value
    return text[:start] + "".join(reals(r)[1:] + "\n" for r in rows) + text[end:]


def last_wrong(net, text, at, row):
    """The largest double on this place of the diagonal for which the matrix is not semidefinite."""
    right = list(matrices(text))[at][2][row][row]
    wrong = 0.0
    while np.nextafter(wrong, right) != right:
        middle = (wrong + right) / 2
        if middle in (wrong, right):
            middle = float(np.nextafter(wrong, right))
        if verdict(net, replace(text, at, row, row, middle)) == "gram":
            wrong = middle
        else:
            right = middle
    return wrong


def grams(nets, valid, add):
    for name, at, row in (("plain-identity-squares", 0, 0), ("plain-identity-squares", 0, 5), ("plain-identity-squares-values", 0, 3),
                          ("line-identity-squares-ball", 0, 1), ("plain-identity-repeated", 0, 2), ("plain-identity-repeated", 1, 1)):
        net, _, what = name.partition("-identity-")
        text = loose(valid[name])
        add(f"{net}-gram-last-{what}-{at}-{row}", replace(text, at, row, row, last_wrong(nets[net], text, at, row)))
    text = loose(valid["plain-identity-repeated"])
    places = [i for i, (_, _, rows) in enumerate(matrices(text)) if len(rows) == 1]
    add("plain-gram-one-row", replace(text, places[0], 0, 0, EPS))
    add("plain-gram-one-row-power", replace(text, places[1], 0, 0, -0.125))
    add("plain-gram-diagonal", replace(text, 0, 1, 1, -1.0))
    add("plain-gram-zero-pivot", replace(text, 0, 0, 0, 0.0))
    add("plain-gram-transposed-sign", replace(text, 0, 2, 1, -1.0))
    add("plain-gram-factors", replace(text, 4, 1, 0, 4.0))
    made = text[:list(matrices(text))[0][0]] + "0x1p+0\n0x1p+0 0x1p+0\n0x1p+0 -0x1p+0 0x1p+0\n" + text[list(matrices(text))[0][1]:]
    add("plain-gram-third-minor", made)
    add("chain-gram-second-part", replace(loose(valid["chain-identity-columns"]), len(list(matrices(valid["chain-identity-columns"]))) - 1,
                                          0, 0, -2.0**-20))


# ---- Terms that say something else ---------------------------------------------------------------

SWAPS = (("plus-minus", "^(scalar .*)plus", r"\1minus"), ("on-off", "^(scalar .*)\\bon", r"\1off"), ("off-on", "^(scalar .*)off", r"\1on"),
         ("above-below", "^(scalar .*)above", r"\1below"), ("below-half", "^(scalar .*)below", r"\1half"),
         ("top-bottom", "^(scalar .*)top", r"\1bottom"), ("state-room", "^(scalar .*)state", r"\1room"),
         ("excess-state", "^(scalar .*)excess", r"\1state"), ("gate", r"^(scalar .*(?:above|below|top|bottom|state|excess|room)) 0", r"\1 1"),
         ("variable", r"^(scalar .*(?:plus|minus|square)) 0", r"\1 1"), ("phase", r"^(scalar .*(?:on|off)) 2", r"\1 3"),
         ("open-closed", "^zero open", "zero closed"), ("closed-relu", "^zero closed", "zero relu"), ("relu-open", "^zero relu", "zero open"),
         ("link-relu", "^zero link", "zero relu"), ("zero-gate", r"^(zero \w+) 0", r"\1 1"), ("zero-sign", r"^(zero .*\n)0x", r"\1-0x"),
         ("zero-monomial", r"^(zero \w+ \d 1) one", r"\1 0"), ("monomial", r"^(gram 0 \d+ one 0 )1 ", r"\g<1>0 "),
         ("monomial-constant", r"^(gram 0 \d+ )one ", r"\g<1>0 "), ("tball-square", "^(scalar 1) tball", r"\1 square"))


def meanings(nets, valid, add):
    """One word or number of a term, so that the claim does not hold."""
    left = {change for change, _, _ in SWAPS}
    for name in ("plain-identity-products", "plain-identity-products-box", "plain-identity-products-values", "plain-identity-squares",
                 "plain-identity-squares-values", "line-identity-products-lifts", "line-identity-squares-ball",
                 "deep-identity-products", "chain-identity-products-rows", "plain-identity-table", "plain-identity-table-lifts"):
        net, _, what = name.partition("-identity-")
        text = only_upper(valid[name]) if "witness" in valid[name] else valid[name]
        for change, pattern, replacement in SWAPS:
            for match in re.finditer(pattern, text, re.M):
                made = text[:match.start()] + match.expand(replacement) + text[match.end():]
                if made != text and verdict(nets[net], made) == "upper":
                    add(f"{net}-upper-{change}-{what}", made)
                    left.discard(change)
                    break
    if left - {"tball-square"}:
        raise ValueError(f"nothing to change: {left}")


# ---- Roles, values, ends -------------------------------------------------------------------------

def bare(nets, net, head, *part):
    """No terms: only the letters can be wrong."""
    claim = Claim(nets[net], *head)
    claim.statement, claim.upper = "statement identity 1\n" + "".join(line + "\n" for line in part) + "terms 0\n", 2.0**500
    return claim.text()


def letters(nets, valid, add):
    box = (("box", [-1, -1], [1, 1]), "inf inf", "row 0", "interval")
    for roles in ("auu", "uiu", "uua"):
        add(f"plain-role-identity-{roles}", bare(nets, "plain", box, "part cube fixed 0", f"roles 1 {roles}"))
    for values in ("ahh", "hih", "zna"):
        n = sum(letter in "hz" for letter in values)
        add(f"plain-value-identity-{values}", bare(nets, "plain", box, "part cube fixed 0", "roles 1 uuu", f"values 1 {values}",
                                                   "least 1" + " -0x1p+4" * n, "most 1" + " 0x1p+4" * n))
    stable = loose(valid["dead-identity-stable"])
    for what, old, new in (("active", "aiiu", "iiiu"), ("swapped", "aiiu", "iaiu")):
        add(f"dead-role-identity-{what}", sub(stable, f"^roles 1 {old}$", f"roles 1 {new}"))
    for what, new in (("inactive", "aaih"), ("active", "iiih")):
        add(f"dead-value-identity-{what}", sub(stable, "^values 1 aiih$", f"values 1 {new}"))
    kept = loose(valid["dead-identity-kept"])
    kept = sub(sub(kept, "^least 1 .*$", "least 1" + " -0x1p+5" * 3), "^most 1 .*$", "most 1" + " 0x1p+5" * 3)
    add("dead-role-identity-kept-wide", sub(kept, "^lo .*$", "lo -0x1p+3 -0x1p+3"))
    corner = only_upper(loose(valid["corner-identity-kept-zero"]))
    flat = re.sub("(?m)^(scalar|gram|zero) .*\n(-?0x.*\n)*", "", sub(sub(corner, "^hi .*$", "hi 0x1p+0 0x0p+0"), "^terms .*$", "terms 0"))
    add("corner-role-identity-flat", flat)
    add("corner-value-identity-flat", sub(sub(flat, "^roles 1 ai$", "roles 1 uu"), "^least .*$", "least 1 -0x1p+0"))
    # a tangent that is 0 because entries cancel is not one without entries
    head = (("everywhere",), "2 2", "row 0")
    for roles in ("iu", "au"):
        add(f"cancel-role-identity-{roles}", bare(nets, "cancel", head, "part ball fixed 0", "roles 1 uu", f"roles 2 {roles}"))
    far = (("box", [-1, -0.5, 0], [0.5, 0.5, 0.75]), "1 inf", "all", "interval")
    add("far-role-identity-read", sub(bare(nets, "far", far, "part ball cube", "roles 1 uuu", "roles 2 uu", "terms 0", "part unit 1 cube",
                                           "roles 1 uau", "roles 2 uu"), "^statement identity 1$", "statement identity 2"))


def ends(nets, valid, add):
    """On the box lo of `plain` is -2.75, -3 and -1 and hi is 3.25, 1 and 1, exactly."""
    box = (("box", [-1, -1], [1, 1]), "inf inf", "row 0", "interval")
    for what, code, least, most in (("least-ulp", "least", [np.nextafter(-2.75, 0), -3, -1], [3.25, 1, 1]),
                                    ("most-ulp", "most", [-2.75, -3, -1], [3.25, np.nextafter(1, 0), 1]),
                                    ("least-zero", "least", [-2.75, -3, 0], [3.25, 1, 1]),
                                    ("most-zero", "most", [-2.75, -3, -1], [3.25, 1, 0]),
                                    ("swapped", "least", [3.25, 1, 1], [-2.75, -3, -1])):
        for lifts in ((), ("lifts",)):
            add(f"plain-{code}-identity-{what}{'-lifts' if lifts else ''}", bare(
                nets, "plain", box, "part cube fixed 0", "roles 1 uuu", "values 1 hzh", "least 1" + reals(least),
                "most 1" + reals(most), *lifts))
    dead = (("box", [-1, -1], [1, 1]), "inf inf", "row 0", "interval")  # lo, hi: 2, 6; -6, -2; 0, 0; -1, 2
    for what, code, roles, values, least, most in (
            ("kept", "least", "aiiu", "hiih", [np.nextafter(2, 3), -1], [6, 2]),
            ("kept", "most", "aiiu", "hiih", [2, -1], [np.nextafter(6, 5), 2]),
            ("active-u", "least", "uiiu", "hiih", [0, -1], [6, 2]), ("active-positive", "least", "uiiu", "ziih", [2, -1], [6, 2]),
            ("inactive", "most", "auiu", "ahih", [-6, -1], [0, 2]), ("inactive-negative", "most", "auiu", "ahih", [-6, -1], [-2, 2]),
            ("kept-zero", "most", "aiau", "aihh", [0, -1], [0, 2])):
        add(f"dead-{code}-identity-{what}", bare(nets, "dead", dead, "part cube fixed 0", f"roles 1 {roles}", "roles 2 uu",
                                                 f"values 1 {values}", "least 1" + reals(least), "most 1" + reals(most), "values 2 nn"))
    line = (("box", [-1.0], [1.0]), "2 2", "row 0", "interval")
    most = 2.0**1023 * (2 - 2.0**-52)
    add("line-size-identity", bare(nets, "line", line, "part cube fixed 0", "roles 1 uu", "values 1 hh", f"least 1{reals([-2, -2])}",
                                   f"most 1{reals([2, most])}", "lifts"))
    wide = (("box", [-most], [most]), "2 2", "row 0", "interval")
    add("line-frame-identity", bare(nets, "line", wide, "part cube fixed 0", "roles 1 uu", "values 1 hh", f"least 1{reals([-most] * 2)}",
                                    f"most 1{reals([most] * 2)}"))


def sets(valid, add):
    """Sets that the norms do not allow, parts that are missing."""
    pairs, columns, rows = (valid[f"{name}"] for name in ("wide-identity-pairs", "chain-identity-columns", "chain-identity-products-rows"))
    last = "^part unit 1 cube\n(.*\n)*end"
    add("wide-cover-identity", sub(sub(pairs, last, "end"), "^statement identity 4$", "statement identity 3"))
    add("chain-cover-identity-row", sub(sub(only_upper(rows), "^part cube fixed 1\n(.*\n)*end", "end"), "^statement identity 2$",
                                        "statement identity 1"))
    add("chain-cover-identity-column", sub(sub(columns, "^part unit 1 cube\n(.*\n)*end", "end"), "^statement identity 2$",
                                           "statement identity 1"))
    add("chain-unit-identity-input", sub(columns, "^norms 1 2$", "norms 2 2"))
    add("chain-unit-identity-output", sub(only_upper(rows), "^norms inf inf$", "norms inf 2"))
    add("plain-cover-identity-ball", sub(valid["plain-identity-table-ball"], "^norms 2 2$", "norms inf 2"))
    add("chain-cover-identity-dual-ball", sub(only_upper(loose(valid["chain-identity-ball"])), "^norms 2 2$", "norms 2 1"))


# ---- Malformed -----------------------------------------------------------------------------------

def make_malformed_identities(valid, add):
    def edit(name, what, pattern, replacement):
        net = name.split("-")[0]
        add(f"{net}-identity-{what}", sub(valid[name], pattern, replacement))

    heads(edit)
    value_lines(edit)
    terms(edit)
    numbers_of_factors(edit)
    degrees(edit)


REPEATED, TABLE, LIFTS, CUBE, BALL = ("plain-identity-repeated", "plain-identity-table", "plain-identity-table-lifts", "chain-identity-cube",
                                      "chain-identity-ball")


def heads(edit):
    edit(TABLE, "no-count", "^statement identity 1$", "statement identity")
    edit(TABLE, "parts-0", "^statement identity 1\n(.*\n)*end", "statement identity 0\nend")
    edit(TABLE, "parts-missing", "^statement identity 1$", "statement identity 2")
    edit("chain-identity-columns", "parts-many", "^statement identity 2$", "statement identity 1")
    edit(TABLE, "parts-huge", "^statement identity 1$", "statement identity 1000000000")
    edit(TABLE, "spectral", "^(statement identity 1)$", "\\1\nspectral 1 0 0x1p+5")
    edit(TABLE, "output-unit", "^part cube fixed 0$", "part cube unit 0")
    edit(TABLE, "output-cube", "^part cube fixed 0$", "part cube cube")
    edit(TABLE, "output-ball", "^part cube fixed 0$", "part cube ball")
    edit("chain-identity-margin", "output-margin-cube", "^part ball fixed 0$", "part ball cube")
    edit(TABLE, "input-fixed", "^part cube fixed 0$", "part fixed 0 fixed 0")
    edit(TABLE, "row-beyond", "^part cube fixed 0$", "part cube fixed 1")
    edit("chain-identity-columns", "input-beyond", "^part unit 1 ", "part unit 2 ")
    edit(TABLE, "extra", "^part cube fixed 0$", "part cube fixed 0 0")
    for letter in "vsbh":
        edit("plain-identity-table-everywhere", f"role-{letter}", "^roles 1 uuu$", f"roles 1 uu{letter}")
    edit(CUBE, "roles-missing", "^roles 2 .*\n", "")
    edit(CUBE, "roles-order", "^(roles 1 .*\n)(roles 2 .*\n)", r"\2\1")
    edit(TABLE, "one", "^(roles 1 .*\n)", "\\1one 0x1p+0\n")
    edit(TABLE, "cuts", "^(terms .*\n)", "cuts 1 1\n\\1")


def value_lines(edit):
    edit(TABLE, "values-everywhere", "^region box\n.*\n.*$", "region everywhere")
    edit(TABLE, "values-letter", "^values 1 hzh$", "values 1 hzb")
    edit(TABLE, "values-short", "^values 1 hzh$", "values 1 hz")
    edit(CUBE, "values-missing", "^values 2 .*\nleast 2 .*\nmost 2 .*\n", "")
    edit(CUBE, "values-first-missing", "^values 1 .*\nleast 1 .*\nmost 1 .*\n", "")
    edit(CUBE, "values-order", "^(values 1 .*\nleast .*\nmost .*\n)(values 2 .*\nleast .*\nmost .*\n)", r"\2\1")
    edit(CUBE, "values-together", "^(least 1 .*\nmost 1 .*\n)(values 2 .*\n)", r"\2\1")
    edit(TABLE, "values-twice", "^(values 1 .*\n)", r"\1\1")
    edit(TABLE, "least-missing", "^least .*\n", "")
    edit(TABLE, "most-missing", "^most .*\n", "")
    edit(TABLE, "most-first", "^(least .*\n)(most .*\n)", r"\2\1")
    edit(TABLE, "least-few", "^(least 1 \\S+ \\S+) \\S+$", r"\1")
    edit(TABLE, "most-many", "^(most 1 .*)$", r"\1 0x1p+3")
    edit(TABLE, "least-layer", "^least 1 ", "least 2 ")
    edit("chain-identity-margin", "least-without-gates", "^(values 2 nnn\n)", "\\1least 2\n")
    whole = "^roles 1 auau\nroles 2 uu\nvalues 1 hhaz\n((?:.*\n)*)terms (?:.*\n)*end"  # without the terms, which need the gates
    for what, roles, values in (("kept-z", "auau", "zhaz"), ("gate-inactive", "iuau", "hhaz"), ("gate-i-z", "auai", "hhaz")):
        edit("dead-identity-kept", what, whole, rf"roles 1 {roles}\nroles 2 uu\nvalues 1 {values}\n\1terms 0\nend")
    edit(CUBE, "reads-z", "^values 1 hhh$", "values 1 zhh")
    edit(CUBE, "reads-n", "^values 1 hhh\nleast 1 \\S+ (.*)\nmost 1 \\S+ (.*)$", r"values 1 nhh\nleast 1 \1\nmost 1 \2")
    edit(LIFTS, "lifts-twice", "^(lifts\n)", r"\1\1")
    edit(LIFTS, "lifts-number", "^lifts$", "lifts 3")
    edit(LIFTS, "lifts-before", "^(values .*\nleast .*\nmost .*\n)lifts\n", r"lifts\n\1")
    edit(LIFTS, "lifts-middle", "^(values .*\n)(least .*\nmost .*\n)lifts\n", r"\1lifts\n\2")
    edit("plain-identity-table-everywhere", "lifts-alone", "^(terms .*\n)", r"lifts\n\1")


def terms(edit):
    edit(REPEATED, "terms-missing", "^terms .*\n", "")
    edit(REPEATED, "terms-few", "^terms 13$", "terms 12")
    edit(REPEATED, "terms-many", "^terms 13$", "terms 14")
    edit(REPEATED, "terms-huge", "^terms 13$", "terms 1000000000")
    edit(REPEATED, "terms-none", "^terms 13$", "terms")
    edit(REPEATED, "term-word", "^scalar 0 ", "constant 0 ")
    edit(REPEATED, "term-empty", "^scalar 0 .*$", "scalar")
    edit(REPEATED, "scalar-no-number", "^(scalar 0) .*$", r"\1")
    edit(REPEATED, "scalar-two-numbers", "^(scalar 0 .*)$", r"\1 0x1p+0")
    edit(REPEATED, "scalar-nan", "^(scalar 0) .*$", r"\1 nan")
    edit(REPEATED, "scalar-few-factors", "^scalar 8 ", "scalar 7 ")
    edit(REPEATED, "scalar-many-factors", "^scalar 4 ", "scalar 5 ")
    edit(REPEATED, "factor-number-missing", "^(scalar 7.*) room 2 ", r"\1 room ")
    edit(REPEATED, "factors-9", "^scalar 8( on 2)", r"scalar 9\1\1")
    edit(REPEATED, "factors-huge", "^scalar 8 ", "scalar 4294967304 ")
    edit(REPEATED, "gram-d-0", "^gram 0 3 .*\n.*\n.*\n.*$", "gram 0 0")
    edit(REPEATED, "gram-d-few", "^gram 0 3 ", "gram 0 2 ")
    edit(REPEATED, "gram-d-many", "^gram 0 3 ", "gram 0 4 ")
    edit(REPEATED, "gram-d-huge", "^gram 0 3 ", "gram 0 1000000000 ")
    edit(REPEATED, "gram-row-missing", "^(gram 0 3 .*\n.*\n.*\n).*\n", r"\1")
    edit(REPEATED, "gram-row-short", "^(gram 0 3 .*\n.*\n\\S+) \\S+$", r"\1")
    edit(REPEATED, "gram-row-long", "^(gram 0 3 .*\n\\S+)$", r"\1 0x1p-1")
    edit(REPEATED, "gram-square", "^(gram 0 3 .*\n\\S+)\n(\\S+) (.*)\n", r"\1 \2 0x0p+0\n\2 \3 0x0p+0\n")
    edit(REPEATED, "gram-space", "^(gram 0 3 .*\n)", r"\1 ")
    edit(REPEATED, "gram-number", "^(gram 0 3 .*)$", r"\1 0x1p+0")
    edit(REPEATED, "zero-d-0", "^zero open 0 3 .*\n.*$", "zero open 0 0\n0x1p+0")
    edit(REPEATED, "zero-d-few", "^zero open 0 3 ", "zero open 0 2 ")
    edit(REPEATED, "zero-d-huge", "^zero open 0 3 ", "zero open 0 1000000000 ")
    edit(REPEATED, "zero-numbers-few", "^(zero open .*\n.*) \\S+$", r"\1")
    edit(REPEATED, "zero-numbers-same-line", "^(zero open .*)\n", r"\1 ")
    edit(REPEATED, "zero-space", "^(zero open .*\n)", r"\1 ")
    edit(REPEATED, "equality-word", "^zero open ", "zero above ")
    edit(REPEATED, "equality-factor", "^scalar 0 ", "scalar 1 open 0 ")
    edit(REPEATED, "equality-gate-beyond", "^zero open 0 ", "zero open 3 ")
    edit(REPEATED, "link-no-lifts", "^zero open 0 ", "zero link 0 ")
    for what, monomial in (("descending", "3*0"), ("u-twice", "2*2"), ("u-twice-inside", "0*2*2*5"), ("beyond", "10"), ("constant", "1*one"),
                           ("star", "0*"), ("star-first", "*0"), ("star-alone", "*"), ("star-twice", "0**1"), ("zeros", "00"), ("sign", "-1"),
                           ("power", "0^2"), ("huge", "18446744073709551616"), ("word", "t0"), ("constant-twice", "one*one"),
                           ("degree", "0*0*0*0*0*0*0*0*0"), ("degree-pair", "0*0*0*0*1")):
        edit(REPEATED, f"monomial-{what}", "^(gram 0 3) 0 ", lambda m, s=monomial: f"{m.group(1)} {s} ")


def numbers_of_factors(edit):
    """Variables are t 0 and 1, u 2 to 4, x' 5 and 6, then h'."""
    for what, factor in (("plus-u", "plus 2"), ("minus-u", "minus 4"), ("square-u", "square 3"), ("on-t", "on 0"), ("off-x", "off 5"),
                         ("plus-beyond", "plus 9"), ("on-beyond", "on 9"), ("above-beyond", "above 3"), ("tball-cube", "tball 0"),
                         ("wball-fixed", "wball 0"), ("xball-box", "xball 0"), ("closed-as-factor", "closed 0"), ("excess-z", "excess 1"),
                         ("state-z", "state 1"), ("room-z", "room 1"), ("base-u", "base 0"), ("word", "phases 0"), ("number", "top one"),
                         ("minus-number", "top -1")):
        edit(TABLE, f"factor-{what}", "^scalar 1 plus 0 ", f"scalar 1 {factor} ")
    edit(TABLE, "open-z", "^zero open 0 ", "zero open 1 ")
    edit(TABLE, "closed-z", "^zero closed 0 ", "zero closed 1 ")
    edit(TABLE, "relu-z", "^zero relu 0 ", "zero relu 1 ")
    for word in ("above", "below", "half"):
        edit("dead-identity-kept", f"kept-{word}", "^scalar 1 plus 0 ", f"scalar 1 {word} 0 ")
    for word in ("open", "closed"):
        edit("dead-identity-kept", f"kept-{word}", f"^zero {word} 1 ", f"zero {word} 0 ")
    edit("dead-identity-kept", "base-open", "^scalar 1 base 0 ", "scalar 1 base 1 ")
    edit(BALL, "ball-number", "^scalar 1 tball 0 ", "scalar 1 tball 1 ")
    edit("plain-identity-table-everywhere", "gate-unknown-point", "^scalar 1 plus 0 ", "scalar 1 above 0 ")
    edit("plain-identity-table-ball", "wball-no-w", "^scalar 1 tball 0 ", "scalar 1 wball 0 ")


def degrees(edit):
    for word in ("square", "tball", "wball", "xball", "above", "below", "half"):
        edit("wide-identity-degrees", f"degree-5-{word}", rf"^scalar 4( {word} \d+)", r"scalar 5\1\1")
    for word in ("plus", "minus", "on", "off", "excess", "state", "room", "top", "bottom"):
        edit("wide-identity-degrees", f"degree-gram-{word}", rf"^(gram 1 {word} \d+ 1 0\*0\*0)$", r"\1*0")
    for word in ("open", "closed", "relu", "link"):
        edit("wide-identity-degrees", f"degree-zero-{word}", rf"^(zero {word} .*)$", r"\1*0")
    edit(REPEATED, "degree-squares", "^scalar 4 square 0", "scalar 5 square 0 square 0")
    edit(REPEATED, "degree-mixed", "^scalar 7 plus 5 plus 5", "scalar 7 above 0 above 0")
    edit(REPEATED, "degree-nine", "^scalar 8 on 2", "scalar 8 above 2")
    edit(REPEATED, "degree-gram", "^gram 2 top 0 bottom 0 2 0\\*2\\*5 ", "gram 2 top 0 bottom 0 2 0*0*5*5 ")
    edit(REPEATED, "degree-gram-factor", "^gram 0 1 0\\*0\\*0\\*0$", "gram 1 on 2 1 0*0*0*0")
    edit(REPEATED, "degree-zero", "^zero relu 1 2 0\\*0\\*5\\*5\\*7\\*7 ", "zero relu 1 2 0*0*0*5*5*7*7 ")
    edit(REPEATED, "degree-zero-second", "^(zero relu 1 2 \\S+) \\S+$", r"\1 0*0*0*0*0*0*0")
