#!/usr/bin/env bash
# The shell loop of docs/reliability.md over `mbrl train`, line by line: Ctrl-C ends it with the run that it interrupts,
# and the same loop goes on from there.
# usage: shell-loop.sh
. "$(dirname "$0")/common.sh"
STEPS=800 settings loop
# The loop with the small experiment, and with the program's full name.
sed -n '/^for horizon/,/^done/p' docs/reliability.md > "$work/readme"
[ "$(grep -c '75' "$work/readme")" = 1 ] || fail "docs/reliability.md has no loop that looks at code 75"
sed "s|mbrl train [^ ]*|'$mbrl' train '$work/loop.json' --quiet --out '$work/runs'|; s/10 20 30/4 5 6/" \
  "$work/readme" > "$work/loop.sh"
# The signal goes to the shell and to the program, as a terminal's does.
timeout -s INT 1 bash "$work/loop.sh" > "$work/out" 2>&1 || true
[ "$(grep -l '"interrupted"' "$work"/runs/*/seed-0/status.json | wc -l)" = 1 ] \
  || { cat "$work/out"; fail "no run was interrupted"; }
[ "$(find "$work/runs" -maxdepth 1 -name 'loop-*' | wc -l)" -lt 3 ] \
  || { cat "$work/out"; fail "the loop went on after Ctrl-C"; }
ok "Ctrl-C ends the documents' loop"
bash "$work/loop.sh" > "$work/out" 2>&1
[ "$(grep -l '"done"' "$work"/runs/*/seed-0/status.json | wc -l)" = 3 ] || fail "the loop did not go on"
ok "the same loop goes on to its end"
finished
