import Reports
import Experiments
import Support

/// `mbrl train`.
enum TrainVerb: Verb {
  /// The run is on the disk, whatever becomes of standard output.
  static let leavesResultsOnly = false

  static let syntax = CommandSyntax(
    "train", "learn from a configuration, or go on with a run", operands: ["CONFIG.json|RUN"], takesSettings: true,
    options: [
      .init("--seeds", "LIST", "seeds to run, as in 0-4,7 (default: the configuration's)"),
      .init(
        "--jobs", "N", "runs at the same time, at most one per core (default: as many as there are seeds and cores)"),
      .init("--out", "DIR", "where run directories are made (default: runs)"),
      .init(
        "--resume", "MODE",
        "auto: go on with a run of this configuration, or start; must: go on or fail; "
          + "never: start in a fresh directory (default: auto)",
        choices: ["auto", "never", "must"]),
      .init(
        "--from", "CHECKPOINT",
        "start a new run from a checkpoint, or from the newest ones of a seed or run, with the settings given here"),
      .init("--tensorboard", "DIR", "event files DIR/RUN/seed-N, too, brought up to date every ten seconds"),
      .init("--dry-run", nil, "say what would be done, and write nothing"),
      .init("--quiet", nil, "no progress and notes; warnings and errors stay"),
      .init("--json", nil, "evaluations and the summary as one JSON object per line on standard output"),
    ],
    discussion: [
      "Trains one run per seed into OUT/NAME-HASH/seed-N, where HASH is that of the configuration. The same command "
        + "again goes on where the run was stopped, to the same bytes as if it had not been, or says that it is done. "
        + "Length, checkpoint and logging settings may change in between; with any other change the hash changes, and "
        + "a new run starts. A run's own directory instead of a configuration goes on with that run; how it is "
        + "evaluated may change then, too.",
      "--from starts a run of its own, OUT/NAME-HASH-from-…, in the state of an older one: network, replay, step and "
        + "episode are taken over as far as the settings leave them their shape; where planner, environment or "
        + "agent.trust are others, plans, episodes or imagined rows begin anew. run.json says where they came from.",
      "key.path=value changes a setting; the value is JSON, bare words are text; a type alone may stand for its "
        + "section (planner=mppi). Where a type is changed so, what the file says for the other one is left out, "
        + "with a note. key.path=null removes a setting of the file.",
      "SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 and SIGXCPU store the run and end with code 75, within a second in "
        + "most cases: a model fit or plan that is going on is given up, and started over later. A second one ends at "
        + "once. What is ignored at the start, as SIGHUP under nohup, stays ignored.",
    ],
    exitCodes: ExitCode.allCases,
    examples: [
      ("mbrl train configs/quickstart.json", "one run"),
      ("mbrl train configs/pets/pendulum.json --seeds 0-4 --jobs 2", "five seeds, two at a time"),
      ("mbrl train configs/pets/pendulum.json planner.horizon=30", "with another horizon"),
      ("mbrl train configs/pets/pendulum.json planner=mppi", "with another planner"),
      ("mbrl train configs/pets/pendulum.json --tensorboard board", "then: tensorboard --logdir board"),
      ("mbrl train runs/pendulum-0123456789 training.environmentSteps=20000", "longer, in the same place"),
      (
        "mbrl train runs/pendulum-0123456789 --from runs/pendulum-0123456789/seed-0 planner.horizon=40",
        "from where seed 0 stands, with another planner"
      ),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    var request = TrainingPlan.Request(path: arguments.operands[0])
    request.overrides = arguments.settings
    request.arguments = CommandLine.arguments
    request.seeds = try arguments.values["--seeds"].map { list throws(UsageError) in
      try rethrow(SeedList.parse(list)) { (error: Fault) in UsageError("--seeds: \(error)") }
    }
    request.jobs = try arguments.integer("--jobs", in: 1...1024)
    request.out = arguments.values["--out"] ?? request.out
    request.from = arguments.values["--from"]
    request.resume = try arguments.choice("--resume") ?? .auto

    let plan = try TrainingPlan(request)
    if arguments.has("--dry-run") {
      console.show(arguments, plan.lines, json: [plan.json])
      plan.warnings.forEach(console.warning)
      return .success
    }
    Signals.install()
    let claim = try Training.claim(plan)
    plan.lines(in: claim.directory).forEach(console.note)
    plan.warnings.forEach(console.warning)
    let reporter = ProgressReporter(console, isJSON: arguments.has("--json"))
    let board = arguments.values["--tensorboard"].map { LiveEvents(claim.directory, seeds: plan.seeds, in: $0) }
    var refreshed = Clock.monotonicSeconds()
    let result = Training.run(
      plan, claim, observer: reporter, shouldStop: { _, _ in Signals.isStopRequested || console.isOutputClosed },
      whileRunning: {
        reporter.refresh()
        guard let board, Clock.monotonicSeconds() - refreshed >= 10 else { return }
        // A table may be in the middle of a row; the next time it is not.
        try? board.refresh(isComplete: false)
        refreshed = Clock.monotonicSeconds()
      })
    do { try board?.refresh(isComplete: true) } catch { console.warning("--tensorboard: \(error)") }
    let summary = TrainingSummary(result, of: plan.experiment)
    console.show(arguments, summary.lines, json: [summary.json])
    if let bytes = Machine.peakMemory {
      console.note("\(FileSystem.byteCount(bytes)) of memory at most, the program's own included")
    }
    if result.exitCode == .interrupted {
      console.note("interrupted\(Signals.name.map { " by \($0)" } ?? ""); the same command goes on")
    } else {
      console.note("next: \(summary.nextCommand)")
    }
    return result.exitCode
  }
}
