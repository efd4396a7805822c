import CKernels
import Support

/// Latents made of several categoricals side by side, and heads that predict numbers as weights of bins (DreamerV3).
extension Tape {
  // MARK: Categorical latents

  /// One-hot samples of groups of `classes` whose gradient is that of their probabilities (straight-through).
  ///
  /// logits [1, rows, groups·classes]; draws [1, rows, groups], each uniform in [0, 1), or 2 + k for class k, or −1 for
  /// the probabilities themselves. `unimix` is the share of the uniform distribution in the probabilities.
  package func oneHotSample(_ logits: Tensor, draws: Tensor, classes: Int, unimix: Float) -> Tensor {
    precondition(
      logits.batch == 1 && draws.rows == logits.rows && draws.columns * classes == logits.columns,
      "oneHotSample: draws \(draws.shape) do not fit \(logits.shape)")
    var result = makeNode(.oneHotSample, 1, logits.rows, logits.columns, logits, draws)
    result.low = unimix
    result.length = classes
    // saved: the softmax, without the mixture.
    let probabilities = allocate(logits.count)
    result.saved = probabilities
    ck_one_hot_sample(
      Int64(draws.count), Int64(classes), unimix, nodes[logits.index].values, nodes[draws.index].values,
      probabilities, result.values)
    return append(result)
  }

  func backwardOneHotSample(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    guard let target = gradientTarget(node.first) else { return }
    ck_softmax_gradient(
      Int64(node.count / node.length), Int64(node.length), 1 - node.low, node.saved!, dy, target.pointer,
      target.accumulate)
  }

  /// KL(posterior ‖ prior) summed over the groups, balanced: column 0 moves the prior only, column 1 the posterior
  /// only; both are at least `freeNats`, and move nothing where they would be less.
  ///
  /// Logits [1, rows, groups·classes] → losses [1, rows, 2]; statistics [1, rows, 3]: the KL before the limit, the
  /// entropies of posterior and prior; no gradient flows through those.
  package func balancedKL(
    posterior: Tensor, prior: Tensor, classes: Int, unimix: Float, freeNats: Float
  ) -> (losses: Tensor, statistics: Tensor) {
    precondition(posterior.batch == 1 && posterior.hasShape(prior), "balancedKL: \(prior.shape), \(posterior.shape)")
    let (rows, columns, count) = (posterior.rows, posterior.columns, posterior.count)
    var result = makeNode(.balancedKL, 1, rows, 2, posterior, prior)
    result.low = freeNats
    // saved: the derivatives for both logits, then the KL of each row.
    let slopes = allocate(2 * count + rows)
    result.saved = slopes
    let statistics = allocate(3 * rows)
    let kl = slopes + 2 * count
    withScratch(2 * rows) { entropies in
      ck_latent_kl(
        Int64(rows), Int64(columns / classes), Int64(classes), unimix, nodes[posterior.index].values,
        nodes[prior.index].values, kl, entropies, entropies + rows, slopes, slopes + count)
      for row in 0..<rows {
        (statistics[3 * row], statistics[3 * row + 1]) = (kl[row], entropies[row])
        statistics[3 * row + 2] = entropies[rows + row]
      }
    }
    for row in 0..<rows {
      let loss = kl[row] < freeNats ? freeNats : kl[row]
      (result.values[2 * row], result.values[2 * row + 1]) = (loss, loss)
    }
    let losses = append(result)
    let constant = Node(
      operation: .constant, requiresGradient: false, batch: 1, rows: rows, columns: 3, values: statistics)
    return (losses, append(constant))
  }

  func backwardBalancedKL(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    let (rows, columns) = (node.rows, nodes[Int(node.first)].columns)
    let (slopes, kl) = (node.saved!, node.saved! + 2 * rows * columns)
    for (input, side) in [(node.first, 0), (node.second, 1)] {
      guard let target = gradientTarget(input) else { continue }
      for row in 0..<rows {
        // Column 0 is the prior's, which is the second input.
        let factor = kl[row] < node.low ? 0 : dy[2 * row + 1 - side]
        let slopes = slopes + (side * rows + row) * columns
        target.advanced(by: row * columns).write(columns) { factor * slopes[$0] }
      }
    }
  }

