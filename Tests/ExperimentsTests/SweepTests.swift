import Experiments
import Foundation
import Reports
import Support
import TestSupport
import Testing

/// Sweeps: what a file means, what stands on the disk, what is run, and in which order halving goes on.
struct SweepTests {
  private let folder = TemporaryFolder()

  private static let experiment = """
    {"name": "walk", "environment": {"id": "GridWorld-v0"}, "agent": {"type": "dyna-q"},
     "training": {"environmentSteps": 60}, "evaluation": {"every": 30, "episodes": 1}}
    """

  /// A sweep's file with these members beside the experiment.
  private func file(_ members: String) throws -> SweepFile {
    let path = "\(folder.path)/sweep.json"
    try FileSystem.writeAtomically("{\"experiment\": \(SweepTests.experiment), \(members)}", to: path)
    return try SweepFile.load(path)
  }

  private func faults(_ members: String) throws -> [String] {
    do {
      _ = try SweepPlan(try file(members))
      return []
    } catch ExperimentError.configuration(_, let faults) {
      return faults.map(\.description)
    }
  }

  @Test func gridAndListMakeEveryCombination() throws {
    let plan = try SweepPlan(
      file(
        """
        "seeds": "0-1", "settings": {"agent.discount": 0.9},
        "list": [{"agent.planningSteps": 0}, {"agent.planningSteps": 5}], "grid": {"agent.learningRate.start": [0.1, 0.5, 1]}
        """))
    #expect(plan.variants.count == 6 && plan.jobs.count == 12)
    #expect(plan.jobs.map(\.index) == Array(0..<12) && plan.jobs.map(\.seed) == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    #expect(plan.variants[4].settings == ["agent.planningSteps=5", "agent.learningRate.start=0.5"])
    #expect(Set(plan.variants.map(\.run)).count == 6)
    #expect(plan.variants.allSatisfy { $0.resolved["agent"]?.object?["discount"]?.double == 0.9 })
    // A variant has the directory that train would give it.
    let train = try ExperimentFile.read(
      try JSONParser.parse(SweepTests.experiment), name: "x", source: "x",
      overrides: ["agent.discount=0.9", "agent.planningSteps=5", "agent.learningRate.start=0.5"])
    #expect(plan.variants[4].run.hasSuffix(String(ConfigurationIdentity.hash(train.resolved).prefix(10))))
  }

