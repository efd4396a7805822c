import Algorithms
import Environments
import Neural
import Support

/// Updates of values and policies, everything included: the minibatch, targets, loss, optimiser, slow copies.
enum PolicyBenchmarks {
  static let all: [Benchmark] = [
    qLearning("dqn-update", "the settings of rl-baselines3-zoo on CartPole-v1", batch: 64),
    qLearning("dqn-update-512", "the same networks, larger minibatches", batch: 512),
    qLearning("dqn-update-rainbow", "double, dueling, by priority, three rewards", batch: 64) {
      ($0.isDouble, $0.isDueling, $0.nStepReturns, $0.priorityExponent) = (true, true, 3, 0.6)
    },
    pictures,
  ]

  /// A minibatch of proximal policy optimisation on Atari's pictures.
  private static var pictures: Benchmark {
    let (batch, actions, space) = (256, 6, ObservationSpace.image(height: 84, width: 84, channels: 4))
    var settings = ProximalSettings()
    (settings.rolloutLength, settings.batchSize) = (batch, batch)
    let plan = ActorCriticPlan(settings.network, space)
    // There and back twice, but to the pictures.
    var operations = 0.0
    for (place, layer) in plan.convolutions.enumerated() {
      let forward = 2 * Double(layer.positions * layer.patchSize * layer.outputs * batch)
      operations += (place == 0 ? 2 : 3) * forward
    }
    for columns in [actions, 1] {
      operations += 3 * PlanningBenchmarks.operations([plan.trunkSizes[0], columns], rows: batch)
    }
    operations += 3 * PlanningBenchmarks.operations([plan.seen] + plan.trunkSizes, rows: batch)
    return Benchmark(
      "ppo-pictures-update",
      "84×84×4 bytes, batch \(batch): three convolutions and 512 units that policy and values share",
      operations: operations, items: 1, unit: "updates"
    ) { [settings] pool in
      let learner = ProximalLearner(
        settings, space, .discrete(count: actions), random: RandomStream(seed: 1), pool: pool)
      let rollout = Rollout(length: batch, lanes: 1, observations: space, actionColumns: actions)
      let pixels = BenchmarkData.normals(batch * space.size)
      for index in pixels.memory.indices { pixels[index] = (128 + 40 * pixels[index]).rounded() }
      rollout.observations.set(from: 0, Rows(pixels.base, batch, space.size))
      for row in 0..<batch {
        rollout.actions.rows[row, row % actions] = 1
        rollout.logProbabilities.rows[row, 0] = -1.8
        (rollout.advantages.memory[row], rollout.returns.memory[row]) = (row % 2 == 0 ? 1 : -1, Float(row % 3))
      }
      let rows = (0..<Int32(batch)).map { $0 }
      let objective = settings.objective(at: 0)
      return { _ = try learner.step(on: rollout, rows: rows[...], objective) }
    }
  }

  /// Twenty updates of a Q-network 4-256-256-2 on a replay of 10,000 transitions.
  private static func qLearning(
    _ name: String, _ summary: String, batch: Int,
    _ change: @escaping @Sendable (inout QLearningSettings) -> Void = { _ in }
  ) -> Benchmark {
    var settings = QLearningSettings()
    settings.hiddenSizes = [256, 256]
    settings.activation = .relu
    (settings.batchSize, settings.errorLimit, settings.isDouble) = (batch, 1, false)
    change(&settings)
    let (observations, actions, updates) = (4, 2, 20)
    let widths = [observations, 256, 256, settings.isDueling ? 1 + actions : actions]
    // The next states by one network or by both; forward, gradients of the inputs (but the first layer's) and of the
    // weights.
    let forward = PlanningBenchmarks.operations(widths, rows: batch)
    let first = PlanningBenchmarks.operations(Array(widths.prefix(2)), rows: batch)
    return Benchmark(
      name, "4-256-256-2, batch \(batch): \(summary)",
      operations: Double(updates) * ((settings.isDouble ? 5 : 4) * forward - first), items: Double(updates),
      unit: "updates"
    ) { [settings] pool in
      let network = QNetwork(settings, size: observations, actions: actions, random: RandomStream(seed: 1), pool: pool)
      let replay = episodes(observations, actions, count: 10_000, isPrioritised: settings.isPrioritised)
      let minibatch = Minibatch(
        batch, of: replay, steps: settings.nStepReturns, discount: settings.discount)
      var random = RandomStream(seed: 2)
      return {
        for _ in 0..<updates {
          if settings.isPrioritised {
            _ = try network.update(on: minibatch.draw(byPriorityFrom: replay, importance: 0.5, &random))
            minibatch.prioritize(in: replay, by: network.errors, exponent: settings.priorityExponent)
          } else {
            _ = try network.update(on: minibatch.draw(from: replay, &random))
          }
          network.moveTarget()
        }
      }
    }
  }

  /// Episodes of a hundred steps of noise.
  private static func episodes(_ observations: Int, _ actions: Int, count: Int, isPrioritised: Bool) -> Replay {
    let replay = Replay(
      observationSize: observations, actionColumns: actions, capacity: 2 * count, isPrioritised: isPrioritised)
    let numbers = BenchmarkData.normals((count + 1) * observations)
    let rows = Rows(numbers.base, count + 1, observations)
    let action = RowBuffer(1, actions)
    let taken = ActionRows(action.rows, .discrete(count: actions))
    for index in 0..<count {
      taken.set(0, index: index % actions)
      let isOver = index % 100 == 99
      replay.append(
        Transitions(
          observations: rows.row(index), actions: taken, outcomes: [Outcome(reward: 1, isTerminated: isOver)],
          next: rows.row(index + 1), isFirst: [index % 100 == 0], episode: [0]))
    }
    return replay
  }
}
