#!/usr/bin/env bash
# Clocks that jump back and forth by days, the time of day and the stopwatch: no result depends on them.
# usage: clock-jump.sh
. "$(dirname "$0")/common.sh"
if ! preload; then skip "no preloading or no C compiler here"; exit 0; fi
settings clock
expect 0 "" "$mbrl" train "$work/clock.json" --quiet --out "$work/plain"
expect 0 "" env LD_PRELOAD="$work/faults.so" FAULT=clock "$mbrl" train "$work/clock.json" --quiet --out "$work/jumping"
same_bytes "$(seed_of "$work/plain")" "$(seed_of "$work/jumping")" "jumping clocks"
# The jumps did arrive: the times are absurd.
awk -F, 'NR > 1 && ($NF > 100 || $NF < 0) { absurd = 1 } END { exit !absurd }' \
  "$(seed_of "$work/jumping")/episodes.csv" || fail "the clock did not jump"
if grep -qi 'nan\|inf' "$(seed_of "$work/jumping")/progress.csv"; then fail "a rate is no number"; fi
ok "clocks that jump by up to eleven days at every reading: the same bytes"
code env LD_PRELOAD="$work/faults.so" FAULT=clock timeout --preserve-status -s TERM 0.2 \
  "$mbrl" train "$work/clock.json" --quiet --out "$work/cut"
[ $code = 75 ] || [ $code = 0 ] || [ $code = 143 ] || { cat "$work/out"; fail "interrupted: exit $code"; }
first=$code
expect 0 "" env LD_PRELOAD="$work/faults.so" FAULT=clock "$mbrl" train "$work/clock.json" --quiet --out "$work/cut"
same_bytes "$(seed_of "$work/plain")" "$(seed_of "$work/cut")" "interrupted under jumping clocks"
ok "interrupted (exit $first) and resumed under jumping clocks: the same bytes"
finished
