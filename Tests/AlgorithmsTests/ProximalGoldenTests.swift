import Algorithms
import Environments
import Neural
import Support
import TestSupport
import Testing

/// Proximal policy optimisation against numbers of PyTorch and Stable-Baselines3.
struct ProximalGoldenTests {
  private static let file = "neural/policy_functions.json"

  @Test(.golden(file)) func advantages() throws {
    let fixture = try Fixture(Self.file)
    let inputs = try fixture["inputs/gae"]
    let (steps, lanes) = (
      try inputs["steps"].integer(in: 1...10_000), try inputs["environments"].integer(in: 1...10_000)
    )
    let shape = [steps, lanes]
    let rollout = Rollout(length: steps, lanes: lanes, observations: .box(low: [-1], high: [1]), actionColumns: 1)
    for (buffer, name) in [
      (rollout.rewards, "rewards"), (rollout.values, "values"), (rollout.terminated, "terminated"),
      (rollout.truncated, "truncated"), (rollout.finalValues, "final_values"),
    ] { _ = buffer.memory.update(fromContentsOf: try inputs[name].floats(shape)) }
    _ = rollout.lastValues.memory.update(fromContentsOf: try inputs["last_values"].floats([lanes]))
    let variants = try inputs["variants"].elements()
    for (variant, want) in zip(variants, try fixture["outputs/gae/variants"].elements(variants.count)) {
      rollout.estimateAdvantages(discount: try variant["gamma"].float, decay: try variant["lambda_"].float)
      try want["advantages"].expectClose(rollout.advantages.memory, shape, within: 2e-5)
      try want["returns"].expectClose(rollout.returns.memory, shape, within: 2e-5)
    }
  }

  private static func objective(_ settings: Fixture) throws -> ProximalObjective {
    let valueLoss = try settings["value_loss"].choice("clipped_prediction", "larger_of_both")
    let range = try settings["clip_range_value"]
    return ProximalObjective(
      clipRange: try settings["clip_range"].float, valueClipRange: range.json == .null ? nil : try range.float,
      valueLoss: valueLoss == "larger_of_both" ? .largerOfBoth : .clippedPrediction,
      valueCoefficient: try settings["value_coefficient"].float,
      entropyCoefficient: try settings["entropy_coefficient"].float)
  }

  @Test(.golden(file), arguments: ["continuous", "discrete"]) func objective(kind: String) throws {
    let fixture = try Fixture(Self.file)
    let inputs = try fixture["inputs/ppo/\(kind)"]
    let rows = try inputs["returns"].shape(rank: 1)[0]
    let variants = try inputs["variants"].elements()
    for (variant, want) in zip(variants, try fixture["outputs/ppo/\(kind)"].elements(variants.count)) {
      let tape = Tape()
      func column(_ name: String) throws -> Tensor {
        tape.constant(try inputs[name].floats([rows]), rows: rows, columns: 1)
      }
      var advantages = try inputs["advantages"].floats([rows])
      if try variant["normalise_advantage"].flag {
        advantages.withUnsafeMutableBufferPointer { ProximalObjective.normalize($0) }
      }
      try want["normalised_advantages"].expectClose(advantages, [rows], within: 2e-5)
      let v = tape.variable(try inputs["values"].floats([rows]), rows: rows, columns: 1)
      var leaves: [(leaf: Tensor, gradient: String, shape: [Int])] = [(v, "grad_values", [rows])]
      let (distribution, actions): (ActionDistribution, Tensor)
      if kind == "discrete" {
        let shape = try inputs["logits"].shape(rank: 2)
        let logits = tape.variable(try inputs["logits"].floats(shape), rows: rows, columns: shape[1])
        leaves.append((logits, "grad_logits", shape))
        distribution = .categorical(logProbabilities: tape.logSoftmax(logits))
        let taken = try inputs["actions"].elements(rows).map { try $0.integer(in: 0...shape[1] - 1) }
        actions = tape.constant(
          taken.flatMap { action in (0..<shape[1]).map { $0 == action ? 1 : 0 } }, rows: rows, columns: shape[1])
      } else {
        let shape = try inputs["mean"].shape(rank: 2)
        let mean = tape.variable(try inputs["mean"].floats(shape), rows: rows, columns: shape[1])
        let logDeviation = tape.variable(try inputs["log_std"].floats([shape[1]]), columns: shape[1])
        leaves += [(mean, "grad_mean", shape), (logDeviation, "grad_log_std", [shape[1]])]
        distribution = .normal(mean: mean, logDeviation: logDeviation)
        actions = tape.constant(try inputs["actions"].floats(shape), rows: rows, columns: shape[1])
      }
      let logProbability = distribution.logProbability(of: actions, on: tape)
      try want["log_prob"].expectClose(tape.values(logProbability), [rows], within: 1e-4)
      let entropies = tape.values(distribution.entropies(on: tape))
      try want["entropies"].expectClose(
        (0..<rows).map { entropies[entropies.count == 1 ? 0 : $0] }, [rows], within: 1e-4)

      let batch = ProximalObjective.Minibatch(
        actions: actions, oldLogProbabilities: try column("old_log_prob"),
        advantages: tape.constant(advantages, rows: rows, columns: 1), oldValues: try column("old_values"),
        returns: try column("returns"))
      let objective = try Self.objective(variant)
      let terms = objective(distribution, v, on: batch, tape)
      try want["ratio"].expectClose(tape.values(terms.ratio), [rows], within: 1e-4)
      for (name, term) in [
        ("policy_loss", terms.policyLoss), ("value_loss", terms.valueLoss), ("entropy", terms.entropy),
        ("loss", terms.loss),
      ] { try want[name].expectClose([tape.scalar(term)], within: 1e-4) }
      let report = ProximalLearner.Report(terms, clipRange: objective.clipRange, on: tape)
      try want["approximate_kl"].expectClose([Float(report.divergence)], within: 1e-4)
      try want["clip_fraction"].expectClose([Float(report.clipFraction)], within: 1e-4)
      tape.backward(terms.loss, keeping: true)
      for (leaf, name, shape) in leaves { try want[name].expectClose(tape.gradient(leaf), shape, within: 1e-4) }
    }
  }

