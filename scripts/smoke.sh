#!/usr/bin/env bash
# The release binary from end to end in about a minute: configurations, environments, train, interrupt, resume, eval.
# usage: scripts/smoke.sh   (after `swift build -c release`; MBRL: another binary)
. "$(dirname "$0")/common.sh"
options "" "$@"
find_binary
temporary_folder

"$mbrl" --version
# What this machine lacks: MuJoCo's library, or Gymnasium. The message names the script that brings it.
is_lacking() { grep -q 'scripts/setup-' "$work/check"; }
lacking=0
find configs -name '*.json' -not -path 'configs/sweeps/*' | sort > "$work/configs"
while read -r config; do
  if "$mbrl" config check "$config" > "$work/check" 2>&1; then cat "$work/check"
  elif is_lacking; then
    lacking=$((lacking + 1))
    cp "$work/check" "$work/lack"
  else cat "$work/check"; fail "$config"
  fi
done < "$work/configs"
[ "$lacking" = 0 ] || skip "$lacking configurations; the last: $(tail -n 1 "$work/lack")"
for sweep in configs/sweeps/*.json; do "$mbrl" sweep plan "$sweep" --dry-run > /dev/null; done
ok "configurations"

"$mbrl" list environments --json | sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' > "$work/ids"
[ -s "$work/ids" ] || fail "list environments named none"
while read -r id; do
  trace="Tests/Fixtures/gymnasium/$id.jsonl"
  [ -f "$trace" ] || trace="Tests/Fixtures/gymnasium/${id%-v0}.jsonl"
  check=("$mbrl" env check "$id")
  [ ! -f "$trace" ] || check+=(--trace "$trace")
  if ! "${check[@]}" > "$work/check" 2>&1; then
    if is_lacking; then skip "$id: $(tail -n 1 "$work/check")"; else cat "$work/check"; fail "$id"; fi
  fi
done < "$work/ids"
"$mbrl" solve CliffWalking-v1 --discount 1 > "$work/solution"
grep -q 'best possible.* -13$' "$work/solution" \
  || { cat "$work/solution"; fail "the optimum of CliffWalking is not -13"; }
ok "$(wc -l < "$work/ids") environments"

# Everything but the wall-clock columns and the files that name machine and times.
same_bytes() {
  local table
  for table in $(tables "$1" "$2"); do
    cmp <(plain "$1/$table.csv") <(plain "$2/$table.csv") || fail "$table.csv differs: $3"
  done
  cmp "$1/checkpoints/latest/weights.safetensors" "$2/checkpoints/latest/weights.safetensors" \
    || fail "weights differ: $3"
}

settings=(configs/quickstart.json training.environmentSteps=400 evaluation.episodes=1 --seeds "0,1" --quiet)
"$mbrl" train "${settings[@]}" --jobs 1 --out "$work/plain"
interruptions=0
# Growing pauses: an interrupted evaluation starts over, so equal ones could go on for ever.
for pause in 0.5 0.6 0.8 1.2 2 4 8 600; do
  code=0
  timeout --preserve-status -s TERM "$pause" "$mbrl" train "${settings[@]}" --jobs 2 --out "$work/cut" \
    > "$work/table" || code=$?
  [ "$code" = 75 ] || break
  interruptions=$((interruptions + 1))
done
[ "$code" = 0 ] || fail "resumed training ended with $code"
for seed in 0 1; do
  same_bytes "$(seed_of "$work/plain" $seed)" "$(seed_of "$work/cut" $seed)" "interrupted and undisturbed run"
done
ok "train undisturbed, and with two jobs, $interruptions interruptions and resumed: the same bytes"

run="$(dirname "$(seed_of "$work/plain")")"
"$mbrl" eval "$run" --episodes 2
for ending in svg gif; do
  "$mbrl" eval "$run/seed-0" --episodes 1 --render "$work/episode.$ending" > /dev/null
done
head -c 6 "$work/episode.gif" | grep -q GIF89a || fail "eval --render wrote no GIF"
grep -q '</svg>' "$work/episode.svg" || fail "eval --render wrote no SVG"
"$mbrl" inspect "$run/seed-0" > "$work/inspection"
grep -q weight "$work/inspection" || fail "inspect shows no weights"
"$mbrl" inspect "$run/seed-0" --all > "$work/everything"
grep -q '^counters$' "$work/everything" || fail "inspect --all shows no counters"
[ "$(wc -l < "$work/everything")" -gt "$(wc -l < "$work/inspection")" ] || fail "inspect --all shows no more"
"$mbrl" list > "$work/lists"
for name in environments agents models planners; do grep -qx "$name" "$work/lists" || fail "list lacks $name"; done
ok "eval, inspect and list"

expect() {
  local want="$1" code=0
  shift
  "$@" > "$work/out" 2>&1 || code=$?
  [ "$code" = "$want" ] || { cat "$work/out"; fail "exit $code instead of $want: $*"; }
}
expect 2 "$mbrl" trian
expect 3 "$mbrl" train configs/quickstart.json planner.populaton=5 --out "$work/never"
[ ! -e "$work/never" ] || fail "a faulty configuration left files"
head -c 100 "$run/seed-0/checkpoints/latest/weights.safetensors" > "$work/short"
cp "$work/short" "$run/seed-0/checkpoints/latest/weights.safetensors"
expect 4 "$mbrl" eval "$run/seed-0" --episodes 1
ok "mistakes"
finished
