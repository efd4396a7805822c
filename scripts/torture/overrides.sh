#!/usr/bin/env bash
# Every shipped configuration that plans, with every planner by `planner=TYPE`: it trains to its last step, what the
# file says for another planner is left out with a note, and the run's configuration names the planner. Then single
# overrides: words that look like something else, removals, agents and tasks, and what has no effect.
# usage: overrides.sh [--steps N] [--full]
#   --steps N   environment steps of each run (60); 2,000 take half a minute
#   --full      with the files' own models and planners instead of the smallest that still learn: an hour or more
. "$(dirname "$0")/common.sh"
. scripts/small-runs.sh
steps=60 full=
options "steps= full" "$@"
# Of the random steps that the files ask for, 60 would leave no first fit, which is looked for below.
short=(
  agent.initialRandomSteps=$((steps / 3)) agent.fitEvery=$((steps / 6)) environment.stepLimit=20
  evaluation.every=$((steps / 2)) evaluation.episodes=1
)
small=(
  model.hiddenSizes=[8] model.ensembleSize=2 model.elites=0 model.epochs=1 model.weightDecay=0
  planner.horizon=3 planner.replanEvery=1
  planner.population=8 planner.elites=2 planner.iterations=1 planner.restarts=2 planner.particles=2
)
[ -n "$full" ] || short+=("${small[@]}")
[ "$steps" -ge 12 ] || usage

count=0
for file in configs/*/*.json configs/*.json; do
  "$mbrl" config show "$file" 2> /dev/null | grep -q '^planner.type ' || continue
  for planner in $(names "$mbrl" planners); do
    "$mbrl" config show "$file" "planner=$planner" > "$work/shown" 2> "$work/notes"
    ! grep -q "error" "$work/notes" || { cat "$work/notes"; fail "$file with $planner"; }
    chosen=()
    for setting in "${short[@]}"; do
      if grep -q "^${setting%%=*} " "$work/shown"; then chosen+=("$setting"); fi
    done
    out="$work/$count"
    expect 0 "" "$mbrl" train "$file" "planner=$planner" "training.environmentSteps=$steps" "${chosen[@]}" \
      --seeds 0 --quiet --out "$out"
    seed="$(seed_of "$out")"
    grep -q '"status": *"done"' "$seed/status.json" && grep -q "\"step\": *$steps" "$seed/status.json" \
      || { cat "$seed/status.json"; fail "$file with $planner is not done"; }
    "$mbrl" config show "$(dirname "$seed")/config.json" 2> /dev/null | grep -q "^planner.type *\"$planner\"" \
      || fail "$file with $planner: another planner ran"
    [ "$(grep -c . <(plain "$seed/model.csv"))" -ge 2 ] || fail "$file with $planner: nothing was fitted"
    rm -rf "$out"
    count=$((count + 1))
  done
done
[ $count -ge 40 ] || fail "only $count runs"
ok "$count runs of $steps steps: every planning configuration with every planner"

file=configs/pets/pendulum.json
expect 0 "planner.elites: the file's value is left out" "$mbrl" config check $file planner.type=mppi
expect 0 "model: has no effect" "$mbrl" config check $file planner.model=true
expect 0 "planner.particles: has no effect" "$mbrl" train $file planner.propagation=expectation --dry-run --quiet
expect 0 "true" "$mbrl" config show $file name=true
expect 0 "planner.elites" "$mbrl" config show $file planner.elites=null '~planner.population'
expect 3 "nothing to remove" "$mbrl" config check $file '~planner.colour'
expect 3 "use \"pets\" or" "$mbrl" config check $file agent=dyna-q
expect 0 "the file's section is left out" "$mbrl" config check $file environment=CartPole-v1 agent=dyna
expect 0 "[0,1,2,7]" "$mbrl" config show $file seeds=0-2,7
expect 0 "nothing will be learned" "$mbrl" train $file training.environmentSteps=50 --dry-run --quiet
[ ! -e runs ] || [ -z "$(find runs -newer "$work/shown" -maxdepth 0)" ] || fail "a dry run has written something"
ok "words, removals, agents, tasks, and settings without effect"
finished
