#!/usr/bin/env bash
# What is made of runs, held against the tools that are to read it: the report's page in a browser and by an HTML
# parser, pictures, every CSV by Python's csv and pandas, event files by TensorBoard, monitor files, completion by the
# shells, the manual page by man's own programs.
# usage: scripts/check-reports.sh [--screenshot FILE.png] [RUN …]     (default: trains two small groups)
# Needs Python 3 with venv (pandas, html5lib and tensorboard go into .venv/ here, or name a Python that has them:
# PYTHON=…); what else is missing is skipped, and said so: chromium, zsh, fish, groff, mandoc.
. "$(dirname "$0")/common.sh"
screenshot=""
options "screenshot= ARGUMENTS" "$@"
virtual_environment .venv "pandas, html5lib, tensorboard" "pandas html5lib" "tensorboard setuptools<81"
build_binary
temporary_folder
check() { "$python" scripts/check-reports.py "$@"; }

runs=()
for run in "${arguments[@]}"; do
  case "$run" in *=*) runs+=("${run%%=*}=$(absolute "${run#*=}")") ;; *) runs+=("$(absolute "$run")") ;; esac
done
if [ ${#runs[@]} = 0 ]; then
  for agent in dqn ppo; do
    echo "{\"environment\": {\"id\": \"CartPole-v1\"}, \"agent\": {\"type\": \"$agent\"}}" > "$work/$agent.json"
    "$mbrl" train "$work/$agent.json" training.environmentSteps=3000 evaluation.every=500 evaluation.episodes=2 \
      --seeds 0-2 --out "$work/runs" --tensorboard "$work/live" --quiet > /dev/null
    runs+=("$agent=$(dirname "$(seed_of "$work/runs" 0 | tr ' ' '\n' | grep "/$agent-")")")
  done
fi

for theme in light dark; do
  "$mbrl" plot "${runs[@]}" -o "$work/$theme.svg" --theme "$theme"
  "$mbrl" plot "${runs[@]}" -o "$work/$theme.png" --theme "$theme"
  "$mbrl" plot "${runs[@]}" -o "$work/again.png" --theme "$theme"
  cmp "$work/$theme.png" "$work/again.png" || fail "plot: other bytes the second time"
  check svg "$work/$theme.svg" || fail "plot: the SVG of theme $theme"
  check png "$work/$theme.png" || fail "plot: the PNG of theme $theme"
done
ok "pictures: well-formed, unpacked by zlib, the same bytes again"

"$mbrl" report "${runs[@]}" -o "$work/report.html" 2> /dev/null
check html "$work/report.html" || fail "report: the page"
ok "report: $(wc -c < "$work/report.html") bytes, valid for html5lib, nothing from elsewhere"
browser=""
for name in chromium chromium-browser google-chrome; do
  command -v "$name" > /dev/null && browser="$name" && break
done
if [ -z "$browser" ]; then
  skip "the page in a browser (to install one: apt-get install chromium)"
else
  see() {
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-background-networking \
      --disable-component-update --disable-sync --no-first-run --user-data-dir="$work/profile" "$@" 2> /dev/null
  }
  echo "<!DOCTYPE html><title>nothing</title>" > "$work/nothing.html"
  see --log-net-log="$work/nothing.json" --dump-dom "file://$work/nothing.html" > /dev/null
  see --log-net-log="$work/page.json" --dump-dom "file://$work/report.html" > /dev/null
  check network "$work/nothing.json" "$work/page.json" || fail "the page asks the network"
  check probe "$work/report.html" "$work/probe.html"
  see --dump-dom "file://$work/probe.html" > "$work/dom.html"
  check probed "$work/dom.html" || fail "the page's script"
  see --window-size=1280,2400 --screenshot="$work/screen.png" "file://$work/report.html"
  [ -s "$work/screen.png" ] || fail "no screenshot"
  if [ -n "$screenshot" ]; then cp "$work/screen.png" "$(absolute "$screenshot")"; fi
  ok "the page in $browser: no request, tables sort, arrow keys tell values, a screenshot"
fi

for run in "${runs[@]}"; do find "${run#*=}" -name '*.csv'; done > "$work/tables"
"$mbrl" compare "${runs[@]}" --csv "$work/compare.csv" > /dev/null 2>&1 && echo "$work/compare.csv" >> "$work/tables"
check csv "$work/tables" || fail "a table"
ok "$(wc -l < "$work/tables") tables: Python's csv and pandas read the same"

"$mbrl" export "${runs[@]}" --tensorboard "$work/board" --monitor "$work/monitor" > "$work/exported"
check board "$work/board" "${runs[@]#*=}" || fail "TensorBoard"
check monitor "$work/monitor" || fail "monitor.csv"
[ ! -d "$work/live" ] || check board "$work/live" "${runs[@]#*=}" || fail "TensorBoard, while training"
ok "export: TensorBoard reads every value, pandas the monitors"

for shell in bash zsh fish; do
  if ! command -v "$shell" > /dev/null; then
    skip "completion in $shell (to install it: apt-get install $shell)"
    continue
  fi
  "$mbrl" completion "$shell" > "$work/completion"
  "$shell" -n "$work/completion" || fail "completion: $shell cannot read its script"
  case "$shell" in
    bash)
      answer() { bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mbrl; echo "${COMPREPLY[*]}"' \
        - "$work/completion" "$@"; }
      [ "$(answer mbrl tra)" = train ] || fail "bash: $(answer mbrl tra)"
      [ "$(answer mbrl train a.json --resume m)" = must ] || fail "bash: $(answer mbrl train a.json --resume m)"
      [ "$(answer mbrl config sh)" = show ] || fail "bash: $(answer mbrl config sh)"
      [ "$(answer mbrl config schema --no)" = --no-color ] || fail "bash: $(answer mbrl config schema --no)" ;;
    fish)
      fish -c "source $work/completion; complete -C 'mbrl tra'" | grep -q '^train' || fail "fish: mbrl tra"
      fish -c "source $work/completion; complete -C 'mbrl plot --x '" | grep -q '^updates' || fail "fish: --x" ;;
  esac
  ok "completion in $shell"
done

"$mbrl" help --man > "$work/mbrl.1"
if command -v groff > /dev/null; then
  groff -man -Tutf8 -ww -z "$work/mbrl.1" > "$work/groff" 2>&1 || true
  [ ! -s "$work/groff" ] || fail "man page: $(head -3 "$work/groff")"
  ok "the manual page: groff has nothing to say"
else skip "the manual page by groff"; fi
if command -v mandoc > /dev/null; then
  mandoc -Tlint -W error "$work/mbrl.1" > "$work/mandoc" || true
  [ ! -s "$work/mandoc" ] || fail "man page: $(head -3 "$work/mandoc")"
  ok "the manual page: mandoc finds no error"
else skip "the manual page by mandoc"; fi
finished
