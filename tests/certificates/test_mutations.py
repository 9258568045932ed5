#!/usr/bin/env python3
"""Mutants of valid certificates and of their networks: test_mutations.py LIPCHECK [COUNT] [--unlimited]

COUNT mutants (default 12000), the same on every run.  Three kinds, a third each:

    bytes    a bit or byte of either file is changed, inserted, dropped; truncation
    lines    lines and tokens are swapped, dropped, doubled, or taken from another certificate
    meaning  well-formed changes: weights, region, norms, output, claims, roles, sets, multipliers, counts;
             the hash is corrected, so that everything behind it is reached

For every mutant: lipcheck ends within seconds by itself, within 300 MiB of address space (--unlimited: for
sanitizers), with a status that fits its last line; it calls malformed exactly what the exact reader calls
so; and what it accepts the exact checker verifies, with bounds that are no worse.  Accepted mutants are
not failures: many changes leave a proof of a weaker or equal claim, or a proof for another network.
"""
import collections
import os
import pathlib
import random
import re
import resource
import signal
import sys
import tempfile
import time
from fractions import Fraction

import exact_checker
from exact_format import Certificate, Malformed, Network
from hashlib import sha256

ROOT = pathlib.Path(__file__).resolve().parent
MEMORY = 300 << 20
SECONDS = 20
SAMPLE = 20  # of the rejected mutants one in SAMPLE is given to the exact checker as well


# ---- Changes -------------------------------------------------------------------------------------

def change_bytes(rng, data):
    at = rng.randrange(len(data))
    kind = rng.randrange(8)
    if kind < 2:
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]
    if kind < 4:
        digits = [m.start() for m in re.finditer(rb"[0-9a-f]", data)]
        at = rng.choice(digits or [at])
        return data[:at] + rng.choice(b"0123456789abcdef").to_bytes(1, "big") + data[at + 1:]
    if kind == 4:
        return data[:at] + data[at + rng.randrange(1, 4):]
    if kind == 5:
        return data[:at] + rng.choice([b" ", b"\n", b"-", b"0", b"1", b"\r", b"\0", b".", b"\xff"]) + data[at:]
    if kind == 6:
        signs = [m.start() for m in re.finditer(rb"-?0x", data)]
        at = rng.choice(signs or [at])
        return data[:at] + (data[at + 1:] if data[at:at + 1] == b"-" else b"-" + data[at:])
    return data[:at]


def change_lines(rng, data, other):
    lines = data.split(b"\n")[:-1]
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(8)
    if kind == 0:
        lines[a], lines[b] = lines[b], lines[a]
    elif kind == 1:
        del lines[a]
    elif kind == 2:
        lines.insert(b, lines[a])
    elif kind == 3:
        lines[a] = rng.choice(other.split(b"\n")[:-1])
    else:
        tokens = lines[a].split(b" ")
        i, j = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        if kind < 6:
            tokens[i], tokens[j] = tokens[j], tokens[i]
        elif kind == 6:
            del tokens[i]
        else:
            tokens.insert(i, tokens[j])
        lines[a] = b" ".join(tokens)
    return b"\n".join(lines) + b"\n"


def spell(x):
    """The canonical spelling."""
    if x == 0:
        return "0x0p+0"
    mantissa, exponent = float(x).hex().split("p")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}p{exponent}"


def change_real(rng, text):
    x = float.fromhex(text)
    kind = rng.randrange(10)
    try:
        if kind < 5:
            x *= 1 + rng.choice((-1, 1)) * 2.0 ** -rng.randrange(1, 53)
        elif kind == 5:
            x = -x
        elif kind == 6:
            x = rng.choice((0.0, 1.0, 0.5, 2.0**-1074, 2.0**-1022, 2.0**1023, 2.0**511, 2.0**-537))
        elif kind == 7:
            x *= 2.0 ** rng.randrange(-60, 60)
        else:
            x += rng.choice((-1, 1)) * rng.choice((1.0, 0.125))
    except OverflowError:
        return text
    return spell(x) if abs(x) < float("inf") else text


