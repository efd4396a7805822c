"""Table of sample-efficiency.sh. Python 3, standard library only.

usage: sample_efficiency.py DIR < LINES      LINES: method task configuration measure budget every episodes threshold

Steps to the threshold are the step of the first evaluation whose mean, or of the first training episode whose return,
reaches it. A seed that does not get there within its budget counts as infinite: the median is then finite as long as
most seeds got there, and a bound, ">budget", is written where it is not. Intervals: 10,000 bootstrap resamples of the
seeds' median, drawn with the seed 0. Seconds of the clock and of the processor are medians over the seeds, over all
sessions of a run, evaluations included; where a session was killed its processor time is unknown, and the cell empty.
"""
import csv
import glob
import json
import math
import os
import random
import statistics
import sys

RESAMPLES = 10_000


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def steps_to(folder, measure, threshold):
    name, column = ("eval.csv", "return_mean") if measure == "eval" else ("episodes.csv", "return")
    return next((int(row["env_step"]) for row in rows(os.path.join(folder, name)) if float(row[column]) >= threshold),
                math.inf)


def seconds(folder):
    """Of the clock and of the processor; None where it is not known."""
    clock = max((float(row["wall_s"]) for name in ("eval.csv", "episodes.csv", "progress.csv")
                 for row in rows(os.path.join(folder, name))), default=None)
    with open(os.path.join(folder, "run.json")) as file:
        sessions = [session.get("processorSeconds") for session in json.load(file)["sessions"]]
    return clock, None if None in sessions else sum(sessions)


def median(values):
    """Of numbers that may be infinite: where the middle lies between a number and infinity it is infinite."""
    return statistics.median(values)


def interval(sample):
    generator = random.Random(0)
    medians = sorted(median(generator.choices(sample, k=len(sample))) for _ in range(RESAMPLES))
    return medians[RESAMPLES * 25 // 1000], medians[RESAMPLES * 975 // 1000 - 1]


def done(folder, reached, budget):
    """Whether a seed has come to its end: the threshold, or its whole budget."""
    with open(os.path.join(folder, "status.json")) as file:
        return reached < math.inf or json.load(file)["step"] >= budget


def summary(out, line):
    method, task, _, measure, budget, _, _, threshold = line.split()
    budget, threshold = int(budget), float(threshold)
    folders = sorted(glob.glob(os.path.join(out, task, method, "*", "seed-*")))
    seeds = [(folder, steps_to(folder, measure, threshold)) for folder in folders
             if os.path.exists(os.path.join(folder, "eval.csv"))]
    seeds = [(folder, steps) for folder, steps in seeds if done(folder, steps, budget)]
    if not seeds:
        return None
    steps = [steps for _, steps in seeds]
    clocks, processors = zip(*(seconds(folder) for folder, _ in seeds))
    known = lambda values: statistics.median(values) if None not in values else None
    return {
        "task": task, "method": method, "threshold": threshold, "measure": measure, "budget": budget,
        "seeds": len(steps), "reached": sum(each < math.inf for each in steps), "median": median(steps),
        "low": interval(steps)[0], "high": interval(steps)[1], "clock_s": known(clocks), "cpu_s": known(processors),
        "steps": " ".join("never" if each == math.inf else str(each) for each in steps),
    }


def count(value, budget):
    return f">{budget:,}" if value == math.inf else f"{value:,.0f}"


def main(out):
    results = [result for result in (summary(out, line) for line in sys.stdin if line.strip()) if result]
    results.sort(key=lambda result: result["task"])
    with open(os.path.join(out, "table.csv"), "w", newline="") as file:
        writer = csv.DictWriter(file, results[0].keys() if results else ["task"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(results)
    lines = ["| task, threshold | method | seeds there | steps, median | 95 % interval | clock s | CPU s |",
             "|---|---|---|---|---|---|---|"]
    for each in results:
        budget = each["budget"]
        cell = lambda value: "" if value is None else f"{value:,.0f}"
        lines.append(
            f"| {each['task']}, {each['threshold']:g} | {each['method']} | {each['reached']} of {each['seeds']} "
            f"| {count(each['median'], budget)} | {count(each['low'], budget)}–{count(each['high'], budget)} "
            f"| {cell(each['clock_s'])} | {cell(each['cpu_s'])} |")
    text = "\n".join(lines) + "\n"
    with open(os.path.join(out, "table.md"), "w") as file:
        file.write(text)
    print(text, end="")


if __name__ == "__main__":
    main(sys.argv[1])
