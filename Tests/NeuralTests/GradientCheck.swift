import Neural
import Support
import Testing

/// [batch, rows, columns]
typealias Shape = (batch: Int, rows: Int, columns: Int)

/// One operation under test: how its result follows from its inputs.
struct GradientCase: Sendable {
  let name: String
  /// The operation that must stand last on the tape.
  let operation: Neural.Operation
  let shapes: [Shape]
  /// Inputs that are made as constants, by position.
  let constants: Set<Int>
  /// Maps the raw value of an input (±0.1, ±0.3, … for the first and third, 0, ±0.2, ±0.4, … for the second: no
  /// ties, no kinks within reach of the differences) to the operation's domain.
  let prepare: @Sendable (_ input: Int, _ value: Float) -> Float
  let build: @Sendable (Tape, [Tensor]) -> Tensor

  init(
    _ name: String, _ operation: Neural.Operation, _ shapes: [Shape], constants: Set<Int> = [],
    prepare: @escaping @Sendable (Int, Float) -> Float = { $1 },
    _ build: @escaping @Sendable (Tape, [Tensor]) -> Tensor
  ) {
    self.name = name
    self.operation = operation
    self.shapes = shapes
    self.constants = constants
    self.prepare = prepare
    self.build = build
  }

  var description: String {
    name + " " + shapes.map { "[\($0.batch), \($0.rows), \($0.columns)]" }.joined(separator: " ")
  }
}

/// Compares a backward rule with five-point central differences of a random projection of the result.
///
/// `onTop` adds a second use of every input that comes later on the tape, so that the rule has to add to a gradient
/// that is already there.
func checkGradient(_ test: GradientCase, onTop: Bool) {
  var random = RandomStream(seed: 7).stream("gradient check")
  var inputs: [[Float]] = []
  for (position, shape) in test.shapes.enumerated() {
    let offset: Float = position % 2 == 0 ? 0.1 : 0
    inputs.append(
      (0..<shape.batch * shape.rows * shape.columns).map { _ in
        test.prepare(position, 0.2 * Float(random.integer(below: 15) - 7) + offset)
      })
  }
  let tape = Tape()
  func forward(_ values: [[Float]]) -> (inputs: [Tensor], result: Tensor) {
    tape.rewind()
    let tensors = values.indices.map { position in
      let (shape, values) = (test.shapes[position], values[position])
      return test.constants.contains(position)
        ? tape.constant(values, batch: shape.batch, rows: shape.rows, columns: shape.columns)
        : tape.variable(values, batch: shape.batch, rows: shape.rows, columns: shape.columns)
    }
    return (tensors, test.build(tape, tensors))
  }

  let (tensors, result) = forward(inputs)
  #expect(tape.operation(of: result) == test.operation, "\(test.description)")
  let projection = (0..<result.count).map { _ in
    Float(random.uniform(0.5, 1.5)) * (random.uniform() < 0.5 ? -1 : 1)
  }
  var loss = tape.sum(
    tape.multiply(
      result, tape.constant(projection, batch: result.batch, rows: result.rows, columns: result.columns)))
  var extra: [[Float]] = []
  for (position, tensor) in tensors.enumerated() {
    extra.append((0..<tensor.count).map { _ in onTop ? Float(random.uniform(-1, 1)) : 0 })
    if onTop {
      let weights = tape.constant(extra[position], batch: tensor.batch, rows: tensor.rows, columns: tensor.columns)
      loss = tape.add(loss, tape.sum(tape.multiply(tensor, weights)))
    }
  }
  tape.backward(loss)
  let gradients = tensors.map { Array(tape.gradient($0)) }

  func projected(_ values: [[Float]]) -> Double {
    let result = forward(values).result
    return zip(tape.values(result), projection).reduce(0) { $0 + Double($1.0) * Double($1.1) }
  }
  for position in inputs.indices where !test.constants.contains(position) {
    var slopes: [Double] = []
    for index in inputs[position].indices {
      let step: Float = 0.02
      var moved = inputs
      func at(_ distance: Float) -> Double {
        moved[position][index] = inputs[position][index] + distance
        return projected(moved)
      }
      let (near, far) = (at(step) - at(-step), at(2 * step) - at(-2 * step))
      slopes.append((8 * near - far) / (12 * Double(step)) + Double(extra[position][index]))
    }
    let scale = max(slopes.map { abs($0) }.max() ?? 0, 0.01)
    for index in slopes.indices {
      let (got, want) = (Double(gradients[position][index]), slopes[index])
      if !(abs(got - want) <= 2e-3 * (abs(want) + 0.1 * scale)) {
        Issue.record("\(test.description), input \(position), element \(index): \(got), by differences \(want)")
        return
      }
    }
  }
}
