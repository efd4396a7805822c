import Support
import TestSupport
import Testing

import Experiments

/// Damage of every kind is found, named, and survived where an older checkpoint is intact.
@Suite struct CheckpointTests {
  /// How a file can be damaged.
  enum Damage: String, CaseIterable { case cutInHalf, cutLastByte, emptied, flipFirst, flipMiddle, flipLast, removed }

  static func damage(_ path: String, _ damage: Damage) throws {
    var bytes = try FileSystem.read(path, limit: 1 << 30)
    switch damage {
    case .cutInHalf: bytes.removeLast(bytes.count / 2)
    case .cutLastByte: bytes.removeLast()
    case .emptied: bytes = []
    case .flipFirst: bytes[0] ^= 1
    case .flipMiddle: bytes[bytes.count / 2] ^= 4
    case .flipLast: bytes[bytes.count - 1] ^= 0x20
    case .removed: return try FileSystem.removeTree(path)
    }
    try FileSystem.writeAtomically(bytes, to: path)
  }

  static let files = [CheckpointManifest.fileName, Checkpoint.weightsName, Checkpoint.stateName]

  @Test(arguments: files, Damage.allCases)
  func damageIsFoundAndTheOneBeforeIsUsed(file: String, damage: Damage) throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(72)))
    let latest = "\(try bench.seed())/checkpoints/step-000000072"
    try Self.damage("\(latest)/\(file)", damage)
    let found = error { try Checkpoint.read(latest) }
    if file == CheckpointManifest.fileName && (damage == .flipLast || damage == .cutLastByte) {
      // The line feed at the end of the document: no harm done.
      if found == nil { return }
    }
    #expect(found?.exitCode == .checkpoint, "\(String(describing: found))")
    if damage == .flipLast || damage == .cutInHalf {
      #expect(try bench.train().exitCode == .success)
      #expect(bench.recorder.warnings.count == 1)
      #expect(
        bench.recorder.warnings[0].hasPrefix(
          "checkpoint step-000000072 cannot be used and is set aside as damaged-step-000000072: "))
      #expect(try reproducible(try bench.seed()) == ResumeTests.undisturbed())
    }
  }

  @Test func everyByteOfTheManifestIsGuarded() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(20)))
    let path = "\(try bench.seed())/checkpoints/step-000000020"
    let original = try FileSystem.read("\(path)/state.json", limit: 1 << 20)
    let expected = try Checkpoint.readManifest(path)
    for index in stride(from: 0, to: original.count, by: 7) {
      var bytes = original
      bytes[index] ^= 1
      try FileSystem.writeAtomically(bytes, to: "\(path)/state.json")
      // Either refused, or nothing but white space changed.
      if let manifest = try? Checkpoint.readManifest(path) { #expect(manifest == expected, "byte \(index)") }
    }
  }

  @Test func withoutAnyIntactCheckpointTheReasonsAreListed() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(72)))
    let checkpoints = CheckpointStore("\(try bench.seed())/checkpoints")
    let before = try withoutClocks("\(try bench.seed())/episodes.csv", columns: 1)
    for step in try checkpoints.steps() {
      try Self.damage("\(checkpoints.path(step))/\(Checkpoint.stateName)", .cutLastByte)
    }
    let result = try bench.train()
    #expect(result.exitCode == .checkpoint)
    guard case .failed(let error) = result.ends[0].end else { return #expect(Bool(false)) }
    let bytes = text("\(checkpoints.path(72))/\(Checkpoint.stateName)").utf8.count
    #expect(error.description.contains("no checkpoint can be used; remove this folder to start the seed anew"))
    #expect(error.description.contains("step-000000072: state.safetensors has "), "\(bytes)")
    #expect(try withoutClocks("\(try bench.seed())/episodes.csv", columns: 1) == before)
  }

  @Test func aCheckpointOfAnotherConfigurationIsRefused() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(40)))
    let other = try Bench(Bench.small)
    try other.train(["environment.stepLimit=13"], stop: once(.step(40)))
    let store = CheckpointStore("\(try bench.seed())/checkpoints")
    for step in try store.steps() { try FileSystem.removeTree(store.path(step)) }
    try FileSystem.move("\(try other.seed())/checkpoints/step-000000040", to: store.path(40))
    let result = try bench.train()
    #expect(result.exitCode == .checkpoint)
    guard case .failed(let error) = result.ends[0].end else { return #expect(Bool(false)) }
    #expect(
      error.description.contains("step-000000040: belongs to another configuration (environment.stepLimit: 13 → 12)"))
  }

  /// A checkpoint of a newer program is not damaged: nothing is set aside, and no older one is used in its place.
  @Test func aCheckpointOfAnotherVersionStays() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(72)))
    let store = CheckpointStore("\(try bench.seed())/checkpoints")
    let path = "\(store.path(72))/\(CheckpointManifest.fileName)"
    try FileSystem.writeAtomically(text(path).replacing("\"version\": 2,", with: "\"version\": 99,"), to: path)
    let before = try FileSystem.list(store.directory)
    let result = try bench.train()
    #expect(result.exitCode == .checkpoint)
    guard case .failed(let found) = result.ends[0].end else { return #expect(Bool(false)) }
    #expect(found.description.contains("go on with the program that wrote them"))
    #expect(found.description.contains("step-000000072: written in format version 99"))
    #expect(try FileSystem.list(store.directory) == before && bench.recorder.warnings.isEmpty)
  }

  /// A table that a spreadsheet has saved is the fault, and not the checkpoints, which nobody should remove.
  @Test func aTableThatDoesNotFitLeavesTheCheckpoints() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(72)))
    let table = "\(try bench.seed())/eval.csv"
    let sound = text(table)
    try FileSystem.writeAtomically(sound.replacing("\n", with: "\r\n"), to: table)
    guard case .failed(let found) = try bench.train().ends[0].end else { return #expect(Bool(false)) }
    #expect(found.exitCode == .checkpoint && found.description.contains("lines that end in CRLF instead of LF"))
    #expect(!found.description.contains("remove this folder"))
    try FileSystem.writeAtomically(sound, to: table)
    #expect(try bench.train().exitCode == .success)
    #expect(try reproducible(try bench.seed()) == ResumeTests.undisturbed())
  }

  /// config.json of a run was edited by hand: the setting is named, and put back the run goes on.
  @Test func anEditedConfigurationIsNamed() throws {
    var bench = try Bench(Bench.small)
    bench.agent = nil
    try bench.train(stop: once(.step(72)))
    let path = RunDirectory(try bench.run()).configurationPath
    let sound = text(path)
    try FileSystem.writeAtomically(sound.replacing("\"stepLimit\": 12", with: "\"stepLimit\": 13"), to: path)
    let found = try #require(error { try bench.train(path: try bench.run()) })
    #expect(found.exitCode == .configuration)
    #expect(found.description.hasPrefix("\(path) was changed after the run began; "))
    #expect(found.description.hasSuffix("\n  environment.stepLimit: 12 → 13"))
    try FileSystem.writeAtomically(sound, to: path)
    #expect(try bench.train(path: try bench.run()).exitCode == .success)
  }

  /// A seed's folder in place of the run's: the answer is the command that goes on with it.
  @Test func aSeedInPlaceOfItsRun() throws {
    var bench = try Bench(Bench.small)
    bench.agent = nil
    try bench.train(seeds: [3], stop: once(.step(72)))
    let found = try #require(error { try bench.plan(path: "\(try bench.seed(3))/") })
    #expect(found.exitCode == .usage)
    #expect(found.description.hasSuffix("to go on with it: mbrl train \(try bench.run()) --seeds 3"))
    #expect(try bench.train(seeds: [3], path: try bench.run()).exitCode == .success)
  }

  @Test func aCheckpointOfAnotherSeedIsRefused() throws {
    let bench = try Bench(Bench.small)
    try bench.train(seeds: [0, 1], stop: { _, point in point == .step(40) })
    for seed in [0] {
      let store = CheckpointStore("\(try bench.seed(seed))/checkpoints")
      for step in try store.steps() { try FileSystem.removeTree(store.path(step)) }
      try FileSystem.move("\(try bench.seed(1))/checkpoints/step-000000040", to: store.path(40))
    }
    let result = try bench.train()
    guard case .failed(let error) = result.ends[0].end else { return #expect(Bool(false)) }
    #expect(error.description.contains("belongs to seed 1"))
  }

  @Test func foreignFilesAreRefused() throws {
    let folder = TemporaryFolder()
    for document in ["", "[]", "{}", "{\"format\": \"pt\"}", "\u{FEFF}{}"] {
      try FileSystem.writeAtomically(document, to: "\(folder.path)/state.json")
      #expect(error { try Checkpoint.read(folder.path) }?.exitCode == .checkpoint)
    }
    let newer = "{\"format\": \"mbrl checkpoint\", \"version\": 99, \"program\": \"9.0\"}"
    try FileSystem.writeAtomically(newer, to: "\(folder.path)/state.json")
    #expect(
      "\(try #require(error { try Checkpoint.read(folder.path) }))".hasSuffix(
        "written in format version 99 by mbrl 9.0; mbrl \(Version.program) reads version \(Version.checkpoint)"))
  }

  /// A full disk, played by a folder that cannot be written: the old checkpoint stays, the error names the path.
  @Test func aFailedWriteLeavesTheOldCheckpoint() throws {
    let folder = TemporaryFolder()
    let archive = Archive()
    var value = 7
    try archive.value("value", &value)
    let manifest = CheckpointManifest(
      configurationHash: "h", settings: JSONObject(), agent: "a", environment: "e", seed: 0, step: 3)
    try Checkpoint.write(archive, manifest, to: "\(folder.path)/step")
    #expect(throws: FileError.self) { try Checkpoint.write(archive, manifest, to: "\(folder.path)/missing/\u{0}/step") }
    #expect(try Checkpoint.read("\(folder.path)/step").manifest.scalars.map(\.value) == ["7"])
    #expect(try FileSystem.list(folder.path) == ["step"])
  }

  @Test func namesAndPruning() throws {
    #expect(CheckpointStore.name(10_000) == "step-000010000")
    #expect(CheckpointStore.name(12_345_678_901) == "step-12345678901")
    #expect(CheckpointStore.step("step-000010000") == 10_000)
    for name in ["step-1", "step-0000100001", "latest", "damaged-step-000010000", "step-00001000x"] {
      #expect(CheckpointStore.step(name) == nil)
    }
    let bench = try Bench(Bench.small)
    try bench.train(["checkpoint.every=10", "checkpoint.keep=3"])
    let store = CheckpointStore("\(try bench.seed())/checkpoints")
    let steps = try store.steps()
    #expect(Array(steps.prefix(3)) == [200, 190, 180])
    let best = try Checkpoint.read(try #require(try store.path(.best))).manifest.step
    #expect(Set(steps) == Set([200, 190, 180, best]))
    #expect(try Checkpoint.read(try #require(try store.path(.latest))).manifest.step == 200)
  }

  @Test func bestIsThatOfTheHighestMean() throws {
    let bench = try Bench(Bench.small)
    try bench.train()
    let table = try CSVTable.read("\(try bench.seed())/eval.csv")
    let means = try table.numbers("return_mean").compactMap { $0 }
    let steps = try table.numbers("env_step").compactMap { $0 }
    let best = try #require(means.firstIndex(of: means.max()!))
    let store = CheckpointStore("\(try bench.seed())/checkpoints")
    let checkpoint = try #require(try store.path(.best))
    #expect(try Checkpoint.read(checkpoint).manifest.step == Int(steps[best]))
  }
}