  /// Whole epochs, one after another: gradients clipped by one norm, and Adam.
  @Test(.golden(file)) func wholeUpdates() throws {
    let fixture = try Fixture(Self.file)
    let (inputs, configuration) = (try fixture["inputs/ppo_update"], try fixture["inputs/ppo_update/configuration"])
    let observationSize = try configuration["obs_dim"].integer(in: 1...1000)
    let columns = try configuration["action_dim"].integer(in: 1...1000)
    _ = try configuration["activation"].choice("tanh")
    var settings = ProximalSettings()
    settings.network.hiddenSizes = try configuration["hidden"].elements().map { try $0.integer(in: 1...1000) }
    settings.learningRate = Schedule(start: try configuration["learning_rate"].double)
    settings.adamEpsilon = try configuration["adam_epsilon"].double
    settings.maximumGradientNorm = try configuration["max_grad_norm"].double
    settings.normalizesAdvantages = try configuration["normalise_advantage"].flag
    let bound = [Float](repeating: 100, count: columns)
    let one = [Float](repeating: 1, count: observationSize)
    let observations = ObservationSpace.box(low: one.map { -$0 }, high: one)
    let learner = ProximalLearner(
      settings, observations, .box(low: bound.map { -$0 }, high: bound),
      random: RandomStream(seed: 0), pool: nil)

    func parts() -> [(name: String, memory: UnsafeMutableBufferPointer<Float>, shape: [Int])] {
      let (network, store) = (learner.network, learner.network.store)
      var parts = [("log_std", store.values(of: network.logDeviation!), [columns])]
      for (name, mlp) in [("policy", network.policy), ("value", network.value)] {
        for (index, (weight, bias)) in mlp.layers.enumerated() {
          parts.append(("\(name).w\(index)", store.values(of: weight), [weight.rows, weight.columns]))
          parts.append(("\(name).b\(index)", store.values(of: bias), [bias.columns]))
        }
      }
      return parts
    }
    for (name, memory, shape) in parts() {
      _ = memory.update(fromContentsOf: try inputs["params/\(name)"].floats(shape))
    }
    let rows = try inputs["batch/returns"].shape(rank: 1)[0]
    let rollout = Rollout(length: rows, lanes: 1, observations: observations, actionColumns: columns)
    for (buffer, name, shape) in [
      (rollout.actions, "actions", [rows, columns]),
      (rollout.advantages, "advantages", [rows]), (rollout.returns, "returns", [rows]),
      (rollout.values, "old_values", [rows]), (rollout.logProbabilities, "old_log_prob", [rows]),
    ] { _ = buffer.memory.update(fromContentsOf: try inputs["batch/\(name)"].floats(shape)) }

    try inputs["batch/obs"].floats([rows, observationSize]).withUnsafeBufferPointer {
      rollout.observations.set(from: 0, Rows($0.baseAddress!, rows, observationSize))
    }

    let epochs = try fixture["outputs/ppo_update/epochs"].elements(configuration["epochs"].integer(in: 1...1000))
    let objective = try Self.objective(configuration)
    for want in epochs {
      let report = try learner.step(on: rollout, rows: (0..<Int32(rows)).map { $0 }[...], objective)
      try want["policy_loss"].expectClose([Float(report.policyLoss)], within: 1e-4)
      try want["value_loss"].expectClose([Float(report.valueLoss)], within: 1e-4)
      try want["approximate_kl"].expectClose([Float(report.divergence)], within: 1e-4)
      let norm = Float(learner.network.store.gradientNorm)
      try want["gradient_norm_before_clip"].expectClose([norm], within: 1e-4)
      for (name, memory, shape) in parts() { try want["params/\(name)"].expectClose(memory, shape, within: 1e-4) }
    }
  }

