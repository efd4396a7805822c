#!/usr/bin/env bash
# Does it beat chance to look one step ahead in a learned model, and how far does one have to look? CartPole-v1: a model
# of 10,000 random transitions, then the same model under planners that look 1, 2, 5, 10, 20 and 50 steps ahead.
# usage: scripts/exercises/greedy-planning.sh [OUT]
#
# Prints the mean return of 10 episodes for each of the seeds (SEEDS, default 0-4), with random actions in the first
# row. STEPS (10000) transitions, HORIZONS choose a part. MBRL names the binary (default: that of this tree, built).
. "$(dirname "$0")/../common.sh"
options ARGUMENTS "$@"
out="${arguments[0]:-runs/greedy-planning}"
seeds="${SEEDS:-0-4}"
steps="${STEPS:-10000}"
horizons="${HORIZONS:-1 2 5 10 20 50}"
need_python
build_binary
mkdir -p "$out"
# Everything is random until the last step, and the model is fitted once, there.
"$mbrl" train configs/pets/cartpole.json agent.initialRandomSteps="$steps" agent.fitEvery="$steps" \
  training.environmentSteps="$steps" evaluation.every=0 checkpoint.every="$steps" --seeds "$seeds" --out "$out/model" \
  --quiet > "$out/train.txt"
"$mbrl" train configs/pets/cartpole.json agent.type=random training.environmentSteps=1 evaluation.every=1 \
  evaluation.episodes=10 --seeds "$seeds" --out "$out/random" --quiet > "$out/random.txt" 2>&1
run="$(echo "$out"/model/*)"
for horizon in $horizons; do
  echo "looking $horizon steps ahead" >&2
  "$mbrl" eval "$run" planner.horizon="$horizon" --episodes 10 --json --quiet > "$out/horizon-$horizon.json"
done
python3 - "$out" "$horizons" << 'PYTHON'
import csv, glob, json, statistics, sys

out, horizons = sys.argv[1], sys.argv[2].split()


def row(name, means):
    spread = statistics.pstdev(means) if len(means) > 1 else 0.0
    print(f"| {name} | {statistics.fmean(means):.1f} ± {spread:.1f} | {', '.join(f'{m:.1f}' for m in means)} |")


print("| steps looked ahead | mean return | seeds |\n|---|---|---|")
random = []
for path in sorted(glob.glob(f"{out}/random/*/seed-*/eval.csv")):
    with open(path, newline="") as file:
        random.append(float(list(csv.DictReader(file))[-1]["return_mean"]))
row("random actions", random)
for horizon in horizons:
    with open(f"{out}/horizon-{horizon}.json") as file:
        found = [json.loads(line) for line in file]
        row(horizon, [one["return_mean"] for one in found if one["event"] == "evaluation"])
PYTHON
