import Support

/// Standardises observations by the mean and variance of all that training has seen, of all lanes together:
///
///     clip((x − mean) / √(variance + 10⁻⁸), ±limit)
///
/// Each observation that training sees is counted once, those of one step together, before it is standardised; an
/// evaluation takes a frozen copy. The statistics start from mean 0, variance 1 and a weight of 10⁻⁴, as
/// Stable-Baselines3's do, and are put together by Chan, Golub and LeVeque's formula, in double precision.
package struct RunningNormalizer: Sendable {
  /// Of every column; observations counted, and the weight at the start.
  package private(set) var moments: RunningMoments
  /// Whether the statistics stay as they are.
  package var isFrozen = false
  private let limit: Float

  /// For observations of `columns` numbers, which are bounded to ±limit afterwards.
  package init(columns: Int, limit: Double) {
    moments = RunningMoments(columns: columns)
    self.limit = Float(limit)
  }

  /// Counts [rows, columns] unless frozen, then standardises them in place. What is not finite stays so.
  package mutating func normalize(_ rows: MutableRows) {
    if !isFrozen { moments.add(rows: rows.count) { Double(rows[$0, $1]) } }
    for column in moments.mean.indices {
      let (mean, factor) = (moments.mean[column], 1 / (moments.variance[column] + 1e-8).squareRoot())
      for row in 0..<rows.count {
        let value = Float((Double(rows[row, column]) - mean) * factor)
        rows[row, column] = value.isFinite ? value.clipped(-limit, limit) : value
      }
    }
  }

  /// What an agent sees of an environment.
  package func normalized(_ specification: EnvironmentSpecification) -> EnvironmentSpecification {
    var specification = specification
    let high = moments.mean.map { _ in limit }
    specification.showObservations(
      in: .box(low: high.map { -$0 }, high: high), names: specification.observationNames)
    return specification
  }
}

extension RunningNormalizer: Archivable {
  package mutating func archive(_ archive: Archive) throws {
    // Under the names that it has had in checkpoints from the start.
    try archive.value("weight", &moments.count)
    try archive.array("mean", &moments.mean, isFixed: true)
    try archive.array("variance", &moments.variance, isFixed: true)
  }
}
