#!/usr/bin/env bash
# Runs on environments in a Python worker, made by the stand-in for gymnasium in Tests/Fixtures/worker: kill -9 of the
# program, and of the worker, at random moments until the run is done, then the bytes of an undisturbed one; and no
# worker outlives its program, not even one that hangs in a step.
# usage: gymnasium.sh [--runs N] [--seed N]
. "$(dirname "$0")/common.sh"
runs=2 seed=
options "runs= seed=" "$@"
choose "$seed"
command -v python3 > /dev/null || { skip "python3 is missing"; finished; exit; }

# A Python that notes the numbers of its processes.
cat > "$work/python" << EOF
#!/bin/sh
echo \$\$ >> "$work/processes"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$PWD/Tests/Fixtures/worker/fake" exec python3 "\$@"
EOF
chmod +x "$work/python"

# is_alive PROCESS
is_alive() { [ -d "/proc/$1" ] && [ "$(cut -d' ' -f3 "/proc/$1/stat" 2> /dev/null || echo Z)" != Z ]; }
# gone WHAT: every worker there was has ended, within some seconds.
gone() {
  local number left
  for _ in $(seq 100); do
    left=""
    while read -r number; do
      if is_alive "$number"; then left="$number"; fi
    done < "$work/processes"
    [ -n "$left" ] || return 0
    sleep 0.1
  done
  fail "process $left outlives its program: $1"
}

# experiment_in NAME KWARGS SETTINGS: a run of 399 steps of three environments.
experiment_in() {
  cat > "$work/$1.json" << EOF
{"name": "$1",
 "environment": {"id": "gymnasium:Point-v0", "python": "$work/python", "kwargs": $2$3},
 "agent": {"type": "dqn", "initialRandomSteps": 20, "hiddenSizes": [16], "batchSize": 20},
 "training": {"environmentSteps": 399, "environments": 3},
 "evaluation": {"every": 60, "episodes": 2}, "checkpoint": {"every": 30}, "logging": {"progressEvery": 30}}
EOF
}

for ((run = 0; run < runs; run++)); do
  # With the environments' states in checkpoints, and with their actions alone.
  name=state settings=""
  [ $((run % 2)) = 0 ] || { name=actions settings=', "pythonWrappers": [{"gymnasium:Pusher": {"by": 1}}]'; }
  experiment_in "$name" "{}" "$settings"
  : > "$work/processes"
  rm -rf "$work/plain" "$work/cut"
  start=$(now)
  expect 0 "" "$mbrl" train "$work/$name.json" --quiet --out "$work/plain"
  duration=$(($(now) - start)) kills=0 ends=0
  while true; do
    "$mbrl" train "$work/$name.json" --quiet --out "$work/cut" > "$work/out" 2>&1 &
    process=$!
    random $((duration / 2 + kills * duration / 20 + 20))
    sleep "$(seconds "$choice")"
    # Every third time it is the newest worker that is killed: the run fails, and the next command goes on.
    worker="$(tail -n 1 "$work/processes")"
    if [ $((kills % 3)) = 2 ] && is_alive "$worker"; then
      kill -9 "$worker" 2> /dev/null && ends=$((ends + 1))
    else
      kill -9 $process 2> /dev/null || true
    fi
    code=0
    { wait $process; } 2> /dev/null || code=$?
    gone "after kill $kills"
    [ $code != 0 ] || break
    # 3: the worker was killed that was to say what the environment is.
    case $code in 137 | 1 | 3) ;; *) cat "$work/out"; fail "$name ended with $code after $kills kills" ;; esac
    kills=$((kills + 1))
    [ $kills -lt 200 ] || fail "$name did not end after 200 kills"
  done
  same_bytes "$(seed_of "$work/plain")" "$(seed_of "$work/cut")" "$name after $kills kills"
  ok "$name: $kills kills, $ends of a worker, then the same bytes"
done

experiment_in hanging '{"fault": "hang", "at": 5}' ""
: > "$work/processes"
"$mbrl" train "$work/hanging.json" --quiet --out "$work/hanging" > "$work/out" 2>&1 &
process=$!
await "$work/hanging/*/seed-0/status.json"
sleep 1
is_alive "$(tail -n 1 "$work/processes")" || fail "no worker hangs"
kill -9 $process
{ wait $process; } 2> /dev/null || true
gone "while it hung"
ok "a worker that hangs ends with its program"
finished
