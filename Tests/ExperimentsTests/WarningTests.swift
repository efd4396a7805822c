import Support
import Testing

import Experiments

/// Settings that nothing reads, and runs in which nothing is learned, are said beforehand.
@Suite struct WarningTests {
  private static func warnings(_ environment: String, _ agent: String, _ overrides: [String]) throws -> [String] {
    let document: JSON = ["environment": ["id": .string(environment)], "agent": ["type": .string(agent)]]
    return try ExperimentFile.read(document, name: "x", source: "x", overrides: overrides).warnings.map(\.path)
  }

  /// Per override on a task and an agent, with what else has to be: the warning comes, and not where it is read.
  @Test(arguments: [
    ("Taxi-v4", "dyna-q", "agent.backupSteps=5", "agent.backup=tree-backup"),
    ("Taxi-v4", "dyna-q", "agent.countedUpdate=sampled", "agent.model=counted"),
    ("Taxi-v4", "dyna-q", "agent.priorityThreshold=0.1", "agent.planning=prioritized"),
    ("Taxi-v4", "dyna-q", "agent.learningRate.end=0.2", "agent.learningRate.schedule=linear"),
    ("Taxi-v4", "dyna-q", "agent.exploration.steps=7", "agent.exploration.schedule=exponential"),
    ("Taxi-v4", "dyna-q", "environment.rainyProbability=0.5", "environment.isRainy=true"),
    ("Pendulum-v1", "pets", "model.patience=3", "model.holdout=0.1"),
    ("Pendulum-v1", "pets", "model.improvementThreshold=0.1", "model.holdout=0.1"),
    ("Pendulum-v1", "pets", "model.holdoutLimit=7", "model.elites=2"),
    ("Pendulum-v1", "pets", "model.terminationWeight=1", "model.termination=learned"),
    ("Pendulum-v1", "pets", "planner.particles=3", "planner.propagation=ts1"),
    ("Pendulum-v1", "gradient", "planner.noise=0.1", "planner.restarts=4"),
    ("Pendulum-v1", "icem", "planner.decay=2", "planner.iterations=2"),
    ("Pendulum-v1", "random-shooting", "agent.inverse.hiddenSizes=[9]", "agent.inverse.epochs=1"),
    ("Pendulum-v1", "random-shooting", "agent.inverse.proposals=3", "agent.inverse.epochs=1"),
    ("Pendulum-v1", "random-shooting", "agent.inverse.featureLoss=1", "agent.inverse.epochs=1"),
    (
      "Pendulum-v1", "random", "environment.wrappers.observationLimit=5",
      "environment.wrappers.normalizesObservations=true"
    ),
    ("CartPole-v1", "dyna", "agent.imaginationLength=5", "agent.planningSteps=1"),
    ("Pendulum-v1", "mbpo", "agent.rolloutLength.to=5", "agent.rolloutLength.last=4"),
    ("Pendulum-v1", "mbpo", "agent.valueExpansion.horizon=5", "agent.valueExpansion.type=fixed"),
    ("Pendulum-v1", "mbpo", "agent.trust.penaltyWeight=2", "agent.trust.penalty=deviation"),
    ("Pendulum-v1", "mbpo", "agent.trust.haltReward=-2", "agent.trust.cut=halt"),
    ("Pendulum-v1", "mbpo", "agent.trust.stepQuantile=0.9", "agent.trust.cut=information"),
    ("Pendulum-v1", "mbpo", "agent.trust.totalQuantile=0.9", "agent.trust.cut=information"),
    ("Pendulum-v1", "mbpo", "agent.trust.resolution=0.1", "agent.trust.cut=information"),
    ("Pendulum-v1", "mbpo", "agent.trust.percentile=90", "agent.trust.cut=threshold"),
    ("Pendulum-v1", "mbpo", "agent.trust.coefficient=3", "agent.trust.cut=threshold"),
    ("Pendulum-v1", "sac", "agent.targetEntropy=-1", "agent.learnsTemperature=true"),
    ("CartPole-v1", "dyna", "model.epochs=9", "agent.planningSteps=1"),
    ("CartPole-v1", "dyna", "agent.activation=relu", "agent.hiddenSizes=[8]"),
    ("Pendulum-v1", "random", "evaluation.every=500", "training.environmentSteps=1000"),
    ("Pendulum-v1", "random", "evaluation.seed=5", "evaluation.episodes=1"),
  ])
  func withoutEffect(environment: String, agent: String, setting: String, reading: String) throws {
    let isPlanner = agent == "icem" || agent == "gradient"
    let idle = [
      "planner.propagation=expectation", "planner.restarts=1", "planner.iterations=1", "agent.planningSteps=0",
      "agent.hiddenSizes=[]", "training.environmentSteps=400", "evaluation.episodes=0", "agent.learnsTemperature=false",
    ].filter {
      $0.split(separator: "=")[0] == reading.split(separator: "=")[0]
        || $0.hasPrefix("planner.propagation") && reading.hasPrefix("planner.propagation")
    }
    let fixed = isPlanner ? ["planner=\(agent)"] : []
    let path = String(setting.split(separator: "=")[0])
    let name = isPlanner ? "pets" : agent
    let without = try Self.warnings(environment, name, fixed + idle + [setting])
    #expect(without == [path] || without == ["model"] && path.hasPrefix("model."), "\(without)")
    #expect(try Self.warnings(environment, name, fixed + [setting, reading]).isEmpty)
  }

