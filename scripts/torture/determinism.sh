#!/usr/bin/env bash
# What must not change a byte: the number of jobs and threads, the instruction set, how often is evaluated and stored,
# and the kind of build.
# usage: determinism.sh [--debug PROGRAM]     a debug build of mbrl to compare with (default: this tree's, if any)
. "$(dirname "$0")/common.sh"
. scripts/small-runs.sh
debug=
options "debug=" "$@"
if [ -z "$debug" ] && command -v swift > /dev/null; then debug="$(swift build --show-bin-path)/mbrl"; fi
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

# Policies: minibatches that go through whole networks in tiles, rings that wrap, rollouts, dreams, jobs and threads.
for agent in sac mbpo ppo dqn dreamer; do
  for environment in CartPole-v1 Pendulum-v1; do
    [ "$agent-$environment" != dqn-Pendulum-v1 ] || continue
    STEPS=120 experiment "$agent" "$agent" "$environment"
    policy=("$mbrl" train "$work/$agent.json" --quiet --seeds 0-1) out="$work/$agent-$environment"
    expect 0 "" "${policy[@]}" --out "$out" --jobs 1 threads=1
    expect 0 "" "${policy[@]}" --out "$out-jobs" --jobs 2 threads=1
    for threads in 2 3; do expect 0 "" "${policy[@]}" --out "$out-threads-$threads" threads=$threads; done
    for set in avx2 avx512 portable; do
      MBRL_ISA=$set "$mbrl" --version 2> /dev/null | grep -q "$set" || continue
      expect 0 "" env MBRL_ISA=$set "${policy[@]}" --out "$out-isa-$set"
    done
    for other in "$out"-*; do
      for seed in 0 1; do same_bytes "$(seed_of "$out" $seed)" "$(seed_of "$other" $seed)" "$(basename "$other")"; done
    done
    ok "$agent on $environment: jobs, threads and instruction sets: the same bytes"
  done
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

for cadence in "evaluation.every=7 evaluation.episodes=1" "evaluation.episodes=0" \
  "evaluation.every=0 evaluation.seed=3"; do
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

# Every agent and every planner, a few steps each: what only a debug build does differently is how code was compiled.
if [ -x "$debug" ]; then
  expect 0 "" "$debug" train "$work/same.json" --quiet --out "$work/debug"
  same_bytes "$plain" "$(seed_of "$work/debug")" "debug and release"
  ok "debug and release build"
fi
mkdir "$work/experiments"
small_experiments "$mbrl" "$work/experiments"
count=0
for file in "$work"/experiments/*.json; do
  name="$(basename "$file" .json)"
  shorten "$mbrl" "$file" training.environmentSteps=60 evaluation.every=30 evaluation.episodes=1 \
    environment.stepLimit=20 checkpoint.every=20 agent.initialRandomSteps=40 model.ensembleSize=2 \
    "model.hiddenSizes=[8]" model.epochs=3 planner.horizon=3 planner.population=12 planner.elites=4 \
    planner.iterations=2 planner.particles=2 "agent.hiddenSizes=[8,8]" agent.batchSize=8
  small=(train "$file" "${chosen[@]}" --quiet) out="$work/small-$name"
  expect 0 "" "$mbrl" "${small[@]}" --out "$out-plain" threads=1
  expect 0 "" env MBRL_ISA=portable "$mbrl" "${small[@]}" --out "$out-portable" threads=2
  same_bytes "$(seed_of "$out-plain")" "$(seed_of "$out-portable")" "$name, portable kernels and two threads"
  if [ -x "$debug" ]; then
    expect 0 "" "$debug" "${small[@]}" --out "$out-debug"
    same_bytes "$(seed_of "$out-plain")" "$(seed_of "$out-debug")" "$name, debug and release"
  fi
  count=$((count + 1))
done
compared="portable kernels and two threads"
if [ -x "$debug" ]; then compared+=", debug and release"; else skip "no debug build at ${debug:-hand} (swift build)"; fi
ok "$count small runs of every agent and planner: $compared: the same bytes"
finished
