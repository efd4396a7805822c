import Support

/// Where a model's errors sit: the mean error in each quarter of what every column of the observation was.
package struct StateRegions: Sendable {
  package struct Region: Sendable {
    package var column: Int
    /// Of the column, in its unit.
    package var low, high: Double
    /// Transitions in it, and their mean error over the mean error of all.
    package var count: Int
    package var ratio: Double
  }

  package private(set) var regions: [Region] = []
  /// Where errors are largest; nil where nothing was asked.
  package var worst: Region? { regions.max { $0.ratio < $1.ratio } }

  private static let parts = 4

  /// - Parameter errors: one per row of the table.
  package init(_ table: TransitionSample, _ errors: [Double], _ units: Units) {
    let mean = errors.reduce(0, +) / Double(max(errors.count, 1))
    guard mean > 0, table.count >= 2 * StateRegions.parts, errors.count == table.count else { return }
    for column in units.asked {
      func value(_ row: Int) -> Float { table.observations[row * table.columns + column] }
      let order = (0..<table.count).sorted { (value($0), $0) < (value($1), $1) }
      for part in 0..<StateRegions.parts {
        let rows = order[order.count * part / StateRegions.parts..<order.count * (part + 1) / StateRegions.parts]
        let sum = rows.reduce(0) { $0 + errors[$1] }
        regions.append(
          Region(
            column: column, low: Double(value(rows.first!)), high: Double(value(rows.last!)), count: rows.count,
            ratio: sum / Double(rows.count) / mean))
      }
    }
  }
}

/// How new states are to somebody who knows others: the median distance to the nearest known one, over that of the
/// known ones among themselves; nil where there are too few, or all known ones are the same.
package func novelty(of table: TransitionSample, to known: TransitionSample, _ units: Units, most: Int = 500) -> Double?
{
  guard table.count > 0, known.count > 2 else { return nil }
  let own = stride(from: 0, to: known.count, by: max(1, known.count / most)).map { $0 }
  let asked = stride(from: 0, to: table.count, by: max(1, table.count / most)).map { $0 }
  let among = own.map { row in
    own.reduce(Double.infinity) {
      $1 == row ? $0 : min($0, units.distance(known.observation($1), known.observation(row)))
    }
  }
  let apart = asked.map { row in
    own.reduce(Double.infinity) { min($0, units.distance(known.observation($1), table.observation(row))) }
  }
  let scale = Spread.median(among)
  return scale > 0 ? Spread.median(apart) / scale : nil
}
