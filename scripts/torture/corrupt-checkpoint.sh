#!/usr/bin/env bash
# Damaged and foreign files in a run directory. Where an older checkpoint is intact the run goes on from it to the same
# bytes; where none is, exit 4 with the reason of each, and not one measured row is thrown away.
# usage: corrupt-checkpoint.sh
. "$(dirname "$0")/common.sh"
STEPS=90 settings damage
command=("$mbrl" train "$work/damage.json" --quiet checkpoint.keep=3)
expect 0 "" "${command[@]}" --out "$work/plain"
plain="$(seed_of "$work/plain")"
# A run that was stopped by kill -9 after step 80: its newest checkpoints are those of 80, 60 and 40.
expect 0 "" "${command[@]}" --out "$work/stopped" training.environmentSteps=80
sed -i 's/"status": "done"/"status": "running"/' "$(seed_of "$work/stopped")/status.json"
newest=step-000000080

fresh() {
  rm -rf "$work/run"
  cp -r "$work/stopped" "$work/run"
  seed="$(seed_of "$work/run")"
  checkpoints="$seed/checkpoints"
}
# goes_on WHAT: with a word about the damage, to the same bytes.
goes_on() {
  expect 4 "" "$mbrl" inspect "$checkpoints/$newest"
  expect 4 "" "$mbrl" eval "$checkpoints/$newest" --episodes 1
  expect 0 "is set aside as damaged-$newest" "${command[@]}" --out "$work/run"
  same_bytes "$plain" "$seed" "$1"
}
flip() { # FILE OFFSET BIT
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
  printf "$(printf '\\x%02x' $((byte ^ (1 << $3))))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
# The kinds of offset in a file: its first bytes, the header's length, inside the header, the first and the last byte of
# the data, the middle.
offsets() {
  local size header
  size=$(stat -c %s "$1")
  case "$1" in
    *.safetensors)
      header=$(od -An -tu8 -N 8 "$1" | tr -d ' ')
      echo 0 1 7 8 9 $((8 + header / 2)) $((7 + header)) $((8 + header)) $((8 + header + (size - header) / 2)) \
        $((size - 1)) ;;
    *) echo 0 1 20 $((size / 4)) $((size / 2)) $((size * 3 / 4)) $((size - 4)) ;;
  esac
}

for file in weights.safetensors state.safetensors state.json; do
  fresh
  list="$(offsets "$checkpoints/$newest/$file")"
  for offset in $list; do
    fresh
    truncate -s "$offset" "$checkpoints/$newest/$file"
    goes_on "$file cut at $offset"
  done
  ok "$file cut off at $(echo $list | wc -w) offsets ($list): found, the one before is used, same bytes"
  for offset in $list; do
    for bit in 0 5; do
      fresh
      flip "$checkpoints/$newest/$file" "$offset" $bit
      # White space in state.json may differ without a change of what it says.
      if [ $file = state.json ] && "$mbrl" inspect "$checkpoints/$newest" > /dev/null 2>&1; then continue; fi
      goes_on "$file, bit $bit of byte $offset"
    done
  done
  ok "$file with a bit flipped at each of them: the same"
  fresh
  rm "$checkpoints/$newest/$file"
  if [ $file = state.json ]; then
    expect 0 "is set aside" "${command[@]}" --out "$work/run"
    same_bytes "$plain" "$seed" "no $file"
  else
    goes_on "no $file"
  fi
  fresh
  head -c 5000 /dev/urandom > "$checkpoints/$newest/$file"
  goes_on "$file of noise"
  ok "$file missing, and of noise: the same"
done

fresh
foreign_safetensors > "$checkpoints/$newest/weights.safetensors"
goes_on "foreign safetensors"
ok "a foreign, valid safetensors file in its place: the same"
fresh
cp "$plain/checkpoints/latest/weights.safetensors" "$checkpoints/$newest/weights.safetensors"
goes_on "weights of another step"
ok "weights of another step: the same"

