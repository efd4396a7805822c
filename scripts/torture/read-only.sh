#!/usr/bin/env bash
# Places where nothing may be written: exit 1 with the path and the reason, and nothing is left behind.
# usage: read-only.sh
. "$(dirname "$0")/common.sh"
STEPS=60 settings readonly
run=("$mbrl")
if [ "$(id -u)" = 0 ]; then
  # Root may write anywhere: somebody else has to try.
  if ! command -v setpriv > /dev/null; then skip "run by root, and there is no setpriv"; exit 0; fi
  cp "$mbrl" "$work/mbrl"
  chmod 755 "$work"
  run=(setpriv --reuid=65534 --regid=65534 --clear-groups "$work/mbrl")
fi
if ! "${run[@]}" --version > "$work/out" 2>&1; then skip "another user cannot run the program here"; exit 0; fi

mkdir "$work/closed"
chmod 555 "$work/closed"
expect 1 "Permission denied" "${run[@]}" train "$work/readonly.json" --quiet --out "$work/closed/runs"
[ -z "$(ls -A "$work/closed")" ] || fail "something was written"
ok "an output folder without the right to write: exit 1, nothing written"

expect 0 "" "$mbrl" train "$work/readonly.json" --quiet --out "$work/mine"
find "$work/mine" -type f -exec sha256sum {} + | sort > "$work/before"
chmod -R a-w,a+rX "$work/mine"
expect 1 "Permission denied" "${run[@]}" train "$work/readonly.json" --quiet --out "$work/mine" \
  training.environmentSteps=80
ok "going on with somebody else's run: exit 1, said why"
expect 0 "" "${run[@]}" eval "$work"/mine/* --episodes 1
expect 0 "" "${run[@]}" inspect "$work"/mine/*
ok "eval and inspect of a read-only run: exit 0"
find "$work/mine" -type f -exec sha256sum {} + | sort | cmp - "$work/before" || fail "files changed"
ok "no byte of it has changed"

chmod 000 "$work/readonly.json"
expect 3 "Permission denied" "${run[@]}" train "$work/readonly.json" --quiet --out "$work/never"
chmod 644 "$work/readonly.json"
ok "a configuration that cannot be read: exit 3"
touch "$work/file"
expect 1 "File exists" "$mbrl" train "$work/readonly.json" --quiet --out "$work/file/runs"
ok "a file in the way: exit 1"
finished
