import Environments
import Support

extension Replay {
  /// A transition that is being appended: here an agent's own columns get their values.
  package struct NewRow {
    let memory: UnsafeMutableRawPointer

    /// Sets one column to the first of `values`.
    package func set(_ column: Column, _ values: Rows) {
      precondition(column.width == values.columns)
      column.write(memory, values)
    }
  }

  /// Adds one step of every lane, over the oldest rows where a ring is full; `extra` fills the agent's own columns.
  package func append(_ steps: Transitions, _ extra: (_ lane: Int, NewRow) -> Void = { _, _ in }) {
    precondition(steps.count == lanes)
    for lane in 0..<lanes {
      let (first, outcome) = (steps.observations.row(lane), steps.outcomes[lane])
      // An episode that was lost leaves its open row behind, as an episode's last one.
      if layout == .loose {
        let row = take(lane)
        observation.write(memory[row], first)
      } else if steps.isFirst[lane] || !states[lane].isOpen {
        states[lane].episodes &+= 1
        open(lane, first, isFirst: true)
      }
      let row = row(lane, states[lane].appended - 1)
      fill(
        memory[row], Rows(steps.actions.rows.row(lane)), reward: Float(outcome.reward),
        isTerminated: outcome.isTerminated, isTruncated: outcome.isTruncated)
      extra(lane, NewRow(memory: memory[row]))
      if layout == .loose {
        next.write(memory[row], steps.next.row(lane))
      } else {
        open(lane, steps.next.row(lane), isFirst: false)
        states[lane].isOpen = !outcome.isOver
      }
      enter(lane, row)
    }
  }

  /// Adds loose rows without order: what a model imagined. Rewards and flags (1: terminated) have one column; `extra`
  /// fills the agent's own columns.
  package func append(
    _ observations: Rows, _ actions: Rows, rewards: Rows, terminated: Rows, next: Rows,
    _ extra: (_ index: Int, NewRow) -> Void = { _, _ in }
  ) {
    precondition(layout == .loose && lanes == 1)
    for index in 0..<observations.count {
      let row = take(0)
      observation.write(memory[row], observations.row(index))
      self.next.write(memory[row], next.row(index))
      fill(
        memory[row], actions.row(index), reward: rewards[index, 0], isTerminated: terminated[index, 0] != 0,
        isTruncated: false)
      extra(index, NewRow(memory: memory[row]))
      enter(0, row)
    }
  }

  /// The next row of a lane, all zero.
  private func take(_ lane: Int) -> Int {
    let row = row(lane, states[lane].appended)
    if states[lane].appended - states[lane].oldest == laneCapacity {
      states[lane].oldest += 1
      if states[lane].transitions.first == Int32(row) {
        states[lane].transitions.removeFirst()
        count -= 1
        priorities?[row] = 0
      }
    }
    states[lane].appended += 1
    memory.reserve(row)
    memory[row].initializeMemory(as: UInt8.self, repeating: 0, count: bytesPerRow)
    return row
  }

  private func open(_ lane: Int, _ values: Rows, isFirst: Bool) {
    let index = take(lane)
    let row = memory[index]
    observation.write(row, values)
    row.storeBytes(of: isFirst ? 1 : 0, toByteOffset: self.isFirst.offset, as: UInt8.self)
    row.storeBytes(of: states[lane].episodes, toByteOffset: Header.episode, as: Int32.self)
    states[lane].isOpen = true
  }

  private func fill(
    _ row: UnsafeMutableRawPointer, _ values: Rows, reward: Float, isTerminated: Bool, isTruncated: Bool
  ) {
    action.write(row, values)
    row.storeBytes(of: reward, as: Float.self)
    row.storeBytes(of: isTerminated ? 1 : 0, toByteOffset: terminated.offset, as: UInt8.self)
    row.storeBytes(of: isTruncated ? 1 : 0, toByteOffset: truncated.offset, as: UInt8.self)
    row.storeBytes(of: 1, toByteOffset: Header.isTransition, as: UInt8.self)
  }

  private func enter(_ lane: Int, _ row: Int) {
    states[lane].transitions.append(Int32(row))
    count += 1
    if let priorities { priorities[row] = priorities.largest }
  }

  /// Another capacity, the newest rows of each lane kept; loose rows only.
  package func resize(_ capacity: Int) {
    precondition(layout == .loose && priorities == nil)
    let newCapacity = max(1, capacity / lanes)
    guard newCapacity != laneCapacity else { return }
    var new = ReplayMemory(rowSize: bytesPerRow, rows: newCapacity * lanes)
    count = 0
    for lane in 0..<lanes {
      states[lane].oldest = max(states[lane].oldest, states[lane].appended - newCapacity)
      states[lane].transitions = RowQueue()
      for number in states[lane].complete {
        let row = number % newCapacity * lanes + lane
        new.reserve(row)
        new[row].copyMemory(from: memory[self.row(lane, number)], byteCount: bytesPerRow)
        states[lane].transitions.append(Int32(row))
      }
      count += states[lane].transitions.count
    }
    memory = new
    laneCapacity = newCapacity
  }
}
