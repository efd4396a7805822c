import Environments
import Support

/// Small helpers that the optimisers share.
package enum PlanMath {
  /// NaN → −∞, so that a plan whose return is not a number never wins.
  package static func replaceNaN(_ returns: UnsafeMutableBufferPointer<Float>) {
    for index in returns.indices where returns[index].isNaN { returns[index] = -.infinity }
  }

  /// Writes the candidates with the best returns, best first, as many as there is room for; of equal returns the
  /// earlier one first.
  package static func rank(_ returns: UnsafeBufferPointer<Float>, into order: UnsafeMutableBufferPointer<Int32>) {
    var filled = 0
    for candidate in returns.indices {
      let value = returns[candidate]
      var place = filled
      while place > 0 && returns[Int(order[place - 1])] < value { place -= 1 }
      guard place < order.count else { continue }
      filled = min(filled + 1, order.count)
      var moved = filled - 1
      while moved > place {
        order[moved] = order[moved - 1]
        moved -= 1
      }
      order[place] = Int32(candidate)
    }
  }

  /// Refits a distribution to the elites of a population: mean ← α·mean + (1 − α)·mean of the elites, and the variance
  /// likewise with theirs, squares divided by `divisor`. `variance` nil: the mean alone (category frequencies).
  package static func refit(
    _ mean: UnsafeMutableBufferPointer<Float>, _ variance: UnsafeMutableBufferPointer<Float>?,
    to elites: UnsafeBufferPointer<Int32>, of plans: UnsafePointer<Float>, smoothing alpha: Float, divisor: Int
  ) {
    let planSize = mean.count
    for index in 0..<planSize {
      var sum: Float = 0
      for elite in elites { sum += plans[Int(elite) * planSize + index] }
      let eliteMean = sum / Float(elites.count)
      if let variance {
        var squares: Float = 0
        for elite in elites {
          let difference = plans[Int(elite) * planSize + index] - eliteMean
          squares += difference * difference
        }
        variance[index] = alpha * variance[index] + (1 - alpha) * squares / Float(divisor)
      }
      mean[index] = alpha * mean[index] + (1 - alpha) * eliteMean
    }
  }

  /// Shifts a plan `steps` rows ahead and fills the end by `fill(column)`.
  package static func shift(
    _ plan: UnsafeMutableBufferPointer<Float>, columns: Int, by steps: Int, fill: (Int) -> Float
  ) {
    let moved = min(steps * columns, plan.count)
    for index in 0..<(plan.count - moved) { plan[index] = plan[index + moved] }
    for index in (plan.count - moved)..<plan.count { plan[index] = fill(index % columns) }
  }

  /// Shifts a plan `steps` rows ahead; its last row goes on to the end.
  package static func shiftRepeatingLast(_ plan: UnsafeMutableBufferPointer<Float>, columns: Int, by steps: Int) {
    // The last row stays where it is until the end is filled, itself included.
    let last = plan.count - columns
    shift(plan, columns: columns, by: steps) { plan[last + $0] }
  }

  /// A one-hot row for category `index`.
  package static func setCategory(_ row: UnsafeMutablePointer<Float>, _ index: Int, of count: Int) {
    row.update(repeating: 0, count: count)
    row[index] = 1
  }

  /// Makes one-hot rows from probability rows: category by inverse distribution function of `draws` in [0, 1).
  package static func sampleCategories(
    probabilities: UnsafePointer<Float>, draws: UnsafePointer<Float>, rows: Int, count: Int,
    into plan: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      var cumulative: Float = 0
      var chosen = count - 1
      for category in 0..<count {
        cumulative += probabilities[row * count + category]
        if draws[row] < cumulative {
          chosen = category
          break
        }
      }
      setCategory(plan + row * count, chosen, of: count)
    }
  }

  /// The most probable category per row as a one-hot plan; of equals the first.
  package static func mode(
    probabilities: UnsafePointer<Float>, rows: Int, count: Int, into plan: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<rows {
      var best = 0
      for category in 1..<max(count, 1)
      where probabilities[row * count + category] > probabilities[row * count + best] { best = category }
      setCategory(plan + row * count, best, of: count)
    }
  }
}

/// The bounds of a box space repeated over a horizon, and what follows from them.
package struct PlanBounds {
  package let low: [Float]
  package let high: [Float]

  package init(_ space: ActionSpace) {
    switch space {
    case .discrete(let count):
      low = [Float](repeating: 0, count: count)
      high = [Float](repeating: 1, count: count)
    case .box(let low, let high):
      self.low = low
      self.high = high
    }
  }

  package func middle(_ column: Int) -> Float { (low[column] + high[column]) / 2 }
  package func clamp(_ value: Float, _ column: Int) -> Float { min(max(value, low[column]), high[column]) }
}
