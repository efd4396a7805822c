import CKernels

extension Tape {
  // MARK: Products of blocks

  /// Each block of x's columns by its own weights: columns b of the result are columns b of x times Wᵀ[b]
  /// (block-diagonal layer of DreamerV3); one block is a dense layer.
  ///
  /// x [1, rows, inputs], weight [blocks, outputs/blocks, inputs/blocks], bias [1, 1, outputs] → [1, rows, outputs].
  /// - Parameter sum: [1, rows, outputs], to which the result is added in place of a bias. It is consumed: its own
  ///   values become those of the result, so nothing else may use it.
  package func blockLinear(_ x: Tensor, weight: Tensor, bias: Tensor? = nil, onto sum: Tensor? = nil) -> Tensor {
    let (blocks, outputs) = (weight.batch, weight.batch * weight.rows)
    precondition(
      x.batch == 1 && x.columns == blocks * weight.columns && (bias == nil || sum == nil),
      "blockLinear: weight \(weight.shape) does not fit \(x.shape)")
    precondition(bias.map { $0.count == outputs } ?? true, "blockLinear: bias does not fit weight \(weight.shape)")
    precondition(sum.map { $0.rows == x.rows && $0.columns == outputs } ?? true, "blockLinear: another sum's shape")
    let result = makeNode(
      .blockLinear, 1, x.rows, outputs, x, weight, bias ?? sum, values: sum.map { nodes[$0.index].values })
    var node = result
    node.start = sum == nil ? 0 : 1
    if let turned = turned(nodes[weight.index], rows: x.rows) {
      if sum == nil { start(x.rows, outputs, from: bias.map { UnsafePointer(nodes[$0.index].values) }, node.values) }
      ck_block_linear_input_gradient(
        pool?.handle, Int64(blocks), Int64(x.rows), Int64(weight.rows), Int64(weight.columns), nodes[x.index].values,
        Int64(x.columns), turned, node.values, Int64(outputs), 1)
      return append(node)
    }
    ck_block_linear(
      pool?.handle, Int64(blocks), Int64(x.rows), Int64(weight.columns), Int64(weight.rows), nodes[x.index].values,
      Int64(x.columns), nodes[weight.index].values, bias.map { UnsafePointer(nodes[$0.index].values) }, node.values,
      Int64(outputs), sum == nil ? 0 : 1)
    return append(node)
  }

  func backwardBlockLinear(_ index: Int, _ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    let (x, weight) = (nodes[Int(node.first)], nodes[Int(node.second)])
    let (blocks, rows, inputs, outputs) = (
      Int64(weight.batch), Int64(node.rows), Int64(weight.columns), Int64(weight.rows)
    )
    if let target = gradientTarget(node.first) {
      ck_block_linear_input_gradient(
        pool?.handle, blocks, rows, inputs, outputs, dy, Int64(node.columns), weight.values, target.pointer,
        Int64(x.columns), target.accumulate)
    }
    let areLater = postponesWeights(of: index)
    let biasTarget = areLater || node.start == 1 ? nil : gradientTarget(node.third)
    if let target = areLater ? nil : gradientTarget(node.second) {
      // One call makes both where both are wanted in the same way.
      let isJoint = biasTarget.map { $0.accumulates == target.accumulates } ?? false
      ck_block_linear_weight_gradient(
        pool?.handle, blocks, rows, inputs, outputs, dy, Int64(node.columns), x.values, Int64(x.columns),
        target.pointer, isJoint ? biasTarget?.pointer : nil, target.accumulate)
      if !isJoint, let biasTarget { sumRows(dy, node.rows, node.columns, biasTarget) }
    } else if let biasTarget {
      sumRows(dy, node.rows, node.columns, biasTarget)
    }
    guard node.start == 1, nodes[Int(node.third)].requiresGradient else { return }
    if nodes[Int(node.third)].gradient == nil && nodes[Int(node.third)].operation != .parameter {
      nodes[Int(node.third)].gradient = dy
    } else {
      gradientTarget(node.third)?.write(node.count) { dy[$0] }
    }
  }

  // MARK: Norm and SiLU in one pass

  /// SiLU(rmsNorm(x)·scale) over each row; x [1, rows, columns], scale [1, 1, columns].
  package func normSiLU(_ x: Tensor, scale: Tensor, epsilon: Float = 1e-4) -> Tensor {
    precondition(x.batch == 1 && scale.count == x.columns, "normSiLU: scale \(scale.shape) does not fit \(x.shape)")
    var result = makeNode(.normSiLU, 1, x.rows, x.columns, x, scale)
    // saved: 1/√(mean x² + epsilon) of each row
    let inverse = allocate(x.rows)
    result.saved = inverse
    ck_norm_silu(
      Int64(x.rows), Int64(x.columns), epsilon, nodes[x.index].values, nodes[scale.index].values, inverse,
      result.values)
    return append(result)
  }

  func backwardNormSiLU(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    let target = gradientTarget(node.first)
    let scaleTarget = addingTarget(node.second)
    ck_norm_silu_gradient(
      Int64(node.rows), Int64(node.columns), nodes[Int(node.first)].values, nodes[Int(node.second)].values,
      node.saved!, dy, target?.pointer, target?.accumulate ?? 0, scaleTarget)
  }

  // MARK: Block GRU

  /// The gates of DreamerV3's recurrent cell: gates [1, rows, 3·size] hold reset, candidate and update of every block,
  /// h [1, rows, size] → u·tanh(σ(reset)·candidate) + (1 − u)·h with u = σ(update − 1).
  package func blockGRU(gates: Tensor, hidden: Tensor, blocks: Int) -> Tensor {
    precondition(
      gates.batch == 1 && gates.rows == hidden.rows && gates.columns == 3 * hidden.columns
        && hidden.columns % blocks == 0, "blockGRU: \(gates.shape) does not fit \(hidden.shape)")
    var result = makeNode(.blockGRU, 1, hidden.rows, hidden.columns, gates, hidden)
    result.length = blocks
    ck_block_gru(
      Int64(hidden.rows), Int64(blocks), Int64(hidden.columns / blocks), nodes[gates.index].values,
      nodes[hidden.index].values, result.values)
    return append(result)
  }

  func backwardBlockGRU(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    let (gates, hidden) = (gradientTarget(node.first), gradientTarget(node.second))
    ck_block_gru_gradient(
      Int64(node.rows), Int64(node.length), Int64(node.columns / node.length), nodes[Int(node.first)].values,
      nodes[Int(node.second)].values, dy, gates?.pointer, gates?.accumulate ?? 0, hidden?.pointer,
      hidden?.accumulate ?? 0)
  }
}
