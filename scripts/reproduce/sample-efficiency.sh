#!/usr/bin/env bash
# Steps of the environment until a task is learned: planning, policies without a model and policies with one.
# usage: scripts/reproduce/sample-efficiency.sh [--out DIR] [--tasks "pendulum …"] [--methods "sac …"] [--seeds "0 1 …"]
#   [--jobs N] [--quick] [--table | --part]
#
# Trains every line of the table below, the cheap methods first, N processes (one) of one thread at a time, each seed
# until its threshold is reached or its budget is used up, and writes DIR/table.md and DIR/table.csv: the medians over
# the seeds with 95 % bootstrap intervals, and seconds of the clock and of the processor. Run again it does what is
# missing; what was interrupted goes on where it stood. --quick: one seed and a twentieth of the budgets, to see it run;
# --table: trains nothing; --part: makes no table. DIR is runs/sample-efficiency at first; MBRL names the binary
# (default: that of this tree, built).
# A method that this binary does not have, or a line whose configuration is not there, is skipped with a line.
. "$(dirname "$0")/common.sh"
out=runs/sample-efficiency
tasks="pendulum cartpole-swingup reacher pushing-arm"
methods="random-shooting ppo dqn sac pets mbpo steve double-horizon"
seeds="0 1 2 3 4"
begin_runs "tasks= methods=" "$@"

# What counts as learned, and where that level comes from: Gymnasium's wiki for the pendulum; the PETS paper's curve
# (178 at its end, 168 after 6 trials) for the swing-up; what soft actor-critic is published at (-4.76) for the reacher;
# for the arm, what its definition calls solved (-6).
threshold() {
  case "$1" in pendulum) echo -200 ;; cartpole-swingup) echo 170 ;; reacher) echo -4.76 ;; pushing-arm) echo -6 ;; esac
}

# `measure`: the first evaluation whose mean reaches the threshold (eval), or the first training episode whose return
# does (episode): of planners on the swing-up, who plan in training as in evaluation, from starts that hardly differ.
# `every`: steps between evaluations, and what a run is extended by until it is there.
# method           task              configuration                                  measure  budget   every  episodes
lines="
  random-shooting  pendulum          configs/random-shooting/pendulum.json          eval     2000     200    10
  random-shooting  cartpole-swingup  configs/random-shooting/cartpole-swingup.json  episode  1000     200    0
  random-shooting  reacher           configs/random-shooting/reacher.json           eval     2000     250    20
  random-shooting  pushing-arm       configs/random-shooting/pushing-arm.json       eval     5000     1000   5
  ppo              pendulum          configs/ppo/pendulum.json                      eval     100000   4096   10
  ppo              cartpole-swingup  configs/ppo/cartpole-swingup.json              eval     600000   20480  10
  ppo              reacher           configs/ppo/reacher.json                       eval     600000   20480  20
  ppo              pushing-arm       configs/ppo/pushing-arm.json                   eval     1000000  20480  10
  sac              pendulum          configs/sac/pendulum.json                      eval     6000     250    10
  sac              cartpole-swingup  configs/sac/cartpole-swingup.json              eval     60000    1000   10
  sac              reacher           configs/sac/reacher.json                       eval     60000    1000   20
  sac              pushing-arm       configs/sac/pushing-arm.json                   eval     200000   2500   10
  pets             pendulum          configs/pets/pendulum.json                     eval     2000     200    10
  pets             cartpole-swingup  configs/pets/cartpole-swingup.json             episode  2400     200    0
  pets             reacher           configs/pets/reacher.json                      eval     2000     250    20
  pets             pushing-arm       configs/pets/pushing-arm.json                  eval     8000     1000   5
  mbpo             pendulum          configs/mbpo/pendulum.json                     eval     2000     200    10
  mbpo             cartpole-swingup  configs/mbpo/cartpole-swingup.json             eval     12000    200    10
  mbpo             reacher           configs/mbpo/reacher.json                      eval     10000    250    20
  mbpo             pushing-arm       configs/mbpo/pushing-arm.json                  eval     15000    500    10
  steve            pendulum          configs/mbpo/pendulum.json                     eval     2000     200    10
  steve            cartpole-swingup  configs/mbpo/cartpole-swingup.json             eval     12000    200    10
  steve            reacher           configs/mbpo/reacher.json                      eval     5000     250    20
  steve            pushing-arm       configs/mbpo/pushing-arm.json                  eval     5000     500    10
  double-horizon   pendulum          configs/double-horizon/pendulum.json           eval     2000     200    10
  double-horizon   cartpole-swingup  configs/double-horizon/cartpole-swingup.json   eval     12000    200    10
  double-horizon   reacher           configs/double-horizon/reacher.json            eval     20000    1000   20
  double-horizon   pushing-arm       configs/double-horizon/pushing-arm.json        eval     20000    1000   10
