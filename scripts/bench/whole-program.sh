#!/usr/bin/env bash
# Planning and training inside `mbrl train` against the figures of `mbrl bench`, at the same sizes on one thread:
# processor time per real step, and per update of the ensemble. Two runs of different length each, so that what they
# have in common cancels. No imagined trajectory ends early, as in the bench. Rounds alternate.
# usage: scripts/bench/whole-program.sh [--rounds R]           (after `swift build -c release`; MBRL: another binary)
. "$(dirname "$0")/../common.sh"
rounds=3
options "rounds=" "$@"
find_binary
need_python
temporary_folder

# Processor seconds of a run with the settings given.
run() {
  rm -rf "$work/run"
  python3 - "$mbrl" "$work/run" "$@" << 'PYTHON'
import resource, subprocess, sys
program, out, settings = sys.argv[1], sys.argv[2], sys.argv[3:]
base = [
    "agent.initialRandomSteps=480", "agent.fitEvery=100000", "model.hiddenSizes=[200,200,200]", "model.batchSize=32",
    "planner.type=cem", "planner.population=200", "planner.elites=20", "planner.iterations=3", "planner.horizon=15",
    "planner.particles=10", "planner.propagation=tsinf", "planner.minimumVariance=0", "model.ensembleSize=5",
    "model.termination=never",
    "evaluation.every=0", "evaluation.episodes=0", "threads=1"]
subprocess.run(
    [program, "train", "configs/quickstart.json", *base, *settings, "--seeds", "0", "--out", out, "--quiet"],
    check=True, stdout=subprocess.DEVNULL)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_utime)
PYTHON
}

# Milliseconds of the middle run of a workload.
bench() {
  "$mbrl" bench --filter "$1" --threads 1 --seconds 1 --json \
    | python3 -c 'import json, sys; w = json.load(sys.stdin)["workloads"][0]
print(1e3 / w["items_per_second"] if w["unit"] == "updates" else 1e3 * w["median_seconds"])'
}

for ((round = 1; round <= rounds; round++)); do
  few="$(run training.environmentSteps=500 model.epochs=1)"
  many="$(run training.environmentSteps=530 model.epochs=1)"
  echo "plan $few $many 30 $(bench plan-light)"
  # 480 random steps are 15 minibatches an epoch; the fit's layers are those of train-5x32.
  wide='model.hiddenSizes=[200,200,200,200]'
  few="$(run training.environmentSteps=481 model.epochs=1 "$wide")"
  many="$(run training.environmentSteps=481 model.epochs=201 "$wide")"
  echo "update $few $many 3000 $(bench train-5x32)"
done | python3 -c '
import statistics, sys
rows = {}
for line in sys.stdin:
    kind, few, many, count, bench = line.split()
    rows.setdefault(kind, []).append((1e3 * (float(many) - float(few)) / float(count), float(bench)))
print("| | in mbrl train, ms | in mbrl bench, ms | ratio |\n|---|---|---|---|")
for kind, pairs in rows.items():
    ratio = statistics.median(a / b for a, b in pairs)
    here, there = (statistics.median(column) for column in zip(*pairs))
    print(f"| {kind} | {here:.3f} | {there:.3f} | {ratio:.2f} |")
'
