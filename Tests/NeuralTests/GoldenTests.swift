import Neural
import Support
import TestSupport
import Testing

/// Numbers computed by published packages (PyTorch, mbrl-lib, DreamerV3); the tolerances are those of the fixtures.
struct GoldenTests {
  // MARK: Activations

  @Test func activationsAndTheirDerivatives() throws {
    let fixture = try Fixture.load("activations")
    let x = fixture["inputs/x"].floats
    let names: [(Activation, String)] = Activation.allCases.filter { $0 != .identity }
      .map { ($0, $0 == .gelu ? "gelu_erf" : $0.rawValue) }
    let tape = Tape()
    func compare(_ name: String, _ function: (Tensor) -> Tensor) {
      tape.rewind()
      let input = tape.variable(x, columns: x.count)
      let result = function(input)
      tape.backward(tape.sum(result))
      let want = fixture["outputs/\(name)"]
      expectClose(tape.values(result), want["value"].doubles, 2e-6, absolute: 1e-6, name)
      expectClose(tape.gradient(input), want["derivative"].doubles, 2e-6, absolute: 1e-6, name + "'")
    }
    for (activation, name) in names { compare(name) { tape.activation($0, activation) } }
    compare("log_sigmoid") { tape.scale(tape.activation(tape.scale($0, by: -1), .softplus), by: -1) }
  }

  // MARK: The ensemble

  /// The fixture's networks: layers of [member, out, in] under "members.N.layers.i".
  struct Ensemble {
    let store = ParameterStore()
    let network: MLP
    let head: GaussianHead

    init(_ inputs: Fixture) {
      var random = RandomStream(seed: 1)
      let weights = inputs["weights"].elements.map { layer in layer.elements.map(\.elements) }
      let sizes = [weights[0][0][0].elements.count] + weights.map { $0[0].count }
      network = MLP(
        name: "members.{member}", sizes: sizes, members: weights[0].count, activation: .silu, in: store,
        random: &random)
      head = GaussianHead(name: "", size: sizes.last! / 2, in: store, random: &random)
      func set(_ parameter: Parameter, _ values: [Float]) {
        _ = store.values(of: parameter).update(fromContentsOf: values)
      }
      for (layer, parameters) in network.layers.enumerated() {
        set(parameters.weight, inputs["weights"][layer].floats)
        set(parameters.bias, inputs["biases"][layer].floats)
      }
      set(head.minimum, inputs["min_logvar"].floats)
      set(head.maximum, inputs["max_logvar"].floats)
    }
  }

  @Test func ensembleOutputsLossAndGradients() throws {
    let fixture = try Fixture.load("mlp_ensemble_gaussian")
    let (inputs, want) = (fixture["inputs"], fixture["outputs"])
    let ensemble = Ensemble(inputs)
    let (store, tape) = (ensemble.store, Tape())
    let (members, rows) = (3, 5)
    let x = tape.constant(inputs["x"].floats, batch: members, rows: rows, columns: 4)
    let y = tape.constant(inputs["y"].floats, batch: members, rows: rows, columns: 2)
    let (mean, logVariance) = ensemble.head(ensemble.network(x, on: tape), on: tape)
    expectClose(tape.values(mean), want["mean"].doubles, 2e-5, "mean")
    expectClose(tape.values(logVariance), want["logvar"].doubles, 2e-5, "logvar")

    let likelihood = tape.gaussianNLL(mean: mean, logVariance: logVariance, target: y)
    let loss = tape.add(likelihood, tape.scale(ensemble.head.boundsWidth(on: tape), by: 0.01))
    expectClose([tape.scalar(loss)], want["loss"].doubles, 2e-5, "loss")
    store.clearGradients()
    tape.backward(loss)
    for (layer, parameters) in ensemble.network.layers.enumerated() {
      expectClose(
        store.gradients(of: parameters.weight), want["grad_weights"][layer].doubles, 2e-5, "grad_weights \(layer)")
      expectClose(
        store.gradients(of: parameters.bias), want["grad_biases"][layer].doubles, 2e-5, "grad_biases \(layer)")
    }
    expectClose(
      store.gradients(of: ensemble.head.minimum), want["grad_min_logvar"].doubles, 2e-5, "grad_min_logvar")
    expectClose(
      store.gradients(of: ensemble.head.maximum), want["grad_max_logvar"].doubles, 2e-5, "grad_max_logvar")

    let each = (0..<members).map { member in
      tape.scalar(
        tape.gaussianNLL(
          mean: tape.members(mean, member..<member + 1), logVariance: tape.members(logVariance, member..<member + 1),
          target: tape.members(y, member..<member + 1)))
    }
    expectClose(each, want["nll_per_member"].doubles, 2e-5, "nll_per_member")
  }

