import CKernels
import Support

/// Gradients of weights that a recurrent network uses step by step, with few rows in each step: one product over all
/// steps moves the weights' gradients once instead of once for every step. They are put off until the end of the pass
/// back, and their sums are those of the steps one after another, to the bit.
extension Tape {
  /// Rows from which on a product is worth doing at once.
  private static let fewRows = 64
  /// Rows of several steps that are taken together, so that they stay in the caches.
  private static let mostRows = 256

  /// Puts off the weights' and biases' gradients of a linear or block-linear node with the present gradient, if that
  /// pays.
  func postponesWeights(of index: Int) -> Bool {
    let node = nodes[index]
    let weight = nodes[Int(node.second)]
    guard
      node.rows < Tape.fewRows && node.batch == 1 && node.saved == nil && !keepsGradients
        && weight.operation == .parameter && weight.requiresGradient
        && (node.operation == .blockLinear || weight.batch == 1)
    else { return false }
    if let bias = ownBias(of: node) {
      guard nodes[bias].operation == .parameter && nodes[bias].requiresGradient else { return false }
    }
    postponed.append(Int32(index))
    return true
  }

  /// The node of its bias, where it has one.
  private func ownBias(of node: Node) -> Int? {
    node.third >= 0 && !(node.operation == .blockLinear && node.start == 1) ? Int(node.third) : nil
  }

  /// Adds what was put off, parameter by parameter, in the order in which it came.
  func addPostponedGradients() {
    for place in postponed.indices where postponed[place] >= 0 {
      let first = nodes[Int(postponed[place])]
      let mark = arenaMark
      let (inputs, outputs) = (nodes[Int(first.first)].columns, first.columns)
      let x = allocate(Tape.mostRows * inputs), dy = allocate(Tape.mostRows * outputs)
      var rows = 0
      for other in place..<postponed.count where postponed[other] >= 0 {
        let node = nodes[Int(postponed[other])]
        guard node.operation == first.operation && isSameParameter(node.second, first.second) else { continue }
        postponed[other] = -1
        if rows + node.rows > Tape.mostRows {
          addWeights(first, rows, x, dy)
          rows = 0
        }
        (x + rows * inputs).update(from: nodes[Int(node.first)].values, count: node.rows * inputs)
        (dy + rows * outputs).update(from: node.gradient!, count: node.rows * outputs)
        rows += node.rows
      }
      addWeights(first, rows, x, dy)
      release(to: mark)
    }
    postponed.removeAll(keepingCapacity: true)
  }

  private func isSameParameter(_ a: Int32, _ b: Int32) -> Bool {
    nodes[Int(a)].start == nodes[Int(b)].start && nodes[Int(a)].length == nodes[Int(b)].length
  }

  /// The gradients of a node's weights and biases from the rows of several steps, x [rows, inputs] and dy [rows,
  /// outputs].
  private func addWeights(
    _ node: Node, _ rows: Int, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>
  ) {
    let weight = nodes[Int(node.second)]
    guard let target = gradientTarget(node.second) else { return }
    let bias = ownBias(of: node).flatMap { gradientTarget(Int32($0)) }
    let isJoint = bias.map { $0.accumulates == target.accumulates } ?? false
    let joint = isJoint ? bias?.pointer : nil
    let (inputs, outputs) = (Int64(weight.columns), Int64(weight.rows))
    if node.operation == .blockLinear {
      let blocks = Int64(weight.batch)
      ck_block_linear_weight_gradient(
        pool?.handle, blocks, Int64(rows), inputs, outputs, dy, blocks * outputs, x, blocks * inputs, target.pointer,
        joint, target.accumulate)
    } else {
      ck_linear_weight_gradient(
        pool?.handle, 1, Int64(rows), inputs, outputs, dy, x, 0, target.pointer, 0, joint, 0, target.accumulate)
    }
    if let bias, !isJoint { sumRows(dy, rows, node.columns, bias) }
  }

  /// Sums of the columns of [rows, columns], rows ascending.
  func sumRows(_ dy: UnsafePointer<Float>, _ rows: Int, _ columns: Int, _ target: GradientTarget) {
    if !target.accumulates { target.pointer.update(repeating: 0, count: columns) }
    for row in 0..<rows {
      for column in 0..<columns { target.pointer[column] += dy[row * columns + column] }
    }
  }
}
