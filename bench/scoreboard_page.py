"""The scoreboard as Markdown: rows of scoreboard.csv in, a page out.  See scoreboard.py.

The first lipcert row of a work is what others are relative to: the CPU ratio is the peer's CPU seconds over
lipcert's, and "off" is value / lipcert's value - 1.  A run that did not finish has a ratio with ">".
"""
import os
import re
import statistics

PUBLISHED = [
    {"group": "Shor, HR-2", "work": "SDP-NN 784-500-1, R^n, inf: Shor", "program": "Mosek", "method": "shor",
     "value": "17.8487", "status": "published", "wall s": "2869",
     "note": "Chen, Lasserre, Magron, Pauwels, NeurIPS 2020; another machine"},
    {"group": "Exact", "work": "bike 13-20-16-8-3, R^n, 2", "program": "ExLipBaB", "method": "exact", "status": "published",
     "wall s": "26404", "note": "seconds of the paper, Splittgerber 2026; another machine"},
    {"group": "Exact", "work": "wine 11-24-24-1, R^n, 2", "program": "ExLipBaB", "method": "exact", "value": "2.53",
     "status": "published", "found": "1.74", "gap %": "31.2", "wall s": "43200",
     "note": "stopped at its limit of 12 h, Splittgerber 2026; another machine"}]
INTRO = {
    "LipSDP": """
The semidefinite relaxation of the tangent on all of R^n with 2-norms, the method `tangent`. csdp, dsdp5 and sdpa solve the
program that `lipcert export` writes; cvxpy states LipSDP-Neuron as published; eclipse-nn is the published decomposition by
layers, looser by design; its ECLipsE falls back to ECLipsE-Fast where SCS's answer is not accurate enough for it.""",
    "Shor, HR-2": """
Input norm inf, one output. Shor's relaxation is exported as `tangent`, which it is for one hidden layer. With two (the
digits example) lipcert's `tangent` is a little tighter: it is what `export --phases` writes. HR-2 is exported as published
(`hr2-blocks`); lipcert's `hr2` is a smaller program, whose value is at most that of HR-2 for one hidden layer
([relaxations.md](relaxations.md)).""",
    "Exact": """
Both bounds on the exact constant. HiGHS and Cbc solve the mixed-integer program of `lipcert export --relaxation miqcqp`;
value is the upper bound that they claim, found their best solution. `exact` has the same limit. None of these peers takes
the questions about R^n with 2-norms: there are published seconds only."""}


def fixed(word, digits):
    return f"{float(word):.{digits}g}" if word else ""


def finished(row):
    said = row["status"].startswith(("computed", "proved"))
    return said and not re.search(r"imit|Stopped|Partial|Terminated", row["note"])


def baseline(rows, row):
    """The first lipcert row of the same work, if it finished."""
    same = [r for r in rows if r["work"] == row["work"] and r["program"] == "lipcert"]
    return same[0] if same and same[0]["CPU s"] and same[0]["value"] else None


def ratio(rows, row):
    base = baseline(rows, row)
    if base is None or not row["CPU s"] or row["status"] == "failed":
        return None
    return float(row["CPU s"]) / max(float(base["CPU s"]), 1e-3)


def off(rows, row):
    base = baseline(rows, row)
    if base is None or base is row or not row["value"] or not float(base["value"]):
        return None
    return float(row["value"]) / float(base["value"]) - 1


def number(row, name):
    """A bound that is proved as it was rounded; others with 9 digits."""
    return row[name] if row["status"].startswith("proved") else fixed(row[name], 9)


def cells(rows, row):
    times, distance = ratio(rows, row), off(rows, row)
    return [row["work"], f"{row['program']} `{row['method']}`", number(row, "value"), row["status"],
            "" if distance is None else f"{distance:+.1e}", number(row, "found"), row["gap %"], fixed(row["CPU s"], 3),
            "" if times is None else f"{'' if finished(row) else '> '}{times:.3g}", fixed(row["solve s"], 3),
            fixed(row["wall s"], 3) if row["status"] != "published" else row["wall s"], row["MiB"], row["note"]]


def table(rows, group):
    """A line for every run; lipcert first, then in the order in which they were asked."""
    every = ["work", "program", "value", "status", "off", "found", "gap %", "CPU s", "x", "solve s", "wall s", "MiB", "note"]
    keep = [i for i, name in enumerate(every) if group == "Exact" or name not in ("found", "gap %")]
    lines = ["| " + " | ".join(every[i] for i in keep) + " |", "|" + "---|" * len(keep)]
    mine = [row for row in rows if row["group"] == group]
    measured = list(dict.fromkeys(row["work"] for row in mine if row["status"] != "published"))
    for work in measured:
        for row in [r for r in mine if r["work"] == work]:
            found = cells(rows, row)
            lines.append("| " + " | ".join(str(found[i]).replace("|", "/") for i in keep) + " |")
    return "\n".join(lines)


