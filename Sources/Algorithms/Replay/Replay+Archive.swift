import Support

extension Replay {
  /// A ring holds a lane's last rows, so its log needs no overwriting: a row is appended once it is complete, and never
  /// again. In the archive itself: counters, the open row, and what may be revised. Without its log the replay is
  /// empty.
  package func archive(_ archive: Archive) throws {
    var (capacity, largest) = (laneCapacity, priorities?.largest ?? 0)
    try archive.value("laneCapacity", &capacity)
    if archive.mode == .reading {
      clear()
      let isAllowed = layout == .loose && priorities == nil && 1...Int(Int32.max) / lanes ~= capacity
      guard capacity == laneCapacity || isAllowed else {
        throw ArchiveError.malformed("laneCapacity", "\(capacity) rows instead of \(laneCapacity)")
      }
      if isAllowed { resize(capacity * lanes) }
    }
    for lane in 0..<lanes {
      var state = states[lane]
      try archive.scope("lane\(lane)") {
        try archive.value("appended", &state.appended)
        try archive.value("oldest", &state.oldest)
        try archive.value("isOpen", &state.isOpen)
        var episodes = Int(state.episodes)
        try archive.value("episodes", &episodes)
        state.episodes = Int32(truncatingIfNeeded: episodes)
      }
      guard state.oldest >= 0, state.appended >= state.oldest, state.appended - state.oldest <= laneCapacity,
        !state.isOpen || state.appended > state.oldest
      else { throw ArchiveError.malformed("lane\(lane).appended", "its counters do not belong together") }
      let isThere = try archive.log(
        "lane\(lane)", recordSize: recordSize, state.complete, isCopied: storage == .copied,
        write: { numbers, bytes in
          for number in numbers {
            let record = bytes.baseAddress! + (number - numbers.lowerBound) * recordSize
            record.copyMemory(from: memory[row(lane, number)], byteCount: recordSize)
          }
        },
        read: { numbers, bytes in
          for number in numbers {
            let row = row(lane, number)
            memory.reserve(row)
            memory[row].copyMemory(
              from: bytes.baseAddress! + (number - numbers.lowerBound) * recordSize, byteCount: recordSize)
          }
        })
      if !isThere { return clear() }
      try archive.scope("lane\(lane)") { try archiveOpenRow(archive, lane, state) }
      if archive.mode == .reading { states[lane] = state }
      try archive.scope("lane\(lane)") { try archiveRevised(archive, lane) }
      if archive.mode == .reading { enterRestored(lane) }
    }
    if let priorities {
      try archive.value("largestPriority", &largest)
      priorities.largest = largest
    }
  }

  private func archiveOpenRow(_ archive: Archive, _ lane: Int, _ state: Lane) throws {
    guard state.isOpen else { return }
    let row = row(lane, state.appended - 1)
    memory.reserve(row)
    var bytes = [UInt8](UnsafeRawBufferPointer(start: memory[row], count: recordSize))
    try archive.array("open", &bytes)
    guard bytes.count == recordSize else {
      throw ArchiveError.shape("open", stored: [bytes.count], expected: [recordSize])
    }
    bytes.withUnsafeBytes { memory[row].copyMemory(from: $0.baseAddress!, byteCount: recordSize) }
  }

  private func archiveRevised(_ archive: Archive, _ lane: Int) throws {
    let numbers = states[lane].oldest..<states[lane].appended
    for (name, column) in columns where column.isRevised {
      let shape = [numbers.count, column.width]
      var values = [Float](repeating: 0, count: numbers.count * column.width)
      values.withUnsafeMutableBufferPointer { values in
        for (place, number) in numbers.enumerated() {
          column.read(memory[row(lane, number)], into: values.baseAddress! + place * column.width, stride: 1)
        }
      }
      if column.element == .float32 {
        try archive.array(name, &values, shape: shape)
      } else {
        var bytes = values.map { UInt8($0) }
        try archive.array(name, &bytes, shape: shape)
        values = bytes.map { Float($0) }
      }
      guard values.count == numbers.count * column.width else {
        throw ArchiveError.shape(name, stored: [values.count], expected: shape)
      }
      values.withUnsafeBufferPointer { values in
        for (place, number) in numbers.enumerated() {
          let from = values.baseAddress! + place * column.width
          column.write(memory[row(lane, number)], Rows(from, 1, column.width))
        }
      }
    }
    guard let priorities else { return }
    var weights = numbers.map { priorities[row(lane, $0)] }
    try archive.array("priorities", &weights)
    guard weights.count == numbers.count, weights.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
      throw ArchiveError.malformed("priorities", "not one for every row")
    }
    if archive.mode == .reading {
      for (number, weight) in zip(numbers, weights) { priorities[row(lane, number)] = weight }
    }
  }

  /// Finds the transitions among the rows that were read; one without a row after it is none.
  private func enterRestored(_ lane: Int) {
    let last = layout == .loose ? states[lane].appended : states[lane].appended - 1
    for number in states[lane].complete where number < last {
      let row = row(lane, number)
      guard memory[row].load(fromByteOffset: Header.isTransition, as: UInt8.self) == 1 else { continue }
      states[lane].transitions.append(Int32(row))
      count += 1
    }
  }

  private func clear() {
    for lane in 0..<lanes {
      if let priorities {
        for number in states[lane].oldest..<states[lane].appended { priorities[row(lane, number)] = 0 }
      }
      states[lane] = Lane()
    }
    count = 0
  }
}
