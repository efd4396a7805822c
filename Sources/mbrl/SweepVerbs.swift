import Experiments
import Foundation
import Reports
import Support

/// `mbrl sweep plan`.
enum SweepPlanVerb: Verb {
  static let leavesResultsOnly = false
  static let syntax = CommandSyntax(
    "sweep plan", "check every variant of a sweep, and write down its jobs", operands: ["SWEEP.json"],
    options: [
      .init("--out", "DIR", "the sweep's folder (default: sweeps/NAME)"),
      .init("--dry-run", nil, "check and list, write nothing"),
      .init("--json", nil, "one JSON object per job"),
    ],
    discussion: [
      "SWEEP.json: {\"experiment\": \"configs/….json\", \"seeds\": \"0-4\", \"settings\": {…}, \"grid\": "
        + "{\"agent.learningRate\": [0.001, 0.0003]}}. grid makes every combination; list holds objects of "
        + "settings; random draws count variants from {\"low\", \"high\", \"scale\": \"log\"} or {\"values\"}; "
        + "halving {\"factor\": 3, \"steps\": [1000, 3000, 9000]} trains the best third longer, and so on (mbrl sweep "
        + "advance plans its next length).",
      "DIR/jobs.tsv holds a line per variant and seed and never changes: any engine can run its lines in any order, "
        + "any number of times. scripts/sweep.sh does it here, over ssh, or with Slurm.",
    ],
    exitCodes: [.success, .failure, .usage, .configuration],
    examples: [
      ("mbrl sweep plan configs/sweeps/dyna-q-maze.json --out sweeps/maze", "then: mbrl sweep run sweeps/maze")
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let plan = try SweepPlan(try SweepFile.load(arguments.operands[0]))
    plan.warnings.forEach(console.warning)
    let directory = SweepDirectory(arguments.values["--out"] ?? "sweeps/\(plan.file.name)")
    let jobs = plan.jobs
    if arguments.has("--dry-run") {
      var table = TextTable(["job", "run", "seed", "steps", "settings"], rightAligned: [0, 2, 3])
      for job in jobs {
        table.append([
          String(job.index), job.run, String(job.seed), String(job.steps), job.settings.joined(separator: " "),
        ])
      }
      console.show(arguments, table.lines, json: jobs.map(\.json))
      return .success
    }
    let isNew = try directory.write(plan)
    console.show(
      arguments,
      [
        "\(directory.path): \(jobs.count) jobs, \(plan.variants.count) variants"
          + (isNew ? "" : "; planned before, nothing changed")
      ], json: jobs.map(\.json))
    console.note("to run them: mbrl sweep run \(directory.path)")
    return .success
  }
}

extension SweepJob {
  fileprivate var json: JSON {
    [
      "index": .integer(index), "run": .string(run), "seed": .integer(seed), "rung": .integer(rung),
      "steps": .integer(steps), "directory": .string(directory), "settings": .texts(settings),
    ]
  }
}

/// `mbrl sweep run`.
enum SweepRunVerb: Verb {
  static let leavesResultsOnly = false
  static let syntax = CommandSyntax(
    "sweep run", "run one job of a sweep, or all that are missing, one after the other", operands: ["DIR"],
    options: [
      .init(
        "--index", "N",
        "the job (default: SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX where one is set, otherwise all that are "
          + "missing)"
      ),
      .init("--threads", "N", "threads of a run (default: all cores); never changes a result"),
      .init("--quiet", nil, "no progress and notes; warnings and errors stay"),
    ],
    discussion: [
      "A job that is done is left alone, one that was stopped goes on where it was stored. Signals that stop train "
        + "stop this, too, with code 75: the same command goes on.",
      "All that are missing: successive halving plans its next length in between, and ends with its last one.",
    ],
    exitCodes: ExitCode.allCases,
    examples: [
      ("mbrl sweep run sweeps/rates --index 7", "one job"),
      ("mbrl sweep run sweeps/rates", "all that are missing"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let directory = SweepDirectory(arguments.operands[0])
    let threads = try arguments.integer("--threads", in: 1...64)
    let jobs = try directory.jobs()
    Signals.install()
    if let index = try arguments.integer("--index", in: 0...Int.max) ?? environmentIndex() {
      guard index < jobs.count else {
        throw UsageError("there is no job \(index) in \(directory.path), only 0 to \(jobs.count - 1)")
      }
      return try run(jobs[index], directory, threads, console)
    }
    var hasFailures = false
    while true {
      for job in try directory.jobs() where directory.state(of: job).isPending {
        let code = try run(job, directory, threads, console)
        if code == .interrupted { return code }
        if code != .success && code != .locked { hasFailures = true }
      }
      guard case .added(let added) = try SweepAdvance.run(directory) else { break }
      console.note("\(added.count) jobs of the next length")
    }
    console.note(try SweepTable(directory).total)
    return hasFailures ? .someSeedsFailed : .success
  }

  private static func environmentIndex() throws(UsageError) -> Int? {
    for name in ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"] {
      guard let text = ProcessInfo.processInfo.environment[name] else { continue }
      guard let index = Int(text), index >= 0 else { throw UsageError("\(name) is \"\(text)\", no number of a job") }
      return index
    }
    return nil
  }

  private static func run(
    _ job: SweepJob, _ directory: SweepDirectory, _ threads: Int?, _ console: Console
  ) throws -> ExitCode {
    if directory.state(of: job).kind == .done {
      console.note("job \(job.index) is done: \(directory.path)/\(job.directory)")
      return .success
    }
    var request = TrainingPlan.Request(path: directory.configuration(of: job))
    request.overrides = ["training.environmentSteps=\(job.steps)"] + (threads.map { ["threads=\($0)"] } ?? [])
    request.arguments = CommandLine.arguments
    (request.seeds, request.jobs, request.out) = ([job.seed], 1, directory.runs)
    do {
      let plan = try TrainingPlan(request)
      let claim = try Training.claim(plan)
      console.note("job \(job.index): \(directory.path)/\(job.directory) \(job.settings.joined(separator: " "))")
      let reporter = ProgressReporter(console, isJSON: false)
      let result = Training.run(
        plan, claim, observer: reporter, shouldStop: { _, _ in Signals.isStopRequested },
        whileRunning: { reporter.refresh() })
      return result.exitCode
    } catch {
      let error = ExperimentError(error)
      console.error("job \(job.index): \(error)")
      return error.exitCode
    }
  }
}

/// `mbrl sweep pending`.
enum SweepPendingVerb: Verb {
  static let syntax = CommandSyntax(
    "sweep pending", "the jobs that are missing, an index per line", operands: ["DIR"],
    options: [.init("--ranges", nil, "in one line, as Slurm's --array takes them: 0-3,7")],
    discussion: [
      "Left out are jobs that are done, that a process of this machine works on, and that diverged: they would again."
    ],
    exitCodes: [.success, .failure, .usage],
    examples: [
      ("mbrl sweep pending sweeps/rates | xargs -n 1 -P 2 mbrl sweep run sweeps/rates --index", "two at a time")
    ]
  )

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let directory = SweepDirectory(arguments.operands[0])
    let pending = try directory.jobs().filter { directory.state(of: $0).isPending }.map(\.index)
    guard arguments.has("--ranges") else {
      pending.forEach { console.result(String($0)) }
      return .success
    }
    var ranges: [ClosedRange<Int>] = []
    for index in pending {
      if let last = ranges.last, last.upperBound == index - 1 {
        ranges[ranges.count - 1] = last.lowerBound...index
      } else {
        ranges.append(index...index)
      }
    }
    if !ranges.isEmpty {
      console.result(
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ","))
    }
    return .success
  }
}

