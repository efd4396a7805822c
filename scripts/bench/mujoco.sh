#!/usr/bin/env bash
# MuJoCo's tasks here and in Gymnasium: CPU time of an environment's step on one thread, resets and observations
# included, in turn, medians of the rounds. Actions are normal deviates on both sides, drawn beforehand.
# usage: scripts/bench/mujoco.sh [--rounds N] [--steps N] [--filter TASK]
#
# 5 rounds of 4000 steps. Gymnasium runs in the Python of $PYTHON, or in a virtual environment that is made in
# .venv/gymnasium: gymnasium[mujoco] 1.4.0, mujoco 4.0.0, numpy 2.4.6.
. "$(dirname "$0")/../common.sh"
rounds=5 steps=4000 filter=''
options "rounds= steps= filter=" "$@"
[[ $rounds =~ ^[1-9][0-9]*$ && $steps =~ ^[1-9][0-9]*$ ]] || usage
build_binary
virtual_environment .venv/gymnasium "gymnasium, mujoco" "gymnasium[mujoco]==1.4.0 mujoco==4.0.0 numpy==2.4.6"
temporary_folder
tasks=()
for task in HalfCheetah Hopper Walker2d Ant Humanoid InvertedPendulum InvertedDoublePendulum Reacher Pusher Swimmer; do
  [[ $task == *"$filter"* ]] && tasks+=("$task-v5")
done
[ ${#tasks[@]} -gt 0 ] || stop "no task's name contains $filter"
"$mbrl" env check "${tasks[0]}" > /dev/null || stop "${tasks[0]} cannot be had; to install it: scripts/setup-mujoco.sh"
cat > "$work/steps.py" << 'EOF'
import sys
import time

import gymnasium
import numpy as np

name, steps = sys.argv[1], int(sys.argv[2])
environment = gymnasium.make(name, disable_env_checker=True)
shape = (steps,) + environment.action_space.shape
actions = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
episode = 0
environment.reset(seed=episode)
best = []
for _ in range(3):
    start = time.process_time()
    for action in actions:
        _, _, terminated, truncated, _ = environment.step(action)
        if terminated or truncated:
            episode += 1
            environment.reset(seed=episode)
    best.append((time.process_time() - start) / steps)
print(1e6 * sorted(best)[1])
EOF
for ((round = 1; round <= rounds; round++)); do
  echo "round $round of $rounds" >&2
  for task in "${tasks[@]}"; do
    "$mbrl" bench --json --threads 1 --seconds 0.5 --filter "steps-$task" > "$work/$task-$round.json"
    (cd "$work" && OMP_NUM_THREADS=1 "$python" steps.py "$task" "$steps" 2> /dev/null) > "$work/$task-$round.txt"
  done
done
"$python" - "$work" "$rounds" "${tasks[@]}" << 'EOF'
import json
import statistics
import sys

folder, rounds = sys.argv[1], int(sys.argv[2])
print(f"CPU µs per step, medians of {rounds} rounds\n\n| task | mbrl | Gymnasium | ratio |\n|---|---|---|---|")
for task in sys.argv[3:]:
    ours, theirs = [], []
    for number in range(1, rounds + 1):
        with open(f"{folder}/{task}-{number}.json") as file:
            ours.append(1e6 / json.load(file)["workloads"][0]["items_per_second"])
        with open(f"{folder}/{task}-{number}.txt") as file:
            theirs.append(float(file.read()))
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"| {task} | {a:.1f} | {b:.1f} | {statistics.median(y / x for x, y in zip(ours, theirs)):.2f} |")
EOF
