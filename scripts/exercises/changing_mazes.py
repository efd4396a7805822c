"""Cumulative reward of changing-mazes.sh. Python 3, standard library only.

Every finished episode has earned 1. Writes OUT/MAZE/AGENT/cumulative/seed-N/cumulative.csv (env_step,reward every 50
steps) for plot-curves.py, and prints the means over the seeds, with 95 % intervals of 10,000 bootstrap resamples.
"""
import csv
import glob
import os
import random
import sys

MAZES = {"blocking-maze": (1000, 3000), "shortcut-maze": (3000, 6000)}  # the change, the end


def ends(path):
    with open(path, newline="") as file:
        return [int(row["env_step"]) for row in csv.DictReader(file) if row["terminated"] in ("1", "true")]


def interval(sample):
    generator = random.Random(0)
    means = sorted(sum(generator.choices(sample, k=len(sample))) / len(sample) for _ in range(10_000))
    return f"{sum(sample) / len(sample):.1f} [{means[249]:.1f}, {means[9749]:.1f}]"


def main(out):
    for maze, (change, last) in MAZES.items():
        print(f"{maze}: walls change at step {change}, reward until then, and from then to step {last}")
        for agent in ("dyna-q", "dyna-q-plus"):
            before, after = [], []
            for path in sorted(glob.glob(os.path.join(out, maze, agent, "*", "seed-*", "episodes.csv"))):
                steps = ends(path)
                before.append(sum(step <= change for step in steps))
                after.append(len(steps) - before[-1])
                seed = os.path.basename(os.path.dirname(path))
                folder = os.path.join(out, maze, agent, "cumulative", seed)
                os.makedirs(folder, exist_ok=True)
                with open(os.path.join(folder, "cumulative.csv"), "w") as file:
                    file.write("env_step,reward\n")
                    for step in range(0, last + 1, 50):
                        file.write(f"{step},{sum(end <= step for end in steps)}\n")
            print(f"  {agent:12} {len(before)} seeds   {interval(before):>22}   {interval(after):>22}")


main(sys.argv[1])
