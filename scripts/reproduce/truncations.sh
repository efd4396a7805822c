#!/usr/bin/env bash
# What of imagined rollouts is believed: rules that end, thin, weigh or fine them, in one program, on the same seeds.
# usage: scripts/reproduce/truncations.sh [--out DIR] [--tasks "pendulum …"] [--rules "none …"] [--seeds "0 1 …"]
#   [--jobs N] [--quick] [--table | --part]
#
# Trains model-based policy optimisation under every rule, N processes (one) of one thread at a time, and writes
# DIR/table.md and DIR/table.csv: medians over the seeds with 95 % bootstrap intervals. All rules of a task share
# everything else: the model, its fits, ten updates a step, rollouts of ten steps (MACURA's longest), and the twin
# without imagined data, which makes as many updates on real transitions alone. Run again it does what is missing; what
# was interrupted goes on where it stood. --quick: one seed and a quarter of the steps, to see it run; --table: trains
# nothing; --part: makes no table. DIR is runs/truncations at first; MBRL names the binary (default: that of this tree,
# built).
. "$(dirname "$0")/common.sh"
out=runs/truncations
tasks="pendulum cartpole-swingup reacher"
rules="real none infoprop macura m2ac weight mopo short fitted"
seeds="0 1 2 3 4"
begin_runs "tasks= rules=" "$@"

# rule RULE: its settings, in the array `chosen`. Coefficients are those of the papers where one holds for all tasks;
# MACURA's factor was tuned for each task from 0.3 to 30, MOPO's λ from 0.5 to 5: both are 1 here, and nothing is tuned.
# `short` is MBPO's own start, one step, and so a tenth of the rows; `fitted` is `none` with a model that learns rare
# rewards, too, and RULE-fitted any other one likewise.
rule() {
  case "${1%-fitted}" in
    real) chosen=(agent.rolloutStarts=0) ;;
    none) chosen=() ;;
    short) chosen=(agent.rolloutLength.first=1 agent.rolloutLength.last=1) ;;
    fitted) chosen=() ;;
    infoprop) chosen=(agent.trust.cut=information agent.trust.draw=conditional) ;;
    macura) chosen=(agent.trust.cut=threshold) ;;
    m2ac) chosen=(agent.trust.cut=share) ;;
    weight) chosen=(agent.trust.weight=spread) ;;
    mopo) chosen=(agent.trust.penalty=deviation) ;;
    *) stop "there is no rule $1" ;;
  esac
  if [[ "$1" == *fitted ]]; then chosen+=(model.varianceExponent=0.5); fi
}

# What all lines share: the small networks and the standardised targets of docs/results.md, "What the model predicts".
common=(
  threads=1 checkpoint.every=0 agent.updatesPerStep=10 agent.batchSize=128 'agent.hiddenSizes=[128,128]'
  'agent.criticHiddenSizes=[128,128]' agent.learningRate=1e-3 agent.criticLearningRate=1e-3
  agent.temperatureLearningRate=1e-3 agent.rolloutStarts=2000 agent.retainedRounds=4 agent.rolloutLength.first=10
  agent.rolloutLength.last=10 model.normalizesTargets=true model.varianceExponent=0
)
# task            steps  every  episodes  first fit  fits every  threshold (as in sample-efficiency.sh)
lines="
  pendulum          1000   50     10        200        50          -200
  cartpole-swingup  3000   200    5         400        100         170
  reacher           2000   100    10        250        50          -4.76
"
of() { awk -v task="$1" -v quick="$quick" '$1 == task { if (quick != "") $2 = $2 / 4; print }' <<< "$lines"; }

# finished_at FOLDER STEPS: whether that seed is there already.
finished_at() {
  [ -f "$1/status.json" ] && python3 -c 'import json, sys
sys.exit(json.load(open(sys.argv[1]))["step"] < int(sys.argv[2]))' "$1/status.json" "$2"
}

for task in $tasks; do
  [ -z "$table" ] || break
  line="$(of "$task")"
  [ -n "$line" ] || stop "there is no task $task"
  read -r _ steps every episodes first fits _ <<< "$line"
  for seed in $seeds; do
    for rule in $rules; do
      rule "$rule"
      folder="$out/$task/$rule"
      if finished_at "$(seed_of "$folder" "$seed")" "$steps"; then continue; fi
      if put_off --tasks "$task" --rules "$rule" --seeds "$seed"; then continue; fi
      mkdir -p "$out/$task"
      "$mbrl" train "configs/mbpo/$task.json" "${common[@]}" "${chosen[@]}" --seeds "$seed" --jobs 1 --quiet \
        --out "$folder" training.environmentSteps="$steps" evaluation.every="$every" \
        evaluation.episodes="$episodes" logging.progressEvery="$fits" agent.initialRandomSteps="$first" \
        agent.fitEvery="$fits" > "$folder-$seed.log" 2>&1 \
        || { cat "$folder-$seed.log"; fail "$rule on $task, seed $seed"; }
      echo "$(date -u +%H:%M) $task $rule seed $seed: $(seed_of "$folder" "$seed")" >&2
    done
  done
done

end_runs
for task in $tasks; do
  for rule in $rules; do echo "$rule $(of "$task")"; done
done | python3 scripts/reproduce/truncations.py "$out"
