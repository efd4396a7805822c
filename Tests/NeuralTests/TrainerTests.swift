import Neural
import Support
import Testing

/// The fused training step of an ensemble against the same network on a tape and the optimiser on its gradients.
@Suite struct TrainerTests {
  private static let (members, rows, inputs, outputs) = (5, 37, 6, 3)

  /// An ensemble, and a parameter that is not a network's: a scale of the outputs in the loss.
  private struct Model {
    let network: MLP
    let scale: Parameter
    let optimizer: Adam
    var store: ParameterStore { network.store }

    init(maximumNorm: Float?) {
      var random = RandomStream(seed: 7)
      network = MLP(
        name: "members.{member}", sizes: [inputs, 24, 17, outputs], members: members, activation: .silu,
        random: &random)
      scale = network.store.addVector("scale", count: outputs, initializer: .constant(1.5), random: &random)
      let decays: [Float] = [0.1, 0, 0, 0, 0.3, 0, 0]  // weight, bias, weight, …, scale
      optimizer = Adam(network.store, learningRate: 0.01, decays: decays, maximumNorm: maximumNorm)
    }
  }

  private static func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var random = RandomStream(seed: seed)
    return (0..<count).map { _ in Float(random.uniform(-1, 1)) }
  }

  /// The mean over a member's rows and outputs of (scale·y − target)².
  private final class Batch: TrainingBatch {
    let model: Model
    let rows: Int
    let x, target: [Float]
    /// Per member and row: the gradient of the scale.
    private let terms: FloatBuffer

    init(_ model: Model, step: Int) {
      self.model = model
      rows = TrainerTests.rows - step
      x = TrainerTests.numbers(members * rows * inputs, seed: UInt64(10 + step))
      target = TrainerTests.numbers(members * rows * outputs, seed: UInt64(20 + step))
      terms = FloatBuffer(count: members * rows * outputs)
    }

    func fillInputs(of member: Int, _ inputs: UnsafeMutablePointer<Float>) {
      let count = rows * TrainerTests.inputs
      for index in 0..<count { inputs[index] = x[member * count + index] }
    }

    func differentiate(_ member: Int, output: UnsafePointer<Float>, gradient: UnsafeMutablePointer<Float>) {
      let count = rows * outputs
      let scale = model.store.values(of: model.scale)
      for index in 0..<count {
        let factor = scale[index % outputs]
        let slope = 2 / Float(count) * (factor * output[index] - target[member * count + index])
        gradient[index] = slope * factor
        terms[member * count + index] = slope * output[index]
      }
    }

    func differentiateOthers(in store: ParameterStore) {
      let gradient = store.gradients(of: model.scale)
      for index in 0..<terms.count { gradient[index % outputs] += terms[index] }
    }
  }

  @Test(arguments: [nil, 0.01] as [Float?], [1, 2, 3]) func equalsTheTape(maximumNorm: Float?, threads: Int) {
    let (fused, plain) = (Model(maximumNorm: maximumNorm), Model(maximumNorm: maximumNorm))
    let pool = ComputePool(threads: threads)
    let trainer = Trainer(fused.network, fused.optimizer, pool: pool)
    let tape = Tape(pool: pool)
    for step in 0..<3 {
      trainer.step(on: Batch(fused, step: step))
      // The loss by hand, as above: the way through the network is what is compared.
      tape.rewind()
      plain.store.clearGradients()
      let own = Batch(plain, step: step)
      let x = tape.constant(own.x, batch: Self.members, rows: own.rows, columns: Self.inputs)
      let y = plain.network(x, on: tape)
      let count = own.rows * Self.outputs
      var slopes = [Float](repeating: 0, count: Self.members * count)
      let output = tape.values(y)
      slopes.withUnsafeMutableBufferPointer { slopes in
        for member in 0..<Self.members {
          own.differentiate(
            member, output: output.baseAddress! + member * count, gradient: slopes.baseAddress! + member * count)
        }
      }
      let weights = tape.constant(slopes, batch: Self.members, rows: own.rows, columns: Self.outputs)
      tape.backward(tape.sum(tape.multiply(y, weights)))
      own.differentiateOthers(in: plain.store)
      plain.optimizer.step(pool: pool)
      let isSame = fused.store.values.map(\.bitPattern) == plain.store.values.map(\.bitPattern)
      #expect(isSame, "step \(step)")
    }
    let start = Model(maximumNorm: nil)
    let hasMoved = fused.store.parameters.allSatisfy { parameter in
      zip(fused.store.values(of: parameter), start.store.values(of: parameter)).contains { $0 != $1 }
    }
    #expect(hasMoved)
  }
}
