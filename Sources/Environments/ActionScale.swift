import Support

/// The map of vectors of actions from [−1, 1] to an environment's bounds:
///
///     low + (a + 1)/2 · (high − low)
///
/// What is beyond ±1 is beyond the bounds too.
struct ActionScale: Sendable {
  let low, high: [Float]

  @inline(__always)
  func callAsFunction(_ value: Float, _ column: Int) -> Float {
    let scaled = low[column] + (value + 1) / 2 * (high[column] - low[column])
    // Rounding must not carry an action over a bound that it does not reach.
    return abs(value) <= 1 ? scaled.clipped(low[column], high[column]) : scaled
  }
}

extension ActionSpace {
  /// Rows in [−1, 1] to the bounds, in place; what is beyond comes to a bound.
  package func unsquash(_ rows: MutableRows) {
    guard case .box(let low, let high) = self else { return }
    let scale = ActionScale(low: low, high: high)
    for row in 0..<rows.count {
      for column in low.indices {
        rows[row, column] = scale(rows[row, column], column).clipped(low[column], high[column])
      }
    }
  }

  /// Limits rows to the bounds, in place.
  package func clip(_ rows: MutableRows) {
    guard case .box(let low, let high) = self else { return }
    for row in 0..<rows.count {
      for column in low.indices { rows[row, column] = rows[row, column].clipped(low[column], high[column]) }
    }
  }

  /// Rows within the bounds to [−1, 1], in place; what is beyond them, as an environment clips it, comes to ±1.
  package func squash(_ rows: MutableRows) {
    guard case .box(let low, let high) = self else { return }
    for row in 0..<rows.count {
      for column in low.indices {
        let share = (rows[row, column] - low[column]) / (high[column] - low[column])
        rows[row, column] = (2 * share - 1).clipped(-1, 1)
      }
    }
  }
}
