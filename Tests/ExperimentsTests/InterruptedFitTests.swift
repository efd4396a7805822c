import Support
import Testing

import Experiments

/// A model fit that is interrupted: the step is stored half done, and the next session learns from it once.
@Suite struct InterruptedFitTests {
  static func bench() throws -> Bench {
    var bench = try Bench(
      """
      {"environment": {"id": "LineWorld-v0", "stepLimit": 10}, "agent": {"type": "pets", "initialRandomSteps": 30},
       "model": {"ensembleSize": 2, "hiddenSizes": [8], "epochs": 4, "batchSize": 8, "holdout": 0.2},
       "planner": {"type": "cem", "horizon": 3, "population": 8, "elites": 2, "iterations": 2, "particles": 2},
       "training": {"environmentSteps": 60}, "evaluation": {"every": 30, "episodes": 1},
       "checkpoint": {"every": 15}, "logging": {"progressEvery": 10}}
      """)
    bench.agent = nil
    return bench
  }

  static func undisturbed(_ overrides: [String] = []) throws -> [String: String] {
    let bench = try bench()
    #expect(try bench.train(overrides).exitCode == .success)
    return try reproducible(try bench.seed())
  }

  /// Nothing is computed for long before the first fit, at step 30: the end of an episode, with an evaluation, a
  /// checkpoint and a row of every table due after it.
  @Test func theFirstFit() throws {
    let bench = try Self.bench()
    let store = CheckpointStore("\(try seed(bench))/checkpoints")
    for questions in [0, 3, 11] {
      let countdown = Countdown(questions)
      let stop: StopRequest = { _, point in point == .computation && countdown.isOver }
      #expect(try bench.train(stop: stop).exitCode == .interrupted)
      let status = try #require(RunStatus.read("\(try bench.seed())/status.json"))
      #expect((status.state, status.step) == (.interrupted, 30))
      let checkpoint = try Checkpoint.read(try #require(try store.path(.latest)))
      #expect(checkpoint.manifest.step == 30)
      #expect(checkpoint.manifest.scalars.contains { $0 == ("run.isUnlearned", "true") })
      #expect(checkpoint.manifest.facts.contains { $0 == ("fitted", "no") })
      // Neither the fit nor what follows it has left a row.
      #expect(text("\(try bench.seed())/model.csv").split(separator: "\n").count == 1)
      #expect(text("\(try bench.seed())/eval.csv").split(separator: "\n").count == 1)
      #expect(text("\(try bench.seed())/episodes.csv").split(separator: "\n").count == 3)
    }
    #expect(try bench.train(["training.environmentSteps=30"]).exitCode == .success)
    let checkpoint = try Checkpoint.read(try #require(try store.path(.latest)))
    #expect(checkpoint.manifest.scalars.contains { $0 == ("run.isUnlearned", "false") })
    #expect(checkpoint.manifest.facts.contains { $0 == ("fitted", "yes") })
    #expect(try bench.train().exitCode == .success)
    let expected = try Self.undisturbed()
    let found = try reproducible(try bench.seed())
    for name in expected.keys.sorted() { #expect(found[name] == expected[name], "\(name)") }
  }

  /// Two models are fitted one after the other: where the second is interrupted, the first goes back, too. Seen to fail
  /// without that.
  @Test func anInverseModelGoesBackWithTheFit() throws {
    let overrides = [
      "planner={\"type\":\"random-shooting\",\"horizon\":3,\"population\":8,\"particles\":2}", "agent.inverse.epochs=2",
      "agent.inverse.batchSize=8", "agent.inverse.hiddenSizes=[8]", "agent.inverse.proposals=2",
      "agent.inverse.featureLoss=1",
    ]
    let expected = try Self.undisturbed(overrides)
    // Eight minibatches of the inverse model, then at least twelve of the ensemble.
    for questions in [0, 3, 7, 8, 9, 12, 19] {
      let bench = try Self.bench()
      let countdown = Countdown(questions)
      let stop: StopRequest = { _, point in point == .computation && countdown.isOver }
      #expect(try bench.train(overrides, stop: stop).exitCode == .interrupted)
      #expect(RunStatus.read("\(try bench.seed())/status.json")?.step == 30)
      #expect(try bench.train(overrides).exitCode == .success)
      let found = try reproducible(try bench.seed())
      for name in expected.keys.sorted() { #expect(found[name] == expected[name], "\(questions): \(name)") }
    }
  }

  private func seed(_ bench: Bench) throws -> String { try bench.plan().directory.path + "/seed-0" }

  /// Killed after that, the run goes on from the half done step all the same.
  @Test func whatIsStoredInTheMiddleOfAStepIsNotItsEnd() throws {
    let bench = try Self.bench()
    #expect(try bench.train(stop: once(.computation)).exitCode == .interrupted)
    // The session that completes step 30 stops right after it.
    #expect(try bench.train(stop: once(.step(30))).exitCode == .interrupted)
    let checkpoint = try Checkpoint.read("\(try bench.seed())/checkpoints/step-000000030")
    #expect(checkpoint.manifest.scalars.contains { $0 == ("run.isUnlearned", "false") })
    #expect(checkpoint.manifest.facts.contains { $0 == ("fitted", "yes") })
    #expect(try bench.train().exitCode == .success)
    #expect(try reproducible(try bench.seed()) == Self.undisturbed())
  }
}
