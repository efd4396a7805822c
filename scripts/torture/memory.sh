#!/usr/bin/env bash
# Settings that need more memory than there is: exit 1 before the start, with what needs it, in --dry-run, train and
# eval alike, whoever sets the limit; and between that and enough room a run ends with a word, never with a crash. And
# the estimate of --dry-run against what runs take: from a small buffer to a large one they grow by as much.
# usage: memory.sh
. "$(dirname "$0")/common.sh"
file=configs/pets/pendulum.json
huge=(planner.population=1000000 planner.horizon=10000 training.environments=1024)
expect 0 "of memory beside the program's own" "$mbrl" train $file --dry-run
expect 0 '"memory_bytes":' "$mbrl" train $file --dry-run --json
expect 1 "for plans: planner.population 1000000 × planner.horizon 10000" "$mbrl" train $file "${huge[@]}" --dry-run
expect 1 "lower what is largest" "$mbrl" train $file "${huge[@]}" --out "$work/never"
[ ! -e "$work/never" ] || fail "something was written"
ok "more than the machine has: exit 1, what it is for, nothing written"
[ "$(uname)" = Linux ] || { skip "limits of a process: not on this system"; finished; exit; }

large=(
  model.ensembleSize=32 model.hiddenSizes=[512,512] model.epochs=1 planner.population=4 planner.elites=2
  planner.iterations=1 planner.horizon=2 agent.initialRandomSteps=1 training.environmentSteps=2 evaluation.episodes=0
)
# limited KILOBYTES COMMAND …: its exit code in $code, its output in $work/out.
limited() {
  code=0
  (ulimit -c 0; ulimit -v "$1"; shift; "$@" > "$work/out" 2>&1) || code=$?
  ! grep -q "Fatal error\|Backtrac" "$work/out" || { cat "$work/out"; fail "a crash under a limit of $1 kB"; }
}
refused=0 done=0
for limit in 300000 400000 500000 600000 700000 800000 1000000 1500000; do
  limited $limit "$mbrl" train $file "${large[@]}" --quiet --out "$work/$limit"
  case $code in
    0) done=$((done + 1)) ;;
    1) refused=$((refused + 1)) ;;
    *) cat "$work/out"; fail "exit $code under a limit of $limit kB" ;;
  esac
done
[ $refused -ge 2 ] && [ $done -ge 2 ] || fail "$refused refused, $done done: the limits do not straddle the need"
ok "limits of the address space: $refused refused, $done done, no crash"
limited 300000 "$mbrl" train $file "${large[@]}" --dry-run
[ $code = 1 ] && grep -q "ulimit -v" "$work/out" || { cat "$work/out"; fail "the limit is not named"; }
limited 300000 "$mbrl" eval "$work/1500000"/* --episodes 1
[ $code = 1 ] && grep -q "ulimit -v" "$work/out" || { cat "$work/out"; fail "eval: exit $code"; }
ok "the limit is named, in --dry-run and in eval"

# Megabytes of a run, as --dry-run says and as the process has at its peak: in $estimate and $peak.
measured() {
  estimate="$("$mbrl" train "$@" --dry-run --json 2> /dev/null | sed -n 's/.*"memory_bytes": *\([0-9]*\).*/\1/p')"
  peak="$(python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)' \
    "$mbrl" train "$@" --quiet --out "$work/measured")"
  rm -rf "$work/measured"
  estimate=$((estimate / 1000000)) peak=$((peak / 1000000))
}
# grows NAME SMALL LARGE ARGUMENT …: both settings of it, and what lies between them. Beside the buffers a checkpoint is
# in memory once more while it is written.
grows() {
  local small
  measured "${@:4}" "$2"
  small="$estimate $peak"
  measured "${@:4}" "$3"
  echo "$1: $2: estimate ${small% *} MB beside the program's own, the process ${small#* } MB at its peak;" \
    "$3: $estimate and $peak MB"
  estimate=$((estimate - ${small% *})) peak=$((peak - ${small#* }))
  [ $((10 * peak)) -ge $((5 * estimate)) ] && [ $((10 * peak)) -le $((22 * estimate)) ] \
    || fail "$1: $estimate MB more by the estimate, $peak MB by the process"
  ok "$1: $estimate MB more by the estimate, $peak MB by the process"
}
if command -v python3 > /dev/null; then
  short=(threads=1 evaluation.episodes=0 checkpoint.every=0)
  grows "mbpo, four rounds of imagined transitions" agent.rolloutStarts=1000 agent.rolloutStarts=200000 \
    configs/mbpo/pushing-arm.json "${short[@]}" training.environmentSteps=1040 agent.fitEvery=10 model.epochs=1 \
    agent.updatesPerStep=1 agent.batchSize=64
  grows "sac, wide networks" "agent.criticHiddenSizes=[256,256]" "agent.criticHiddenSizes=[2048,2048]" \
    configs/sac/pendulum.json "${short[@]}" training.environmentSteps=102 agent.batchSize=64
  grows "dreamer, sequences" agent.batchSize=4 agent.batchSize=128 configs/dreamer/pendulum.json "${short[@]}" \
    agent.sequenceLength=16 agent.trainRatio=32 training.environmentSteps=2200
  grows "dreamer, gradients through its dreams" agent.batchSize=4 agent.batchSize=64 \
    configs/dreamer/pendulum.json "${short[@]}" agent.sequenceLength=16 agent.trainRatio=32 \
    training.environmentSteps=1100 agent.behaviour.reinforceShare=0
else
  skip "what runs take, for it needs Python"
fi
finished
