#!/usr/bin/env bash
# The pushing arm's table: how often what each way of learning has got from its transitions brings the object home.
# usage: scripts/reproduce/pushing-arm.sh [--out DIR] [--methods "pets …"] [--seeds "0 1 …"] [--jobs N] [--quick]
#   [--table | --part]
#
# Trains planning by the cross-entropy method and by random shooting and model-based policy optimisation for 5,000
# transitions each, soft actor-critic for 50,000 and proximal policy optimisation for 500,000, N processes (one) of one
# thread at a time, and runs each policy for 20 episodes that none of them has seen. Success is the object within .05 m
# of its target at the end. Run again it does what is missing; what was interrupted goes on where it stood. --quick: one
# seed and a tenth of the transitions, to see it run; --table: trains nothing; --part: makes no table. DIR is
# runs/pushing-arm at first; MBRL names the binary (default: that of this tree, built).
. "$(dirname "$0")/common.sh"
out=runs/pushing-arm
methods="ppo sac mbpo random-shooting pets"
seeds="0 1 2 3 4"
begin_runs "methods=" "$@"

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
  [ -z "$table" ] || break
  steps="$(steps_of "$method")"
  for seed in $seeds; do
    if put_off --methods "$method" --seeds "$seed"; then continue; fi
    folder="$out/$method"
    "$mbrl" train "configs/$method/pushing-arm.json" --seeds "$seed" --jobs 1 --quiet --out "$folder" threads=1 \
      training.environmentSteps="$steps" checkpoint.every=0 > "$folder-$seed.log" 2>&1 \
      || { cat "$folder-$seed.log"; fail "$method, seed $seed"; }
    result="$folder-$seed-$steps.json"
    if ! [ -s "$result" ]; then
      "$mbrl" eval "$(seed_of "$folder" "$seed")" --episodes 20 --seed 1000 --threads 1 --json --quiet \
        > "$result.part" || fail "the evaluation of $method, seed $seed"
      mv "$result.part" "$result"
    fi
    echo "$(date -u +%H:%M) $method seed $seed" >&2
  done
done

end_runs
for method in $methods; do
  for seed in $seeds; do
    result="$out/$method-$seed-$(steps_of "$method").json"
    [ ! -s "$result" ] || echo "$method $(seed_of "$out/$method" "$seed") $result"
  done
done | python3 scripts/reproduce/pushing_arm.py "$out"