WORDS = {
    "1": ("1", "2", "inf"), "2": ("1", "2", "inf"), "inf": ("1", "2", "inf"), "cube": ("cube", "ball"), "ball": ("cube", "ball"),
    "interval": ("none", "interval", "linear", "product"), "product": ("interval", "product"), "none": ("none", "interval", "one"),
    "linear": ("linear", "interval", "relu"), "relu": ("relu", "linear", "open", "closed"), "row": ("row", "unit"), "unit": ("unit", "fixed"),
    "fixed": ("fixed", "unit"), "tangent": ("tangent", "range"), "range": ("range", "tangent"), "gate": ("gate", "switch"),
    "dense": ("dense", "sparse"), "region": ("region",), "margin": ("margin", "row"),
    "upper": ("upper", "lower"), "lower": ("lower", "upper"), "closed": ("closed", "upper", "lower"), "plus": ("plus", "minus"),
    "minus": ("plus", "minus"), "on+": ("on-", "off+"), "on-": ("on+", "off-"), "off+": ("off-", "on+"), "off-": ("off+", "on-"),
    "square": ("square", "closed", "plus"), "open": ("open", "closed", "relu"), "above": ("above", "below", "half"), "below": ("below", "above", "half"),
    "phases": ("phases", "roof"), "roof": ("roof", "floor"), "floor": ("floor", "phases"), "state": ("state", "square", "room"),
    "scalar": ("scalar", "gram", "zero"), "zero": ("zero", "scalar"), "gram": ("gram", "scalar"), "link": ("relu", "open"),
    "on": ("off",), "off": ("on",), "half": ("above", "below"), "excess": ("state", "room", "closed"), "room": ("state", "base"),
    "base": ("room", "bottom"), "top": ("bottom", "state"), "bottom": ("top", "above"), "tball": ("wball", "xball", "square"),
    "wball": ("tball", "xball"), "xball": ("tball", "wball"), "one": ("0", "1", "2", "none"), "lifts": ("lifts", "cuts"),
    "split": ("split", "cut"), "cut": ("cut", "split"), "sum": ("sum", "span"), "span": ("span", "sum", "hull"), "hull": ("hull", "span"),
    "++": ("+-", "-+", "--"), "+-": ("++", "-+", "--"), "-+": ("++", "+-", "--"), "--": ("++", "+-", "-+"),
}
LETTERS = {"slopes": "01", "roles": "aivsbu", "values": "aihzn"}


def change_monomial(rng, text):
    variables = sorted([int(i) for i in text.split("*")] + [rng.randrange(12)])
    if rng.randrange(3):
        del variables[rng.randrange(len(variables))]
    return "*".join(map(str, variables))


def change_hull(rng, line):
    """A neuron less, or in another list; the numbers of neurons are right."""
    words, lists = line.split(" "), []
    rest = words[4:]
    while rest:
        count = int(rest[0])
        lists.append(rest[1:1 + count])
        rest = rest[1 + count:]
    full = [l for l in lists if l]
    if full:
        chosen = rng.choice(full)
        name = chosen.pop(rng.randrange(len(chosen)))
        if rng.randrange(3):
            to = rng.choice(lists)
            to[:] = sorted({*to, name}, key=int)
    return " ".join(words[:4] + [" ".join([str(len(l)), *l]) for l in lists])


def change_tree(rng, lines):
    """Another leaf, or none where there is one, with the right number of nodes."""
    leaves = [i for i, line in enumerate(lines) if line == "interval" or line.startswith("empty")]
    at = rng.choice(leaves)
    kind = rng.randrange(8)
    if kind < 4:
        lines[at] = rng.choice(["empty", "interval", lines[rng.choice(leaves)], lines[rng.choice(leaves)]])
    elif kind == 4:
        lines[at] = f"split {rng.randrange(6)}\n{lines[at]}\ninterval"
    elif kind == 5:
        lines[at] = f"tighten\n{rng.choice(['empty', lines[at]])}"
    elif kind == 6 and lines[at].startswith("empty s"):
        words = lines[at].split(" ")
        first, step = (3, 2) if words[1] == "sum" else (5, 1)
        count = (len(words) - first) // step
        if count > 1:  # one neuron less
            k = rng.randrange(count)
            del words[first + step * k:first + step * (k + 1)]
            words[first - 1] = str(count - 1)
        lines[at] = " ".join(words)
    elif kind == 6 and lines[at].startswith("empty hull "):
        lines[at] = change_hull(rng, lines[at])
    else:
        splits = [i for i, line in enumerate(lines) if line.startswith("split")]
        if len(splits) > 1:
            i, j = rng.sample(splits, 2)
            lines[i], lines[j] = lines[j], lines[i]
    return "\n".join(lines).encode()