  // MARK: Two-hot heads

  /// −Σ over the targets of a row of the logarithms of the probabilities of the two bins beside it, by their weights →
  /// [1, rows, 1].
  ///
  /// logits [1, rows, bins], targets [1, rows, any number], in the units of the bins; no gradient flows into targets.
  package func twoHotLoss(_ logits: Tensor, targets: Tensor, bins: TwoHotBins) -> Tensor {
    precondition(
      logits.batch == 1 && logits.columns == bins.count && targets.rows == logits.rows,
      "twoHotLoss: targets \(targets.shape) beside \(logits.shape)")
    var result = makeNode(.twoHotLoss, 1, logits.rows, 1, logits, targets)
    result.requiresGradient = node(logits).requiresGradient && recordsGradients
    // saved: log Σ e^logit of each row, then the bins.
    let saved = allocate(logits.rows + bins.count)
    result.saved = saved
    bins.values.withUnsafeBufferPointer {
      (saved + logits.rows).update(from: $0.baseAddress!, count: bins.count)
    }
    ck_two_hot_loss(
      Int64(logits.rows), Int64(bins.count), saved + logits.rows, nodes[logits.index].values, Int64(targets.columns),
      nodes[targets.index].values, result.values, saved)
    return append(result)
  }

  func backwardTwoHotLoss(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    guard let target = gradientTarget(node.first) else { return }
    let (logits, targets) = (nodes[Int(node.first)], nodes[Int(node.second)])
    ck_two_hot_loss_gradient(
      Int64(node.rows), Int64(logits.columns), node.saved! + node.rows, logits.values, Int64(targets.columns),
      targets.values, node.saved!, dy, target.pointer, target.accumulate)
  }

  /// The numbers that logits [1, rows, bins] predict, [1, rows, 1].
  package func twoHotMean(_ logits: Tensor, bins: TwoHotBins) -> Tensor {
    precondition(logits.batch == 1 && logits.columns == bins.count, "twoHotMean of \(logits.shape)")
    var result = makeNode(.twoHotMean, 1, logits.rows, 1, logits)
    bins.values.withUnsafeBufferPointer {
      ck_two_hot_mean(
        Int64(logits.rows), Int64(bins.count), $0.baseAddress!, nodes[logits.index].values, result.values)
      guard result.requiresGradient else { return }
      // saved: the bins.
      let saved = allocate(bins.count)
      saved.update(from: $0.baseAddress!, count: bins.count)
      result.saved = saved
    }
    return append(result)
  }

  /// d mean/d logit_i = p_i·(bin_i − mean): no sum over bins of any size, as the softmax's own gradient has it.
  func backwardTwoHotMean(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    guard let target = gradientTarget(node.first) else { return }
    let logits = nodes[Int(node.first)]
    let (columns, bins) = (logits.columns, node.saved!)
    withScratch(logits.count) { chances in
      softmaxRows(logits.values, chances, logits.rows, columns)
      for row in 0..<logits.rows {
        let (chances, mean, slope) = (chances + row * columns, node.values[row], dy[row])
        target.advanced(by: row * columns).write(columns) { slope * chances[$0] * (bins[$0] - mean) }
      }
    }
  }
}

/// The numbers that the logits of a two-hot head stand for: symexp of equal steps from −20 to 20, exactly symmetrical
/// about 0 (DreamerV3).
package struct TwoHotBins: Sendable {
  /// Ascending.
  package let values: [Float]

  /// `count` bins, an odd number.
  package init(_ count: Int) {
    precondition(count >= 3 && count % 2 == 1, "an odd number of bins, 3 at least")
    let half = (count + 1) / 2
    let lower = (0..<half).map { place -> Float in
      let x = -20 + 20 * Double(place) / Double(half - 1)
      return 1 - KernelMath.exp(Float(-x))
    }
    values = lower + lower.reversed().dropFirst().map { -$0 }
  }

  /// Any other bins, ascending and symmetrical about 0.
  package init(values: [Float]) {
    precondition(values.count >= 3 && zip(values, values.reversed()).allSatisfy { $0 == -$1 }, "symmetrical bins")
    self.values = values
  }

  package var count: Int { values.count }
}
