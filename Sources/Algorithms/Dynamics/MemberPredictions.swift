import Support

/// What every member of an ensemble predicts for some rows, with what it tells of how far to trust them: normals with
/// independent dimensions. Feature-major memory, as the kernels write it.
package final class MemberPredictions {
  package let members: Int
  /// Predicted columns: of the observation first, then the reward and the end's logit where they are learned.
  package let targets: Int
  /// The first of them, which are normals: all but the logit.
  package let quantities: Int
  /// Most rows.
  package let capacity: Int
  /// Per column: it is added to the state.
  package let changes: [Bool]
  /// [members][targets][capacity]; variances are 0 where members give none.
  package let means, variances: FloatBuffer
  /// [targets][capacity]: for what a model writes beside them and nobody reads.
  private(set) lazy var scratch = FloatBuffer(count: targets * capacity)

  /// Memory for `capacity` rows.
  package init(members: Int, targets: Int, quantities: Int? = nil, capacity: Int, changes: [Bool]? = nil) {
    self.changes = changes ?? [Bool](repeating: false, count: targets)
    (self.members, self.targets, self.capacity) = (members, targets, max(capacity, 1))
    self.quantities = quantities ?? targets
    means = FloatBuffer(count: members * targets * self.capacity)
    variances = FloatBuffer(count: members * targets * self.capacity)
  }

  @inline(__always)
  private func place(_ member: Int, _ target: Int, _ row: Int) -> Int { (member * targets + target) * capacity + row }

  package func mean(_ member: Int, _ target: Int, _ row: Int) -> Float { means[place(member, target, row)] }
  package func variance(_ member: Int, _ target: Int, _ row: Int) -> Float { variances[place(member, target, row)] }

  /// Sets one member's prediction of one quantity.
  package func set(_ member: Int, _ target: Int, _ row: Int, mean: Float, variance: Float) {
    means[place(member, target, row)] = mean
    variances[place(member, target, row)] = variance
  }

  private func average(_ target: Int, _ row: Int) -> Float {
    (0..<members).reduce(0) { $0 + mean($1, target, row) } / Float(members)
  }

  // MARK: Distances

  /// max_e ‖σ_e‖ over all quantities, the reward included (MOPO, Yu et al. 2020).
  package func largestDeviation(_ row: Int) -> Float {
    (0..<members).reduce(0) { largest, member in
      max(largest, (0..<quantities).reduce(0) { $0 + variance(member, $1, row) }.squareRoot())
    }
  }

  /// max_e ‖μ_e − mean_j μ_j‖ over the quantities of a range (MOPO's other form: the observation's columns).
  package func largestDistance(_ row: Int, over range: Range<Int>) -> Float {
    var largest = -Float.infinity
    // Where none is a number, the largest is none: nobody is to take it for a distance.
    forEachSquaredDistance(row, over: range) { if !($0 <= largest) { largest = $0 } }
    return largest.squareRoot()
  }

  /// √(mean_e ‖μ_e − mean_j μ_j‖²) over all quantities: the disagreement σ.
  package func disagreement(_ row: Int) -> Float {
    var sum: Float = 0
    forEachSquaredDistance(row, over: 0..<quantities) { sum += $0 }
    return (sum / Float(members)).squareRoot()
  }

  /// Calls `body` with every member's ‖μ_e − mean_j μ_j‖².
  private func forEachSquaredDistance(_ row: Int, over range: Range<Int>, _ body: (Float) -> Void) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: range.count) { averages in
      for (place, target) in range.enumerated() { averages.initializeElement(at: place, to: average(target, row)) }
      for member in 0..<members {
        var sum: Float = 0
        for (place, target) in range.enumerated() {
          let difference = mean(member, target, row) - averages[place]
          sum += difference * difference
        }
        body(sum)
      }
    }
  }

  /// max_{a<b} ‖μ_a − μ_b‖ over all quantities (MOReL, Kidambi et al. 2020).
  package func largestPairDistance(_ row: Int) -> Float {
    var largest: Float = 0
    for left in 0..<members {
      for right in left + 1..<max(members, left + 1) {
        let squares = (0..<quantities).reduce(Float(0)) { sum, target in
          let difference = mean(left, target, row) - mean(right, target, row)
          return sum + difference * difference
        }
        largest = max(largest, squares)
      }
    }
    return largest.squareRoot()
  }

  // MARK: Divergences

  /// KL(chosen ‖ the normal with the mean and variance of the others' mixture), over all quantities (M2AC, Pan et al.
  /// 2020). At least two members.
  package func divergence(of chosen: Int, _ row: Int) -> Float {
    let others = Float(members - 1)
    return (0..<quantities).reduce(0) { sum, target in
      var (first, second) = (Float(0), Float(0))
      for member in 0..<members where member != chosen {
        let value = mean(member, target, row)
        first += value
        second += variance(member, target, row) + value * value
      }
      let center = first / others
      let spread = max(second / others - center * center, Float.leastNormalMagnitude)
      let (value, own) = (mean(chosen, target, row), max(variance(chosen, target, row), Float.leastNormalMagnitude))
      let offset = value - center
      return sum + (KernelMath.log(spread) - KernelMath.log(own) + (own + offset * offset) / spread - 1) / 2
    }
  }

  /// The mean over pairs of members of the geometric Jensen–Shannon divergence, over all quantities (MACURA,
  /// Frauenknecht et al. 2024): with 1/v = ½/v₁ + ½/v₂ and m = v(½μ₁/v₁ + ½μ₂/v₂),
  /// ½[½Σμ₁²/v₁ + ½Σμ₂²/v₂ − Σm²/v + ½Σlog v₁ + ½Σlog v₂ − Σlog v], written by differences so that large means do not
  /// cancel: ½μ₁²/v₁ + ½μ₂²/v₂ − m²/v = ¼(μ₁ − μ₂)²·v/(v₁v₂).
  package func pairDivergence(_ row: Int) -> Float {
    var (total, pairs) = (Float(0), Float(0))
    for left in 0..<members {
      for right in left + 1..<max(members, left + 1) {
        pairs += 1
        for target in 0..<quantities {
          let (v1, v2) = (
            max(variance(left, target, row), Float.leastNormalMagnitude),
            max(variance(right, target, row), Float.leastNormalMagnitude)
          )
          let difference = mean(left, target, row) - mean(right, target, row)
          let v = 2 * v1 / (v1 + v2) * v2
          let apart = difference * difference / (v1 + v2) / 2
          total += apart + (KernelMath.log(v1) + KernelMath.log(v2)) / 2 - KernelMath.log(v)
        }
      }
    }
    return pairs > 0 ? total / pairs / 2 : 0
  }
}