def change_meaning(rng, data):
    """Change one token into something that often makes sense in its place."""
    lines = data.decode().split("\n")
    if any(line.startswith("statement tree") for line in lines) and rng.randrange(2) and "interval" in lines[12:]:
        return change_tree(rng, lines)
    numbers = [i for i, line in enumerate(lines) if i > 1 and len(line.split(" ")) > 1 and not line.startswith("network")]
    numbers += [i for i in numbers if "0x" in lines[i]] + [i for i in numbers if lines[i].startswith(
        ("upper", "lower", "norms", "output", "roles", "slopes", "part", "refine", "values", "least", "most", "cuts", "triangle",
         "product", "bound", "split", "cut", "empty", "scalar", "gram", "zero", "lifts", "terms"))]
    numbers += [i for i, line in enumerate(lines) if line.startswith(("0x", "-0x"))]
    at = rng.choice(numbers or [0])
    tokens = lines[at].split(" ")
    i = rng.randrange(0 if tokens[0] in WORDS and rng.randrange(8) == 0 or "0x" in tokens[0] else 1, len(tokens))
    token = tokens[i]
    if tokens[0] in LETTERS and i == 2:
        k = rng.randrange(len(token))
        tokens[i] = token[:k] + rng.choice(LETTERS[tokens[0]]) + token[k + 1:]
    elif "0x" in token:
        tokens[i] = change_real(rng, token)
    elif token in WORDS and not (tokens[0] in ("layer", "term", "spectral", "part") and token.isdigit()):
        tokens[i] = rng.choice(WORDS[token])
    elif "*" in token:
        tokens[i] = change_monomial(rng, token)
    elif token.isdigit():
        hostile = rng.randrange(6) == 0
        near = [max(0, int(token) + step) for step in (-1, 1)] if int(token) < 10**9 else []
        tokens[i] = str(rng.choice((2**63, 2**64 - 1, 10**9, 10**9 - 1, 2**32, 65536) if hostile else [*range(6), *near]))
    lines[at] = " ".join(tokens)
    return "\n".join(lines).encode()


def claims(rng, cert):
    """Claim a little more, or as much as another file."""
    found = re.search(rb"^(upper|lower) (0x[0-9a-f.]+p[-+][0-9]+)$", cert, re.M)
    if not found:
        return cert
    value = float.fromhex(found.group(2).decode())
    better = -1 if found.group(1) == b"upper" else 1
    value *= 1 + better * 2.0 ** -rng.randrange(20, 53)
    return cert[:found.start(2)] + spell(value).encode() + cert[found.end(2):]


def rehash(net, cert):
    return re.sub(rb"^network .*$", b"network " + sha256(net).hexdigest().encode(), cert, count=1, flags=re.M)


def mutant(rng, pairs):
    """(kind, network, certificate)"""
    net, cert = rng.choice(pairs)
    kind = rng.choice(("bytes", "lines", "meaning"))
    times = rng.choice((1, 1, 1, 2, 3))
    on_network = rng.randrange(3) == 0
    before = net, cert
    for _ in range(times):
        old = net if on_network else cert
        if old.count(b"\n") < 3:  # truncated before
            break
        if kind == "bytes":
            new = change_bytes(rng, old)
        elif kind == "lines":
            new = change_lines(rng, old, rng.choice(pairs)[0 if on_network else 1])
        elif not on_network and rng.randrange(6) == 0:
            new = claims(rng, old)
        else:
            new = change_meaning(rng, old)
        net, cert = (new, cert) if on_network else (net, new)
    if net != before[0] and rng.randrange(8):
        cert = rehash(net, cert)
    return kind + (" of the network" if on_network else ""), net, cert


# ---- Checks --------------------------------------------------------------------------------------

class Timeout(Exception):
    pass


class Runner:
    """lipcheck on two files, a process each."""

    def __init__(self, program, folder):
        self.program, self.names = program, [f"{folder}/{name}" for name in ("net", "cert", "out", "err")]

    def __call__(self, net, cert):
        """(exit status or -signal, stdout)"""
        for name, data in zip(self.names, (net, cert)):
            with open(name, "wb") as file:
                file.write(data)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions = [(os.POSIX_SPAWN_OPEN, 1 + i, self.names[2 + i], flags, 0o600) for i in range(2)]
        child = os.posix_spawn(self.program, [self.program, *self.names[:2]], os.environ, file_actions=actions)
        signal.alarm(SECONDS)
        try:
            _, status = os.waitpid(child, 0)
        except Timeout:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "timeout", ""
        finally:
            signal.alarm(0)
        with open(self.names[2], errors="replace") as file:
            return os.waitstatus_to_exitcode(status), file.read()


