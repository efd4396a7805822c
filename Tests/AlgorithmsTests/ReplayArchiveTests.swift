import Algorithms
import Support
import TestSupport
import Testing

/// A replay that was stored goes on as if it had not been, with logs and without.
@Suite struct ReplayArchiveTests {
  private func write(_ replay: Replay, _ logs: LogFolder?) throws -> Archive {
    let archive = Archive(in: logs)
    try archive.part("replay", replay)
    return archive
  }

  private func read(_ replay: Replay, _ archive: Archive, _ logs: LogFolder?) throws {
    try Archive(scalars: archive.scalars, tensors: archive.tensors, logs: archive.logs, in: logs)
      .part("replay", replay)
  }

  /// What an agent does with a replay: draws by stream, priorities and latents that follow from what was drawn.
  private func learn(_ replay: Replay, _ random: inout RandomStream) {
    var rows: [Int32] = []
    if replay.layout == .chained {
      guard replay.windows(3, length: 2, withinEpisodes: false, &random, into: &rows) else { return }
    } else {
      replay.sample(3, &random, into: &rows)
    }
    let values = RowBuffer(3, 2)
    for place in 0..<3 { values.rows[place, 0] = Float(random.uniform()) * 200 }
    replay.write(rows, replay.column("latent"), values.read)
    replay.write(rows, replay.column("mark"), values.read.columns(0..<1))
    for (place, row) in rows.enumerated() { replay.setPriority(row, values.rows[place, 0]) }
  }

  /// Bytes of every tensor and scalar: the whole state of a replay that keeps its records in the archive.
  private func state(_ replay: Replay) throws -> [String] {
    let archive = try write(replay, nil)
    return archive.scalars.map { "\($0.name)=\($0.value)" }
      + archive.tensors.map { "\($0.name)=\($0.tensor.shape) \(FileChecksum.of($0.tensor.bytes))" }
  }

  @Test(arguments: ReplayTests.settings, [true, false])
  func resumedAtEveryStepItEndsInTheSameState(settings: ReplayFixture.Settings, hasLogs: Bool) throws {
    let folder = TemporaryFolder()
    let (whole, fixture, same) = (settings.makeReplay(), ReplayFixture(settings), ReplayFixture(settings))
    var (replay, logs) = (settings.makeReplay(), hasLogs ? LogFolder(folder.file("logs"), segmentBytes: 300) : nil)
    var (random, other) = (RandomStream(seed: 6), RandomStream(seed: 6))
    for step in 0..<80 {
      fixture.step(whole)
      learn(whole, &random)
      same.step(replay)
      learn(replay, &other)
      let archive = try write(replay, logs)
      // Sometimes the next one is not written, and the log is longer than the archive that is read.
      if step % 3 == 0 {
        ReplayFixture(settings, seed: 99).step(replay)
        _ = try write(replay, logs)
      }
      replay = settings.makeReplay()
      logs = hasLogs ? LogFolder(folder.file("logs"), segmentBytes: 300) : nil
      try read(replay, archive, logs)
      if let logs, settings.storage == .logged { try LogFolder.prune(logs.path, needed: archive.logs) }
      #expect(try state(replay) == state(whole), "step \(step)")
      #expect(replay.contents() == whole.contents())
    }
    #expect(random == other)
  }

  /// A checkpoint takes what is new, whatever the replay holds.
  @Test func anArchiveGrowsWithWhatIsNewOnly() throws {
    let folder = TemporaryFolder()
    let logs = LogFolder(folder.file("logs"))
    let values = RowBuffer(2000, 3)
    let loose = Replay(observationSize: 3, actionColumns: 1, capacity: 100_000, layout: .loose)
    for _ in 0..<5 {
      loose.append(
        values.read, values.read.columns(0..<1), rewards: values.read.columns(0..<1),
        terminated: values.read.columns(0..<1), next: values.read)
      let archive = try write(loose, logs)
      #expect(archive.tensors.isEmpty)
    }
    let size = try FileSystem.read("\(folder.path)/logs/replay.lane0/000000000000.log", limit: 1 << 20).count
    #expect(size == 10_000 * loose.bytesPerRow)
    // Columns that may be revised are copied, and the open row.
    let settings = ReplayFixture.Settings(capacity: 1000)
    let (named, fixture) = (settings.makeReplay(), ReplayFixture(settings))
    repeat { fixture.step(named) } while fixture.complete(0).count == fixture.left(0).count
    let archive = try write(named, LogFolder(folder.file("others")))
    #expect(archive.tensors.map(\.name).sorted() == ["replay.lane0.latent", "replay.lane0.mark", "replay.lane0.open"])
  }

  /// A policy is evaluated without its replay.
  @Test func withoutItsLogsAReplayIsEmpty() throws {
    let folder = TemporaryFolder()
    let settings = ReplayFixture.Settings(lanes: 2, capacity: 300, isPrioritised: true)
    let (replay, fixture) = (settings.makeReplay(), ReplayFixture(settings))
    for _ in 0..<20 { fixture.step(replay) }
    let archive = try write(replay, LogFolder(folder.file("logs")))
    let reader = settings.makeReplay()
    fixture.step(reader)
    try read(reader, archive, nil)
    #expect(reader.count == 0)
    try FileSystem.removeTree(folder.file("logs"))
    let error = #expect(throws: FileError.self) {
      try read(settings.makeReplay(), archive, LogFolder(folder.file("logs")))
    }
    #expect(
      try #require(error).description
        == "cannot open \(folder.path)/logs/replay.lane0/000000000000.log: No such file or directory")
  }

  /// Whatever stands in a file, a replay says what is wrong with it, or can be used.
  @Test func forgedStatesAreFaults() throws {
    let settings = ReplayFixture.Settings(lanes: 2, capacity: 24, isPrioritised: true)
    let (replay, fixture) = (settings.makeReplay(), ReplayFixture(settings))
    for _ in 0..<20 { fixture.step(replay) }
    let archive = try write(replay, nil)
    let values = [
      "-1", "0", "1", "7", "9223372036854775807", "-9223372036854775808", "true", "false", "0x7ff0000000000000",
    ]
    var faults = 0
    for (index, scalar) in archive.scalars.enumerated() {
      for value in values {
        var scalars = archive.scalars
        scalars[index].value = value
        let reader = settings.makeReplay()
        do {
          try Archive(scalars: scalars, tensors: archive.tensors).part("replay", reader)
          _ = reader.contents()
          fixture.step(reader)
        } catch {
          faults += 1
          #expect("\(error)".contains("the checkpoint's entry"), "\(scalar.name)=\(value): \(error)")
        }
      }
    }
    #expect(faults > 50)
    for (index, entry) in archive.tensors.enumerated() {
      for fill: UInt8 in [0, 1, 255] {
        var tensors = archive.tensors
        tensors[index].tensor.bytes = [UInt8](repeating: fill, count: entry.tensor.bytes.count)
        let reader = settings.makeReplay()
        do {
          try Archive(scalars: archive.scalars, tensors: tensors).part("replay", reader)
          _ = reader.contents()
          fixture.step(reader)
        } catch { #expect("\(error)".contains("priorities"), "\(entry.name): \(error)") }
      }
      var tensors = archive.tensors
      tensors[index].tensor.bytes = []
      tensors[index].tensor.shape = [0]
      #expect(throws: ArchiveError.self, "\(entry.name)") {
        try Archive(scalars: archive.scalars, tensors: tensors).part("replay", settings.makeReplay())
      }
    }
  }
}
