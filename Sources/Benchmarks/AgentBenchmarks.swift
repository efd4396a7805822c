import Algorithms
import Environments
import Experiments
import Support

/// Soft actor-critic's update, and whole agents at work: environments, replay, model, policy and updates.
enum AgentBenchmarks {
  static let all: [Benchmark] = [
    softActorCritic, modelUpdates, modelFit, modelRollouts, modelSteps,
    experiment(
      "ppo-cartpole", "8 environments, rollouts of 32, 20 epochs (rl-baselines3-zoo)", steps: 256, after: 0,
      """
      {"environment": {"id": "CartPole-v1"},
       "agent": {"type": "ppo", "rolloutLength": 32, "batchSize": 256, "epochs": 20, "discount": 0.98, "lambda": 0.8,
         "learningRate": {"schedule": "linear", "start": 1e-3, "end": 0, "steps": 100000},
         "clipRange": {"schedule": "linear", "start": 0.2, "end": 0, "steps": 100000}},
       "training": {"environments": 8}}
      """),
    experiment(
      "dqn-cartpole", "128 updates of 64 rows every 256 steps (rl-baselines3-zoo)", steps: 256, after: 1024,
      """
      {"environment": {"id": "CartPole-v1"},
       "agent": {"type": "dqn", "hiddenSizes": [256, 256], "learningRate": 2.3e-3, "batchSize": 64,
         "replayCapacity": 100000, "initialRandomSteps": 1000, "updateEvery": 256, "updatesPerStep": 0.5,
         "targetEvery": 10, "exploration": {"schedule": "linear", "start": 1, "end": 0.04, "steps": 8000}}}
      """),
  ]

  /// `steps` environment steps of an experiment, learning included, that has had `after` steps before.
  private static func experiment(
    _ name: String, _ summary: String, operations: Double? = nil, steps: Int, after: Int, _ text: String
  ) -> Benchmark {
    Benchmark(name, summary, operations: operations, items: Double(steps), unit: "steps") { pool in
      let loop = try loop(text, pool)
      try advance(loop, after)
      return { try advance(loop, steps) }
    }
  }

  private static func loop(_ text: String, _ pool: ComputePool) throws -> RunLoop {
    let file = try ExperimentFile.read(JSONParser.parse(text), name: "bench", source: "bench")
    return try RunLoop(file.configuration, seed: 0, threads: pool.threads)
  }

  private static func advance(_ loop: RunLoop, _ steps: Int) throws {
    let end = loop.progress.step + steps
    while loop.progress.step < end { try loop.step() }
    loop.metrics.clearRows()
    loop.progress.ended.removeAll(keepingCapacity: true)
  }

  // MARK: - Soft actor-critic

  /// Twenty updates with 17 observations and 6 actions on a replay of 10,000 transitions, the minibatches included.
  private static let softActorCritic = Benchmark(
    "sac-update", "17 observations, 6 actions, 2x256, batch 256: minibatch, all losses, targets",
    operations: 20 * updateOperations(17, 6), items: 20, unit: "updates"
  ) { pool in
    let replay = ReplayBenchmarks.replay(capacity: 20_000, observations: 17, actions: 6, filledBy: 10_000)
    let space = ActionSpace.box(low: [Float](repeating: -1, count: 6), high: [Float](repeating: 1, count: 6))
    let learner = SoftActorCritic(
      SoftActorCriticSettings(), observationSize: 17, space, random: RandomStream(seed: 1), pool: pool)
    let minibatch = Minibatch(256, of: replay)
    var (drawing, noise) = (RandomStream(seed: 2), RandomStream(seed: 3))
    return {
      for _ in 0..<20 {
        _ = try learner.update(on: minibatch.draw(from: replay, squashedTo: space, &drawing), &noise, &drawing)
      }
    }
  }

