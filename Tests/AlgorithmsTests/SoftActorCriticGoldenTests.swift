import Algorithms
import Environments
import Neural
import Support
import TestSupport
import Testing

/// Soft actor-critic against numbers of PyTorch and Stable-Baselines3.
struct SoftActorCriticGoldenTests {
  /// Two of the file's sets: the exact correction of the log-probability, and one with a margin.
  private static let margins: [(name: String, margin: Float?)] = [
    ("log_prob_exact", nil), ("log_prob_with_1e-6", 1e-6),
  ]

  /// A learner with the weights that stand in a file.
  private func learner(
    _ inputs: Fixture, observationSize: Int, actionSize: Int, rows: Int, _ settings: SoftActorCriticSettings,
    margin: Float?
  ) throws -> SoftActorCritic {
    var settings = settings
    let width = try inputs["actor/b0"].shape(rank: 1)[0]
    let inner = try inputs["actor/w1"].shape(rank: 2)[0]
    settings.hiddenSizes = [width, inner]
    settings.criticSettings.count = try inputs["critics"].elements().count
    settings.criticSettings.countInTarget = settings.criticSettings.count
    settings.criticSettings.hiddenSizes = try ["b0", "b1"].map { try inputs["critics/0/\($0)"].shape(rank: 1)[0] }
    settings.batchSize = rows
    let space = ActionSpace.box(
      low: [Float](repeating: -1, count: actionSize), high: [Float](repeating: 1, count: actionSize))
    let learner = SoftActorCritic(
      settings, observationSize: observationSize, space, random: RandomStream(seed: 1), pool: nil)
    learner.policy.correctionMargin = margin
    learner.temperature.logValue = try inputs["log_alpha"].float
    for (part, values) in try Self.actorParts(learner, inputs["actor"]) { _ = part.update(fromContentsOf: values) }
    for (name, network) in [("critics", learner.critics.network), ("target_critics", learner.critics.target.network)] {
      for (part, values) in try Self.criticParts(network, inputs[name]) { _ = part.update(fromContentsOf: values) }
    }
    return learner
  }

  /// Every tensor of a file's actor beside the memory that holds it: mean and log deviation are rows of one layer.
  private static func actorParts(
    _ learner: SoftActorCritic, _ actor: Fixture, gradients: Bool = false
  ) throws -> [(UnsafeMutableBufferPointer<Float>, [Float])] {
    let (store, layers) = (learner.policy.network.store, learner.policy.network.layers)
    func memory(_ parameter: Parameter) -> UnsafeMutableBufferPointer<Float> {
      gradients ? store.gradients(of: parameter) : store.values(of: parameter)
    }
    var parts: [(UnsafeMutableBufferPointer<Float>, [Float])] = []
    for layer in 0...1 {
      let (weight, bias) = layers[layer]
      parts.append((memory(weight), try actor["w\(layer)"].floats([weight.rows, weight.columns])))
      parts.append((memory(bias), try actor["b\(layer)"].floats([bias.columns])))
    }
    let (weight, bias) = layers[2]
    let half = weight.rows / 2
    for (place, name) in ["mean", "log_std"].enumerated() {
      let (rows, values) = (half * weight.columns, half)
      parts.append(
        (
          .init(rebasing: memory(weight)[place * rows..<(place + 1) * rows]),
          try actor["\(name)_w"].floats([half, weight.columns])
        ))
      parts.append(
        (.init(rebasing: memory(bias)[place * values..<(place + 1) * values]), try actor["\(name)_b"].floats([half])))
    }
    return parts
  }

  private static func criticParts(
    _ network: MLP, _ critics: Fixture, gradients: Bool = false
  ) throws -> [(UnsafeMutableBufferPointer<Float>, [Float])] {
    var parts: [(UnsafeMutableBufferPointer<Float>, [Float])] = []
    for (member, critic) in try critics.elements(network.members).enumerated() {
      for (layer, (weight, bias)) in network.layers.enumerated() {
        for (name, parameter, shape) in [
          ("w\(layer)", weight, [weight.rows, weight.columns]), ("b\(layer)", bias, [bias.columns]),
        ] {
          let size = parameter.rows * parameter.columns
          let memory = gradients ? network.store.gradients(of: parameter) : network.store.values(of: parameter)
          parts.append((.init(rebasing: memory[member * size..<(member + 1) * size]), try critic[name].floats(shape)))
        }
      }
    }
    return parts
  }

