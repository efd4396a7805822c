#!/usr/bin/env bash
# How much does planning help? Dyna-Q with 0, 5, 20 and 50 planning steps on Taxi, FrozenLake and DynaMaze.
# usage: scripts/exercises/dyna-q-comparison.sh [OUT]
#
# Runs every seed (SEEDS, default 0-9), prints steps and episodes to 95 % of the optimum with 95 % bootstrap intervals,
# and writes OUT/comparison.svg with the optimum drawn in. The optimum is that of `mbrl solve`. About a minute on two
# cores. MBRL names the binary (default: that of this tree, which is built), TASKS and STEPS choose a part.
. "$(dirname "$0")/../common.sh"
options ARGUMENTS "$@"
out="${arguments[0]:-runs/dyna-q-comparison}"
seeds="${SEEDS:-0-9}"
tasks="${TASKS:-taxi frozen-lake dyna-maze}"
steps="${STEPS:-0 5 20 50}"
need_python
build_binary
# setting FILE SECTION NAME: its value in a configuration.
setting() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]][sys.argv[3]])' "$@"; }
mkdir -p "$out"
for task in $tasks; do
  for planning in $steps; do
    echo "$task, $planning planning steps" >&2
    "$mbrl" train "configs/dyna-q/$task.json" "agent.planningSteps=$planning" \
      --seeds "$seeds" --out "$out/$task/$planning" --quiet > "$out/$task-$planning.txt"
  done
  id="$(setting "configs/dyna-q/$task.json" environment id)"
  discount="$(setting "configs/dyna-q/$task.json" agent discount)"
  "$mbrl" solve "$id" --discount "$discount" --json > "$out/$task/optimum.json"
done
python3 scripts/exercises/dyna_q_comparison.py "$out" "$tasks" "$steps"
