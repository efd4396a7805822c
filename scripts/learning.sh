#!/usr/bin/env bash
# The slow learning suite: trains the shipped configurations over their seeds and holds the results to stated
# thresholds.
# usage: scripts/learning.sh [--quick] [NAME ...]     --quick: two seeds each of the fast ones, some minutes
#
# A line passes where at least WANTED of the SEEDS reach THRESHOLD within the budget of the configuration: the best
# evaluation mean up to step BY (eval), or the best training episode up to step BY (episode).
. "$(dirname "$0")/common.sh"
quick=
options "quick ARGUMENTS" "$@"
build_binary
out="${OUT:-runs/learning}"
wanted_names=" ${arguments[*]-} "
mkdir -p "$(dirname "$out")"

# name                      configuration                                 seeds  quick  wanted  measure  by    threshold
lines="
  continuous-cartpole       configs/pets/continuous-cartpole.json         0-9    0-1    9       eval     1000  200
  pendulum                  configs/pets/pendulum.json                    0-4    -      4       eval     5000  -200
  cartpole-swingup          configs/pets/cartpole-swingup.json            0-4    -      4       episode  2400  170
  mountain-car-continuous   configs/pets/mountain-car-continuous.json     0-4    0-1    4       episode  5000  90
  cartpole                  configs/pets/cartpole.json                    0-4    -      4       eval     1500  450
  dyna-cartpole             configs/dyna/cartpole.json                    0-4    -      4       eval     2000  475
  dyna-acrobot              configs/dyna/acrobot.json                     0-4    -      4       eval     4000  -100
  dqn-cartpole              configs/dqn/cartpole.json                     0-4    0-1    4       eval     50000 475
  dqn-acrobot               configs/dqn/acrobot.json                      0-4    -      4       eval     50000 -100
  dqn-mountain-car          configs/dqn/mountain-car.json                 0-4    -      4       eval     120000 -110
  ppo-cartpole              configs/ppo/cartpole.json                     0-4    0-1    5       eval     40000 475
  ppo-acrobot               configs/ppo/acrobot.json                      0-4    -      4       eval     200000 -100
  ppo-pushing-arm           configs/ppo/pushing-arm.json                  0-4    -      5       eval     204800 -6
  ppo-grid-world-pixels     configs/ppo/grid-world-pixels.json            0-4    0-1    4       eval     60000  1
  ppo-pendulum-pixels       configs/ppo/pendulum-pixels.json              0-4    -      4       eval     200000 -200
  sac-pendulum              configs/sac/pendulum.json                     0-4    -      5       eval     5000  -200
  sac-mountain-car          configs/sac/mountain-car-continuous.json      0-4    -      5       eval     10000 90
  sac-cartpole-swingup      configs/sac/cartpole-swingup.json             0-4    -      4       eval     24000 170
  sac-reacher               configs/sac/reacher.json                      0-4    -      4       eval     20000 -4.76
  sac-pushing-arm           configs/sac/pushing-arm.json                  0-4    -      4       eval     30000 -6
  mbpo-pendulum             configs/mbpo/pendulum.json                    0-4    -      5       eval     2000  -200
  mbpo-cartpole-swingup     configs/mbpo/cartpole-swingup.json            0-4    -      4       eval     6000  170
  mbpo-reacher              configs/mbpo/reacher.json                     0-4    -      3       eval     10000 -4.76
  mbpo-pushing-arm          configs/mbpo/pushing-arm.json                 0-4    -      4       eval     12500 -6
  double-horizon-pendulum   configs/double-horizon/pendulum.json          0-4    -      5       eval     2000  -200
  double-horizon-swingup    configs/double-horizon/cartpole-swingup.json  0-4    -      4       eval     8000  170
  dreamer-cartpole          configs/dreamer/cartpole.json                 0-2    -      3       eval     4000  450
  dreamer-pendulum          configs/dreamer/pendulum.json                 0-2    -      3       eval     4000  -200
  dreamer-frozen-lake       configs/dreamer/frozen-lake.json              0-2    -      3       eval     8000  0.95
  dreamer-cue-memory        configs/dreamer/cue-memory.json               0-4    -      5       eval     8000  0.45
  random-shooting-line      configs/random-shooting/line.json             0-4    0-4    4       eval     300   -12
"
while read -r name config seeds few wanted measure by threshold; do
  [ -n "$name" ] || continue
  [ ${#arguments[@]} = 0 ] || [[ $wanted_names == *" $name "* ]] || continue
  if [ -n "$quick" ]; then
    [ "$few" != - ] || continue
    seeds="$few"
    [ "$few" != 0-1 ] || wanted=2
  fi
  log="$out.$name.log"
  "$mbrl" train "$config" --seeds "$seeds" --out "$out" --quiet > "$log" 2>&1 || { cat "$log"; fail "$name"; }
  directory="$(awk '$2 == "done" { sub(/\/seed-[0-9]+$/, "", $NF); print $NF; exit }' "$log")"
  file="eval.csv" column=return_mean
  [ "$measure" = eval ] || { file=episodes.csv; column="return"; }
  first="${seeds%-*}" last="${seeds#*-}" reached=0 figures=""
  for seed in $(seq "$first" "$last"); do
    best="$(awk -F, -v by="$by" -v column="$column" '
      NR == 1 {
        for (i = 1; i <= NF; i++) { if ($i == "env_step") s = i; if ($i == column) c = i }
        best = -1e300
        next
      }
      $s <= by && $c > best { best = $c } END { printf "%.4g", best }' "$directory/seed-$seed/$file")"
    figures="$figures $best"
    awk -v best="$best" -v threshold="$threshold" 'BEGIN { exit !(best >= threshold) }' && reached=$((reached + 1))
  done
  verdict=ok
  [ "$reached" -ge "$wanted" ] || verdict=complain
  $verdict "$name: $reached seeds reach $threshold by step $by ($measure; wanted $wanted):$figures"
done <<< "$lines"
finished
