#!/usr/bin/env bash
# Is what a learned model of CartPole-v1 makes up distributed as what really happens?
# usage: scripts/exercises/world-model.sh [OUT]
#
# Fits an ensemble to 10,000 transitions of random actions, and for contrast one to the first 200, and records 10,000
# fresh transitions. Each model makes up as many: single steps from real states, and whole episodes from a reset to an
# end that it imagines. `mbrl data compare` holds each to the fresh ones, and beside them another recording of what is
# real, whose differences are chance. Writes OUT/comparison.txt, .csv and .svg. STEPS (10000) and SEED (0) choose
# others. MBRL names the binary (default: that of this tree, built).
. "$(dirname "$0")/../common.sh"
options ARGUMENTS "$@"
out="${arguments[0]:-runs/world-model}"
steps="${STEPS:-10000}"
seed="${SEED:-0}"
build_binary
mkdir -p "$out"

# fit NAME TRANSITIONS: an ensemble of so many random transitions, fitted once.
fit() {
  "$mbrl" train configs/pets/cartpole.json agent.initialRandomSteps="$2" agent.fitEvery="$2" \
    training.environmentSteps="$2" evaluation.episodes=0 checkpoint.every="$2" --seeds "$seed" \
    --out "$out/$1" --quiet > "$out/log.txt"
}
# record NAME FIRST: transitions of random actions in episodes of their own.
record() { "$mbrl" data record configs/pets/cartpole.json --steps "$steps" --seed "$2" -o "$out/$1.safetensors"; }
# imagine NAME MODEL …: as many by a model.
imagine() {
  local name="$1" model="$2"
  shift 2
  "$mbrl" data imagine "$(seed_of "$out/$model" "$seed")" --random --steps "$steps" -o "$out/$name.safetensors" "$@"
}

fit model "$steps"
fit small 200
record real 1000000
record again 2000000
record states 3000000
imagine steps model --starts "$out/states.safetensors"
imagine episodes model --seed 4000000
imagine small-steps small --starts "$out/states.safetensors"
imagine small-episodes small --seed 4000000
"$mbrl" data compare "$out"/{real,again,steps,episodes,small-steps,small-episodes}.safetensors \
  --csv "$out/comparison.csv" -o "$out/comparison.svg" --theme reader | tee "$out/comparison.txt"
