import Neural
import Support
import TestSupport
import Testing

/// Normalisation, recurrence and categoricals against numbers of PyTorch and DreamerV3.
@Suite(.golden("neural/layernorm_rmsnorm_gru.json")) struct LayerGoldenTests {
  let fixture: Fixture
  let tape = Tape()

  init() throws { fixture = try Fixture("neural/layernorm_rmsnorm_gru.json") }

  /// A variable of what stands at a key, in this shape.
  private func variable(_ fixture: Fixture, _ shape: [Int]) throws -> Tensor {
    tape.variable(try fixture.floats(shape), rows: shape.count > 1 ? shape[0] : 1, columns: shape[shape.count - 1])
  }

  @Test(arguments: ["layernorm", "rmsnorm"]) func normalization(name: String) throws {
    let (inputs, want) = (try fixture["inputs/\(name)"], try fixture["outputs/\(name)"])
    let shape = try inputs["x"].shape(rank: 2)
    let x = try variable(inputs["x"], shape)
    let weight = try variable(inputs["weight"], [shape[1]])
    let epsilon = try inputs["eps"].float
    var leaves = [("grad_x", x, shape), ("grad_weight", weight, [shape[1]])]
    let y: Tensor
    if name == "layernorm" {
      let bias = try variable(inputs["bias"], [shape[1]])
      leaves.append(("grad_bias", bias, [shape[1]]))
      y = tape.layerNorm(x, weight: weight, bias: bias, epsilon: epsilon)
    } else {
      y = tape.rmsNorm(x, weight: weight, epsilon: epsilon)
    }
    tape.backward(tape.sum(tape.multiply(y, try variable(inputs["upstream"], shape))))
    try want["y"].expectClose(tape.values(y), shape, within: 1e-4)
    for (key, leaf, shape) in leaves { try want[key].expectClose(tape.gradient(leaf), shape, within: 1e-4) }
  }

  @Test func gruCell() throws {
    let (inputs, want) = (try fixture["inputs/gru_cell"], try fixture["outputs/gru_cell"])
    let (size, shape) = (try inputs["x"].shape(rank: 2)[1], try inputs["h"].shape(rank: 2))
    let (rows, hidden) = (shape[0], shape[1])
    let leaves = try [
      ("x", [rows, size]), ("h", shape), ("weight_ih", [3 * hidden, size]), ("weight_hh", [3 * hidden, hidden]),
      ("bias_ih", [3 * hidden]), ("bias_hh", [3 * hidden]),
    ].map { (key: $0, tensor: try variable(inputs[$0], $1), shape: $1) }
    let (x, h) = (leaves[0].tensor, leaves[1].tensor)
    let y = tape.gruGates(
      fromInput: tape.linear(x, weight: leaves[2].tensor, bias: leaves[4].tensor),
      fromHidden: tape.linear(h, weight: leaves[3].tensor, bias: leaves[5].tensor), hidden: h)
    tape.backward(tape.sum(tape.multiply(y, try variable(inputs["upstream"], shape))))
    try want["y"].expectClose(tape.values(y), shape, within: 1e-4)
    for (key, leaf, shape) in leaves { try want["grad_\(key)"].expectClose(tape.gradient(leaf), shape, within: 1e-4) }
  }
}

