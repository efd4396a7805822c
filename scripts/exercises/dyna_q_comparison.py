"""Table and plot of dyna-q-comparison.sh. Python 3, standard library only.

Reached: the first evaluation of the greedy policy from which two in a row have at least 95 % of the optimum. Where all
rewards but the goal's are 0 (DynaMaze), every policy that arrives has the best undiscounted return, so that the measure
there is (steps of the shortest way) / (steps of the greedy policy), and the threshold two steps more than the shortest
way: in a maze no way is one step longer, so that 95 % would ask for the optimum itself. Seeds that never reach it count with the whole
budget and are named: the mean is then a lower bound. Intervals: 10,000 bootstrap resamples of the seeds' mean.
"""
import csv
import glob
import json
import math
import os
import random
import sys

COLOURS = ["#888888", "#4477aa", "#228833", "#ee6677", "#aa3377", "#ccbb44"]


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def load(folder):
    """Per seed: [(step, return mean, length mean)], and the steps at which episodes ended."""
    seeds = []
    for seed in sorted(glob.glob(os.path.join(folder, "*", "seed-*"))):
        curve = [(int(r["env_step"]), float(r["return_mean"]), float(r["length_mean"]))
                 for r in rows(os.path.join(seed, "eval.csv"))]
        ends = [int(r["env_step"]) for r in rows(os.path.join(seed, "episodes.csv"))]
        seeds.append((curve, ends))
    return seeds


def measure(optimum):
    """The function of (return, length) that is compared, its optimum, the threshold, and its name."""
    best, value, discount = optimum["best_return"], optimum["expected_return"], optimum["discount"]
    if best == 1 and 0 < value < 1 and discount < 1:
        shortest = 1 + round(math.log(value) / math.log(discount))
        return ((lambda _, length: shortest / length), 1.0, shortest / (shortest + 2),
                f"shortest way ({shortest} steps) / greedy steps")
    return (lambda total, _: total), best, best - 0.05 * abs(best), "return of the greedy policy"


def reached(values, threshold):
    for index, value in enumerate(values):
        if value >= threshold and values[min(index + 1, len(values) - 1)] >= threshold:
            return index
    return None


def interval(sample):
    generator = random.Random(0)
    means = sorted(sum(generator.choices(sample, k=len(sample))) / len(sample) for _ in range(10_000))
    return sum(sample) / len(sample), means[249], means[9749]


def main(out, tasks, plannings):
    panels = []
    for task in tasks:
        with open(os.path.join(out, task, "optimum.json")) as file:
            optimum = json.load(file)
        score, best, threshold, name = measure(optimum)
        print(f"{optimum['id']}: optimum {best:.4g} ({name}), reached at {threshold:.4g}")
        print(f"  {'n':>3}  {'steps':>8}  {'95 % interval':>18}  {'episodes':>8}  {'95 % interval':>16}"
              f"  {'reached':>8}  {'final':>7}  vs n={plannings[0]}")
        curves, baseline = [], None
        for planning in plannings:
            steps, episodes, count, final, scores = [], [], 0, [], []
            seeds = load(os.path.join(out, task, planning))
            for curve, ends in seeds:
                values = [score(total, length) for _, total, length in curve]
                index = reached(values, threshold)
                step = curve[-1][0] if index is None else curve[index][0]
                count += index is not None
                steps.append(step)
                episodes.append(sum(end <= step for end in ends))
                final.append(values[-1])
                scores.append(values)
            mean, low, high = interval(steps)
            baseline = baseline or mean
            of_episodes = interval(episodes)
            mark = "" if count == len(seeds) else "≥"
            print(f"  {planning:>3}  {mark + format(mean, '.0f'):>8}  {f'[{low:.0f}, {high:.0f}]':>18}"
                  f"  {of_episodes[0]:>8.1f}  {f'[{of_episodes[1]:.1f}, {of_episodes[2]:.1f}]':>16}"
                  f"  {f'{count}/{len(seeds)}':>8}  {sum(final) / len(final):>7.3f}  {baseline / mean:.1f}× fewer")
            xs = [point[0] for point in seeds[0][0]]
            curves.append((planning, xs, [sum(column) / len(column) for column in zip(*scores)]))
        panels.append((optimum["id"], name, best, curves))
    path = os.path.join(out, "comparison.svg")
    with open(path, "w") as file:
        file.write(svg(panels))
    print(f"plot: {path}")


def svg(panels):
    width, height, left, top = 420, 260, 60, 40
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * len(panels)}" height="{height + 110}" '
             'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>']
    for place, (title, name, best, curves) in enumerate(panels):
        x0, w, h = place * width + left, width - left - 20, height
        # The axis begins where the curves are worth looking at: far below the optimum the plot only shows the fall.
        lowest = min(min(values) for _, _, values in curves)
        low = max(lowest, best - 3 * abs(best) - 20) if lowest < 0 else 0
        high, last = best + 0.06 * (best - low), curves[0][1][-1]

        def at(x, y):
            y = min(max(y, low), high)
            return f"{x0 + w * x / last:.1f},{top + h * (1 - (y - low) / (high - low)):.1f}"

        parts.append(f'<text x="{x0}" y="20" font-size="14" font-weight="bold">{title}</text>')
        parts.append(f'<text x="{x0}" y="34" fill="#555">{name}</text>')
        parts.append(f'<rect x="{x0}" y="{top}" width="{w}" height="{h}" fill="none" stroke="#999"/>')
        for tick in range(5):
            y = low + (high - low) * tick / 4
            parts.append(f'<text x="{x0 - 4}" y="{float(at(0, y).split(",")[1]) + 4:.1f}" text-anchor="end">{y:.3g}</text>')
            x = last * tick / 4
            parts.append(f'<text x="{x0 + w * tick / 4:.1f}" y="{top + h + 15}" text-anchor="middle">{x:.0f}</text>')
        parts.append(f'<text x="{x0 + w / 2}" y="{top + h + 31}" text-anchor="middle">environment steps</text>')
        a, b = at(0, best), at(last, best)
        parts.append(f'<polyline points="{a} {b}" stroke="black" stroke-dasharray="5 4" fill="none"/>')
        for index, (planning, xs, values) in enumerate(curves):
            points = " ".join(at(x, y) for x, y in zip(xs, values))
            colour = COLOURS[index % len(COLOURS)]
            parts.append(f'<polyline points="{points}" stroke="{colour}" stroke-width="1.5" fill="none"/>')
            y = top + h + 50
            parts.append(f'<text x="{x0 + 75 * index}" y="{y}" fill="{colour}">n = {planning}</text>')
        parts.append(f'<text x="{x0}" y="{top + h + 66}">dashed: optimum {best:.4g}; means over the seeds</text>')
    return "\n".join(parts + ["</svg>"]) + "\n"


main(sys.argv[1], sys.argv[2].split(), sys.argv[3].split())
