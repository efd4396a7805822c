#!/usr/bin/env bash
# How the cost grows: a plan against population, horizon, ensemble and width, an update against the replay's size, and
# how well several seeds share the cores. Writes OUT/NAME.csv and OUT/NAME.svg for each, and memory.csv and memory.svg.
# usage: scripts/bench/scaling.sh [--out FOLDER] [--seconds S] [--only "population replay seeds"]
# After `swift build -c release`; MBRL names another binary. Some four minutes on two idle cores. Every point has a
# process of its own, so that the peak memory is its own.
. "$(dirname "$0")/../common.sh"
out=runs/scaling seconds=0.3 only="population horizon ensemble width replay seeds"
options "out= seconds= only=" "$@"
find_binary
need_python
temporary_folder
cores="$(nproc)"
threads=1
[ "$cores" = 1 ] || threads="1,$cores"
mkdir -p "$out"

points() {  # the values of one size, as `mbrl bench` knows them
  "$mbrl" bench --scaling --filter "$1-*" --list | awk -F, -v size="$1" '$2 == size { print $3 }'
}

# Seconds of `mbrl train` on $1 seeds, $2 at a time; one thread each.
seconds_of_training() {
  local begin end
  begin="$(date +%s.%N)"
  "$mbrl" train configs/quickstart.json training.environmentSteps=500 evaluation.every=0 evaluation.episodes=0 \
    threads=1 --seeds "0-$(($1 - 1))" --jobs "$2" --out "$work/runs" --quiet > /dev/null 2>&1
  end="$(date +%s.%N)"
  rm -rf "$work/runs"
  awk -v begin="$begin" -v end="$end" 'BEGIN { print end - begin }'
}

for name in $only; do
  echo "$name" >&2
  if [ "$name" = seeds ]; then
    echo "seeds,jobs,seconds" > "$out/seeds.csv"
    for jobs in $(seq 1 "$cores"); do
      for seeds in 1 2 4 8; do echo "$seeds,$jobs,$(seconds_of_training "$seeds" "$jobs")" >> "$out/seeds.csv"; done
    done
    continue
  fi
  from=1  # the header once
  for value in $(points "$name"); do
    "$mbrl" bench --scaling --filter "$name-$value" --threads "$threads" --seconds "$seconds" --csv > "$work/point.csv"
    [ "$from" = 1 ] && : > "$out/$name.csv"
    tail -n +"$from" "$work/point.csv" >> "$out/$name.csv"
    from=2
  done
done
# shellcheck disable=SC2086
python3 scripts/bench/plot_scaling.py "$out" $only
