import Algorithms
import Environments
import Neural
import Support
import TestSupport
import Testing

/// Deep Q-learning against numbers of PyTorch.
struct DQNGoldenTests {
  private static let file = "neural/policy_functions.json"

  /// Numbers of a file as rows; a vector is a column.
  private func rows(_ fixture: Fixture) throws -> RowBuffer {
    let shape = try fixture.shape
    let buffer = RowBuffer(shape[0], shape.count > 1 ? shape[1] : 1)
    _ = buffer.memory.update(fromContentsOf: try fixture.floats(shape))
    return buffer
  }

  private func oneHot(_ fixture: Fixture, of count: Int) throws -> RowBuffer {
    let indices = try fixture.elements().map { try $0.integer(in: 0...count - 1) }
    let buffer = RowBuffer(indices.count, count)
    for (row, index) in indices.enumerated() { buffer.rows[row, index] = 1 }
    return buffer
  }

  @Test(.golden(file), arguments: [("plain", "huber"), ("plain", "mse"), ("double", "huber"), ("double", "mse")])
  func targetsLossesAndGradients(target: String, loss name: String) throws {
    let fixture = try Fixture(Self.file)
    let (inputs, want) = (try fixture["inputs/dqn"], try fixture["outputs/dqn/\(target)"])
    let shape = try inputs["q"].shape(rank: 2)
    let (q, online, judging) = (
      try rows(inputs["q"]), try rows(inputs["next_q_online"]), try rows(inputs["next_q_target"])
    )
    let actions = try oneHot(inputs["actions"], of: shape[1])
    let (rewards, terminated) = (try rows(inputs["rewards"]), try rows(inputs["terminated"]))
    defer { withExtendedLifetime((q, online, judging, actions, rewards, terminated)) {} }
    let batch = TransitionBatch(
      observations: q.read, actions: actions.read, rewards: rewards.read, next: q.read, terminated: terminated.read)
    let loss = TemporalDifferenceLoss(
      capacity: shape[0], isDueling: false, limit: name == "huber" ? try inputs["huber_delta"].float : nil)
    loss.take(
      q.read, batch, discount: try inputs["gamma"].float, next: judging.read,
      choosing: target == "double" ? online.read : judging.read)
    try want["target"].expectClose(loss.target.array, [shape[0]], within: 2e-5)
    let tape = Tape()
    let output = tape.variable(q.read.array, rows: shape[0], columns: shape[1])
    let surrogate = loss.loss(of: 0, output, on: tape)
    try want["\(name)_loss"].expectClose([Float(loss.value)], within: 2e-5)
    let taken = zip(loss.target.array, loss.errors.array).map { $0 - $1 }
    try want["taken_q"].expectClose(taken, [shape[0]], within: 2e-5)
    #expect(abs(loss.meanValue - Double(taken.reduce(0, +)) / Double(shape[0])) < 1e-5)
    tape.backward(surrogate, keeping: true)
    try want["grad_q_\(name)"].expectClose(tape.gradient(output), shape, within: 2e-5)
  }

  @Test(.golden(file)) func dueling() throws {
    let fixture = try Fixture(Self.file)
    let (inputs, want) = (try fixture["inputs/dqn/dueling"], try fixture["outputs/dqn/dueling"])
    let shape = try inputs["advantage"].shape(rank: 2)
    let (count, actions) = (shape[0], shape[1])
    let tape = Tape()
    let value = tape.variable(try inputs["value"].floats([count, 1]), rows: count, columns: 1)
    let advantage = tape.variable(try inputs["advantage"].floats(shape), rows: count, columns: actions)
    let q = tape.dueling(tape.concatenateColumns([value, advantage]))
    try want["q"].expectClose(tape.values(q), shape, within: 2e-5)
    let upstream = try inputs["upstream"].floats(shape)
    upstream.withUnsafeBufferPointer { tape.backward(q, seed: $0, keeping: true) }
    try want["grad_value"].expectClose(tape.gradient(value), [count, 1], within: 2e-5)
    try want["grad_advantage"].expectClose(tape.gradient(advantage), shape, within: 2e-5)
  }

