import Support

/// Actions as rows [rows, columns], one-hot where they are discrete: the one home of one-hot ↔ index. Borrowed.
package struct ActionRows {
  /// [rows, action columns]
  package let rows: MutableRows
  package let space: ActionSpace

  /// Rows of `space.columns` columns.
  package init(_ rows: MutableRows, _ space: ActionSpace) {
    assert(rows.columns == space.columns)
    self.rows = rows
    self.space = space
  }

  package var count: Int { rows.count }

  /// One row.
  package func row(_ row: Int) -> ActionRows { ActionRows(rows.row(row), space) }

  /// The discrete action of a row.
  package func index(_ row: Int) -> Int { Rows(rows).hotColumn(row) }

  /// Makes a row one-hot.
  package func set(_ row: Int, index: Int) {
    for column in 0..<rows.columns { rows[row, column] = column == index ? 1 : 0 }
  }

  /// Copies one row.
  package func set(_ row: Int, _ other: Rows) { rows.row(row).copy(other) }

  /// Draws a row uniformly from the space.
  package func setUniform(_ row: Int, _ random: inout RandomStream) {
    switch space {
    case .discrete(let count):
      set(row, index: random.integer(below: count))
    case .box(let low, let high):
      for column in low.indices {
        rows[row, column] = Float(random.uniform(Double(low[column]), Double(high[column])))
      }
    }
  }

  /// Draws all rows uniformly from the space.
  package func setUniform(_ random: inout RandomStream) {
    for row in 0..<count { setUniform(row, &random) }
  }

  /// A row as an environment takes it; borrowed. Rows have to lie without gaps.
  package func action(_ row: Int) -> Action {
    space.isDiscrete ? .discrete(index(row)) : .continuous(Rows(rows).contiguousRow(row))
  }

  /// Takes over what an environment was given.
  package func set(_ row: Int, _ action: Action) {
    switch action {
    case .discrete(let index): set(row, index: index)
    case .continuous(let vector): for column in 0..<rows.columns { rows[row, column] = vector[column] }
    }
  }
}
