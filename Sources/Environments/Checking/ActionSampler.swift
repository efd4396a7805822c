import Support

/// Random actions of a space, from a stream: uniform over a discrete space, uniform over a box (unbounded sides: ±1).
package struct ActionSampler: Sendable {
  private let space: ActionSpace
  private var random: RandomStream
  private var index = 0
  private var values: [Float] = []

  package init(_ space: ActionSpace, _ random: RandomStream) {
    (self.space, self.random) = (space, random)
  }

  /// Draws the next action.
  package mutating func draw() {
    switch space {
    case .discrete(let count): index = random.integer(below: count)
    case .box(let low, let high):
      values = zip(low, high).map { low, high in
        let least = low.isFinite ? low : min(-1, high - 1)
        let most = high.isFinite ? high : max(1, least + 1)
        return Float(random.uniform(Double(least), Double(most))).clipped(least, most)
      }
    }
  }

  /// Hands the drawn action on, for the duration of the call.
  package func withAction<Result>(_ body: (Action) throws -> Result) rethrows -> Result {
    guard !space.isDiscrete else { return try body(.discrete(index)) }
    return try values.withUnsafeBufferPointer { try body(.continuous($0)) }
  }
}
