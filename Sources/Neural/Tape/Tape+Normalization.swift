import CKernels

extension Tape {
  /// (x − mean)/√(variance + epsilon)·weight + bias over each row, with the biased variance (Ba et al. 2016).
  ///
  /// x [batch, rows, columns]; weight and bias [batch or 1, 1, columns].
  package func layerNorm(_ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Float = 1e-5) -> Tensor {
    checkScale(.layerNorm, x, bias)
    return norm(.layerNorm, x, weight, bias, epsilon)
  }

  /// x/√(mean of x² + epsilon)·weight over each row (Zhang & Sennrich 2019; DreamerV3 uses epsilon 1e-4).
  ///
  /// x [batch, rows, columns]; weight [batch or 1, 1, columns].
  package func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Float = 1e-4) -> Tensor {
    norm(.rmsNorm, x, weight, nil, epsilon)
  }

  /// Rows are centred where there is a bias.
  private func norm(_ operation: Operation, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ epsilon: Float) -> Tensor
  {
    checkScale(operation, x, weight)
    var result = makeNode(operation, x.batch, x.rows, x.columns, x, weight, bias)
    let columns = x.columns
    // saved: the normalised rows, then 1/√(variance + epsilon) of each.
    let normalised = allocate(x.count + x.batch * x.rows)
    result.saved = normalised
    let (values, output) = (nodes[x.index].values, result.values)
    forEachScaledRow(result, nodes[weight.index], nodes[(bias ?? weight).index]) { row, scale, shift in
      let (source, centred, destination) = (values + row * columns, normalised + row * columns, output + row * columns)
      let mean = bias == nil ? 0 : Float(ck_sum(Int64(columns), source) / Double(columns))
      for column in 0..<columns { centred[column] = source[column] - mean }
      let variance = ck_sum_of_squares(Int64(columns), centred) / Double(columns)
      let inverse = Float(1 / (variance + Double(epsilon)).squareRoot())
      normalised[x.count + row] = inverse
      for column in 0..<columns {
        centred[column] *= inverse
        destination[column] = centred[column] * scale[column]
      }
      if bias != nil { for column in 0..<columns { destination[column] += shift[column] } }
    }
    return append(result)
  }

  private func checkScale(_ operation: Operation, _ x: Tensor, _ scale: Tensor) {
    precondition(
      scale.rows == 1 && scale.columns == x.columns && (scale.batch == x.batch || scale.batch == 1),
      "\(operation): parameter \(scale.shape) does not fit \(x.shape)")
  }

  /// Calls `body` with every row's number and its member's parts of two [batch or 1, 1, columns] nodes.
  @inline(__always)
  private func forEachScaledRow(
    _ node: Node, _ first: Node, _ second: Node,
    _ body: (_ row: Int, _ first: UnsafeMutablePointer<Float>, _ second: UnsafeMutablePointer<Float>) -> Void
  ) {
    for member in 0..<node.batch {
      let (left, right) = (
        first.values + (first.batch == 1 ? 0 : member * node.columns),
        second.values + (second.batch == 1 ? 0 : member * node.columns)
      )
      for row in member * node.rows..<(member + 1) * node.rows { body(row, left, right) }
    }
  }

  // MARK: Backward

  /// With n the normalised row, g = dy·weight: dx = (g − mean(g) − n·mean(g·n))/deviation (the mean of g only where
  /// the row was centred); dweight = Σ dy·n; dbias = Σ dy.
  func backwardNorm(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    let isCentred = node.operation == .layerNorm
    let (count, columns) = (node.count, node.columns)
    let (normalised, weight) = (node.saved!, nodes[Int(node.second)])
    if let target = gradientTarget(node.first) {
      withScratch(2 * columns) { scaled in
        let products = scaled + columns
        forEachScaledRow(node, weight, weight) { row, scale, _ in
          let (dy, n) = (gradient + row * columns, normalised + row * columns)
          for column in 0..<columns {
            scaled[column] = dy[column] * scale[column]
            products[column] = scaled[column] * n[column]
          }
          let mean = isCentred ? Float(ck_sum(Int64(columns), scaled) / Double(columns)) : 0
          let projection = Float(ck_sum(Int64(columns), products) / Double(columns))
          let inverse = normalised[count + row]
          target.advanced(by: row * columns).write(columns) { (scaled[$0] - mean - n[$0] * projection) * inverse }
        }
      }
    }
    addRows(node, to: node.second) { gradient[$0] * normalised[$0] }
    addRows(node, to: node.third) { gradient[$0] }
  }

  /// Adds `value(i)` of every element of the result to its column of a [batch or 1, 1, columns] input's gradient.
  @inline(__always)
  private func addRows(_ node: Node, to input: Int32, _ value: (Int) -> Float) {
    guard let target = addingTarget(input) else { return }
    let isShared = nodes[Int(input)].batch == 1
    for row in 0..<node.batch * node.rows {
      let sums = target + (isShared ? 0 : row / node.rows * node.columns)
      for column in 0..<node.columns { sums[column] += value(row * node.columns + column) }
    }
  }
}
