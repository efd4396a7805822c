#!/usr/bin/env bash
# Whether a binary lost speed: `mbrl bench` of both in turn, medians of the rounds, one table. Exit 1 where a workload
# lost more than 2 points of the machine's peak, or a rate (steps, updates, files) more than 5 %.
# usage: scripts/bench/compare.sh OLD NEW [--filter F] [--rounds N] [--threads LIST] [--seconds S]
#
# Filter, threads and seconds as in `mbrl bench`; 5 rounds. Leave the machine alone meanwhile. Which one begins changes
# from round to round.
. "$(dirname "$0")/../common.sh"
filter='' rounds=5 threads='' seconds=1
options "filter= rounds= threads= seconds= ARGUMENTS" "$@"
[ ${#arguments[@]} = 2 ] || usage
[[ $rounds =~ ^[1-9][0-9]*$ ]] || usage
old="$(absolute "${arguments[0]}")" new="$(absolute "${arguments[1]}")"
for program in "$old" "$new"; do [ -x "$program" ] || stop "there is no program at $program"; done
need_python
temporary_folder
bench=(bench --json --seconds "$seconds")
[ -z "$filter" ] || bench+=(--filter "$filter")
[ -z "$threads" ] || bench+=(--threads "$threads")
for ((round = 1; round <= rounds; round++)); do
  echo "round $round of $rounds" >&2
  sides=(old new)
  [ $((round % 2)) = 1 ] || sides=(new old)
  for side in "${sides[@]}"; do "${!side}" "${bench[@]}" > "$work/$side-$round.json"; done
done
python3 - "$work" "$rounds" << 'PYTHON'
import json, statistics, sys

folder, rounds = sys.argv[1], int(sys.argv[2])
POINTS, PERCENT = 2, 5


def read(side):
    """{(workload, threads): (shares in %, rates, unit)}, in the order of the program."""
    found = {}
    for round in range(1, rounds + 1):
        with open(f"{folder}/{side}-{round}.json") as file:
            for w in json.load(file)["workloads"]:
                shares, rates, _ = found.setdefault((w["name"], w["threads"]), ([], [], w["unit"]))
                rates.append(w["items_per_second"])
                if w["share"] is not None:
                    shares.append(100 * w["share"])
    return found


old, new = read("old"), read("new")
lost = []
print(f"medians of {rounds} rounds; shares of the peak, or items per second\n")
print("| workload | threads | old | new | difference |\n|---|---|---|---|---|")
for name, threads in list(old) + [key for key in new if key not in old]:
    if (name, threads) not in old or (name, threads) not in new:
        print(f"| {name} | {threads} | " + ("| new |  |" if (name, threads) in new else "there | missing | **lost** |"))
        if (name, threads) in old:
            lost.append(name)
        continue
    (old_shares, old_rates, unit), (new_shares, new_rates, _) = old[name, threads], new[name, threads]
    if old_shares and new_shares:
        a, b = statistics.median(old_shares), statistics.median(new_shares)
        is_lost, cells = b < a - POINTS, f"{a:.1f} % | {b:.1f} % | {b - a:+.1f} points"
    else:
        a, b = statistics.median(old_rates), statistics.median(new_rates)
        is_lost, cells = b < a * (1 - PERCENT / 100), f"{a:,.0f} {unit}/s | {b:,.0f} | {100 * (b / a - 1):+.1f} %"
    print(f"| {name} | {threads} | {cells}{' **lost**' if is_lost else ''} |")
    if is_lost:
        lost.append(name)
if not old:
    sys.exit("compare: no workload was run")
if lost:
    sys.exit(f"compare: {len(lost)} of {len(old)} lost more than {POINTS} points or {PERCENT} %: {', '.join(lost)}")
print(f"\ncompare: none of {len(old)} lost more than {POINTS} points of the peak or {PERCENT} % of its rate")
PYTHON
