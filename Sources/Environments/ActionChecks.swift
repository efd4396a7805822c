/// An environment's look at an action: what the environment needs, or an error that says what was found.
extension Action {
  /// The number of a discrete action in 0..<count.
  @inline(__always)
  package func index(below count: Int) throws(EnvironmentError) -> Int {
    guard case .discrete(let index) = self, index >= 0, index < count else {
      throw .actionDoesNotFit("expected one of the actions 0 to \(count - 1), found \(text)")
    }
    return index
  }

  /// The one finite value of a one-dimensional action.
  @inline(__always)
  package func scalar() throws(EnvironmentError) -> Float {
    guard case .continuous(let values) = self, values.count == 1, values[0].isFinite else {
      throw .actionDoesNotFit("expected a vector of 1 finite value, found \(text)")
    }
    return values[0]
  }

  /// The values of an action of `count` dimensions, all finite.
  package func vector(count: Int) throws(EnvironmentError) -> UnsafeBufferPointer<Float> {
    guard case .continuous(let values) = self, values.count == count, values.allSatisfy(\.isFinite) else {
      throw .actionDoesNotFit("expected a vector of \(count) finite values, found \(text)")
    }
    return values
  }

  private var text: String {
    switch self {
    case .discrete(let index): "the discrete action \(index)"
    case .continuous(let values): "the vector [\(values.map { "\($0)" }.joined(separator: ", "))]"
    }
  }
}
