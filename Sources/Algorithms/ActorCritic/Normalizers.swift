import Support

/// Added to a variance before its root.
private let varianceMargin = 1e-8

/// Observations less their running mean, divided by their running deviation, within ± `limit`. Statistics move with
/// `update` only: whoever evaluates a policy leaves them alone.
package struct ObservationNormalizer: Archivable, Sendable {
  package private(set) var moments: RunningMoments
  private let limit: Double
  /// Columns that stay as they are.
  private let kept: Range<Int>

  /// For observations of that size, of which some columns may stay as they are.
  package init(columns: Int, keeping kept: Range<Int>? = nil, limit: Double, initialCount: Double = 1e-4) {
    moments = RunningMoments(columns: columns, initialCount: initialCount)
    (self.limit, self.kept) = (limit, kept ?? 0..<0)
  }

  /// Takes in one observation of every lane: once per step, before they are normalised.
  package mutating func update(_ observations: Rows) {
    update(rows: observations.count) { Double(observations[$0, $1]) }
  }

  /// See `update(_:)`, in double precision.
  @inline(__always)
  package mutating func update(rows: Int, _ element: (_ row: Int, _ column: Int) -> Double) {
    moments.add(rows: rows, element)
  }

  /// An element of column `column`, normalised.
  package func value(_ element: Double, column: Int) -> Double {
    if kept.contains(column) { return element }
    let deviation = (moments.variance[column] + varianceMargin).squareRoot()
    return ((element - moments.mean[column]) / deviation).clipped(-limit, limit)
  }

  /// Writes every observation, normalised, into the first rows of `normalized`.
  package func normalize(_ observations: Rows, into normalized: MutableRows) {
    for row in 0..<observations.count {
      for column in 0..<observations.columns {
        normalized[row, column] = Float(value(Double(observations[row, column]), column: column))
      }
    }
  }

  package mutating func archive(_ archive: Archive) throws { try moments.archive(archive) }
}

/// Rewards divided by the running deviation of the discounted return R ← γR + r, within ± `limit`. Their mean stays:
/// taking it away would change which behaviour is best.
package struct RewardNormalizer: Archivable, Sendable {
  package private(set) var moments: RunningMoments
  /// R of every lane's episode so far.
  package private(set) var returns: [Double]
  private let discount, limit: Double

  /// For rewards of `lanes` environments.
  package init(lanes: Int, discount: Double, limit: Double, initialCount: Double = 1e-4) {
    moments = RunningMoments(columns: 1, initialCount: initialCount)
    returns = [Double](repeating: 0, count: lanes)
    (self.discount, self.limit) = (discount, limit)
  }

  /// Takes in one reward of every lane, and replaces each by its normalised value.
  package mutating func normalize(_ rewards: inout [Double]) {
    for lane in returns.indices { returns[lane] = discount * returns[lane] + rewards[lane] }
    let returns = returns
    moments.add(rows: returns.count) { row, _ in returns[row] }
    let deviation = (moments.variance[0] + varianceMargin).squareRoot()
    for lane in rewards.indices { rewards[lane] = (rewards[lane] / deviation).clipped(-limit, limit) }
  }

  /// An episode of that lane is over: its return starts again.
  package mutating func end(_ lane: Int) { returns[lane] = 0 }

  package mutating func archive(_ archive: Archive) throws {
    try moments.archive(archive)
    try archive.array("returns", &returns, isFixed: true)
  }
}
