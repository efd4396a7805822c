import Algorithms
import Neural
import Support
import Testing

/// What lets critics take many updates for each step: layer norm and dropout.
@Suite struct CriticTests {
  private func critics(_ change: (inout Critics.Settings) -> Void) -> Critics {
    var settings = Critics.Settings()
    settings.hiddenSizes = [16, 12]
    settings.count = 3
    settings.learningRate = 1e-2
    change(&settings)
    var random = RandomStream(seed: 1)
    return Critics(settings, inputs: 5, outputs: 1, maximumNorm: nil, random: &random, pool: nil)
  }

  private func normals(_ columns: Int, seed: UInt64) -> RowBuffer {
    let buffer = RowBuffer(32, columns)
    var random = RandomStream(seed: seed)
    random.fillNormal(buffer.memory)
    return buffer
  }

  /// The gradient of ½Σ_i mean (Q_i − y)² with layer norm, along itself, against differences.
  @Test func theGradientWithLayerNormIsThatOfTheLoss() {
    let critics = critics { $0.normalizesLayers = true }
    let (inputs, target) = (normals(5, seed: 2), normals(1, seed: 3))
    defer { withExtendedLifetime((inputs, target)) {} }
    let (network, tape) = (critics.network, Tape())
    #expect(network.norms.count == 2 && network.store.parameters.count == 10)
    func evaluate() -> Tensor {
      tape.rewind()
      let output = network(tape.constant(inputs.read), on: tape)
      return tape.scale(tape.meanSquaredError(output, tape.constant(target.read)), by: 0.5)
    }
    network.store.clearGradients()
    tape.backward(evaluate())
    let gradient = network.store.parameters.map { Array(network.store.gradients(of: $0)) }
    for (parameter, gradient) in zip(network.store.parameters, gradient) {
      #expect(gradient.contains { $0 != 0 }, "\(parameter.name)")
    }
    let slope = gradient.joined().reduce(0) { $0 + Double($1) * Double($1) }
    let step = 3e-3 / slope.squareRoot()
    func moved(_ direction: Double) -> Double {
      for (parameter, gradient) in zip(network.store.parameters, gradient) {
        let values = network.store.values(of: parameter)
        for index in values.indices { values[index] += Float(direction * step) * gradient[index] }
      }
      return Double(tape.scalar(evaluate()))
    }
    let up = moved(1)
    let down = moved(-2)
    #expect(abs((up - down) / (2 * step) / slope - 1) < 0.01, "\((up - down) / (2 * step)) is not \(slope)")
  }

  /// A share of the values is 0, the others are scaled so that the mean stays, and no two masks are the same.
  @Test func dropoutKeepsTheMean() {
    let dropout = Dropout(rate: 0.2, random: RandomStream(seed: 4))
    let tape = Tape()
    func mask() -> [Float] {
      Array(
        tape.values(dropout(tape.constant([Float](repeating: 1, count: 20_000), rows: 200, columns: 100), on: tape)))
    }
    let (first, second) = (mask(), mask())
    #expect(Set(first) == [0, 1.25] && first != second)
    #expect(abs(first.count { $0 == 0 } - 4000) < 300)
  }

  /// Dropout and layer norm train: the loss falls; and the draws go on where an archive left them.
  @Test(arguments: [(true, 0.0), (false, 0.1), (true, 0.1)]) func theyTrain(isNormalized: Bool, dropout: Double) throws
  {
    let critics = critics { ($0.normalizesLayers, $0.dropout) = (isNormalized, dropout) }
    let (inputs, target) = (normals(5, seed: 2), normals(1, seed: 3))
    defer { withExtendedLifetime((inputs, target)) {} }
    func fit(_ count: Int) -> [Float] {
      (0..<count).map { _ in critics.fit(inputs.read, chosen: nil, to: target.read) }
    }
    let first = fit(20)
    let archive = try stored(critics)
    let second = fit(100)
    #expect(second[90...].reduce(0, +) / 10 < 0.5 * first[0])
    try restore(critics, from: archive)
    #expect(fit(100) == second)
  }
}
