#!/usr/bin/env bash
# Two binaries on every file of configs/, and on every agent and planner: all tables without wall-clock columns, and the
# weights of the last checkpoint, have to be the same to the byte. Runs are shortened, but each still plans, fits,
# evaluates and stores. A few minutes.
# usage: scripts/compare-binaries.sh OLD NEW [--only TEXT]     --only: runs whose name contains the text
#
# What a run is made of is asked of OLD; what it does not know is skipped. A table without rows may as well be missing.
. "$(dirname "$0")/common.sh"
. scripts/small-runs.sh
only=
options "only= ARGUMENTS" "$@"
[ ${#arguments[@]} = 2 ] || usage
old="$(absolute "${arguments[0]}")" new="$(absolute "${arguments[1]}")"
for program in "$old" "$new"; do [ -x "$program" ] || stop "there is no program at $program"; done
temporary_folder
mkdir "$work/small"
small_experiments "$old" "$work/small"

# first_difference FILE FILE: the first line that is not the same, of both.
first_difference() {
  [ -s "$1" ] || { echo "line 1: only the new one has rows"; return; }
  awk 'NR == FNR { lines[NR] = $0; count = NR; next }
    FNR > count || $0 != lines[FNR] {
      found = 1
      printf "line %d: \"%s\" and \"%s\"\n", FNR, (FNR > count ? "(no such line)" : lines[FNR]), $0
      exit
    }
    END { if (!found && FNR < count) printf "line %d: \"%s\" and \"(no such line)\"\n", FNR + 1, lines[FNR + 1] }' "$@"
}

# tensors FILE FILE: in what two safetensors files differ.
tensors() {
  command -v python3 > /dev/null || { echo "to know in which tensors: apt-get install python3"; return; }
  python3 - "$@" << 'PYTHON'
import json, sys


def read(path):
    data = open(path, "rb").read()
    size = int.from_bytes(data[:8], "little")
    entries = json.loads(data[8:8 + size])
    entries.pop("__metadata__", None)
    body = data[8 + size:]
    return {name: (e["dtype"], e["shape"], body[slice(*e["data_offsets"])]) for name, e in entries.items()}


old, new = map(read, sys.argv[1:])
renamed = sorted(old.keys() ^ new.keys())
changed = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
if renamed:
    same = sorted(map(repr, old.values())) == sorted(map(repr, new.values()))
    print(f"{len(renamed)} names in one of them only, as {renamed[0]}" + (", all values the same" if same else ""))
if changed:
    print(f"{len(changed)} of {len(old)} tensors differ, as {changed[0]}")
if not renamed and not changed:
    print("the same tensors, otherwise written")
PYTHON
}

# differs FILE HOW
differs() {
  complain "$name: $1, $2"
  echo "$1" >> "$work/different"
}

# same_run OLD-SEED NEW-SEED: complains about each difference.
same_run() {
  local table what
  for table in $(tables "$1" "$2"); do
    plain "$1/$table.csv" > "$work/old.csv"
    plain "$2/$table.csv" > "$work/new.csv"
    compared_tables=$((compared_tables + 1))
    cmp -s "$work/old.csv" "$work/new.csv" \
      || differs "$table.csv" "$(first_difference "$work/old.csv" "$work/new.csv")"
  done
  what=checkpoints/latest/weights.safetensors
  compared_weights=$((compared_weights + 1))
  cmp -s "$1/$what" "$2/$what" || differs "$what" "$(tensors "$1/$what" "$2/$what" 2>&1 | tr '\n' ' ')"
}

# reached SEED: the shortened run did what it is to show, or this script is at fault.
reached() {
  [ "$(wc -l < "$1/eval.csv")" -ge 3 ] || fail "$name: fewer than two evaluations"
  [ -e "$1/checkpoints/latest/weights.safetensors" ] || fail "$name: no checkpoint"
  grep -q '^model\.' "$work/settings" || return 0
  # Nothing needs the model of these.
  if ! grep -qE '^planner\.model +"true"|^agent\.planningSteps +0 ' "$work/settings"; then
    [ "$(wc -l < "$1/model.csv")" -ge 3 ] || fail "$name: the model was never fitted"
  fi
}

runs=0 equal=0 compared_tables=0 compared_weights=0
# compare NAME FILE SETTING …: a run by both, at the same time.
compare() {
  local name="$1" file="$2" side code before=$failures steps
  shift 2
  [[ $name == *"$only"* ]] || return 0
  rm -rf "$work/old" "$work/new"
  "$old" config show "$file" "$@" > "$work/settings" 2>&1 || { skip "$name: the old one cannot run it"; return 0; }
  if grep -q '^model\.' "$work/settings"; then
    steps=(training.environmentSteps=160 evaluation.every=40 evaluation.episodes=1 checkpoint.every=50
      environment.stepLimit=25 logging.progressEvery=20)
    # 0 means something else: fits between episodes.
    if grep -qE '^agent\.fitEvery +[1-9]' "$work/settings"; then steps+=(agent.fitEvery=20); fi
  else
    # A table learns nothing in so few steps, and costs nothing.
    steps=(training.environmentSteps=3000 evaluation.every=1000 evaluation.episodes=2 checkpoint.every=1000
      environment.changeAt=700 logging.progressEvery=500)
  fi
  shorten "$old" "$file" "${steps[@]}" agent.initialRandomSteps=50 model.ensembleSize=3 model.epochs=4 \
    planner.horizon=6 planner.population=24 planner.elites=6 planner.iterations=2 planner.particles=3 agent.batchSize=16
  for side in old new; do
    {
      code=0
      "${!side}" train "$file" "${chosen[@]}" "$@" --seeds 0 --quiet --out "$work/$side" > "$work/$side.log" 2>&1 \
        || code=$?
      echo $code > "$work/$side.code"
    } &
  done
  wait
  runs=$((runs + 1))
  for side in old new; do
    code="$(cat "$work/$side.code")"
    [ "$code" = 0 ] || complain "$name: $side ended with $code: $(tail -n 1 "$work/$side.log")"
  done
  [ "$failures" = "$before" ] || return 0
  reached "$(seed_of "$work/old")"
  same_run "$(seed_of "$work/old")" "$(seed_of "$work/new")"
  if [ "$failures" = "$before" ]; then equal=$((equal + 1)) && ok "$name"; fi
}

for file in $(find configs -name '*.json' -not -path 'configs/sweeps/*' -not -path 'configs/gymnasium/*' | sort) \
  "$work"/small/*.json; do
  name="${file#"$work"/}"
  compare "${name%.json}" "$file"
done
# What no configuration sets.
while read -r name file settings; do
  read -ra list <<< "$settings"
  path="configs/$file.json"
  [ -f "$path" ] || path="$work/$file.json"
  compare "settings/$name" "$path" "${list[@]}"
done << 'TABLE'
expectation      quickstart       planner.propagation=expectation model.reward=learned
ds               quickstart       planner.propagation=ds planner.pessimism=0.5
learned-parts    quickstart       planner.propagation=tsinf model.reward=learned model.termination=learned
bfloat16         quickstart       planner.precision=bfloat16
deterministic    quickstart       model.kind=deterministic model.termination=never
absolute         pets/pendulum    model.target=absolute model.normalizesTargets=true model.normalizesInputs=false
holdout          pets/pendulum    model.holdout=0.2 model.elites=2 model.patience=1 model.maximumGradientNorm=1
cold             pets/pendulum    model.bootstrap=false model.warmStart=false model.learnsVarianceBounds=false
decays           quickstart       model.weightDecay=[0.01,0.02,0.03] model.activation=gelu
true-model       quickstart       planner.model="true"
plans            quickstart       planner.returns=best planner.varianceEstimator=unbiased planner.replanEvery=3
random-episodes  pets/pendulum    agent.randomEpisodes=0.5 agent.randomActionRepeat=3 planner.discount=0.9
gradient-tsinf   small/pets-gradient planner.propagation=tsinf planner.restarts=3 planner.pessimism=0.1
icem-ts1         small/pets-icem  planner.propagation=ts1 planner.keptElites=0.5
mppi-ds          small/pets-mppi  planner.propagation=ds planner.pessimism=0.1
dqn              small/dyna       agent.planningSteps=0 agent.errorLimit=1
dyna-learned     small/dyna       model.kind=probabilistic model.reward=learned model.termination=learned
prioritized      dyna-q/dyna-maze agent.planning=prioritized
counted          dyna-q/taxi      agent.model=counted agent.countedUpdate=sampled agent.backup=tree-backup
expected-sarsa   dyna-q/taxi      agent.backup=expected-sarsa agent.planningSteps=0 agent.exploration.schedule=linear
TABLE
[ $runs -gt 0 ] || stop "no run is called $only"
if [ -e "$work/different" ]; then echo "$me: runs in which a file differs:" && sort "$work/different" | uniq -c; fi
echo "$me: $equal of $runs runs equal ($compared_tables tables and $compared_weights files of weights compared)"
[ $equal = $runs ]
