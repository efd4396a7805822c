import Experiments
import Reports
import Support
import Testing

/// `--from`: a new run that goes on from another one's checkpoint.
@Suite struct BranchTests {
  private func branch(
    _ bench: Bench, _ overrides: [String], from: String, stop: @escaping StopRequest = { _, _ in false }
  ) throws -> Training.Result {
    var request = TrainingPlan.Request(path: try bench.plan(overrides).experiment.source)
    (request.overrides, request.out, request.from) = (overrides, "\(bench.folder.path)/branches", from)
    let plan = try TrainingPlan(request)
    return Training.run(plan, try Training.claim(plan), observer: bench.recorder, shouldStop: stop)
  }

  /// Under the same settings a branch comes to the bytes of its origin, whatever becomes of that; interrupted, too.
  @Test(arguments: ["pets", "dyna-q", "dyna", "random"])
  func theSameSettingsGiveTheSameBytes(agent: String) throws {
    let bench = try AgentContractTests.bench(agent)
    let overrides = try AgentContractTests.overrides(bench) + ["checkpoint.keep=9"]
    try bench.train(overrides)
    let seed = try bench.seed()
    let origin = "\(seed)/checkpoints/\(CheckpointStore.name(70))"
    #expect(try branch(bench, overrides, from: origin, stop: once(.step(84))).exitCode == .interrupted)
    let result = try branch(bench, overrides, from: origin)
    #expect(result.exitCode == .success)
    #expect(result.directory.path != (try bench.run()))
    let path = "\(result.directory.path)/seed-0"
    let (expected, found) = (try reproducible(seed), try reproducible(path))
    for name in ["weights", "state"] { #expect(found[name] == expected[name], "\(name)") }
    for name in ["episodes", "eval"] {
      let rows = try #require(expected[name]).split(separator: "\n"), branched = try #require(found[name])
      #expect(rows.suffix(branched.split(separator: "\n").count - 1) == branched.split(separator: "\n").dropFirst())
    }
    let record = try #require(try JSONParser.read("\(path)/run.json").object)
    #expect(record["origin"]?.object?["checkpoint"]?.string == origin)
    #expect(record["origin"]?.object?["step"]?.integer == 70)
    #expect(record["sessions"]?.array?.count == 2)
  }

  /// Plans of another shape, or another task of the same shape.
  @Test(arguments: [
    ["planner.horizon=5"], ["planner={\"type\": \"mppi\", \"horizon\": 3, \"population\": 8}"],
    ["environment.stepLimit=7"], ["agent.fitEvery=9", "model.epochs=1"],
  ])
  func otherSettings(changes: [String]) throws {
    let bench = try AgentContractTests.bench("pets")
    let overrides = try AgentContractTests.overrides(bench)
    try bench.train(overrides, stop: once(.step(52)))
    let before = try reproducible(bench.seed())
    let isSection = changes[0].hasPrefix("planner=")
    let kept = overrides.filter { !(isSection && $0.hasPrefix("planner.")) }
    let result = try branch(bench, kept + changes, from: bench.run())
    #expect(result.exitCode == .success)
    #expect(RunStatus.read("\(result.directory.path)/seed-0/status.json")?.step == 100)
    #expect(try reproducible(bench.seed()) == before)
  }

  /// What an alarm advises can be had in a branch of the run that raised it: imagined rows are begun anew.
  @Test(arguments: [
    "agent.trust.penalty=disagreement", "agent.trust.weight=spread", "agent.trust.cut=threshold",
    "agent.trust.cut=information", "agent.trust.cut=halt",
  ])
  func otherTrust(change: String) throws {
    let bench = try AgentContractTests.bench("mbpo")
    let overrides = try AgentContractTests.overrides(bench)
    try bench.train(overrides, stop: once(.step(52)))
    let result = try branch(bench, overrides + [change], from: bench.run())
    #expect(result.exitCode == .success)
    #expect(RunStatus.read("\(result.directory.path)/seed-0/status.json")?.step == 100)
  }

  /// Transitions of other settings stay, and that is said; a model is not read as what it is not.
  @Test func whatChangesItsMeaning() throws {
    let bench = try AgentContractTests.bench("mbpo")
    let overrides = try AgentContractTests.overrides(bench)
    try bench.train(overrides, stop: once(.step(52)))
    #expect(try branch(bench, overrides + ["environment.stepLimit=7"], from: bench.run()).exitCode == .success)
    #expect(bench.recorder.warnings.count { $0.contains("environment.stepLimit: ") && $0.contains(" → 7") } == 1)
    let error = try #require(
      error { try branch(bench, overrides + ["model.target=absolute"], from: bench.run()) })
    #expect("\(error)".contains("leave model.target as it is") && error.exitCode == .checkpoint)
  }

