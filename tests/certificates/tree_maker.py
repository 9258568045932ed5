"""Trees (docs/certificate.md, section 14) at random: cells by linear programs, their emptiness by Farkas multipliers, leaves
with multipliers from corpus_tools.py.

The exact checker's ranges are carried along, so that ranges, phases and rows are the ones that count; what is looked for
here (multipliers of sums, the neurons of a span) is asked of it before it is written down.
"""
import copy
import re
from fractions import Fraction

import numpy as np
from scipy.optimize import linprog

import exact_checker
from corpus_tools import POINT_KINDS, TANGENT_KINDS, Claim, Frame, real, short
from exact_format import Certificate, Network
from exact_numbers import INF, Rejected
from exact_tree import Tree
from exact_tree_format import Node

FAR = 1e-7  # a cell with such a margin has an interior, with such a negative one it is empty


def relus(net):
    return [(l, k) for l in net.relus() for k in range(net.width[l])]


def split(number, inactive, active):
    return f"split {number}\n{inactive}{active}"


def cut(j, c, below, above):
    return f"cut {j} {real(c)}\n{below}{above}"


def sum_line(pairs):
    return f"empty sum {len(pairs)}" + "".join(f" {number} {real(c)}" for number, c in pairs) + "\n"


def span_line(level, one, numbers):
    return f"empty span {level} {'one' if one else 'none'} {len(numbers)}" + "".join(f" {k}" for k in numbers) + "\n"


def hull_line(level, one, *lists):
    return f"empty hull {level} {'one' if one else 'none'}" + "".join(f" {len(l)}" + "".join(f" {k}" for k in l) for l in lists) + "\n"


