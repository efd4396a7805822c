import Support

/// Standardises a network's inputs; statistics are kept in double precision.
///
/// A deviation below 1e-12 counts as 1, so that a constant column becomes 0 instead of noise divided by nothing.
package struct InputNormalizer: Archivable {
  package private(set) var mean: [Double]
  package private(set) var deviation: [Double]

  /// The identity on `columns` columns.
  package init(columns: Int) {
    mean = [Double](repeating: 0, count: columns)
    deviation = [Double](repeating: 1, count: columns)
  }

  /// Takes mean and (biased) standard deviation of the given rows [rows, columns].
  package mutating func fit(_ data: UnsafePointer<Float>, rows: Int) {
    let columns = mean.count
    guard rows > 0 else { return }
    for column in 0..<columns {
      var sum = 0.0
      for row in 0..<rows { sum += Double(data[row * columns + column]) }
      let average = sum / Double(rows)
      var squares = 0.0
      for row in 0..<rows {
        let difference = Double(data[row * columns + column]) - average
        squares += difference * difference
      }
      mean[column] = average
      let spread = (squares / Double(rows)).squareRoot()
      deviation[column] = spread < 1e-12 ? 1 : spread
    }
  }

  /// Leaves a column as it is.
  package mutating func keep(_ column: Int) {
    mean[column] = 0
    deviation[column] = 1
  }

  package mutating func archive(_ archive: Archive) throws {
    let columns = mean.count
    try archive.array("mean", &mean)
    try archive.array("deviation", &deviation)
    guard mean.count == columns, deviation.count == columns else {
      throw ArchiveError.shape("mean", stored: [mean.count], expected: [columns])
    }
  }
}
