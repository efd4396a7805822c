# What the torture scripts share; sourced, not run. They need a release build (`swift build -c release`), or MBRL=path.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
find_binary
# In memory where that is possible: a run's time goes into the run, and not into waiting for the disk.
place="${TORTURE_DIR:-}"
[ -n "$place" ] || { [ -w /dev/shm ] && place=/dev/shm; } || place="${TMPDIR:-/tmp}"
temporary_folder "$place"
trap 'fail "line $LINENO: \"$BASH_COMMAND\" failed"' ERR
set -E

# settings NAME [ENVIRONMENT] [PROPAGATION]: a small, fast PETS experiment in which everything happens often.
settings() {
  cat > "$work/$1.json" << EOF
{"name": "$1",
 "environment": {"id": "${2:-Pendulum-v1}", "stepLimit": 40},
 "agent": {"type": "pets", "initialRandomSteps": 40, "fitEvery": 20},
 "model": {"ensembleSize": 3, "hiddenSizes": [16, 16], "epochs": 20, "holdout": 0.1},
 "planner": {"type": "${PLANNER:-cem}", "horizon": 6, "population": 40, "iterations": 3,
  "propagation": "${3:-ts1}", "particles": 3},
 "training": {"environmentSteps": ${STEPS:-300}},
 "evaluation": {"every": 50, "episodes": 2}, "checkpoint": {"every": 20}, "logging": {"progressEvery": 10}}
EOF
}

# experiment NAME AGENT [ENVIRONMENT] [PROPAGATION]: the same for any agent; policies with a replay that wraps early
# and minibatches that are no multiple of a vector.
experiment() {
  local section model="" replay='"initialRandomSteps": 20, "batchSize": 41, "replayCapacity": 60'
  local soft='"hiddenSizes": [24, 24], "criticHiddenSizes": [24, 24]'
  case "$2" in
    pets) settings "$1" "${@:3}"; return ;;
    sac) section="$replay, $soft" ;;
    mbpo)
      section="$replay, $soft, \"fitEvery\": 20, \"rolloutStarts\": 150, \"retainedRounds\": 2,
        \"updatesPerStep\": 2, \"rolloutLength\": {\"first\": 1, \"last\": 3, \"from\": 40, \"to\": 160}"
      model=', "model": {"ensembleSize": 3, "elites": 2, "hiddenSizes": [16, 16], "epochs": 20}' ;;
    ppo)
      section='"hiddenSizes": [24], "rolloutLength": 16, "batchSize": 41, "epochs": 3,
        "normalizesObservations": true, "normalizesRewards": true' ;;
    dqn) section="$replay, \"hiddenSizes\": [24, 24], \"nStepReturns\": 3, \"priorityExponent\": 0.6" ;;
    dreamer)
      section='"batchSize": 12, "sequenceLength": 12, "imaginationLength": 4, "trainRatio": 72, "replayCapacity": 200,
        "behaviour": {"reinforceShare": 0.5}, "curiosity": {"type": "disagreement", "members": 3, "taskWeight": 1}' ;;
    *) fail "no experiment for $2" ;;
  esac
  cat > "$work/$1.json" << EOF
{"name": "$1",
 "environment": {"id": "${3:-CartPole-v1}", "stepLimit": 40},
 "agent": {"type": "$2", $section}$model,
 "training": {"environmentSteps": ${STEPS:-300}},
 "evaluation": {"every": 50, "episodes": 2}, "checkpoint": {"every": 20}, "logging": {"progressEvery": 10}}
EOF
}

# code COMMAND …: its exit code in $code, its output in $work/out.
code() {
  code=0
  "$@" > "$work/out" 2>&1 || code=$?
}

# expect CODE TEXT COMMAND …: the exit code, and a text in the output ("" for any).
expect() {
  local want="$1" text="$2"
  shift 2
  code "$@"
  [ "$code" = "$want" ] || { cat "$work/out"; fail "exit $code instead of $want: $*"; }
  [ -z "$text" ] || grep -qF -- "$text" "$work/out" || { cat "$work/out"; fail "no \"$text\" from: $*"; }
}

# scalars CHECKPOINT: the counters and random streams of state.json, without clocks.
scalars() { sed -n '/^  "scalars": {/,$p' "$1/state.json" | grep -v '"checksum"\|rowSeconds\|elapsedSeconds'; }

# newest SEED: its newest checkpoint; the link to it may be missing.
newest() { find "$1/checkpoints" -maxdepth 1 -name 'step-*' | sort | tail -n 1; }

# same_training SEED SEED WHAT: what evaluating more or less often must not change.
same_training() {
  local table
  for table in $(tables "$1" "$2"); do
    [ "$table" = eval ] || cmp <(plain "$1/$table.csv") <(plain "$2/$table.csv") || fail "$table.csv differs: $3"
  done
  cmp "$(newest "$1")/weights.safetensors" "$(newest "$2")/weights.safetensors" \
    || fail "weights differ: $3"
}

# same_bytes SEED SEED WHAT: tables without clocks, weights, all other tensors, counters and random streams.
same_bytes() {
  same_training "$@"
  cmp <(plain "$1/eval.csv") <(plain "$2/eval.csv") || fail "eval.csv differs: $3"
  cmp "$(newest "$1")/state.safetensors" "$(newest "$2")/state.safetensors" || fail "state differs: $3"
  cmp <(scalars "$(newest "$1")") <(scalars "$(newest "$2")") || fail "scalars differ: $3"
}

# milliseconds since some moment.
now() { echo $(($(date +%s%N) / 1000000)); }

# seconds MILLISECONDS, for sleep.
seconds() { printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)); }

# choose SEED: the random numbers of this script; the seed is printed, and the same seed asks the same questions.
choose() {
  seed="${1:-$(($(date +%s) % 32768))}"
  RANDOM=$seed
  echo "$me: random seed $seed (--seed $seed repeats the choices)"
}
# random N: 0 to N - 1, in $choice (no subshell: that would repeat the numbers).
# shellcheck disable=SC2034
random() { choice=$(((RANDOM * 32768 + RANDOM) % $1)); }

# some_calls [--every N] [--seed N]: reads the options of a script that tries every Nth call; N in $every.
some_calls() {
  every=1 seed=
  options "every= seed=" "$@"
  [ "$every" = 1 ] || choose "$seed"
}

# preload: builds faults.c; false where that is not possible.
preload() {
  [ "$(uname)" = Linux ] || return 1
  local compiler
  for compiler in clang cc; do
    command -v $compiler > /dev/null || continue
    $compiler -O1 -shared -fPIC -o "$work/faults.so" scripts/torture/faults.c -ldl && return 0
  done
  return 1
}

# await PATTERN: until a file of that pattern is there, ten seconds at most.
await() {
  for _ in $(seq 100); do
    if compgen -G "$1" > /dev/null; then return; fi
    sleep 0.1
  done
}
