import Algorithms
import Support
import TestSupport
import Testing

import Experiments

/// The run directory says which layout it has, and another one is refused before anything is read or written.
@Suite struct RunFormatTests {
  @Test func aRunSaysItsFormat() throws {
    let bench = try Bench(Bench.small)
    try bench.train()
    let document = try JSONParser.read("\(try bench.run())/\(RunFormat.fileName)")
    #expect(document.object?["version"]?.integer == Version.runDirectory)
    #expect(document.object?["format"]?.string == "mbrl run directory")
  }

  @Test(arguments: [
    (
      "{\"format\": \"mbrl run directory\", \"version\": 2, \"program\": \"mbrl 9.9\"}",
      "a run directory of version 2, made by mbrl 9.9; mbrl \(Version.program) works on version 1. Use that program"
    ),
    ("{\"format\": \"mbrl run directory\", \"version\": 0}", "version 0, made by another program"),
    ("{\"format\": \"other\", \"version\": 1}", "format.json is not that of a run of this program"),
    ("[]", "format.json is not that of a run of this program"),
    ("", "its format cannot be told: "), ("{\"version\": ", "its format cannot be told: "),
  ])
  func anotherFormatIsRefused(text: String, reason: String) throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(40)))
    let run = try bench.run()
    try FileSystem.writeAtomically(text, to: "\(run)/\(RunFormat.fileName)")
    let before = try reproducible(try bench.seed())
    for refusal in [
      error { try bench.plan() }, error { try bench.plan(path: run) },
      error { try CheckpointTarget(run).checkpoints(.latest) },
      error { try CheckpointTarget(try bench.seed()).checkpoints(.latest) },
    ] {
      #expect(refusal?.exitCode == .checkpoint)
      #expect("\(try #require(refusal))".contains(reason), "\(String(describing: refusal))")
    }
    #expect(try reproducible(try bench.seed()) == before)
    // A fresh directory stands beside it.
    #expect(try bench.train(resume: .never).exitCode == .success)
    #expect(try FileSystem.list(bench.out).count == 2)
  }

  /// A run goes on without the columns that its agent did not have when it began.
  @Test func anAgentsColumnsMayBeAdded() throws {
    let folder = TemporaryFolder()
    let table = TableDeclaration("model", ["loss"])
    let files = try RunFiles.create(in: folder.path, metrics: Metrics(names: ["first"], tables: [table]))
    var offsets = try files.synchronizedOffsets()
    for names in [["first", "second"], ["zeroth", "first"]] {
      var metrics = Metrics(names: names, tables: [TableDeclaration("model", ["age", "loss"])])
      for (index, name) in names.enumerated() { metrics.record(name, name == "first" ? 7 : Double(index)) }
      metrics.append(to: "model", [.integer(3), .number(0.5)])
      let files = try RunFiles.reopen(in: folder.path, metrics: metrics, at: offsets)
      try files.appendProgress(step: 1, episodes: 0, recentMean: nil, metrics, stepsPerSecond: 2, seconds: 3)
      try files.appendTables(metrics, step: 1, seconds: 3)
      offsets = try files.synchronizedOffsets()
    }
    #expect(
      folder.text("progress.csv")
        == "env_step,updates,episodes,return_mean_100,first,buffer_size,steps_per_s,wall_s\n"
        + String(repeating: "1,0,0,,7.0,,2.0,3.0\n", count: 2))
    #expect(folder.text("model.csv") == "env_step,loss,wall_s\n" + String(repeating: "1,0.5,3.0\n", count: 2))
    #expect(throws: FileError.self) {
      try RunFiles.reopen(in: folder.path, metrics: Metrics(names: ["other"], tables: [table]), at: offsets)
    }
  }

  /// Directories from before the file existed are of version 1, and get it.
  @Test func aRunWithoutFormatIsCompleted() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(40)))
    try FileSystem.removeTree("\(try bench.run())/\(RunFormat.fileName)")
    #expect(try bench.train().exitCode == .success)
    #expect(text("\(try bench.run())/\(RunFormat.fileName)") == RunFormat.text)
    #expect(try reproducible(try bench.seed()) == ResumeTests.undisturbed())
  }
}

/// Tables are looked at together before one is cut.
@Suite struct TableDamageTests {
  @Test func aTableThatDoesNotFitLeavesTheOthersAsTheyAre() throws {
    let bench = try Bench(Bench.small)
    try bench.train(stop: once(.step(72)))
    let folder = try bench.seed()
    try FileSystem.writeAtomically("a,b,c\n" + String(repeating: "1,2,3\n", count: 100), to: "\(folder)/model.csv")
    let before = ["episodes", "eval", "progress", "model"].map { text("\(folder)/\($0).csv") }
    #expect(try bench.train().exitCode == .checkpoint)
    #expect(["episodes", "eval", "progress", "model"].map { text("\(folder)/\($0).csv") } == before)
  }
}
