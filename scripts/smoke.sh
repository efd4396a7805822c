#!/usr/bin/env bash
# The release binary from end to end in about a minute: configurations, environments, train, interrupt, resume, eval.
# usage: scripts/smoke.sh   (after `swift build -c release`)
set -euo pipefail
cd "$(dirname "$0")/.."
mbrl="$(swift build -c release --show-bin-path)/mbrl"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
fail() { echo "smoke: $*" >&2; exit 1; }

"$mbrl" --version
find configs -name '*.json' | sort | while read -r config; do "$mbrl" config check "$config"; done

echo "environments"
"$mbrl" list environments --json | sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' > "$work/ids"
[ -s "$work/ids" ] || fail "list environments named none"
while read -r id; do
  trace="Tests/Fixtures/gymnasium/$id.jsonl"
  [ -f "$trace" ] || trace="Tests/Fixtures/gymnasium/${id%-v0}.jsonl"
  if [ -f "$trace" ]; then "$mbrl" env check "$id" --trace "$trace" > "$work/check" || { cat "$work/check"; fail "$id"; }
  else "$mbrl" env check "$id" > "$work/check" || { cat "$work/check"; fail "$id"; }; fi
done < "$work/ids"
"$mbrl" solve CliffWalking-v1 --discount 1 > "$work/solution"
grep -q 'best possible.* -13$' "$work/solution" || { cat "$work/solution"; fail "the optimum of CliffWalking is not -13"; }

# Everything but the wall-clock columns, which stand last, and the files that name machine and times.
same_bytes() {
  for file in episodes eval progress model; do
    for side in "$1" "$2"; do
      awk -F, -v OFS=, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "steps_per_s" || $i == "wall_s") { last = i - 1; break } } { NF = last; print }' \
        "$side/$file.csv" > "$side.$file.plain"
    done
    cmp "$1.$file.plain" "$2.$file.plain" || fail "$file.csv differs: $3"
  done
  cmp "$1/checkpoints/latest/weights.safetensors" "$2/checkpoints/latest/weights.safetensors" || fail "weights differ: $3"
}

settings=(configs/quickstart.json training.environmentSteps=400 evaluation.episodes=1 --seeds 0,1 --quiet)
echo "train, undisturbed"
"$mbrl" train "${settings[@]}" --jobs 1 --out "$work/plain"
echo "train, two jobs, interrupted and resumed"
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
echo "$interruptions interruptions"
run="$(basename "$work"/plain/*)"
for seed in 0 1; do
  same_bytes "$work/plain/$run/seed-$seed" "$work/cut/$run/seed-$seed" "interrupted and undisturbed run"
done

echo "eval and inspect"
"$mbrl" eval "$work/plain/$run" --episodes 2
for ending in svg gif; do
  "$mbrl" eval "$work/plain/$run/seed-0" --episodes 1 --render "$work/episode.$ending" > /dev/null
done
head -c 6 "$work/episode.gif" | grep -q GIF89a || fail "eval --render wrote no GIF"
grep -q '</svg>' "$work/episode.svg" || fail "eval --render wrote no SVG"
"$mbrl" inspect "$work/plain/$run/seed-0" > "$work/inspection"
grep -q weight "$work/inspection" || fail "inspect shows no weights"

echo "mistakes"
expect() { local want="$1" code=0; shift; "$@" > "$work/out" 2>&1 || code=$?; [ "$code" = "$want" ] || { cat "$work/out"; fail "exit $code instead of $want: $*"; }; }
expect 2 "$mbrl" trian
expect 3 "$mbrl" train configs/quickstart.json planner.populaton=5 --out "$work/never"
[ ! -e "$work/never" ] || fail "a faulty configuration left files"
head -c 100 "$work/plain/$run/seed-0/checkpoints/latest/weights.safetensors" > "$work/short"
cp "$work/short" "$work/plain/$run/seed-0/checkpoints/latest/weights.safetensors"
expect 4 "$mbrl" eval "$work/plain/$run/seed-0" --episodes 1
echo "smoke test passed"
