#!/usr/bin/env bash
# SIGTERM, SIGINT and SIGUSR1 at random moments: exit 75 with a checkpoint, resumed until done to the same bytes; a second
# signal ends at once.
# usage: signals.sh [--runs N] [--seed N]
. "$(dirname "$0")/common.sh"
runs=15 seed=
while [ $# -gt 0 ]; do
  case "$1" in --runs) runs="$2" ;; --seed) seed="$2" ;; *) echo "usage: signals.sh [--runs N] [--seed N]" >&2; exit 2 ;; esac
  shift 2
done
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

# A second signal does not wait: during a model fit of minutes.
for name in TERM INT; do
  env --default-signal=INT "${command[@]}" --out "$work/twice-$name" model.epochs=1000000 model.holdout=0 > "$work/out" 2>&1 &
  process=$!
  for _ in $(seq 100); do compgen -G "$work/twice-$name/*/seed-0/status.json" > /dev/null && break; sleep 0.1; done
  sleep 1
  start=$(now)
  kill -$name $process
  sleep 0.5
  kill -$name $process 2> /dev/null || true
  code=0
  { wait $process; } 2> /dev/null || code=$?
  took=$(($(now) - start))
  want=143; [ $name = TERM ] || want=130
  [ $code = $want ] || fail "two SIG$name ended with $code instead of $want"
  [ $took -lt 3000 ] || fail "two SIG$name took $took ms"
  ok "two SIG$name end at once: exit $code after $took ms"
done
finished
