import Reports
import Support
import Testing

import Experiments

/// Several seeds, failures, locks, and the life of a run directory.
@Suite struct TrainingTests {
  @Test func jobsDoNotChangeABit() throws {
    let one = try Bench(Bench.small)
    let two = try Bench(Bench.small)
    #expect(try one.train(seeds: [0, 1, 2], jobs: 1).exitCode == .success)
    #expect(try two.train(seeds: [0, 1, 2], jobs: 2).exitCode == .success)
    for seed in 0...2 { #expect(try reproducible(try one.seed(seed)) == reproducible(try two.seed(seed))) }
    #expect(try reproducible(try one.seed(0))["episodes"] != reproducible(try one.seed(1))["episodes"])
  }

  @Test func layoutAndColumns() throws {
    let bench = try Bench(Bench.small)
    try bench.train()
    #expect(try bench.run().hasPrefix("\(bench.out)/bench-"))
    #expect(try FileSystem.list(try bench.run()) == ["config.json", "format.json", "seed-0"])
    #expect(
      try FileSystem.list(try bench.seed()) == [
        ".lock", "checkpoints", "episodes.csv", "eval.csv", "log.txt", "logs", "model.csv", "progress.csv",
        "run.json", "status.json",
      ])
    func header(_ name: String) throws -> Substring? {
      text("\(try bench.seed())/\(name)").split(separator: "\n").first
    }
    #expect(try header("episodes.csv") == "episode,env_step,return,length,terminated,truncated,wall_s")
    #expect(
      try header("eval.csv") == "env_step,episodes,return_mean,return_std,return_min,return_max,length_mean,wall_s")
    #expect(
      try header("progress.csv")
        == "env_step,updates,episodes,return_mean_100,loss,rare,buffer_size,steps_per_s,wall_s")
    #expect(
      try header("model.csv")
        == "env_step,iteration,epoch,train_loss,val_loss,val_loss_best,train_size,val_size,wall_s")
    let record = try JSONParser.read("\(try bench.seed())/run.json")
    let session = try #require(record.object?["sessions"]?.array?.last?.object)
    #expect(try #require(session["processorSeconds"]?.double) > 0)
    let status = try #require(RunStatus.read("\(try bench.seed())/status.json"))
    #expect((status.state, status.step, status.total, status.reason) == (.done, 200, 200, nil))
  }

  /// env_step counts completed steps; a missing measurement is an empty cell; the time limit truncates.
  @Test func rows() throws {
    let bench = try Bench(Bench.small)
    try bench.train()
    let seed = try bench.seed()
    let episodes = try CSVTable.read("\(seed)/episodes.csv")
    #expect(try episodes.texts("env_step").prefix(3) == ["12", "24", "36"])
    #expect(try episodes.texts("episode").prefix(3) == ["0", "1", "2"])
    #expect(try Set(episodes.texts("truncated")) == ["true"])
    #expect(try Set(episodes.texts("terminated")) == ["false"])
    let progress = try CSVTable.read("\(seed)/progress.csv")
    #expect(try progress.texts("env_step").map { $0 ?? "" } == (1...13).map { String($0 * 15) } + ["200"])
    #expect(try progress.texts("rare").prefix(4) == [nil, nil, "37.0", nil])
    #expect(try progress.texts("updates").last == "200")
    #expect(try progress.texts("buffer_size").last == "200")
    let returns = try episodes.numbers("return").compactMap { $0 }
    let mean = try #require(try progress.numbers("return_mean_100").last ?? nil)
    #expect(abs(mean - returns.reduce(0, +) / Double(returns.count)) < 1e-9)
    let evaluations = try CSVTable.read("\(seed)/eval.csv")
    #expect(try evaluations.texts("env_step") == ["50", "100", "150", "200"])
    let model = try CSVTable.read("\(seed)/model.csv")
    #expect(try model.texts("env_step").prefix(3) == ["25", "25", "50"])
    #expect(try model.texts("val_loss").prefix(2) == [nil, "0.5"])
    #expect(try model.texts("val_loss_best").allSatisfy { $0 == nil })
  }

  // MARK: Failures

  @Test func oneFailingSeedTakesNoOtherDown() throws {
    var bench = try Bench(Bench.small)
    let failing = RandomStream(seed: 1).key
    bench.agent = ScriptedAgent.Configuration { key, step in key == failing && step == 60 ? .fail : .learn }
    let result = try bench.train(seeds: [0, 1, 2], jobs: 2)
    #expect(result.exitCode == .someSeedsFailed)
    #expect(result.ends.map(\.end.exitCode) == [.success, .failure, .success])
    let status = try #require(RunStatus.read("\(try bench.seed(1))/status.json"))
    #expect((status.state, status.step, status.reason) == (.failed, 60, "the script says so"))
    // The same command again does only what is missing.
    bench.agent = ScriptedAgent.Configuration()
    #expect(try bench.train(seeds: [0, 1, 2]).exitCode == .success)
    let undisturbed = try Bench(Bench.small)
    try undisturbed.train(seeds: [1])
    #expect(try reproducible(try bench.seed(1)) == reproducible(try undisturbed.seed(1)))
  }

  @Test func whenAllSeedsFailTheCodeIsOne() throws {
    var bench = try Bench(Bench.small)
    bench.agent = ScriptedAgent.Configuration { _, step in step == 9 ? .fail : .learn }
    #expect(try bench.train(seeds: [0, 1]).exitCode == .failure)
  }

  @Test(arguments: [
    (ScriptedAgent.Act.diverge, "model.layers.0.weight"), (.reportNaN, "loss"), (.breakWeight, "actor.0.weight"),
  ])
  func aNonFiniteNumberStopsTheRun(act: ScriptedAgent.Act, quantity: String) throws {
    var bench = try Bench(Bench.small)
    bench.agent = ScriptedAgent.Configuration { _, step in step == 65 ? act : .learn }
    let result = try bench.train()
    #expect(result.exitCode == .diverged)
    // A broken weight is found when it would be stored.
    let step = act == .breakWeight ? 70 : 65
    let status = try #require(RunStatus.read("\(try bench.seed())/status.json"))
    #expect(status.state == .diverged)
    #expect(status.reason == "diverged at step \(step): \(quantity) is not finite")
    let store = CheckpointStore("\(try bench.seed())/checkpoints")
    #expect(try Checkpoint.read(try #require(try store.path(.latest))).manifest.step == 50)
    #expect(try Checkpoint.read("\(try bench.seed())/diverged").manifest.step == step)
  }

  /// Eleven layers multiply until the loss overflows, and its gradient ruins the weights.
  @Test func anExplodingNetworkIsNamedByItsTensor() throws {
    var bench = try Bench(
      """
      {"environment": {"id": "Pendulum-v1", "stepLimit": 20}, "agent": {"type": "pets", "initialRandomSteps": 40},
       "model": {"ensembleSize": 2, "hiddenSizes": [256, 256, 256, 256, 256, 256, 256, 256, 256, 256, 256],
        "activation": "relu", "learningRate": 1, "learnsVarianceBounds": false, "normalizesInputs": false},
       "planner": {"horizon": 2, "population": 4, "elites": 2, "iterations": 1, "particles": 1},
       "training": {"environmentSteps": 60}, "evaluation": {"episodes": 0}, "checkpoint": {"every": 15}}
      """)
    bench.agent = nil
    #expect(try bench.train().exitCode == .diverged)
    let reason = try #require(RunStatus.read("\(try bench.seed())/status.json")?.reason)
    let start = "diverged at step 40: "
    let end = " is not finite"
    try #require(reason.hasPrefix(start + "model.members.") && reason.hasSuffix(end), "\(reason)")
    let tensor = String(reason.dropFirst(start.count).dropLast(end.count))
    // The state of that moment holds it, and the last checkpoint holds it as it was.
    func isFinite(_ path: String) throws -> Bool {
      let checkpoint = try Checkpoint.read(path)
      let bytes = try #require(checkpoint.tensors.first { $0.name == tensor }, "\(tensor)").tensor.bytes
      return bytes.withUnsafeBytes { $0.bindMemory(to: Float.self).allSatisfy { $0.isFinite } }
    }
    let latest = try #require(try CheckpointStore("\(try bench.seed())/checkpoints").path(.latest))
    #expect(try Checkpoint.read(latest).manifest.step == 30)
    #expect(try isFinite(latest))
    #expect(try !isFinite("\(try bench.seed())/diverged"))
  }

  // MARK: Run directory

  @Test func neverStartsAFreshDirectory() throws {
    let bench = try Bench(Bench.small)
    try bench.train()
    let first = try bench.run()
    #expect(try bench.train(resume: .never).directory.path == "\(first)-2")
    #expect(try bench.train(resume: .never).directory.path == "\(first)-3")
    #expect(try reproducible("\(first)/seed-0") == reproducible("\(first)-3/seed-0"))
    // A numbered one goes on by its path.
    #expect(try bench.train(["training.environmentSteps=230"], path: "\(first)-2").exitCode == .success)
    #expect(RunStatus.read("\(first)-2/seed-0/status.json")?.step == 230)
    #expect(RunStatus.read("\(first)/seed-0/status.json")?.step == 200)
  }

  @Test func mustNeedsARun() throws {
    let bench = try Bench(Bench.small)
    let nothing = try #require(error { try bench.train(resume: .must) })
    #expect(nothing.exitCode == .configuration)
    #expect("\(nothing)".hasSuffix("there is no run to resume; leave out --resume must to start one"))
    #expect(FileSystem.kind(of: bench.out) == nil)
    try bench.train()
    #expect(try bench.train(resume: .must).exitCode == .success)
    let other = try #require(error { try bench.train(["evaluation.seed=3"], resume: .must) })
    #expect("\(other)".contains("has other settings:\n  evaluation.seed: 10000 → 3"))
  }

  @Test func onlyLengthEvaluationCheckpointAndLoggingMayChange() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(60)))
    let run = try bench.run()
    let overrides = ["training.environments=2", "evaluation.every=10", "environment.stepLimit=20"]
    let differs = try #require(error { try bench.train(overrides, path: run) })
    #expect(differs.exitCode == .configuration)
    #expect(
      "\(differs)" == """
        \(run) was made with other settings; only name, seeds, threads, length, evaluation, checkpoint and logging may change:
          environment.stepLimit: 12 → 20
          training.environments: 1 → 2
        """)
    let allowed = ["training.environmentSteps=210", "checkpoint.every=7", "logging.progressEvery=0"]
    #expect(try bench.train(allowed, path: run).exitCode == .success)
    #expect(text("\(run)/config.json").contains("\"environmentSteps\": 210"))
  }

  /// Training does not know how it is measured: from the change on eval.csv has the new evaluations, all else is as if
  /// there had been no change. An interrupted evaluation that is another one now begins anew.
  @Test(arguments: [60, 100])
  func theEvaluationMayChangeWhenARunGoesOn(stop: Int) throws {
    let plain = try Bench(Bench.small)
    try plain.train()
    let bench = try Bench(Bench.small)
    // In the second of two episodes, or where there is no evaluation.
    let countdown = Countdown(14)
    try bench.train(stop: { _, point in
      point == .evaluation(stop) && countdown.isOver || point == .step(60) && stop == 60
    })
    let run = try bench.run()
    let changes = ["evaluation.every=30", "evaluation.seed=3", "evaluation.episodes=1"]
    #expect(try bench.train(changes, path: run).exitCode == .success)
    #expect(try CSVTable.read("\(run)/seed-0/eval.csv").texts("episodes").prefix(2) == ["2", "1"])
    // The file's own settings are the run's again.
    #expect(try bench.train(["training.environmentSteps=230"]).directory.path == run)
    #expect(try plain.train(["training.environmentSteps=230"]).exitCode == .success)
    #expect(try CSVTable.read("\(run)/seed-0/eval.csv").texts("episodes").last == "2")
    let (expected, found) = (try reproducible(plain.seed()), try reproducible(bench.seed()))
    for name in ["episodes", "progress", "weights", "state"] { #expect(found[name] == expected[name], "\(name)") }
  }

  @Test func aLockedSeedIsNamed() throws {
    let bench = try Bench(Bench.small)
    let plan = try bench.plan(seeds: [0, 1])
    let claim = try Training.claim(plan)
    let locked = try #require(error { try bench.train(seeds: [1]) })
    #expect(locked.exitCode == .locked)
    #expect("\(locked)".contains("/seed-1/.lock is locked by process "))
    // Other seeds of the same run are free.
    #expect(try bench.train(seeds: [2]).exitCode == .success)
    _ = Training.run(plan, claim, observer: bench.recorder, shouldStop: { _, _ in false })
    #expect(try bench.train(seeds: [1]).exitCode == .success)
  }

  @Test func stoppingLeavesSeedsThatHadNotBegun() throws {
    let bench = try Bench(Bench.small)
    let result = try bench.train(seeds: [0, 1], stop: { seed, point in seed == 0 && point == .step(20) || seed == 1 })
    #expect(result.exitCode == .interrupted)
    #expect(try bench.train(seeds: [0, 1]).exitCode == .success)
  }

  @Test func planningWritesNothing() throws {
    let bench = try Bench(Bench.small)
    let plan = try bench.plan(seeds: [0, 1, 2], jobs: 2)
    #expect(plan.jobs == min(2, Machine.cores))
    #expect(plan.checkpointBytes > 0)
    #expect(try FileSystem.list(bench.folder.path) == ["bench.json"])
  }

  /// What is announced is what runs.
  @Test func noMoreJobsThanCores() throws {
    let plan = try Bench(Bench.small).plan(seeds: Array(0..<200), jobs: 150)
    #expect(plan.jobs == Machine.cores)
    #expect(plan.lines[1].contains("; \(plan.jobs) job"))
    #expect(plan.warnings.contains("--jobs 150: \(plan.jobs) at a time, as many as this machine has cores"))
    let few = try Bench(Bench.small).plan(seeds: [0], jobs: 150)
    #expect(few.jobs == 1 && !few.warnings.contains { $0.hasPrefix("--jobs") })
  }

  /// Without a list, a run's path means the seeds that were started in it.
  @Test func aRunGoesOnWithItsOwnSeeds() throws {
    let bench = try Bench(Bench.small)
    try bench.train(seeds: [3, 7], stop: { _, point in point == .step(20) })
    var request = TrainingPlan.Request(path: try bench.run() + "/")
    #expect(try TrainingPlan(request).seeds == [3, 7])
    request.overrides = ["seeds=[1]"]
    #expect(try TrainingPlan(request).seeds == [1])
    request.seeds = [2]
    #expect(try TrainingPlan(request).seeds == [2])
  }

  // MARK: Evaluation

  @Test func evaluatingACheckpointGivesTheNumbersOfTraining() throws {
    var bench = try Bench(Bench.small)
    bench.agent = nil
    try bench.train(seeds: [0, 1])
    let target = try CheckpointTarget(try bench.run())
    for checkpoint in try target.checkpoints(.latest) {
      let report = try checkpoint.read { try PolicyEvaluation().run($0) }
      let seed = report.manifest.seed
      let row = try #require(text("\(try bench.seed(seed))/eval.csv").split(separator: "\n").last)
      let result = report.result
      let numbers = [result.mean, result.deviation, result.minimum, result.maximum, result.lengthMean]
      #expect(row.hasPrefix("200,2," + numbers.map { "\($0)" }.joined(separator: ",") + ","))
    }
    var longer = PolicyEvaluation()
    longer.episodes = 5
    longer.seed = 1
    #expect(try longer.run("\(try bench.seed())/checkpoints/best").result.episodes.map(\.seed) == [1, 2, 3, 4, 5])
  }
}
