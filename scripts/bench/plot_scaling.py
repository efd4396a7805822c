"""Draws the tables of scripts/bench/scaling.sh as SVG files. Python's standard library only.

usage: plot_scaling.py FOLDER NAME ...      reads FOLDER/NAME.csv, writes FOLDER/NAME.svg, memory.csv and memory.svg
"""
import csv
import math
import os
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 560, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50
COLOURS = ["#1f6fb4", "#d9601a", "#2c8c3c", "#a03090", "#7a5a3a"]
LABELS = {
    "population": "action sequences per iteration", "horizon": "steps planned ahead", "ensemble": "networks",
    "width": "width of the three hidden layers", "replay": "transitions in the replay"}


def short(value):
    """"1.6k" for 1600."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def log_ticks(low, high):
    """1, 2, 5, 10, … within the range; powers of ten alone where those are many."""
    steps = [m * 10.0**e for e in range(-4, 9) for m in (1, 2, 5)]
    chosen = [t for t in steps if low * 0.999 <= t <= high * 1.001]
    return chosen if len(chosen) <= 9 else [t for t in chosen if math.isclose(math.log10(t) % 1, 0, abs_tol=1e-9)]


def draw(path, title, x_label, y_label, lines, linear_y=None):
    """lines: {label: [(x, y), …]}; both axes logarithmic, unless `linear_y` gives the range of y."""
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points]
    left, right = math.log(min(xs)), math.log(max(xs))
    low, high = linear_y or (math.log(min(ys) / 1.3), math.log(max(ys) * 1.3))
    scale = (lambda y: y) if linear_y else math.log
    place_x = lambda x: LEFT + (WIDTH - LEFT - RIGHT) * (math.log(x) - left) / ((right - left) or 1)
    place_y = lambda y: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (scale(y) - low) / (high - low)
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="14">{escape(title)}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text x="16" y="{(TOP + HEIGHT - BOTTOM) / 2}" text-anchor="middle" transform="rotate(-90 16 '
        f'{(TOP + HEIGHT - BOTTOM) / 2})">{escape(y_label)}</text>']
    y_ticks = [i * (high - low) / 5 + low for i in range(6)] if linear_y else log_ticks(math.exp(low), math.exp(high))
    for tick in y_ticks:
        y = place_y(tick)
        svg.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e4e4e4"/>')
        svg.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{short(tick)}</text>')
    for tick in sorted(set(xs)):
        x = place_x(tick)
        svg.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#f0f0f0"/>')
        svg.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{short(tick)}</text>')
    for (label, points), colour, row in zip(lines.items(), COLOURS, range(len(lines))):
        path_points = " ".join(f"{place_x(x):.1f},{place_y(y):.1f}" for x, y in points)
        svg.append(f'<polyline points="{path_points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        svg += [f'<circle cx="{place_x(x):.1f}" cy="{place_y(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
        svg.append(f'<text x="{LEFT + 10}" y="{TOP + 16 + 16 * row}" fill="{colour}">{escape(label)}</text>')
    with open(path, "w") as file:
        file.write("\n".join(svg + ["</svg>"]) + "\n")


def read(folder, name):
    with open(os.path.join(folder, name + ".csv"), newline="") as file:
        return list(csv.DictReader(file))


def threads_of(count):
    return "1 thread" if count == "1" else f"{count} threads"


def main():
    folder, names = sys.argv[1], sys.argv[2:]
    memory = {}
    for name in names:
        target = os.path.join(folder, name + ".svg")
        rows = read(folder, name)
        if name == "seeds":
            alone = next(float(r["seconds"]) for r in rows if r["seeds"] == r["jobs"] == "1")
            lines = {}
            for r in rows:
                cores = min(int(r["jobs"]), int(r["seeds"]))
                efficiency = alone * int(r["seeds"]) / (float(r["seconds"]) * cores)
                label = "1 at a time" if r["jobs"] == "1" else f"{r['jobs']} at a time"
                lines.setdefault(label, []).append((int(r["seeds"]), 100 * efficiency))
            draw(target, "Seeds × cores: efficiency of mbrl train", "seeds", "% of a seed alone on a core", lines, (0, 120))
            continue
        lines = {}
        for r in rows:
            if name == "replay":  # per update
                cost = 1e3 / float(r["items_per_s"])
            else:
                cost = 1e3 * float(r["median_s"])
            lines.setdefault(threads_of(r["threads"]), []).append((int(r["value"]), cost))
            if r["threads"] == "1":
                memory.setdefault(name, []).append((int(r["value"]), int(r["peak_memory_bytes"]) / 2**20))
        what = "An update's" if name == "replay" else "A plan's"
        draw(target, f"{what} cost against {LABELS[name]}", LABELS[name], "milliseconds", lines)
    if memory:
        with open(os.path.join(folder, "memory.csv"), "w") as file:
            file.write("size,value,peak_mib\n")
            file.writelines(f"{n},{x},{y:.2f}\n" for n, points in memory.items() for x, y in points)
        relative = {name: [(x / points[0][0], y) for x, y in points] for name, points in memory.items()}
        draw(
            os.path.join(folder, "memory.svg"), "Peak memory of the process as one size grows",
            "size, as a multiple of its smallest", "MiB", relative)


main()