def alarm(*_):
    raise Timeout


def well_formed(net, cert):
    try:
        Certificate(cert, Network(net))
        return True
    except Malformed:
        return False


def verdict(net, cert):
    """(code, upper, lower) of the exact checker"""
    signal.alarm(SECONDS)
    try:
        return ("verified", *exact_checker.check(net, cert))
    except exact_checker.Rejected as error:
        return error.code, None, None
    except Timeout:
        return "timeout", None, None
    finally:
        signal.alarm(0)


WORD = {0: "VERIFIED", 1: "REJECTED", 2: "MALFORMED"}


def judge(status, output, net, cert, look):
    """(outcome, what is wrong or None); look: let the exact checker look at a rejected one."""
    lines = output.split("\n")
    if status not in WORD or len(lines) < 2 or not lines[-2].startswith(f"s {WORD[status]}"):
        return "broken", f"exit status {status}, output {output!r}"
    if (status != 2) != well_formed(net, cert):
        return "disagreement", f"lipcheck: {lines[-2]!r}; the exact reader disagrees"
    if status == 1 and look:
        code = verdict(net, cert)[0]
        return "rejected" if code != "verified" else "rejected though true", None
    if status != 0:
        return WORD[status].lower(), None
    code, upper, lower = verdict(net, cert)
    if code != "verified":
        return "accepted", f"lipcheck accepts, the exact checker says {code}"
    printed = {line.split(" ")[0]: Fraction(line.split(" ")[1]) for line in lines[:-2]}
    if (upper is not None and printed["upper"] < upper) or (lower is not None and printed["lower"] > lower):
        return "accepted", f"lipcheck prints {printed}, exact are {upper}, {lower}"
    return "accepted", None


def keep(number, net, cert, reason):
    """Leave the mutant where it can be looked at, and say how to."""
    folder = pathlib.Path(tempfile.gettempdir()) / f"lipcheck-mutant-{number}"
    folder.mkdir(exist_ok=True)
    (folder / "net.txt").write_bytes(net)
    (folder / "cert.txt").write_bytes(cert)
    print(f"FAILED mutant {number}: {reason}; kept in {folder}")


def main(arguments):
    unlimited = "--unlimited" in arguments
    arguments = [a for a in arguments if a != "--unlimited"]
    if len(arguments) not in (2, 3):
        print("usage: test_mutations.py LIPCHECK [COUNT] [--unlimited]", file=sys.stderr)
        return 2
    count = int(arguments[2]) if len(arguments) == 3 else 12000
    signal.signal(signal.SIGALRM, alarm)
    if not unlimited:  # of this process and so of its children
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    pairs = [((ROOT / "networks" / (path.name.split("-")[0] + ".txt")).read_bytes(), path.read_bytes())
             for path in sorted((ROOT / "valid").glob("*.txt"))]
    if len(pairs) < 20:
        print(f"FAILED expected 20 valid certificates or more, found {len(pairs)}")
        return 1
    rng, table, failures = random.Random(20), collections.defaultdict(collections.Counter), 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = Runner(arguments[1], folder)
        for number in range(count):
            kind, net, cert = mutant(rng, pairs)
            outcome, wrong = judge(*run(net, cert), net, cert, number % SAMPLE == 0)
            table[kind][outcome] += 1
            if wrong:
                failures += 1
                keep(number, net, cert, wrong)
    return report(table, count, failures, time.monotonic() - started)


def report(table, count, failures, seconds):
    total = sum(table.values(), collections.Counter())
    for kind, outcomes in sorted(table.items()):
        print(f"{kind}: " + ", ".join(f"{n} {what}" for what, n in sorted(outcomes.items())))
    print(f"{count} mutants in {seconds:.0f} s: " + ", ".join(f"{n} {what}" for what, n in sorted(total.items())))
    for what in ("accepted", "rejected", "malformed"):  # or the test would show little
        if total[what] < count // 50:
            print(f"FAILED expected more mutants to be {what}")
            failures += 1
    # proofs that are lost to rounding: claims just at the exact bound
    if total["rejected though true"] > count // 200:
        print("FAILED too many true certificates are rejected")
        failures += 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
