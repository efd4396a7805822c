import Support
import Testing

import Experiments

/// A run that was stopped anywhere and resumed ends in the same bytes as one that never stopped.
@Suite struct ResumeTests {
  /// The same run, never stopped.
  static func undisturbed(_ overrides: [String] = []) throws -> [String: String] {
    let bench = try Bench(Bench.small)
    #expect(try bench.train(overrides).exitCode == .success)
    return try reproducible(try bench.seed())
  }

  @Test(
    arguments: [
      .step(0), .step(1), .step(5), .step(12), .step(13),  // start, in an episode, its end, after it
      .step(15), .step(30),  // rows of progress.csv
      .step(25), .step(50), .step(51),  // a model fit, an evaluation
      .evaluation(50), .evaluation(200),  // in evaluations, the last one included
      .step(35), .step(70), .step(175), .step(199),  // checkpoints, the last step
    ] as [StopPoint])
  func sameBytes(stop: StopPoint) throws {
    let bench = try Bench(Bench.small)
    #expect(try bench.train(stop: once(stop)).exitCode == .interrupted)
    #expect(RunStatus.read("\(try bench.seed())/status.json")?.state == .interrupted)
    #expect(try bench.train().exitCode == .success)
    #expect(RunStatus.read("\(try bench.seed())/status.json")?.state == .done)
    let expected = try Self.undisturbed()
    let found = try reproducible(try bench.seed())
    for name in expected.keys.sorted() { #expect(found[name] == expected[name], "\(name)") }
  }

  /// With everything that can stand around an environment, and several of them.
  static let wrapped =
    ["actionRepeat=2", "rescalesActions=true", "frameStack=3", "observesTime=true", "normalizesObservations=true"]
    .map { "environment.wrappers.\($0)" } + ["environment.id=Pendulum-v1", "environment.stepLimit=23"]

  @Test(arguments: [1, 3])
  func sameBytesInWrappers(environments: Int) throws {
    let overrides = Self.wrapped + ["training.environments=\(environments)"]
    let bench = try Bench(Bench.small)
    var sessions = 0
    while true {
      let countdown = Countdown(environments == 1 ? 29 : 17)
      sessions += 1
      if try bench.train(overrides, stop: { _, _ in countdown.isOver }).exitCode == .success { break }
      try #require(sessions < 100)
    }
    #expect(sessions > 4)
    let expected = try Self.undisturbed(overrides)
    let found = try reproducible(try bench.seed())
    for name in expected.keys.sorted() { #expect(found[name] == expected[name], "\(name)") }
    // Evaluations neither move the statistics nor come from others than the checkpoint's.
    let never = try Bench(Bench.small)
    try never.train(overrides + ["evaluation.episodes=0"])
    let unmeasured = try reproducible(try never.seed())
    for name in ["episodes", "progress", "weights", "state"] { #expect(unmeasured[name] == expected[name], "\(name)") }
  }

  @Test func sameBytesAfterManyStops() throws {
    let bench = try Bench(Bench.small)
    var sessions = 0
    while true {
      // Stops at the 29th question of each session, wherever that is; an evaluation asks 24 times.
      let countdown = Countdown(29)
      sessions += 1
      if try bench.train(stop: { _, _ in countdown.isOver }).exitCode == .success { break }
      try #require(sessions < 100)
    }
    #expect(sessions > 8)
    #expect(try reproducible(try bench.seed()) == Self.undisturbed())
  }

  /// `--resume must` is of every seed that is named.
  @Test func everySeedHasToBeThere() throws {
    let bench = try Bench(Bench.small)
    try bench.train(seeds: [0, 1], stop: once(.step(40)))
    #expect(try bench.train(seeds: [0, 1], resume: .must).exitCode == .success)
    let found = try #require(error { try bench.plan(seeds: [0, 7], resume: .must) })
    #expect(found.description.contains("seed-7: there is no run to resume") && found.exitCode == .configuration)
    #expect(FileSystem.kind(of: try bench.seed(7)) == nil)
  }

  /// Sessions shorter than an evaluation get on all the same: completed episodes are kept.
  @Test func anInterruptedEvaluationGoesOnWithItsNextEpisode() throws {
    let bench = try Bench(Bench.small)
    let overrides = ["evaluation.episodes=6", "training.environmentSteps=100"]
    var sessions = 0
    while true {
      let countdown = Countdown(14)  // an episode asks 12 times, an evaluation 72 times
      sessions += 1
      if try bench.train(overrides, stop: { _, _ in countdown.isOver }).exitCode == .success { break }
      try #require(sessions < 100)
    }
    #expect(sessions > 15)
    #expect(try reproducible(try bench.seed()) == Self.undisturbed(overrides))
  }

  @Test func anEvaluationAtTheEndThatWasInterruptedLeavesNoTraceInALongerRun() throws {
    let bench = try Bench(Bench.small)
    let countdown = Countdown(18)
    let result = try bench.train(
      ["training.environmentSteps=110"], stop: { _, point in point == .evaluation(110) && countdown.isOver })
    #expect(result.exitCode == .interrupted)
    #expect(try bench.train().exitCode == .success)
    #expect(try reproducible(try bench.seed()) == Self.undisturbed())
  }

  /// What a killed process leaves behind: rows after the last checkpoint, half a row, temporary files.
  @Test func rowsAfterTheCheckpointAreCut() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(70)))
    for name in ["episodes", "eval", "progress", "model"] {
      let file = try AppendFile(reopening: "\(try bench.seed())/\(name).csv")
      try file.append(Array("77,88,99\n1,2".utf8))
    }
    let leftover = "\(try bench.seed())/checkpoints/.step-000000077.abc.tmp"
    try FileSystem.createFolder(leftover)
    try bench.train()
    #expect(FileSystem.kind(of: leftover) == nil)
    #expect(try reproducible(try bench.seed()) == Self.undisturbed())
  }

