#!/usr/bin/env bash
# The same workloads, sizes and threads here and in PyTorch, mbrl-lib and JAX: one table of medians and ratios.
# usage: scripts/bench/peers.sh [--threads N] [--rounds R] [--seconds S] [--minutes M] [--libraries "torch jax"]
#   [--workloads "train-5x32"] [--limit S]                      (after `swift build -c release`; MBRL: another binary)
# The libraries come from PyPI into a virtual environment of their own, $MBRL_PEERS_VENV (default: .build/peers-venv).
# Rounds alternate between all of them, a fresh process each, so that what else the machine does hits all alike. No run
# takes longer than S seconds (default 60; a busy machine needs more), and none begins after M minutes (default 9,
# installing not counted): what is missing then is missing in the table.
. "$(dirname "$0")/../common.sh"
threads="$(nproc)" rounds=3 seconds=0.5 minutes=9 limit=60 libraries="torch torch-compile mbrl-lib sb3 jax"
workloads="train-5x32 train-7x256 rollout-500x20x25 matmul-32x200x200 matmul-256x256x256 matmul-7000x200x200 sac-update"
workloads="$workloads ppo-pictures-update ppo-cartpole dqn-cartpole"
options "threads= rounds= seconds= minutes= limit= libraries= workloads=" "$@"
find_binary
. scripts/bench/environment.sh
temporary_folder
results="$work/results"

end=$((SECONDS + minutes * 60))
too_slow=" "
for ((round = 1; round <= rounds; round++)); do
  for workload in $workloads; do
    [ "$SECONDS" -lt "$end" ] || break 2
    echo "round $round of $rounds: $workload" >&2
    # An epoch counts as its updates, steps of an agent one by one, all else as a run.
    here="$("$mbrl" bench --filter "$workload" --threads "$threads" --seconds "$seconds" --json | "$python" -c '
import json, sys
w = json.load(sys.stdin)["workloads"][0]
single = w["unit"] == "updates" or w["name"].endswith("-cartpole")
print(1 / w["items_per_second"] if single else w["median_seconds"], w["share"])')"
    echo "$workload mbrl $here" >> "$results"
    for library in $libraries; do
      case "$library $workload" in
        jax\ ppo-*) continue ;;
        mbrl-lib\ train-* | sb3\ *-update | sb3\ *-cartpole | torch\ *-update | jax\ *-update) ;;
        mbrl-lib\ * | sb3\ * | *-update | *-cartpole) continue ;;
      esac
      case "$too_slow" in *" $library/$workload "*) continue ;; esac
      peer=(scripts/bench/peer_workloads.py "$library" "$workload" "$threads" "$seconds")
      if time="$(timeout "$limit" "$python" "${peer[@]}" \
        2> "$results.log")"
      then
        echo "$workload $library $time" >> "$results"
      else
        echo "  $library does not run it here: $(tail -n 1 "$results.log" | cut -c 1-200)" >&2
        too_slow="$too_slow$library/$workload "
      fi
    done
  done
done

"$python" - "$results" "$threads" << 'PYTHON'
import statistics, sys
from importlib.metadata import PackageNotFoundError, version
times, shares = {}, {}
for line in open(sys.argv[1]):
    workload, library, seconds, *share = line.split()
    times.setdefault(workload, {}).setdefault(library, []).append(float(seconds))
    if share and share[0] != "None":
        shares.setdefault(workload, []).append(float(share[0]))
libraries = ["torch", "torch-compile", "mbrl-lib", "sb3", "jax"]
def installed(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
print(f"{sys.argv[2]} threads; torch {installed('torch')} (batched baddbmm, fused Adam), torch.compile of the step, "
      f"mbrl-lib {installed('mbrl')}, Stable-Baselines3 {installed('stable_baselines3')}, jax {installed('jax')} "
      f"(jitted). Medians of "
      f"{max(len(r['mbrl']) for r in times.values())} rounds: milliseconds of mbrl, its share of the machine's "
      "peak, and the others' times as multiples of mbrl's\n")
print("| workload | mbrl ms | share | " + " | ".join(libraries) + " |")
print("|---|---|---|" + "---|" * len(libraries))
for workload, row in times.items():
    # The ratio of each round, for a round's runs were made side by side.
    cells = []
    for library in libraries:
        pairs = list(zip(row.get(library, []), row["mbrl"]))
        cells.append(f"{statistics.median(p / m for p, m in pairs):.2f}" if pairs else "")
    share = f"{100 * statistics.median(shares[workload]):.0f} %" if workload in shares else ""
    here = f"{statistics.median(row['mbrl']) * 1e3:.3f} | {share}"
    print(f"| {workload} | {here} | " + " | ".join(cells) + " |")
PYTHON
