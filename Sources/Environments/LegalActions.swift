import Support

/// Where an observation says which discrete actions are legal: columns, one for each action, that are above ½ for those
/// that are. Where none is, all count as legal: an episode's end needs no action.
package struct LegalActions: Equatable, Sendable {
  package let columns: Range<Int>

  /// `count` columns from `first` on.
  package init(first: Int, count: Int) { columns = first..<first + count }

  /// What is said of every action where row `row` was observed: 0 if it may be taken, otherwise `penalty`.
  package func penalties(
    at observations: Rows, _ row: Int, _ penalty: Float, into penalties: UnsafeMutablePointer<Float>
  ) {
    var saysNone = true
    for action in 0..<columns.count where says(action, observations, row) { saysNone = false }
    for action in 0..<columns.count {
      penalties[action] = saysNone || says(action, observations, row) ? 0 : penalty
    }
  }

  private func says(_ action: Int, _ observations: Rows, _ row: Int) -> Bool {
    observations[row, columns.lowerBound + action] > 0.5
  }

  /// The legal action of the greatest value in row `row` of `values` [rows, actions], of equals the first.
  package func best(of values: Rows, at observations: Rows, _ row: Int) -> Int {
    var best: Int?
    for action in 0..<columns.count where says(action, observations, row) {
      if best.map({ values[row, action] > values[row, $0] }) ?? true { best = action }
    }
    return best ?? values.largestColumn(row)
  }

  /// A legal action, each with the same probability.
  package func draw(at observations: Rows, _ row: Int, _ random: inout RandomStream) -> Int {
    let count = columns.indices.reduce(0) { $0 + (says($1 - columns.lowerBound, observations, row) ? 1 : 0) }
    guard count > 0 else { return random.integer(below: columns.count) }
    var left = random.integer(below: count)
    for action in 0..<columns.count where says(action, observations, row) {
      if left == 0 { return action }
      left -= 1
    }
    return columns.count - 1
  }
}

extension ActionRows {
  /// Draws a row uniformly from what is legal at row `row` of the observations; nil: from the space.
  package func setUniform(_ row: Int, _ legal: LegalActions?, at observations: Rows, _ random: inout RandomStream) {
    guard let legal else { return setUniform(row, &random) }
    set(row, index: legal.draw(at: observations, row, &random))
  }

  /// All rows likewise.
  package func setUniform(_ legal: LegalActions?, at observations: Rows, _ random: inout RandomStream) {
    for row in 0..<count { setUniform(row, legal, at: observations, &random) }
  }
}
