#!/usr/bin/env bash
# What people and disks do to run directories: copies that make folders of links, disks without links and without locks,
# directories moved under a run, and readers beside it.
# usage: places.sh [--reads N]
. "$(dirname "$0")/common.sh"
reads=150
options "reads=" "$@"
settings place
command=("$mbrl" train "$work/place.json" --quiet)
expect 0 "" "${command[@]}" --out "$work/plain"
plain="$(seed_of "$work/plain")"

# goes_on OUT WHAT: to the end, to the same bytes, and both names can be evaluated.
goes_on() {
  expect 0 "" "$mbrl" eval "$(seed_of "$1")" --best --episodes 1
  expect 0 "" "${command[@]}" --out "$1"
  same_bytes "$plain" "$(seed_of "$1")" "$2"
  expect 0 "" "$mbrl" eval "$(seed_of "$1")" --best --episodes 1
  expect 0 "" "$mbrl" inspect "$(seed_of "$1")/checkpoints/latest"
}
expect 0 "" "${command[@]}" --out "$work/half" training.environmentSteps=150
cp -rL "$work/half" "$work/copied"
[ ! -L "$(seed_of "$work/copied")/checkpoints/latest" ] || fail "cp -rL has kept a link"
goes_on "$work/copied" "cp -rL"
ok "a copy by cp -rL goes on, to the same bytes"
cp -r "$work/half" "$work/bucket"
find "$work/bucket" -type l -delete
goes_on "$work/bucket" "a copy without links"
ok "a copy that lost its links goes on, to the same bytes"
if preload; then
  for fault in nolinks nolocks bare; do
    export LD_PRELOAD="$work/faults.so" FAULT=$fault
    expect 0 "" "${command[@]}" --out "$work/$fault" training.environmentSteps=150
    goes_on "$work/$fault" "$fault"
    if [ $fault != nolocks ]; then
      [ -f "$(seed_of "$work/$fault")/checkpoints/latest" ] || fail "$fault: there is a link"
    fi
    if [ $fault != nolinks ]; then
      "${command[@]}" --out "$work/held" training.environmentSteps=100000 > /dev/null 2>&1 &
      process=$!
      await "$work/held/*/seed-0/checkpoints/latest"
      expect 6 "process $process" "${command[@]}" --out "$work/held"
      kill -9 $process
      { wait $process; } 2> /dev/null || true
      expect 75 "" timeout --preserve-status --signal=TERM 1 "${command[@]}" --out "$work/held" \
        training.environmentSteps=100000
      [ ! -e "$(seed_of "$work/held")/.lock.held" ] || fail "$fault: the claim stays behind"
      echo "process 1 on another-machine" > "$(seed_of "$work/held")/.lock.held"
      expect 6 "remove that file" "${command[@]}" --out "$work/held" training.environmentSteps=100000
      rm -rf "$work/held"
    fi
    unset LD_PRELOAD FAULT
    ok "a disk of kind $fault: trained and gone on with, to the same bytes"
  done
else
  skip "no preloading or no C compiler here: every disk has links and locks"
fi

# Moved under a run: noticed, stored where it is, and ended; it goes on there.
"${command[@]}" --out "$work/before" training.environmentSteps=100000 > "$work/moved" 2>&1 &
process=$!
await "$work/before/*/seed-0/checkpoints/best"
mv "$work/before" "$work/after"
code=0
wait $process || code=$?
[ $code = 1 ] || { cat "$work/moved"; fail "moved under a run: exit $code"; }
grep -qF "was moved to $work/after" "$work/moved" || { cat "$work/moved"; fail "it does not say where to"; }
[ ! -e "$work/before" ] || fail "something was made where it had been"
step="$(sed -n 's/.*"step": \([0-9]*\),.*/\1/p' "$(seed_of "$work/after")/status.json")"
expect 0 "" "$mbrl" inspect "$(seed_of "$work/after")/checkpoints/step-$(printf '%09d' "$step")"
expect 0 "" "${command[@]}" --out "$work/after" "training.environmentSteps=$((step + 20))"
expect 0 "" "${command[@]}" --out "$work/straight" "training.environmentSteps=$((step + 20))"
same_bytes "$(seed_of "$work/straight")" "$(seed_of "$work/after")" "moved under a run"
ok "moved under a run at step $step: stored there, exit 1, and goes on to the same bytes"

# Readers beside a run that stores itself at every step and keeps one.
"${command[@]}" --out "$work/watched" checkpoint.every=1 checkpoint.keep=1 training.environmentSteps=100000 \
  > "$work/watched.out" 2>&1 &
process=$!
await "$work/watched/*/seed-0/checkpoints/best"
for ((read = 0; read < reads; read++)); do expect 0 "" "$mbrl" inspect "$(seed_of "$work/watched")"; done
for ((read = 0; read < reads / 10; read++)); do expect 0 "" "$mbrl" eval "$work"/watched/* --episodes 1; done
kill -0 $process 2> /dev/null || { cat "$work/watched.out"; fail "the run has ended meanwhile"; }
kill -9 $process
{ wait $process; } 2> /dev/null || true
ok "$reads inspections and $((reads / 10)) evaluations beside a run that stores every step: no fault"
finished
