#!/usr/bin/env bash
# Runs a sweep, wherever there are cores; run again it does only what is missing.
# usage: scripts/sweep.sh SWEEP.json [--engine local|parallel|slurm] [--out DIR] [--jobs N] [--threads N]
#   [--hosts FILE] [--partition P] [--time MINUTES]
#
# local: N jobs at a time here (default: one per core), by xargs. parallel: by GNU parallel, here or, with --hosts FILE
# (a line per host, as parallel's --sshloginfile takes them), over ssh to machines that see the same folders. slurm: an
# array job; 2 minutes before its time is up a job is told to store itself, and is queued again. Of a sweep with
# successive halving the next length is planned whenever one is done. DIR is sweeps/NAME at first; MBRL names the
# binary (default: that of this tree, built).
. "$(dirname "$0")/common.sh"
engine=local out='' jobs="$(nproc)" threads=1 hosts='' partition='' time=60
options "engine= out= jobs= threads= hosts= partition= time= ARGUMENTS" "$@"
[ "${#arguments[@]}" = 1 ] || usage
sweep="$(absolute "${arguments[0]}")"
[ -z "$hosts" ] || hosts="$(absolute "$hosts")"
case "$engine" in
  local) need xargs "apt-get install findutils" ;;
  parallel) need parallel "apt-get install parallel" ;;
  slurm) need sbatch "apt-get install slurm-wlm (on a cluster it is there; here: scripts/setup-slurm.sh)" ;;
  *) usage ;;
esac
build_binary
mbrl="$(realpath "$mbrl")"
if [ -n "$out" ]; then out="$(absolute "$out")"; else out="sweeps/$(basename "$sweep" .json)"; fi
"$mbrl" sweep plan "$sweep" --out "$out" >&2
out="$(realpath "$out")"

# once: every job that is missing, one time. What was stopped, is locked or failed is seen in the next round.
once_local() {
  "$mbrl" sweep pending "$out" \
    | xargs -r -n 1 -P "$jobs" "$mbrl" sweep run "$out" --threads "$threads" --quiet --index || true
}
once_parallel() {
  local where=()
  [ -z "$hosts" ] || where=(--sshloginfile "$hosts" --workdir "$PWD")
  "$mbrl" sweep pending "$out" \
    | parallel --will-cite --jobs "$jobs" ${where[@]+"${where[@]}"} --joblog "$out/parallel.log" \
      "$mbrl" sweep run "$out" --threads "$threads" --quiet --index || true
}
# A job gets USR1, stores itself, and its script asks for another turn; --wait ends when the array does.
once_slurm() {
  local ranges
  ranges="$("$mbrl" sweep pending "$out" --ranges)"
  [ -n "$ranges" ] || return 0
  mkdir -p "$out/slurm"
  cat > "$out/slurm/job.sh" << JOB
#!/usr/bin/env bash
"$mbrl" sweep run "$out" --threads "$threads" --quiet &
child=\$!
trap 'kill -USR1 "\$child" 2> /dev/null' USR1 TERM
code=0
wait "\$child" || code=\$?
# A signal ends the first wait; the program still stores itself.
while kill -0 "\$child" 2> /dev/null; do wait "\$child"; code=\$?; done
if [ "\$code" -gt 128 ]; then wait "\$child"; code=\$?; fi
if [ "\$code" = 75 ]; then
  scontrol requeue "\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"
  exit 75
fi
exit "\$code"
JOB
  sbatch --wait --array="$ranges%$jobs" --job-name="$(basename "$out")" --cpus-per-task="$threads" --time="$time" \
    --requeue --open-mode=append --signal=B:USR1@120 --output="$out/slurm/%a.log" \
    ${partition:+--partition="$partition"} "$out/slurm/job.sh" >&2 || true
}

previous=none
while true; do
  pending="$("$mbrl" sweep pending "$out")"
  if [ -n "$pending" ]; then
    # Jobs that were tried and are still missing would be tried for ever.
    [ "$pending" != "$previous" ] || break
    previous="$pending"
    "once_$engine"
    continue
  fi
  # Other processes of this machine may be at the rest; where one of them ends early, its job is missing again.
  if "$mbrl" sweep status "$out" 2> /dev/null | tail -n 1 | grep -q ' running'; then sleep 1; continue; fi
  added="$("$mbrl" sweep advance "$out")" || break
  [ "$added" != 0 ] || break
  echo "$me: $added jobs of the next length" >&2
done
"$mbrl" sweep status "$out"
