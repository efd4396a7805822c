#!/usr/bin/env bash
# A sweep of 6 jobs as a Slurm array on this machine: one job's program is killed, another is told to store itself, an
# urgent job takes a third one's place, and the sweep is submitted again; then the same tables as without Slurm.
# usage: scripts/torture/slurm.sh [--steps N]      as root; installs slurm-wlm and munge where they are missing
. "$(dirname "$0")/../common.sh"
steps=1000000
options "steps=" "$@"
if [ "$(id -u)" != 0 ]; then
  skip "a Slurm of its own, for only root can start one"
  exit 0
fi
build_binary
export MBRL="$mbrl"
temporary_folder
slurm="$work/slurm"
cleanup_all() { scripts/setup-slurm.sh stop --folder "$slurm" 2> /dev/null || true; cleanup; }
trap cleanup_all EXIT
SLURM_CONF="$(scripts/setup-slurm.sh start --folder "$slurm" | sed -n 's/^export SLURM_CONF=//p')" \
  || stop "Slurm did not start"
export SLURM_CONF
cat > "$work/sweep.json" << JSON
{"name": "array", "experiment": "$PWD/configs/dyna-q/dyna-maze.json", "seeds": "0-2",
 "settings": {"training.environmentSteps": $steps, "checkpoint.every": 5000, "evaluation.every": 5000},
 "grid": {"agent.planningSteps": [20, 50]}}
JSON
sweep() { scripts/sweep.sh "$work/sweep.json" --out "$work/array" --engine slurm --partition main; }
# running: the array's tasks that run, as JOB_TASK.
running() { squeue -h -t R -p main -o %A,%K,%i 2> /dev/null | cut -d, -f3; }
# wait_for COMMAND …: until it succeeds, four minutes at most.
wait_for() {
  local _
  # Slurm lets a job that was queued again wait for two minutes.
  for _ in $(seq 2400); do
    if "$@" > /dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  fail "$* did not come about"
}
one_runs() { [ "$(running | wc -l)" -ge 1 ]; }
has_checkpoint() { ls "$work"/array/runs/*/seed-*/checkpoints/step-* -d; }

sweep > "$work/first.txt" 2> "$work/log.txt" &
first=$!
wait_for one_runs
wait_for has_checkpoint
process="$(pgrep -f "sweep run $work/array" | head -n 1)"
kill -KILL "$process" || fail "no program of the array runs"
echo "     killed the program of one job"
wait_for one_runs
# One that has just begun, or just ends, cannot be told anything.
tell_one() {
  local job
  for job in $(running); do
    if scancel --signal=USR1 --batch "$job"; then return 0; fi
  done
  return 1
}
sleep 2
wait_for tell_one
echo "     told another job to store itself"
wait_for one_runs
sbatch --partition=urgent --cpus-per-task="$(nproc)" --time=1 --output=/dev/null --wrap 'sleep 2' > /dev/null
echo "     an urgent job takes the machine"
wait "$first" || true
sweep > "$work/second.txt" 2>> "$work/log.txt" || fail "the second round: $(tail -n 1 "$work/log.txt")"
grep -q "6 jobs: 6 done" "$work/second.txt" || fail "$(tail -n 1 "$work/second.txt")"
grep -qs "interrupted\|stored" "$work"/array/runs/*/seed-*/log.txt || complain "no job tells that it was stopped"
"$mbrl" sweep plan "$work/sweep.json" --out "$work/here" > /dev/null 2>&1
"$mbrl" sweep run "$work/here" --quiet > /dev/null || fail "the sweep without Slurm"
for folder in "$work"/here/runs/*/seed-*; do
  other="$work/array/${folder#"$work/here/"}"
  for table in $(tables "$folder"); do
    cmp -s <(plain "$folder/$table.csv") <(plain "$other/$table.csv") || fail "$other/$table.csv differs"
  done
done
ok "6 jobs by Slurm, one killed, one stored, some preempted: the same tables as here"
finished
