import Environments
import Support

/// Experience as rows of named columns in lanes, one for each environment, each a ring of its newest rows.
///
/// `chained`: a row per observation with the action taken there and what it gave, so that the next observation is that
/// of the row after, at half the memory. The newest row of a lane is open: it waits for its action. An episode's last
/// observation has a row without an action. `loose`: every row carries its own next observation (imagined rows, data
/// without order).
///
/// A row is named by a number that holds until the ring overwrites it. A transition is a row with an action.
package final class Replay: ArchivableObject {
  package enum Layout: Sendable { case chained, loose }
  /// Where complete rows go when the replay is archived: each one once to a log, or all of them into every archive.
  package enum Storage: Sendable { case logged, copied }

  package let lanes: Int
  package let layout: Layout
  let storage: Storage

  package let observation: Column
  /// One-hot where actions are discrete.
  package let action: Column
  /// The observation after the step.
  package let next: Column
  package let reward = Column(width: 1, element: .float32, isRevised: false, offset: 0)
  /// 1 where the task ended with the transition. A truncated transition has 0: its value goes on.
  package let terminated = Column(width: 1, element: .uint8, isRevised: false, offset: 8)
  /// 1 where the time limit cut the episode.
  package let truncated = Column(width: 1, element: .uint8, isRevised: false, offset: 9)
  /// 1 for the first observation of an episode; chained rows only.
  package let isFirst = Column(width: 1, element: .uint8, isRevised: false, offset: 10)
  /// 1 for a row with an action; 0 for an episode's last observation.
  package let isTransition = Column(
    width: 1, element: .uint8, isRevised: false, offset: Header.isTransition)
  /// The columns that were asked for, as they stand in a row after its header.
  let columns: [(name: String, column: Column)]

  /// What no column holds: which of its lane's episodes a row belongs to, and whether it is a transition.
  enum Header { static let episode = 4, isTransition = 11, size = 12 }

  /// Bytes of a row before the columns that may be revised.
  let recordSize: Int
  // Unchecked, because checks of exclusive access would take half the time of an append.
  @exclusivity(unchecked) var memory: ReplayMemory
  /// Rows of one lane's ring. Row = slot · lanes + lane, slot = number in the lane % laneCapacity.
  var laneCapacity: Int
  @exclusivity(unchecked) var states: [Lane]
  let priorities: SumTree?
  /// Transitions that can be sampled now, of all lanes.
  package internal(set) var count = 0

  struct Lane {
    /// Rows ever, the open one included: the number of the next one.
    var appended = 0
    /// The number of the oldest row that is left.
    var oldest = 0
    var isOpen = false
    /// Episodes ever.
    var episodes: Int32 = 0
    /// Rows that are transitions, oldest first.
    var transitions = RowQueue()

    /// The rows that nothing will be added to.
    var complete: Range<Int> { oldest..<appended - (isOpen ? 1 : 0) }
  }

  /// - Parameters:
  ///   - observationSize: values of an observation, stored as `element`.
  ///   - extra: an agent's own columns; `column(_:)` finds them.
  ///   - capacity: most rows of all lanes together, those without an action included.
  package init(
    observationSize: Int, element: ReplayColumn.Element = .float32, actionColumns: Int, extra: [ReplayColumn] = [],
    lanes: Int = 1, capacity: Int, layout: Layout = .chained, storage: Storage = .logged, isPrioritised: Bool = false
  ) {
    let declared =
      [ReplayColumn("observation", observationSize, element), ReplayColumn("action", actionColumns)]
      + (layout == .loose ? [ReplayColumn("next", observationSize, element)] : []) + extra
    let (columns, recordSize, rowSize) = Replay.arrange(declared)
    func find(_ name: String) -> Column { columns.first { $0.name == name }!.column }
    observation = find("observation")
    action = find("action")
    var next = find(layout == .loose ? "next" : "observation")
    next.shift = layout == .loose ? 0 : 1
    self.next = next
    (self.columns, self.recordSize) = (columns, recordSize)
    (self.lanes, self.layout, self.storage) = (lanes, layout, storage)
    laneCapacity = Replay.laneCapacity(capacity, lanes, layout)
    precondition(laneCapacity * lanes <= Int(Int32.max), "rows are numbered in 32 bits")
    memory = ReplayMemory(rowSize: rowSize, rows: laneCapacity * lanes)
    states = [Lane](repeating: Lane(), count: lanes)
    priorities = isPrioritised ? SumTree(laneCapacity * lanes) : nil
  }

  /// Real steps of an environment, pictures as bytes: chained and logged.
  package convenience init(
    of specification: EnvironmentSpecification, lanes: Int, capacity: Int, isPrioritised: Bool = false
  ) {
    self.init(
      observationSize: specification.observationSpace.size,
      element: specification.observationSpace.isImage ? .uint8 : .float32,
      actionColumns: specification.actionSpace.columns, lanes: lanes, capacity: capacity, isPrioritised: isPrioritised)
  }

  /// A chained lane has an open row beside a transition.
  private static func laneCapacity(_ capacity: Int, _ lanes: Int, _ layout: Layout) -> Int {
    max(layout == .loose ? 1 : 2, capacity / lanes)
  }

  /// Floats before bytes, what is written once before what may be revised.
  private static func arrange(_ declared: [ReplayColumn]) -> ([(name: String, column: Column)], Int, Int) {
    var columns: [(name: String, column: Column)] = []
    var (end, recordSize) = (Header.size, 0)
    for isRevised in [false, true] {
      for element in [ReplayColumn.Element.float32, .uint8] {
        for one in declared where one.isRevised == isRevised && one.element == element {
          columns.append((one.name, Column(width: one.width, element: element, isRevised: isRevised, offset: end)))
          end = columns.last!.column.end
        }
      }
      end = (end + 3) & ~3
      if !isRevised { recordSize = end }
    }
    return (columns, recordSize, end)
  }

  /// The column of that name; one that was not declared is a programmer's error.
  package func column(_ name: String) -> Column {
    guard let found = columns.first(where: { $0.name == name }) else { preconditionFailure("no column \(name)") }
    return found.column
  }

  /// Most rows of all lanes together.
  package var capacity: Int { laneCapacity * lanes }
  /// Bytes of one row.
  package var bytesPerRow: Int { memory.rowSize }
  /// Those of them that are written once: all but the columns that may be revised.
  package var loggedBytesPerRow: Int { recordSize }

  func row(_ lane: Int, _ number: Int) -> Int { number % laneCapacity &* lanes &+ lane }

  /// The row so many rows later in the same lane; the ring's end is no border.
  @inline(__always)
  func row(_ row: Int32, shifted shift: Int) -> Int {
    let moved = Int(row) &+ shift &* lanes
    return moved < capacity ? moved : moved &- capacity
  }

  // MARK: Reading

  /// A number of a row that no other one ever has, the ring's later rows included: for draws that belong to it.
  package func serial(of row: Int32) -> UInt64 {
    let (slot, lane) = (Int(row) / lanes, Int(row) % lanes)
    let oldest = states[lane].oldest
    let number = oldest + (slot - oldest % laneCapacity + laneCapacity) % laneCapacity
    return UInt64(number * lanes + lane)
  }

  /// Transition `index` of 0..<count: lane after lane, oldest first.
  package func transition(_ index: Int) -> Int32 {
    var (index, lane) = (index, 0)
    while index >= states[lane].transitions.count {
      index -= states[lane].transitions.count
      lane += 1
    }
    return states[lane].transitions[index]
  }

  /// The newest `count` transitions, as many of every lane, oldest first in each.
  package func newest(_ count: Int) -> [Int32] {
    var rows: [Int32] = []
    for lane in states.prefix(count) {
      let (own, wanted) = (lane.transitions.count, max(count / lanes, 1))
      for index in own - min(own, wanted)..<own { rows.append(lane.transitions[index]) }
    }
    return rows
  }

  /// Rows of transitions drawn with replacement, one draw of `random` each, into an array that keeps its memory. There
  /// has to be a transition.
  package func sample(_ count: Int, _ random: inout RandomStream, into rows: inout [Int32]) {
    rows.removeAll(keepingCapacity: true)
    for _ in 0..<count { rows.append(transition(random.integer(below: self.count))) }
  }

  /// Copies a column of `rows`, or of the rows `shift` rows later in their lanes, to the first rows of `out`.
  package func gather(_ rows: ArraySlice<Int32>, _ column: Column, shifted shift: Int = 0, into out: MutableRows) {
    precondition(rows.count <= out.count && column.width == out.columns && column.end <= bytesPerRow)
    let shift = shift + column.shift
    precondition(0...laneCapacity ~= shift)
    var to = out.base
    for row in rows {
      column.read(memory[self.row(row, shifted: shift)], into: to, stride: out.columnStride)
      to += out.rowStride
    }
  }

  /// A column of all transitions, in the order of `transition(_:)`.
  package func all(_ column: Column) -> RowBuffer {
    let values = RowBuffer(count, column.width)
    gather((0..<count).map(transition), column, into: values.rows)
    return values
  }

  package func gather(_ rows: [Int32], _ column: Column, shifted shift: Int = 0, into out: MutableRows) {
    gather(rows[...], column, shifted: shift, into: out)
  }

  /// Writes values into rows that were gathered since the last `append`; only of a column that may be revised.
  package func write(_ rows: [Int32], _ column: Column, shifted shift: Int = 0, _ values: Rows) {
    precondition(column.isRevised || storage == .copied, "a row that is in the log never changes")
    precondition(rows.count <= values.count && column.width == values.columns && column.end <= bytesPerRow)
    precondition(0...laneCapacity ~= shift)
    for (place, row) in rows.enumerated() {
      column.write(memory[self.row(row, shifted: shift)], values.row(place))
    }
  }
}