class Maker:
    """Trees for the parts of a claim; `head` are the arguments of Claim, of which the region is replaced in boxes."""

    def __init__(self, rng, *head, wrong=False, cuts=0.2, tightens=0.2, sdp=0.2, splits=99, empty=("ranges", "sum", "span")):
        self.rng, self.head, self.empty, self.wrong = rng, head, empty, [] if wrong else None
        self.cuts, self.tightens, self.sdp, self.splits = cuts, tightens, sdp, splits
        self.net = Network(head[0].encode())
        self.relus, self.counted = relus(self.net), {}
        self.claim = Claim(*head)

    def part(self, input_set, output_set):
        start = f"part {input_set} {output_set}\n"
        self.sets = input_set, output_set
        self.claim.statement, self.claim.upper = f"statement tree 1\n{start}interval\n", 1.0
        cert = Certificate(self.claim.text().encode(), self.net)
        self.tree = Tree(self.net, cert, exact_checker.Ranges(self.net, cert), cert.parts[0], exact_checker.interval_matrices)
        return start + self.node(self.tree.ranges.copy(cert), 0)

    def count(self, what):
        self.counted[what] = self.counted.get(what, 0) + 1

    # -- Nodes

    def node(self, ranges, tightened):
        rng, cert = self.rng, ranges.cert
        proof = self.prove_empty(ranges) if ranges.phases or tightened else None
        if proof:
            return proof
        open_ends = [at for at in self.relus if at not in ranges.phases and (not ranges.phase(*at) or rng.randrange(12) == 0)]
        if tightened < 2 and cert.bounds != "none" and rng.random() < self.tightens:
            below = ranges.copy(cert)
            below.tighten()
            self.count("tighten")
            return "tighten\n" + self.node(below, tightened + 1)
        if cert.region == "box" and rng.random() < self.cuts / (1 + len(ranges.phases)):
            return self.cut(ranges)
        if not open_ends or len(ranges.phases) >= self.splits or rng.randrange(20) == 0:
            return self.leaf(ranges)
        at = rng.choice(open_ends)
        children = []
        for phase in "ia":
            below = ranges.copy(cert)
            below.phases[at] = phase
            children.append(self.node(below, max(0, tightened - 1)))
        self.count("split")
        return split(self.relus.index(at), *children)

    def cut(self, ranges):
        cert, j, children = ranges.cert, self.rng.randrange(self.net.width[0]), []
        lo, hi = cert.lo[j], cert.hi[j]
        c = Fraction(short(float(lo + (hi - lo) * self.rng.randint(1, 7) / 8), 12))
        if not lo < c < hi:
            return self.leaf(ranges)
        for side in ("hi", "lo"):
            smaller = copy.copy(cert)
            setattr(smaller, side, [c if i == j else x for i, x in enumerate(getattr(cert, side))])
            children.append(self.node(ranges.copy(smaller), 0))
        self.count("cut")
        return cut(j, float(c), *children)

    def leaf(self, ranges):
        """A leaf with a bound; `wrong` collects (the leaf, lines that say that it is empty) if some cell is seen there."""
        text = self.bound_leaf(ranges)
        if self.wrong is not None and self.seen(ranges):
            text = f"@{len(self.wrong)} {text}"
            self.wrong.append((text, self.false_lines(ranges)))
        return text

    def false_lines(self, ranges):
        rng, split_ = self.rng, sorted(ranges.phases)
        lines = ["empty\n"]
        if not split_:
            return lines
        if ranges.cert.region != "everywhere":
            sums = [self.best_sum(ranges) or [], [(at, rng.uniform(0.1, 1)) for at in rng.sample(split_, rng.randint(1, len(split_)))]]
            lines += [sum_line(sorted((self.relus.index(at), c) for at, c in pairs)) for pairs in sums if pairs]
        for _ in range(6):
            level = rng.randrange(self.net.depth)
            found = [at for at in split_ if at[0] >= level]
            if found:
                chosen = rng.sample(found, rng.randint(1, len(found)))
                lines.append(span_line(level, rng.randrange(2), sorted(map(self.relus.index, chosen))))
        return lines + self.false_hulls(ranges)

    def false_hulls(self, ranges):
        """Hulls that are true with one phase changed; and the same with a neuron in another list, or with `one` changed."""
        lines, rng = [], self.rng
        for at in rng.sample(sorted(ranges.phases), min(3, len(ranges.phases))):
            other = ranges.copy(ranges.cert)
            other.phases[at] = "i" if other.phases[at] == "a" else "a"
            found = self.hull(other)
            if found:
                level, one, *lists = found
                lines.append(hull_line(level, one, *lists))
                lines.append(hull_line(level, not one, *lists))
                lines.append(hull_line(level, one, lists[0], lists[2], lists[1]))
        return lines

    def seen(self, ranges):
        """Is there a point with the phases of the path, all of them strict, inside the region?"""
        cert, net = ranges.cert, self.net
        for _ in range(20):
            x = [Fraction(self.rng.uniform(*(ends if ends[0] is not None else (-4, 4)))) for ends in self.box(cert)]
            if cert.region == "ball" and sum((a - c) ** 2 for a, c in zip(x, cert.centre)) >= cert.radius ** 2:
                continue
            h, z = {0: x}, {}
            for l in range(1, net.depth):
                layer = net.layers[l]
                z[l] = [layer.bias[k] + sum(a * h[t.source][j] for t in layer.terms for j, a in t.rows[k].items())
                        for k in range(net.width[l])]
                h[l] = [max(value, Fraction(0)) for value in z[l]] if layer.relu else z[l]
            if all(z[l][k] * (1 if phase == "a" else -1) > 0 for (l, k), phase in ranges.phases.items()):
                return True
        return False

    def bound_leaf(self, ranges):
        if self.rng.random() < self.sdp:
            body = self.sdp_leaf(ranges)
            if body:
                self.count("sdp")
                return body
        self.count("interval")
        return "interval\n"

    def sdp_leaf(self, ranges):
        cert, rng, net = ranges.cert, self.rng, self.net
        region = self.head[1]
        if region[0] == "box":
            region = ("box", [float(x) for x in cert.lo], [float(x) for x in cert.hi])
        inner = {t.source for l in range(1, net.depth) for t in net.layers[l].terms}
        fixed = self.sets[1].startswith("fixed")
        knows = cert.region != "everywhere" and cert.bounds != "none" and rng.randrange(2)
        roles, values = {}, {}
        for l in net.relus():
            phases = [ranges.phase(l, k) for k in range(net.width[l])]
            roles[l] = "".join(rng.choice(p or ("vvb" + "s" * (fixed and l not in inner))) for p in phases)
            values[l] = "".join(rng.choice(p or "hhz"[:2 + (l not in inner)]) for p in phases)
        kinds = POINT_KINDS if knows else TANGENT_KINDS
        if rng.randrange(2):
            kinds = tuple(kind for kind in kinds if kind not in ("range", "cap"))
        try:
            claim = Claim(self.head[0], region, *self.head[2:])
            frame = Frame(claim, net, *self.sets, roles, values if knows else {}, kinds, (), ranges=ranges)
            values = [short(v) for v in frame.solve()]
            frame.frame(values).bound()
        except (ValueError, Rejected, np.linalg.LinAlgError):
            return None
        return "sdp\n" + frame.text(values).split("\n", 1)[1]

    # -- Cells

    def affine(self, ranges):
        """{(layer, neuron): (row, constant)} of the z that the phases determine."""
        net, h, z = self.net, {}, {}
        for j in range(net.width[0]):
            h[0, j] = np.eye(net.width[0])[j], 0.0
        for l in range(1, net.depth):
            for k in range(net.width[l]):
                reads = [(h.get((t.source, j)), float(a)) for t in net.layers[l].terms for j, a in t.rows[k].items()]
                phase = ranges.phase(l, k) if net.layers[l].relu else "a"
                if all(source is not None for source, _ in reads):
                    z[l, k] = (sum((a * row for (row, _), a in reads), np.zeros(net.width[0])),
                               float(net.layers[l].bias[k]) + sum(a * c for (_, c), a in reads))
                if "i" in phase:
                    h[l, k] = np.zeros(net.width[0]), 0.0
                elif phase and (l, k) in z:
                    h[l, k] = z[l, k]
        return z

    def constraints(self, ranges):
        """[(at, row, constant)], row x + constant >= 0"""
        z = self.affine(ranges)
        sign = {at: 1.0 if phase == "a" else -1.0 for at, phase in ranges.phases.items()}
        return [(at, sign[at] * z[at][0], sign[at] * z[at][1]) for at in sorted(sign) if at in z]

    def box(self, cert):
        n = self.net.width[0]
        if cert.region == "everywhere":
            return [(None, None)] * n
        if cert.region == "ball":
            return [(float(c - cert.radius), float(c + cert.radius)) for c in cert.centre]
        return [(float(a), float(b)) for a, b in zip(cert.lo, cert.hi)]

    def margin(self, ranges):
        """How far inside some point is, at most 1; negative if there is none (of a ball: of the box around it)."""
        rows = self.constraints(ranges)
        sizes = [np.linalg.norm(row) for _, row, _ in rows]  # below FAR: 0 but for rounding
        if any(size < FAR and c < -FAR for size, (_, _, c) in zip(sizes, rows)):
            return -1.0
        rows = [(row / size, c / size) for size, (_, row, c) in zip(sizes, rows) if size >= FAR]
        if not rows:
            return 1.0
        found = linprog([0.0] * self.net.width[0] + [-1.0], [[*-row, 1.0] for row, _ in rows], [c for _, c in rows],
                        bounds=self.box(ranges.cert) + [(None, 1.0)])
        return -found.fun if found.status == 0 else -1.0

    # -- Proofs that a node is empty

    def asks(self, rule, ranges, **node):
        try:
            getattr(self.tree, rule)(Node(rule, **node), ranges.cert, ranges)
            return True
        except Rejected:
            return False

    def prove_empty(self, ranges):
        rng = self.rng
        tries = {"ranges": self.empty_ranges, "sum": self.empty_sum, "span": self.empty_span, "hull": self.empty_hull}
        if "hull" in self.empty and rng.randrange(3) == 0 and (found := self.empty_hull(ranges)):
            self.count("empty hull")
            return found
        margin = self.margin(ranges)
        if margin > FAR:
            return None
        for name in rng.sample(self.empty, len(self.empty)):
            if name == "sum" and margin > -FAR:  # below 0 by rounding at most
                continue
            found = tries[name](ranges)
            if found:
                self.count(" ".join(found.split(" ")[:2]).strip())
                return found
        return None

    def empty_ranges(self, ranges):
        return "empty\n" if self.asks("empty", ranges) else None

    def empty_sum(self, ranges):
        if ranges.cert.region == "everywhere" or not ranges.phases:
            return None
        pairs = self.best_sum(ranges)
        if not pairs or not self.asks("sum", ranges, neurons=[at for at, _ in pairs], numbers=[Fraction(c) for _, c in pairs]):
            return None
        return sum_line([(self.relus.index(at), c) for at, c in pairs])

    def best_sum(self, ranges):
        """[(at, c)]: the sum of c s z with the least maximum over the box (around the ball), c summing up to 1."""
        rows, box, n = self.constraints(ranges), self.box(ranges.cert), self.net.width[0]
        if not rows:
            return None
        m = len(rows)
        cost = [c for _, _, c in rows] + [hi for _, hi in box] + [-lo for lo, _ in box]
        equal = np.zeros((n + 1, m + 2 * n))
        for i, (_, row, _) in enumerate(rows):
            equal[:n, i] = row
        equal[:n, m:m + n], equal[:n, m + n:] = -np.eye(n), np.eye(n)
        equal[n, :m] = 1.0
        found = linprog(cost, A_eq=equal, b_eq=[0.0] * n + [1.0], bounds=(0, None))
        if found.status != 0:
            return None
        return [(at, short(x)) for (at, _, _), x in zip(rows, found.x) if x > 1e-9]

    def empty_span(self, ranges):
        for level in self.rng.sample(range(self.net.depth), self.net.depth):
            for one in self.rng.sample((True, False), 2):
                found = self.span(ranges, level, one)
                if found and self.asks("span", ranges, level=level, one=one, neurons=found):
                    return span_line(level, one, [self.relus.index(at) for at in found])
        return None

    def empty_hull(self, ranges):
        found = self.hull(ranges)
        return hull_line(*found) if found else None

    def hull(self, ranges):
        """level, one, rows, signs, gaps"""
        open_ = [at for at in self.relus if at not in ranges.phases]
        for level in self.rng.sample(range(self.net.depth), self.net.depth):
            for one in self.rng.sample((True, False), 2):
                rows = {}
                for kind in range(3):
                    for at in sorted(ranges.phases) if kind == 0 else open_:
                        if at[0] < level:
                            continue
                        try:
                            lists = [[at] if i == kind else [] for i in range(3)]
                            rows[kind, at] = self.tree.hull_rows(ranges, level, *lists)[0]
                        except Rejected:
                            pass
                found = self.vertex(rows, one) or []
                lists = [[at for k, at in found if k == kind] for kind in range(3)]
                if found and self.asks("hull", ranges, level=level, one=one, neurons=lists[0], signs=lists[1], gaps=lists[2]):
                    return (level, one, *([self.relus.index(at) for at in l] for l in lists))
        return None

    def span(self, ranges, level, one):
        rows = {}
        for at in sorted(ranges.phases):
            if at[0] >= level:
                try:
                    rows[at] = self.tree.row(ranges, level, at)
                except Rejected:
                    pass
        return self.vertex(rows, one)

    def vertex(self, rows, one):
        """The rows (by name) of a vertex of all multipliers for which the sum is 0."""
        names = sorted({i for row in rows.values() for i in row if i != "1"}, key=str)
        if not rows:
            return None
        equal = [[float(row.get(i, 0)) for row in rows.values()] for i in names + ["1"]]
        right = [0.0] * len(names) + [-1.0 if one else 0.0]
        if not one:
            equal.append([1.0] * len(rows))
            right.append(1.0)
        cost = [self.rng.random() for _ in rows]
        found = linprog(cost, A_eq=equal, b_eq=right, bounds=(0, None), method="highs-ds")
        return [at for at, x in zip(rows, found.x) if x > 1e-9] if found.status == 0 else None