  private func expect(
    _ parts: [(UnsafeMutableBufferPointer<Float>, [Float])], _ what: Comment,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for (got, want) in parts {
      let largest = want.map { abs(Double($0)) }.max() ?? 0
      for (got, want) in zip(got, want) {
        let allowed = 1e-4 * (abs(Double(want)) + 0.05 * largest + 1e-6)
        guard abs(Double(got) - Double(want)) > allowed else { continue }
        Issue.record("\(what): \(want) ± \(allowed), \(got) was computed", sourceLocation: sourceLocation)
        return
      }
    }
  }

  /// A minibatch of a file; the memory lives as long as `buffers`.
  private func batch(_ fixture: Fixture, done: String, _ buffers: inout [RowBuffer]) throws -> TransitionBatch {
    func rows(_ name: String) throws -> Rows {
      let shape = try fixture[name].shape
      let (count, columns) = (shape[0], shape.count > 1 ? shape[1] : 1)
      let buffer = RowBuffer(count, columns)
      _ = buffer.memory.update(fromContentsOf: try fixture[name].floats(shape))
      buffers.append(buffer)
      return buffer.read
    }
    return TransitionBatch(
      observations: try rows("obs"), actions: try rows("action"), rewards: try rows("reward"),
      next: try rows("next_obs"), terminated: try rows(done))
  }

  /// Whole updates, one after another: order of the steps, Adam, targets.
  @Test(.golden("neural/policy_functions.json"), arguments: [0, 1]) func wholeUpdates(set: Int) throws {
    let (name, margin) = Self.margins[set]
    let fixture = try Fixture("neural/policy_functions.json")
    let (inputs, outputs) = (try fixture["inputs/sac_update"], try fixture["outputs/sac_update/\(name)"])
    let configuration = try inputs["configuration"]
    _ = try configuration["activation"].choice("relu")
    var settings = SoftActorCriticSettings()
    settings.learningRate = try configuration["learning_rate"].double
    settings.temperatureLearningRate = settings.learningRate
    settings.criticSettings.learningRate = settings.learningRate
    settings.criticSettings.targetRate = try configuration["tau"].double
    settings.discount = try configuration["gamma"].double
    settings.targetEntropy = try configuration["target_entropy"].double
    let updates = try inputs["updates"].elements()
    let learner = try learner(
      inputs, observationSize: try configuration["obs_dim"].integer(in: 1...100),
      actionSize: try configuration["action_dim"].integer(in: 1...100),
      rows: try updates[0]["reward"].shape(rank: 1)[0], settings, margin: margin)
    var random = RandomStream(seed: 0)
    for (update, want) in zip(updates, try outputs.elements(updates.count)) {
      var buffers: [RowBuffer] = []
      let batch = try batch(update, done: "terminated", &buffers)
      let shape = try update["eps"].shape(rank: 2)
      var noise = RecordedNoise(try update["eps"].floats(shape) + (try update["eps_next"].floats(shape)))
      let report = try learner.update(on: batch, &noise, &random)
      try want["critic_loss"].expectClose([report.criticLoss], within: 1e-4)
      try want["actor_loss"].expectClose([report.actorLoss], within: 1e-4)
      try want["alpha_loss"].expectClose([report.temperatureLoss], within: 1e-4)
      try want["alpha_used"].expectClose([report.temperature], within: 1e-4)
      try want["log_alpha"].expectClose([learner.temperature.logValue], within: 1e-4)
      let logProbabilities = try want["log_prob"].doubles([batch.count])
      let entropy = -logProbabilities.reduce(0, +) / Double(batch.count)
      #expect(abs(Double(report.entropy) - entropy) < 1e-4 * (1 + abs(entropy)))
      let targets = try want["td_target"].doubles([batch.count])
      #expect(abs(Double(report.value) - targets.reduce(0, +) / Double(batch.count)) < 1e-4)
      expect(try Self.actorParts(learner, want["actor"]), "actor")
      expect(try Self.criticParts(learner.critics.network, want["critics"]), "critics")
      expect(try Self.criticParts(learner.critics.target.network, want["target_critics"]), "targets")
      withExtendedLifetime(buffers) {}
    }
  }

