import Algorithms
import Environments
import Support

/// Whole updates of Dreamer: world model, dreams, actor and critic, optimiser; batch and draws filled before.
enum DreamerBenchmarks {
  static let all: [Benchmark] = [
    update("nano", .nano, count: 8, length: 32), update("1m", .m1, count: 8, length: 32),
    update("1m", .m1, count: 16, length: 64), update("1m", .m1, count: 4, length: 16, side: 64),
  ]

  /// B sequences of T steps of 24 numbers, or of pictures, and 6 actions.
  private static func update(
    _ name: String, _ size: DreamerSizes.Name, count: Int, length: Int, side: Int? = nil
  ) -> Benchmark {
    let seen = side.map { "\($0) by \($0) pixels" } ?? "24 numbers"
    return Benchmark(
      "dreamer-\(name)\(side.map { "-\($0)px" } ?? "")-\(count)x\(length)",
      "an update of size \(name), \(count) sequences of \(length) steps, \(seen), 6 actions",
      operations: side == nil ? operations(DreamerSizes(size), rows: count * length) : nil, unit: "updates"
    ) { pool in
      var settings = DreamerLearner.Settings()
      settings.model.sizes = DreamerSizes(size)
      let part: DreamerObservation.Part =
        if let side {
          .picture(name: "picture", .init(height: side, width: side, channels: 3))
        } else {
          .vector(name: "vector", size: 24)
        }
      let learner = DreamerLearner(
        settings, DreamerObservation([part]), actions: 6, isDiscrete: false, length: length, count: count,
        random: RandomStream(seed: 1), pool: pool)
      var random = RandomStream(seed: 2)
      random.fillNormal(learner.batch.observations.memory)
      if side != nil { random.fillUniform(learner.batch.observations.memory, 0, 255) }
      random.fillUniform(learner.batch.previousActions.memory, -1, 1)
      random.fillNormal(learner.batch.rewards.memory)
      return {
        learner.draw(&random)
        _ = try learner.update()
      }
    }
  }

  /// Products only: what is trained counts three times, a dream's way once; the gradients of inputs that nobody reads
  /// are left out.
  private static func operations(_ sizes: DreamerSizes, rows: Int) -> Double {
    let (h, z, hidden, units) = (sizes.deterministic, sizes.stochastic, sizes.hidden, sizes.units)
    let (features, seen, actions, horizon) = (sizes.features, 24, 6, 15)
    let core = hidden * (h + z + actions) + h * h / sizes.blocks + 3 * hidden * h + 3 * h * h / sizes.blocks
    let prior = hidden * (h + hidden + z)
    let posterior = hidden * (h + units + z)
    func network(_ layers: Int, _ outputs: Int) -> Int {
      units * features + (layers - 1) * units * units + units * outputs
    }
    let encoder = units * (seen + 2 * units)
    let (decoder, reward) = (network(3, seen), network(1, sizes.bins))
    let (continuation, actor, critic) = (network(1, 1), network(3, 2 * actions), network(3, sizes.bins))
    let world = 3 * (encoder + core + prior + posterior + decoder + reward + continuation) - units * seen
    let dream = horizon * (core + prior) + (horizon + 1) * (actor + reward + continuation + 2 * critic)
    let behaviour = horizon * (3 * (actor + critic) - 2 * units * features)
    return 2 * Double(rows) * Double(world + dream + behaviour + 3 * critic)
  }
}
