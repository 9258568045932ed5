"""Reader of a part of the statement `tree` (docs/certificate.md, section 14): what is malformed is found here."""
import sys
from dataclasses import dataclass, field

import exact_format

DEPTH = 4096
sys.setrecursionlimit(4 * DEPTH)


@dataclass
class Node:
    """kind is 'split', 'cut', 'tighten', 'interval', 'sdp', 'empty', 'sum', 'span' or 'hull'."""
    kind: str
    at: tuple = None         # split: (layer, neuron); cut: (input, number)
    children: list = field(default_factory=list)
    part: object = None      # sdp
    neurons: list = None     # sum, span, hull: [(layer, neuron)]
    signs: list = None       # hull: those with a row h
    gaps: list = None        # hull: those with a row h - z
    numbers: list = None     # sum
    level: int = 0           # span, hull
    one: bool = False


def read_part(cert):
    part = cert.read_head()
    box = (list(cert.lo), list(cert.hi)) if cert.region == "box" else None
    part.root = read_node(cert, part, box, set(), 0)
    return part


def read_node(cert, part, box, splits, depth):
    """A node below splits of these neurons, with this box; the box and the set are the caller's again afterwards."""
    lines = cert.lines
    lines.need(depth <= DEPTH, f"more than {DEPTH} nodes above a leaf")
    token = lines.next()
    if token[0] == "split":
        at = relu(cert, token[1:], 0)[1]
        lines.need(len(token) == 2 and at not in splits, "expected a neuron that was not split above")
        splits.add(at)
        children = [read_node(cert, part, box, splits, depth + 1) for _ in range(2)]
        splits.remove(at)
        return Node("split", at, children)
    if token[0] == "cut":
        return read_cut(cert, part, box, splits, depth, token)
    if token == ["tighten"]:
        lines.need(cert.bounds != "none", "tighten needs bounds")
        return Node("tighten", None, [read_node(cert, part, box, splits, depth + 1)])
    if token == ["sdp"]:
        return Node("sdp", part=cert.read_body(exact_format.Part(part.input, part.output)))
    if token in (["interval"], ["empty"]):
        return Node(token[0])
    lines.need(token[0] == "empty" and len(token) > 1 and token[1] in ("sum", "span", "hull"), "expected a node")
    return {"sum": read_sum, "span": read_span, "hull": read_hull}[token[1]](cert, token[2:], splits)


def read_cut(cert, part, box, splits, depth, token):
    lines = cert.lines
    lines.need(box is not None, "a cut needs a box")
    lines.need(len(token) == 3, "expected an input and a number")
    j, c = lines.integer(token[1], 0, cert.network.width[0] - 1), lines.real(token[2])
    lo, hi = box[0][j], box[1][j]
    lines.need(lo < c < hi, "a cut outside the box")
    children = []
    for side, old in ((1, hi), (0, lo)):
        box[side][j] = c
        children.append(read_node(cert, part, box, splits, depth + 1))
        box[side][j] = old
    return Node("cut", (j, c), children)


def relu(cert, token, least):
    """(number, (layer, neuron)) of the first token."""
    relus = [(l, k) for l in cert.network.relus() for k in range(cert.network.width[l])]
    cert.lines.need(token, "expected a neuron")
    number = cert.lines.integer(token[0], least, len(relus) - 1)
    return number, relus[number]


def read_list(cert, token, splits, step):
    """The neurons of a list, and its other tokens; `token` begins with their number."""
    lines, least, found = cert.lines, 0, []
    lines.need(token, "expected a number of neurons")
    count = lines.integer(token[0], 1)
    lines.need(len(token) == 1 + step * count, f"expected {count} entries")
    for name in token[1::step]:
        number, at = relu(cert, [name], least)
        lines.need(at in splits, "expected a neuron that was split above")
        found.append(at)
        least = number + 1
    return found, token[2::step]


def read_sum(cert, token, splits):
    cert.lines.need(cert.region != "everywhere", "a sum needs a region")
    neurons, values = read_list(cert, token, splits, 2)
    numbers = [cert.lines.real(value) for value in values]
    cert.lines.need(all(value > 0 for value in numbers), "expected positive numbers")
    return Node("sum", neurons=neurons, numbers=numbers)


def read_span(cert, token, splits):
    lines = cert.lines
    lines.need(len(token) > 2 and token[1] in ("one", "none"), "expected a level, 'one' or 'none', and neurons")
    level = lines.integer(token[0], 0, cert.network.depth - 1)
    neurons, _ = read_list(cert, token[2:], splits, 1)
    lines.need(all(l >= level for l, _ in neurons), "a neuron below the level")
    return Node("span", neurons=neurons, level=level, one=token[1] == "one")


def read_hull(cert, token, splits):
    lines, lists = cert.lines, []
    lines.need(len(token) > 2 and token[1] in ("one", "none"), "expected a level, 'one' or 'none', and neurons")
    level, rest = lines.integer(token[0], 0, cert.network.depth - 1), token[2:]
    for open_ in (False, True, True):
        lines.need(rest, "expected a number of neurons")
        count, least, found = lines.integer(rest[0], 0), 0, []
        lines.need(len(rest) > count, f"expected {count} neurons")
        for name in rest[1:1 + count]:
            number, at = relu(cert, [name], least)
            lines.need((at in splits) != open_ and at[0] >= level, "a neuron of another kind, or below the level")
            found.append(at)
            least = number + 1
        lists.append(found)
        rest = rest[1 + count:]
    lines.need(not rest, "expected the end of the line")
    return Node("hull", neurons=lists[0], signs=lists[1], gaps=lists[2], level=level, one=token[1] == "one")