  /// Operations of one update: the policy at two states, back through one of them; of each of two critics the target,
  /// its fit, and the policy's gradient through it. The first layers' inputs take no gradient but the actions.
  private static func updateOperations(_ observations: Int, _ actions: Int) -> Double {
    let rows = 256
    let policy = PlanningBenchmarks.operations([observations, 256, 256, 2 * actions], rows: rows)
    let policyInputs = PlanningBenchmarks.operations([observations, 256], rows: rows)
    let critic = PlanningBenchmarks.operations([observations + actions, 256, 256, 1], rows: rows)
    let criticInputs = PlanningBenchmarks.operations([observations + actions, 256], rows: rows)
    let chosen = PlanningBenchmarks.operations([actions, 256], rows: rows)
    return 4 * policy - policyInputs + 2 * (6 * critic - 2 * criticInputs + chosen)
  }

  // MARK: - Model-based policy optimisation, and its parts

  /// Environment steps of one run of each: a fit, its rollouts, and the updates.
  private static let steps = 10
  /// Sizes of PushingArm-v0.
  private static let (observations, actions) = (17, 7)

  /// 7 networks of 4x200, an epoch over 2,000 transitions and 4,000 rollouts every 10 steps, 20 updates a step.
  private static let text = """
    {"environment": {"id": "PushingArm-v0"},
     "agent": {"type": "mbpo", "initialRandomSteps": 2000, "replayCapacity": 2020, "fitEvery": 10,
       "rolloutStarts": 4000, "updatesPerStep": 20},
     "model": {"epochs": 1}}
    """

  private static let modelSteps = experiment(
    "mbpo-step", "20 updates a step; every 10 steps an epoch of 7 networks and 4,000 rollouts", steps: steps,
    after: 2000 + steps, text)

  private static let modelUpdates = Benchmark(
    "mbpo-updates", "of that the updates: mixed minibatches of 256, 2x256",
    operations: Double(20 * steps) * updateOperations(observations, actions), items: Double(steps), unit: "steps"
  ) { pool in
    let real = ReplayBenchmarks.replay(
      capacity: 2020, observations: observations, actions: actions, filledBy: 2000)
    let imagined = ReplayBenchmarks.replay(
      capacity: 16_000, observations: observations, actions: actions, filledBy: 12_000)
    let bounds = [Float](repeating: 1, count: actions)
    let space = ActionSpace.box(low: bounds.map { -$0 }, high: bounds)
    let learner = SoftActorCritic(
      SoftActorCriticSettings(), observationSize: observations, space, random: RandomStream(seed: 1), pool: pool)
    let minibatch = Minibatch(256, of: real)
    var (drawing, noise) = (RandomStream(seed: 2), RandomStream(seed: 3))
    return {
      for _ in 0..<20 * steps {
        let batch = minibatch.draw(0.05, from: real, rest: imagined, squashedTo: space, &drawing)
        _ = try learner.update(on: batch, &noise, &drawing)
      }
    }
  }

  private static let modelFit = Benchmark(
    "mbpo-fit", "of that the fit: one epoch over 2,000 transitions", items: Double(steps), unit: "steps"
  ) { pool in
    let loop = try loop(text, pool)
    try advance(loop, 2000)
    let (model, real) = (loop.agent.model!, loop.agent.replay!)
    var metrics = Metrics(of: loop.agent)
    return {
      metrics.clearRows()
      _ = try model.fit(real, &metrics)
    }
  }

  private static let modelRollouts = Benchmark(
    "mbpo-rollouts", "of that the rollouts: 4,000 of one step", items: Double(steps), unit: "steps"
  ) { pool in
    let loop = try loop(text, pool)
    try advance(loop, 2000)
    let specification = PushingArm.specification
    let (model, real) = (loop.agent.model!, loop.agent.replay!)
    let learner = SoftActorCritic(
      SoftActorCriticSettings(), observationSize: observations, specification.actionSpace,
      random: RandomStream(seed: 1), pool: pool)
    let imagined = Replay(
      observationSize: observations, actionColumns: actions, capacity: 16_000, layout: .loose, storage: .copied)
    let rollouts = BranchedRollouts(model, specification)
    return {
      _ = rollouts.run(
        starts: 4000, length: 1, from: real, by: learner.policy, into: imagined, random: RandomStream(seed: 4))
    }
  }
}