/// Distributions over classes against numbers of DreamerV3.
@Suite(.golden("neural/dreamer_functions.json")) struct CategoricalGoldenTests {
  let fixture: Fixture
  let tape = Tape()

  init() throws { fixture = try Fixture("neural/dreamer_functions.json") }

  /// Each row's class among `count`.
  private func classes(_ fixture: Fixture, rows: Int, below count: Int) throws -> [Int] {
    try fixture.elements(rows).map { try $0.integer(in: 0...count - 1) }
  }

  @Test func balancedKL() throws {
    let (inputs, want) = (try fixture["inputs/onehot_kl"], try fixture["outputs/onehot_kl"])
    let shape = try inputs["post_logits"].shape(rank: 3)
    let (batch, latents, classes) = (shape[0], shape[1], shape[2])
    let unimix = try inputs["unimix"].float
    for (isDynamics, key) in [(true, "grad_dyn_sum_wrt_prior"), (false, "grad_rep_sum_wrt_post")] {
      tape.rewind()
      let posterior = tape.variable(
        try inputs["post_logits"].floats(shape), rows: batch * latents, columns: classes)
      let prior = tape.variable(try inputs["prior_logits"].floats(shape), rows: batch * latents, columns: classes)
      let each = tape.categoricalKL(
        isDynamics ? tape.detached(posterior) : posterior, isDynamics ? prior : tape.detached(prior), unimix: unimix)
      let total = tape.sumColumns(tape.reshape(each, batch: 1, rows: batch, columns: latents))
      tape.backward(tape.sum(total))
      try want["kl"].expectClose(tape.values(total), [batch], within: 2e-4)
      try want[key].expectClose(tape.gradient(isDynamics ? prior : posterior), shape, within: 2e-4)
      #expect(tape.gradient(isDynamics ? posterior : prior).allSatisfy { $0 == 0 })
    }
  }

  @Test func logProbabilitiesAndEntropy() throws {
    let (inputs, want) = (try fixture["inputs/categorical"], try fixture["outputs/categorical/unimix_0.0"])
    let shape = try inputs["logits"].shape(rank: 2)
    let (rows, columns) = (shape[0], shape[1])
    let logits = tape.variable(try inputs["logits"].floats(shape), rows: rows, columns: columns)
    var events = [Float](repeating: 0, count: rows * columns)
    for (row, event) in try classes(inputs["event"], rows: rows, below: columns).enumerated() {
      events[columns * row + event] = 1
    }
    let negative = tape.softmaxCrossEntropy(
      logits: logits, targets: tape.constant(events, rows: rows, columns: columns))
    tape.backward(tape.sum(tape.scale(negative, by: -1)))
    try want["logp"].expectClose(tape.values(tape.scale(negative, by: -1)), [rows], within: 2e-4)
    try want["grad_logp_sum"].expectClose(tape.gradient(logits), shape, within: 2e-4)
    let entropy = tape.scale(
      tape.sumColumns(tape.multiply(tape.softmax(logits), tape.logSoftmax(logits))), by: -1)
    tape.backward(tape.sum(entropy))
    try want["entropy"].expectClose(tape.values(entropy), [rows], within: 2e-4)
    try want["grad_entropy_sum"].expectClose(tape.gradient(logits), shape, within: 2e-4)
  }

  /// With DreamerV3's share of the uniform distribution, which the file does not tell.
  @Test func straightThroughGradient() throws {
    let inputs = try fixture["inputs/straight_through"]
    let shape = try inputs["logits"].shape(rank: 2)
    let (rows, columns, unimix) = (shape[0], shape[1], 0.01 as Float)
    let logits = tape.variable(try inputs["logits"].floats(shape), rows: rows, columns: columns)
    let classes = try classes(inputs["sample"], rows: rows, below: columns)
    // Draws in the middle of the sampled class's share of the mixed distribution.
    let probabilities = tape.values(tape.softmax(logits)).map { (1 - unimix) * $0 + unimix / Float(columns) }
    let draws = classes.enumerated().map { row, sample in
      let before = (0..<sample).reduce(Float(0)) { $0 + probabilities[columns * row + $1] }
      return before + probabilities[columns * row + sample] / 2
    }
    let sample = tape.straightThroughSample(
      logits, draws: tape.constant(draws, rows: rows, columns: 1), unimix: unimix)
    let expected = classes.flatMap { wanted in (0..<columns).map { $0 == wanted ? 1 : 0 as Float } }
    #expect(Array(tape.values(sample)) == expected)
    let upstream = tape.constant(try inputs["upstream"].floats(shape), rows: rows, columns: columns)
    tape.backward(tape.sum(tape.multiply(sample, upstream)))
    try fixture["outputs/straight_through/grad_logits"].expectClose(tape.gradient(logits), shape, within: 2e-4)
  }
}
