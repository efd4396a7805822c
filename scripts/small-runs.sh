# Small experiments with everything that a program lists, and what makes any experiment short; sourced.
# shellcheck shell=bash

# names PROGRAM KIND: the types that it lists, as of agents.
names() { "$1" list "$2" --json | sed -n 's/^{"type": *"\([^"]*\)".*/\1/p'; }

# small_experiments PROGRAM FOLDER: one file for every agent, and one of PETS with every planner, each on the first
# environment that suits it.
small_experiments() {
  local name environment agent planner file
  for name in $(names "$1" agents) $(names "$1" planners | sed 's/^/pets-/'); do
    agent="$name" planner="" file="$2/$name.json"
    if [[ $name == pets-* ]]; then agent=pets planner=", \"planner\": {\"type\": \"${name#pets-}\"}"; fi
    for environment in Pendulum-v1 CartPole-v1 GridWorld-v0 ""; do
      [ -n "$environment" ] || fail "no environment for $name"
      echo "{\"environment\": {\"id\": \"$environment\"}, \"agent\": {\"type\": \"$agent\"}$planner}" > "$file"
      if "$1" config check "$file" > /dev/null 2>&1; then break; fi
    done
  done
}

# shorten PROGRAM FILE SETTING …: those of the settings that the experiment has, in the array `chosen`.
shorten() {
  local known setting
  known="$("$1" config show "$2" | awk '{ print $1 }')"
  chosen=()
  for setting in "${@:3}"; do
    if grep -qxF -- "${setting%%=*}" <<< "$known"; then chosen+=("$setting"); fi
  done
}
