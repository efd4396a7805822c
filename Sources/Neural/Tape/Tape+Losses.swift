import CKernels

extension Tape {
  /// Raw log variances bounded softly from both sides (PETS, Chua et al. 2018, the authors' code):
  /// v = maximum − softplus(maximum − raw), then minimum + softplus(v − minimum).
  ///
  /// raw [batch, rows, columns]; minimum and maximum [1, 1, columns], shared by all members.
  package func boundedLogVariance(_ raw: Tensor, minimum: Tensor, maximum: Tensor) -> Tensor {
    for bound in [minimum, maximum] {
      precondition(
        bound.batch == 1 && bound.rows == 1 && bound.columns == raw.columns,
        "boundedLogVariance: bound \(bound.shape) does not fit \(raw.shape)")
    }
    var result = makeNode(.boundedLogVariance, raw.batch, raw.rows, raw.columns, raw, minimum, maximum)
    let (count, columns) = (raw.count, raw.columns)
    let (x, low, high) = (nodes[raw.index].values, nodes[minimum.index].values, nodes[maximum.index].values)
    // saved: maximum − raw, then v − minimum: the arguments of the two softplus functions.
    let upper = allocate(2 * count)
    let lower = upper + count
    result.saved = upper
    forEachRow(raw.batch * raw.rows, columns) { start in
      for column in 0..<columns { upper[start + column] = high[column] - x[start + column] }
    }
    ck_activation(Int32(CK_SOFTPLUS), Int64(count), upper, lower)
    forEachRow(raw.batch * raw.rows, columns) { start in
      for column in 0..<columns { lower[start + column] = high[column] - lower[start + column] - low[column] }
    }
    ck_activation(Int32(CK_SOFTPLUS), Int64(count), lower, result.values)
    let values = result.values
    forEachRow(raw.batch * raw.rows, columns) { start in
      for column in 0..<columns { values[start + column] += low[column] }
    }
    return append(result)
  }

  /// Gaussian negative log-likelihood without its constant and factor ½: the sum over members of the mean over rows
  /// and columns of (mean − y)²·e^(−logVariance) + logVariance → [1, 1, 1].
  ///
  /// mean, logVariance [batch, rows, columns]; target likewise or with batch 1; no gradient flows into the target.
  /// - Parameter exponent: β, 0 to 1: every term counts for e^(β·logVariance), as a constant (β-NLL, Seitzer et al.
  ///   2022). By the likelihood alone a mean is the less learned the larger the variance beside it is; at 1 all means
  ///   are learned as by squared errors.
  package func gaussianNLL(mean: Tensor, logVariance: Tensor, target: Tensor, exponent: Float = 0) -> Tensor {
    precondition(
      mean.hasShape(logVariance), "gaussianNLL: log variance \(logVariance.shape) beside mean \(mean.shape)")
    checkTarget("gaussianNLL", mean, target)
    var result = makeNode(.gaussianNLL, 1, 1, 1, mean, logVariance, target)
    let (count, size) = (mean.count, mean.rows * mean.columns)
    let (mu, logv, y) = (nodes[mean.index].values, nodes[logVariance.index].values, nodes[target.index].values)
    // saved: e^(−logVariance), then, where terms are weighted, e^(β·logVariance)
    let isWeighted = exponent != 0
    let precision = allocate(isWeighted ? 2 * count : count)
    let weight = precision + count
    (result.saved, result.low) = (precision, exponent)
    for index in 0..<count { precision[index] = -logv[index] }
    if isWeighted { for index in 0..<count { weight[index] = exponent * logv[index] } }
    ck_unary(Int32(CK_EXP), Int64(isWeighted ? 2 * count : count), precision, precision)
    result.values[0] = withScratch(count) { terms in
      forEachMember(mean, target) { start, other in
        for index in 0..<size {
          let error = mu[start + index] - y[other + index]
          terms[start + index] = error * error * precision[start + index] + logv[start + index]
        }
      }
      if isWeighted { for index in 0..<count { terms[index] *= weight[index] } }
      return Float(ck_sum(Int64(count), terms) / Double(size))
    }
    return append(result)
  }

