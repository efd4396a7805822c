#!/usr/bin/env bash
# kill -9 right before (and in the middle of) the Nth call that changes a file, for every N of a run, start-up and
# checkpoint writing included; then the run is resumed and must end in the bytes of an undisturbed one.
# usage: kill-at-call.sh [--every N] [--seed N] [--agents "NAME …"]     every Nth call only, from a random one on
#   (default 1: all of them); Linux, needs a C compiler
. "$(dirname "$0")/common.sh"
every=1 seed='' agents="pets sac mbpo ppo dqn dreamer"
options "every= seed= agents=" "$@"
choose "$seed"
if ! preload; then skip "no preloading or no C compiler here"; exit 0; fi
for agent in $agents; do
  STEPS=70 experiment "call-$agent" "$agent"
  command=("$mbrl" train "$work/call-$agent.json" --quiet checkpoint.every=15 evaluation.episodes=1)
  case "$agent" in pets | mbpo) command+=(model.epochs=2) ;; esac
  out="$work/plain-$agent"
  expect 0 "" env LD_PRELOAD="$work/faults.so" FAULT=count FAULT_COUNT="$work/count" "${command[@]}" --out "$out"
  count="$(cat "$work/count")"
  plain="$(seed_of "$out")"
  for fault in kill half; do
    killed=0
    random "$every"
    for ((call = 1 + choice; call <= count; call += every)); do
      rm -rf "$work/cut"
      code=0
      # A shell of its own says "Killed" where nobody hears it.
      (LD_PRELOAD="$work/faults.so" FAULT=$fault:$call exec "${command[@]}" --out "$work/cut") > "$work/out" 2>&1 \
        || code=$?
      [ $code = 137 ] || { cat "$work/out"; fail "$fault:$call of $count ended with $code"; }
      expect 0 "" "${command[@]}" --out "$work/cut"
      same_bytes "$plain" "$(seed_of "$work/cut")" "$agent killed at call $call of $count ($fault)"
      [ -z "$(find "$work"/cut/*/ -name '.*.tmp' -print -quit)" ] || fail "$fault:$call left temporary files for good"
      killed=$((killed + 1))
    done 2> /dev/null
    ok "$agent: $killed kills ($fault) among the $count calls of a run, each resumed to the same bytes"
  done
done
finished
