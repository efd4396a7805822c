import CKernels

/// Operations on categorical distributions: logits over the last dimension.
extension Tape {
  /// e^x / Σ e^x over each row.
  package func softmax(_ x: Tensor) -> Tensor {
    let result = makeNode(.softmax, x.batch, x.rows, x.columns, x)
    softmaxRows(nodes[x.index].values, result.values, x.batch * x.rows, x.columns)
    return append(result)
  }

  /// x − log Σ e^x over each row.
  package func logSoftmax(_ x: Tensor) -> Tensor {
    let result = makeNode(.logSoftmax, x.batch, x.rows, x.columns, x)
    logSoftmaxRows(nodes[x.index].values, result.values, x.batch * x.rows, x.columns)
    return append(result)
  }

  /// −Σ targets·logSoftmax(logits) over each row → [batch, rows, 1]; no gradient flows into the targets.
  package func softmaxCrossEntropy(logits: Tensor, targets: Tensor) -> Tensor {
    precondition(logits.hasShape(targets), "softmaxCrossEntropy: targets \(targets.shape) beside \(logits.shape)")
    precondition(!node(targets).requiresGradient, "softmaxCrossEntropy: detach the targets")
    var result = makeNode(.softmaxCrossEntropy, logits.batch, logits.rows, 1, logits, targets)
    let (rows, columns) = (logits.batch * logits.rows, logits.columns)
    // saved: logSoftmax
    let logs = allocate(logits.count)
    result.saved = logs
    logSoftmaxRows(nodes[logits.index].values, logs, rows, columns)
    let probabilities = nodes[targets.index].values
    withScratch(columns) { terms in
      for row in 0..<rows {
        let start = row * columns
        for column in 0..<columns {
          // 0·(−∞) counts as 0.
          let weight = probabilities[start + column]
          terms[column] = weight == 0 ? 0 : weight * logs[start + column]
        }
        result.values[row] = Float(-ck_sum(Int64(columns), terms))
      }
    }
    return append(result)
  }

  /// KL(left ‖ right) of the categoricals in each row → [batch, rows, 1].
  ///
  /// `unimix` mixes that share of the uniform distribution into both (DreamerV3: 0.01). Gradients flow into both
  /// logits; detach one for KL balancing.
  package func categoricalKL(_ left: Tensor, _ right: Tensor, unimix: Float = 0) -> Tensor {
    precondition(left.hasShape(right), "categoricalKL: \(right.shape) beside \(left.shape)")
    var result = makeNode(.categoricalKL, left.batch, left.rows, 1, left, right)
    result.low = unimix
    let (rows, columns, count) = (left.batch * left.rows, left.columns, left.count)
    // saved: logarithms of the mixed probabilities, left then right.
    let leftLogs = allocate(2 * count)
    let rightLogs = leftLogs + count
    result.saved = leftLogs
    mixedLogs(nodes[left.index].values, leftLogs, rows, columns, unimix)
    mixedLogs(nodes[right.index].values, rightLogs, rows, columns, unimix)
    withScratch(columns) { terms in
      for row in 0..<rows {
        let (p, q) = (leftLogs + row * columns, rightLogs + row * columns)
        ck_unary(Int32(CK_EXP), Int64(columns), p, terms)
        for column in 0..<columns {
          terms[column] = terms[column] == 0 ? 0 : terms[column] * (p[column] - q[column])
        }
        result.values[row] = Float(ck_sum(Int64(columns), terms))
      }
    }
    return append(result)
  }

  /// One-hot samples whose gradient is that of the probabilities (straight-through estimator, Bengio et al. 2013;
  /// DreamerV2): value one-hot(sample), derivative of the mixed softmax.
  ///
  /// logits [batch, rows, classes]; draws uniform in [0, 1), [batch, rows, 1]: the class is the first whose cumulative
  /// probability exceeds the draw. `unimix` as in `categoricalKL`.
  package func straightThroughSample(_ logits: Tensor, draws: Tensor, unimix: Float = 0) -> Tensor {
    precondition(
      draws.batch == logits.batch && draws.rows == logits.rows && draws.columns == 1,
      "straightThroughSample: draws \(draws.shape) do not fit \(logits.shape)")
    var result = makeNode(.straightThroughSample, logits.batch, logits.rows, logits.columns, logits, draws)
    result.low = unimix
    let (rows, columns) = (logits.batch * logits.rows, logits.columns)
    // saved: the softmax, without the mixture.
    let probabilities = allocate(logits.count)
    result.saved = probabilities
    softmaxRows(nodes[logits.index].values, probabilities, rows, columns)
    result.values.update(repeating: 0, count: logits.count)
    let uniform = nodes[draws.index].values
    let floor = Double(unimix) / Double(columns)
    for row in 0..<rows {
      var sample = columns - 1
      var cumulative = 0.0
      for column in 0..<columns {
        cumulative += (1 - Double(unimix)) * Double(probabilities[row * columns + column]) + floor
        if Double(uniform[row]) < cumulative {
          sample = column
          break
        }
      }
      // Rounding may leave the total below the draw: never a class of probability zero then.
      while floor == 0 && sample > 0 && probabilities[row * columns + sample] == 0 { sample -= 1 }
      result.values[row * columns + sample] = 1
    }
    return append(result)
  }

  // MARK: Parts

