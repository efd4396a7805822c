#!/usr/bin/env python3
"""Draws learning curves of finished runs as an SVG file. Python's standard library only.

usage: scripts/plot-curves.py -o FILE.svg [--title TEXT] [--y LABEL] [--column FILE.csv:COLUMN] [--x COLUMN=LABEL] [--line VALUE=TEXT]
                              LABEL=RUN_DIRECTORY ...

Every curve is the mean over a run's seeds, the band from the lowest to the highest seed. Default column: the evaluation
mean, eval.csv:return_mean; "episodes.csv:return" draws training episodes instead. --x draws against another column
of the same file than env_step, such as wall_s. --line draws a level, such as the best possible return.
"""
import argparse, csv, glob, os, sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50
COLOURS = ["#1f6fb4", "#d9601a", "#2c8c3c", "#a03090", "#7a5a3a", "#555555"]


def read_curves(directory, file, x_column, column):
    """[(x, value), ...] per seed."""
    curves = []
    for path in sorted(glob.glob(os.path.join(directory, "seed-*", file))):
        with open(path, newline="") as handle:
            rows = [(float(r[x_column]), float(r[column])) for r in csv.DictReader(handle) if r[column]]
        if rows:
            curves.append(rows)
    if not curves:
        sys.exit(f"plot-curves: no {file} with values of {column} under {directory}")
    return curves


def at(curve, step):
    """The curve at a step, linear between its points; None outside them."""
    if step < curve[0][0] or step > curve[-1][0]:
        return None
    for (x0, y0), (x1, y1) in zip(curve, curve[1:]):
        if x0 <= step <= x1:
            return y0 if x1 == x0 else y0 + (y1 - y0) * (step - x0) / (x1 - x0)
    return curve[-1][1]


def summarise(curves):
    """(steps, mean, low, high) where at least one seed has a value."""
    steps = sorted({x for curve in curves for x, _ in curve})
    result = []
    for step in steps:
        values = [v for v in (at(curve, step) for curve in curves) if v is not None]
        result.append((step, sum(values) / len(values), min(values), max(values)))
    return result


def ticks(low, high, count=5):
    span = (high - low) / count
    power = 10.0 ** len(str(int(span))) / 10 if span >= 1 else 1
    while power > span:
        power /= 10
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= span)
    first = -(-low // step) * step
    return [first + i * step for i in range(int((high - first) / step + 1e-9) + 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="LABEL=RUN_DIRECTORY")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--title", default="")
    parser.add_argument("--y", default="return")
    parser.add_argument("--column", default="eval.csv:return_mean")
    parser.add_argument("--x", default="env_step=environment steps", metavar="COLUMN=LABEL")
    parser.add_argument("--line", action="append", default=[], metavar="VALUE=TEXT")
    arguments = parser.parse_args()
    file, column = arguments.column.split(":")
    x_column, _, x_label = arguments.x.partition("=")
    series = []
    for run in arguments.runs:
        label, _, directory = run.partition("=")
        curves = read_curves(directory, file, x_column, column)
        series.append((f"{label} ({len(curves)} seed{'s' if len(curves) > 1 else ''})", summarise(curves)))
    lines = [(float(value), text) for value, _, text in (line.partition("=") for line in arguments.line)]
    points = [p for _, s in series for p in s]
    x_low, x_high = 0, max(p[0] for p in points)
    y_low = min([p[2] for p in points] + [v for v, _ in lines])
    y_high = max([p[3] for p in points] + [v for v, _ in lines])
    margin = (y_high - y_low or 1) * 0.05
    y_low, y_high = y_low - margin, y_high + margin

    def x(value):
        return LEFT + (value - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def y(value):
        return HEIGHT - BOTTOM - (value - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{WIDTH / 2}" y="22" text-anchor="middle" font-size="15">{escape(arguments.title)}</text>',
    ]
    for tick in ticks(y_low, y_high):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#e4e4e4"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in ticks(x_low, x_high, 6):
        out.append(f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick:g}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(x_label)}</text>')
    out.append(
        f'<text transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{escape(arguments.y)}</text>')
    for value, text in lines:
        out.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#888" stroke-dasharray="6 4"/>')
        out.append(f'<text x="{LEFT + 6}" y="{y(value) - 5:.1f}" fill="#666">{escape(text)}</text>')
    for index, (label, curve) in enumerate(series):
        colour = COLOURS[index % len(COLOURS)]
        band = [f"{x(p[0]):.1f},{y(p[3]):.1f}" for p in curve] + [f"{x(p[0]):.1f},{y(p[2]):.1f}" for p in reversed(curve)]
        out.append(f'<polygon points="{" ".join(band)}" fill="{colour}" opacity="0.18"/>')
        path = " ".join(f"{x(p[0]):.1f},{y(p[1]):.1f}" for p in curve)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        place = HEIGHT - BOTTOM - 12 - 18 * (len(series) - 1 - index)
        out.append(f'<line x1="{WIDTH - 270}" x2="{WIDTH - 246}" y1="{place - 4}" y2="{place - 4}" stroke="{colour}" stroke-width="3"/>')
        out.append(f'<text x="{WIDTH - 240}" y="{place}">{escape(label)}</text>')
    out.append("</svg>\n")
    with open(arguments.output, "w") as handle:
        handle.write("\n".join(out))


main()
