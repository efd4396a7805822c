import Support

/// Standardises a network's inputs; statistics are kept in double precision.
///
/// A deviation below 1e-12 counts as 1, so that a constant input becomes 0 instead of noise divided by nothing. What is
/// predicted in such units has them small instead, see `fit`.
package struct InputNormalizer: Archivable {
  package private(set) var mean: [Double]
  package private(set) var deviation: [Double]

  /// The identity on `columns` columns.
  package init(columns: Int) {
    mean = [Double](repeating: 0, count: columns)
    deviation = [Double](repeating: 1, count: columns)
  }

  /// With statistics that are known.
  package init(mean: [Double], deviation: [Double]) { (self.mean, self.deviation) = (mean, deviation) }

  /// Takes mean and (biased) standard deviation of some rows of [rows, columns].
  /// - Parameters:
  ///   - others: rows that are asked, too, of a column that is the same in all of `rows`: by the unit of a constant one
  ///     held-out row where it moves would be an error beyond all others.
  ///   - constant: what the deviation of a column counts as that never changes. Of a target it has to be small: with 1,
  ///     noise of the unit that networks start with would move in imagination what never moves.
  package mutating func fit(_ data: Rows, rows: [Int32], or others: [Int32] = [], constant: Double = 1) {
    guard !rows.isEmpty else { return }
    for column in mean.indices {
      var (average, spread) = InputNormalizer.statistics(of: column, data, rows)
      if spread < 1e-12 && !others.isEmpty {
        (average, spread) = InputNormalizer.statistics(of: column, data, rows + others)
      }
      mean[column] = average
      deviation[column] = spread < 1e-12 ? constant : spread
    }
  }

  private static func statistics(of column: Int, _ data: Rows, _ rows: [Int32]) -> (mean: Double, deviation: Double) {
    var sum = 0.0
    for row in rows { sum += Double(data[Int(row), column]) }
    let mean = sum / Double(rows.count)
    var squares = 0.0
    for row in rows {
      let difference = Double(data[Int(row), column]) - mean
      squares += difference * difference
    }
    return (mean, (squares / Double(rows.count)).squareRoot())
  }

  /// Standardises [rows, columns] in place.
  package func standardize(_ rows: MutableRows) {
    for column in mean.indices {
      let (mean, factor) = (Float(mean[column]), Float(1 / deviation[column]))
      for row in 0..<rows.count { rows[row, column] = (rows[row, column] - mean) * factor }
    }
  }

  /// Writes standardised rows in their own units over the first of `out`.
  package func restore(_ rows: Rows, into out: MutableRows) {
    for column in mean.indices {
      let (mean, deviation) = (Float(mean[column]), Float(deviation[column]))
      for row in 0..<rows.count { out[row, column] = rows[row, column] * deviation + mean }
    }
  }

  /// Deviations below `least` become it.
  package mutating func raiseDeviations(to least: Double) {
    for column in deviation.indices { deviation[column] = max(deviation[column], least) }
  }

  /// Leaves a column as it is.
  package mutating func keep(_ column: Int) {
    mean[column] = 0
    deviation[column] = 1
  }

  package mutating func archive(_ archive: Archive) throws {
    try archive.array("mean", &mean, isWeight: true, isFixed: true)
    try archive.array("deviation", &deviation, isWeight: true, isFixed: true)
  }
}
