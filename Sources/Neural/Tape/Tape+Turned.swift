import CKernels

/// Weights that a recurrent network uses step by step, with few rows in each step. A product with them as they lie has
/// to pack them first, which costs more than so few rows do; from the second step of a pass on they are used turned
/// round, as which they need no packing, to the same bits.
extension Tape {
  /// Rows up to which that pays.
  private static let fewRows = 16

  /// A parameter that few rows have used since the last rewind.
  struct UsedWeights {
    let store, parameter: Int
    /// Each member's [inputs, outputs]; nil before the second use.
    var turned: UnsafePointer<Float>?
  }

  /// What is to be used in place of a parameter, each member's [inputs, outputs]; nil: the parameter itself.
  func turned(_ weight: Node, rows: Int) -> UnsafePointer<Float>? {
    guard rows <= Tape.fewRows && weight.operation == .parameter else { return nil }
    let known = usedWeights.firstIndex { $0.parameter == weight.length && $0.store == weight.start }
    guard let known else {
      usedWeights.append(UsedWeights(store: weight.start, parameter: weight.length))
      return nil
    }
    if let turned = usedWeights[known].turned { return turned }
    let memory = allocate(weight.count)
    ck_transpose(Int64(weight.batch), Int64(weight.rows), Int64(weight.columns), weight.values, memory)
    usedWeights[known].turned = UnsafePointer(memory)
    return usedWeights[known].turned
  }

  /// Sets every row [outputs] to the bias, or to zeros.
  func start(_ rows: Int, _ outputs: Int, from bias: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>) {
    guard let bias else { return y.update(repeating: 0, count: rows * outputs) }
    for row in 0..<rows { (y + row * outputs).update(from: bias, count: outputs) }
  }
}
