#!/usr/bin/env bash
# Reads a checkpoint's weights with safetensors.numpy, builds the same networks in PyTorch and compares their
# predictions with the program's own, on the newest real transitions. Passes where every number agrees to 1e-5.
# usage: scripts/check-weights-with-pytorch.sh [SEED_DIRECTORY]     (default: trains the quickstart for 300 steps)
# Needs Python 3 with venv; PyTorch, NumPy and safetensors go into .venv/ here, or name a Python that has them: PYTHON=…
. "$(dirname "$0")/common.sh"
options ARGUMENTS "$@"
[ ${#arguments[@]} -le 1 ] || usage
virtual_environment .venv "numpy, safetensors, torch" "numpy safetensors torch"
build_binary
temporary_folder
run="${arguments[0]:-}"
if [ -z "$run" ]; then
  "$mbrl" train configs/quickstart.json --seeds 0 training.environmentSteps=300 evaluation.episodes=0 \
    --out "$work/runs" --quiet
  run="$(seed_of "$work/runs")"
fi
"$mbrl" inspect "$run" --predictions 256 > "$work/predictions.jsonl"
"$python" scripts/check-weights-with-pytorch.py "$run/checkpoints/latest" "$work/predictions.jsonl"
