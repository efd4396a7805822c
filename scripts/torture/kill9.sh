#!/usr/bin/env bash
# kill -9 at random moments until the run is done; then every table, weight, counter and random stream must equal those
# of an undisturbed run, byte for byte.
# usage: kill9.sh [--runs N] [--seed N] [--agents "NAME …"] [--environments "ID …"] [--propagations "NAME …"]
#
# Every run takes the next combination of agent, environment, propagation and emphasis. The emphases make each phase in
# turn the one in which most of the time goes by, so that every phase is killed in: model fit, planning, the policy's
# updates, imagined rollouts, dreams, evaluation, checkpoint writing, rows, and the first milliseconds of start-up. The
# replays of policies wrap.
. "$(dirname "$0")/common.sh"
runs=50 environments="Pendulum-v1 ContinuousCartPole-v0 CartPole-v1" propagations="ts1 tsinf" seed=
agents="pets sac mbpo ppo dqn dreamer"
options "runs= seed= agents= environments= propagations=" "$@"
choose "$seed"
read -ra environment_list <<< "$environments"
read -ra propagation_list <<< "$propagations"
read -ra agent_list <<< "$agents"

# emphases AGENT: what there is to kill it in.
emphases() {
  case "$1" in
    pets) echo mixed fit planning evaluation checkpoint rows start ;;
    dreamer) echo updates dreams checkpoint mixed evaluation rows start ;;
    mbpo) echo fit rollouts updates checkpoint mixed evaluation rows start ;;
    *) echo updates checkpoint mixed evaluation rows start ;;
  esac
}
# emphasis NAME AGENT: its settings.
emphasis() {
  case "$1-$2" in
    mixed-* | start-*) echo ;;
    fit-*) echo "agent.fitEvery=5 model.epochs=40 checkpoint.every=7" ;;
    planning-*) echo "planner.population=400 planner.iterations=5 agent.fitEvery=100" ;;
    rollouts-*) echo "agent.fitEvery=10 agent.rolloutStarts=3000 model.epochs=1 agent.updatesPerStep=1" ;;
    dreams-*) echo "agent.imaginationLength=100" ;;
    updates-dreamer) echo "agent.trainRatio=600" ;;
    updates-ppo) echo "agent.epochs=100" ;;
    updates-dqn) echo "agent.updatesPerStep=30 agent.hiddenSizes=[64,64]" ;;
    updates-*) echo "agent.updatesPerStep=20 agent.hiddenSizes=[64,64]" ;;
    evaluation-*) echo "evaluation.every=10 evaluation.episodes=5" ;;
    checkpoint-*) echo "checkpoint.every=1" ;;
    rows-*) echo "logging.progressEvery=1 environment.stepLimit=2 training.environmentSteps=600" ;;
  esac
}

kills=0 leftovers=0 nothing=0 cut=0
for ((run = 0; run < runs; run++)); do
  agent="${agent_list[run % ${#agent_list[@]}]}" turn=$((run / ${#agent_list[@]}))
  environment="${environment_list[turn % ${#environment_list[@]}]}"
  [ "$agent" != dqn ] || environment=CartPole-v1
  propagation="${propagation_list[turn / ${#environment_list[@]} % ${#propagation_list[@]}]}"
  read -ra emphasis_list <<< "$(emphases "$agent")"
  stress="${emphasis_list[turn % ${#emphasis_list[@]}]}"
  name="$agent-$environment-$stress"
  [ "$agent" != pets ] || name="$environment-$propagation-$stress"
  experiment "$name" "$agent" "$environment" "$propagation"
  read -ra stressing <<< "$(emphasis "$stress" "$agent")"
  command=("$mbrl" train "$work/$name.json" ${stressing[@]+"${stressing[@]}"} --quiet)
  if [ ! -d "$work/plain-$name" ]; then
    start=$(now)
    expect 0 "" "${command[@]}" --out "$work/plain-$name"
    echo $(($(now) - start)) > "$work/duration-$name"
  fi
  duration="$(cat "$work/duration-$name")"
  here=0
  rm -rf "$work/cut"
  while true; do
    "${command[@]}" --out "$work/cut" > "$work/out" 2>&1 &
    process=$!
    # Later pauses are longer, so that the run comes to its end.
    if [ "$stress" = start ] && [ $here -lt 12 ]; then random 40
    else random $((duration / 2 + here * duration / 20 + 20))
    fi
    # Nobody waits for a process that has ended before.
    until=$(($(now) + choice))
    while kill -0 $process 2> /dev/null && left=$((until - $(now))) && [ $left -gt 0 ]; do
      sleep "$(seconds $((left < 100 ? left : 100)))"
    done
    kill -9 $process 2> /dev/null || true
    code=0
    { wait $process; } 2> /dev/null || code=$?
    [ $code != 0 ] || break
    [ $code = 137 ] || { cat "$work/out"; fail "$name ended with $code after $here kills"; }
    here=$((here + 1))
    if ! compgen -G "$work/cut/*/seed-0" > /dev/null; then
      nothing=$((nothing + 1))
    else
      [ -z "$(find "$work/cut" -name '.*.tmp' -print -quit)" ] || leftovers=$((leftovers + 1))
    fi
    for table in "$work"/cut/*/seed-0/*.csv; do
      if [ -s "$table" ] && [ -n "$(tail -c 1 "$table")" ]; then cut=$((cut + 1)); fi
    done
    [ $here -lt 200 ] || fail "$name did not end after 200 kills"
  done
  same_bytes "$(seed_of "$work/plain-$name")" "$(seed_of "$work/cut")" "$name after $here kills"
  kills=$((kills + here))
  ok "$name: $here kills, then the same bytes"
done
echo "$me: $kills kills in $runs runs; $nothing before the run directory stood, $leftovers inside an atomic write," \
  "$cut inside a row"
finished
