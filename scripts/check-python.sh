#!/usr/bin/env bash
# Trains every agent of docs/python.md for a moment and runs exactly its lines on the checkpoint: the same predictions,
# episodes and paths as the program's own.
# usage: scripts/check-python.sh
# Needs Python 3 with venv; NumPy and safetensors go into .venv/ here, or name a Python that has them: PYTHON=…
. "$(dirname "$0")/common.sh"
options "" "$@"
virtual_environment .venv "numpy, safetensors" "numpy safetensors"
build_binary
temporary_folder

# check AGENT ENVIRONMENT HEADING SETTING …: trains, lets the program answer, and asks the lines of the section.
check() {
  local agent="$1" environment="$2" heading="$3"
  shift 3
  echo "{\"environment\": {\"id\": \"$environment\"}, \"agent\": {\"type\": \"$agent\"}}" > "$work/$agent.json"
  rm -rf "${work:?}/$agent"
  "$mbrl" train "$work/$agent.json" "$@" evaluation.episodes=0 --seeds 0 --out "$work/$agent" --quiet > /dev/null
  local seed
  seed="$(seed_of "$work/$agent")"
  case "$heading" in
    pets) "$mbrl" inspect "$seed" --predictions 64 > "$work/answers" ;;
    serve) # the same lines as those of pets: what the agent plans, asked through a pipe
      "$mbrl" eval "$seed" --episodes 1 --csv "$work/answers" > /dev/null ;;
    *) rm -f "$work/answers" && "$mbrl" eval "$seed" --episodes 3 --csv "$work/answers" > /dev/null ;;
  esac
  "$python" scripts/check-python.py "$heading" "$seed/checkpoints/latest" "$work/answers" || fail "$agent: $heading"
  ok "$agent: the lines under \"$heading\""
}
model=(model.hiddenSizes=[16,16] model.epochs=20 agent.initialRandomSteps=60 training.environmentSteps=80)
check pets Pendulum-v1 pets "${model[@]}" model.normalizesTargets=true model.holdout=0.2 planner.population=20 \
  planner.elites=4
check random-shooting LineWorld-v0 pets "${model[@]}" planner.population=20
check dyna CartPole-v1 dyna training.environmentSteps=1500 agent.planningSteps=1
check dqn CartPole-v1 dqn training.environmentSteps=1500 agent.isDueling=true
check dyna-q FrozenLake-v1 dyna-q environment.isSlippery=false training.environmentSteps=5000
for normalizes in false true; do
  check ppo LineWorld-v0 ppo training.environmentSteps=400 agent.rolloutLength=100 \
    agent.normalizesObservations=$normalizes
done
check sac LineWorld-v0 sac training.environmentSteps=200 agent.hiddenSizes=[16]
check mbpo LineWorld-v0 mbpo "${model[@]}" model.weightDecay=0 agent.rolloutStarts=50 agent.updatesPerStep=2 \
  agent.fitEvery=20
export mbrl
check sac LineWorld-v0 serve training.environmentSteps=200 agent.hiddenSizes=[16]
check random-shooting LineWorld-v0 serve "${model[@]}" planner.population=20
check double-horizon LineWorld-v0 double-horizon training.environmentSteps=100 agent.initialRandomSteps=40 \
  agent.hiddenSizes=[16] agent.criticHiddenSizes=[16] model.hiddenSizes=[16] model.epochs=5
finished