  /// Killed after a checkpoint got its name, and before the link was moved to it: the step folders count.
  @Test func latestIsTheCheckpointThatTheRunGoesOnFrom() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(70)))
    let store = CheckpointStore("\(try bench.seed())/checkpoints")
    let steps = try store.steps()
    #expect(steps.first == 70)
    try store.point(.latest, to: steps[1])
    #expect(try bench.train(["training.environmentSteps=70"]).exitCode == .success)
    #expect(try Checkpoint.read(try #require(try store.path(.latest))).manifest.step == 70)
    #expect(try Checkpoint.read("\(store.directory)/latest").manifest.step == 70)
  }

  @Test func aRunKilledBeforeItsFirstCheckpointStartsAgain() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(0)))
    try FileSystem.removeTree("\(try bench.seed())/checkpoints")
    #expect(try bench.train().exitCode == .success)
    #expect(try reproducible(try bench.seed()) == Self.undisturbed())
  }

  @Test func resultsWithoutCheckpointAreNotThrownAway() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(70)))
    try FileSystem.removeTree("\(try bench.seed())/checkpoints")
    let before = text("\(try bench.seed())/episodes.csv")
    #expect(try bench.train().exitCode == .checkpoint)
    #expect(text("\(try bench.seed())/episodes.csv") == before)
    #expect(text("\(try bench.seed())/status.json").contains("has rows but there is no checkpoint"))
  }

  @Test func aLongerRunIsTheSameAsOneThatWasLongFromTheStart() throws {
    let bench = try Bench(Bench.small)
    // 110 is no multiple of any cadence: the end adds an evaluation and a row, which the longer run must not keep.
    #expect(try bench.train(["training.environmentSteps=110"]).exitCode == .success)
    #expect(text("\(try bench.seed())/eval.csv").contains("\n110,"))
    #expect(try bench.train().exitCode == .success)
    // Which is said.
    #expect(bench.recorder.warnings.count { $0.hasPrefix("the evaluation at step 110, where the run ended") } == 1)
    #expect(try reproducible(try bench.seed()) == Self.undisturbed())
    #expect(try FileSystem.list(bench.out).count == 1)
  }

  @Test func aFinishedRunSaysSo() throws {
    let bench = try Bench(Bench.small)
    try bench.train()
    let before = try reproducible(try bench.seed())
    let result = try bench.train()
    guard case .done(200, true) = result.ends[0].end else { return #expect(Bool(false), "\(result.ends[0].end)") }
    #expect(result.exitCode == .success)
    #expect(try reproducible(try bench.seed()) == before)
  }

  /// Evaluating more or less often changes no byte of training.
  @Test func evaluationCadenceDoesNotChangeTraining() throws {
    let often = try Bench(Bench.small)
    try often.train(["evaluation.every=3", "evaluation.episodes=1"])
    let never = try Bench(Bench.small)
    try never.train(["evaluation.episodes=0"])
    let standard = try Self.undisturbed()
    for bench in [often, never] {
      let found = try reproducible(try bench.seed())
      for name in ["episodes", "progress", "model", "weights"] { #expect(found[name] == standard[name], "\(name)") }
    }
  }

  @Test func checkpointAndLoggingCadenceDoNotChangeTraining() throws {
    let bench = try Bench(Bench.small)
    try bench.train(["checkpoint.every=1", "checkpoint.keep=1", "logging.progressEvery=1"])
    let found = try reproducible(try bench.seed())
    let standard = try Self.undisturbed()
    for name in ["episodes", "eval", "model", "weights"] { #expect(found[name] == standard[name], "\(name)") }
  }
}

/// Counts, from any thread.
final class Counter: Sendable {
  private let count = Guarded(0)
  func increment() { count.withLock { $0 += 1 } }
  var value: Int { count.withLock { $0 } }
}

/// Says no a number of times, then yes.
final class Countdown: Sendable {
  private let rest: Guarded<Int>
  init(_ count: Int) { rest = Guarded(count) }
  var isOver: Bool {
    rest.withLock {
      $0 -= 1
      return $0 < 0
    }
  }
}
