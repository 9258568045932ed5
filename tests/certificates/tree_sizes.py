"""Trees where the exact checker is too slow (test_sizes.py): norms by signs, spans and sums just on both sides of their
thresholds, which numpy finds, deep trees, and many leaves in little memory."""
import numpy as np

from corpus_tools import Claim, dense, layer, network, reals
from test_certificates import operator_norm
from tree_maker import cut, span_line, split, sum_line

R = ("everywhere",)
I = "interval\n"


def tree(net, region, norms, output, bounds, node, upper, part="cube cube"):
    claim = Claim(net, region, norms, output, bounds).tree(f"part {part}\n{node}")
    claim.upper = upper
    return claim.text()


def signs(check, expect):
    """12 signs are tried out, 13 are not; 1 and more rows and columns."""
    rng = np.random.default_rng(3)
    for rows, columns in ((12, 60), (60, 12), (13, 30), (30, 13), (7, 5), (1, 40), (40, 1), (2, 2)):
        a = np.round(rng.normal(size=(rows, columns)) * 64) / 64
        net = network(columns, layer(1, "linear", np.zeros(rows), dense(0, a)))
        for p, q in (("inf", "2"), ("inf", "1"), ("2", "1")):
            if {"inf 2": columns, "2 1": rows}.get(f"{p} {q}", min(rows, columns)) > 12:
                continue
            turn = p == "inf" and q == "1" and rows < columns
            norm = operator_norm(a.T if turn else a, p, q)
            for factor, status in ((1 + 1e-11, 0), (1 - 1e-9, 1)):
                found, line = check(net, tree(net, R, f"{p} {q}", "all", "none", I, norm * factor))
                expect(found == status, f"signs {rows} x {columns}, {p} -> {q}", f"{factor}: exit status {found}, {line!r}")
    a = np.kron(np.eye(7), [[1.0, 1.0], [1.0, -1.0]])  # of 14 signs, so by rows: 2 sqrt 14, and not 2 sqrt 7
    net = network(14, layer(1, "linear", np.zeros(14), dense(0, a)))
    for factor, status in ((1.001, 1), (2**0.5 * 1.001, 0)):
        found, line = check(net, tree(net, R, "inf 2", "all", "none", I, 2 * 7**.5 * factor))
        expect(found == status, "14 signs", f"{factor}: exit status {found}, {line!r}")


def half_units(check, expect):
    """12 entries, 11 of which are lost one by one: |C|_{inf->2} is 1 + 11 2^-53."""
    net = network(12, layer(1, "linear", [0], dense(0, [[2.0**-53] * 12])).replace("0x1p-53", "0x1p+0", 1))
    for norms in ("inf 2", "inf 1"):
        for claim, status in ((1 + 2.0**-50, 1), (1 + 2.0**-48, 0)):
            found, line = check(net, tree(net, R, norms, "all", "none", I, claim))
            expect(found == status, f"half units, {norms}", f"{claim!r}: exit status {found}, {line!r}")


def chain_of_splits(order, line):
    node = line
    for number in reversed(order):
        node = split(number, I, node)
    return node


def spans(check, expect):
    """d neurons and 1 in d - 1 inputs; behind the threshold of a bias the multiplier of 1 is negative.  The same behind a layer."""
    rng = np.random.default_rng(4)
    for n, deep in ((3, 0), (12, 0), (40, 0), (6, 1), (25, 1)):
        a, bias = np.round(rng.normal(size=(n, n)) * 256) / 256, np.round(rng.normal(size=n) * 64) / 64
        weights = rng.uniform(0.25, 2, n)
        last = -weights @ a  # rounded; so the multipliers are found once more
        multipliers = np.linalg.solve(a.T, -last)
        threshold = -multipliers @ bias
        for shift, status in ((-1e-9, 0), (1e-9, 1)):
            biases = np.append(bias, threshold + shift)
            first = layer(1, "relu", np.full(n, 1.0), dense(0, np.eye(n)))
            second = layer(1 + deep, "relu", biases, dense(deep, np.vstack([a, last])))
            net = network(n, *([first] if deep else []), second, layer(2 + deep, "linear", [0], dense(1 + deep, np.ones((1, n + 1)))))
            order = list(range(n + 1 + n * deep))
            node = chain_of_splits(order, span_line(deep, True, order[n * deep:]))
            found, line = check(net, tree(net, R, "inf inf", "row 0", "none", node, 2.0**60))
            expect(found == status, f"span of {n}, deep: {deep}", f"{shift}: exit status {found}, {line!r}")
    for shift, status in ((-0.25, 1), (0.25, 0)):  # a cone, flat only if the last multiplier is positive
        n = 20
        a = np.round(rng.normal(size=(n, n)) * 256) / 256
        weights = rng.uniform(0.25, 2, n)
        weights[7] = shift
        net = network(n, layer(1, "relu", np.zeros(n + 1), dense(0, np.vstack([a, -weights @ a]))),
                      layer(2, "linear", [0], dense(1, np.ones((1, n + 1)))))
        order = list(range(n + 1))
        found, line = check(net, tree(net, R, "inf inf", "row 0", "none", chain_of_splits(order, span_line(0, False, order)), 2.0**60))
        expect(found == status, "span, a cone", f"{shift}: exit status {found}, {line!r}")


