import Support

/// The range of values that the rewards of imagined steps speak of: critics predict within it, whatever the scale of
/// the task (Kubo et al. 2025).
package struct ValueRange: Archivable {
  /// nil before the first rewards.
  package private(set) var low: Float?
  package private(set) var high: Float?
  private var sorted: [Float] = []

  package init() {}

  /// A range that is known.
  package init(low: Float, high: Float) { (self.low, self.high) = (low, high) }

  /// (high + low)/2: what critics say at first.
  package var center: Float { ((high ?? 0) + (low ?? 0)) / 2 }
  /// (high − low)/2: the unit of the critics' networks.
  package var width: Float { ((high ?? 0) - (low ?? 0)) / 2 }

  /// Moves by `rate` towards the quantiles of rewards, divided by 1 − γ; takes the first ones as they are.
  package mutating func move(
    towards rewards: some Collection<Float>, quantiles: (low: Double, high: Double) = (0.01, 0.99), discount: Double,
    rate: Float
  ) {
    sorted.removeAll(keepingCapacity: true)
    sorted.append(contentsOf: rewards)
    sorted.sort()
    let (newLow, newHigh) = (quantile(quantiles.low, discount), quantile(quantiles.high, discount))
    low = low.map { $0 + rate * (newLow - $0) } ?? newLow
    high = high.map { $0 + rate * (newHigh - $0) } ?? newHigh
  }

  /// Linear interpolation between the two nearest, divided by 1 − γ.
  private func quantile(_ share: Double, _ discount: Double) -> Float {
    let place = share * Double(sorted.count - 1)
    let below = Int(place)
    let (left, right) = (Double(sorted[below]), Double(sorted[min(below + 1, sorted.count - 1)]))
    return Float((left + (place - Double(below)) * (right - left)) / (1 - discount))
  }

  package mutating func archive(_ archive: Archive) throws {
    var bounds = [low, high].compactMap(\.self)
    try archive.array("bounds", &bounds, isWeight: true)
    guard [0, 2].contains(bounds.count) else {
      throw ArchiveError.shape("bounds", stored: [bounds.count], expected: [2])
    }
    (low, high) = (bounds.first, bounds.last)
  }
}
