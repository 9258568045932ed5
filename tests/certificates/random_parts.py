"""Random tiny networks and parts of every kind, of both statements, for test_validity.py and test_parts.py."""
import exact_checker
from corpus_tools import POINT_KINDS, Claim, Frame, dense, layer, network, random_cuts
from exact_format import Certificate, Network
from identity_frame import IdentityFrame


def random_network(rng):
    def eighth():
        return rng.randint(-12, 12) / 8

    inputs, depth = rng.randint(1, 3), rng.choice((1, 2, 2, 3))
    widths, layers = [inputs], []
    for l in range(1, depth + 2):
        last = l == depth + 1
        widths.append(rng.randint(1, 2) if last else rng.randint(1, 3))
        sources = [l - 1] + [source for source in range(l) if rng.randrange(4) == 0]
        terms = [dense(s, [[eighth() for _ in range(widths[s])] for _ in range(widths[l])]) for s in sources]
        relu = not last and (l == 1 or rng.randrange(4) > 0)
        layers.append(layer(l, "relu" if relu else "linear", [eighth() / 2 for _ in range(widths[l])], *terms))
    return network(inputs, *layers), widths


def random_claim(rng, text, widths):
    n = widths[0]
    lo = [rng.choice((rng.randint(-8, 8) / 8, rng.uniform(-1, 1))) for _ in range(n)]
    kind = rng.choice(("box", "box", "ball", "everywhere"))
    region = {"box": ("box", lo, [a + rng.choice((0, 0.25, 1, rng.uniform(0, 3), 3)) for a in lo]),
              "ball": ("ball", rng.choice((0, 0.25, 1, 0.1)), lo), "everywhere": ("everywhere",)}[kind]
    net = Network(text.encode())
    relus = [(l, k) for l in net.relus() for k in range(net.width[l])]
    slopes = ["".join(rng.choice("01") for _ in range(net.width[l])) for l in net.relus()] if kind != "everywhere" else ()
    refine = [(l, k, side, {j: rng.randint(0, 4) / 4 for j in chosen}) for l, k in relus for side in ("upper", "lower")
              if kind != "everywhere" and rng.randrange(2)
              and (chosen := [j for j, (m, _) in enumerate(relus) if m < l and rng.randrange(2)])]
    norms = rng.choice(("1 2", "2 2", "inf 1", "inf inf", "2 inf"))
    output = rng.choice(("all", "row 0")) if widths[-1] == 1 else rng.choice(("all", "row 1", "margin 0 1"))
    claim = Claim(text, region, norms, output, "linear" if slopes else "none", slopes, refine)
    claim.statement, claim.upper = "statement product\n", 1.0
    return claim, net


def random_letters(rng, claim, net, fixed):
    """Roles and values that the bounds allow; neurons that are read have a value."""
    cert = Certificate(claim.text().encode(), net)
    ranges = exact_checker.Ranges(net, cert)
    inner = {t.source for l in range(1, net.depth) for t in net.layers[l].terms}
    roles, values = {}, {}
    for l in net.relus():
        phases = [ranges.phase(l, k) for k in range(net.width[l])]
        roles[l] = "".join(rng.choice("vb" + (phase * 2 if cert.region != "everywhere" else "") +
                                      ("s" if fixed and l not in inner else "")) for phase in phases)
        values[l] = "".join(rng.choice(("hhz" if l not in inner else "hh") + phase * 2 + ("zn" if l not in inner else ""))
                            for phase in phases)
    return roles, values if cert.region != "everywhere" and rng.randrange(4) else {}


def random_sets(rng, inputs, rows, norms):
    """An input and an output set; with norms they cover everything."""
    p, q = norms.split(" ") if norms else ("1", "inf")
    starts = ["cube"] + ["ball"] * (p != "inf") + [f"unit {inputs - 1}"] * (not norms or inputs == 1)
    ends = ["cube"] + ["ball"] * (rows == 1 or q != "1")
    return rng.choice(starts), rng.choice(ends + (["unit 0", f"fixed {rows - 1}", "fixed 0"] if not norms or rows == 1 else []))


def random_part(rng, complete=False):
    """A frame with random roles, values and cuts; its multipliers are left to choose."""
    text, widths = random_network(rng)
    claim, net = random_claim(rng, text, widths)
    rows = widths[-1] if "output all" in claim.head else 1
    sets = random_sets(rng, widths[0], rows, claim.norms if complete else None)
    letters = random_letters(rng, claim, net, sets[1].startswith("fixed"))
    frame = Frame(claim, net, *sets, *letters, POINT_KINDS + ("bound",), ())
    part = frame.certificate([1.0] * len(frame.names)).parts[0]
    return Frame(claim, net, *sets, *letters, POINT_KINDS + ("bound",), (),
                 *random_cuts(rng, part, rng.randint(1, 12), rng.randint(1, 24)))


# ---- The statement `identity` --------------------------------------------------------------------

def identity_letters(rng, claim, net):
    """Roles and values; a gate has role u, or is kept."""
    ranges = exact_checker.Ranges(net, Certificate(claim.text().encode(), net))
    inner = {t.source for l in range(1, net.depth) for t in net.layers[l].terms}
    roles, values = [], []
    for l in net.relus():
        some = []
        for k in range(net.width[l]):
            phase = ranges.phase(l, k)
            role = rng.choice("uu" + phase)
            free = {"u": "hh" + ("zz" if l not in inner else ""), "a": "h", "i": ""}[role] + phase + ("n" if l not in inner else "")
            some.append((role, rng.choice(free)))
        for found, letters in zip((roles, values), zip(*some)):
            found.append("".join(letters))
    return roles, values


def random_identity(rng, complete=False, tight=False):
    """(frame, terms); with `tight` the numbers of least and most are the bounds, if these are doubles. The terms have every factor and every equality, if there are not too many."""
    text, widths = random_network(rng)
    claim, net = random_claim(rng, text, widths)
    rows = widths[-1] if "output all" in claim.head else 1
    start, end = random_sets(rng, widths[0], rows, claim.norms if complete else None)
    if rows == 1 or end.startswith("unit"):
        end = f"fixed {rows - 1}" if rows == 1 or not complete else "cube"
    roles, values = identity_letters(rng, claim, net)
    known = claim.region[0] != "everywhere" and rng.randrange(4) > 0
    frame = IdentityFrame(claim, start, end, roles, values if known else (), known and rng.randrange(2) == 0, tight)
    return frame, (frame.every(rng) if rng.randrange(2) else []) + frame.random_terms(rng, rng.randint(0, 8), rng.randint(0, 4), rng.randint(0, 4))
