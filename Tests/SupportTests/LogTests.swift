import Support
import TestSupport
import Testing

/// Logs beside checkpoints: each record once on the disk, and every checkpoint readable as long as it is kept.
struct LogTests {
  /// Numbers 0..<count, of which the newest are remembered: record i is i, eight bytes long.
  private final class Counting: ArchivableObject {
    var count = 0
    let kept: Int
    private(set) var numbers: [Int] = []
    private(set) var isThere = true

    init(kept: Int = .max) { self.kept = kept }

    func add(_ more: Int) {
      numbers = (numbers + (count..<count + more)).suffix(kept)
      count += more
    }

    func archive(_ archive: Archive) throws {
      try archive.value("count", &count)
      let range = max(0, count - kept)..<count
      if archive.mode == .reading { numbers = [Int](repeating: -1, count: range.count) }
      isThere = try archive.log(
        "numbers", recordSize: 8, range,
        write: { range, bytes in
          for number in range {
            bytes.storeBytes(of: number, toByteOffset: 8 * (number - range.lowerBound), as: Int.self)
          }
        },
        read: { part, bytes in
          for number in part {
            numbers[number - range.lowerBound] = bytes.load(
              fromByteOffset: 8 * (number - part.lowerBound), as: Int.self)
          }
        })
    }
  }

  private let folder = TemporaryFolder()
  private var path: String { folder.file("logs") }
  private var names: [String] { (try? FileSystem.list("\(path)/it.numbers")) ?? [] }
  private func size(_ name: String) throws -> Int {
    try FileSystem.read("\(path)/it.numbers/\(name)", limit: 1 << 20).count
  }

  private func open() -> LogFolder { LogFolder(path, segmentBytes: 80) }

  private func write(_ counting: Counting, _ logs: LogFolder?) throws -> Archive {
    let archive = Archive(in: logs)
    try archive.part("it", counting)
    return archive
  }

  private func read(_ archive: Archive, _ logs: LogFolder?, kept: Int = .max) throws -> Counting {
    let counting = Counting(kept: kept)
    try Archive(scalars: archive.scalars, tensors: archive.tensors, logs: archive.logs, in: logs).part("it", counting)
    return counting
  }

  /// Eight numbers, then twelve more, in segments of ten.
  private func twoArchives() throws -> (old: Archive, new: Archive, logs: LogFolder) {
    let (counting, logs) = (Counting(), open())
    counting.add(8)
    let old = try write(counting, logs)
    counting.add(12)
    return (old, try write(counting, logs), logs)
  }

  private func message(_ archive: Archive) -> String {
    do {
      return "\(try read(archive, open()).numbers)"
    } catch { return "\(error)" }
  }

  @Test func everyRecordIsWrittenOnce() throws {
    let (counting, logs) = (Counting(), open())
    #expect(try write(counting, logs).logs[0].value == "")
    #expect(names == [])
    for total in [3, 3, 12, 35] {
      counting.add(total - counting.count)
      let before = try names.map { try FileSystem.read("\(path)/it.numbers/\($0)", limit: 1 << 20) }
      let archive = try write(counting, logs)
      #expect(archive.tensors.isEmpty)
      #expect(try names.map(size).reduce(0, +) == 8 * total)
      for (name, old) in zip(names, before) {
        #expect(try FileSystem.read("\(path)/it.numbers/\(name)", limit: 1 << 20).starts(with: old))
      }
      #expect(try read(archive, open()).numbers == Array(0..<total))
    }
    #expect(names == ["000000000000.log", "000000000010.log", "000000000020.log", "000000000030.log"])
  }

  @Test func anOlderArchiveIsAPrefixAndReadingCutsNothing() throws {
    let (old, new, _) = try twoArchives()
    #expect(try read(old, open()).numbers == Array(0..<8))
    #expect(try size("000000000000.log") == 80)
    #expect(try read(new, open()).numbers == Array(0..<20))
    // What is no longer wanted is not read, even where the file still has it.
    #expect(try read(new, open(), kept: 5).numbers == Array(15..<20))
  }

  /// Records after the last archive, a record that was not finished, a file that holds nothing yet.
  @Test func whatAKilledRunLeftIsCutBeforeTheFirstRecordAndNotBefore() throws {
    let (old, _, _) = try twoArchives()
    let half = try AppendFile(reopening: "\(path)/it.numbers/000000000010.log")
    try half.append([1, 2, 3])
    _ = try AppendFile(creating: "\(path)/it.numbers/000000000020.log")
    let logs = open()
    let counting = try read(old, logs)
    #expect(try size("000000000000.log") == 80)
    #expect(try write(counting, logs).logs[0].value == old.logs[0].value)
    #expect(try size("000000000000.log") == 80)
    counting.add(1)
    let one = try write(counting, logs)
    #expect(try size("000000000000.log") == 72)
    counting.add(14)
    let more = try write(counting, logs)
    #expect(try read(more, open()).numbers == Array(0..<23))
    #expect(try read(one, open()).numbers == Array(0..<9))
    #expect(try read(old, open()).numbers == Array(0..<8))
    #expect(try names.map(size) == [80, 80, 24])
  }

