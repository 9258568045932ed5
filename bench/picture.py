"""Draw bounds.csv (bench/bounds.py) as an SVG: one line per case, lower and upper bounds of each method
on a logarithmic axis.

    bench/picture.py BOUNDS.csv PICTURE.svg [NORM]

Standard library only.  Colours follow the reader's light or dark theme.
"""
import csv
import html
import math
import sys

WIDTH, LEFT, RIGHT, TOP, ROW = 900, 250, 30, 78, 30
METHODS = [  # column, label, side, shape
    ("lbs", "lbs (lower)", "low", "ring"),
    ("search", "search (lower)", "low", "disc"),
    ("interval", "interval (upper)", "up", "ring"),
    ("product", "product (upper)", "up", "dot"),
    ("tangent", "tangent (upper)", "up", "disc"),
]
STYLE = """
  .page { fill: #ffffff } .ink { fill: #1f2328 } .soft { fill: #59636e } .grid { stroke: #d1d9e0 }
  .gap { stroke: #9aa4ae; stroke-width: 5; opacity: .45 }
  .low-disc { fill: #1a7f37 } .low-ring { fill: none; stroke: #1a7f37; stroke-width: 2 }
  .up-disc { fill: #bc4c00 } .up-dot { fill: none; stroke: #9a6700; stroke-width: 3 } .up-ring { fill: none; stroke: #bc4c00; stroke-width: 2 }
  text { font: 13px system-ui, sans-serif }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .ink { fill: #e6edf3 } .soft { fill: #9198a1 } .grid { stroke: #30363d }
    .gap { stroke: #6e7681 }
    .low-disc { fill: #3fb950 } .low-ring { stroke: #3fb950 }
    .up-disc { fill: #f0883e } .up-dot { stroke: #d29922 } .up-ring { stroke: #f0883e }
  }
"""


def number(row, column):
    value = row[column]
    return float(value) if value not in ("", "inf") else None


def mark(x, y, side, shape):
    radius = {"disc": 4, "ring": 6, "dot": 3}[shape]
    return f'<circle class="{side}-{shape}" cx="{x:.1f}" cy="{y}" r="{radius}"/>'


def text(x, y, words, kind="ink", anchor="start", size=13):
    style = f' style="font-size:{size}px"' if size != 13 else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}"{style}>{html.escape(words)}</text>'


def legend():
    parts, x = [], 24
    for _, label, side, shape in METHODS:
        parts += [mark(x, 50, side, shape), text(x + 10, 54, label, "soft")]
        x += 34 + 7 * len(label)
    return parts


def draw(rows, norm):
    values = [number(r, m[0]) for r in rows for m in METHODS]
    logs = [math.log10(v) for v in values if v]
    first, last = math.floor(min(logs)), math.ceil(max(logs))
    place = lambda v: LEFT + (math.log10(v) - first) / (last - first) * (WIDTH - LEFT - RIGHT)
    height = TOP + ROW * len(rows) + 40
    bottom = TOP + ROW * len(rows)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
           f"<title>Proved bounds on Lipschitz constants, norm {norm}</title><style>{STYLE}</style>",
           f'<rect class="page" width="{WIDTH}" height="{height}"/>',
           text(16, 28, f"Proved bounds on the Lipschitz constant, {norm}-norm, all outputs", size=16)]
    out += legend()
    for power in range(first, last + 1):
        x = place(10.0**power)
        out += [f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{bottom}"/>',
                text(x, bottom + 20, f"{10.0**power:g}", "soft", "middle")]
    for i, row in enumerate(rows):
        y = TOP + ROW * i + ROW // 2 - 4
        out.append(text(LEFT - 14, y + 5, row["case"], "ink", "end"))
        out.append(f'<line class="gap" x1="{place(number(row, "lower")):.1f}" '
                   f'x2="{place(number(row, "upper")):.1f}" y1="{y}" y2="{y}"/>')
        out += [mark(place(number(row, column)), y, side, shape)
                for column, _, side, shape in METHODS if number(row, column)]
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    norm = sys.argv[3] if len(sys.argv) > 3 else "2"
    with open(sys.argv[1], newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["norm"] == norm]
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(draw(rows, norm))


if __name__ == "__main__":
    main()
