import Support

/// The pairs that prioritized sweeping has yet to update, the greatest priority first: a binary heap that knows where
/// every pair stands, so that a pair is held once. Of equal priorities the one with the smaller number comes first.
package struct SweepQueue: Archivable {
  /// Pairs in heap order.
  private var heap: [Int32] = []
  /// Priority of every pair; without meaning for one that is not held.
  private var priorities: [Double]
  /// Place of every pair in the heap, −1 where it is not held.
  private var places: [Int32]

  /// An empty queue for pairs 0..<pairs; nothing is allocated after this.
  package init(pairs: Int) {
    priorities = [Double](repeating: 0, count: pairs)
    places = [Int32](repeating: -1, count: pairs)
    heap.reserveCapacity(pairs)
  }

  /// Pairs held.
  package var count: Int { heap.count }

  /// Adds a pair, or raises the priority of one that is held with a lower one.
  package mutating func insert(_ pair: Int, priority: Double) {
    let place = Int(places[pair])
    if place >= 0 {
      guard priority > priorities[pair] else { return }
      priorities[pair] = priority
      rise(from: place)
    } else {
      priorities[pair] = priority
      places[pair] = Int32(heap.count)
      heap.append(Int32(pair))
      rise(from: heap.count - 1)
    }
  }

  /// Takes out the pair of the greatest priority; nil where none is left.
  package mutating func removeFirst() -> Int? {
    guard let first = heap.first else { return nil }
    places[Int(first)] = -1
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      places[Int(last)] = 0
      sink(from: 0)
    }
    return Int(first)
  }

  private func precedes(_ left: Int32, _ right: Int32) -> Bool {
    let (a, b) = (priorities[Int(left)], priorities[Int(right)])
    return a > b || (a == b && left < right)
  }

  private mutating func exchange(_ left: Int, _ right: Int) {
    heap.swapAt(left, right)
    places[Int(heap[left])] = Int32(left)
    places[Int(heap[right])] = Int32(right)
  }

  private mutating func rise(from start: Int) {
    var place = start
    while place > 0, precedes(heap[place], heap[(place - 1) / 2]) {
      exchange(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  private mutating func sink(from start: Int) {
    var place = start
    while true {
      var first = place
      for child in [2 * place + 1, 2 * place + 2] where child < heap.count && precedes(heap[child], heap[first]) {
        first = child
      }
      if first == place { return }
      exchange(place, first)
      place = first
    }
  }

  package mutating func archive(_ archive: Archive) throws {
    var held = heap.map { priorities[Int($0)] }
    try archive.array("pairs", &heap)
    try archive.array("priorities", &held)
    guard archive.mode == .reading else { return }
    guard held.count == heap.count, heap.count <= places.count, Set(heap).count == heap.count,
      heap.allSatisfy({ $0 >= 0 && Int($0) < places.count })
    else { throw ArchiveError.malformed("pairs", "not a queue of this table's pairs") }
    for index in places.indices { places[index] = -1 }
    for (place, pair) in heap.enumerated() {
      places[Int(pair)] = Int32(place)
      priorities[Int(pair)] = held[place]
    }
  }
}