  /// Softmax of every row.
  func softmaxRows(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int
  ) {
    shiftRows(x, y, rows, columns)
    ck_unary(Int32(CK_EXP), Int64(rows * columns), y, y)
    for row in 0..<rows {
      let y = y + row * columns
      let sum = Float(ck_sum(Int64(columns), y))
      for column in 0..<columns { y[column] /= sum }
    }
  }

  private func logSoftmaxRows(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int
  ) {
    shiftRows(x, y, rows, columns)
    withScratch(rows + columns) { sums in
      let exponentials = sums + rows
      for row in 0..<rows {
        ck_unary(Int32(CK_EXP), Int64(columns), y + row * columns, exponentials)
        sums[row] = Float(ck_sum(Int64(columns), exponentials))
      }
      ck_unary(Int32(CK_LOG), Int64(rows), sums, sums)
      for row in 0..<rows {
        let y = y + row * columns
        for column in 0..<columns { y[column] -= sums[row] }
      }
    }
  }

  /// y = x − the row's maximum
  private func shiftRows(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int) {
    for row in 0..<rows {
      let (x, y) = (x + row * columns, y + row * columns)
      var largest = x[0]
      for column in 1..<max(columns, 1) where x[column] > largest { largest = x[column] }
      for column in 0..<columns { y[column] = x[column] - largest }
    }
  }

  private func mixedLogs(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int, _ unimix: Float
  ) {
    guard unimix > 0 else { return logSoftmaxRows(x, y, rows, columns) }
    softmaxRows(x, y, rows, columns)
    let floor = unimix / Float(columns)
    for index in 0..<rows * columns { y[index] = (1 - unimix) * y[index] + floor }
    ck_unary(Int32(CK_LOG), Int64(rows * columns), y, y)
  }

  // MARK: Backward

  /// Of a softmax, or of samples, whose softmax is saved.
  func backwardSoftmax(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    guard let target = gradientTarget(node.first) else { return }
    passThroughSoftmax(
      node.saved ?? node.values, gradient, target, node.batch * node.rows, node.columns, factor: 1 - node.low)
  }

  /// dx = factor·p·(g − Σ p·g) over each row.
  private func passThroughSoftmax(
    _ probabilities: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>, _ target: GradientTarget, _ rows: Int,
    _ columns: Int, factor: Float
  ) {
    withScratch(columns) { products in
      for row in 0..<rows {
        let (p, g) = (probabilities + row * columns, gradient + row * columns)
        for column in 0..<columns { products[column] = p[column] * g[column] }
        let mean = Float(ck_sum(Int64(columns), products))
        target.advanced(by: row * columns).write(columns) { factor * p[$0] * (g[$0] - mean) }
      }
    }
  }

  func backwardLogSoftmax(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    guard let target = gradientTarget(node.first) else { return }
    let columns = node.columns
    withScratch(columns) { probabilities in
      for row in 0..<node.batch * node.rows {
        let dy = gradient + row * columns
        ck_unary(Int32(CK_EXP), Int64(columns), node.values + row * columns, probabilities)
        let sum = Float(ck_sum(Int64(columns), dy))
        target.advanced(by: row * columns).write(columns) { dy[$0] - probabilities[$0] * sum }
      }
    }
  }

  func backwardSoftmaxCrossEntropy(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    guard let target = gradientTarget(node.first) else { return }
    let columns = nodes[Int(node.first)].columns
    let (targets, logs) = (nodes[Int(node.second)].values, node.saved!)
    withScratch(columns) { probabilities in
      for row in 0..<node.count {
        let weights = targets + row * columns
        ck_unary(Int32(CK_EXP), Int64(columns), logs + row * columns, probabilities)
        let (dy, total) = (gradient[row], Float(ck_sum(Int64(columns), weights)))
        target.advanced(by: row * columns).write(columns) { dy * (probabilities[$0] * total - weights[$0]) }
      }
    }
  }

  /// With s the softmax and p = (1 − u)·s + u/K the mixed probabilities, d/ds passes through the softmax:
  /// left: dKL/dp = log p − log q (+ 1, which cancels), right: dKL/dq = −p/q.
  func backwardCategoricalKL(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    let left = nodes[Int(node.first)]
    let (rows, columns, count, unimix) = (node.count, left.columns, left.count, node.low)
    let (leftLogs, rightLogs) = (node.saved!, node.saved! + count)
    let floor = unimix / Float(columns)
    for (input, isLeft) in [(node.first, true), (node.second, false)] {
      guard let target = gradientTarget(input) else { continue }
      withScratch(3 * count) { p in
        let (q, slopes) = (p + count, p + 2 * count)
        ck_unary(Int32(CK_EXP), Int64(2 * count), leftLogs, p)
        let mixed = isLeft ? p : q
        if !isLeft && unimix == 0 {
          // s·(−p/s + Σ p) without the division
          for row in 0..<rows {
            let dy = gradient[row]
            let (p, q) = (p + row * columns, q + row * columns)
            target.advanced(by: row * columns).write(columns) { dy * (q[$0] - p[$0]) }
          }
          return
        }
        for row in 0..<rows {
          let dy = gradient[row]
          for index in row * columns..<(row + 1) * columns {
            if isLeft {
              slopes[index] = p[index] == 0 ? 0 : dy * (leftLogs[index] - rightLogs[index])
            } else {
              slopes[index] = -dy * p[index] / q[index]
            }
          }
        }
        if unimix > 0 { for index in 0..<count { mixed[index] = (mixed[index] - floor) / (1 - unimix) } }
        passThroughSoftmax(mixed, slopes, target, rows, columns, factor: 1 - unimix)
      }
    }
  }
}