  /// Every loss and gradient at the given parameters.
  @Test(.golden("neural/sac.json"), arguments: [0, 1]) func lossesAndGradients(set: Int) throws {
    let (name, margin) = Self.margins[set]
    let fixture = try Fixture("neural/sac.json")
    let (inputs, want) = (try fixture["inputs"], try fixture["outputs/\(name)"])
    let shape = try inputs["eps"].shape(rank: 2)
    let observationSize = try inputs["batch/obs"].shape(rank: 2)[1]
    var settings = SoftActorCriticSettings()
    settings.targetEntropy = try inputs["target_entropy"].double
    let limits = try inputs["log_std_clip"].floats([2])
    #expect(limits == [SoftPolicy.logDeviations.lowerBound, SoftPolicy.logDeviations.upperBound])
    let learner = try learner(
      inputs, observationSize: observationSize, actionSize: shape[1], rows: shape[0], settings, margin: margin)
    var buffers: [RowBuffer] = []
    let batch = try batch(inputs["batch"], done: "done", &buffers)
    var noise = RecordedNoise(try inputs["eps"].floats(shape) + (try inputs["eps_next"].floats(shape)))
    let tape = Tape()
    let (alpha, discount) = (learner.temperature.value, try inputs["gamma"].float)
    let (policy, critics) = (learner.policy, learner.critics)

    let observations = tape.constant(batch.observations)
    let draw = policy.draw(observations, &noise, on: tape)
    try want["log_prob"].expectClose(tape.values(draw.logProbabilities), [shape[0], 1], within: 1e-4)
    if want.has("action") { try want["action"].expectClose(tape.values(draw.actions), shape, within: 1e-4) }
    let next = tape.constant(batch.next)
    let nextDraw = policy.draw(next, &noise, on: tape)
    try want["next_log_prob"].expectClose(tape.values(nextDraw.logProbabilities), [shape[0], 1], within: 1e-4)
    let members = 0..<critics.network.members
    let nextQ = critics.target.network(tape.concatenateColumns([next, nextDraw.actions]), on: tape)
    let nextValue = nextDraw.softValue(
      Critics.minimum(nextQ, of: members, on: tape), temperature: alpha, on: tape)
    let targets = (0..<shape[0]).map {
      batch.rewards[$0, 0] + discount * (1 - batch.terminated[$0, 0]) * tape.values(nextValue)[$0]
    }
    try want["td_target"].expectClose(targets, [shape[0], 1], within: 1e-4)

    let q = critics.network(tape.concatenateColumns([observations, tape.constant(batch.actions)]), on: tape)
    let target = targets.withUnsafeBufferPointer { tape.constant($0, rows: shape[0], columns: 1) }
    let criticLoss = tape.scale(tape.meanSquaredError(q, target), by: 0.5)
    try want["critic_loss"].expectClose([tape.scalar(criticLoss)], within: 1e-4)
    critics.network.store.clearGradients()
    tape.backward(criticLoss)
    expect(try Self.criticParts(critics.network, want["grad_critics"], gradients: true), "critics")

    let ofPolicy = critics.network(tape.concatenateColumns([observations, draw.actions]), on: tape, frozen: true)
    let value = draw.softValue(Critics.minimum(ofPolicy, of: members, on: tape), temperature: alpha, on: tape)
    let actorLoss = tape.scale(tape.mean(value), by: -1)
    try want["actor_loss"].expectClose([tape.scalar(actorLoss)], within: 1e-4)
    critics.network.store.clearGradients()
    policy.network.store.clearGradients()
    tape.backward(actorLoss)
    expect(try Self.actorParts(learner, want["grad_actor"], gradients: true), "actor")
    #expect(critics.network.store.gradientNorm == 0, "the critics take no gradient of the policy's loss")

    let logProbabilities = tape.values(draw.logProbabilities)
    let slope = -(logProbabilities.reduce(0) { $0 + Double($1) } / Double(shape[0]) + settings.targetEntropy!)
    try want["grad_log_alpha"].expectClose([Float(slope)], within: 1e-4)
    try want["alpha_loss"].expectClose([learner.temperature.step(on: logProbabilities)], within: 1e-4)

    critics.target.follow(rate: try inputs["tau"].float)
    expect(
      try Self.criticParts(critics.target.network, fixture["outputs/target_critics_after_polyak"]), "targets")
    withExtendedLifetime(buffers) {}
  }

