import Experiments
import Reports
import Support
import TestSupport
import Testing

/// Runs in the forms of other tools.
@Suite struct ExportTests {
  private let runs = RunFolder()

  /// RFC 3720, B.4, and the checksum's usual example.
  @Test func checksums() {
    #expect(CRC32C.of(Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.of([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.of(Array(0..<32)) == 0x46DD_794E)
    #expect(CRC32C.of([]) == 0)
    // The masked checksum of "foo" in crc32c_test.cc is not that of its own.
    let sum = CRC32C.of(Array("foo".utf8))
    #expect(CRC32C.masked(Array("foo".utf8)) == (sum >> 15 | sum << 17) &+ 0xA282_EAD8 && sum != 0)
  }

  /// Reads records back by their lengths and checksums.
  private func records(_ bytes: [UInt8]) throws -> [[UInt8]] {
    var (place, records) = (0, [[UInt8]]())
    func number(_ start: Int, _ count: Int) -> UInt64 {
      (0..<count).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
    }
    while place < bytes.count {
      let length = Int(number(place, 8))
      try #require(place + 16 + length <= bytes.count)
      #expect(number(place + 8, 4) == UInt64(CRC32C.masked(Array(bytes[place..<place + 8]))))
      let data = Array(bytes[place + 12..<place + 12 + length])
      #expect(number(place + 12 + length, 4) == UInt64(CRC32C.masked(data)))
      records.append(data)
      place += 16 + length
    }
    return records
  }

  @Test func events() throws {
    let path = try runs.run("a", [.init(curve: [(100, -5, 30), (200, -3.5, 60)])])
    let table = "env_step,epoch,val_loss,wall_s\n5,0,3,1\n5,1,2,1.5\n300,0,nan,2\n"
    try FileSystem.writeAtomically(table, to: "\(path)/seed-0/model.csv")
    let run = try RunGroup.named(by: [path])[0].runs[0]
    let file = try RunExport.file(run, seed: 0, .tensorboard)
    // 2026-01-01T00:00:00Z.
    #expect(file.name == "events.out.tfevents.1767225600.mbrl")
    let records = try records(file.bytes)
    #expect(records[0].suffix(13) == Array("brain.Event:2".utf8)[...])
    // Seven columns of two evaluations, two of two rows of progress, one of two steps with a fit.
    #expect(records.count == 1 + 2 * 6 + 2 * 2 + 2)
    // wall_time (double), step (varint), summary: tag and float.
    let tag = Array("eval/return_mean".utf8)
    let value: [UInt8] = [0x0A, UInt8(tag.count)] + tag + [0x15, 0x00, 0x00, 0x60, 0xC0]
    let event = records.first { $0.contains(0x60) && $0.suffix(value.count) == value[...] }
    let time = (1_767_225_660.0).bitPattern
    let head: [UInt8] = [0x09] + (0..<8).map { UInt8(truncatingIfNeeded: time >> UInt64(8 * $0)) } + [0x10, 0xC8, 0x01]
    #expect(event == head + [0x2A, UInt8(value.count + 2), 0x0A, UInt8(value.count)] + value)
    #expect(try RunExport.file(run, seed: 0, .tensorboard).bytes == file.bytes)
  }

  /// In pieces, while a run learns and after it went on from a checkpoint: every row once, in the same records.
  @Test func liveEvents() throws {
    let path = try runs.run("a", [.init(curve: [(100, -5, 30)])])
    let board = runs.folder.file("board")
    let live = LiveEvents(RunDirectory(path), seeds: [0, 7], in: board)
    let model = "\(path)/seed-0/model.csv"
    func write(_ rows: String) throws {
      try FileSystem.writeAtomically("env_step,epoch,val_loss,wall_s\n\(rows)", to: model)
    }
    func count() throws -> Int {
      try records(try FileSystem.read("\(board)/a/seed-0/events.out.tfevents.1767225600.mbrl", limit: 1 << 20)).count
    }
    try live.refresh(isComplete: false)
    #expect(try count() == 1 + 6 + 2)
    // The last row of a fit may not be the step's last.
    try write("5,0,3,1\n5,1,2,1.5\n")
    try live.refresh(isComplete: false)
    #expect(try count() == 9)
    try write("5,0,3,1\n5,1,2,1.5\n300,0,4,2\n")
    try live.refresh(isComplete: false)
    try live.refresh(isComplete: false)
    #expect(try count() == 10)
    // Back to a checkpoint, and on again.
    try write("")
    try live.refresh(isComplete: false)
    try write("5,0,3,9\n5,1,2,9.5\n300,0,4,10\n")
    try live.refresh(isComplete: true)
    #expect(try count() == 11)
    // A seed that has not begun has no file.
    #expect(FileSystem.kind(of: "\(board)/a/seed-7") == nil)
  }

  @Test func monitors() throws {
    let path = try runs.run("a", [.init(curve: [(100, -5, 30)])])
    let rows = "episode,env_step,return,length,terminated,truncated,wall_s\n0,200,-9.5,200,false,true,0.5\n"
    try FileSystem.writeAtomically(rows, to: "\(path)/seed-0/episodes.csv")
    let run = try RunGroup.named(by: [path])[0].runs[0]
    let file = try RunExport.file(run, seed: 0, .monitor)
    let text = "#{\"t_start\":1767225600,\"env_id\":\"Pendulum-v1\"}\nr,l,t\n-9.5,200,0.5\n"
    #expect(file.name == "monitor.csv" && String(decoding: file.bytes, as: UTF8.self) == text)
  }

  @Test func anySafetensors() throws {
    let folder = TemporaryFolder()
    func write(_ header: String, _ data: [UInt8]) throws -> String {
      let text = Array(header.utf8)
      let length = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
      try FileSystem.writeAtomically(length + text + data, to: folder.file("x.safetensors"))
      return folder.file("x.safetensors")
    }
    let halves: [UInt8] = [0x00, 0x3C, 0x00, 0xC0, 0x00, 0x7C]  // 1, -2, infinity
    let path = try write(
      #"{"__metadata__":{"format":"pt"},"h":{"dtype":"F16","shape":[3],"data_offsets":[0,6]},"#
        + #""b":{"dtype":"BF16","shape":[1,1],"data_offsets":[6,8]},"z":{"dtype":"X9","shape":[2],"data_offsets":[8,9]}}"#,
      halves + [0x80, 0x3F, 7])
    let listing = try SafetensorsListing(path)
    #expect(listing.entries.map(\.type) == ["F16", "BF16", "X9"] && listing.entries[0].oddities == 1)
    #expect(listing.entries[0].range?.low == -2 && listing.entries[0].range?.high == 1)
    #expect(listing.entries[1].range?.mean == 1 && listing.entries[2].range == nil)
    #expect(listing.lines.contains { $0.contains("format: pt") } && listing.lines.contains { $0.contains("[1, 1]") })
    for (header, data) in [
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, [0, 0, 0, 0]),
      (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, [UInt8](repeating: 0, count: 8)),
      (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, [0, 0, 0, 0]),
      (#"{"a":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,4]}}"#, [0, 0, 0, 0]),
      ("[]", []), ("{", []),
    ] as [(String, [UInt8])] {
      let path = try write(header, data)
      #expect(throws: (any Error).self, "\(header)") { try SafetensorsListing(path) }
    }
    for bytes in [[], [1, 2], [UInt8](repeating: 0xFF, count: 40)] as [[UInt8]] {
      try FileSystem.writeAtomically(bytes, to: folder.file("y"))
      #expect(throws: (any Error).self) { try SafetensorsListing(folder.file("y")) }
    }
  }
}
