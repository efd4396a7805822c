import Support
import Testing

import Experiments

/// A round of updates that is interrupted between two of them: what is left of it is done in the next session, and
/// nothing twice. Seen to fail with a fit that is made again, and with a round that begins anew.
@Suite struct InterruptedRoundTests {
  private static let agents: [(environment: String, sections: String)] = [
    (
      #""id": "LineWorld-v0", "stepLimit": 10"#,
      #"""
      "agent": {"type": "sac", "initialRandomSteps": 20, "updateEvery": 15, "updatesPerStep": 2, "batchSize": 8, "hiddenSizes": [8],
                "criticHiddenSizes": [8]}
      """#
    ),
    (
      #""id": "LineWorld-v0", "stepLimit": 10"#,
      #"""
      "agent": {"type": "mbpo", "initialRandomSteps": 30, "fitEvery": 15, "updatesPerStep": 7, "rolloutStarts": 20,
                "batchSize": 8, "hiddenSizes": [8], "criticHiddenSizes": [8]},
      "model": {"ensembleSize": 2, "elites": 1, "hiddenSizes": [8], "epochs": 1, "batchSize": 64}
      """#
    ),
    (
      #""id": "CartPole-v1""#,
      #"""
      "agent": {"type": "dyna", "initialRandomSteps": 20, "updateEvery": 10, "updatesPerStep": 1, "planningSteps": 1,
                "fitEvery": 20, "batchSize": 8, "hiddenSizes": [8]},
      "model": {"ensembleSize": 2, "elites": 1, "hiddenSizes": [8], "epochs": 1, "batchSize": 64}
      """#
    ),
  ]

  private static func bench(_ agent: Int) throws -> Bench {
    let (environment, sections) = agents[agent]
    var bench = try Bench(
      """
      {"environment": {\(environment)}, \(sections), "training": {"environmentSteps": 50},
       "evaluation": {"every": 25, "episodes": 1}, "checkpoint": {"every": 20}, "logging": {"progressEvery": 10}}
      """)
    bench.agent = nil
    return bench
  }

  @Test(arguments: agents.indices) func goesOnWithWhatIsLeft(agent: Int) throws {
    let undisturbed = try Self.bench(agent)
    #expect(try undisturbed.train().exitCode == .success)
    let expected = try reproducible(try undisturbed.seed())
    var inRounds = 0
    for questions in [0, 1, 2, 3, 5, 8, 13, 21, 34] {
      let bench = try Self.bench(agent)
      let countdown = Countdown(questions)
      let stop: StopRequest = { _, point in point == .computation && countdown.isOver }
      #expect(try bench.train(stop: stop).exitCode == .interrupted)
      let store = CheckpointStore("\(try bench.seed())/checkpoints")
      let stored = try Checkpoint.read(try #require(try store.path(.latest)))
      if stored.manifest.scalars.contains(where: { $0 == ("round.isUnderWay", "true") }) { inRounds += 1 }
      #expect(try bench.train().exitCode == .success)
      let found = try reproducible(try bench.seed())
      for name in expected.keys.sorted() { #expect(found[name] == expected[name], "\(questions): \(name)") }
    }
    #expect(inRounds >= 3, "\(inRounds)")
  }
}
