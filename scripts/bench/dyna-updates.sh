#!/usr/bin/env bash
# Imagined updates of tabular Dyna-Q per second of one core, Taxi-v4: here, in the Python loop of introductory texts
# (which copies the list of all pairs for every update), and in NumPy. One table of medians and ratios.
# usage: scripts/bench/dyna-updates.sh [--rounds R] [--seconds S]      (after `swift build -c release`)
# NumPy comes from PyPI into a virtual environment of its own, $MBRL_NUMPY_VENV (default: .build/numpy-venv).
# Rounds alternate between all of them, a fresh process each, so that what else the machine does hits all alike.
. "$(dirname "$0")/../common.sh"
rounds=5 seconds=1
options "rounds= seconds=" "$@"
find_binary
virtual_environment "${MBRL_NUMPY_VENV:-.build/numpy-venv}" numpy numpy
temporary_folder
# One thread each, whatever NumPy's libraries would take.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
table=Tests/Fixtures/gymnasium/Taxi-v4.jsonl
results="$work/results"

here() {
  "$mbrl" bench --filter "$1" --threads 1 --seconds "$seconds" --json | "$python" -c '
import json, sys
print(json.load(sys.stdin)["workloads"][0]["items_per_second"])'
}
for ((round = 1; round <= rounds; round++)); do
  echo "round $round of $rounds" >&2
  {
    echo "mbrl, last-outcome model: $(here dyna-last-outcome)"
    echo "mbrl, counted model: $(here dyna-counted)"
    echo "Python loop: $("$python" scripts/bench/dyna_updates.py loop "$table" "$seconds")"
    echo "NumPy, batches of 50: $("$python" scripts/bench/dyna_updates.py numpy "$table" "$seconds")"
  } >> "$results"
done

"$python" - "$results" << 'PYTHON'
import statistics, sys
from importlib.metadata import version
rates = {}
for line in open(sys.argv[1]):
    name, rate = line.rsplit(": ", 1)
    rates.setdefault(name, []).append(float(rate))
first = next(iter(rates))
print(f"imagined updates of Dyna-Q on Taxi-v4, one thread; NumPy {version('numpy')}; medians of "
      f"{len(rates[first])} rounds\n")
print("| | updates per second | mbrl's last-outcome model against it |\n|---|---|---|")
for name, row in rates.items():
    # The ratio of each round, for a round's runs were made side by side.
    ratio = statistics.median(mine / other for mine, other in zip(rates[first], row))
    print(f"| {name} | {statistics.median(row):,.0f} | {ratio:,.1f} × |")
PYTHON
