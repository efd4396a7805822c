import CKernels
import Neural
import Support
import Testing

/// Weights that are used several times in one pass with few rows: to the same bits as each time by itself.
struct TurnedWeightsTests {
  private struct Layer {
    let store = ParameterStore()
    let weight, bias, own: Parameter

    /// Of `inputs` and `outputs` that fill no vectors, and in three blocks of a third each.
    init(inputs: Int, outputs: Int) {
      var random = RandomStream(seed: 1)
      weight = store.add("w", rows: outputs, columns: inputs, initializer: .uniform(1), random: &random)
      bias = store.addVector("b", count: outputs, initializer: .uniform(1), random: &random)
      own = store.add("o", batch: 3, rows: outputs / 3, columns: inputs / 3, initializer: .uniform(1), random: &random)
    }

    /// Dense layer, blocks with a bias, and blocks onto a sum.
    func callAsFunction(_ x: Tensor, on tape: Tape) -> [Tensor] {
      func parameter(_ parameter: Parameter) -> Tensor { tape.parameter(parameter, of: store) }
      let dense = tape.linear(x, weight: parameter(weight), bias: parameter(bias))
      let plain = tape.linear(x, weight: parameter(weight), bias: nil)
      let blocks = tape.blockLinear(x, weight: parameter(own), bias: parameter(bias))
      return [dense, blocks, tape.blockLinear(x, weight: parameter(own), onto: plain)]
    }
  }

  private func input(_ number: Int, rows: Int, _ inputs: Int, on tape: Tape) -> Tensor {
    tape.constant(rows: rows, columns: inputs) { x in
      for index in x.indices { x[index] = Float((index * 37 + number * 101) % 211) / 50 - 2 }
    }
  }

  @Test(arguments: [(6, 9), (48, 48), (66, 99), (96, 48)]) func sameBits(inputs: Int, outputs: Int) {
    let layer = Layer(inputs: inputs, outputs: outputs)
    for pool in [nil, ComputePool(threads: 2)] {
      let tape = Tape(pool: pool)
      for rows in [1, 4, 8, 15, 16, 17] {
        for _ in 0..<2 {
          tape.rewind()
          for number in 0..<4 {
            let alone = Tape()
            let wanted = layer(input(number, rows: rows, inputs, on: alone), on: alone).map { Array(alone.values($0)) }
            let own = layer(input(number, rows: rows, inputs, on: tape), on: tape).map { Array(tape.values($0)) }
            #expect(own == wanted, "\(rows) rows, use \(number)")
          }
        }
      }
    }
  }

  /// Parameters that have moved since the last pass, and memory that a scope gave back.
  @Test func nothingIsKeptTooLong() {
    let (layer, tape) = (Layer(inputs: 12, outputs: 12), Tape())
    func use() -> [[Float]] { layer(input(1, rows: 2, 12, on: tape), on: tape).map { Array(tape.values($0)) } }
    func alone() -> [[Float]] {
      let tape = Tape()
      return layer(input(1, rows: 2, 12, on: tape), on: tape).map { Array(tape.values($0)) }
    }
    for _ in 0..<3 { #expect(use() == alone()) }
    for value in layer.store.values.indices { layer.store.values[value] *= 0.5 }
    tape.rewind()
    for _ in 0..<3 { #expect(use() == alone()) }
    tape.rewind()
    tape.scope { for _ in 0..<3 { #expect(use() == alone()) } }
    // What lies now where the turned weights were.
    for _ in 0..<50 { _ = tape.constant(rows: 1, columns: 32) { $0.update(repeating: 7) } }
    for _ in 0..<3 { #expect(use() == alone()) }
  }

  @Test func transposes() {
    for (rows, columns) in [(1, 1), (5, 3), (16, 16), (17, 33), (64, 40)] {
      let (from, to) = (FloatBuffer(count: 2 * rows * columns), FloatBuffer(count: 2 * rows * columns))
      for index in from.memory.indices { from.memory[index] = Float(index) }
      ck_transpose(2, Int64(rows), Int64(columns), from.base, to.base)
      for member in 0..<2 {
        for row in 0..<rows {
          for column in 0..<columns {
            let start = member * rows * columns
            #expect(to.memory[start + column * rows + row] == from.memory[start + row * columns + column])
          }
        }
      }
    }
  }
}
