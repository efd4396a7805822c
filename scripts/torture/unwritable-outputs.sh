#!/usr/bin/env bash
# Results that cannot be written: said before the work, not after it, by every verb; and whatever was measured is
# printed all the same.
# usage: unwritable-outputs.sh
. "$(dirname "$0")/common.sh"
STEPS=60 settings outputs
expect 0 "" "$mbrl" train "$work/outputs.json" --quiet --out "$work/runs"
run="$(seed_of "$work/runs")"
maze='{"environment": {"id": "DynaMaze-v0"}, "agent": {"type": "dyna-q"}, "training": {"environmentSteps": 2000}}'
echo "$maze" > "$work/maze.json"
expect 0 "" "$mbrl" train "$work/maze.json" --quiet --out "$work/mazes"
maze="$(seed_of "$work/mazes")"
mkdir "$work/folder"

# Two million episodes would take hours: an answer within seconds comes before the work.
long=(timeout 20 "$mbrl" eval --episodes 1000000)
for option in --csv --render --text; do
  for place in "$work/nodir/x.gif" "$work/folder"; do
    [ "$option $place" != "--render $work/folder" ] || place="$work/folder.gif"
    [ "$place" != "$work/folder.gif" ] || mkdir -p "$place"
    expect 1 "$place" "${long[@]}" "$maze" $option "$place"
  done
done
ok "eval: a missing folder, or a folder in the way, of --csv, --render and --text: exit 1 at once"
expect 2 "both go to" "${long[@]}" "$maze" --csv "$work/one.csv" --text "$work/./one.csv"
expect 2 "both go to standard output" "${long[@]}" "$maze" --csv - --json
ok "eval: two results for one place: exit 2 at once"

if [ -e /dev/full ]; then
  for command in "bench --seconds 60" "eval $run --episodes 100000" "env check Pendulum-v1" "solve Taxi-v4" \
    "inspect $run" "list environments" "config show $work/outputs.json" "config check $work/outputs.json" \
    "config schema"; do
    expect 1 "cannot write to standard output: No space left" \
      bash -c "timeout 20 '$mbrl' $command 2>&1 > /dev/full"
  done
  ok "every verb with a full standard output: exit 1 at once"
  expect 1 "--csv: cannot write to /dev/full: No space left" "$mbrl" eval "$run" --episodes 2 --csv /dev/full
  grep -q "^ *0 *60 *2 " "$work/out" || { cat "$work/out"; fail "no table"; }
  ok "eval: a file that fails at the end: exit 1, the table is printed"
fi

"$mbrl" eval "$run" --episodes 3 --csv - > "$work/csv" 2> "$work/errors"
[ "$(wc -l < "$work/csv")" = 4 ] || { cat "$work/csv"; fail "--csv - is not the file alone"; }
grep -q "^ *0 *60 *3 " "$work/errors" || fail "--csv -: no table on standard error"
for name in /dev/stdout "$work/file.csv" "$work/file.csv"; do
  "$mbrl" eval "$run" --episodes 3 --csv "$name" > "$work/stdout" 2> "$work/errors"
  [ "$name" = /dev/stdout ] || cp "$work/file.csv" "$work/stdout"
  cmp "$work/csv" "$work/stdout" || fail "--csv $name"
done
ok "eval --csv: - and /dev/stdout are standard output, a file is replaced"

line="$(sed -n 3p "$work/csv")"
seed="$(cut -d, -f4 <<< "$line")"
again="$("$mbrl" eval "$run" --episodes 1 --seed "$seed" --csv - 2> "$work/errors" | sed -n 2p)"
[ "$(cut -d, -f4- <<< "$line")" = "$(cut -d, -f4- <<< "$again")" ] || fail "$line is not $again"
ok "eval --seed: the second of three episodes again, alone"

# One seed of three is damaged.
expect 0 "" "$mbrl" train "$work/outputs.json" --quiet --seeds 0-2 --out "$work/runs"
truncate -s 100 "$(dirname "$run")/seed-1/checkpoints/latest/weights.safetensors"
expect 7 "weights.safetensors has 100 bytes" "$mbrl" eval "$(dirname "$run")" --episodes 2
[ "$(grep -c "^ *[02] *60 *2 " "$work/out")" = 2 ] || { cat "$work/out"; fail "the other seeds' results are lost"; }
ok "eval: one damaged seed of three: exit 7, the others are printed"
finished