  /// The correction stays finite far beyond where 1 − a² is 0 in float32.
  @Test(.golden("neural/sac.json")) func theCorrectionNeverOverflows() throws {
    let fixture = try Fixture("neural/sac.json")
    let shape = try fixture["inputs/tanh_correction_probe"].shape(rank: 1)
    let raw = try fixture["inputs/tanh_correction_probe"].floats(shape)
    let tape = Tape()
    let zeros = [Float](repeating: 0, count: raw.count)
    let (_, logProbability) = tape.squashedNormal(
      mean: tape.constant(raw, rows: raw.count, columns: 1),
      logDeviation: tape.constant(zeros, rows: raw.count, columns: 1),
      noise: tape.constant(zeros, rows: raw.count, columns: 1))
    // log N(0; 0, 1) is the same constant for all of them.
    let corrections = tape.values(logProbability).map { -0.91893853 - $0 }
    try fixture["outputs/tanh_correction_probe/exact"].expectClose(corrections, shape, within: 1e-4, absolute: 1e-6)
  }

  /// The exact expectations of discrete actions.
  @Test(.golden("neural/policy_functions.json")) func discreteActions() throws {
    let fixture = try Fixture("neural/policy_functions.json")
    let (inputs, want) = (try fixture["inputs/discrete_sac"], try fixture["outputs/discrete_sac"])
    let shape = try inputs["logits"].shape(rank: 2)
    let (rows, actions) = (shape[0], shape[1])
    let members = try inputs["q"].shape(rank: 3)[0]
    let temperature = Temperature(
      initial: 1, targetEntropy: try inputs["target_entropy"].double, learningRate: 1e-3)
    temperature.logValue = try inputs["log_alpha"].float
    let (alpha, discount) = (temperature.value, try inputs["gamma"].float)
    let tape = Tape()
    func draw(_ logits: Tensor) -> PolicyDraw {
      let logs = tape.logSoftmax(logits)
      return PolicyDraw(actions: tape.exp(logs), logProbabilities: logs, isDiscrete: true)
    }
    func values(_ name: String) throws -> Tensor {
      tape.variable(try inputs[name].floats([members, rows, actions]), batch: members, rows: rows, columns: actions)
    }
    let next = draw(tape.constant(try inputs["next_logits"].floats(shape), rows: rows, columns: actions))
    let least = Critics.minimum(try values("next_q_target"), of: 0..<members, on: tape)
    let nextValue = next.softValue(least, temperature: alpha, on: tape)
    try want["next_value"].expectClose(tape.values(nextValue), [rows], within: 2e-5)
    let (rewards, terminated) = (try inputs["rewards"].floats([rows]), try inputs["terminated"].floats([rows]))
    let targets = (0..<rows).map { rewards[$0] + discount * (1 - terminated[$0]) * tape.values(nextValue)[$0] }
    try want["td_target"].expectClose(targets, [rows], within: 2e-5)

    let taken = try inputs["actions"].elements(rows).map { try $0.integer(in: 0...actions - 1) }
    let chosen = taken.flatMap { action in (0..<actions).map { $0 == action ? Float(1) : 0 } }
    let q = try values("q")
    let value = tape.sumColumns(tape.multiply(q, tape.constant(chosen, rows: rows, columns: actions)))
    let criticLoss = tape.scale(tape.meanSquaredError(value, tape.constant(targets, rows: rows, columns: 1)), by: 0.5)
    try want["critic_loss"].expectClose([tape.scalar(criticLoss)], within: 2e-5)
    tape.backward(criticLoss, keeping: true)
    try want["grad_q"].expectClose(tape.gradient(q), [members, rows, actions], within: 2e-5)

    let logits = tape.variable(try inputs["logits"].floats(shape), rows: rows, columns: actions)
    let now = draw(logits)
    let negative = now.expectation(of: now.logProbabilities, on: tape)
    try want["entropy"].expectClose(tape.values(negative).map { -$0 }, [rows], within: 2e-5, absolute: 1e-6)
    let best = Critics.minimum(tape.detached(q), of: 0..<members, on: tape)
    let actorLoss = tape.scale(tape.mean(now.softValue(best, temperature: alpha, on: tape)), by: -1)
    try want["actor_loss"].expectClose([tape.scalar(actorLoss)], within: 2e-5)
    tape.backward(actorLoss, keeping: true)
    try want["grad_logits"].expectClose(tape.gradient(logits), shape, within: 2e-5)

    try want["alpha_loss"].expectClose([temperature.step(on: tape.values(negative))], within: 2e-5)
  }
}
