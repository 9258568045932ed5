"""Certificates with leaves `empty hull`: trees that are drawn, ones with a false or malformed hull in the place of a real one, and
some by hand (make_corpus.py)."""
import random
import re

import exact_checker
from corpus_points_broken import loose
from corpus_tools import Claim
from corpus_trees import BOX2, I, R, tree
from exact_format import Network
from exact_numbers import Rejected
from tree_maker import Maker, hull_line, relus, split

# name, network, region, norms, output, bounds, slopes, sets, options of Maker; the seed is the place in the list
DRAWN = (
    ("hulls", "cone", R, "inf inf", "row 0", "none", (), "cube fixed 0", {}),
    ("hulls", "fold", R, "2 inf", "row 0", "none", (), "ball fixed 0", {"sdp": 0}),
    ("hulls-all", "fold", R, "2 2", "all", "none", (), "ball ball", {"sdp": 0.3}),
    ("hulls", "deep", R, "inf inf", "row 0", "none", (), "cube fixed 0", {}),
    ("hulls", "twice", R, "inf 1", "all", "none", (), "cube cube", {"sdp": 0}),
    ("hulls", "half", R, "2 2", "all", "none", (), "ball ball", {"sdp": 0}),
    ("hulls", "steep", R, "2 2", "row 0", "none", (), "ball fixed 0", {}),
    ("hulls", "turn", R, "inf inf", "row 0", "none", (), "cube fixed 0", {"sdp": 0.1}),
    ("hulls-box", "half", BOX2, "inf inf", "row 0", "interval", (), "cube fixed 0", {"cuts": 0, "tightens": 0.3}),
    ("hulls-clash", "clash", R, "inf inf", "row 0", "none", (), "cube fixed 0", {"sdp": 0}),
)
LINE = re.compile(r"(?m)^empty hull .*\n")
REASONS = (("numbers of rows", "count"), ("may be 0", "zero"), ("dependent", "dependent"), ("multiplier", "sign"), ("not allowed", "unknown"))


def make_hulls(nets, valid):
    """The certificates by name, all of them with hulls that have rows of open neurons."""
    made = {}
    for seed, (what, net, *head, sets, options) in enumerate(DRAWN):
        maker = Maker(random.Random(seed), nets[net], *head, empty=("hull",), **options)
        claim = Claim(nets[net], *head).tree(maker.part(*re.split(" (?=[a-z])", sets)))
        name = f"{net}-tree-{what}"
        made[name] = valid(name, claim)
        if not any(sum(map(len, read(line)[2:])) for line in LINE.findall(made[name])):
            raise ValueError(f"no hull with rows of open neurons in {name}")
    print(f"hulls: {sum(len(LINE.findall(text)) for text in made.values())} in {len(made)} trees")
    return made


def read(line):
    """level, one, rows, signs, gaps"""
    _, _, level, one, *rest = line.split()
    rest, lists = list(map(int, rest)), []
    for _ in range(3):
        count = rest[0]
        lists.append(rest[1:1 + count])
        rest = rest[1 + count:]
    return int(level), one == "one", *lists


# ---- One thing changed ---------------------------------------------------------------------------

def changes(line, net):
    """(what, the line with one thing changed), all of them well-formed."""
    level, one, *lists = read(line)
    layer = [l for l, _ in relus(net)]
    yield "one", hull_line(level, not one, *lists)
    if level > 0:
        yield "lower", hull_line(level - 1, one, *lists)
    if level + 1 < net.depth and all(layer[k] > level for k in sum(lists, [])):
        yield "higher", hull_line(level + 1, one, *lists)
    if lists[1] or lists[2]:
        yield "no-rows", hull_line(level, one, [], *lists[1:])
        yield "swapped", hull_line(level, one, lists[0], lists[2], lists[1])
    for kind in range(3):
        for k in lists[kind]:
            less = [[i for i in l if (i, at) != (k, kind)] for at, l in enumerate(lists)]
            yield "dropped", hull_line(level, one, *less)
            if kind > 0 and k not in less[3 - kind]:
                less[3 - kind] = sorted(less[3 - kind] + [k])
                yield "moved", hull_line(level, one, *less)


