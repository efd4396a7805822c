"""Draws the tables of scripts/bench/scaling.sh as SVG files. Python's standard library only.

usage: plot_scaling.py FOLDER NAME ...      reads FOLDER/NAME.csv, writes FOLDER/NAME.svg, memory.csv and memory.svg
"""
import csv
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import plotting

LABELS = {
    "population": "action sequences per iteration", "horizon": "steps planned ahead", "ensemble": "networks",
    "width": "width of the three hidden layers", "replay": "transitions in the replay"}


def draw(path, title, x_label, y_label, lines, linear_y=None):
    """lines: {label: [(x, y), …]}; both axes logarithmic, unless `linear_y` gives the range of y."""
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points]
    low, high = linear_y or (min(ys) / 1.3, max(ys) * 1.3)
    plot = plotting.Plot(
        (min(xs), max(xs)), (low, high), title, x_label, y_label, logarithmic=(True, linear_y is None))
    plot.grid(sorted(set(xs)), (plotting.linear_ticks if linear_y else plotting.log_ticks)(low, high))
    for index, points in enumerate(lines.values()):
        plot.curve(points, plotting.colour(index), dots=True)
    plot.legend(lines, 80, 56, 16)
    plotting.write(path, [plot])


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
            title = "Seeds × cores: efficiency of mbrl train"
            draw(target, title, "seeds", "% of a seed alone on a core", lines, (0, 120))
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
