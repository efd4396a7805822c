#!/usr/bin/env bash
# The same PETS experiment in mbrl-lib and here: mbrl-lib's continuous cart-pole at its shipped settings, 5 members.
# Writes both learning curves and a plot of them, and prints one table: seconds per real step, and until the pole stays
# up.
# usage: scripts/bench/end-to-end.sh [--steps N] [--seed S] [--out FOLDER]
# After `swift build -c release`; MBRL names another binary. mbrl-lib takes seconds for every step. Compare over some
# 600 steps: before the pole stays up, imagined trajectories end early, and only here does that save work. Libraries
# come as in scripts/bench/peers.sh.
. "$(dirname "$0")/../common.sh"
steps=600 seed=0 out=runs/end-to-end
options "steps= seed= out=" "$@"
find_binary
. scripts/bench/environment.sh
mkdir -p "$out"

rm -rf "$out/mbrl"
"$mbrl" train configs/pets/continuous-cartpole-mbrl-lib.json training.environmentSteps=$((200 + steps)) \
  evaluation.every=0 evaluation.episodes=0 logging.progressEvery=10 --seeds "$seed" --out "$out/mbrl"
find "$out/mbrl" -name episodes.csv -exec cp {} "$out/mbrl.csv" \;
find "$out/mbrl" -name progress.csv -exec cp {} "$out/mbrl-progress.csv" \;
"$python" scripts/bench/mbrl_lib_pets.py "$steps" "$seed" | tee "$out/mbrl-lib.csv"

"$python" - "$out" "$seed" << 'PYTHON'
import csv, os, sys
out, seed = sys.argv[1:]
# mbrl-lib says on standard output where its results lie, in the middle of the table.
rows = [line for line in open(f"{out}/mbrl-lib.csv") if line.count(",") == 2]
theirs = list(csv.DictReader(rows))
ours = list(csv.DictReader(open(f"{out}/mbrl.csv")))
# Steps and seconds count from the end of the 200 random steps and of the first fit, in both.
progress = csv.DictReader(open(f"{out}/mbrl-progress.csv"))
progress = [(int(r["env_step"]) - 200, float(r["wall_s"])) for r in progress]
start = next(wall for step, wall in progress if step == 0)
curves = {
    "mbrl-lib": [(int(r["step"]), float(r["wall_s"]), r["episode_return"]) for r in theirs],
    "mbrl": sorted(
        [(step, wall - start, "") for step, wall in progress if step > 0]
        + [(int(r["env_step"]) - 200, float(r["wall_s"]) - start, r["return"])
           for r in ours if int(r["env_step"]) > 200]),
}
print("| | real steps | seconds per step | seconds until a return of 190 | at step |\n|---|---|---|---|---|")
rate = {}
for name, rows in curves.items():
    if not rows:
        continue
    step, seconds, _ = rows[-1]
    folder = f"{out}/curves/{name}/seed-{seed}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/episodes.csv", "w", newline="") as file:
        csv.writer(file).writerows([("step", "seconds", "return")] + [row for row in rows if row[2]])
    rate[name] = seconds / step
    good = next(((s, w) for s, w, r in rows if r and float(r) >= 190), None)
    print(f"| {name} | {step} | {rate[name]:.3f} | " + (f"{good[1]:.0f} | {good[0]} |" if good else " | |"))
if len(rate) == 2:
    print(f"\nmbrl-lib takes {rate['mbrl-lib'] / rate['mbrl']:.1f} times as long per step")
PYTHON
"$python" scripts/plot-curves.py -o "$out/end-to-end.svg" \
  --title "continuous cart-pole, mbrl-lib's shipped settings, seed $seed" --column episodes.csv:return \
  --y "return of training episodes" --x seconds="seconds after the 200 random steps" \
  mbrl="$out/curves/mbrl" mbrl-lib="$out/curves/mbrl-lib"
echo "learning curves: $out/mbrl-lib.csv $out/mbrl.csv $out/end-to-end.svg"
