#!/usr/bin/env bash
# MuJoCo's tasks here and in Gymnasium: CPU time of an environment's step on one thread, resets and observations
# included, in turn, medians of the rounds. Actions are normal deviates on both sides, drawn beforehand. With --group
# instead wall time of a step of 8 environments together, a group on two threads here, and Gymnasium's vector
# environments, SyncVectorEnv (in one process) and AsyncVectorEnv (in 8), the better one of which counts.
# usage: scripts/bench/mujoco.sh [--group] [--rounds N] [--steps N] [--filter TASK]
#
# 5 rounds of 4000 steps. Gymnasium runs in the Python of $PYTHON, or in a virtual environment that is made in
# .venv/gymnasium: gymnasium[mujoco] 1.4.0, mujoco 4.0.0, numpy 2.4.6.
. "$(dirname "$0")/../common.sh"
group='' rounds=5 steps=4000 filter=''
options "group rounds= steps= filter=" "$@"
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
cat > "$work/group.py" << 'EOF'
import sys
import time

import gymnasium
import numpy as np

ENVIRONMENTS = 8


def main():
    name, steps = sys.argv[1], int(sys.argv[2]) // ENVIRONMENTS
    for mode in ["sync", "async"]:
        environments = gymnasium.make_vec(name, num_envs=ENVIRONMENTS, vectorization_mode=mode)
        shape = (steps,) + environments.action_space.shape
        actions = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
        environments.reset(seed=0)
        best = []
        for _ in range(3):
            start = time.perf_counter()
            for action in actions:
                environments.step(action)
            best.append((time.perf_counter() - start) / steps / ENVIRONMENTS)
        environments.close()
        print(1e6 * sorted(best)[1])


if __name__ == "__main__":
    main()
EOF
for ((round = 1; round <= rounds; round++)); do
  echo "round $round of $rounds" >&2
  for task in "${tasks[@]}"; do
    if [ -n "$group" ]; then
      "$mbrl" bench --json --threads 2 --seconds 0.5 --filter "group-$task" > "$work/$task-$round.json"
      (cd "$work" && OMP_NUM_THREADS=1 "$python" group.py "$task" "$steps" 2> /dev/null) > "$work/$task-$round.txt"
      continue
    fi
    "$mbrl" bench --json --threads 1 --seconds 0.5 --filter "steps-$task" > "$work/$task-$round.json"
    (cd "$work" && OMP_NUM_THREADS=1 "$python" steps.py "$task" "$steps" 2> /dev/null) > "$work/$task-$round.txt"
  done
done
"$python" - "$work" "$rounds" "$group" "${tasks[@]}" << 'EOF'
import json
import statistics
import sys

folder, rounds, group = sys.argv[1], int(sys.argv[2]), sys.argv[3]
others = ["SyncVectorEnv", "AsyncVectorEnv"] if group else ["Gymnasium"]
print(f"{'Wall' if group else 'CPU'} µs per environment's step, medians of {rounds} rounds\n")
print(f"| task | mbrl | {' | '.join(others)} | ratio{' to the better one' if group else ''} |")
print("|---" * (3 + len(others)) + "|")
for task in sys.argv[4:]:
    rows = []
    for number in range(1, rounds + 1):
        with open(f"{folder}/{task}-{number}.json") as file:
            ours = 1e6 / json.load(file)["workloads"][0]["items_per_second"]
        with open(f"{folder}/{task}-{number}.txt") as file:
            theirs = [float(line) for line in file]
        rows.append([ours, *theirs, min(theirs) / ours])
    *times, ratio = [statistics.median(column) for column in zip(*rows)]
    print(f"| {task} | {' | '.join(f'{time:.1f}' for time in times)} | {ratio:.2f} |")
EOF
