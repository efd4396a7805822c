/// A queue of rows with access to any of them: a ring of a power of two places, doubled where it is full.
struct RowQueue {
  private(set) var count = 0
  private var head = 0
  private var places = [Int32](repeating: 0, count: 16)

  var first: Int32? { count > 0 ? places[head] : nil }

  /// Row number `index` from the front.
  subscript(index: Int) -> Int32 { places[(head &+ index) & (places.count &- 1)] }

  mutating func append(_ row: Int32) {
    if count == places.count {
      places = (0..<2 * count).map { $0 < count ? self[$0] : 0 }
      head = 0
    }
    places[(head &+ count) & (places.count &- 1)] = row
    count += 1
  }

  mutating func removeFirst() {
    head = (head + 1) & (places.count - 1)
    count -= 1
  }
}
