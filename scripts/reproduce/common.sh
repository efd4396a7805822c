# What the scripts of many runs share; sourced, not run: their options, and how parts of them run side by side.
# Before `begin_runs` a script gives `out`, `seeds` and the variables of its own options.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
jobs=1 quick='' table='' part=''

# begin_runs "NAME= FLAG …" ARGUMENT …: reads these options and those that all have, and finds what is needed.
# --quick takes one seed.
begin_runs() {
  options "out= seeds= jobs= quick table part $1" "${@:2}"
  need_python
  build_binary
  [ -z "$quick" ] || seeds=0
  mkdir -p "$out"
  rows="$out/rows.txt"
  [ -n "$part" ] || : > "$rows"
}

# put_off OPTION …: whether this part, which these options name, waits to run beside others.
put_off() { [ "$jobs" -gt 1 ] && echo "$*" >> "$rows"; }

# end_runs: runs what was put off, and ends a script that is itself a part.
end_runs() {
  [ -n "$table" ] || [ "$jobs" = 1 ] || side_by_side "$rows" --out "$out" ${quick:+--quick}
  [ -z "$part" ] || exit 0
}

# side_by_side FILE OPTION …: runs this script once for every line of options in FILE, with these and `--part`, and
# `jobs` of them at a time; fails, when all have ended, where one did.
side_by_side() {
  local list="$1"
  shift
  xargs -r -P "$jobs" -L 1 "$script" "$@" --part < "$list" \
    || fail "one of $(wc -l < "$list") parts went wrong, see above"
}
