import Support

/// Action sequences [population, horizon, columns] in borrowed memory; one-hot rows for discrete actions.
package struct Plans {
  package let base: UnsafeMutablePointer<Float>
  /// Sequences.
  package let population: Int
  /// Steps of each.
  package let horizon: Int
  /// Action columns.
  package let columns: Int

  package init(_ base: UnsafeMutablePointer<Float>, population: Int, horizon: Int, columns: Int) {
    self.base = base
    self.population = population
    self.horizon = horizon
    self.columns = columns
  }

  /// Floats of one plan.
  @inlinable package var planSize: Int { horizon * columns }

  /// One plan [horizon, columns].
  @inlinable package subscript(plan: Int) -> MutableRows { MutableRows(base + plan * planSize, horizon, columns) }

  /// The actions of every plan at one time [population, columns].
  @inlinable package func actions(at time: Int) -> MutableRows {
    MutableRows(base + time * columns, population, columns, rowStride: planSize)
  }

  /// The first plans.
  package func first(_ count: Int) -> Plans {
    Plans(base, population: count, horizon: horizon, columns: columns)
  }
}
