#!/usr/bin/env bash
# Numbers that stop being numbers: exit 5 with the quantity and the step, the last good checkpoint stays, and diverged/
# holds the state for a look. And whether the disk need printed at the start is honest.
# usage: health.sh
. "$(dirname "$0")/common.sh"
settings health
# A step size of 1 without bounds on the variance blows a network up within a few fits.
unstable=("$mbrl" train "$work/health.json" model.learningRate=1 model.learnsVarianceBounds=false
  model.normalizesInputs=false model.activation=relu model.holdout=0)
command=("${unstable[@]}" model.epochs=2000 "model.weightDecay=[1000]" "model.hiddenSizes=[64,64,64,64]")
code "${command[@]}" --out "$work/runs"
[ $code = 5 ] || { tail -5 "$work/out"; fail "the diverging configuration ended with $code"; }
grep -qE "diverged at step [0-9]+: .+ is not finite" "$work/out" || { cat "$work/out"; fail "no quantity and step"; }
said="$(grep -oE "diverged at step [0-9]+: .+ is not finite" "$work/out" | head -1)"
seed="$(seed_of "$work/runs")"
grep -q '"diverged"' "$seed/status.json" || fail "status.json does not say diverged"
ok "exit 5: $said"
expect 0 "weight" "$mbrl" inspect "$seed/diverged"
ok "inspect reads the diverged state"
expect 0 "" "$mbrl" inspect "$seed"
ok "the last good checkpoint is intact ($(readlink "$seed/checkpoints/latest"))"
# Its numbers are finite, what they imagine need not be: then eval says so.
code "$mbrl" eval "$seed" --episodes 1
[ $code = 0 ] || { [ $code = 5 ] && grep -q "is not finite" "$work/out"; } \
  || { cat "$work/out"; fail "eval: exit $code"; }
ok "eval of it: exit $code"
expect 5 "$said" "${command[@]}" --out "$work/runs"
ok "the same command again diverges at the same step in the same quantity"

# Eleven layers multiply until a loss overflows, and its gradient ruins the weights within one step: the message names
# the tensor as the checkpoint does, and the state of that moment holds it.
layers="[256,256,256,256,256,256,256,256,256,256,256]"
command=("${unstable[@]}" "model.hiddenSizes=$layers")
code "${command[@]}" --out "$work/weights"
[ $code = 5 ] || { tail -5 "$work/out"; fail "the exploding network ended with $code"; }
name='model\.members\.[0-9]*\.layers\.[0-9]*\.\(weight\|bias\)'
tensor="$(sed -n "s/.*diverged at step 40: \($name\) is not finite.*/\1/p" "$work/out" | head -1)"
[ -n "$tensor" ] || { cat "$work/out"; fail "no tensor and step"; }
seed="$(seed_of "$work/weights")"
expect 0 "$tensor" "$mbrl" inspect "$seed/diverged"
grep -aq "\"$tensor\"" "$seed/diverged/weights.safetensors" || fail "$tensor is not in diverged/weights.safetensors"
expect 0 "" "$mbrl" inspect "$seed"
latest="$(readlink "$seed/checkpoints/latest")"
[ "$latest" = step-000000020 ] || fail "the last checkpoint is $latest"
expect 0 "" "$mbrl" eval "$seed" --episodes 1
expect 5 "$tensor is not finite" "${command[@]}" --out "$work/weights"
ok "exit 5 at step 40 naming the tensor $tensor; the checkpoint of step 20 stays and evaluates; diverged/ holds it"

# Disk need, with room in the model so that the manifest is not most of it.
for steps in 200 1000; do
  settings disk
  large=("$mbrl" train "$work/disk.json" "training.environmentSteps=$steps" "model.hiddenSizes=[64,64]" model.epochs=2
    evaluation.every=0 checkpoint.every=100 --out "$work/disk-$steps")
  announced="$("${large[@]}" --dry-run --json)"
  estimate="$(sed -n 's/.*"checkpoint_bytes":\([0-9]*\).*/\1/p' <<< "$announced")"
  total="$(sed -n 's/.*"disk_bytes":\([0-9]*\).*/\1/p' <<< "$announced")"
  expect 0 "" "${large[@]}" --quiet
  checkpoints="$(seed_of "$work/disk-$steps")/checkpoints"
  actual=$(cat "$checkpoints"/latest/* | wc -c)
  all=$(find "$checkpoints" -type f -exec cat {} + | wc -c)
  [ "$actual" -le "$estimate" ] || fail "$steps steps: estimated $estimate bytes, a checkpoint has $actual"
  [ $((estimate * 2)) -le $((actual * 3)) ] \
    || fail "$steps steps: estimated $estimate bytes, a checkpoint has only $actual"
  [ "$all" -le "$total" ] || fail "$steps steps: $total bytes announced in all, there are $all"
  ok "disk need after $steps steps: $estimate bytes announced, $actual found; in all $total and $all"
done
finished
