import Support

/// Standardises observations by the mean and variance of all that training has seen, of all lanes together:
///
///     clip((x − mean) / √(variance + 10⁻⁸), ±limit)
///
/// Each observation that training sees is counted once, those of one step together, before it is standardised; an
/// evaluation takes a frozen copy. The statistics start from mean 0, variance 1 and a weight of 10⁻⁴, as
/// Stable-Baselines3's do, and are put together by Chan, Golub and LeVeque's formula, in double precision.
package struct RunningNormalizer: Sendable {
  package private(set) var mean: [Double]
  package private(set) var variance: [Double]
  /// Observations counted, and the weight at the start.
  package private(set) var weight = 1e-4
  /// Whether the statistics stay as they are.
  package var isFrozen = false
  private let limit: Float

  /// For observations of `columns` numbers, which are bounded to ±limit afterwards.
  package init(columns: Int, limit: Double) {
    mean = [Double](repeating: 0, count: columns)
    variance = [Double](repeating: 1, count: columns)
    self.limit = Float(limit)
  }

  /// Counts [rows, columns] unless frozen, then standardises them in place. What is not finite stays so.
  package mutating func normalize(_ rows: MutableRows) {
    if !isFrozen { count(Rows(rows)) }
    for column in mean.indices {
      let (mean, factor) = (mean[column], 1 / (variance[column] + 1e-8).squareRoot())
      for row in 0..<rows.count {
        let value = Float((Double(rows[row, column]) - mean) * factor)
        rows[row, column] = value.isFinite ? value.clipped(-limit, limit) : value
      }
    }
  }

  private mutating func count(_ rows: Rows) {
    let count = Double(rows.count)
    let total = weight + count
    for column in mean.indices {
      var (sum, squares) = (0.0, 0.0)
      for row in 0..<rows.count { sum += Double(rows[row, column]) }
      let average = sum / count
      for row in 0..<rows.count {
        let difference = Double(rows[row, column]) - average
        squares += difference * difference
      }
      let difference = average - mean[column]
      mean[column] += difference * count / total
      variance[column] =
        (variance[column] * weight + squares + difference * difference * weight * count / total) / total
    }
    weight = total
  }

  /// What an agent sees of an environment.
  package func normalized(_ specification: EnvironmentSpecification) -> EnvironmentSpecification {
    var specification = specification
    let high = mean.map { _ in limit }
    specification.observationSpace = .box(low: high.map { -$0 }, high: high)
    return specification
  }
}

extension RunningNormalizer: Archivable {
  package mutating func archive(_ archive: Archive) throws {
    let columns = mean.count
    try archive.value("weight", &weight)
    try archive.array("mean", &mean)
    try archive.array("variance", &variance)
    guard mean.count == columns, variance.count == columns else {
      throw ArchiveError.shape("mean", stored: [mean.count], expected: [columns])
    }
  }
}
