#!/usr/bin/env bash
# Every signal that asks for an end, at random moments: exit 75 with a checkpoint, resumed until done to the same bytes;
# within a second even in a long model fit or plan. The same where a terminal is closed; what is ignored at the start
# (nohup, a script's background job) stays so. A second signal ends at once.
# usage: signals.sh [--runs N] [--seed N]
. "$(dirname "$0")/common.sh"
runs=18 seed=
options "runs= seed=" "$@"
choose "$seed"
settings signal
command=("$mbrl" train "$work/signal.json" --quiet)
start=$(now)
expect 0 "" "${command[@]}" --out "$work/plain"
duration=$(($(now) - start))
names=(TERM INT HUP USR1 USR2 XCPU)
early=0 stops=0
for ((run = 0; run < runs; run++)); do
  name=${names[run % ${#names[@]}]}
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
      129 | 130 | 138 | 140 | 143 | 152) early=$((early + 1)) ;;
      *) cat "$work/out"; fail "SIG$name ended with $code" ;;
    esac
    here=$((here + 1))
    [ $here -lt 60 ] || fail "no end after 60 signals"
  done
  same_bytes "$(seed_of "$work/plain")" "$(seed_of "$work/cut")" "after $here × SIG$name"
  ok "SIG$name $here times, then the same bytes"
done
echo "$me: $stops interruptions with a checkpoint, $early before the start"

# eval prints what it has measured, and writes it, too.
for name in TERM INT; do
  env --default-signal=INT "$mbrl" eval "$work/plain"/* --episodes 1000000 --csv "$work/rows.csv" > "$work/out" \
    2> "$work/errors" &
  process=$!
  sleep 2
  kill -$name $process
  code=0
  { wait $process; } 2> /dev/null || code=$?
  [ $code = 75 ] || { cat "$work/out" "$work/errors"; fail "SIG$name: eval ended with $code"; }
  measured="$(awk '$1 == 0 { print $3 }' "$work/out")"
  [ "${measured:-0}" -gt 0 ] || { cat "$work/out" "$work/errors"; fail "SIG$name: eval measured nothing"; }
  grep -q "interrupted by SIG$name: seed 0 at step 300: $measured of 1000000 episodes" "$work/errors" \
    || { cat "$work/errors"; fail "SIG$name: eval does not say how far it came"; }
  [ "$(wc -l < "$work/rows.csv")" = $((measured + 1)) ] || fail "SIG$name: eval --csv has not its $measured episodes"
  ok "SIG$name in eval: $measured episodes printed and written, exit 75"
done

# In the middle of a long model fit and of a long plan: given up within a second, started over by the next session.
# within WHAT SETTING …: interrupts a run that spends nearly all of its time in that, until it was there three times.
within() {
  local what="$1" out="$work/within-$1" attempt inside=0 want
  shift
  rm -rf "$work/long"
  local long=("${command[@]}" training.environmentSteps=42 evaluation.episodes=0 evaluation.every=0 "$@")
  start=$(now)
  expect 0 "" "${long[@]}" --out "$work/long"
  duration=$(($(now) - start))
  [ $duration -gt 1000 ] || fail "$what: the whole run took $duration ms only"
  slowest=0
  for ((attempt = 0; inside < 3; attempt++)); do
    [ $attempt -lt 30 ] || fail "$what: $inside of $attempt interruptions were in the middle of one"
    env --default-signal=TERM "${long[@]}" --out "$out" > "$work/out" 2>&1 &
    process=$!
    random $((duration / 3))
    sleep "$(seconds $((duration / 20 + choice)))"
    start=$(now)
    kill -TERM $process
    code=0
    { wait $process; } 2> /dev/null || code=$?
    took=$(($(now) - start))
    # Done already, or not yet begun: another time.
    if [ $code = 0 ]; then rm -rf "$out"; fi
    if [ $code = 0 ] || [ $code = 143 ]; then continue; fi
    [ $code = 75 ] || { cat "$work/out"; fail "$what: SIGTERM ended with $code"; }
    [ $took -lt 1000 ] || fail "$what: SIGTERM took $took ms"
    [ $took -le $slowest ] || slowest=$took
    # A plan is made before its step is counted, a fit after.
    want=true
    [ "$what" = fit ] || want=false
    if grep -q "\"run.isUnlearned\": \"$want\"" "$(newest "$(seed_of "$out")")/state.json"; then
      inside=$((inside + 1))
    fi
  done
  expect 0 "" "${long[@]}" --out "$out"
  same_bytes "$(seed_of "$work/long")" "$(seed_of "$out")" "interrupted in a $what"
  ok "SIGTERM $attempt times in a run of $duration ms, $inside in a $what: exit 75 within $slowest ms, same bytes"
}
within fit model.epochs=60000 model.holdout=0 model.batchSize=8 planner.iterations=1
within plan planner.population=16000 planner.particles=30 planner.horizon=20 "model.hiddenSizes=[64,64]" model.epochs=1

# await_status FOLDER WORD: until its status.json says so, or three seconds have passed.
await_status() {
  local waited
  for ((waited = 0; waited < 60; waited++)); do
    if grep -q "\"$2\"" "$1/status.json" 2> /dev/null; then return; fi
    sleep 0.05
  done
  cat "$1/status.json" >&2
  fail "$1 is not $2"
}

# A terminal that is closed: its program's output fails from then on, and SIGHUP comes.
longer=("${command[@]}" training.environmentSteps=1000000 evaluation.every=0)
# closed_terminal NAME START STOP: START runs $line in a terminal, STOP closes it.
closed_terminal() {
  local out="$work/closed-$1" line
  line="$(printf '%q ' env --default-signal=HUP "${longer[@]}" --out "$out")"
  line="${line/--quiet/}"
  "$2" "$line"
  await "$out/*/seed-0/checkpoints/latest"
  "$3"
  await_status "$(seed_of "$out")" interrupted
  expect 75 "" timeout --preserve-status --signal=TERM 1 "${longer[@]}" --out "$out"
  ok "a closed terminal ($1): stored and interrupted, and goes on"
}
script_terminal() { script --quiet --flush --command "$1" /dev/null > /dev/null < /dev/null & process=$!; }
close_script() { kill -KILL $process; { wait $process; } 2> /dev/null || true; }
tmux_terminal() { tmux -L "mbrl-$$" new-session -d -s run "$1"; }
close_tmux() { tmux -L "mbrl-$$" kill-session -t run; }
if command -v script > /dev/null; then closed_terminal script script_terminal close_script
else skip "a closed terminal, for there is no \`script\`; to install it: apt-get install bsdutils"; fi
if command -v tmux > /dev/null; then closed_terminal tmux tmux_terminal close_tmux
else skip "a closed terminal of tmux; to install it: apt-get install tmux"; fi

# still_runs NAME SIGNAL COMMAND …: what is ignored at the start changes nothing; SIGTERM ends it.
still_runs() {
  local name="$1" signal="$2" out="$work/ignored-$1" code=0
  shift 2
  "$@" "${longer[@]}" --out "$out" > "$work/out" 2>&1 &
  process=$!
  await "$out/*/seed-0/checkpoints/latest"
  kill -"$signal" $process
  sleep 1
  kill -0 $process 2> /dev/null || fail "$name: SIG$signal ended it"
  grep -q '"running"' "$(seed_of "$out")/status.json" || fail "$name: SIG$signal was heard"
  kill -TERM $process
  { wait $process; } 2> /dev/null || code=$?
  [ $code = 75 ] || fail "$name: SIGTERM ended with $code"
  ok "$name: SIG$signal changes nothing, SIGTERM ends with 75"
}
still_runs nohup HUP nohup
still_runs background INT env --ignore-signal=INT

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
