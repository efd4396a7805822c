#!/usr/bin/env bash
# Reads a checkpoint's weights with safetensors.numpy, builds the same networks in PyTorch and compares their predictions
# with the program's own, on the newest real transitions. Passes where every number agrees to 1e-5.
# usage: scripts/check-weights-with-pytorch.sh [SEED_DIRECTORY]     (default: trains the quickstart for 300 steps)
# Needs Python 3 with venv; PyTorch, NumPy and safetensors go into .venv/ here, or name a Python that has them: PYTHON=…
set -euo pipefail
cd "$(dirname "$0")/.."
command -v python3 > /dev/null || { echo "python3 is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
python="${PYTHON:-.venv/bin/python}"
if ! "$python" -c 'import numpy, safetensors, torch' 2> /dev/null; then
  echo "installing PyTorch, NumPy and safetensors into .venv (some minutes)" >&2
  python3 -m venv .venv
  .venv/bin/pip install --quiet numpy safetensors torch
  python=.venv/bin/python
fi
swift build -c release --product mbrl
mbrl="$(swift build -c release --show-bin-path)/mbrl"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
run="${1:-}"
if [ -z "$run" ]; then
  "$mbrl" train configs/quickstart.json --seeds 0 training.environmentSteps=300 evaluation.episodes=0 \
    --out "$work/runs" --quiet
  run="$(echo "$work"/runs/*/seed-0)"
fi
"$mbrl" inspect "$run" --predictions 256 > "$work/predictions.jsonl"
"$python" scripts/check-weights-with-pytorch.py "$run/checkpoints/latest" "$work/predictions.jsonl"