  /// With the true model nothing of the learned one is read.
  @Test func theTrueModelReadsNoLearnedOne() throws {
    let overrides = [
      "planner.model=true", "model.epochs=9", "agent.fitEvery=7", "planner.particles=3", "planner.pessimism=1",
      "agent.inverse.epochs=2",
    ]
    #expect(
      try Self.warnings("Pendulum-v1", "pets", overrides).sorted() == [
        "agent.fitEvery", "agent.inverse", "model", "planner.particles", "planner.pessimism",
      ])
  }

  /// Of all planners random shooting alone takes plans that others propose.
  @Test func proposalsNeedWhoTakesThem() throws {
    let overrides = ["agent.inverse.epochs=1", "agent.inverse.proposals=3"]
    #expect(try Self.warnings("Pendulum-v1", "pets", overrides) == ["agent.inverse.proposals"])
    #expect(try Self.warnings("Pendulum-v1", "pets", overrides + ["planner=random-shooting"]).isEmpty)
  }

  /// Categories have no variance and no filter.
  @Test func discreteActions() throws {
    for (planner, setting) in [("cem", "minimumVariance=0.1"), ("icem", "colour=1"), ("mppi", "filter=0.5")] {
      let overrides = ["planner=\(planner)", "planner.\(setting)"]
      #expect(try Self.warnings("CartPole-v1", "pets", overrides).count == 1)
      #expect(try Self.warnings("Pendulum-v1", "pets", overrides).isEmpty)
    }
  }

  @Test(arguments: [
    ("Pendulum-v1", "pets", ["training.environmentSteps=100"], "agent.initialRandomSteps"),
    ("CartPole-v1", "dyna", ["training.environmentSteps=300"], "agent.initialRandomSteps"),
    ("CartPole-v1", "dyna", ["agent.planningSteps=0", "agent.updatesPerStep=0"], "agent.updatesPerStep"),
    ("Taxi-v4", "dyna-q", ["agent.learningRate.start=0"], "agent.learningRate"),
    ("CartPole-v1", "dyna", ["agent.batchSize=200", "agent.replayCapacity=100"], "agent.batchSize"),
    ("Pendulum-v1", "sac", ["agent.batchSize=200", "agent.replayCapacity=100"], "agent.batchSize"),
    ("Pendulum-v1", "sac", ["agent.updatesPerStep=0"], "agent.updatesPerStep"),
    ("Pendulum-v1", "ppo", ["training.environmentSteps=1000"], "agent.rolloutLength"),
    ("Pendulum-v1", "mbpo", ["training.environmentSteps=300"], "agent.initialRandomSteps"),
    ("Pendulum-v1", "double-horizon", ["training.environmentSteps=300"], "agent.initialRandomSteps"),
    ("Pendulum-v1", "dreamer", ["training.environmentSteps=1024"], "agent.batchSize"),
    ("Pendulum-v1", "dreamer", ["agent.trainRatio=0"], "agent.trainRatio"),
    ("Pendulum-v1", "pets", ["model.batchSize=200", "agent.replayCapacity=100"], "model.batchSize"),
  ])
  func nothingLearned(environment: String, agent: String, overrides: [String], path: String) throws {
    #expect(try Self.warnings(environment, agent, overrides) == [path])
    #expect(try Self.warnings(environment, agent, []).isEmpty)
  }

  /// 2048 steps of each of four environments, of which a run ends with a step of all.
  @Test func aRolloutTakesItsLengthOfEveryEnvironment() throws {
    func warnings(_ steps: Int) throws -> [String] {
      let overrides = ["training.environments=4", "training.environmentSteps=\(steps)"]
      return try Self.warnings("Pendulum-v1", "ppo", overrides)
    }
    #expect(try warnings(8188) == ["agent.rolloutLength"])
    #expect(try warnings(8189).isEmpty)
  }

  /// The last steps of all environments count, whoever learns.
  @Test(arguments: ["pets", "mbpo", "double-horizon", "sac", "dyna"]) func theLastStepsOfAllCount(agent: String) throws
  {
    func warnings(_ steps: Int) throws -> [String] {
      let overrides = ["training.environments=8", "training.environmentSteps=\(steps)", "agent.initialRandomSteps=400"]
      return try Self.warnings(agent == "dyna" ? "CartPole-v1" : "Pendulum-v1", agent, overrides)
    }
    #expect(try warnings(392) == ["agent.initialRandomSteps"])
    #expect(try warnings(393).isEmpty)
  }

  /// A run's own config.json names every setting: that is no reason for a warning.
  @Test func defaultsWrittenOut() throws {
    for (id, agent) in [("Pendulum-v1", "pets"), ("CartPole-v1", "dyna"), ("Taxi-v4", "dyna-q")] {
      let document: JSON = ["environment": ["id": .string(id)], "agent": ["type": .string(agent)]]
      let file = try ExperimentFile.read(document, name: "x", source: "x")
      #expect(try ExperimentFile.read(.object(file.resolved), name: "x", source: "x").warnings.isEmpty)
    }
  }
}

/// A run whose imagination diverges says what of its settings may be the reason.
@Suite struct DivergenceAdviceTests {
  @Test func aLongHorizonOnLittleData() throws {
    var bench = try Bench(
      """
      {"environment": {"id": "Pendulum-v1"}, "agent": {"type": "pets", "initialRandomSteps": 40},
       "model": {"hiddenSizes": [64, 64], "learningRate": 0.01},
       "planner": {"horizon": 900, "population": 8, "elites": 2, "iterations": 1},
       "training": {"environmentSteps": 60}, "evaluation": {"episodes": 0}}
      """)
    bench.agent = nil
    guard case .failed(let found) = try bench.train().ends[0].end else { return #expect(Bool(false)) }
    #expect(found.exitCode == .diverged)
    #expect(
      found.description.hasSuffix(
        "is not finite; a model fitted to 40 transitions does not hold for 900 steps: lower planner.horizon, or raise "
          + "agent.initialRandomSteps for more data before the first fit"))
  }
}
