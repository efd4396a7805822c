import Support

extension Replay {
  /// First rows of windows of `length` rows of one lane, into an array that keeps its memory; the ring's end is no
  /// border, open rows belong to none. `withinEpisodes`: all rows are of one episode, so each but the last has an
  /// action; otherwise `isFirst` tells where another one begins. First rows are drawn by their priorities where there
  /// are any, uniformly otherwise; chained rows only.
  /// - Returns: false, and no rows, where there is no such window yet.
  package func windows(
    _ count: Int, length: Int, withinEpisodes: Bool, _ random: inout RandomStream, into rows: inout [Int32]
  ) -> Bool {
    precondition(layout == .chained && length >= 1)
    rows.removeAll(keepingCapacity: true)
    let total = states.reduce(0) { $0 + Replay.windows(in: $1, length) }
    guard total > 0 else { return false }
    for _ in 0..<count {
      guard let row = window(length, withinEpisodes, among: total, &random) else {
        rows.removeAll(keepingCapacity: true)
        return false
      }
      rows.append(row)
    }
    return true
  }

  private static func windows(in lane: Lane, _ length: Int) -> Int { max(0, lane.complete.count - length + 1) }

  private func window(_ length: Int, _ withinEpisodes: Bool, among total: Int, _ random: inout RandomStream) -> Int32? {
    for _ in 0..<100 {
      if let priorities, priorities.total > 0 {
        let row = Int32(priorities.index(of: random.uniform() * priorities.total))
        if fits(row, length), !withinEpisodes || isInOneEpisode(row, length) { return row }
      } else {
        let row = windowRow(random.integer(below: total), length)
        if !withinEpisodes || isInOneEpisode(row, length) { return row }
      }
    }
    // Hardly any episode is that long, or hardly any weight is where windows begin: the next one from anywhere.
    let start = random.integer(below: total)
    for offset in 0..<total {
      let row = windowRow((start + offset) % total, length)
      if !withinEpisodes || isInOneEpisode(row, length) { return row }
    }
    return nil
  }

  /// The first row of window `index`, lane after lane.
  private func windowRow(_ index: Int, _ length: Int) -> Int32 {
    var (index, lane) = (index, 0)
    while index >= Replay.windows(in: states[lane], length) {
      index -= Replay.windows(in: states[lane], length)
      lane += 1
    }
    return Int32(row(lane, states[lane].oldest + index))
  }

  /// Whether a stored row has enough complete ones behind it.
  private func fits(_ row: Int32, _ length: Int) -> Bool {
    let (slot, lane) = (Int(row) / lanes, states[Int(row) % lanes])
    let newest = lane.appended - 1
    return newest - (newest - slot) % laneCapacity + length <= lane.complete.upperBound
  }

  private func isInOneEpisode(_ row: Int32, _ length: Int) -> Bool {
    episode(Int(row)) == episode(self.row(row, shifted: length - 1))
  }

  private func episode(_ row: Int) -> Int32 { memory[row].load(fromByteOffset: Header.episode, as: Int32.self) }

  // MARK: Priorities

  /// Sets how often windows begin at a row, ≥ 0, in proportion to the others; new rows have the largest priority so
  /// far. A number that is not finite changes nothing.
  package func setPriority(_ row: Int32, _ value: Float) {
    guard let priorities, value.isFinite,
      memory[Int(row)].load(fromByteOffset: Header.isTransition, as: UInt8.self) == 1
    else { return }
    priorities[Int(row)] = Double(max(0, value))
  }

  /// The share of a row in all priorities.
  package func probability(_ row: Int32) -> Double {
    guard let priorities, priorities.total > 0 else { return 1 / Double(max(1, count)) }
    return priorities[Int(row)] / priorities.total
  }
}
