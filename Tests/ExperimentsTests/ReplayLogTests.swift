import Algorithms
import Support
import TestSupport
import Testing

import Experiments

/// The replay's log beside the checkpoints of a run: what a kill, damage, an evaluation or a copy do to it.
@Suite struct ReplayLogTests {
  private func log(_ bench: Bench) throws -> String { "\(try bench.seed())/logs/replay.lane0/000000000000.log" }
  private func bytes(_ path: String) throws -> [UInt8] { try FileSystem.read(path, limit: 1 << 20) }

  private func expectUndisturbed(_ bench: Bench) throws {
    let (found, expected) = (try reproducible(try bench.seed()), try ResumeTests.undisturbed())
    for name in expected.keys.sorted() { #expect(found[name] == expected[name], "\(name)") }
  }

  /// Killed after the log was extended and before the checkpoint got its name, in the middle of a record too.
  @Test(arguments: [0, 1, 5]) func recordsWithoutACheckpointAreWrittenAnew(half: Int) throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(90)))
    let checkpoints = CheckpointStore("\(try bench.seed())/checkpoints")
    try FileSystem.removeTree(checkpoints.path(90))
    try FileSystem.removeTree(checkpoints.path(70))
    try AppendFile(reopening: try log(bench)).append([UInt8](repeating: 9, count: half))
    #expect(try bench.train().exitCode == .success)
    #expect(bench.recorder.warnings.isEmpty)
    try expectUndisturbed(bench)
    let undisturbed = try Bench(Bench.small)
    try undisturbed.train()
    #expect(try bytes(try log(bench)) == bytes(try log(undisturbed)))
  }

  /// Damage after what the older checkpoint needs is survived, damage before it is named.
  @Test func damageIsFoundAndTheOneBeforeIsUsed() throws {
    let bench = try Bench(Bench.small)
    try bench.train(["checkpoint.keep=2"], stop: once(.step(90)))
    try CheckpointTests.damage(try log(bench), .flipLast)
    #expect(try bench.train().exitCode == .success)
    #expect(
      bench.recorder.warnings == [
        "checkpoint step-000000090 cannot be used and is set aside as damaged-step-000000090: "
          + "cannot read \(try log(bench)): it does not have the checkpoint's checksum: damaged"
      ])
    try expectUndisturbed(bench)
  }

  @Test(arguments: [CheckpointTests.Damage.flipFirst, .emptied, .removed])
  func withoutItsLogNoCheckpointCanBeUsed(damage: CheckpointTests.Damage) throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(90)))
    try CheckpointTests.damage(try log(bench), damage)
    let left = try? bytes(try log(bench))
    let result = try bench.train()
    #expect(result.exitCode == .checkpoint)
    guard case .failed(let error) = result.ends[0].end else { return #expect(Bool(false)) }
    for step in [90, 70] {
      #expect(error.description.contains("step-0000000\(step): cannot "), "\(error)")
      #expect(error.description.contains(try log(bench)))
    }
    #expect((try? bytes(try log(bench))) == left)
  }

  /// Whoever looks at an older checkpoint beside a training run cuts nothing, and one that was copied alone can be
  /// evaluated too.
  @Test func evaluationsNeedNoLogAndTouchNone() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(90)))
    let configuration = try bench.plan().experiment.configuration
    func mean(_ path: String, _ logs: LogFolder?) throws -> (mean: Double, facts: String) {
      let loop = try RunLoop(configuration, seed: 0, threads: 1)
      try loop.restore(try Checkpoint.read(path), logs)
      var episodes: [Evaluation.Episode] = []
      _ = try loop.evaluate(Evaluation(episodes: 3, seed: 5), into: &episodes, shouldStop: { false })
      return (EvaluationResult(episodes: episodes).mean, "\(loop.agent.facts)")
    }
    let path = "\(try bench.seed())/checkpoints/step-000000070"
    let before = try bytes(try log(bench))
    let whole = try mean(path, LogFolder(Checkpoint.logs(of: path)))
    #expect(whole.facts.contains("(name: \"transitions\", value: \"55\")"), "\(whole.facts)")
    let copy = TemporaryFolder()
    try FileSystem.move(path, to: copy.file("alone"))
    let alone = try mean(copy.file("alone"), nil)
    #expect(alone.mean == whole.mean && alone.facts.contains("(name: \"transitions\", value: \"0\")"))
    #expect(try bytes(try log(bench)) == before)
    #expect(try bench.train().exitCode == .success)
    try expectUndisturbed(bench)
  }

  @Test func aRunKilledBeforeItsFirstCheckpointOverwritesItsLog() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(0)))
    try FileSystem.removeTree("\(try bench.seed())/checkpoints")
    try FileSystem.createFolder(FileSystem.folder(of: try log(bench)))
    try FileSystem.writeAtomically([UInt8](repeating: 1, count: 5000), to: try log(bench))
    #expect(try bench.train().exitCode == .success)
    try expectUndisturbed(bench)
  }

  /// A ring of 30 rows in segments of 10: three checkpoints and the protected one can be restored, the rest is gone.
  @Test func segmentsGoWithTheCheckpointsThatNeededThem() throws {
    let folder = TemporaryFolder()
    let store = CheckpointStore(folder.file("checkpoints"))
    let logs = LogFolder(store.logs, segmentBytes: 40)
    func archive(_ archive: Archive, _ count: Int) throws -> [UInt8] {
      var found: [UInt8] = []
      _ = try archive.log(
        "ring", recordSize: 4, max(0, count - 30)..<count,
        write: { numbers, bytes in for place in bytes.indices { bytes[place] = UInt8(numbers.lowerBound + place / 4) }
        },
        read: { found += $1 })
      return found
    }
    for count in stride(from: 10, through: 200, by: 10) {
      let writing = Archive(in: logs)
      _ = try archive(writing, count)
      let manifest = CheckpointManifest(
        configurationHash: "h", settings: JSONObject(), agent: "a", environment: "e", seed: 0, step: count)
      try store.write(writing, manifest, keep: 3, protected: [50])
      for step in try store.steps() {
        let checkpoint = try Checkpoint.read(store.path(step))
        let expected = (max(0, step - 30)..<step).flatMap { [UInt8](repeating: UInt8($0), count: 4) }
        #expect(try archive(checkpoint.makeArchive(LogFolder(Checkpoint.logs(of: store.path(step)))), step) == expected)
      }
      #expect(try FileSystem.list("\(store.logs)/ring").count <= 8)
    }
    let left = ["000000000020", "000000000030", "000000000040"] + (15..<20).map { "000000000\($0)0" }
    #expect(try FileSystem.list("\(store.logs)/ring") == left.map { "\($0).log" })
    // Nobody knows what a damaged checkpoint needs: then all stays.
    try CheckpointTests.damage("\(store.path(50))/state.json", .cutInHalf)
    let writing = Archive(in: logs)
    _ = try archive(writing, 240)
    try store.write(
      writing,
      CheckpointManifest(
        configurationHash: "h", settings: JSONObject(), agent: "a", environment: "e", seed: 0, step: 240),
      keep: 1, protected: [50])
    #expect(try FileSystem.list("\(store.logs)/ring").count == 11)
  }
}
