#!/usr/bin/env bash
# SIGTERM, SIGINT and SIGUSR1 at random moments: exit 75 with a checkpoint, resumed until done to the same bytes; within
# a second even in a long model fit or plan. A second signal ends at once.
# usage: signals.sh [--runs N] [--seed N]
. "$(dirname "$0")/common.sh"
runs=15 seed=
options "runs= seed=" "$@"
choose "$seed"
settings signal
command=("$mbrl" train "$work/signal.json" --quiet)
start=$(now)
expect 0 "" "${command[@]}" --out "$work/plain"
duration=$(($(now) - start))
names=(TERM INT USR1)
early=0 stops=0
for ((run = 0; run < runs; run++)); do
  name=${names[run % 3]}
  rm -rf "$work/cut"
  here=0
  while true; do
    # Shells start background processes with SIGINT ignored; a signal that is ignored at the start stays so.
    env --default-signal=INT "${command[@]}" --out "$work/cut" > "$work/out" 2>&1 &
    process=$!
    random $((duration / 2 + here * duration / 10 + 10))
    sleep "$(seconds "$choice")"
    kill -$name $process 2> /dev/null || true
    code=0
    { wait $process; } 2> /dev/null || code=$?
    case $code in
      0) break ;;
      75)
        stops=$((stops + 1))
        status="$(seed_of "$work/cut")/status.json"
        grep -q '"interrupted"' "$status" || { cat "$status"; fail "$name: status after 75"; }
        expect 0 "" "$mbrl" inspect "$(seed_of "$work/cut")" ;;
      # Before the program has installed its handlers, nothing has begun.
      129 | 130 | 138 | 143) early=$((early + 1)) ;;
      *) cat "$work/out"; fail "SIG$name ended with $code" ;;
    esac
    here=$((here + 1))
    [ $here -lt 60 ] || fail "no end after 60 signals"
  done
  same_bytes "$(seed_of "$work/plain")" "$(seed_of "$work/cut")" "after $here × SIG$name"
  ok "SIG$name $here times, then the same bytes"
done
echo "$me: $stops interruptions with a checkpoint, $early before the start"

# In the middle of a long model fit and of a long plan: given up within a second, started over by the next session.
# within WHAT SETTING …: interrupts a run that spends nearly all of its time in that.
within() {
  local what="$1" out="$work/within-$1" stopped
  shift
  rm -rf "$work/long"
  local long=("${command[@]}" training.environmentSteps=42 evaluation.episodes=0 evaluation.every=0 "$@")
  start=$(now)
  expect 0 "" "${long[@]}" --out "$work/long"
  duration=$(($(now) - start))
  [ $duration -gt 1000 ] || fail "$what: the whole run took $duration ms only"
  slowest=0
  for ((stopped = 0; stopped < 3; stopped++)); do
    env --default-signal=INT "${long[@]}" --out "$out" > "$work/out" 2>&1 &
    process=$!
    sleep "$(seconds $((duration * (3 + 3 * stopped) / 10 / 2)))"
    start=$(now)
    kill -TERM $process
    code=0
    { wait $process; } 2> /dev/null || code=$?
    took=$(($(now) - start))
    [ $code = 75 ] || { cat "$work/out"; fail "$what: SIGTERM ended with $code"; }
    [ $took -lt 1000 ] || fail "$what: SIGTERM took $took ms"
    [ $took -le $slowest ] || slowest=$took
    if [ "$what" = fit ]; then
      grep -q '"run.isInsideStep": "true"' "$(seed_of "$out")/checkpoints/latest/state.json" \
        || fail "$what: stored elsewhere"
    fi
  done
  expect 0 "" "${long[@]}" --out "$out"
  same_bytes "$(seed_of "$work/long")" "$(seed_of "$out")" "interrupted in a $what"
  ok "SIGTERM three times in a $what of a run of $duration ms: exit 75 after at most $slowest ms, then the same bytes"
}
within fit model.epochs=60000 model.holdout=0 model.batchSize=8 planner.iterations=1
within plan planner.population=16000 planner.particles=30 planner.horizon=20 "model.hiddenSizes=[64,64]" model.epochs=1

# A second signal does not wait: where the disk hangs, and the checkpoint with it.
if ! preload; then skip "no preloading or no C compiler here: the disk does not hang"; finished; exit 0; fi
for name in TERM INT; do
  rm -f "$work/hang"
  env --default-signal=INT LD_PRELOAD="$work/faults.so" FAULT=hang FAULT_HANG="$work/hang" \
    "${command[@]}" --out "$work/twice-$name" training.environmentSteps=1000000 evaluation.every=0 > "$work/out" 2>&1 &
  process=$!
  await "$work/twice-$name/*/seed-0/checkpoints/latest"
  touch "$work/hang"
  sleep 0.5
  start=$(now)
  kill -$name $process
  sleep 1
  kill -0 $process 2> /dev/null || { cat "$work/out"; fail "SIG$name: it did not hang"; }
  kill -$name $process
  code=0
  { wait $process; } 2> /dev/null || code=$?
  took=$(($(now) - start))
  want=143; [ $name = TERM ] || want=130
  [ $code = $want ] || fail "two SIG$name ended with $code instead of $want"
  [ $took -lt 3000 ] || fail "two SIG$name took $took ms"
  ok "two SIG$name, a second apart, on a disk that hangs: exit $code after $took ms"
done
finished