  /// Whole updates, one after another: targets, clipping, Adam, slow copies.
  @Test(.golden(file), arguments: ["plain", "double"]) func wholeUpdates(target: String) throws {
    let fixture = try Fixture(Self.file)
    let (inputs, outputs) = (try fixture["inputs/dqn_update"], try fixture["outputs/dqn_update/\(target)"])
    let configuration = try inputs["configuration"]
    let batches = try inputs["batches"].elements()
    var settings = QLearningSettings()
    let activation = Activation(rawValue: try configuration["activation"].text)
    settings.activation = try #require(activation)
    settings.hiddenSizes = try configuration["hidden"].elements().map { try $0.integer(in: 1...4096) }
    settings.learningRate = try configuration["learning_rate"].double
    settings.adamEpsilon = try configuration["adam_epsilon"].double
    settings.discount = try configuration["gamma"].double
    settings.maximumGradientNorm = try configuration["max_grad_norm"].double
    settings.errorLimit = try configuration["huber_delta"].double
    settings.targetRate = try configuration["polyak_tau"].double
    settings.isDouble = target == "double"
    settings.batchSize = try batches[0]["rewards"].shape(rank: 1)[0]
    let actions = try configuration["actions"].integer(in: 1...100)
    let network = QNetwork(
      settings, size: try configuration["obs_dim"].integer(in: 1...100), actions: actions,
      random: RandomStream(seed: 1), pool: nil)
    try load(network.network, try inputs["params"])
    try load(network.target.network, try inputs["target_params"])
    for (batch, want) in zip(batches, try outputs.elements(batches.count)) {
      let (observations, next) = (try rows(batch["obs"]), try rows(batch["next_obs"]))
      let taken = try oneHot(batch["actions"], of: actions)
      let (rewards, terminated) = (try rows(batch["rewards"]), try rows(batch["terminated"]))
      defer { withExtendedLifetime((observations, next, taken, rewards, terminated)) {} }
      let report = try network.update(
        on: TransitionBatch(
          observations: observations.read, actions: taken.read, rewards: rewards.read, next: next.read,
          terminated: terminated.read))
      try want["loss"].expectClose([Float(report.loss)], within: 1e-4)
      try want["gradient_norm_before_clip"].expectClose([Float(network.network.store.gradientNorm)], within: 1e-4)
      network.moveTarget()
      try expect(network.network, try want["params"])
      try expect(network.target.network, try want["target_params"])
    }
  }

  private func load(_ network: MLP, _ fixture: Fixture) throws {
    for (index, (weight, bias)) in network.layers.enumerated() {
      let weights = try fixture["w\(index)"].floats([weight.rows, weight.columns])
      _ = network.store.values(of: weight).update(fromContentsOf: weights)
      _ = network.store.values(of: bias).update(fromContentsOf: try fixture["b\(index)"].floats([bias.columns]))
    }
  }

  private func expect(_ network: MLP, _ fixture: Fixture) throws {
    for (index, (weight, bias)) in network.layers.enumerated() {
      try fixture["w\(index)"].expectClose(
        network.store.values(of: weight), [weight.rows, weight.columns], within: 1e-4)
      try fixture["b\(index)"].expectClose(network.store.values(of: bias), [bias.columns], within: 1e-4)
    }
  }

  @Test(.golden(file)) func schedules() throws {
    let fixture = try Fixture(Self.file)
    let (inputs, want) = (try fixture["inputs/schedules"], try fixture["outputs/schedules"])
    let exploration = try inputs["exploration"]
    let total = try exploration["total_steps"].double
    let schedule = Schedule(
      .linear, start: try exploration["start"].double, end: try exploration["end"].double,
      steps: Int((total * (try exploration["fraction"].double)).rounded()))
    let steps = try exploration["steps"].elements().map { try $0.integer(in: 0...1_000_000_000) }
    try want["exploration"].expectClose(steps.map { Float(schedule.value(at: $0)) }, [steps.count], within: 2e-5)

    let scaling = try inputs["action_scaling"]
    let shape = try scaling["squashed"].shape(rank: 2)
    let space = ActionSpace.box(
      low: try scaling["low"].floats([shape[1]]), high: try scaling["high"].floats([shape[1]]))
    let actions = try rows(scaling["squashed"])
    space.unsquash(actions.rows)
    try want["action_scaling"].expectClose(actions.read.array, shape, within: 2e-5)
  }
}
