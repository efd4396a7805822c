import Neural
import Support
import TestSupport
import Testing

/// The ensemble of Gaussian networks against numbers of mbrl-lib and PyTorch.
@Suite(.golden("neural/mlp_ensemble_gaussian.json")) struct EnsembleGoldenTests {
  let inputs: Fixture
  let want: Fixture
  let store = ParameterStore()
  let network: MLP
  let head: GaussianHead
  /// Of the weights, from input to output.
  let sizes: [Int]

  /// The fixture's networks: layers of [member, out, in] under "members.N.layers.i".
  init() throws {
    let fixture = try Fixture("neural/mlp_ensemble_gaussian.json")
    (inputs, want) = (try fixture["inputs"], try fixture["outputs"])
    let weights = try inputs["weights"].elements()
    let biases = try inputs["biases"].elements(weights.count)
    let shapes = try weights.map { try $0.shape(rank: 3) }
    let members = shapes[0][0]
    sizes = [shapes[0][2]] + shapes.map { $0[1] }
    let outputs = sizes[weights.count]
    guard outputs % 2 == 0 else { throw weights[weights.count - 1].fault("has an odd number of outputs, \(outputs)") }
    var random = RandomStream(seed: 1)
    network = MLP(
      name: "members.{member}", sizes: sizes, members: members, activation: .silu, in: store, random: &random)
    head = GaussianHead(name: "", size: outputs / 2, in: store, random: &random)
    for (layer, parameters) in network.layers.enumerated() {
      let shape = [members, sizes[layer + 1], sizes[layer]]
      set(parameters.weight, try weights[layer].floats(shape))
      set(parameters.bias, try biases[layer].floats([members, sizes[layer + 1]]))
    }
    set(head.minimum, try inputs["min_logvar"].floats([head.size]))
    set(head.maximum, try inputs["max_logvar"].floats([head.size]))
  }

  private func set(_ parameter: Parameter, _ values: [Float]) {
    _ = store.values(of: parameter).update(fromContentsOf: values)
  }

  private var members: Int { network.members }

  @Test func outputsLossAndGradients() throws {
    let tape = Tape()
    let rows = try inputs["x"].shape(rank: 3)[1]
    let shape = [members, rows, head.size]
    let x = tape.constant(
      try inputs["x"].floats([members, rows, sizes[0]]), batch: members, rows: rows, columns: sizes[0])
    let y = tape.constant(try inputs["y"].floats(shape), batch: members, rows: rows, columns: head.size)
    let (mean, logVariance) = head(network(x, on: tape), on: tape)
    try want["mean"].expectClose(tape.values(mean), shape, within: 2e-5)
    try want["logvar"].expectClose(tape.values(logVariance), shape, within: 2e-5)

    let likelihood = tape.gaussianNLL(mean: mean, logVariance: logVariance, target: y)
    let loss = tape.add(likelihood, tape.scale(head.boundsWidth(on: tape), by: 0.01))
    try want["loss"].expectClose([tape.scalar(loss)], within: 2e-5)
    store.clearGradients()
    tape.backward(loss)
    let weights = try want["grad_weights"].elements(network.layers.count)
    let biases = try want["grad_biases"].elements(network.layers.count)
    for (layer, parameters) in network.layers.enumerated() {
      let (outputs, inputs) = (sizes[layer + 1], sizes[layer])
      try weights[layer].expectClose(
        store.gradients(of: parameters.weight), [members, outputs, inputs], within: 2e-5)
      try biases[layer].expectClose(store.gradients(of: parameters.bias), [members, outputs], within: 2e-5)
    }
    try want["grad_min_logvar"].expectClose(store.gradients(of: head.minimum), [head.size], within: 2e-5)
    try want["grad_max_logvar"].expectClose(store.gradients(of: head.maximum), [head.size], within: 2e-5)

    let each = (0..<members).map { member in
      tape.scalar(
        tape.gaussianNLL(
          mean: tape.members(mean, member..<member + 1), logVariance: tape.members(logVariance, member..<member + 1),
          target: tape.members(y, member..<member + 1)))
    }
    try want["nll_per_member"].expectClose(each, [members], within: 2e-5)
  }

  @Test func oneBatchSharedByAllMembers() throws {
    let tape = Tape()
    let rows = try inputs["shared_x"].shape(rank: 2)[0]
    let shape = [members, rows, head.size]
    try tape.withoutGradients {
      let x = tape.constant(try inputs["shared_x"].floats([rows, sizes[0]]), rows: rows, columns: sizes[0])
      let y = tape.constant(try inputs["shared_y"].floats([rows, head.size]), rows: rows, columns: head.size)
      let (mean, logVariance) = head(network(x, on: tape), on: tape)
      try want["shared_mean"].expectClose(tape.values(mean), shape, within: 2e-5)
      try want["shared_logvar"].expectClose(tape.values(logVariance), shape, within: 2e-5)
      let wanted = try want["shared_squared_error_per_member"]
      let errors = (0..<members).map { tape.scalar(tape.meanSquaredError(tape.members(mean, $0..<$0 + 1), y)) }
      try wanted.expectClose(errors, [members], within: 2e-5)
      let total = try wanted.doubles([members]).reduce(0, +)
      #expect(abs(Double(tape.scalar(tape.meanSquaredError(mean, y))) - total) <= 2.1e-5 * total, "their sum")
    }
  }

  /// The decay of PETS as Adam's coupled decay: the gradient of Σ decay·½‖W‖² is decay·W.
  @Test func weightDecayIsItsLossesGradient() throws {
    let decay = try inputs["weight_decay"].floats([network.layers.count])
    var loss = 0.0
    for (parameters, decay) in zip(network.layers, decay) {
      loss += store.values(of: parameters.weight).reduce(0) { $0 + 0.5 * Double(decay) * Double($1) * Double($1) }
    }
    try want["weight_decay_loss"].expectClose([Float(loss)], within: 2e-5)
    // One step of plain momentum-free Adam moves by the sign of decay·W alone; m shows the gradient itself.
    var decays = [Float](repeating: 0, count: store.parameters.count)
    for (parameters, decay) in zip(network.layers, decay) { decays[parameters.weight.index] = decay }
    let before = network.layers.map { Array(store.values(of: $0.weight)) }
    let adam = Adam(store, learningRate: 0, beta1: 0, decays: decays)
    adam.step()
    for (layer, parameters) in network.layers.enumerated() {
      let moments = adam.moments(of: parameters.weight).first
      let isRight = zip(moments, before[layer]).allSatisfy { abs($0 - decay[layer] * $1) <= 2e-5 * abs($0) }
      #expect(isRight, "layer \(layer)")
      #expect(adam.moments(of: parameters.bias).first.allSatisfy { $0 == 0 })
    }
  }

  @Test func boundsOfTheLogVariance() throws {
    let (inputs, want) = (try inputs["bounds_probe"], try want["bounds_probe"])
    let shape = try inputs["raw"].shape(rank: 1)
    let (low, high) = (try inputs["min_logvar"].float, try inputs["max_logvar"].float)
    var results: [(name: String, values: [Float])] = ["bounded", "d_raw", "d_min", "d_max"].map { ($0, []) }
    for value in try inputs["raw"].floats(shape) {
      let tape = Tape()
      let raw = tape.variable([value], columns: 1)
      let minimum = tape.variable([low], columns: 1)
      let maximum = tape.variable([high], columns: 1)
      let bounded = tape.boundedLogVariance(raw, minimum: minimum, maximum: maximum)
      tape.backward(bounded)
      results[0].values.append(tape.scalar(bounded))
      for (place, tensor) in [raw, minimum, maximum].enumerated() {
        results[place + 1].values.append(tape.gradient(tensor)[0])
      }
    }
    for (name, values) in results { try want[name].expectClose(values, shape, within: 2e-5) }
  }
}