  @Test func drawsStayWhereMoreAreMade() throws {
    func draws(_ count: Int, _ more: String = "") throws -> [[String]] {
      try SweepPlan(
        file(
          """
          "random": {"count": \(count), "settings": {"agent.discount": {"low": 0.9, "high": 0.99},
            "agent.planningSteps": {"low": 1, "high": 9, "isInteger": true}\(more)}}
          """)
      ).variants.map(\.settings)
    }
    let (few, many) = (try draws(5), try draws(50))
    #expect(Array(many.prefix(5)) == few && Set(many).count > 40)
    let planning = many.compactMap { Int($0[1].split(separator: "=")[1]) }
    #expect(planning.count == 50 && planning.allSatisfy { 1...9 ~= $0 } && Set(planning).count > 5)
    let rates = try draws(50, #", "agent.learningRate.start": {"low": 1e-4, "high": 1, "scale": "log"}"#)
      .compactMap { Double($0[2].split(separator: "=")[1]) }
    // Half of them below the middle of the logarithms.
    #expect(rates.count == 50 && 15...35 ~= rates.count { $0 < 1e-2 } && rates.allSatisfy { 1e-4...1 ~= $0 })
  }

  /// All mistakes at once, each with the variant that has it.
  @Test func everyVariantIsCheckedBeforeAnythingIsWritten() throws {
    let found = try faults(#""grid": {"agent.planningSteps": [1, -3], "agent.planingSteps": [1]}"#)
    #expect(found.count >= 2 && found.contains { $0.contains("variant 1") && $0.contains("agent.planningSteps") })
    #expect(found.contains { $0.contains("agent.planingSteps") && $0.contains("planningSteps") })
    #expect(try faults(#""grids": {}"#).first?.contains("grid") == true)
    #expect(try faults(#""grid": {"agent.planningSteps": 3}"#).first?.contains("array") == true)
    #expect(try faults(#""seeds": "4-1""#).first?.contains("seeds") == true)
    #expect(try faults(#""random": {"count": 0, "settings": {}}"#).first?.contains("random.count") == true)
    #expect(try faults(#""halving": {"steps": [100, 50]}"#).first?.contains("halving.steps") == true)
    // Another length is no other experiment.
    let lengths = try faults(#""grid": {"training.environmentSteps": [10, 20]}"#)
    #expect(lengths.count == 1 && lengths[0].contains("training.environmentSteps"))
    // Twice the same is one, and said.
    let plan = try SweepPlan(file(#""list": [{"agent.planningSteps": 3}, {"agent.planningSteps": 3}]"#))
    #expect(plan.variants.count == 1 && plan.warnings.count == 1)
  }

  @Test func jobsAreWrittenOnce() throws {
    let plan = try SweepPlan(file(#""seeds": [3, 1], "grid": {"agent.planningSteps": [0, 5]}"#))
    let directory = SweepDirectory("\(folder.path)/out/")
    #expect(try directory.write(plan) && !directory.write(plan))
    #expect(try directory.jobs() == plan.jobs)
    for job in plan.jobs { #expect(SweepJob(line: Substring(job.line)) == job) }
    #expect(directory.state(of: plan.jobs[0]) == SweepJobState(kind: .waiting, step: 0))
    let other = try SweepPlan(file(#""seeds": [3], "grid": {"agent.planningSteps": [0, 5]}"#))
    #expect(throws: ExperimentError.self) { try directory.write(other) }
    try FileSystem.writeAtomically("index\nnonsense\n", to: "\(folder.path)/out/jobs.tsv")
    #expect(throws: ExperimentError.self) { try directory.jobs() }
  }

  /// As `sweep run` does it.
  private func run(_ job: SweepJob, _ directory: SweepDirectory, until stop: Int? = nil) throws {
    var request = TrainingPlan.Request(path: directory.configuration(of: job))
    request.overrides = ["training.environmentSteps=\(job.steps)", "threads=1"]
    (request.seeds, request.jobs, request.out) = ([job.seed], 1, directory.runs)
    let plan = try TrainingPlan(request)
    var stopRequest: StopRequest = { _, _ in false }
    if let stop { stopRequest = once(.step(stop)) }
    _ = Training.run(plan, try Training.claim(plan), observer: Recorder(), shouldStop: stopRequest)
  }

  @Test func statesAndTables() throws {
    let plan = try SweepPlan(file(#""seeds": "0-1", "grid": {"agent.planningSteps": [0, 5]}"#))
    let directory = SweepDirectory("\(folder.path)/out")
    _ = try directory.write(plan)
    try run(plan.jobs[0], directory)
    try run(plan.jobs[1], directory, until: 20)
    #expect(directory.state(of: plan.jobs[0]) == SweepJobState(kind: .done, step: 60))
    let stopped = directory.state(of: plan.jobs[1])
    #expect(stopped.kind == .stopped && stopped.isPending && 1..<60 ~= stopped.step)
    let lock = try LockFile("\(directory.path)/\(plan.jobs[1].directory)/.lock")
    #expect(directory.state(of: plan.jobs[1]).kind == .running)
    lock.release()
    let table = try SweepTable(directory)
    #expect(table.total == "4 jobs: 1 done, 1 stopped, 2 waiting" && !table.isOver && !table.hasFailures)
    #expect(table.rows[0].wanted == 120 && table.rows[0].finalMeans.count >= 1)
    let collected = try CSVTable(table.collected(finalOnly: false))
    #expect(collected.columns.prefix(4) == ["run", "seed", "status", "agent.planningSteps"])
    #expect(try collected.text("agent.planningSteps", 0) == "0" && collected.text("env_step", 0) == "30")
    let final = try CSVTable(table.collected(finalOnly: true))
    #expect(final.rowCount == 4)
    #expect(try final.text("env_step", 0) == "60" && final.text("return_mean", 3) == nil)
    for job in plan.jobs { try run(job, directory) }
    #expect(try SweepTable(directory).isOver)
  }

  /// What a number that is not finite ended would end so again; what failed otherwise may not.
  @Test func whatDivergedIsNotTriedAgain() {
    let pending = SweepJobState.Kind.allCases.filter { SweepJobState(kind: $0, step: 0).isPending }
    #expect(pending == [.waiting, .stopped, .failed])
  }

  /// Lengths 30, 60, 90 with half of the variants going on: 4, 2, 1.
  @Test func halvingGoesOnWithTheBest() throws {
    let plan = try SweepPlan(
      file(
        #""seeds": "0-1", "halving": {"factor": 2, "steps": [30, 60, 90]}, "grid": {"agent.planningSteps": [0, 1, 20, 50]}"#
      ))
    let directory = SweepDirectory("\(folder.path)/out")
    _ = try directory.write(plan)
    #expect(plan.jobs.allSatisfy { $0.steps == 30 && $0.rung == 0 })
    guard case .waiting(8) = try SweepAdvance.run(directory) else { throw Unexpected() }
    for job in try directory.jobs() { try run(job, directory) }
    // The scores are those that stand there: the third variant's is made the best, the first one's the second.
    for (variant, mean) in [(0, 5.0), (1, 1), (2, 9), (3, 2)] {
      for job in plan.jobs where job.run == plan.variants[variant].run {
        var row = EvaluationRow()
        (row.step, row.mean) = (30, mean)
        try FileSystem.writeAtomically(
          CSVFile.bytes(EvaluationRow.columns, [row.cells]), to: "\(directory.path)/\(job.directory)/eval.csv")
      }
    }
    guard case .added(let second) = try SweepAdvance.run(directory) else { throw Unexpected() }
    #expect(
      second.map(\.run) == [plan.variants[0].run, plan.variants[0].run, plan.variants[2].run, plan.variants[2].run])
    #expect(second.map(\.index) == [8, 9, 10, 11] && second.allSatisfy { $0.steps == 60 && $0.rung == 1 })
    #expect(try directory.jobs().count == 12)
    guard case .waiting(4) = try SweepAdvance.run(directory) else { throw Unexpected() }
  }

  private struct Unexpected: Error {}
}
