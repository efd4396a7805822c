/// Mean and biased variance of the columns of rows that keep coming, merged batch by batch (Chan, Golub & LeVeque 1983)
/// in double precision.
@usableFromInline
package struct RunningMoments: Archivable, Equatable, Sendable {
  /// Per column.
  @usableFromInline package var mean, variance: [Double]
  /// Rows seen, and those that it began with.
  @usableFromInline package var count: Double

  /// As if `initialCount` rows of mean 0 and variance 1 had been seen: a variance of few rows stays away from 0.
  package init(columns: Int, initialCount: Double = 1e-4) {
    mean = [Double](repeating: 0, count: columns)
    variance = [Double](repeating: 1, count: columns)
    count = initialCount
  }

  /// Takes in a batch of `rows` ≥ 1 rows.
  @inlinable
  package mutating func add(rows: Int, _ element: (_ row: Int, _ column: Int) -> Double) {
    let (added, total) = (Double(rows), count + Double(rows))
    for column in mean.indices {
      var batchMean = 0.0
      for row in 0..<rows { batchMean += element(row, column) }
      batchMean /= added
      var squares = 0.0
      for row in 0..<rows {
        let difference = element(row, column) - batchMean
        squares += difference * difference
      }
      let shift = batchMean - mean[column]
      mean[column] += shift * added / total
      variance[column] = (variance[column] * count + squares + shift * shift * count * added / total) / total
    }
    count = total
  }

  package mutating func archive(_ archive: Archive) throws {
    try archive.array("mean", &mean, isWeight: true, isFixed: true)
    try archive.array("variance", &variance, isWeight: true, isFixed: true)
    try archive.value("count", &count)
  }
}
