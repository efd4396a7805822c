import Support

/// The updates that belong to one environment step, or to some: a request to stop is heard between two of them, and the
/// same call in the next session goes on with those that are left.
package struct UpdateRound: Archivable {
  /// Of the round under way.
  private var done = 0

  package init() {}

  /// Whether a part of a round is done: what comes before it has been, too.
  package var isUnderWay: Bool { done > 0 }

  /// Calls `body` for every index in 0..<count that is left; a round that begins does at least one.
  /// - Throws: `InterruptedError` between two updates, and what `body` throws.
  package mutating func run(_ count: Int, _ pool: ComputePool, _ body: (_ index: Int) throws -> Void) throws {
    while done < count {
      if isUnderWay { try pool.checkInterruption() }
      // Shorter ones are over before anybody looks.
      if count >= 100 { pool.activity.set(.updating, done, of: count) }
      try body(done)
      done += 1
    }
    done = 0
  }

  package mutating func archive(_ archive: Archive) throws {
    guard try archive.presence("isUnderWay", isUnderWay) else { return done = 0 }
    try archive.value("done", &done)
  }
}
