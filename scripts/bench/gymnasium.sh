#!/usr/bin/env bash
# What a step through a Python worker costs: Gymnasium's CartPole-v1 with random actions in groups of 1 and of 16, whole
# runs without evaluation and rows, the start taken off by a second, shorter run. Exit 1 where a group's step costs more
# than a third of a single one's.
# usage: scripts/bench/gymnasium.sh [--steps N] [--rounds N] [--id ID]
# Needs scripts/setup-gymnasium.sh classic, or MBRL_PYTHON.
. "$(dirname "$0")/../common.sh"
steps=160000 rounds=3 id=CartPole-v1
options "steps= rounds= id=" "$@"
build_binary
temporary_folder
echo "{\"environment\": {\"id\": \"gymnasium:$id\"}, \"agent\": {\"type\": \"random\"}}" > "$work/bench.json"

# took LANES STEPS: microseconds of a run, the best of the rounds.
took() {
  local start end best=0 round
  for ((round = 0; round < rounds; round++)); do
    rm -rf "$work/runs"
    start=$(date +%s%N)
    "$mbrl" train "$work/bench.json" training.environments="$1" training.environmentSteps="$2" evaluation.episodes=0 \
      checkpoint.every=0 logging.progressEvery=0 --out "$work/runs" --quiet > /dev/null
    end=$(date +%s%N)
    if [ "$best" = 0 ] || [ $((end - start)) -lt "$best" ]; then best=$((end - start)); fi
  done
  echo $((best / 1000))
}
# per_step LANES: hundredths of a microsecond of one environment's step.
per_step() { echo $((($(took "$1" "$steps") - $(took "$1" $((steps / 16)))) * 100 / (steps - steps / 16))); }
one=$(per_step 1) many=$(per_step 16)
printf '%s: one by one %d.%02d µs, in a group of 16 %d.%02d µs per step\n' "$id" \
  $((one / 100)) $((one % 100)) $((many / 100)) $((many % 100))
if [ $((many * 3)) -le "$one" ]; then ok "a group costs at most a third"; else complain "a group costs too much"; fi
finished
