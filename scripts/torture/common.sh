# Shared by the torture scripts; sourced, not run. They need a release build (`swift build -c release`), or MBRL=path.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
me="$(basename "$0" .sh)"
mbrl="${MBRL:-$(swift build -c release --show-bin-path)/mbrl}"
[ -x "$mbrl" ] || { echo "$me: build first: swift build -c release" >&2; exit 1; }
# In memory where that is possible: a run's time goes into the run, and not into waiting for the disk.
place="${TORTURE_DIR:-}"
[ -n "$place" ] || { [ -w /dev/shm ] && place=/dev/shm; } || place="${TMPDIR:-/tmp}"
work="$(mktemp -d "$place/mbrl-$me.XXXXXX")"
cases=0

fail() {
  echo "FAIL $me: $*"
  echo "     what it left is in $work"
  trap - EXIT
  exit 1
}
ok() { cases=$((cases + 1)); echo "ok   $me: $*"; }
skip() { echo "SKIP $me: $*"; }
cleanup() { chmod -R u+rwX "$work" 2> /dev/null || true; rm -rf "$work"; }
trap cleanup EXIT
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

# seed_of OUT: the folder of seed 0 of the only run there.
seed_of() { echo "$1"/*/seed-"${2:-0}"; }

# plain CSV: without the wall-clock columns, which stand last.
plain() {
  awk -F, -v OFS=, 'NR == 1 { last = NF; for (i = 1; i <= NF; i++) if ($i == "steps_per_s" || $i == "wall_s") { last = i - 1; break } } { NF = last; print }' "$1"
}

# scalars CHECKPOINT: the counters and random streams of state.json, without clocks.
scalars() { sed -n '/^  "scalars": {/,$p' "$1/state.json" | grep -v '"checksum"\|rowSeconds\|elapsedSeconds'; }

# same_training SEED SEED WHAT: what evaluating more or less often must not change.
same_training() {
  local file
  for file in episodes progress model; do
    cmp <(plain "$1/$file.csv") <(plain "$2/$file.csv") || fail "$file.csv differs: $3"
  done
  cmp "$1/checkpoints/latest/weights.safetensors" "$2/checkpoints/latest/weights.safetensors" \
    || fail "weights differ: $3"
}

# same_bytes SEED SEED WHAT: tables without clocks, weights, all other tensors, counters and random streams.
same_bytes() {
  same_training "$@"
  cmp <(plain "$1/eval.csv") <(plain "$2/eval.csv") || fail "eval.csv differs: $3"
  cmp "$1/checkpoints/latest/state.safetensors" "$2/checkpoints/latest/state.safetensors" || fail "state differs: $3"
  cmp <(scalars "$1/checkpoints/latest") <(scalars "$2/checkpoints/latest") || fail "scalars differ: $3"
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
random() { choice=$(((RANDOM * 32768 + RANDOM) % $1)); }

# some_calls [--every N] [--seed N]: reads the options of a script that tries every Nth call; N in $every.
some_calls() {
  every=1
  local seed=
  while [ $# -gt 0 ]; do
    case "$1" in
      --every) every="$2" ;; --seed) seed="$2" ;;
      *) echo "usage: $me.sh [--every N] [--seed N]" >&2; exit 2 ;;
    esac
    shift 2
  done
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

finished() { echo "$me: $cases cases passed"; }