  @Test func aNewRunOverwritesWhatItFinds() throws {
    _ = try twoArchives()
    let (counting, logs) = (Counting(), open())
    counting.add(5)
    let archive = try write(counting, logs)
    #expect(try size("000000000000.log") == 40)
    #expect(try read(archive, open()).numbers == Array(0..<5))
  }

  @Test func damageIsNamedByFile() throws {
    let (old, new, _) = try twoArchives()
    let file = "\(path)/it.numbers/000000000010.log"
    let original = try FileSystem.read(file, limit: 1 << 20)
    for index in original.indices {
      var bytes = original
      bytes[index] ^= 1 << UInt8(index % 8)
      try FileSystem.writeAtomically(bytes, to: file)
      #expect(message(new) == "cannot read \(file): it does not have the checkpoint's checksum: damaged")
      // The older one does not need this file.
      #expect(message(old) == "\(Array(0..<8))")
    }
    try FileSystem.writeAtomically(Array(original.dropLast()), to: file)
    #expect(
      message(new) == "cannot read \(file): it has 79 bytes, the checkpoint was made at 80: cut off or foreign")
    try FileSystem.removeTree(file)
    #expect(message(new) == "cannot open \(file): No such file or directory")
    // Of the first file only a prefix is the older one's.
    let first = "\(path)/it.numbers/000000000000.log"
    var bytes = try FileSystem.read(first, limit: 1 << 20)
    bytes[64] ^= 1
    try FileSystem.writeAtomically(bytes, to: first)
    #expect(message(old) == "\(Array(0..<8))")
    bytes[63] ^= 1
    try FileSystem.writeAtomically(bytes, to: first)
    #expect(message(old) == "cannot read \(first): it does not have the checkpoint's checksum: damaged")
  }

  /// Whoever shortened the file while the run was going on is told so, before anything is lost under zeros.
  @Test func aFileThatWasCutWhileTheRunGoesOnIsAFault() throws {
    let (counting, logs) = (Counting(), open())
    counting.add(8)
    _ = try write(counting, logs)
    try FileSystem.writeAtomically([1], to: "\(path)/it.numbers/000000000000.log")
    counting.add(1)
    let error = #expect(throws: FileError.self) { try write(counting, logs) }
    #expect(try #require(error).reason == "it has 1 bytes, the checkpoint was made at 64: cut off or foreign")
    #expect(try size("000000000000.log") == 1)
  }

  @Test(arguments: [
    "x", "0+8", "0+8:", "-1+8:0", "0+0:0", "0+9223372036854775807:0", "9223372036854775807+8:0", "0+7:0", "1+8:0",
    "0+8:0 9+1:0", "0+9:0",
  ])
  func aForgedListOfSegmentsIsAFault(segments: String) throws {
    let (old, _, _) = try twoArchives()
    let archive = Archive(
      scalars: old.scalars, tensors: [], logs: [("it.numbers", segments)], in: open())
    #expect(throws: (any Error).self) { try archive.part("it", Counting()) }
  }

  /// The newest 25 are wanted; two archives are kept; the disk does not grow for ever, and a jump leaves no hole.
  @Test func segmentsThatNobodyNeedsAreDeleted() throws {
    let (counting, logs) = (Counting(kept: 25), open())
    var archives: [Archive] = []
    for step in [7, 1, 12, 10, 3, 40, 0, 9, 26, 10, 10, 10, 10] {
      counting.add(step)
      archives = (archives + [try write(counting, logs)]).suffix(2)
      try LogFolder.prune(path, needed: archives.flatMap(\.logs))
      for archive in archives {
        let found = try read(archive, open(), kept: 25)
        #expect(found.numbers == Array(max(0, found.count - 25)..<found.count))
      }
      #expect(names.count <= 9, "\(names)")
    }
    #expect(names.first == "000000000113.log", "\(names)")
    // One that cannot be understood may need anything.
    let before = names
    try LogFolder.prune(path, needed: [("it.numbers", "?")])
    #expect(names == before)
    try LogFolder.prune(path, needed: [])
    #expect(names == [])
  }

  /// Without a folder the records are in the archive; without its folder a log is left out.
  @Test func archivesInMemory() throws {
    let counting = Counting(kept: 5)
    counting.add(12)
    let archive = try write(counting, nil)
    #expect(archive.tensors[0].name == "it.numbers" && archive.tensors[0].tensor.shape == [5, 8])
    #expect(try read(archive, nil, kept: 5).numbers == [7, 8, 9, 10, 11])
    #expect(try read(archive, open(), kept: 5).isThere)
    #expect(throws: ArchiveError.self) { try read(archive, nil, kept: 6) }
    let (old, _, _) = try twoArchives()
    #expect(try !read(old, nil).isThere)
  }
}
