#!/usr/bin/env bash
# A sweep over ssh: GNU parallel with a list of hosts, here two names of this machine behind an ssh server of its own;
# the connections are cut in the middle, and again does what is missing. The same tables as a sweep by xargs.
# usage: scripts/torture/hosts.sh [--port N]
# Needs GNU parallel, ssh and sshd (apt-get install parallel openssh-client openssh-server) and a user that may log in
# here by a key; the server listens on 127.0.0.1 only, knows one key that is made for it, and ends with this script.
. "$(dirname "$0")/../common.sh"
port=2722
options "port=" "$@"
for program in parallel ssh ssh-keygen sshd; do
  PATH="$PATH:/usr/sbin" command -v "$program" > /dev/null || {
    skip "sweeps over ssh: there is no $program (apt-get install parallel openssh-client openssh-server)"
    finished
    exit 0
  }
done
build_binary
export MBRL="$mbrl"
temporary_folder
ssh-keygen -q -t ed25519 -N "" -f "$work/host"
ssh-keygen -q -t ed25519 -N "" -f "$work/key"
cp "$work/key.pub" "$work/authorized"
chmod 600 "$work/authorized"
cat > "$work/sshd_config" << CONFIG
ListenAddress 127.0.0.1
Port $port
HostKey $work/host
PidFile $work/sshd.pid
AuthorizedKeysFile $work/authorized
PermitRootLogin prohibit-password
PasswordAuthentication no
StrictModes no
UsePAM no
MaxStartups 100
CONFIG
# Where its daemon has never run, the folder that it retires to is missing.
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
"$(PATH="$PATH:/usr/sbin" command -v sshd)" -f "$work/sshd_config" -E "$work/sshd.log"
while [ ! -s "$work/sshd.pid" ]; do sleep 0.1; done
server="$(cat "$work/sshd.pid")"
stop() { kill "$server" 2> /dev/null || true; }
trap 'stop; cleanup' EXIT
# Whatever fails, the server ends first.
eval "$(declare -f fail | sed '1s/fail/give_up/')"
fail() { stop; give_up "$@"; }
login="ssh -p $port -i $work/key -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=$work/known"
login="$login -o LogLevel=ERROR"
printf '1/%s %s@127.0.0.1\n1/%s %s@localhost\n' "$login" "$(id -un)" "$login" "$(id -un)" > "$work/hosts"
$login "$(id -un)@127.0.0.1" true || fail "no login: $(tail -n 2 "$work/sshd.log")"

cat > "$work/sweep.json" << JSON
{"name": "hosts", "experiment": "$PWD/configs/dyna-q/dyna-maze.json", "seeds": "0-3",
 "settings": {"training.environmentSteps": 30000, "checkpoint.every": 2000}, "grid": {"agent.planningSteps": [5, 20]}}
JSON
scripts/sweep.sh "$work/sweep.json" --out "$work/local" > "$work/local.txt" 2> "$work/log.txt" \
  || fail "by xargs: $(tail -n 1 "$work/log.txt")"

remote() {
  scripts/sweep.sh "$work/sweep.json" --out "$work/remote" --engine parallel --hosts "$work/hosts" \
    > "$work/remote.txt" 2>> "$work/log.txt"
}
remote &
sweep=$!
# Until some jobs are done and others run: then every connection ends, and nothing follows.
while [ "$(grep -ls '"done"' "$work"/remote/runs/*/seed-*/status.json 2> /dev/null | wc -l)" -lt 2 ]; do sleep 0.1; done
pkill -KILL -P "$server" || true
kill -KILL "$sweep" 2> /dev/null || true
wait "$sweep" 2> /dev/null || true
echo "     cut with $("$mbrl" sweep pending "$work/remote" | wc -l) of 8 jobs missing"
# What still runs on a host when its connection is gone keeps its job; a sweep waits for it.
code=0
remote || code=$?
stop
[ "$code" = 0 ] || fail "over ssh: $(tail -n 1 "$work/log.txt")"
grep -q "8 jobs: 8 done" "$work/remote.txt" || fail "$(tail -n 1 "$work/remote.txt")"
hosts="$(grep -o '@[a-z0-9.]*' "$work/remote/parallel.log" | sort -u | wc -l)"
[ "$hosts" = 2 ] || fail "jobs ran on $hosts hosts"
"$mbrl" sweep collect "$work/local" > "$work/a.csv"
"$mbrl" sweep collect "$work/remote" > "$work/b.csv"
cmp -s "$work/a.csv" "$work/b.csv" || fail "the collected tables differ"
ok "8 jobs on two hosts over ssh, cut once: the tables of a sweep by xargs"
finished
