import Neural
import Support
import Testing

/// Weights that are used step by step, with few rows in each: their gradients are taken in one product over all steps,
/// which has to be that of the steps one after another, the last one first, to the bit.
@Suite struct PostponedGradientTests {
  private static let (inputs, outputs, blocks) = (12, 20, 4)

  private struct Layer {
    let store = ParameterStore()
    let weight, bias: Parameter

    init(isBlocked: Bool) {
      var random = RandomStream(seed: 3)
      let blocks = isBlocked ? PostponedGradientTests.blocks : 1
      weight = store.add(
        "weight", batch: blocks, rows: outputs / blocks, columns: inputs / blocks, initializer: .constant(0.5),
        random: &random)
      bias = store.addVector("bias", count: outputs, initializer: .zeros, random: &random)
    }

    /// The gradients of Σ upstream·(x·Wᵀ + b) over some steps; and of the inputs.
    func gradients(_ steps: [(x: [Float], upstream: [Float])]) -> [[Float]] {
      let tape = Tape()
      store.clearGradients()
      var (total, all): (Tensor?, [Tensor]) = (nil, [])
      for step in steps {
        let rows = step.x.count / inputs
        let x = tape.variable(step.x, rows: rows, columns: inputs)
        let (weight, bias) = (tape.parameter(weight, of: store), tape.parameter(bias, of: store))
        let y =
          weight.batch > 1
          ? tape.blockLinear(x, weight: weight, bias: bias) : tape.linear(x, weight: weight, bias: bias)
        let sum = tape.sum(tape.multiply(y, tape.constant(step.upstream, rows: rows, columns: outputs)))
        total = total.map { tape.add($0, sum) } ?? sum
        all.append(x)
      }
      tape.backward(total!)
      return [Array(store.gradients(of: weight)), Array(store.gradients(of: bias))]
        + all.map { Array(tape.gradient($0)) }
    }
  }

  /// One step alone, several, and more rows than are taken together.
  @Test(arguments: [1, 5, 23], [false, true]) func equalsTheStepsInTurn(steps: Int, isBlocked: Bool) {
    let rows = 17
    var random = RandomStream(seed: 4)
    func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in Float(random.uniform()) - 0.5 } }
    let each = (0..<steps).map { _ in
      (x: numbers(rows * PostponedGradientTests.inputs), upstream: numbers(rows * PostponedGradientTests.outputs))
    }
    let layer = Layer(isBlocked: isBlocked)
    let found = layer.gradients(each)
    // Of 64 rows and more each product is done at once: all rows as one step, in the order of the way back; zeros fill
    // up what would be too few.
    var whole = (x: each.reversed().flatMap(\.x), upstream: each.reversed().flatMap(\.upstream))
    let missing = max(0, 64 - steps * rows)
    whole.x += [Float](repeating: 0, count: missing * PostponedGradientTests.inputs)
    whole.upstream += [Float](repeating: 0, count: missing * PostponedGradientTests.outputs)
    let want = layer.gradients([whole])
    #expect(found[0] == want[0])
    #expect(found[1] == want[1])
    #expect(found[0].contains { $0 != 0 } && found[1].contains { $0 != 0 })
    let count = steps * rows * PostponedGradientTests.inputs
    #expect(Array(found[2...].reversed().joined()) == Array(want[2].prefix(count)))
  }

  /// A second pass back adds to the first.
  @Test func addsToWhatIsThere() {
    let layer = Layer(isBlocked: false)
    let tape = Tape()
    let x = tape.variable([Float](repeating: 1, count: 12), rows: 1, columns: 12)
    let y = tape.sum(
      tape.linear(x, weight: tape.parameter(layer.weight, of: layer.store), bias: nil))
    layer.store.clearGradients()
    tape.backward(y)
    tape.backward(y)
    #expect(layer.store.gradients(of: layer.weight).allSatisfy { $0 == 2 })
  }
}