/// `mbrl sweep status`.
enum SweepStatusVerb: Verb {
  static let syntax = CommandSyntax(
    "sweep status", "how a sweep stands, and what its variants reached", operands: ["DIR"],
    options: [
      .init("--follow", nil, "again every few seconds, until nothing is left to do"),
      .init("--json", nil, "one JSON object"),
    ],
    exitCodes: [.success, .failure, .usage, .someSeedsFailed],
    examples: [("mbrl sweep status sweeps/rates --follow", "watch it")])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let directory = SweepDirectory(arguments.operands[0])
    Signals.install()
    while true {
      let table = try SweepTable(directory)
      let isLast = !arguments.has("--follow") || table.isOver || Signals.isStopRequested || console.isOutputClosed
      console.show(arguments, table.lines + (isLast ? [] : [""]), json: [table.json])
      if isLast { return table.hasFailures ? .someSeedsFailed : .success }
      for _ in 0..<20 where !Signals.isStopRequested { usleep(100_000) }
    }
  }
}

/// `mbrl sweep advance`.
enum SweepAdvanceVerb: Verb {
  static let leavesResultsOnly = false
  static let syntax = CommandSyntax(
    "sweep advance", "of successive halving: plan the next length for the best variants", operands: ["DIR"],
    discussion: [
      "Prints how many jobs came, 0 where the sweep has no further length. Variants are compared by the mean over "
        + "seeds of their last evaluation."
    ],
    exitCodes: [.success, .failure, .usage],
    examples: [("mbrl sweep advance sweeps/rates", "when all jobs of the present length are done")])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    switch try SweepAdvance.run(SweepDirectory(arguments.operands[0])) {
    case .added(let jobs): console.result(String(jobs.count))
    case .finished: console.result("0")
    case .waiting(let missing):
      console.error("\(missing) jobs of the present length are not done")
      return .failure
    }
    return .success
  }
}

/// `mbrl sweep collect`.
enum SweepCollectVerb: Verb {
  static let syntax = CommandSyntax(
    "sweep collect", "all evaluations of a sweep in one table, a column per setting", operands: ["DIR"],
    options: [
      .init("--out", "FILE", "where it goes (default: standard output)"),
      .init("--final", nil, "one row per seed: its last and its best evaluation"),
    ],
    exitCodes: [.success, .failure, .usage],
    examples: [("mbrl sweep collect sweeps/rates --final --out rates.csv", "for a spreadsheet")])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let output = try arguments.values["--out"].map { try OutputPath($0) }
    let bytes = try SweepTable(SweepDirectory(arguments.operands[0])).collected(finalOnly: arguments.has("--final"))
    if let output, !output.isStandardOutput {
      try output.write(bytes)
    } else {
      console.result(String(decoding: bytes.dropLast(), as: UTF8.self))
    }
    return .success
  }
}