  @Test func oneBatchSharedByAllMembers() throws {
    let fixture = try Fixture.load("mlp_ensemble_gaussian")
    let (inputs, want) = (fixture["inputs"], fixture["outputs"])
    let ensemble = Ensemble(inputs)
    let tape = Tape()
    tape.withoutGradients {
      let x = tape.constant(inputs["shared_x"].floats, rows: 6, columns: 4)
      let y = tape.constant(inputs["shared_y"].floats, rows: 6, columns: 2)
      let (mean, logVariance) = ensemble.head(ensemble.network(x, on: tape), on: tape)
      expectClose(tape.values(mean), want["shared_mean"].doubles, 2e-5, "shared_mean")
      expectClose(tape.values(logVariance), want["shared_logvar"].doubles, 2e-5, "shared_logvar")
      let errors = (0..<3).map { tape.scalar(tape.meanSquaredError(tape.members(mean, $0..<$0 + 1), y)) }
      expectClose(errors, want["shared_squared_error_per_member"].doubles, 2e-5, "squared error")
      let total = tape.scalar(tape.meanSquaredError(mean, y))
      expectClose([total], [want["shared_squared_error_per_member"].doubles.reduce(0, +)], 2e-5, "their sum")
    }
  }

  /// The decay of PETS as Adam's coupled decay: the gradient of Σ decay·½‖W‖² is decay·W.
  @Test func weightDecayIsItsLossesGradient() throws {
    let fixture = try Fixture.load("mlp_ensemble_gaussian")
    let inputs = fixture["inputs"]
    let ensemble = Ensemble(inputs)
    var loss = 0.0
    for (parameters, decay) in zip(ensemble.network.layers, inputs["weight_decay"].doubles) {
      loss += ensemble.store.values(of: parameters.weight).reduce(0) { $0 + 0.5 * decay * Double($1) * Double($1) }
    }
    expectClose([Float(loss)], fixture["outputs/weight_decay_loss"].doubles, 2e-5, "weight_decay_loss")
    // One step of plain momentum-free Adam moves by the sign of decay·W alone; m shows the gradient itself.
    var decays = [Float](repeating: 0, count: ensemble.store.parameters.count)
    for (parameters, decay) in zip(ensemble.network.layers, inputs["weight_decay"].floats) {
      decays[parameters.weight.index] = decay
    }
    let before = ensemble.network.layers.map { Array(ensemble.store.values(of: $0.weight)) }
    let adam = Adam(ensemble.store, learningRate: 0, beta1: 0, decays: decays)
    adam.step()
    for (layer, parameters) in ensemble.network.layers.enumerated() {
      let want = before[layer].map { inputs["weight_decay"][layer].double * Double($0) }
      expectClose(adam.moments(of: parameters.weight).first, want, 2e-5, "layer \(layer)")
      #expect(adam.moments(of: parameters.bias).first.allSatisfy { $0 == 0 })
    }
  }

  @Test func boundsOfTheLogVariance() throws {
    let fixture = try Fixture.load("mlp_ensemble_gaussian")
    let (inputs, want) = (fixture["inputs/bounds_probe"], fixture["outputs/bounds_probe"])
    var results: [String: [Float]] = [:]
    for value in inputs["raw"].floats {
      let tape = Tape()
      let raw = tape.variable([value], columns: 1)
      let minimum = tape.variable([inputs["min_logvar"].float], columns: 1)
      let maximum = tape.variable([inputs["max_logvar"].float], columns: 1)
      let bounded = tape.boundedLogVariance(raw, minimum: minimum, maximum: maximum)
      tape.backward(bounded)
      results["bounded", default: []].append(tape.scalar(bounded))
      for (tensor, name) in [(raw, "d_raw"), (minimum, "d_min"), (maximum, "d_max")] {
        results[name, default: []].append(tape.gradient(tensor)[0])
      }
    }
    for (name, values) in results { expectClose(values, want[name].doubles, 2e-5, name) }
  }