  @Test(.golden(file)) func normalizers() throws {
    let fixture = try Fixture(Self.file)
    let (inputs, configuration) = (try fixture["inputs/normalisers"], try fixture["inputs/normalisers/configuration"])
    #expect(try configuration["variance_epsilon"].double == 1e-8, "the margin of the variance is no setting")
    let shape = try inputs["obs"].shape(rank: 3)
    let (steps, lanes, columns) = (shape[0], shape[1], shape[2])
    let initialCount = try configuration["count_epsilon"].double
    var observations = ObservationNormalizer(
      columns: columns, limit: try configuration["clip_observation"].double, initialCount: initialCount)
    var rewards = RewardNormalizer(
      lanes: lanes, discount: try configuration["gamma"].double, limit: try configuration["clip_reward"].double,
      initialCount: initialCount)
    for (step, want) in try fixture["outputs/normalisers/steps"].elements(steps).enumerated() {
      let seen = try inputs["obs/\(step)"].doubles([lanes, columns])
      observations.update(rows: lanes) { seen[$0 * columns + $1] }
      try Self.expect(observations.moments.mean, want["obs_mean"], [columns])
      try Self.expect(observations.moments.variance, want["obs_var"], [columns])
      try Self.expect([observations.moments.count], want["count"], [])
      let normalized = seen.indices.map { observations.value(seen[$0], column: $0 % columns) }
      try Self.expect(normalized, want["normalised_obs"], [lanes, columns])
      guard step > 0 else { continue }
      var paid = try inputs["rewards/\(step - 1)"].doubles([lanes])
      rewards.normalize(&paid)
      try Self.expect(rewards.returns, want["returns"], [lanes])
      try Self.expect(rewards.moments.mean, want["return_mean"], [])
      try Self.expect(rewards.moments.variance, want["return_var"], [])
      try Self.expect(paid, want["normalised_rewards"], [lanes])
      for (lane, isDone) in try inputs["done/\(step - 1)"].doubles([lanes]).enumerated() where isDone != 0 {
        rewards.end(lane)
      }
    }
  }

  /// The rule of the fixtures with r = 1e-9, in double precision.
  private static func expect(
    _ got: [Double], _ want: Fixture, _ shape: [Int], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let wanted = try want.doubles(shape)
    let largest = wanted.map { abs($0) }.max() ?? 0
    try #require(got.count == wanted.count)
    for (got, wanted) in zip(got, wanted) {
      let allowed = 1e-9 * (abs(wanted) + 0.05 * largest + 1e-6)
      #expect(abs(got - wanted) <= allowed, "\(want.key)", sourceLocation: sourceLocation)
    }
  }

  /// Linear schedules, and actions in the environment's units.
  @Test(.golden(file)) func schedules() throws {
    let fixture = try Fixture(Self.file)
    let (inputs, want) = (try fixture["inputs/schedules"], try fixture["outputs/schedules"])
    let exploration = try inputs["exploration"]
    let total = try exploration["total_steps"].double * exploration["fraction"].double
    let schedule = Schedule(
      .linear, start: try exploration["start"].double, end: try exploration["end"].double, steps: Int(total.rounded()))
    let steps = try exploration["steps"].elements().map { try $0.integer(in: 0...1_000_000_000) }
    try want["exploration"].expectClose(steps.map { Float(schedule.value(at: $0)) }, [steps.count], within: 2e-5)

    let scaling = try inputs["action_scaling"]
    let shape = try scaling["squashed"].shape(rank: 2)
    let space = ActionSpace.box(
      low: try scaling["low"].floats([shape[1]]), high: try scaling["high"].floats([shape[1]]))
    let rows = RowBuffer(shape[0], shape[1])
    _ = rows.memory.update(fromContentsOf: try scaling["squashed"].floats(shape))
    space.unsquash(rows.rows)
    try want["action_scaling"].expectClose(rows.memory, shape, within: 2e-5)
  }
}
