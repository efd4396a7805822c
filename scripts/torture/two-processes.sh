#!/usr/bin/env bash
# Several processes on one run directory: exactly one works on a seed, the others end with code 6 and disturb nothing.
# usage: two-processes.sh [--rounds N]
. "$(dirname "$0")/common.sh"
rounds=5
options "rounds=" "$@"
settings two
command=("$mbrl" train "$work/two.json" --quiet)
expect 0 "" "${command[@]}" --out "$work/plain" --seeds 0,1
for ((round = 0; round < rounds; round++)); do
  rm -rf "$work/shared"
  processes=()
  for contender in 1 2 3 4; do
    "${command[@]}" --out "$work/shared" --seeds 0 > "$work/out-$contender" 2>&1 &
    processes+=($!)
  done
  codes=()
  for process in "${processes[@]}"; do
    code=0
    wait "$process" || code=$?
    codes+=("$code")
  done
  winners=0
  for code in "${codes[@]}"; do
    [ "$code" = 0 ] || [ "$code" = 6 ] || { cat "$work"/out-*; fail "four at once ended with ${codes[*]}"; }
    if [ "$code" = 0 ]; then winners=$((winners + 1)); fi
  done
  [ $winners -ge 1 ] || fail "nobody won: ${codes[*]}"
  same_bytes "$(seed_of "$work/plain")" "$(seed_of "$work/shared")" "four at once"
  [ "$(echo "$work"/shared/*/ | wc -w)" = 1 ] || fail "more than one run directory"
  ok "four at once on a fresh directory: codes ${codes[*]}, one undisturbed run"
done
# While one works, whoever comes is told by whom.
rm -rf "$work/shared"
"${command[@]}" --out "$work/shared" training.environmentSteps=100000 > /dev/null 2>&1 &
process=$!
await "$work/shared/*/seed-0/episodes.csv"
expect 6 "process $process" "${command[@]}" --out "$work/shared"
ok "a second process: exit 6, naming process $process"
expect 0 "" "${command[@]}" --out "$work/shared" --seeds 1
same_bytes "$(seed_of "$work/plain" 1)" "$(seed_of "$work/shared" 1)" "another seed beside it"
ok "another seed of the same run at the same time: exit 0, same bytes"
kill -9 $process
{ wait $process; } 2> /dev/null || true
expect 0 "" "${command[@]}" --out "$work/shared"
ok "the lock of a killed process does not stand in the way"
finished