  // MARK: Normalisation and recurrence

  @Test func layerNorm() throws {
    let fixture = try Fixture.load("layernorm_rmsnorm_gru")
    let (inputs, want) = (fixture["inputs/layernorm"], fixture["outputs/layernorm"])
    let tape = Tape()
    let x = tape.variable(inputs["x"].floats, rows: 4, columns: 6)
    let weight = tape.variable(inputs["weight"].floats, columns: 6)
    let bias = tape.variable(inputs["bias"].floats, columns: 6)
    let y = tape.layerNorm(x, weight: weight, bias: bias, epsilon: inputs["eps"].float)
    tape.backward(tape.sum(tape.multiply(y, tape.constant(inputs["upstream"].floats, rows: 4, columns: 6))))
    expectClose(tape.values(y), want["y"].doubles, 1e-4, "y")
    expectClose(tape.gradient(x), want["grad_x"].doubles, 1e-4, "grad_x")
    expectClose(tape.gradient(weight), want["grad_weight"].doubles, 1e-4, "grad_weight")
    expectClose(tape.gradient(bias), want["grad_bias"].doubles, 1e-4, "grad_bias")
  }

  @Test func rmsNorm() throws {
    let fixture = try Fixture.load("layernorm_rmsnorm_gru")
    let (inputs, want) = (fixture["inputs/rmsnorm"], fixture["outputs/rmsnorm"])
    let tape = Tape()
    let x = tape.variable(inputs["x"].floats, rows: 4, columns: 6)
    let weight = tape.variable(inputs["weight"].floats, columns: 6)
    let y = tape.rmsNorm(x, weight: weight, epsilon: inputs["eps"].float)
    tape.backward(tape.sum(tape.multiply(y, tape.constant(inputs["upstream"].floats, rows: 4, columns: 6))))
    expectClose(tape.values(y), want["y"].doubles, 1e-4, "y")
    expectClose(tape.gradient(x), want["grad_x"].doubles, 1e-4, "grad_x")
    expectClose(tape.gradient(weight), want["grad_weight"].doubles, 1e-4, "grad_weight")
  }

  @Test func gruCell() throws {
    let fixture = try Fixture.load("layernorm_rmsnorm_gru")
    let (inputs, want) = (fixture["inputs/gru_cell"], fixture["outputs/gru_cell"])
    let tape = Tape()
    let x = tape.variable(inputs["x"].floats, rows: 4, columns: 3)
    let h = tape.variable(inputs["h"].floats, rows: 4, columns: 5)
    let inputWeight = tape.variable(inputs["weight_ih"].floats, rows: 15, columns: 3)
    let hiddenWeight = tape.variable(inputs["weight_hh"].floats, rows: 15, columns: 5)
    let inputBias = tape.variable(inputs["bias_ih"].floats, columns: 15)
    let hiddenBias = tape.variable(inputs["bias_hh"].floats, columns: 15)
    let y = tape.gruGates(
      fromInput: tape.linear(x, weight: inputWeight, bias: inputBias),
      fromHidden: tape.linear(h, weight: hiddenWeight, bias: hiddenBias), hidden: h)
    tape.backward(tape.sum(tape.multiply(y, tape.constant(inputs["upstream"].floats, rows: 4, columns: 5))))
    expectClose(tape.values(y), want["y"].doubles, 1e-4, "y")
    for (tensor, name) in [
      (x, "grad_x"), (h, "grad_h"), (inputWeight, "grad_weight_ih"), (hiddenWeight, "grad_weight_hh"),
      (inputBias, "grad_bias_ih"), (hiddenBias, "grad_bias_hh"),
    ] {
      expectClose(tape.gradient(tensor), want[name].doubles, 1e-4, name)
    }
  }

  // MARK: Categoricals

