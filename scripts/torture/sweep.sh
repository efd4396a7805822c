#!/usr/bin/env bash
# A sweep of 24 runs, all of its processes killed at three random moments and started again, against one that nobody
# disturbed: the same tables, and no run that was done is touched again.
# usage: scripts/torture/sweep.sh [--seed N] [--steps N]
. "$(dirname "$0")/../common.sh"
seed=$RANDOM steps=60000
options "seed= steps=" "$@"
build_binary
export MBRL="$mbrl"
temporary_folder
cat > "$work/sweep.json" << JSON
{"name": "kill", "experiment": "$PWD/configs/dyna-q/dyna-maze.json", "seeds": "0-3",
 "settings": {"training.environmentSteps": $steps, "checkpoint.every": 2000},
 "grid": {"agent.planningSteps": [5, 20, 50], "agent.learningRate": [{"start": 0.1}, {"start": 0.5}]}}
JSON
echo "$me: seed $seed"
RANDOM=$seed
start="$(date +%s%N)"
scripts/sweep.sh "$work/sweep.json" --out "$work/undisturbed" > "$work/undisturbed.txt" 2> "$work/log.txt" \
  || fail "the undisturbed sweep: $(tail -n 1 "$work/log.txt")"
milliseconds=$((($(date +%s%N) - start) / 1000000))
grep -q "24 jobs: 24 done" "$work/undisturbed.txt" || fail "$(tail -n 1 "$work/undisturbed.txt")"

# done_jobs: one line per finished seed, with the moment at which it was.
done_jobs() {
  local file
  for file in "$work"/killed/runs/*/seed-*/status.json; do
    if grep -qs '"done"' "$file"; then echo "$file $(stat -c %Y.%i "$file") $(md5sum < "$file")"; fi
  done | sort
}

: > "$work/before.txt"
for kill in 1 2 3; do
  setsid scripts/sweep.sh "$work/sweep.json" --out "$work/killed" > /dev/null 2>> "$work/log.txt" &
  group=$!
  # Somewhere in the first half of what is left.
  wait_ms=$((RANDOM % (milliseconds / 4) + milliseconds / 20))
  sleep "$((wait_ms / 1000)).$(printf %03d $((wait_ms % 1000)))"
  kill -KILL -- "-$group" 2> /dev/null || true
  wait "$group" 2> /dev/null || true
  done_jobs > "$work/now.txt"
  [ -z "$(comm -23 "$work/before.txt" "$work/now.txt")" ] || fail "a run that was done was touched before kill $kill"
  cp "$work/now.txt" "$work/before.txt"
  echo "     after kill $kill: $(wc -l < "$work/now.txt") of 24 done"
done
scripts/sweep.sh "$work/sweep.json" --out "$work/killed" > "$work/killed.txt" 2>> "$work/log.txt" \
  || fail "the last round: $(tail -n 1 "$work/log.txt")"
grep -q "24 jobs: 24 done" "$work/killed.txt" || fail "$(tail -n 1 "$work/killed.txt")"
done_jobs > "$work/now.txt"
[ -z "$(comm -23 "$work/before.txt" "$work/now.txt")" ] || fail "a run that was done was touched in the last round"
for folder in "$work"/undisturbed/runs/*/seed-*; do
  other="$work/killed/${folder#"$work/undisturbed/"}"
  for table in $(tables "$folder"); do
    cmp -s <(plain "$folder/$table.csv") <(plain "$other/$table.csv") || fail "$other/$table.csv differs"
  done
done
"$mbrl" sweep collect "$work/undisturbed" > "$work/a.csv"
"$mbrl" sweep collect "$work/killed" > "$work/b.csv"
cmp -s "$work/a.csv" "$work/b.csv" || fail "the collected tables differ"
ok "24 runs, 3 kills: the same tables, no run done twice"
finished