def make_invalid_hulls(nets, made, add):
    """The first change of every kind that fails for every reason; and leaves that change places with a sibling."""
    found = {}
    for name, text in made.items():
        net, text = name.split("-")[0], loose(text)
        lines = sorted(set(LINE.findall(text)), key=text.index)
        wrong = [(what, text.replace(line, by, 1)) for line in lines for what, by in changes(line, Network(nets[net].encode()))]
        wrong += [("sibling", text[:at.start()] + at[1] + at[3] + at[2] + text[at.end():])
                  for at in re.finditer(r"(split \d+\n)(empty hull .*\n)(interval\n)", text)]
        for what, changed in wrong:
            reason = reason_of(nets[net], changed)
            if reason and (what, reason) not in found:
                found[what, reason] = f"{net}-hull-tree-{what}-{reason}", changed
    missing = {"one", "lower", "higher", "no-rows", "swapped", "dropped", "moved", "sibling"} - {what for what, _ in found}
    if missing:
        raise ValueError(f"no false hull of the kinds {missing}")
    for name, text in found.values():
        add(name, text)
    by_hand(nets, add)


def reason_of(net, text):
    """Why the exact checker rejects a hull; None if it does not (what was changed may be a proof as well)."""
    try:
        exact_checker.check(net.encode(), text.encode())
    except Rejected as error:
        return next(word for words, word in REASONS if words in str(error)) if error.code == "hull" else None
    return None


def by_hand(nets, add):
    plain = nets["plain"]  # z = (1/4 + x + 2y, -1 - 3/2 x + y/2, y)
    for one in (True, False):
        add(f"plain-hull-tree-empty-{'one' if one else 'none'}", tree(plain, R, (split(0, I, hull_line(0, one, [], [], [])),), "none"))
    # one row more than coordinates, all of them true
    add("plain-hull-tree-true", tree(plain, R, (hull_line(0, True, [], [0, 1, 2], [0, 1, 2]),), "none"))
    # 3/2 z_0 + z_1 = 7/2 y - 5/8; -y is h_2 - z_2 where h_2 = 0 is known, but h_2 is a coordinate in that list
    for what, region, bounds in (("stable", ("box", [-1, -2], [1, -1]), "interval"), ("open", R, "none")):
        add(f"plain-hull-tree-{what}", tree(plain, region, (split(0, I, split(1, I, hull_line(0, True, [0, 1], [], [2]))),), bounds))


# ---- Malformed -----------------------------------------------------------------------------------

def make_malformed_hulls(nets, made, add):
    plain, fold = nets["plain"], nets["fold"]
    for name, line in (
            ("nothing", "empty hull\n"), ("no-word", "empty hull 0 1 0 0 0\n"), ("word", "empty hull 0 two 1 0 0 0\n"),
            ("level", hull_line(2, True, [0], [], [])), ("no-lists", "empty hull 0 one\n"), ("one-list", "empty hull 0 one 1 0\n"),
            ("two-lists", "empty hull 0 one 1 0 1 1\n"), ("four-lists", "empty hull 0 one 1 0 1 1 1 2 0\n"),
            ("short", "empty hull 0 one 1 0 1 1 2 2\n"), ("large", "empty hull 0 one 1 0 1000000000 1 0\n"),
            ("negative", "empty hull 0 one 1 0 -1 0\n"), ("real", "empty hull 0 one 1 0 1 0x1p+0 0\n"),
            ("row-open", hull_line(0, True, [1], [], [])), ("sign-split", hull_line(0, True, [0], [0], [1])),
            ("gap-split", hull_line(0, True, [0], [1], [0])), ("sign-number", hull_line(0, True, [0], [3], [])),
            ("gap-number", hull_line(0, True, [0], [], [3])), ("sign-unsorted", hull_line(0, True, [0], [2, 1], [])),
            ("gap-unsorted", hull_line(0, True, [0], [], [2, 1])), ("sign-repeated", hull_line(0, True, [0], [1, 1], [])),
            ("gap-repeated", hull_line(0, True, [0], [], [2, 2]))):
        add(f"plain-tree-hull-{name}", tree(plain, R, (split(0, I, line),), "none"))
    for name, lists in (("row", ([0, 3], [], [])), ("sign", ([3], [1], [])), ("gap", ([3], [], [1]))):
        add(f"fold-tree-hull-{name}-below", tree(fold, R, (split(0, I, split(3, I, hull_line(2, True, *lists))),), "none"))
    for name, text in made.items():  # a split neuron in a list of open ones, in a real hull
        line = next(line for line in LINE.findall(text) if any(map(len, read(line)[3:])))
        level, one, rows, *lists = read(line)
        for kind, what in enumerate(("sign", "gap")):
            moved = [sorted(l + rows[:1]) if at == kind else l for at, l in enumerate(lists)]
            add(f"{name}-{what}-split", loose(text).replace(line, hull_line(level, one, rows[1:], *moved), 1))