  /// The sum over members of the mean over rows and columns of (prediction − target)² → [1, 1, 1].
  ///
  /// prediction [batch, rows, columns]; target likewise or with batch 1; no gradient flows into the target.
  package func meanSquaredError(_ prediction: Tensor, _ target: Tensor) -> Tensor {
    checkTarget("meanSquaredError", prediction, target)
    let result = makeNode(.meanSquaredError, 1, 1, 1, prediction, target)
    let size = prediction.rows * prediction.columns
    let (x, y) = (nodes[prediction.index].values, nodes[target.index].values)
    result.values[0] = withScratch(prediction.count) { errors in
      forEachMember(prediction, target) { start, other in
        for index in 0..<size { errors[start + index] = x[start + index] - y[other + index] }
      }
      return Float(ck_sum_of_squares(Int64(prediction.count), errors) / Double(size))
    }
    return append(result)
  }

  private func checkTarget(_ name: StaticString, _ prediction: Tensor, _ target: Tensor) {
    precondition(
      target.rows == prediction.rows && target.columns == prediction.columns
        && (target.batch == prediction.batch || target.batch == 1),
      "\(name): target \(target.shape) does not fit \(prediction.shape)")
    precondition(!node(target).requiresGradient, "\(name): detach the target")
  }

  /// Starts of every member in a tensor and in one that may be shared by all.
  @inline(__always)
  private func forEachMember(_ tensor: Tensor, _ shared: Tensor, _ body: (_ start: Int, _ other: Int) -> Void) {
    let size = tensor.rows * tensor.columns
    for member in 0..<tensor.batch { body(member * size, shared.batch == 1 ? 0 : member * size) }
  }

  // MARK: Backward

  func backwardBoundedLogVariance(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    let (count, columns, rows) = (node.count, node.columns, node.batch * node.rows)
    let inputTarget = gradientTarget(node.first)
    let dlow = addingTarget(node.second)
    let dhigh = addingTarget(node.third)
    withScratch(2 * count) { upper in
      // d/dv = σ(v − minimum); dv/draw = σ(maximum − raw)
      let lower = upper + count
      ck_activation(Int32(CK_SIGMOID), Int64(2 * count), node.saved!, upper)
      inputTarget?.write(count) { dy[$0] * lower[$0] * upper[$0] }
      if let dlow {
        forEachRow(rows, columns) { start in
          for column in 0..<columns { dlow[column] += dy[start + column] * (1 - lower[start + column]) }
        }
      }
      if let dhigh {
        forEachRow(rows, columns) { start in
          for column in 0..<columns {
            dhigh[column] += dy[start + column] * lower[start + column] * (1 - upper[start + column])
          }
        }
      }
    }
  }

  func backwardGaussianNLL(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    let (mean, target) = (nodes[Int(node.first)], nodes[Int(node.third)])
    let size = mean.rows * mean.columns
    let factor = gradient[0] / Float(size)
    let (mu, y, precision) = (mean.values, target.values, node.saved!)
    let stride = target.batch == 1 ? 0 : size
    let weight = node.low != 0 ? precision + mean.count : nil
    @inline(__always)
    func weighted(_ gradient: Float, _ index: Int) -> Float { weight.map { gradient * $0[index] } ?? gradient }
    if let dmean = gradientTarget(node.first) {
      for member in 0..<mean.batch {
        let (start, mu, y) = (member * size, mu + member * size, y + member * stride)
        dmean.advanced(by: start).write(size) {
          weighted(2 * factor * (mu[$0] - y[$0]) * precision[start + $0], start + $0)
        }
      }
    }
    if let dlogv = gradientTarget(node.second) {
      for member in 0..<mean.batch {
        let (start, mu, y) = (member * size, mu + member * size, y + member * stride)
        dlogv.advanced(by: start).write(size) {
          let error = mu[$0] - y[$0]
          return weighted(factor * (1 - error * error * precision[start + $0]), start + $0)
        }
      }
    }
  }

  func backwardMeanSquaredError(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    let (prediction, target) = (nodes[Int(node.first)], nodes[Int(node.second)])
    let size = prediction.rows * prediction.columns
    let factor = 2 * gradient[0] / Float(size)
    let stride = target.batch == 1 ? 0 : size
    guard let dx = gradientTarget(node.first) else { return }
    for member in 0..<prediction.batch {
      let (x, y) = (prediction.values + member * size, target.values + member * stride)
      dx.advanced(by: member * size).write(size) { factor * (x[$0] - y[$0]) }
    }
  }
}

/// Calls `body` with the start of every row.
@inline(__always)
func forEachRow(_ rows: Int, _ columns: Int, _ body: (_ start: Int) -> Void) {
  for row in 0..<rows { body(row * columns) }
}
