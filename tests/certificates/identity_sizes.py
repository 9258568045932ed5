"""Large and hostile parts of the statement `identity` for test_sizes.py."""
from fractions import Fraction

import numpy as np

from corpus_tools import Claim, dense, layer, network, real, reals, sha256


def claim(net, statement, upper=2.0**500, region=("everywhere",), bounds="none", norms="inf inf"):
    made = Claim(net, region, norms, "row 0", bounds)
    made.statement, made.upper = f"statement identity 1\n{statement}", upper
    return made


def gram(basis, q):
    return f"gram 0 {len(basis)} {' '.join(basis)}\n" + "".join(reals(row[:i + 1])[1:] + "\n" for i, row in enumerate(q))


def grams(check, both_sides):
    """Gram matrices a part in 10^8 above and below the threshold, and claims so near to what numpy finds."""
    rng = np.random.default_rng(3)
    net = network(1, layer(1, "linear", [0], dense(0, [[1]])))
    for d in (17, 64, 150, 300):
        q = np.round(rng.normal(size=(d, d)) * 64) / 64
        q = q + q.T
        basis = ["one" if i % 2 else "0*0" for i in range(d)]

        def make(s, q=q, basis=basis):
            return claim(net, "part cube fixed 0\nterms 1\n" + gram(basis, q + s * np.eye(len(q)))).text()
        both_sides(check, f"Gram matrix of order {d}", net, make, -np.linalg.eigvalsh(q)[0])
    for n, neurons in ((5, 9), (30, 40)):
        a, c = rng.uniform(-1, 1, (neurons, n)), rng.uniform(-1, 1, neurons)
        net = network(n, layer(1, "relu", np.zeros(neurons), dense(0, a)), layer(2, "linear", [0], dense(1, [c])))
        order = 1 + n + neurons
        q = rng.normal(size=(order, order))
        q = q @ q.T + np.eye(order)
        p = 2 * q
        f = np.zeros_like(p)
        f[1 + n:, 1:1 + n] = c[:, None] * a  # F has u_k t_j
        p[1 + n:, 1:1 + n] += f[1 + n:, 1:1 + n]
        u = range(1 + n, order)
        p[u, u] = 0
        p[u, 0] += np.diag(q)[1 + n:]  # u u = u
        square = np.diag(q)[:1 + n]
        upper = square[0] + np.abs(square[1:]).sum() + np.abs(np.tril(p, -1)).sum()
        basis = ["one"] + [str(i) for i in range(order - 1)]
        text = f"part cube fixed 0\nroles 1 {'u' * neurons}\nterms 1\n" + gram(basis, q)
        both_sides(check, f"identity of {order} squares", net, lambda x, t=text, m=net: claim(m, t, x).text(), upper)


def long_sums(check, inside):
    """Sums of 400 products, in coefficients and over coefficients, against the exact checker."""
    rng, count = np.random.default_rng(6), 400
    for case in range(4):
        values = np.full(count, rng.uniform(0.5, 1)) if case % 2 else rng.uniform(-1, 1, count)
        row = network(count, layer(1, "linear", [0], dense(0, [values])))
        terms = "".join(f"scalar 1 {rng.choice(['plus', 'minus'])} {j} {real(rng.uniform(0, 1))}\n" for j in range(count))
        same = "".join(f"scalar 2 plus 0 minus 1 {real(values[j] ** 2)}\n" for j in range(count))
        inside(check, f"long terms {case}", row, claim(row, f"part cube fixed 0\nterms {count}\n{terms}"))
        inside(check, f"equal terms {case}", row, claim(row, f"part cube fixed 0\nterms {count}\n{same}"))
        box = ("box", [-0.3] * count, [0.7] * count)
        gate = network(count, layer(1, "relu", [rng.uniform(-1, 1)], dense(0, [values])), layer(2, "linear", [0], dense(1, [[1]])))
        text = "part cube fixed 0\nroles 1 u\nvalues 1 h\nleast 1 -0x1p+9\nmost 1 0x1.8p+9\n"
        for lifts in ("", "lifts\n"):
            some = "scalar 1 top 0 0x1.3333333333333p-3\nscalar 2 on %d bottom 0 0x1.999999999999ap-4\nzero relu 0 2 one %d\n" \
                "0x1.199999999999ap-3 -0x1.199999999999ap-3\nzero open 0 1 one\n0x1.3333333333333p-4\n" % (count, count)
            inside(check, f"long value {case}{lifts[:1]}", gate, claim(gate, f"{text}{lifts}terms 4\n{some}", region=box, bounds="interval"))


