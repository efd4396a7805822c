#!/usr/bin/env bash
# What must not change a byte: the number of jobs and threads, the instruction set, how often is evaluated and stored, and
# the kind of build.
# usage: determinism.sh [--debug PROGRAM]     a debug build of mbrl to compare with (.build/debug/mbrl where it is there)
. "$(dirname "$0")/common.sh"
debug=.build/debug/mbrl
[ "${1:-}" != --debug ] || debug="$2"
STEPS=120 settings same
command=("$mbrl" train "$work/same.json" --quiet)

expect 0 "" "${command[@]}" --out "$work/jobs-1" --seeds 0-3 --jobs 1 threads=1
for jobs in 2 4; do
  expect 0 "" "${command[@]}" --out "$work/jobs-$jobs" --seeds 0-3 --jobs $jobs threads=1
  for seed in 0 1 2 3; do
    same_bytes "$(seed_of "$work/jobs-1" $seed)" "$(seed_of "$work/jobs-$jobs" $seed)" "--jobs $jobs"
  done
  ok "--jobs $jobs and --jobs 1, four seeds"
done
plain="$(seed_of "$work/jobs-1")"
for threads in 2 3; do
  expect 0 "" "${command[@]}" --out "$work/threads-$threads" threads=$threads
  same_bytes "$plain" "$(seed_of "$work/threads-$threads")" "threads=$threads"
  ok "threads=$threads and threads=1"
done

sets=()
for set in avx2 avx512 portable; do
  code env MBRL_ISA=$set "$mbrl" --version
  if [ $code != 0 ] || ! grep -q "$set" "$work/out"; then skip "this machine has no $set"; continue; fi
  expect 0 "" env MBRL_ISA=$set "${command[@]}" --out "$work/isa-$set"
  sets+=("$set")
  if [ "${sets[0]}" != $set ]; then
    same_bytes "$(seed_of "$work/isa-${sets[0]}")" "$(seed_of "$work/isa-$set")" "MBRL_ISA=$set"
    ok "MBRL_ISA=$set and MBRL_ISA=${sets[0]}"
  fi
done

reduced=("${command[@]}" planner.precision=bfloat16)
expect 0 "" "${reduced[@]}" --out "$work/reduced"
! cmp -s "$(seed_of "$work/reduced")/episodes.csv" "$plain/episodes.csv" || fail "bfloat16 changed nothing"
for threads in 2 3; do
  expect 0 "" "${reduced[@]}" --out "$work/reduced-$threads" threads=$threads
  same_bytes "$(seed_of "$work/reduced")" "$(seed_of "$work/reduced-$threads")" "bfloat16, threads=$threads"
  ok "bfloat16: threads=$threads and threads=1"
done
for set in "${sets[@]}"; do
  expect 0 "" env MBRL_ISA=$set "${reduced[@]}" --out "$work/reduced-$set"
  same_bytes "$(seed_of "$work/reduced")" "$(seed_of "$work/reduced-$set")" "bfloat16, MBRL_ISA=$set"
  ok "bfloat16: MBRL_ISA=$set and the best"
done
expect 0 "" "${reduced[@]}" --out "$work/reduced-longer" training.environmentSteps=50
expect 0 "" "${reduced[@]}" --out "$work/reduced-longer"
same_bytes "$(seed_of "$work/reduced")" "$(seed_of "$work/reduced-longer")" "bfloat16, made longer"
ok "bfloat16: a run of 50 steps made longer: the same bytes"

for cadence in "evaluation.every=7 evaluation.episodes=1" "evaluation.episodes=0" "evaluation.every=0 evaluation.seed=3"; do
  rm -rf "$work/cadence"
  # shellcheck disable=SC2086
  expect 0 "" "${command[@]}" --out "$work/cadence" $cadence
  same_training "$plain" "$(seed_of "$work/cadence")" "$cadence"
  ok "$cadence: the same training"
done
for cadence in "checkpoint.every=1 checkpoint.keep=1" "checkpoint.every=0"; do
  rm -rf "$work/cadence"
  # shellcheck disable=SC2086
  expect 0 "" "${command[@]}" --out "$work/cadence" $cadence
  same_bytes "$plain" "$(seed_of "$work/cadence")" "$cadence"
  ok "$cadence: the same bytes"
done
expect 0 "" "${command[@]}" --out "$work/longer" training.environmentSteps=50
expect 0 "" "${command[@]}" --out "$work/longer"
same_bytes "$plain" "$(seed_of "$work/longer")" "made longer"
ok "a run of 50 steps made longer: the same bytes"

# Every agent and every planner, on the first environment that suits it, a few steps each: what only a debug build does
# differently is how code was compiled.
small() {
  local agent="$1" planner="$2" environment
  for environment in Pendulum-v1 CartPole-v1 GridWorld-v0; do
    echo "{\"name\": \"small\", \"environment\": {\"id\": \"$environment\"}, \"agent\": {\"type\": \"$agent\"}$planner}" > "$work/small.json"
    if "$mbrl" config check "$work/small.json" > /dev/null 2>&1; then return; fi
  done
  fail "no environment for $agent"
}
# options: those of these settings that the experiment has.
options() {
  local known setting
  known="$("$mbrl" config show "$work/small.json" | awk '{ print $1 }')"
  chosen=(training.environmentSteps=60 evaluation.every=30 evaluation.episodes=1 environment.stepLimit=20 checkpoint.every=20)
  for setting in agent.initialRandomSteps=40 model.ensembleSize=2 "model.hiddenSizes=[8]" model.epochs=3 planner.horizon=3 \
    planner.population=12 planner.elites=4 planner.iterations=2 planner.particles=2 "agent.hiddenSizes=[8,8]" agent.batchSize=8; do
    if grep -qxF "${setting%%=*}" <<< "$known"; then chosen+=("$setting"); fi
  done
}
names() { "$mbrl" list "$1" --json | sed -n 's/^{"type": *"\([^"]*\)".*/\1/p'; }
combinations=()
for agent in $(names agents); do combinations+=("$agent|"); done
for planner in $(names planners); do combinations+=("pets|, \"planner\": {\"type\": \"$planner\"}"); done
if [ -x "$debug" ]; then
  expect 0 "" "$debug" train "$work/same.json" --quiet --out "$work/debug"
  same_bytes "$plain" "$(seed_of "$work/debug")" "debug and release"
  ok "debug and release build"
fi
for case in "${combinations[@]}"; do
  small "${case%%|*}" "${case#*|}"
  options
  rm -rf "$work"/small-*
  small=(train "$work/small.json" "${chosen[@]}" --quiet)
  expect 0 "" "$mbrl" "${small[@]}" --out "$work/small-plain" threads=1
  expect 0 "" env MBRL_ISA=portable "$mbrl" "${small[@]}" --out "$work/small-portable" threads=2
  same_bytes "$(seed_of "$work/small-plain")" "$(seed_of "$work/small-portable")" "$case, portable kernels and two threads"
  [ ! -x "$debug" ] || {
    expect 0 "" "$debug" "${small[@]}" --out "$work/small-debug"
    same_bytes "$(seed_of "$work/small-plain")" "$(seed_of "$work/small-debug")" "$case, debug and release"
  }
done
ok "${#combinations[@]} small runs of every agent and planner: portable kernels and two threads$([ ! -x "$debug" ] || echo ", debug and release"): the same bytes"
[ -x "$debug" ] || skip "no debug build at $debug (swift build)"
finished
