import Foundation
import Reports
import Support
import Testing

import Experiments

/// Run directories that were copied, moved or looked at, and commands that find nothing to do in them.
@Suite struct RunPlaceTests {
  /// Every file under a folder with its content; links by where they lead.
  private func contents(_ folder: String) throws -> [String: String] {
    var found: [String: String] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
      let path = "\(folder)/\(name)"
      if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) {
        found[name] = "-> \(target)"
      } else if FileSystem.kind(of: path) == .file {
        found[name] = try FileChecksum.ofFile(path)
      }
    }
    return found
  }

  // MARK: Nothing to do

  @Test func aCommandThatDoesNoWorkChangesNothing() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(70)))
    let before = try contents(try bench.run())
    let result = try bench.train(["training.environmentSteps=50", "checkpoint.every=7"])
    #expect(try contents(try bench.run()) == before)
    #expect(result.exitCode == .success)
    #expect(result.requestedSteps == 50)
    guard case .surpassed(70, requested: 50, let recorded?) = result.ends[0].end else {
      return #expect(Bool(false), "\(result.ends[0].end)")
    }
    #expect(recorded.state == .interrupted && recorded.total == 200)
    #expect(
      result.ends[0].end.reason
        == "has 70 steps, more than the 50 asked for; interrupted on the way to 200: go on with "
        + "training.environmentSteps=200")
    // A requeue script that comes back to the run itself finds its length unchanged.
    #expect(try bench.train(path: try bench.run()).exitCode == .success)
    #expect(try reproducible(try bench.seed()) == ResumeTests.undisturbed())
  }

  @Test func theAdviceOfALongerRunWorks() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(70)))
    let reason = try #require(try bench.train(["training.environmentSteps=50"]).ends[0].end.reason)
    let advice = try #require(reason.components(separatedBy: "go on with ").last)
    #expect(try bench.train([advice]).exitCode == .success)
    #expect(try reproducible(try bench.seed()) == ResumeTests.undisturbed())
  }

  @Test func aFinishedLongerRunSaysWhoseResultsTheseAre() throws {
    let bench = try Bench(Bench.small)
    try bench.train()
    let before = try contents(try bench.run())
    let end = try bench.train(["training.environmentSteps=150"]).ends[0].end
    #expect(end.reason == "has 200 steps, more than the 150 asked for; its results are those of all of them")
    #expect(end.state == .done)
    #expect(try contents(try bench.run()) == before)
  }

  @Test func anotherSeedOfALongerRunIsOfTheLengthAskedFor() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(70)))
    let result = try bench.train(["training.environmentSteps=50"], seeds: [0, 1])
    #expect(RunStatus.read("\(try bench.seed(0))/status.json")?.total == 200)
    #expect(RunStatus.read("\(try bench.seed(1))/status.json")?.total == 50)
    guard case .done(50, false) = result.ends[1].end else { return #expect(Bool(false), "\(result.ends[1].end)") }
  }

  @Test func seedsAtDifferentStepsAreTold() throws {
    var bench = try Bench(Bench.small)
    bench.agent = nil
    try bench.train(["training.environmentSteps=50"], seeds: [0, 1])
    try bench.train(["training.environmentSteps=100"], seeds: [1])
    let reports = try CheckpointTarget(try bench.run()).checkpoints(.latest).map { checkpoint in
      try checkpoint.read { try PolicyEvaluation().run($0) }
    }
    #expect(
      EvaluationTable(reports).unequalSteps == "the seeds stand at different steps: seed 0 at 50, seed 1 at 100")
    #expect(EvaluationTable([reports[0]]).unequalSteps == nil)
  }

  @Test func whereOneIsNeededARunOfSeveralIsRefused() throws {
    let bench = try Bench(Bench.small)
    try bench.train(["training.environmentSteps=50"], seeds: [0, 1])
    let one = try CheckpointTarget(try bench.seed(1)).checkpoint(.latest, for: "one policy acts")
    #expect(try one.read { try Checkpoint.read($0).manifest.seed } == 1)
    let run = try CheckpointTarget(try bench.run())
    let found = try #require(error { try run.checkpoint(.latest, for: "one policy acts") })
    #expect("\(found)" == "one policy acts; name one seed or checkpoint, this run has 2")
    #expect(found.exitCode == .usage)
  }

  // MARK: Copies

  enum Remains: CaseIterable { case copy, onlyCopy, foreignFolder, file, nothing }

  @Test(arguments: Remains.allCases)
  func whateverStandsAtTheLinksARunGoesOn(_ remains: Remains) throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(70)))
    let checkpoints = "\(try bench.seed())/checkpoints"
    let store = CheckpointStore(checkpoints)
    for pointer in [CheckpointStore.Pointer.latest, .best] {
      let link = "\(checkpoints)/\(pointer.rawValue)"
      let target = "\(checkpoints)/\(try FileManager.default.destinationOfSymbolicLink(atPath: link))"
      try FileSystem.removeTree(link)
      switch remains {
      case .copy: try FileManager.default.copyItem(atPath: target, toPath: link)
      case .onlyCopy: if pointer == .latest { try FileSystem.move(target, to: link) }
      case .foreignFolder:
        try FileSystem.createFolder(link)
        try FileSystem.writeAtomically("mine", to: "\(link)/note.txt")
      case .file: try FileSystem.writeAtomically("step-000000050", to: link)
      case .nothing: break
      }
    }
    // Read before any run mends it.
    if remains != .onlyCopy {
      let target = try CheckpointTarget(try bench.seed())
      let steps = try [CheckpointStore.Pointer.latest, .best].map { pointer in
        try target.checkpoints(pointer)[0].read { try Checkpoint.read($0).manifest.step }
      }
      #expect(steps == [70, 50])
      guard remains != .nothing else { return try goOn(bench, store) }
      let named = try CheckpointTarget("\(checkpoints)/latest").checkpoints(.latest)
      #expect(try named[0].read { try Checkpoint.read($0).manifest.step } == 70)
    }
    try goOn(bench, store)
    if remains == .foreignFolder { #expect(text("\(checkpoints)/latest-aside/note.txt") == "mine") }
  }

  private func goOn(_ bench: Bench, _ store: CheckpointStore) throws {
    #expect(try bench.train().exitCode == .success)
    #expect(try reproducible(try bench.seed()) == ResumeTests.undisturbed())
    for pointer in [CheckpointStore.Pointer.latest, .best] {
      let target = try FileManager.default.destinationOfSymbolicLink(
        atPath: "\(store.directory)/\(pointer.rawValue)")
      #expect(try store.path(pointer) == "\(store.directory)/\(target)")
    }
  }

  @Test func noBestWithoutAnEvaluation() throws {
    let bench = try Bench(Bench.small)
    try bench.train(["evaluation.episodes=0"])
    let checkpoints = "\(try bench.seed())/checkpoints"
    #expect(FileSystem.kind(of: "\(checkpoints)/best") == nil)
    let found = try #require(error { try CheckpointTarget(try bench.seed()).checkpoints(.best) })
    #expect("\(found)".contains("has no best checkpoint, for no evaluation"))
    #expect(found.exitCode == .usage)
    let ofRun = try #require(error { try CheckpointTarget(try bench.run()).checkpoints(.best) })
    #expect("\(ofRun)".contains("has no best checkpoint"))
  }

  // MARK: Moved and removed while it works

  @Test(arguments: [36, 45, 60, 199])
  func aRunThatIsMovedIsStoredWhereItIs(step: Int) throws {
    let bench = try Bench(Bench.small)
    let (old, new) = (bench.out, "\(bench.folder.path)/elsewhere")
    let isMoved = Flag()
    let result = try bench.train(stop: { _, point in
      if point == .step(step), isMoved.raise() { try? FileSystem.move(old, to: new) }
      return false
    })
    #expect(result.exitCode == .failure)
    let reason = try #require(result.ends[0].end.reason)
    #expect(reason.contains("was moved to \(new)"))
    #expect(FileSystem.kind(of: old) == nil, "nothing is made where it was")
    let run = "\(new)/\(try #require(try FileSystem.list(new).first))"
    #expect(reason.contains("Go on with: mbrl train \(run)"))
    let status = try #require(RunStatus.read("\(run)/seed-0/status.json"))
    #expect(status.state == .failed && status.step > step && status.step < step + 16)
    #expect(try CheckpointStore("\(run)/seed-0/checkpoints").steps().first == status.step)
    #expect(try bench.train(path: run).exitCode == .success)
    #expect(try reproducible("\(run)/seed-0") == ResumeTests.undisturbed())
  }

  @Test func aRunThatIsRemovedEnds() throws {
    let bench = try Bench(Bench.small)
    let out = bench.out
    let result = try bench.train(stop: { _, point in
      if point == .step(60) { try? FileSystem.removeTree(out) }
      return false
    })
    #expect(result.exitCode == .failure)
    #expect(result.ends[0].end.reason?.contains("was removed while the run was at step") == true)
    #expect(FileSystem.kind(of: out) == nil)
  }

  // MARK: Read while it works

  @Test func aCheckpointThatGoesWhileItIsReadGivesTheNextOne() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(70)))
    let store = CheckpointStore("\(try bench.seed())/checkpoints")
    let first = try #require(try store.path(.latest))
    let reference = try CheckpointTarget(try bench.seed()).checkpoints(.latest)[0]
    var read: [String] = []
    let step = try reference.read { path in
      read.append(path)
      if read.count == 1 {
        try bench.train(stop: once(.step(140)))
        try FileSystem.removeTree(first)
      }
      return try Checkpoint.read(path).manifest.step
    }
    #expect(step == 140)
    #expect(read == [first, store.path(140)])
  }

  @Test func aDamagedCheckpointIsNotReadAgain() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(70)))
    let reference = try CheckpointTarget(try bench.seed()).checkpoints(.latest)[0]
    var attempts = 0
    let found = error {
      try reference.read { path in
        attempts += 1
        try FileSystem.writeAtomically("{", to: "\(path)/\(Checkpoint.weightsName)")
        return try Checkpoint.read(path)
      }
    }
    #expect(found?.exitCode == .checkpoint)
    #expect(attempts == 1)
  }
}