"

# overrides METHOD: what a line changes in its configuration, in the array `chosen`: value expansion by inverse
# variance on real transitions alone is STEVE, with soft actor-critic in the place of DDPG.
overrides() {
  chosen=()
  [ "$1" != steve ] || chosen=("agent.valueExpansion.type=weighted" "agent.realRatio=1")
}

# reached FOLDER MEASURE THRESHOLD: whether a seed is there.
reached() {
  local file="$1/eval.csv" column=return_mean
  [ "$2" = eval ] || { file="$1/episodes.csv"; column="return"; }
  [ -f "$file" ] && awk -F, -v column="$column" -v threshold="$3" '
    NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) c = i; next }
    $c >= threshold { found = 1 }
    END { exit !found }' "$file"
}

# train NAME CONFIG SEED MEASURE THRESHOLD BUDGET EVERY EPISODES: in pieces, each from the last one's checkpoint.
train() {
  local folder="$out/$1" step=0 seed_folder
  while [ "$step" -lt "$6" ]; do
    step=$((step + $7 < $6 ? step + $7 : $6))
    seed_folder="$(seed_of "$folder" "$3")"
    if reached "$seed_folder" "$4" "$5"; then break; fi
    "$mbrl" train "$2" "${chosen[@]}" --seeds "$3" --jobs 1 --quiet --out "$folder" threads=1 \
      training.environmentSteps="$step" evaluation.every="$7" evaluation.episodes="$8" checkpoint.every=0 \
      > "$folder-$3.log" 2>&1 || { cat "$folder-$3.log"; fail "$1, seed $3"; }
  done
}

# of METHOD TASK: that line of the table, with its budget in --quick.
of() {
  awk -v method="$1" -v task="$2" -v quick="$quick" '
    $1 == method && $2 == task { if (quick != "") $5 = int(($5 / 20 + $6 - 1) / $6) * $6; print }' <<< "$lines"
}

# known "WORD …" N WHAT: whether all of these stand in column N of the table.
known() {
  local word
  for word in $1; do
    awk -v word="$word" -v n="$2" '$n == word { found = 1 } END { exit !found }' <<< "$lines" \
      || { [ "$word" = dqn ] || stop "there is no $3 $word"; }
  done
}
known "$methods" 1 method
known "$tasks" 2 task
for method in $methods; do
  [ -z "$table" ] || break
  for task in $tasks; do
    line="$(of "$method" "$task")"
    if [ -z "$line" ]; then skip "$method does not fit the actions of $task"; continue; fi
    read -r _ _ config measure budget every episodes <<< "$line"
    overrides "$method"
    if ! [ -f "$config" ]; then skip "$method on $task: there is no $config"; continue; fi
    if ! said="$("$mbrl" config check "$config" "${chosen[@]}" 2>&1)"; then
      skip "$method on $task: $(head -n 1 <<< "$said" | cut -c 1-120)"
      continue
    fi
    mkdir -p "$out/$task"
    for seed in $seeds; do
      if put_off --methods "$method" --tasks "$task" --seeds "$seed"; then continue; fi
      train "$task/$method" "$config" "$seed" "$measure" "$(threshold "$task")" "$budget" "$every" "$episodes"
      echo "$(date -u +%H:%M) $method $task seed $seed: $(seed_of "$out/$task/$method" "$seed")" >&2
    done
  done
done

end_runs
for method in $methods; do
  for task in $tasks; do
    line="$(of "$method" "$task")"
    [ -z "$line" ] || echo "$line $(threshold "$task")"
  done
done | python3 scripts/reproduce/sample_efficiency.py "$out"