  /// A branch has the transitions of its origin; a file beside them would not be read.
  @Test func aBranchLoadsNoData() throws {
    let bench = try AgentContractTests.bench("mbpo")
    let overrides = try AgentContractTests.overrides(bench)
    try bench.train(overrides, stop: once(.step(52)))
    var request = TrainingPlan.Request(path: try bench.plan(overrides).experiment.source)
    (request.overrides, request.from) = (overrides + ["training.data=none.safetensors"], try bench.run())
    request.out = "\(bench.folder.path)/branches"
    let error = try #require(error { try TrainingPlan(request) })
    #expect("\(error)".contains("remove training.data") && error.exitCode == .usage)
  }

  @Test func whatDoesNotFitIsSaidBeforeAnythingIsWritten() throws {
    let bench = try AgentContractTests.bench("pets")
    let overrides = try AgentContractTests.overrides(bench)
    try bench.train(overrides, stop: once(.step(52)))
    let run = try bench.run()
    for (changes, message) in [
      (["model.hiddenSizes=[9]"], "this configuration needs"), (["training.environmentSteps=52"], "counts them too"),
    ] {
      let error = try #require(error { try branch(bench, overrides + changes, from: run) })
      #expect("\(error)".contains(message), "\(error)")
    }
    var request = TrainingPlan.Request(path: run)
    (request.from, request.seeds) = (run, [4])
    let other = try #require(error { try TrainingPlan(request) })
    #expect("\(other)" == "--from: there is no checkpoint of seed 4 there, only of 0; leave out --seeds")
    #expect(FileSystem.kind(of: "\(bench.folder.path)/branches") == nil)
  }

  /// One learned model under other planners and in a variant of its task.
  @Test func aPolicyIsEvaluatedUnderOtherSettings() throws {
    let bench = try AgentContractTests.bench("pets")
    try bench.train(try AgentContractTests.overrides(bench))
    let path = "\(try bench.seed())/checkpoints/latest"
    var evaluation = PolicyEvaluation()
    let own = try evaluation.run(path)
    #expect(own.settings.isEmpty)
    evaluation.overrides = ["planner.horizon=2", "planner.population=9", "environment.stepLimit=9"]
    let other = try evaluation.run(path)
    #expect(other.settings.map(\.key).sorted() == ["environment.stepLimit", "planner.horizon", "planner.population"])
    #expect(other.result.episodes.map(\.length) == [9, 9])
    #expect(EvaluationTable([other]).lines.last?.hasPrefix("with environment.stepLimit=9 planner.") == true)
    evaluation.overrides = ["planner.horizon=4", "planner.population=12"]
    #expect(try evaluation.run(path).result == own.result)
    evaluation.overrides = ["planner=mppi", "planner.population=8"]
    let another = try evaluation.run(path)
    #expect(another.settings.map(\.key).sorted() == ["planner.population", "planner.type"])
    #expect(another.notes.contains { $0.contains("elites") })
    evaluation.overrides = ["model.epochs=2"]
    #expect(try #require(error { try evaluation.run(path) }).exitCode == .usage)
    evaluation.overrides = ["planner.horizont=2"]
    #expect(try #require(error { try evaluation.run(path) }).exitCode == .configuration)
  }
}
