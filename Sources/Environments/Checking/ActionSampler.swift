import Support

/// Random actions of a space, from a stream: uniform over a discrete space, uniform over a box (unbounded sides: ±1).
package struct ActionSampler: Sendable {
  private let space: ActionSpace
  private var random: RandomStream

  package init(_ space: ActionSpace, _ random: RandomStream) {
    (self.space, self.random) = (space, random)
  }

  /// Draws the next action.
  package mutating func draw() -> RecordedAction {
    switch space {
    case .discrete(let count): return .discrete(random.integer(below: count))
    case .box(let low, let high):
      let values = zip(low, high).map { low, high in
        let least = low.isFinite ? low : min(-1, high - 1)
        let most = high.isFinite ? high : max(1, least + 1)
        return Float(random.uniform(Double(least), Double(most))).clipped(least, most)
      }
      return .continuous(values)
    }
  }
}
