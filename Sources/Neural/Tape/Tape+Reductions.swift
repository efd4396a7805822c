import CKernels

extension Tape {
  /// Sum of all elements → [1, 1, 1].
  package func sum(_ x: Tensor) -> Tensor { total(x, factor: 1) }

  /// Mean of all elements → [1, 1, 1].
  package func mean(_ x: Tensor) -> Tensor { total(x, factor: 1 / Double(x.count)) }

  private func total(_ x: Tensor, factor: Double) -> Tensor {
    var result = makeNode(.sum, 1, 1, 1, x)
    result.low = Float(factor)
    result.values[0] = Float(ck_sum(Int64(x.count), nodes[x.index].values) * factor)
    return append(result)
  }

  /// Sums of rows → [batch, rows, 1].
  package func sumColumns(_ x: Tensor) -> Tensor {
    let result = makeNode(.sumColumns, x.batch, x.rows, 1, x)
    let values = nodes[x.index].values
    for row in 0..<x.batch * x.rows {
      result.values[row] = Float(ck_sum(Int64(x.columns), values + row * x.columns))
    }
    return append(result)
  }

  /// Means over the rows of a member → [batch, 1, columns].
  package func meanRows(_ x: Tensor) -> Tensor {
    let result = makeNode(.meanRows, x.batch, 1, x.columns, x)
    for member in 0..<x.batch {
      averageRuns(
        nodes[x.index].values + member * x.rows * x.columns, runs: x.rows, x.columns,
        into: result.values + member * x.columns)
    }
    return append(result)
  }

  /// Means over the members → [1, rows, columns].
  package func meanBatch(_ x: Tensor) -> Tensor {
    let result = makeNode(.meanBatch, 1, x.rows, x.columns, x)
    averageRuns(nodes[x.index].values, runs: x.batch, x.rows * x.columns, into: result.values)
    return append(result)
  }

  /// Elementwise mean of `runs` consecutive runs, added in ascending order.
  private func averageRuns(
    _ values: UnsafePointer<Float>, runs: Int, _ count: Int, into result: UnsafeMutablePointer<Float>
  ) {
    result.update(repeating: 0, count: count)
    for run in 0..<runs {
      let source = values + run * count
      for index in 0..<count { result[index] += source[index] }
    }
    let divisor = Float(runs)
    for index in 0..<count { result[index] /= divisor }
  }

  // MARK: Backward

  func backwardSum(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    let value = gradient[0] * node.low
    gradientTarget(node.first)?.write(nodes[Int(node.first)].count) { _ in value }
  }

  func backwardSumColumns(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    let columns = nodes[Int(node.first)].columns
    guard let target = gradientTarget(node.first) else { return }
    for row in 0..<node.count {
      let value = gradient[row]
      target.advanced(by: row * columns).write(columns) { _ in value }
    }
  }

  func backwardMeanRows(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    guard let target = gradientTarget(node.first) else { return }
    let rows = nodes[Int(node.first)].rows
    for member in 0..<node.batch {
      spread(gradient + member * node.columns, node.columns, target, member * rows * node.columns, runs: rows)
    }
  }

  func backwardMeanBatch(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    guard let target = gradientTarget(node.first) else { return }
    spread(gradient, node.count, target, 0, runs: nodes[Int(node.first)].batch)
  }

  private func spread(
    _ gradient: UnsafePointer<Float>, _ count: Int, _ target: GradientTarget, _ start: Int, runs: Int
  ) {
    let divisor = Float(runs)
    for run in 0..<runs {
      target.advanced(by: start + run * count).write(count) { gradient[$0] / divisor }
    }
  }
}
