#!/usr/bin/env python3
"""Draws learning curves of finished runs as an SVG file. Python's standard library only.

usage: scripts/plot-curves.py -o FILE.svg [--title TEXT] [--y LABEL] [--column FILE.csv:COLUMN] [--x COLUMN=LABEL]
                              [--line VALUE=TEXT] LABEL=RUN_DIRECTORY ...

Every curve is the mean over a run's seeds, the band from the lowest to the highest seed. Default column: the evaluation
mean, eval.csv:return_mean; "episodes.csv:return" draws training episodes instead. --x draws against another column
of the same file than env_step, such as wall_s. --line draws a level, such as the best possible return.
"""
import argparse
import csv
import glob
import os
import sys

import plotting


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
    plot = plotting.Plot((x_low, x_high), (y_low, y_high), arguments.title, x_label, arguments.y, size=(720, 400))
    plot.grid(plotting.linear_ticks(x_low, x_high, 6), plotting.linear_ticks(y_low, y_high))
    for value, text in lines:
        plot.level(value, text)
    for index, (_, curve) in enumerate(series):
        plot.band([(x, low) for x, _, low, _ in curve], [(x, high) for x, _, _, high in curve], plotting.colour(index))
        plot.curve([(x, mean) for x, mean, _, _ in curve], plotting.colour(index))
    plot.legend([label for label, _ in series], 450, 338 - 18 * (len(series) - 1))
    plotting.write(arguments.output, [plot])


main()