# All of them damaged, or foreign in the same way.
none_left() {
  local before
  before="$(cat "$seed"/*.csv | sha256sum)"
  expect 4 "$2" "${command[@]}" --out "$work/run"
  grep -qF "no checkpoint can be used" "$work/out" || { cat "$work/out"; fail "$1: no list of reasons"; }
  [ "$before" = "$(cat "$seed"/*.csv | sha256sum)" ] || fail "$1: tables were touched"
  grep -q '"failed"' "$seed/status.json" || fail "$1: status.json does not say failed"
  ok "$1: exit 4, the reasons, every row kept"
}
fresh
for folder in "$checkpoints"/step-*; do truncate -s 100 "$folder/state.safetensors"; done
none_left "every checkpoint cut off" "cut off or foreign"
fresh
for folder in "$checkpoints"/step-*; do sed -i 's/^  "version": 2,/  "version": 1,/' "$folder/state.json"; done
none_left "checkpoints of another version" "written in format version 1 by mbrl"
fresh
expect 0 "" "${command[@]}" --out "$work/other" environment.stepLimit=39
rm -r "$checkpoints"/step-*
cp -r "$(seed_of "$work/other")/checkpoints/$newest" "$checkpoints/"
none_left "a checkpoint of another configuration" "belongs to another configuration"
fresh
sed 's/"type": "pets".*/"type": "random"},/; /"model"/d; /"planner"/,/"propagation"/d' "$work/damage.json" \
  > "$work/random.json"
expect 0 "" "$mbrl" train "$work/random.json" --quiet --out "$work/random" training.environmentSteps=80
rm -r "$checkpoints"/step-*
cp -r "$(seed_of "$work/random")/checkpoints/$newest" "$checkpoints/"
none_left "a checkpoint of another agent" "belongs to another configuration"
fresh
expect 0 "" "${command[@]}" --out "$work/seed1" --seeds 1 training.environmentSteps=80
rm -r "$checkpoints"/step-*
cp -r "$(seed_of "$work/seed1" 1)/checkpoints/$newest" "$checkpoints/"
none_left "a checkpoint of another seed" "belongs to seed 1"

# Tables.
fresh
for table in episodes eval progress model; do printf '99,1.5,"half a r' >> "$seed/$table.csv"; done
expect 0 "" "${command[@]}" --out "$work/run"
same_bytes "$plain" "$seed" "half rows"
ok "half-written last rows: cut off, same bytes"
fresh
truncate -s -5 "$seed/progress.csv"
expect 0 "the checkpoint was made at" "${command[@]}" --out "$work/run"
same_bytes "$plain" "$seed" "short table"
ok "a table shorter than the newest checkpoint says: the one before is used, same bytes"
fresh
head -1 "$seed/episodes.csv" > "$work/header"
cp "$work/header" "$seed/episodes.csv"
none_left "a table that lost all its rows" "episodes.csv"
fresh
rm "$seed/model.csv"
none_left "a table that is gone" "model.csv"
fresh
sed -i '1s/.*/a,b,c/' "$seed/eval.csv"
none_left "a table with other columns" "its columns are"

# The run directory itself.
fresh
sed -i 's/"version": 1/"version": 2/' "$work"/run/*/format.json
expect 4 "a run directory of version 2" "${command[@]}" --out "$work/run"
expect 4 "a run directory of version 2" "$mbrl" eval "$work"/run/*
expect 4 "a run directory of version 2" "$mbrl" inspect "$seed"
ok "a run directory of another version: exit 4"
fresh
echo '{"environment":' > "$(echo "$work"/run/*/config.json)"
expect 3 "config.json" "${command[@]}" --out "$work/run"
ok "config.json of the run cut off: exit 3"
fresh
: > "$seed/status.json"
: > "$seed/run.json"
expect 0 "" "${command[@]}" --out "$work/run"
same_bytes "$plain" "$seed" "empty status.json and run.json"
ok "status.json and run.json emptied: written anew, same bytes"
finished
