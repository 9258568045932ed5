"""The two figures of bench/neurips2020.py: bound and CPU time against sparsity.

A panel for every network (rows) and region (columns), logarithmic upwards.  A line joins the medians over the
seeds; dots are runs, rings those that were cut off.  Standard library only; colours follow the
reader's light or dark theme, as in bench/picture.py.
"""
import math
import statistics

import picture

WIDTH, TOP, LEFT, GAP, PANEL, BELOW = 900, 96, 64, 72, 210, 62
ACROSS = (WIDTH - LEFT - GAP - 24) / 2
# method -> (light, dark, dashes)
LINES = {"lbs": ("#1a7f37", "#3fb950", "2 4"), "search": ("#1a7f37", "#3fb950", ""),
         "shor": ("#6e40c9", "#a371f7", "2 4"), "tangent": ("#6e40c9", "#a371f7", "2 4"),
         "hr1": ("#9a6700", "#d29922", "8 4"), "hr2-blocks": ("#0969da", "#58a6ff", "8 4"),
         "lipopt-3": ("#bf3989", "#f778ba", "8 3 2 3"), "lipopt-4": ("#bf3989", "#f778ba", "2 4"),
         "hr2": ("#0969da", "#58a6ff", ""), "tight": ("#bc4c00", "#f0883e", "")}


def style():
    """picture.py's page, and a class for every method."""
    light = "".join(f".m-{m} {{ stroke: {a}; color: {a} }} " for m, (a, _, _) in LINES.items())
    dark = "".join(f".m-{m} {{ stroke: {b}; color: {b} }} " for m, (_, b, _) in LINES.items())
    return (picture.STYLE + "  .line { fill: none; stroke-width: 1.8 } .run { fill: currentColor; stroke: none }\n"
            "  .cut { fill: none; stroke-width: 1.2 }\n  " + light
            + "\n  @media (prefers-color-scheme: dark) { " + dark + "}\n")


def legend(methods):
    parts, x, y = [], 20, 50
    for method in methods:
        if x > WIDTH - 110:
            x, y = 20, y + 20
        parts += [line(method, [(x, y), (x + 28, y)]), picture.text(x + 34, y + 4, method, "soft")]
        x += 56 + 7.5 * len(method)
    return parts


def line(method, points):
    dashes = LINES[method][2]
    extra = f' stroke-dasharray="{dashes}"' if dashes else ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="line m-{method}"{extra} points="{path}"/>'


def ticks(low, high):
    """At least three where the range is not tiny: powers of ten, or finer and finer parts of them."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    found = []
    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8), [1 + k / 10 for k in range(90)],
                  [1 + k / 50 for k in range(450)]):
        found = [s * 10.0**p for p in powers for s in steps if low <= s * 10.0**p <= high]
        if len(found) >= 3:
            break
    return found[::len(found) // 7 + 1]


def scale(values):
    """The range of an axis, a little more than that of its values."""
    low, high = min(values), max(values)
    room = (high / low) ** .05 if high > low else 1.1
    return low / room, high * room


def panel(rows, column, x0, y0, title):
    """The axes of one network and region, and its lines."""
    values = [max(float(r[column]), 1e-3) for r in rows]
    low, high = scale(values)
    sparsities = sorted({int(r["sparsity"]) for r in rows})
    span = max(sparsities[-1] - sparsities[0], 1)
    place = lambda s, v: (x0 + 12 + (s - sparsities[0]) / span * (ACROSS - 24),
                          y0 + PANEL - math.log(v / low) / math.log(high / low) * PANEL)
    out = [picture.text(x0, y0 - 8, title)]
    for tick in ticks(low, high):
        y = place(sparsities[0], tick)[1]
        out += [f'<line class="grid" x1="{x0}" x2="{x0 + ACROSS:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>',
                picture.text(x0 - 8, round(y + 4, 1), f"{tick:g}", "soft", "end", 12)]
    for sparsity in sparsities:
        out.append(picture.text(place(sparsity, low)[0], y0 + PANEL + 18, str(sparsity), "soft", "middle", 12))
    for method in LINES:
        out += series([r for r in rows if r["method"] == method], column, method, place)
    return out


def series(rows, column, method, place):
    """One method: the line of medians, and its runs."""
    groups = {}
    for row in rows:
        groups.setdefault(int(row["sparsity"]), []).append((max(float(row[column]), 1e-3), row["complete"] == "yes"))
    if not groups:
        return []
    out = [line(method, [place(s, statistics.median(v for v, _ in runs)) for s, runs in sorted(groups.items())])]
    for sparsity, runs in groups.items():
        for value, complete in runs:
            x, y = place(sparsity, value)
            kind, radius = ("run", 2.6) if complete else ("cut", 3.4)
            out.append(f'<circle class="{kind} m-{method}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>')
    return out


def draw(rows, column, name, methods):
    """The figure as text; rows as in the .csv.  Time leaves out the lower bounds, as the paper does."""
    rows = [r for r in rows if r["bound"] != "-" and (column == "bound" or r["side"] == "upper")]
    networks = list(dict.fromkeys(r["network"] for r in rows))
    used = [m for m in methods if any(r["method"] == m for r in rows)]
    height = TOP + (PANEL + BELOW) * len(networks)
    title = f"{name} against sparsity, inf-norm"
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
           f"<title>{title}</title><style>{style()}</style>",
           f'<rect class="page" width="{WIDTH}" height="{height}"/>',
           picture.text(16, 28, title + "; line: median of the seeds, ring: cut off by the time limit", size=16)]
    out += legend(used)
    for row, network in enumerate(networks):
        for place, (region, size) in enumerate((("global", "10"), ("local", ".1"))):
            here = [r for r in rows if r["network"] == network and r["region"] == region]
            if here:
                out += panel(here, column, round(LEFT + place * (ACROSS + GAP), 1), TOP + 12 + row * (PANEL + BELOW),
                             f"{network}, {region} (centre +- {size})")
    return "\n".join(out + ["</svg>"]) + "\n"
