/// What a computation will hold in memory at once, part by part, as far as its settings tell before it starts. A
/// product that no Int holds counts as the greatest one.
package struct MemoryNeed: Equatable, Sendable {
  /// One thing that takes room.
  package struct Part: Equatable, Sendable {
    /// What it is, with the settings that decide on its size.
    package var what: String
    package var bytes: Int
  }

  /// In the order in which they were added.
  package private(set) var parts: [Part] = []

  /// Nothing.
  package init() {}

  /// Adds a part of as many bytes as the factors multiply to.
  package mutating func add(_ what: String, bytes factors: Int...) {
    parts.append(Part(what: what, bytes: factors.reduce(1, MemoryNeed.product)))
  }

  /// Adds another need's parts, `count` times each.
  package mutating func add(_ other: MemoryNeed, times count: Int = 1) {
    parts += other.parts.map { Part(what: $0.what, bytes: MemoryNeed.product($0.bytes, count)) }
  }

  /// All parts together.
  package var bytes: Int { parts.reduce(0) { MemoryNeed.sum($0, $1.bytes) } }

  /// The largest parts, largest first.
  package func largest(_ count: Int) -> [Part] {
    Array(parts.enumerated().sorted { ($1.element.bytes, $0.offset) < ($0.element.bytes, $1.offset) }.prefix(count))
      .map(\.element)
  }

  /// The product of numbers that are not negative.
  package static func product(_ left: Int, _ right: Int) -> Int {
    let (product, overflow) = left.multipliedReportingOverflow(by: right)
    return overflow ? .max : product
  }

  private static func sum(_ left: Int, _ right: Int) -> Int {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
  }
}

/// Memory that a process can still take, and what sets that limit.
package struct MemoryRoom: Equatable, Sendable {
  package var bytes: Int
  /// "free on this machine", "limit of the address space: ulimit -v".
  package var source: String
  /// Whether going beyond it ends the process, instead of making the machine slow.
  package var isLimit: Bool

  package init(bytes: Int, source: String, isLimit: Bool = true) {
    (self.bytes, self.source, self.isLimit) = (bytes, source, isLimit)
  }

  /// Bytes that are to be there for a need. Of a limit some are left for what allocators round up and for threads.
  package func required(for need: MemoryNeed) -> Int {
    guard isLimit, need.bytes < 1 << 60 else { return need.bytes }
    return need.bytes + need.bytes / 4 + 64 << 20
  }
}
