#!/usr/bin/env bash
# The pushing arm's table: how often what each way of learning has got from its transitions brings the object home.
# usage: scripts/reproduce/pushing-arm.sh [--out DIR] [--methods "pets …"] [--seeds "0 1 …"] [--quick] [--table]
#
# Trains planning by the cross-entropy method and by random shooting and model-based policy optimisation for 5,000
# transitions each, soft actor-critic for 50,000 and proximal policy optimisation for 500,000, one process on one thread
# at a time, and runs each policy for 20 episodes that none of them has seen. Success is the object within .05 m of its
# target at the end. Run again it does what is missing; what was interrupted goes on where it stood. --quick: one seed
# and a tenth of the transitions, to see it run; --table: trains nothing. DIR is runs/pushing-arm at first; MBRL names
# the binary (default: that of this tree, built).
. "$(dirname "$0")/../common.sh"
out=runs/pushing-arm
methods="ppo sac mbpo random-shooting pets"
seeds="0 1 2 3 4"
quick='' table=''
options "out= methods= seeds= quick table" "$@"
need_python
build_binary
[ -z "$quick" ] || seeds=0
mkdir -p "$out"

steps_of() {
  local steps
  case "$1" in
    pets | random-shooting | mbpo) steps=5000 ;;
    sac) steps=50000 ;;
    ppo) steps=500000 ;;
    *) stop "there is no method $1" ;;
  esac
  [ -z "$quick" ] || steps=$((steps / 10))
  echo "$steps"
}

for method in $methods; do
  steps="$(steps_of "$method")"
  for seed in $seeds; do
    if [ -z "$table" ]; then
      "$mbrl" train "configs/$method/pushing-arm.json" --seeds "$seed" --jobs 1 --quiet --out "$out/$method" threads=1 \
        training.environmentSteps="$steps" checkpoint.every=0 > "$out/log.txt" 2>&1 \
        || { cat "$out/log.txt"; fail "$method, seed $seed"; }
      echo "$(date -u +%H:%M) $method seed $seed" >&2
    fi
    folder="$(seed_of "$out/$method" "$seed")"
    [ -d "$folder" ] || continue
    result="$out/$method-$seed.json"
    [ -s "$result" ] || "$mbrl" eval "$folder" --episodes 20 --seed 1000 --threads 1 --json --quiet > "$result"
    echo "$method $seed $folder $result"
  done
done | python3 scripts/reproduce/pushing_arm.py "$out"
