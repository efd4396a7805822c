#!/usr/bin/env bash
# All of the torture: what the world does to a run, done to the release binary (`swift build -c release` first).
# usage: all.sh [--long]      short: a few minutes; long: every call of a run, 50 runs of kill -9
. "$(dirname "$0")/../common.sh"
long=
options long "$@"
find_binary
export MBRL="$mbrl"
if [ -n "$long" ]; then
  runs=50 every=1 signals=30 rounds=20
else
  runs=7 every=37 signals=6 rounds=2
fi
go() {
  local start=$SECONDS
  if "scripts/torture/$1" "${@:2}"; then ok "$1 took $((SECONDS - start)) s"; else complain "$1"; fi
}
go bad-configs.sh
go overrides.sh
go memory.sh
go kill9.sh --runs $runs
go gymnasium.sh
go kill-at-call.sh --every $every
go signals.sh --runs $signals
go two-processes.sh --rounds $rounds
go full-disk.sh --every $every
go read-only.sh
go places.sh
go closed-output.sh
go unwritable-outputs.sh
go shell-loop.sh
go clock-jump.sh
go corrupt-checkpoint.sh
go determinism.sh
go sweep.sh
go hosts.sh
go health.sh
finished
