#!/usr/bin/env bash
# Slurm on this one machine, to try array jobs: installs slurm-wlm and munge from Debian's packages where they are
# missing, starts the three daemons in a folder of their own, and ends only what it has started.
# usage: scripts/setup-slurm.sh start [--folder DIR] | stop [--folder DIR]
#
# Needs root. After start: export SLURM_CONF=DIR/slurm.conf (the last line on standard output). DIR is .slurm at first.
. "$(dirname "$0")/common.sh"
folder=.slurm
options "folder= ARGUMENTS" "$@"
[ "${#arguments[@]}" = 1 ] || usage
mkdir -p "$folder"
folder="$(realpath "$folder")"

# end NAME: the daemon that start has begun, by its file, and only if it is still that program.
end() {
  local process
  [ -f "$folder/$1.pid" ] || return 0
  process="$(cat "$folder/$1.pid")"
  if [ -n "$process" ] && [ "$(cat "/proc/$process/comm" 2> /dev/null)" = "$1" ]; then
    kill "$process" 2> /dev/null || true
    for _ in $(seq 50); do [ -d "/proc/$process" ] || break; sleep 0.1; done
    kill -KILL "$process" 2> /dev/null || true
  fi
  rm -f "$folder/$1.pid"
}

case "${arguments[0]}" in
  stop)
    end slurmd
    end slurmctld
    end munged
    if [ -f "$folder/secret" ]; then rm -rf "$(cat "$folder/secret")" "$folder/secret"; fi
    echo "$me: stopped" >&2 ;;
  start)
    [ "$(id -u)" = 0 ] || stop "only root can start Slurm's daemons"
    if ! command -v slurmctld > /dev/null || ! command -v munged > /dev/null; then
      echo "$me: installing slurm-wlm and munge" >&2
      apt-get install -y -qq slurm-wlm munge >&2 || stop "apt-get could not install slurm-wlm and munge"
    fi
    end slurmd
    end slurmctld
    end munged
    mkdir -p "$folder"/{state,spool}
    # munged wants folders that nobody else can write to, its own ones included.
    run=/run/munge
    [ -d "$run" ] || mkdir -p "$run"
    chown munge: "$run"
    chmod 755 "$run"
    # The folder may lie where munge may not go.
    secret="$(mktemp -d /var/lib/munge/mbrl.XXXXXX)"
    dd if=/dev/urandom of="$secret/munge.key" bs=1024 count=1 status=none
    chown -R munge: "$secret"
    chmod 700 "$secret"
    chmod 400 "$secret/munge.key"
    echo "$secret" > "$folder/secret"
    setpriv --reuid=munge --regid=munge --clear-groups munged --force --key-file="$secret/munge.key" \
      --pid-file="$secret/munged.pid" --log-file="$secret/munged.log" --seed-file="$secret/seed" \
      || stop "munged did not start: $(tail -n 1 "$secret/munged.log" 2> /dev/null)"
    for _ in $(seq 50); do [ -s "$secret/munged.pid" ] && break; sleep 0.1; done
    cp "$secret/munged.pid" "$folder/munged.pid"
    host="$(hostname -s)"
    cat > "$folder/slurm.conf" << CONF
ClusterName=mbrl
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
PreemptMode=REQUEUE
PreemptType=preempt/partition_prio
KillWait=30
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=20
PartitionName=urgent Nodes=$host MaxTime=INFINITE State=UP PriorityTier=2
CONF
    export SLURM_CONF="$folder/slurm.conf"
    slurmctld -f "$SLURM_CONF" || stop "slurmctld did not start: see $folder/slurmctld.log"
    slurmd -f "$SLURM_CONF" || stop "slurmd did not start: see $folder/slurmd.log"
    for _ in $(seq 100); do
      if sinfo -h -o %t 2> /dev/null | grep -q idle; then
        echo "export SLURM_CONF=$SLURM_CONF"
        exit 0
      fi
      sleep 0.2
    done
    stop "the node is not idle: $(sinfo 2>&1 | tail -n 1); see $folder/slurmctld.log" ;;
  *) usage ;;
esac