  @Test func balancedKL() throws {
    let fixture = try Fixture.load("dreamer_functions")
    let (inputs, want) = (fixture["inputs/onehot_kl"], fixture["outputs/onehot_kl"])
    let (batch, latents, classes) = (4, 3, 4)
    let unimix = inputs["unimix"].float
    let tape = Tape()
    for (constant, key) in [(0, "grad_dyn_sum_wrt_prior"), (1, "grad_rep_sum_wrt_post")] {
      tape.rewind()
      let posterior = tape.variable(inputs["post_logits"].floats, rows: batch * latents, columns: classes)
      let prior = tape.variable(inputs["prior_logits"].floats, rows: batch * latents, columns: classes)
      let each = tape.categoricalKL(
        constant == 0 ? tape.detached(posterior) : posterior, constant == 1 ? tape.detached(prior) : prior,
        unimix: unimix)
      let total = tape.sumColumns(tape.reshape(each, batch: 1, rows: batch, columns: latents))
      tape.backward(tape.sum(total))
      expectClose(tape.values(total), want["kl"].doubles, 2e-4, "kl")
      let learned = constant == 0 ? prior : posterior
      expectClose(tape.gradient(learned), want[key].doubles, 2e-4, key)
      #expect(tape.gradient(constant == 0 ? posterior : prior).allSatisfy { $0 == 0 })
    }
  }

  @Test func logProbabilitiesAndEntropyOfCategoricals() throws {
    let fixture = try Fixture.load("dreamer_functions")
    let inputs = fixture["inputs/categorical"]
    let want = fixture["outputs/categorical/unimix_0.0"]
    let tape = Tape()
    let logits = tape.variable(inputs["logits"].floats, rows: 4, columns: 4)
    var events = [Float](repeating: 0, count: 16)
    for (row, event) in inputs["event"].doubles.enumerated() { events[4 * row + Int(event)] = 1 }
    let negative = tape.softmaxCrossEntropy(logits: logits, targets: tape.constant(events, rows: 4, columns: 4))
    tape.backward(tape.sum(tape.scale(negative, by: -1)))
    expectClose(tape.values(tape.scale(negative, by: -1)), want["logp"].doubles, 2e-4, "logp")
    expectClose(tape.gradient(logits), want["grad_logp_sum"].doubles, 2e-4, "grad_logp_sum")
    let logs = tape.logSoftmax(logits)
    let entropy = tape.scale(tape.sumColumns(tape.multiply(tape.softmax(logits), logs)), by: -1)
    tape.backward(tape.sum(entropy))
    expectClose(tape.values(entropy), want["entropy"].doubles, 2e-4, "entropy")
    expectClose(tape.gradient(logits), want["grad_entropy_sum"].doubles, 2e-4, "grad_entropy_sum")
  }

  @Test func straightThroughGradient() throws {
    let fixture = try Fixture.load("dreamer_functions")
    let inputs = fixture["inputs/straight_through"]
    let tape = Tape()
    let logits = tape.variable(inputs["logits"].floats, rows: 4, columns: 4)
    // Draws in the middle of the sampled class's share of the mixed distribution.
    let probabilities = tape.values(tape.softmax(logits)).map { 0.99 * $0 + 0.01 / 4 }
    let draws = inputs["sample"].doubles.enumerated().map { row, sample in
      let before = (0..<Int(sample)).reduce(Float(0)) { $0 + probabilities[4 * row + $1] }
      return before + probabilities[4 * row + Int(sample)] / 2
    }
    let sample = tape.straightThroughSample(logits, draws: tape.constant(draws, rows: 4, columns: 1), unimix: 0.01)
    for (row, want) in inputs["sample"].doubles.enumerated() {
      #expect((0..<4).map { tape.values(sample)[4 * row + $0] } == (0..<4).map { $0 == Int(want) ? 1 : 0 })
    }
    tape.backward(tape.sum(tape.multiply(sample, tape.constant(inputs["upstream"].floats, rows: 4, columns: 4))))
    expectClose(
      tape.gradient(logits), fixture["outputs/straight_through/grad_logits"].doubles, 2e-4, "grad_logits")
  }
}
