#!/usr/bin/env bash
# Standard output or error closed, full, or a pipe that nobody reads: no crash, no message into a data file, no lost
# run.
# usage: closed-output.sh
. "$(dirname "$0")/common.sh"
STEPS=80 settings output
command=("$mbrl" train "$work/output.json")
expect 0 "" "${command[@]}" --quiet --out "$work/plain"
plain="$(seed_of "$work/plain")"
number=0
# try WHAT CODES REDIRECTION: trains, and the same command again ends in the same bytes.
try() {
  local what="$1" codes="$2"
  number=$((number + 1))
  local out="$work/try-$number"
  code=0
  (eval "exec \"\${command[@]}\" --json --out \"$out\" > \"$work/stdout\" $3") 2> "$work/errors" || code=$?
  [[ " $codes " == *" $code "* ]] || { cat "$work/errors"; fail "$what: exit $code, expected one of: $codes"; }
  local first=$code
  expect 0 "" "${command[@]}" --quiet --out "$out"
  same_bytes "$plain" "$(seed_of "$out")" "$what"
  ok "$what: exit $first, then the same bytes"
}
try "closed standard output" "0 1 75" ">&-"
try "closed standard error" "0 1 75" "2>&-"
try "closed input, output and error" "0 1 75" "<&- >&- 2>&-"
[ ! -e /dev/full ] || try "full standard output" "0 1 75" "> /dev/full"
[ ! -e /dev/full ] || try "full standard error" "0 1 75" "2> /dev/full"

number=$((number + 1))
set +e
"${command[@]}" --json --out "$work/try-$number" 2> "$work/errors" | head -c 1 > /dev/null
codes=("${PIPESTATUS[@]}")
set -e
[[ ${codes[0]} =~ ^(0|75|141)$ ]] || fail "a reader that left: exit ${codes[0]}"
expect 0 "" "${command[@]}" --quiet --out "$work/try-$number"
same_bytes "$plain" "$(seed_of "$work/try-$number")" "a reader that left"
ok "a reader that left: exit ${codes[0]}, then the same bytes"

for verb in "list environments" "config schema" "--help" "config show $work/output.json" "inspect $plain"; do
  set +e
  "$mbrl" $verb 2> "$work/errors" | true
  codes=("${PIPESTATUS[@]}")
  set -e
  [[ ${codes[0]} =~ ^(0|1|141)$ ]] || fail "mbrl $verb | true: exit ${codes[0]}"
  [ ! -s "$work/errors" ] || { cat "$work/errors"; fail "mbrl $verb | true: not quiet"; }
done
ok "other verbs into a closed pipe: quiet"
finished
