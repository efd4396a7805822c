/// The end of an episode as a function of the next observation: a robot is healthy while columns stay in their ranges.
/// Rewards are not: where a robot was is no part of an observation.
struct KnownHealth: KnownDynamics {
  /// A range of one column.
  struct Bound: Sendable {
    var column: Int
    var low, high: Float
    var includesBounds = false

    /// Without the bounds.
    init(_ column: Int, _ range: MuJoCoRange) {
      (self.column, low, high) = (column, Float(range.low), Float(range.high))
    }

    /// Finite, and in a range with its bounds.
    init(_ column: Int, within range: MuJoCoRange = MuJoCoRange([-.infinity])) {
      self.column = column
      low = max(Float(range.low), -.greatestFiniteMagnitude)
      high = min(Float(range.high), .greatestFiniteMagnitude)
      includesBounds = true
    }

    func holds(_ value: Float) -> Bool {
      includesBounds ? low <= value && value <= high : low < value && value < high
    }
  }

  /// All that has to hold; none: an episode never ends.
  var bounds: [Bound] = []
  /// Columns that are clipped, to both sides of 0, and hide by that what is decided by more.
  var clipped: (columns: Range<Int>, limit: Float)?

  var knowsRewards: Bool { false }

  func showsEnd(_ nextObservation: ArraySlice<Float>) -> Bool {
    guard let clipped else { return true }
    return nextObservation.dropFirst(clipped.columns.lowerBound).prefix(clipped.columns.count).allSatisfy {
      abs($0) < clipped.limit
    }
  }

  /// Nobody asks for them; whoever does finds out.
  func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
    reward.update(repeating: .nan, count: columns.count)
  }

  func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
    terminated.update(repeating: 0, count: columns.count)
    for bound in bounds {
      let column = columns.nextObservationColumn(bound.column)
      for row in 0..<columns.count where !bound.holds(column[row]) { terminated[row] = 1 }
    }
  }
}