def sums(check, expect):
    """A sum over two layers on a box; all neurons of the first are active."""
    rng = np.random.default_rng(5)
    n, m, k = 200, 40, 5
    a, b = np.round(rng.normal(size=(m, n)) * 256) / 256, np.round(rng.normal(size=(k, m)) * 256) / 256
    lo = np.round(rng.normal(size=n) * 64) / 64
    hi = lo + np.round(rng.uniform(0.25, 1, n) * 64) / 64
    c, d = np.round(rng.uniform(0.5, 1, m) * 64) / 64, np.round(rng.uniform(0.5, 1, k) * 64) / 64
    slope = c @ a + d @ b @ a
    size = np.sum(np.maximum(slope * lo, slope * hi))  # with biases 0
    for shift, status in ((-1e-9, 0), (1e-9, 1)):
        bias = np.append(np.zeros(k - 1), (-size + shift) / d[-1])
        net = network(n, layer(1, "relu", np.zeros(m), dense(0, a)), layer(2, "relu", bias, dense(1, b)),
                      layer(3, "linear", [0], dense(2, np.ones((1, k)))))
        order = list(range(m + k))
        node = chain_of_splits(order, sum_line(list(zip(order, [*c, *d]))))
        found, line = check(net, tree(net, ("box", lo, hi), "inf inf", "row 0", "none", node, 2.0**60))
        expect(found == status, "sum", f"{shift}: exit status {found}, {line!r}")


def deep(check, expect):
    """4096 nodes above a leaf; of each kind that can be repeated."""
    net = network(1, layer(1, "relu", [0.5], dense(0, [[1]])), layer(2, "linear", [0], dense(1, [[1]])))
    for name, node in (("tighten", lambda k, rest: "tighten\n" + rest), ("cut", lambda k, rest: cut(0, 2.0 - k / 4096, I, rest))):
        text = I
        for k in range(1, 4097):
            text = node(k, text)
        for more, status in (("", 0), ("tighten\n", 2)):
            found, line = check(net, tree(net, ("box", [0], [4]), "inf inf", "row 0", "interval", more + text, 2.0))
            expect(found == status, f"deep {name}", f"exit status {found}, {line!r}")


def many(check, expect):
    """512 leaves of order 300, which together need more memory than there is, and 20,000 small ones."""
    rng = np.random.default_rng(6)
    n, h, splits = 300, 10, 9
    net = network(n, layer(1, "relu", np.zeros(h), dense(0, np.round(rng.normal(size=(h, n))) / 64)),
                  layer(2, "linear", [0], dense(1, np.ones((1, h)))))

    def node(letters):
        if len(letters) < splits:
            return split(len(letters), node(letters + "i"), node(letters + "a"))
        return f"sdp\nroles 1 {letters}v\none 0x1p+10\ninput 0x1p+30\ntangent 1{reals([64])}\n"
    found, line = check(net, tree(net, R, "2 2", "row 0", "none", node(""), 2.0**31, "ball fixed 0"))
    expect(found == 0, "many leaves of order 300", f"exit status {found}, {line!r}")

    def cuts(lo, hi, depth):
        middle = (lo + hi) / 2
        return cut(0, middle, cuts(lo, middle, depth - 1), cuts(middle, hi, depth - 1)) if depth else I
    net = network(1, layer(1, "relu", [0.5], dense(0, [[1]])), layer(2, "linear", [0], dense(1, [[1]])))
    found, line = check(net, tree(net, ("box", [0], [1]), "inf inf", "row 0", "interval", cuts(0.0, 1.0, 14), 1 + 1e-12))
    expect(found == 0, "many small leaves", f"exit status {found}, {line!r}")


def all_sizes(check, expect):
    for test in (signs, half_units, spans, sums, deep, many):
        test(check, expect)
