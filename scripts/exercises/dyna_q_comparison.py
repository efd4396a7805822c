"""Table and plot of dyna-q-comparison.sh. Python 3, standard library only.

Reached: the first evaluation of the greedy policy from which two in a row have at least 95 % of the optimum. Where all
rewards but the goal's are 0 (DynaMaze), every policy that arrives has the best undiscounted return, so that the
measure there is (steps of the shortest way) / (steps of the greedy policy), and the threshold two steps more than the
shortest way: in a maze no way is one step longer, so that 95 % would ask for the optimum itself. Seeds that never
reach it count with the whole budget and are named: the mean is then a lower bound. Intervals: 10,000 bootstrap
resamples of the seeds' mean.
"""
import csv
import glob
import json
import math
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import plotting


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
    plotting.write(path, [panel(420 * place, *each) for place, each in enumerate(panels)], extra_height=50)
    print(f"plot: {path}")


def panel(left, title, name, best, curves):
    # The axis begins where the curves are worth looking at: far below the optimum the plot only shows the fall.
    lowest = min(min(values) for _, _, values in curves)
    low = max(lowest, best - 3 * abs(best) - 20) if lowest < 0 else 0
    high, last = best + 0.06 * (best - low), curves[0][1][-1]
    plot = plotting.Plot((0, last), (low, high), title, "environment steps", name, size=(420, 350), left=left)
    plot.grid(plotting.linear_ticks(0, last, 4), plotting.linear_ticks(low, high, 4))
    plot.level(best, f"optimum {best:.4g}")
    for index, (planning, xs, values) in enumerate(curves):
        plot.curve([(x, min(max(value, low), high)) for x, value in zip(xs, values)], plotting.colour(index))
    for index, (planning, _, _) in enumerate(curves):
        plot.text(left + 70 + 75 * index, 366, f"n = {planning}", fill=plotting.colour(index))
    plot.text(left + 70, 384, "means over the seeds")
    return plot


main(sys.argv[1], sys.argv[2].split(), sys.argv[3].split())
