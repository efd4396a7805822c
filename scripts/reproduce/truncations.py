"""Table of truncations.sh. Python 3, standard library only.

usage: truncations.py DIR < LINES      LINES: rule task steps every episodes first-fit fits-every threshold

Area: the mean of a seed's evaluations from the first fit on, so the area under its curve per step. Final: the mean of
its last three evaluations. Steps: of the first evaluation at the threshold; a seed that does not get there counts as
infinite. Against the twin: the seed's area less that of the same seed without imagined data. Kept: the share of the
imagined transitions of the first four rounds that the rule let into the buffer. All are medians over the seeds, with 95
% intervals from 10,000 bootstrap resamples.
"""
import csv
import glob
import json
import math
import os
import statistics
import sys

from sample_efficiency import count, interval, rows, steps_to


def finished(out, task, rule, steps):
    """Folders of the seeds that have made all steps, by seed."""
    found = {}
    for folder in glob.glob(os.path.join(out, task, rule, "*", "seed-*")):
        path = os.path.join(folder, "status.json")
        if not os.path.exists(path):
            continue
        with open(path) as file:
            if json.load(file)["step"] >= steps:
                found[int(folder.rsplit("-", 1)[1])] = folder
    return found


def returns(folder, first, steps):
    table = rows(os.path.join(folder, "eval.csv"))
    return [float(row["return_mean"]) for row in table if first <= int(row["env_step"]) <= steps]


def area(folder, line):
    return statistics.mean(returns(folder, line["first"], line["steps"]))


def kept(folder, line):
    """Share of four rounds' imagined transitions, of the buffer that holds four rounds; None without any."""
    with open(os.path.join(os.path.dirname(folder), "config.json")) as file:
        agent = json.load(file)["agent"]
    whole = agent["rolloutStarts"] * agent["retainedRounds"] * agent["rolloutLength"]["first"]
    fourth = line["first"] + 3 * line["fits"]
    for row in rows(os.path.join(folder, "progress.csv")):
        if int(row["env_step"]) == fourth and row["imagined"] and whole:
            return float(row["imagined"]) / whole
    return None


def summary(out, text):
    rule, task, steps, every, episodes, first, fits, threshold = text.split()
    line = {"steps": int(steps), "first": int(first), "fits": int(fits)}
    seeds = finished(out, task, rule, line["steps"])
    if not seeds:
        return None
    twins = finished(out, task, "real", line["steps"])
    areas = [area(folder, line) for folder in seeds.values()]
    finals = [statistics.mean(returns(folder, line["first"], line["steps"])[-3:]) for folder in seeds.values()]
    there = [steps_to(folder, "eval", float(threshold)) for folder in seeds.values()]
    gains = [area(folder, line) - area(twins[seed], line) for seed, folder in seeds.items() if seed in twins]
    shares = [share for share in (kept(folder, line) for folder in seeds.values()) if share is not None]
    result = {"task": task, "rule": rule, "steps": line["steps"], "threshold": float(threshold), "seeds": len(seeds)}
    for name, values in [("area", areas), ("final", finals), ("gain", gains), ("steps_to", there)]:
        low, high = interval(values) if values else (None, None)
        result |= {name: statistics.median(values) if values else None, f"{name}_low": low, f"{name}_high": high}
    return result | {"reached": sum(each < math.inf for each in there),
                     "better": sum(each > 0 for each in gains), "pairs": len(gains),
                     "kept": statistics.median(shares) if shares else None}


def main(out):
    results = [result for result in (summary(out, line) for line in sys.stdin if line.strip()) if result]
    with open(os.path.join(out, "table.csv"), "w", newline="") as file:
        writer = csv.DictWriter(file, results[0].keys() if results else ["task"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(results)
    text = ("| task | rule | kept | area | 95 % | final | 95 % | there | steps | 95 % | against the twin | 95 % "
            + "| better |\n" + "|---" * 13 + "|\n")
    for each in results:
        digits = 0 if abs(each["threshold"]) > 50 else 2
        number = lambda value: "" if value is None else f"{value:,.{digits}f}".replace("-", "−")
        pair = lambda name: f"{number(each[name + '_low'])} to {number(each[name + '_high'])}"
        is_twin = each["rule"] == "real"
        steps = [count(each[name], each["steps"]) for name in ("steps_to", "steps_to_low", "steps_to_high")]
        cells = [each["task"], each["rule"], "" if each["kept"] is None else f"{100 * each['kept']:.0f} %",
                 number(each["area"]), pair("area"), number(each["final"]), pair("final"),
                 f"{each['reached']} of {each['seeds']}", steps[0], f"{steps[1]}–{steps[2]}",
                 "" if is_twin else number(each["gain"]), "" if is_twin or not each["pairs"] else pair("gain"),
                 "" if is_twin else f"{each['better']} of {each['pairs']}"]
        text += "| " + " | ".join(cells) + " |\n"
    with open(os.path.join(out, "table.md"), "w") as file:
        file.write(text)
    print(text, end="")


if __name__ == "__main__":
    main(sys.argv[1])
