"""Table of pushing-arm.sh. Python 3, standard library only.

usage: pushing_arm.py DIR < LINES      LINES: method folder evaluation

One row a method: transitions, the mean return of all episodes, the share of them that ended in success, that share of
the worst and of the best seed, and medians of seconds of the clock and of the processor, over all sessions of a run,
the evaluations of training included.
"""
import json
import os
import statistics
import sys

from sample_efficiency import seconds


def main(out):
    methods = {}
    for method, folder, path in (line.split() for line in sys.stdin if line.strip()):
        with open(path) as file:
            methods.setdefault(method, []).append((folder, json.loads(file.readline())))
    text = "| method | transitions | seeds | return | success | worst to best seed | clock s | CPU s |\n"
    text += "|---" * 8 + "|\n"
    for method, seeds in methods.items():
        rates = [100 * result["success_rate"] for _, result in seeds]
        mean = statistics.mean(result["return_mean"] for _, result in seeds)
        columns = zip(*(seconds(folder) for folder, _ in seeds))
        clock, processor = ("" if None in column else f"{statistics.median(column):,.0f}" for column in columns)
        steps = sorted({result["env_step"] for _, result in seeds})
        text += (f"| {method} | {' or '.join(f'{step:,}' for step in steps)} | {len(seeds)} "
                 f"| {f'{mean:.1f}'.replace('-', '−')} | {statistics.mean(rates):.0f} % "
                 f"| {min(rates):.0f} to {max(rates):.0f} % | {clock} | {processor} |\n")
    with open(os.path.join(out, "table.md"), "w") as file:
        file.write(text)
    print(text, end="")


if __name__ == "__main__":
    main(sys.argv[1])