def cancelled(check, expect):
    """Terms whose sum is 0 but for rounding: what is left is paid for. A thousand times .1 c and -.1 c of 1/3, as short terms."""
    net = network(2, layer(1, "linear", [0], dense(0, [[1, 1]])))
    some = "".join(f"scalar 1 plus 0 {real(0.1 * k)}\nscalar 1 minus 0 {real(0.1 * k)}\n" for k in range(1, 200))
    exact = 2 * sum(Fraction(0.1 * k) for k in range(1, 200)) + 2
    for upper, wanted in ((float(exact) * (1 + 1e-12), 0), (float(exact) * (1 - 1e-12), 1)):
        status, line = check(net, claim(net, f"part cube fixed 0\nterms 398\n{some}", upper).text())
        expect(status == wanted, "cancelled terms", f"exit status {status}, {line!r}")


def hostile(check, expect):
    """Polynomials that are far larger than their text, and counts that lie."""
    many = 200
    gate = network(many, layer(1, "relu", [0], dense(0, [np.ones(many)])), layer(2, "linear", [0], dense(1, [[1]])))
    head = f"part cube fixed 0\nroles 1 u\nvalues 1 h\nleast 1 {real(-1000.0)}\nmost 1 {real(1000.0)}\n"
    wide = network(60, *(layer(l, "relu", np.zeros(60), dense(l - 1, np.ones((60, 60)))) for l in range(1, 6)),
                   layer(6, "linear", [0], dense(5, np.ones((1, 60)))))
    deep = network(1, *(layer(l, "relu", [0], dense(l - 1, [[1]])) for l in range(1, 13)), layer(13, "linear", [0], dense(12, [[1]])))
    huge = 10**9
    ones = " one" * 5000
    for what, net, text, allowed in (
            ("power 8", gate, f"{head}terms 1\nscalar 8" + " top 0" * 8 + " 0x1p+0\n", (1,)),
            ("power 8 of 0", gate, f"{head}terms 1\nscalar 8" + " top 0" * 8 + " 0x0p+0\n", (0, 1)),
            ("power 3 often", gate, f"{head}terms 8\n" + ("scalar 3" + " top 0" * 3 + " 0x1p+0\n") * 8, (0, 1)),
            ("objective", wide, "part cube fixed 0\n" + "".join(f"roles {l} {'u' * 60}\n" for l in range(1, 6)) + "terms 0\n", (1,)),
            ("deep", deep, "part cube fixed 0\n" + "".join(f"roles {l} u\n" for l in range(1, 13)) + "terms 0\n", (0, 1)),
            ("terms", gate, f"{head}terms {huge}\nscalar 0 0x1p+0\n", (2,)),
            ("basis", gate, f"{head}terms 1\ngram 0 {huge} one\n0x1p+0\n", (2,)),
            ("equality", gate, f"{head}terms 1\nzero open 0 {huge} one\n0x1p+0\n", (2,)),
            ("rows that are not there", gate, f"{head}terms 1\ngram 0 5000{ones}\n" + "0x1p+0\n", (2,)),
            ("factors", gate, f"{head}terms 1\nscalar {huge} on 0 0x1p+0\n", (2,)),
            ("monomial", gate, f"{head}terms 1\ngram 0 1 " + "*".join(["0"] * 20000) + "\n0x1p+0\n", (2,))):
        known = "values" in text
        cert = f"lipcert-certificate 1\nnetwork {sha256(net)}\n" + (
            f"region box\nlo{reals([-1] * many)}\nhi{reals([1] * many)}\n" if known else "region everywhere\n") + \
            f"norms inf inf\noutput row 0\nbounds {'interval' if known else 'none'}\nupper {real(2.0 ** 500)}\nlower none\n" \
            f"statement identity 1\n{text}end\n"
        status, line = check(net, cert)
        words = {0: "s VERIFIED", 1: "s REJECTED ", 2: "s MALFORMED "}
        expect(status in allowed and line.startswith(words[status]), f"hostile identity, {what}", f"exit status {status}, {line!r}")
