import Neural
import Support
import TestSupport
import Testing

/// Activations and Adam against numbers of PyTorch; the tolerances are those of the fixtures.
struct GoldenTests {
  @Test(.golden("neural/activations.json")) func activationsAndTheirDerivatives() throws {
    let fixture = try Fixture("neural/activations.json")
    let shape = try fixture["inputs/x"].shape(rank: 1)
    let x = try fixture["inputs/x"].floats(shape)
    let names: [(Activation, String)] = Activation.allCases.filter { $0 != .identity }
      .map { ($0, $0 == .gelu ? "gelu_erf" : $0.rawValue) }
    let tape = Tape()
    func compare(_ name: String, _ function: (Tensor) -> Tensor) throws {
      tape.rewind()
      let input = tape.variable(x, columns: x.count)
      let result = function(input)
      tape.backward(tape.sum(result))
      let want = try fixture["outputs/\(name)"]
      try want["value"].expectClose(tape.values(result), shape, within: 2e-6, absolute: 1e-6)
      try want["derivative"].expectClose(tape.gradient(input), shape, within: 2e-6, absolute: 1e-6)
    }
    for (activation, name) in names { try compare(name) { tape.activation($0, activation) } }
    try compare("log_sigmoid") { tape.scale(tape.activation(tape.scale($0, by: -1), .softplus), by: -1) }
  }

  /// All variants: coupled and decoupled decay, clipping, other betas and epsilon.
  @Test(.golden("neural/adam.json")) func adamStepsOfEveryVariant() throws {
    let fixture = try Fixture("neural/adam.json")
    let inputs = try fixture["inputs"]
    let steps = try inputs["grads_per_step"].elements()
    let variants = try inputs["variants"].elements()
    _ = try fixture["outputs"].keys(among: variants.map { try $0["name"].text })
    for variant in variants {
      let want = try fixture["outputs/\(variant["name"].text)"]
      let (store, parameters) = try Self.store(inputs["params"])
      let decay = try variant["weight_decay"].float
      let isDecoupled = try variant["kind"].choice("Adam", "AdamW") == "AdamW"
      let betas = try variant["betas"].floats([2])
      let isClipped = variant.has("max_norm") || want.has("grad_norm_before_clip")
      let adam = Adam(
        store, learningRate: try variant["lr"].float, beta1: betas[0], beta2: betas[1],
        epsilon: try variant["eps"].float,
        decays: isDecoupled ? nil : parameters.map { _ in decay }, decoupledDecay: isDecoupled ? decay : 0,
        maximumNorm: isClipped ? try variant["max_norm"].float : nil)
      for (gradients, after) in zip(steps, try want["params_after_step"].elements(steps.count)) {
        _ = try gradients.keys(among: parameters.map(\.name))
        for (name, shape, parameter) in parameters {
          _ = store.gradients(of: parameter).update(fromContentsOf: try gradients[name].floats(shape))
        }
        let norm = store.gradientNorm
        adam.step()
        for (name, shape, parameter) in parameters {
          try after[name].expectClose(store.values(of: parameter), shape, within: 2e-5)
        }
        guard isClipped else { continue }
        let norms = try want["grad_norm_before_clip"].elements(steps.count)
        try norms[adam.steps - 1].expectClose([Float(norm)], within: 2e-5)
      }
      for (name, shape, parameter) in parameters {
        let (first, second) = adam.moments(of: parameter)
        try want["exp_avg/\(name)"].expectClose(first, shape, within: 2e-5)
        try want["exp_avg_sq/\(name)"].expectClose(second, shape, within: 2e-5)
      }
    }
  }

  /// A store of the parameters that a file names.
  private static func store(
    _ values: Fixture
  ) throws -> (store: ParameterStore, parameters: [(name: String, shape: [Int], parameter: Parameter)]) {
    var random = RandomStream(seed: 1)
    let store = ParameterStore()
    let parameters = try values.keys().map { name in
      let shape = try values[name].shape
      let count = shape.reduce(1, *)
      return (name, shape, store.addVector(name, count: count, initializer: .zeros, random: &random))
    }
    for (name, shape, parameter) in parameters {
      _ = store.values(of: parameter).update(fromContentsOf: try values[name].floats(shape))
    }
    return (store, parameters)
  }
}
