# What the scripts share; sourced, not run: strict mode, the repository's root as the working folder, and functions for
# options, what has to be installed, the binary, Python, a temporary folder, and the lines that say how it went.
# shellcheck shell=bash
set -euo pipefail
caller="$PWD"
script="$(cd "$(dirname "$0")" && pwd)/$(basename "$0")"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
me="$(basename "$0" .sh)"
arguments=() cases=0 failures=0 work="" mbrl="" python=""

# stop WHY …: ends with 1 where something outside this script is missing or wrong.
stop() { echo "$me: $*" >&2; exit 1; }
# need COMMAND REMEDY: the remedy is what installs the command.
need() { command -v "$1" > /dev/null || stop "$1 is missing; to install it: $2"; }
need_python() { need python3 "apt-get install python3 python3-venv"; }

# ok, skip, complain, fail: one line for each case, as `ok   NAME: …`. After a complaint the script goes on and
# `finished` ends it with 1; a failure ends it at once, and what it has left stays for a look.
ok() { cases=$((cases + 1)); echo "ok   $me: $*"; }
skip() { echo "SKIP $me: $*"; }
complain() { failures=$((failures + 1)); echo "FAIL $me: $*"; }
fail() {
  complain "$@"
  trap - EXIT
  [ -z "$work" ] || echo "     what it left is in $work"
  exit 1
}
finished() {
  [ "$failures" = 0 ] || { echo "$me: $failures of $((cases + failures)) cases failed"; exit 1; }
  echo "$me: $cases cases passed"
}

# help: the usage lines of the script's header, those that begin further in included.
help() {
  awk '
    /^# usage:/ { on = 1; print substr($0, 3); next }
    on && /^#   / { print substr($0, 2); next }
    on { exit }' "$script"
}
usage() { help >&2; exit 2; }
# options "NAME= FLAG …" ARGUMENT …: `--NAME VALUE` sets the variable NAME, `--FLAG` sets FLAG to yes (a script gives
# the other values before). Where the list holds ARGUMENTS, other words go into the array `arguments`; anything else:
# the usage, and exit 2.
options() {
  local known=" $1 " name
  shift
  while [ $# -gt 0 ]; do
    name="${1#--}"
    case "$1" in
      --help | -h) help; exit 0 ;;
      --*[!a-z-]* | --) usage ;;
      --*)
        if [[ $known == *" $name= "* ]] && [ $# -gt 1 ]; then
          printf -v "$name" %s "$2"
          shift
        elif [[ $known == *" $name "* ]]; then printf -v "$name" yes
        else usage
        fi ;;
      *) [[ $1 != -* && $known == *" ARGUMENTS "* ]] || usage; arguments+=("$1") ;;
    esac
    shift
  done
}

# absolute PATH: as the caller means it, who may stand elsewhere.
absolute() { case "$1" in /*) echo "$1" ;; *) echo "$caller/$1" ;; esac; }

need_swift() { need swift "https://swift.org/install (6.0 or later)"; }
# find_binary, build_binary: $mbrl, the release binary of this tree, or $MBRL instead.
find_binary() {
  mbrl="${MBRL:-}"
  if [ -z "$mbrl" ]; then
    need_swift
    mbrl="$(swift build -c release --show-bin-path)/mbrl"
  fi
  [ -x "$mbrl" ] || stop "there is no program at $mbrl; to build it: swift build -c release"
}
build_binary() {
  if [ -z "${MBRL:-}" ]; then need_swift; swift build -c release --product mbrl >&2; fi
  find_binary
}

# virtual_environment FOLDER MODULES PACKAGES …: $python, one that has these modules: $PYTHON, or that of a virtual
# environment in FOLDER, which is made where it is missing, each group of packages after the other.
virtual_environment() {
  local folder="$1" modules="$2" group
  shift 2
  for python in "${PYTHON:-$folder/bin/python}" "$folder/bin/python"; do
    if "$python" -c "import $modules" > /dev/null 2>&1; then return; fi
  done
  need_python
  echo "$me: installing $* into $folder (this may take minutes)" >&2
  python3 -m venv "$folder" >&2 || stop "no virtual environment can be made; to install that:" \
    "apt-get install python3-venv"
  for group in "$@"; do
    # shellcheck disable=SC2086
    "$python" -m pip install --quiet --upgrade $group >&2 || stop "pip could not install $group into $folder"
  done
}

# temporary_folder [PLACE]: $work, removed when the script ends.
temporary_folder() {
  work="$(mktemp -d "${1:-${TMPDIR:-/tmp}}/mbrl-$me.XXXXXX")"
  trap cleanup EXIT
}
cleanup() { chmod -R u+rwX "$work" 2> /dev/null || true; rm -rf "$work"; }

# A small file of safetensors that no program of ours has written.
foreign_safetensors() {
  printf '\x60\0\0\0\0\0\0\0%s        12345678' \
    '{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}'
}

# seed_of OUT [N]: the folder of seed N (0) of the only run there.
seed_of() { echo "$1"/*/seed-"${2:-0}"; }

# plain CSV: without the wall-clock columns, which stand last; nothing where the table has no rows or is not there.
plain() {
  [ -f "$1" ] || return 0
  awk -F, -v OFS=, '
    NR == 1 { last = NF; for (i = NF; i > 0; i--) if ($i == "steps_per_s" || $i == "wall_s") last = i - 1 }
    { NF = last }
    NR == 1 { header = $0; next }
    NR == 2 { print header }
    { print }' "$1"
}
# tables FOLDER …: the names of all CSV files there, without the ending.
tables() { find "$@" -maxdepth 1 -name '*.csv' -exec basename {} .csv \; | sort -u; }
