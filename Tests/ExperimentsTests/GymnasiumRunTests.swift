import Environments
import Experiments
import Foundation
import Reports
import Support
import TestSupport
import Testing

/// Runs on environments in a Python worker that goes wrong in every way.
@Suite(.enabled(if: PythonWorker.isThere, "python3 is missing")) struct GymnasiumRunTests {
  private let worker = PythonWorker()

  private func bench(
    _ kwargs: JSONObject = [:], _ others: JSONObject = [:], environments: Int = 1, agent: String = "random"
  ) throws -> Bench {
    let settings: JSON = [
      "environment": .object(worker.settings(kwargs, others)), "agent": ["type": .string(agent)],
      "training": ["environmentSteps": .integer(60), "environments": .integer(environments)],
      "evaluation": ["every": .integer(30), "episodes": .integer(2)], "checkpoint": ["every": .integer(20)],
      "logging": ["progressEvery": .integer(15)],
    ]
    var bench = try Bench(settings.prettyText)
    bench.agent = nil
    return bench
  }

  private func reason(_ bench: Bench) throws -> String {
    try #require(RunStatus.read("\(try bench.seed())/status.json")).reason ?? ""
  }

  /// How many episodes ended in success stands in every form of the table, where the task has such a word.
  @Test(arguments: ["is_success", ""]) func successesAreCounted(name: String) throws {
    let bench = try bench(["success": .string(name)])
    try bench.train()
    var evaluation = PolicyEvaluation()
    evaluation.episodes = 12
    let report = try evaluation.run("\(try bench.seed())/checkpoints/latest")
    let table = EvaluationTable([report, report])
    let rows = String(decoding: table.csv, as: UTF8.self).split(separator: "\n").dropFirst().prefix(12)
    let cells = rows.map { $0.split(separator: ",", omittingEmptySubsequences: false).last.map(String.init) ?? "" }
    guard !name.isEmpty else {
      #expect(report.successRate == nil && table.overallSuccess == nil && cells == [String](repeating: "", count: 12))
      #expect(!table.lines.joined().contains("success") && table.json[0].object?["success_rate"] == nil)
      return
    }
    let (rate, count) = (try #require(report.successRate), cells.count { $0 == "true" })
    #expect((1..<12).contains(count) && cells.count { $0 == "false" } == 12 - count && rate == Double(count) / 12)
    let percent = "\(NumberText.short(100 * rate)) %"
    #expect(table.lines[0].hasSuffix("success") && table.lines[1].hasSuffix(percent))
    #expect(table.lines[3].hasSuffix(", success \(percent)"))
    for place in [0, 2] { #expect(table.json[place].object?["success_rate"] == .finite(rate)) }
  }

  /// What goes wrong in a step → what the run says; all end with code 1, but for numbers that are not finite.
  @Test(arguments: [
    ("raise", "raised an error in step 3 of the episode of copy 0: ValueError: the point is lost", ExitCode.failure),
    ("exit", "its worker ended with status 3 when it was to step", .failure),
    ("sys.exit", "raised an error in step 3 of the episode of copy 0: SystemExit: the point leaves", .failure),
    ("kill", "its worker was killed by signal 9", .failure),
    ("hang", "its worker took more than 0.5 s to step and was killed", .failure),
    ("memory", "MemoryError: no room for a point", .failure),
    ("shape", "step 3 of the episode of copy 0: the observation has shape (1,), its space has (2,)", .failure),
    ("old", "it speaks the interface of the old gym package", .failure),
    ("reset", "raised an error in the reset of copy 0: ValueError: the point does not begin", .failure),
    ("nan", "observation[0] is not finite", .diverged), ("reward", "reward is not finite", .diverged),
  ])
  func aFaultIsNamed(fault: String, text: String, code: ExitCode) throws {
    let bench = try bench(["fault": .string(fault)], ["stepSeconds": .finite(0.5)])
    #expect(try bench.train().exitCode == code)
    let reason = try reason(bench)
    #expect(reason.contains(text), "\(reason)")
    // The end of what the worker printed, where the environment said something.
    let isSaid = !["old", "reset", "nan", "reward", "shape"].contains(fault)
    #expect(!isSaid || reason.contains("something is wrong with the point"), "\(reason)")
  }

  /// What cannot be made is a mistake of the configuration, before anything is written.
  @Test(
    arguments: [
      (["kwargs": ["fault": "make"]], "raised an error in making it: ValueError: no point today"),
      (["python": "/nowhere/python"], "the Python at /nowhere/python cannot be started: No such file or directory"),
      (["imports": ["no_such_module"]], "has no module \"no_such_module\""),
      (
        ["kwargs": ["fault": "make hangs"], "startSeconds": .finite(0.5)],
        "took more than 0.5 s to make the environment"
      ),
      (["kwargs": ["no_argument": true]], "unexpected keyword argument 'no_argument'"),
    ] as [(JSONObject, String)])
  func whatCannotBeMadeIsNamed(settings: JSONObject, text: String) throws {
    let bench = try bench([:], settings)
    let error = error { try bench.plan() }
    #expect(error?.exitCode == .configuration)
    #expect(error?.description.contains(text) == true, "\(error?.description ?? "nothing")")
    #expect(FileSystem.kind(of: bench.out) == nil)
  }

  @Test func aPythonWithoutGymnasiumIsNamedWithTheRemedy() throws {
    let bench = try bench([:], ["python": .string(worker.python("missing"))])
    let error = error { try bench.plan() }
    #expect(error?.exitCode == .configuration)
    #expect(error?.description.contains("has no module \"gymnasium\"; scripts/setup-gymnasium.sh classic") == true)
  }

  /// What an environment prints is nobody's business, however much it is.
  @Test func rubbishOnStandardOutputChangesNothing() throws {
    let (noisy, quiet) = (try bench(["fault": "noise"]), try bench())
    #expect(try noisy.train().exitCode == .success)
    #expect(try quiet.train().exitCode == .success)
    #expect(text("\(try noisy.seed())/episodes.csv").split(separator: "\n").count > 2)
    let tables = try [noisy, quiet].map { try withoutClocks("\(try $0.seed())/episodes.csv", columns: 1) }
    #expect(tables[0] == tables[1])
  }

  /// A worker that fails is started again: its episodes count as truncated, and the run comes to its end.
  @Test(arguments: ["raise", "exit", "kill", "hang"], [1, 3])
  func aWorkerIsStartedAgain(fault: String, environments: Int) throws {
    let mark = worker.mark("\(fault)-\(environments)")
    let bench = try bench(
      ["fault": .string(fault), "once": .string(mark)], ["restarts": .integer(2), "stepSeconds": .finite(0.5)],
      environments: environments)
    #expect(try bench.train().exitCode == .success)
    #expect(bench.recorder.warnings.contains { $0.contains("restart 1 of 2; the episode counts as truncated") })
    let rows = try CSVTable.read("\(try bench.seed())/episodes.csv").rows(EpisodeRow.self)
    #expect(rows.prefix(environments).allSatisfy { $0.isTruncated && !$0.isTerminated && $0.length == 3 }, "\(rows)")
  }

  /// No more often than was said.
  @Test func restartsAreCounted() throws {
    let bench = try bench(["fault": "exit"], ["restarts": .integer(2)])
    #expect(try bench.train().exitCode == .failure)
    #expect(bench.recorder.warnings.filter { $0.contains("restart") }.count == 2)
  }

  /// In an evaluation the episode is played again: its result is that of a worker that never failed.
  @Test func anEvaluationIsWhatItWouldHaveBeen() throws {
    // The first worker lives through the training, whose 30 steps come before the evaluation's.
    let sound = try bench()
    #expect(try sound.train().exitCode == .success)
    let failing = try bench(
      ["fault": "exit", "at": .integer(40), "once": .string(worker.mark("evaluation"))], ["restarts": .integer(1)])
    #expect(try failing.train(["training.environmentSteps=30", "evaluation.episodes=6"]).exitCode == .success)
    let whole = try bench()
    #expect(try whole.train(["training.environmentSteps=30", "evaluation.episodes=6"]).exitCode == .success)
    #expect(failing.recorder.warnings.contains { $0.contains("played again in an evaluation") })
    let tables = try [failing, whole].map { try withoutClocks("\(try $0.seed())/eval.csv", columns: 1) }
    #expect(tables[0] == tables[1])
  }

  /// Interrupted in mid-episode, then gone on with: the bytes of a run that never was. With the states of the
  /// environments, and without them.
  @Test(arguments: [true, false], [1, 3]) func aRunGoesOnToTheSameBytes(givesState: Bool, environments: Int) throws {
    let wrappers: JSONObject = givesState ? [:] : ["pythonWrappers": [["gymnasium:Pusher": [:]]]]
    let (cut, whole) = (
      try bench([:], wrappers, environments: environments), try bench([:], wrappers, environments: environments)
    )
    #expect(try cut.train(stop: once(.step(environments == 1 ? 17 : 18))).exitCode == .interrupted)
    #expect(try cut.train().exitCode == .success)
    #expect(try whole.train().exitCode == .success)
    #expect(try reproducible(try cut.seed()) == reproducible(try whole.seed()))
    #expect(cut.recorder.warnings == [])
  }

  /// The interpreter, its versions and the patience with it are no part of an experiment.
  @Test func theInterpreterIsFreeToChange() throws {
    let bench = try bench()
    #expect(try bench.train(["training.environmentSteps=20"]).exitCode == .success)
    let other = worker.python("fake", "bare")
    #expect(try bench.train(["environment.python=\(other)", "environment.restarts=3"]).exitCode == .success)
    #expect(try FileSystem.list(bench.out).count == 1)
    let record = text("\(try bench.seed())/run.json")
    #expect(record.contains("\"gymnasium\": \"fake\""))
  }
}

/// A run on Gymnasium's environments in a worker against one on those of this program.
@Suite(.enabled(if: PythonWorker.gymnasium != nil, "no Python has gymnasium: scripts/setup-gymnasium.sh classic"))
struct GymnasiumRunAgainstNativeTests {
  @Test(arguments: [("CartPole-v1", "dqn", 1), ("CartPole-v1", "dqn", 4), ("Pendulum-v1", "sac", 1)])
  func writesTheSameTablesAndWeights(id: String, agent: String, environments: Int) throws {
    let python = try #require(PythonWorker.gymnasium)
    let seeds = try [id, "gymnasium:\(id)"].map { id -> String in
      var environment: JSONObject = ["id": .string(id)]
      if id.hasPrefix("gymnasium:") { environment["python"] = .string(python) }
      let settings: JSON = [
        "environment": .object(environment),
        "agent": ["type": .string(agent), "initialRandomSteps": .integer(60), "hiddenSizes": [.integer(16)]],
        "training": ["environmentSteps": .integer(240), "environments": .integer(environments)],
        "evaluation": ["every": .integer(120), "episodes": .integer(2)], "logging": ["progressEvery": .integer(60)],
      ]
      var bench = try Bench(settings.prettyText)
      bench.agent = nil
      #expect(try bench.train().exitCode == .success)
      kept.withLock { $0.append(bench.folder) }
      return try bench.seed()
    }
    let contents = try seeds.map(reproducible)
    for part in ["episodes", "eval", "progress", "weights"] { #expect(contents[0][part] == contents[1][part]) }
  }

  private let kept = Guarded<[TemporaryFolder]>([])
}
