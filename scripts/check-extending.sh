#!/usr/bin/env bash
# Puts the environment, model, planner and agent of docs/extending.md into a copy of the sources, file by file and diff
# by diff, builds it, and runs each.
# usage: scripts/check-extending.sh
# Needs Python 3, for reading the page.
. "$(dirname "$0")/common.sh"
need_python
need_swift
temporary_folder
tree="$work/tree"
mkdir "$tree"
cp -R Package.swift Sources Tests configs "$tree"
python3 scripts/check-extending.py docs/extending.md "$tree" || fail "the page does not fit the sources"
ok "four files and four diffs fit"
swift build -c release --product mbrl --package-path "$tree" > "$work/build.log" 2>&1 \
  || { grep "error:" "$work/build.log" | head -n 20; fail "what the page shows does not compile"; }
ok "it compiles"
mbrl="$(swift build -c release --package-path "$tree" --show-bin-path)/mbrl"
run() { "$@" > "$work/out" 2>&1 || { tail -n 20 "$work/out"; fail "$*"; }; }
run "$mbrl" env check Thermostat-v0
ok "the environment keeps the contract"
short=(--quiet --out "$work/runs" training.environmentSteps=60 evaluation.every=30 evaluation.episodes=1)
run "$mbrl" train configs/random-shooting/line.json 'model={"type":"nearest"}' "${short[@]}"
ok "the model is planned with"
run "$mbrl" train configs/random-shooting/line.json 'planner={"type":"local-search","horizon":5}' "${short[@]}"
ok "the planner plans"
echo '{"environment": {"id": "Thermostat-v0"}, "agent": {"type": "linear-search"}}' > "$work/search.json"
run "$mbrl" train "$work/search.json" "${short[@]}"
ok "the agent learns in the environment"
finished
