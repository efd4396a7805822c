#!/bin/sh
# How much does planning help? Dyna-Q with 0, 5, 20 and 50 planning steps on Taxi, FrozenLake and DynaMaze.
#
#   scripts/exercises/dyna-q-comparison.sh [OUT]
#
# Runs every seed (SEEDS, default 0-9), prints steps and episodes to 95 % of the optimum with 95 % bootstrap intervals,
# and writes OUT/comparison.svg with the optimum drawn in. The optimum is that of `mbrl solve`. About a minute on two
# cores. MBRL names the binary (default: .build/release/mbrl), TASKS and STEPS choose a part.
set -eu
cd "$(dirname "$0")/../.."
out=${1:-runs/dyna-q-comparison}
mbrl=${MBRL:-.build/release/mbrl}
seeds=${SEEDS:-0-9}
tasks=${TASKS:-"taxi frozen-lake dyna-maze"}
steps=${STEPS:-"0 5 20 50"}
[ -x "$mbrl" ] || swift build -c release --product mbrl
mkdir -p "$out"
for task in $tasks; do
  for planning in $steps; do
    echo "$task, $planning planning steps" >&2
    "$mbrl" train "configs/dyna-q/$task.json" "agent.planningSteps=$planning" \
      --seeds "$seeds" --out "$out/$task/$planning" --quiet > "$out/$task-$planning.txt"
  done
  id=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["environment"]["id"])' "configs/dyna-q/$task.json")
  discount=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["agent"]["discount"])' "configs/dyna-q/$task.json")
  "$mbrl" solve "$id" --discount "$discount" --json > "$out/$task/optimum.json"
done
python3 scripts/exercises/dyna_q_comparison.py "$out" "$tasks" "$steps"