def span(values, form):
    low, middle, high = (format(f(values), form) for f in (min, statistics.median, max))
    return middle if low == high else f"{middle} ({low} to {high})"


def summary(rows):
    """A line for every peer and group: how often it finished, CPU ratios, how far its values are."""
    lines = ["| peer | group | works | finished | CPU seconds / lipcert's: median (least to most) | off, least to most |",
             "|---|---|---|---|---|---|"]
    peers = dict.fromkeys((r["program"], r["method"], r["group"]) for r in rows if r["group"] and r["program"] != "lipcert"
                          and r["status"] != "published")
    merged = dict.fromkeys((p, m if p == "eclipse-nn" else "", g) for p, m, g in peers)
    for program, method, group in merged:
        mine = [r for r in rows if r["program"] == program and r["group"] == group and method in ("", r["method"])]
        done = [r for r in mine if finished(r) and ratio(rows, r) is not None]
        times, distances = [ratio(rows, r) for r in done], [off(rows, r) for r in done if off(rows, r) is not None]
        near = f"{min(distances):+.1e} to {max(distances):+.1e}" if distances else ""
        lines.append(f"| {program}{f' `{method}`' if method else ''} | {group} | {len(mine)} | {len(done)} | "
                     f"{span(times, '.3g') if times else ''} | {near} |")
    return "\n".join(lines)


def below(rows):
    """Sentences: answers that are below a lower bound which lipcert proved."""
    said = []
    for row in rows:
        base = baseline(rows, row)
        if base and base["found"] and row["value"] and row["status"] == "computed" \
                and float(row["value"]) < float(base["found"]) * (1 - 1e-6):
            said.append(f"- {row['program']} on {row['work']}: {row['value']} is below the proved lower bound "
                        f"{base['found']}.")
    return "\n".join(said)


def machine():
    """Cores, memory, system; no names."""
    system = "unknown system"
    if os.path.exists("/etc/os-release"):
        with open("/etc/os-release", encoding="utf-8") as file:
            found = re.search(r'^PRETTY_NAME="?([^"\n]*)', file.read(), re.MULTILINE)
        system = found[1] if found else system
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, {system}"


def programs(rows, packages):
    lines = ["| program | package | version |", "|---|---|---|"]
    for program in ["lipcert", *packages]:
        versions = sorted({r["version"] for r in rows if r["program"] == program and r["version"]})
        missing = next((r["note"] for r in rows if r["program"] == program and r["status"] == "not installed"),
                       "not measured")
        kind = f"{packages[program][0]}: {', '.join(packages[program][1])}" if program in packages else "this repository"
        lines.append(f"| {program} | {kind} | {'; '.join(versions) or 'not installed: ' + missing} |")
    return "\n".join(lines)


def when(rows, arguments, wanted):
    dates = sorted({r["date"] for r in rows})
    kind = "" if arguments.full else " (reduced set; `make scoreboard FULL=1` makes all)"
    return (f"Measured {dates[0]}{' to ' + dates[-1] if dates[1:] else ''} on {machine()}.\n{len(rows)} of {wanted} runs "
            f"made{kind}.")


def limits(rows):
    """The limits that the rows had."""
    def of(group):
        return " or ".join(sorted({r["limit s"] for r in rows if (r["group"] == "Exact") == group}, key=float)) + " s of "
    parts = [of(group) + clock for group, clock in ((False, "CPU time for a run"), (True, "wall clock in the group Exact"))
             if any((r["group"] == "Exact") == group for r in rows)]
    return ", ".join(parts) + "; 8 GiB"


def section(rows, group):
    return "\n\n".join([f"## {group}", INTRO[group].strip(), table(rows, group)])


def draw(rows, packages, arguments, wanted):
    """bench/scoreboard-page.md with its @NAMES@ replaced."""
    measured = [r for r in rows if r["date"]]
    groups = list(dict.fromkeys(r["group"] for r in measured))
    wrong = "\n\nAnswers that cannot be upper bounds:\n\n" + below(rows) if below(rows) else ""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "scoreboard-page.md"), encoding="utf-8") as file:
        words = file.read()
    for name, value in (("WHEN", when(measured, arguments, wanted)), ("LIMITS", limits(measured)),
                        ("SUMMARY", summary(rows) + wrong), ("GROUPS", "\n\n".join(section(rows, g) for g in groups)),
                        ("PROGRAMS", programs(rows, packages)),
                        ("COMMANDS", "\n".join(dict.fromkeys(r["command"] for r in measured)))):
        words = words.replace(f"@{name}@", value)
    return words