def without_marks(text):
    return re.sub("(?m)^@[0-9]+ ", "", text)


def exact_value(head):
    """L(X) by enumeration of all cells with an interior, in floating point: for output norms as in test_certificates.py."""
    from test_certificates import operator_norm
    maker = Maker(None, *head)
    maker.claim.statement, maker.claim.upper = "statement product\n", 1.0
    cert = Certificate(maker.claim.text().encode(), maker.net)
    ranges, best = exact_checker.Ranges(maker.net, cert), 0.0
    net = maker.net
    selected = np.array([[float(row.get(k, 0)) for k in range(net.width[-1])] for row in cert.rows])

    def walk(below, left):
        nonlocal best
        if left:
            for phase in "ia":
                next_ = below.copy(cert)
                next_.phases[left[0]] = phase
                if maker.margin(next_) > FAR:
                    walk(next_, left[1:])
            return
        j = {(0, i): np.eye(net.width[0])[i] for i in range(net.width[0])}
        for l in range(1, net.depth + 1):
            for k in range(net.width[l]):
                y = sum((float(a) * j[t.source, i] for t in net.layers[l].terms for i, a in t.rows[k].items()), np.zeros(net.width[0]))
                j[l, k] = y * (below.phases.get((l, k)) != "i")
        best = max(best, operator_norm(selected @ np.array([j[net.depth, k] for k in range(net.width[-1])]), *cert.norms))

    ranges.lo = {l: [-INF] * net.width[l] for l in ranges.lo}  # the phases alone, in the order of the layers
    ranges.hi = {l: [INF] * net.width[l] for l in ranges.hi}
    walk(ranges, maker.relus)
    return best
