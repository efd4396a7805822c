import Support

/// The newest states of imagined rollouts, drawn from uniformly: no more than rows in a ring.
package final class StateRing: ArchivableObject {
  private let states: RowBuffer
  /// Rows ever.
  private var appended = 0

  /// Room for `capacity` states of `size` numbers.
  package init(capacity: Int, size: Int) { states = RowBuffer(capacity, size) }

  package var capacity: Int { states.rows.count }
  /// States that can be drawn.
  package var count: Int { min(appended, capacity) }

  /// Adds one, over the oldest where the ring is full.
  package func append(_ state: Rows) {
    states.rows.row(appended % capacity).copy(state)
    appended += 1
  }

  /// Copies states drawn with replacement to all of `out`; there has to be one.
  package func draw(into out: MutableRows, _ random: inout RandomStream) {
    for row in 0..<out.count { out.row(row).copy(states.read.row(random.integer(below: count))) }
  }

  package func archive(_ archive: Archive) throws {
    try archive.value("appended", &appended)
    try archive.part("states", states)
  }
}
