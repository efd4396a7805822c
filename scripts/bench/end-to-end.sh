#!/usr/bin/env bash
# The same PETS experiment in mbrl-lib and here: mbrl-lib's continuous cart-pole at its shipped settings, 5 members.
# Writes both learning curves and says how long a real step took in each.
# usage: scripts/bench/end-to-end.sh [--steps N] [--seed S] [--out FOLDER]      (after `swift build -c release`)
# mbrl-lib takes seconds for every step: 20 steps tell its speed, 600 its learning curve.
set -euo pipefail
cd "$(dirname "$0")/../.."
steps=600 seed=0 out=runs/end-to-end
while [ $# -gt 0 ]; do
  case "$1" in
    --steps) steps="$2"; shift 2 ;;
    --seed) seed="$2"; shift 2 ;;
    --out) out="$2"; shift 2 ;;
    *) echo "usage: scripts/bench/end-to-end.sh [--steps N] [--seed S] [--out FOLDER]" >&2; exit 64 ;;
  esac
done
mbrl="$(swift build -c release --show-bin-path)/mbrl"
[ -x "$mbrl" ] || { echo "end-to-end.sh: build first: swift build -c release" >&2; exit 1; }
# shellcheck source=scripts/bench/environment.sh
. scripts/bench/environment.sh
mkdir -p "$out"

"$python" scripts/bench/mbrl_lib_pets.py "$steps" "$seed" | tee "$out/mbrl-lib.csv"
"$mbrl" train configs/pets/continuous-cartpole-mbrl-lib.json training.environmentSteps=$((200 + steps)) \
  --seeds "$seed" --out "$out/mbrl"
find "$out/mbrl" -name episodes.csv -exec cp {} "$out/mbrl.csv" \;
tail -n 1 "$out/mbrl-lib.csv" | awk -F, '{ printf "mbrl-lib: %.3f s per real step, fits included\n", $2 / $1 }'
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "wall_s") wall = i; else if ($i == "step") step = i }
  { seconds = $wall; last = $step }
  END { printf "mbrl:     %.3f s per real step, fits included\n", seconds / (last - 200) }' "$out/mbrl.csv"
echo "learning curves: $out/mbrl-lib.csv $out/mbrl.csv"
