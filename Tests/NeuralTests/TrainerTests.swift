import Neural
import Support
import Testing

/// The fused training step of an ensemble against the same network and loss on tapes and the optimiser on their
/// gradients.
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

  /// The mean over a member's rows and outputs of (scale·y − target)², and once half the sum of the scales.
  private final class Loss: FusedLoss {
    let model: Model
    let rows: Int
    let x, target: [Float]

    init(_ model: Model, step: Int) {
      self.model = model
      rows = TrainerTests.rows - step
      x = TrainerTests.numbers(members * rows * inputs, seed: UInt64(10 + step))
      target = TrainerTests.numbers(members * rows * outputs, seed: UInt64(20 + step))
    }

    func fillInputs(of member: Int, _ inputs: MutableRows) {
      let count = rows * inputs.columns
      x.withUnsafeBufferPointer { inputs.copy(Rows($0.baseAddress! + member * count, rows, inputs.columns)) }
    }

    func loss(of member: Int, _ output: Tensor, on tape: Tape) -> Tensor {
      let wanted = Array(target[member * output.count..<(member + 1) * output.count])
      return tape.meanSquaredError(
        tape.multiply(output, tape.parameter(model.scale, of: model.store)),
        tape.constant(wanted, rows: rows, columns: output.columns))
    }

    func penalty(on tape: Tape) -> Tensor? {
      tape.scale(tape.sum(tape.parameter(model.scale, of: model.store)), by: 0.5)
    }
  }

  /// The same step on tapes: one for the network, one for each member's loss.
  private static func stepOnTapes(_ loss: Loss, pool: ComputePool) -> Float {
    let (model, body) = (loss.model, Tape(pool: pool))
    let x = body.constant(loss.x, batch: members, rows: loss.rows, columns: inputs)
    let y = model.network(x, on: body)
    let size = loss.rows * outputs
    var (sum, slopes): (Float, [Float]) = (0, [])
    model.store.clearGradients()
    let last = Tape()
    last.backward(loss.penalty(on: last)!)
    for member in 0..<members {
      let head = Tape()
      let own = UnsafeBufferPointer(rebasing: body.values(y)[member * size..<(member + 1) * size])
      let output = head.variable(own, rows: loss.rows, columns: outputs)
      let value = loss.loss(of: member, output, on: head)
      head.backward(value, keeping: true)
      slopes += head.gradient(output)
      head.addGradients()
      sum += head.scalar(value)
    }
    slopes.withUnsafeBufferPointer { body.backward(y, seed: $0) }
    model.optimizer.step(pool: pool)
    return sum
  }

  @Test(arguments: [nil, 0.01] as [Float?], [1, 2, 3]) func equalsTheTape(maximumNorm: Float?, threads: Int) {
    let (fused, plain) = (Model(maximumNorm: maximumNorm), Model(maximumNorm: maximumNorm))
    let pool = ComputePool(threads: threads)
    let trainer = Trainer(fused.network, fused.optimizer, pool: pool)
    for step in 0..<3 {
      let loss = trainer.step(on: Loss(fused, step: step))
      #expect(loss == Self.stepOnTapes(Loss(plain, step: step), pool: pool), "step \(step)")
      let isSame = fused.store.values.map(\.bitPattern) == plain.store.values.map(\.bitPattern)
      #expect(isSame, "step \(step)")
    }
    let start = Model(maximumNorm: nil)
    let hasMoved = fused.store.parameters.allSatisfy { parameter in
      zip(fused.store.values(of: parameter), start.store.values(of: parameter)).contains { $0 != $1 }
    }
    #expect(hasMoved)
  }

  @Test func anOptimiserOfAnotherStoreIsRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = Trainer(Model(maximumNorm: nil).network, Model(maximumNorm: nil).optimizer, pool: nil)
    }
  }
}
