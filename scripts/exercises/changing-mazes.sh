#!/usr/bin/env bash
# Figures 8.4 and 8.5 of Sutton & Barto: Dyna-Q+ against Dyna-Q where the walls change in the middle of a run.
# usage: scripts/exercises/changing-mazes.sh [OUT]
#
# Trains both on BlockingMaze-v0 and ShortcutMaze-v0 (SEEDS, default 0-29), prints the cumulative reward before and
# after the change with 95 % bootstrap intervals, and writes OUT/blocking-maze.svg and OUT/shortcut-maze.svg. Some
# seconds. MBRL names the binary (default: that of this tree, which is built).
. "$(dirname "$0")/../common.sh"
options ARGUMENTS "$@"
out="${arguments[0]:-runs/changing-mazes}"
seeds="${SEEDS:-0-29}"
need_python
build_binary
for maze in blocking-maze shortcut-maze; do
  for agent in dyna-q dyna-q-plus; do
    bonus=()
    [ "$agent" = dyna-q-plus ] || bonus=(agent.explorationBonus=0)
    mkdir -p "$out/$maze/$agent"
    "$mbrl" train "configs/dyna-q/$maze.json" ${bonus[@]+"${bonus[@]}"} --seeds "$seeds" \
      --out "$out/$maze/$agent" --quiet > "$out/$maze/$agent.txt"
  done
done
python3 scripts/exercises/changing_mazes.py "$out"
for maze in blocking-maze shortcut-maze; do
  python3 scripts/plot-curves.py -o "$out/$maze.svg" --title "$maze: cumulative reward, mean and range" \
    --y "cumulative reward" --column cumulative.csv:reward "Dyna-Q+=$out/$maze/dyna-q-plus/cumulative" \
    "Dyna-Q=$out/$maze/dyna-q/cumulative"
done
echo "plots: $out/blocking-maze.svg $out/shortcut-maze.svg"
