#!/usr/bin/env bash
# The same workloads, sizes and threads here and in PyTorch, mbrl-lib and JAX: one table of medians and ratios.
# usage: scripts/bench/peers.sh [--threads N] [--rounds R] [--seconds S] [--libraries "torch jax"]   (after `swift build -c release`)
# The libraries come from PyPI into a virtual environment of their own, $MBRL_PEERS_VENV (default: .build/peers-venv).
# Rounds alternate between all of them, a fresh process each, so that what else the machine does hits all alike.
set -euo pipefail
cd "$(dirname "$0")/../.."
threads="$(nproc)" rounds=5 seconds=1 libraries="torch torch-compile mbrl-lib jax"
while [ $# -gt 0 ]; do
  case "$1" in
    --threads) threads="$2"; shift 2 ;;
    --rounds) rounds="$2"; shift 2 ;;
    --seconds) seconds="$2"; shift 2 ;;
    --libraries) libraries="$2"; shift 2 ;;
    *) echo "usage: scripts/bench/peers.sh [--threads N] [--rounds R] [--seconds S] [--libraries LIST]" >&2; exit 64 ;;
  esac
done
mbrl="$(swift build -c release --show-bin-path)/mbrl"
[ -x "$mbrl" ] || { echo "peers.sh: build first: swift build -c release" >&2; exit 1; }
# shellcheck source=scripts/bench/environment.sh
. scripts/bench/environment.sh
results="$(mktemp)"
trap 'rm -f "$results"' EXIT

for ((round = 1; round <= rounds; round++)); do
  for workload in matmul-32x200x200 matmul-256x256x256 matmul-7000x200x200 rollout-500x20x25 train-5x32 train-7x256; do
    echo "round $round of $rounds: $workload" >&2
    # An epoch counts as its updates, all else as a run.
    here="$("$mbrl" bench --filter "$workload" --threads "$threads" --seconds "$seconds" --json | "$python" -c '
import json, sys
w = json.load(sys.stdin)["workloads"][0]
print(1 / w["items_per_second"] if w["unit"] == "updates" else w["median_seconds"])')"
    echo "$workload mbrl $here" >> "$results"
    for library in $libraries; do
      case "$library $workload" in mbrl-lib\ matmul* | mbrl-lib\ rollout*) continue ;; esac
      if time="$("$python" scripts/bench/peer_workloads.py "$library" "$workload" "$threads" "$seconds" 2> /dev/null)"
      then echo "$workload $library $time" >> "$results"
      else echo "  $library does not run it here" >&2
      fi
    done
  done
done

"$python" - "$results" "$threads" << 'PYTHON'
import statistics, sys
from importlib.metadata import version
times = {}
for line in open(sys.argv[1]):
    workload, library, seconds = line.split()
    times.setdefault(workload, {}).setdefault(library, []).append(float(seconds))
libraries = ["torch", "torch-compile", "mbrl-lib", "jax"]
print(f"{sys.argv[2]} threads; torch {version('torch')} (batched baddbmm, fused Adam), torch.compile of the step, "
      f"mbrl-lib {version('mbrl')}, jax {version('jax')} (jitted); medians of rounds, multiples of mbrl's time\n")
print("| workload | mbrl ms | " + " | ".join(libraries) + " |")
print("|---|---|" + "---|" * len(libraries))
for workload, row in times.items():
    # The ratio of each round, for a round's runs were made side by side.
    cells = []
    for library in libraries:
        pairs = list(zip(row.get(library, []), row["mbrl"]))
        cells.append(f"{statistics.median(p / m for p, m in pairs):.2f}" if pairs else "")
    print(f"| {workload} | {statistics.median(row['mbrl']) * 1e3:.3f} | " + " | ".join(cells) + " |")
PYTHON
