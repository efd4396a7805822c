/// Append-only logs of records beside the checkpoints of a run: what only grows is written once, not again with every
/// checkpoint. LOG/000000001000.log in this folder is a segment of the log LOG: records of one size, from record 1000
/// on.
///
/// A checkpoint names the segments that it needs, how many records of each, and their checksum; what lies beyond
/// belongs to nobody. Reading cuts nothing. Only the object that a checkpoint was read through, or a new one at the
/// start of a run, appends, and it cuts what lies beyond its own past first. So whoever reads beside a running run
/// disturbs nothing.
package final class LogFolder {
  /// The folder; made with the first record. Whoever moves it says so here.
  package var path: String
  private let segmentBytes: Int
  /// The segments that belong to this run's past and are still needed.
  private var past: [String: [Segment]] = [:]

  private struct Segment {
    let first: Int
    var count = 0
    var checksum = FileChecksum()
    var end: Int { first + count }
  }

  /// - Parameter segmentBytes: about how large a file becomes before the next one is begun; what is no longer needed is
  ///   deleted file by file.
  package init(_ path: String, segmentBytes: Int = 1 << 24) {
    self.path = path
    self.segmentBytes = segmentBytes
  }

  // MARK: Writing

  /// Appends those of `records` that are not in the log yet, and waits until they are on the disk. `write` fills memory
  /// with a range of records.
  /// - Returns: the segments with all of `records`, for a checkpoint.
  func append(
    _ log: String, recordSize: Int, _ records: Range<Int>,
    _ write: (_ records: Range<Int>, UnsafeMutableRawBufferPointer) -> Void
  ) throws(FileError) -> String {
    var segments = past[log, default: []].filter { $0.end > records.lowerBound }
    // What nobody needed any more before any checkpoint was written is in no file.
    var next = segments.last?.end ?? records.lowerBound
    precondition(next <= records.upperBound, "the log \(log) goes back")
    let limit = max(1, segmentBytes / recordSize)
    while next < records.upperBound {
      if segments.isEmpty { try createFolder(log) }
      if segments.last.map({ $0.count >= limit }) ?? true { segments.append(Segment(first: next)) }
      let last = segments.count - 1
      let range = next..<min(records.upperBound, segments[last].first + limit)
      try extend(&segments[last], of: log, by: range, recordSize, write)
      next = range.upperBound
    }
    past[log] = segments
    return segments.map { "\($0.first)+\($0.count):\($0.checksum.text)" }.joined(separator: " ")
  }

  private func extend(
    _ segment: inout Segment, of log: String, by records: Range<Int>, _ recordSize: Int,
    _ write: (Range<Int>, UnsafeMutableRawBufferPointer) -> Void
  ) throws(FileError) {
    let path = file(log, segment.first)
    let isNew = segment.count == 0
    let file = try OpenFile.updating(path, creates: isNew)
    try LogFolder.require(segment.count * recordSize, of: file, to: "append to")
    try file.truncate(to: segment.count * recordSize)
    let memory = LogFolder.memory(for: records, recordSize)
    defer { memory.deallocate() }
    for piece in LogFolder.pieces(of: records, recordSize) {
      let bytes = UnsafeMutableRawBufferPointer(rebasing: memory[..<(piece.count * recordSize)])
      write(piece, bytes)
      try file.write(UnsafeRawBufferPointer(bytes))
      segment.checksum.update(UnsafeRawBufferPointer(bytes))
    }
    try file.synchronize()
    if isNew { try FileSystem.synchronizeFolder(FileSystem.folder(of: path)) }
    segment.count += records.count
  }

  private func createFolder(_ log: String) throws(FileError) {
    guard FileSystem.kind(of: "\(path)/\(log)") == nil else { return }
    try FileSystem.createFolder("\(path)/\(log)")
    try FileSystem.synchronizeFolder(path)
    try FileSystem.synchronizeFolder(FileSystem.folder(of: path))
  }

  // MARK: Reading

  /// Hands over `records` and verifies every segment that holds some of them; `append` goes on from there.
  /// - Parameter segments: what `append` returned.
  func read(
    _ log: String, recordSize: Int, _ records: Range<Int>, segments text: String,
    _ read: (_ records: Range<Int>, UnsafeRawBufferPointer) -> Void
  ) throws {
    var segments: [Segment] = []
    var next = records.lowerBound
    for (first, count, checksum) in try LogFolder.parse(text, log) {
      guard segments.isEmpty ? first <= next : first == next else { throw ArchiveError.malformed(log, text) }
      var segment = Segment(first: first, count: count)
      try scan(&segment, of: log, recordSize, records, read)
      guard segment.checksum.text == checksum else {
        throw FileError(
          path: file(log, first), operation: "read", reason: "it does not have the checkpoint's checksum: damaged")
      }
      segments.append(segment)
      next = segment.end
    }
    guard next == records.upperBound else { throw ArchiveError.malformed(log, text) }
    past[log] = segments
  }

  private func scan(
    _ segment: inout Segment, of log: String, _ recordSize: Int, _ records: Range<Int>,
    _ read: (Range<Int>, UnsafeRawBufferPointer) -> Void
  ) throws(FileError) {
    let file = try OpenFile.reading(file(log, segment.first))
    try LogFolder.require(segment.count * recordSize, of: file, to: "read")
    let memory = LogFolder.memory(for: segment.first..<segment.end, recordSize)
    defer { memory.deallocate() }
    for piece in LogFolder.pieces(of: segment.first..<segment.end, recordSize) {
      let bytes = UnsafeMutableRawBufferPointer(rebasing: memory[..<(piece.count * recordSize)])
      try file.readExactly(into: bytes, at: (piece.lowerBound - segment.first) * recordSize)
      segment.checksum.update(UnsafeRawBufferPointer(bytes))
      let wanted = piece.clamped(to: records)
      if wanted.isEmpty { continue }
      let start = (wanted.lowerBound - piece.lowerBound) * recordSize
      read(wanted, UnsafeRawBufferPointer(rebasing: bytes[start..<start + wanted.count * recordSize]))
    }
  }

  // MARK: Parts

  /// Deletes every segment that no checkpoint in `needed`, pairs of a log and what `append` returned, has use for.
  package static func prune(_ path: String, needed: [(name: String, value: String)]) throws(FileError) {
    let folder = LogFolder(path)
    var files: Set<String> = []
    for (log, text) in needed {
      guard let segments = try? parse(text, log) else { return }
      for segment in segments { files.insert(folder.file(log, segment.first)) }
    }
    guard FileSystem.kind(of: path) == .folder else { return }
    for log in try FileSystem.list(path) where FileSystem.kind(of: "\(path)/\(log)") == .folder {
      for name in try FileSystem.list("\(path)/\(log)") where name.hasSuffix(".log") {
        let file = "\(path)/\(log)/\(name)"
        if !files.contains(file) { try FileSystem.removeTree(file) }
      }
    }
  }

  private func file(_ log: String, _ first: Int) -> String {
    let digits = String(first)
    return "\(path)/\(log)/\(String(repeating: "0", count: max(0, 12 - digits.count)))\(digits).log"
  }

  /// Records that are written or read at once: about a megabyte.
  private static func pieces(of records: Range<Int>, _ recordSize: Int) -> [Range<Int>] {
    let count = max(1, (1 << 20) / recordSize)
    return stride(from: records.lowerBound, to: records.upperBound, by: count).map {
      $0..<min($0 + count, records.upperBound)
    }
  }

  private static func memory(for records: Range<Int>, _ recordSize: Int) -> UnsafeMutableRawBufferPointer {
    .allocate(byteCount: min(records.count, max(1, (1 << 20) / recordSize)) * recordSize, alignment: 16)
  }

  private static func require(
    _ bytes: Int, of file: borrowing OpenFile, to operation: String
  ) throws(FileError) {
    let size = try file.regularSize() ?? 0
    guard size >= bytes else {
      throw FileError(
        path: file.path, operation: operation,
        reason: "it has \(size) bytes, the checkpoint was made at \(bytes): cut off or foreign")
    }
  }

  /// "1000+24:00c1…" for 24 records from record 1000 on, segment after segment.
  private static func parse(_ text: String, _ log: String) throws -> [(first: Int, count: Int, checksum: String)] {
    try text.split(separator: " ").map { segment in
      let parts = segment.split(whereSeparator: { $0 == "+" || $0 == ":" })
      guard parts.count == 3, let first = Int(parts[0]), let count = Int(parts[1]), 0...(1 << 48) ~= first,
        1...(1 << 31) ~= count
      else { throw ArchiveError.malformed(log, text) }
      return (first, count, String(parts[2]))
    }
  }
}
