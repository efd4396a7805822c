import Reports
import Experiments
import Support

/// `mbrl eval`.
enum EvalVerb: Verb {
  static let syntax = CommandSyntax(
    "eval", "measure the policy of a checkpoint, or of every seed of a run", operands: ["RUN|SEED|CHECKPOINT"],
    takesSettings: true,
    options: [
      .init("--episodes", "N", "episodes (default: the run's evaluation.episodes)"),
      .init("--seed", "N", "episode i starts from N + i (default: the run's evaluation.seed)"),
      .init("--stochastic", nil, "with exploration, where the policy has it"),
      .init("--best", nil, "the checkpoint of the best evaluation"),
      .init("--latest", nil, "the newest checkpoint (the default)"),
      .init("--threads", "N", "threads for planning (default: all cores); never changes a result"),
      .init("--json", nil, "one JSON object per checkpoint"),
      .init("--csv", "FILE", "one row per episode; - for standard output, the table then goes to standard error"),
      .init(
        "--map", nil, "of a tabular agent: policy and values as maps, and where the policy is worse than the optimum"),
      .init("--text", "FILE", "of a tabular environment: the episodes as text, state by state"),
      .init(
        "--render", "FILE",
        "the first episode: FILE.gif moving, FILE.png its last state, FILE.svg observations, actions and reward"
      ),
      .init(
        "--open-loop", "FILE",
        "the first episode as the agent's world model expects it, the second half from the actions alone: FILE.svg, "
          + "FILE.csv errors, of pictures FILE.gif or FILE.png"),
      .init("--quiet", nil, "no progress and notes"),
    ],
    discussion: [
      "Runs the same episodes by the same code as the evaluations of training: with the run's own settings the numbers "
        + "are those of eval.csv. An episode hangs on its seed alone: any row of --csv runs again with --episodes 1 "
        + "--seed and its episode_seed.",
      "Success is what the task calls so at an episode's end: of PushingArm-v0, and of environments of Gymnasium whose "
        + "info says is_success or success.",
      "planner.NAME=value and environment.NAME=value change those settings for the measurement: one learned model "
        + "under several planners, one policy in several tasks.",
      "Files are tried before the work, and written after the table is printed; one that stands there is replaced.",
      "The signals that stop train end this, too, with code 75, when what was measured until then is printed and "
        + "written: completed episodes only. A second one ends at once.",
    ],
    exitCodes: [.success, .failure, .usage, .configuration, .checkpoint, .diverged, .someSeedsFailed, .interrupted],
    examples: [
      ("mbrl eval runs/pendulum-0123456789", "the newest checkpoint of every seed"),
      ("mbrl eval runs/pendulum-0123456789/seed-0 --best --episodes 100 --seed 1", "the best one, on other episodes"),
      ("mbrl eval runs/pendulum-0123456789 planner.population=1000 planner.horizon=40", "with more planning"),
      ("mbrl eval runs/pendulum-0123456789/seed-0/checkpoints/step-000002000 --json", "one checkpoint"),
      ("mbrl eval runs/pendulum-0123456789/seed-0 --episodes 1 --render episode.gif", "watch an episode"),
      ("mbrl eval runs/dyna-maze-0123456789/seed-0 --map --episodes 1 --text walk.txt", "what a table has learned"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    if arguments.has("--best") && arguments.has("--latest") {
      throw UsageError("--best and --latest exclude each other")
    }
    let target = try CheckpointTarget(arguments.operands[0])
    if case .checkpoint = target, arguments.has("--best") || arguments.has("--latest") {
      throw UsageError("--best and --latest choose among a run's checkpoints; this is one already")
    }
    var evaluation = PolicyEvaluation()
    evaluation.episodes = try arguments.integer("--episodes", in: 1...1_000_000)
    evaluation.seed = try arguments.integer("--seed", in: SeedList.range)
    evaluation.threads = try arguments.integer("--threads", in: 1...64) ?? evaluation.threads
    evaluation.overrides = arguments.settings
    evaluation.isStochastic = arguments.has("--stochastic")
    evaluation.drawsMap = arguments.has("--map")
    evaluation.drawing = try arguments.values["--render"].map(drawing)
    evaluation.openLoop = try arguments.values["--open-loop"].map(format)
    evaluation.writesText = arguments.values["--text"] != nil
    if evaluation.drawsMap && arguments.has("--json") { throw UsageError("--map and --json exclude each other") }
    let checkpoints = try target.checkpoints(arguments.has("--best") ? .best : .latest, skip: console.warning)
    if checkpoints.count > 1, let option = ["--open-loop", "--render"].first(where: { arguments.values[$0] != nil }) {
      throw UsageError("\(option) draws one episode; name one seed or checkpoint, this run has \(checkpoints.count)")
    }
    let outputs = try EvaluationOutputs(arguments)
    Signals.install()
    evaluation.shouldStop = { Signals.isStopRequested }
    var table = EvaluationTable([])
    var failures: [ExperimentError] = []
    var interruption: String?
    let reporter = EvaluationReporter(console)
    for (index, checkpoint) in checkpoints.enumerated() where interruption == nil {
      // What was measured counts, whatever becomes of another seed.
      do {
        let report = try checkpoint.read { try evaluation.run($0, reporter: reporter) }
        if !report.result.episodes.isEmpty { table.reports.append(report) }
        let left = checkpoints.count - index - 1
        if !report.isComplete || left > 0 && Signals.isStopRequested { interruption = report.reached(left: left) }
      } catch {
        let error = ExperimentError(error)
        if case .usage = error { throw error }
        failures.append(error)
        console.error("\(error)".hasPrefix(checkpoint.place) ? "\(error)" : "\(checkpoint.place): \(error)")
      }
    }
    if let interruption { console.warning("interrupted\(Signals.name.map { " by \($0)" } ?? ""): \(interruption)") }
    if table.reports.isEmpty { return interruption == nil ? failures.first?.exitCode ?? .success : .interrupted }
    table.reports.first?.notes.forEach(console.note)
    // Best checkpoints are where they are.
    if !arguments.has("--best"), let text = table.unequalSteps { console.warning(text) }
    if outputs.useStandardOutput {
      table.lines.forEach(console.note)
    } else {
      console.show(arguments, table.lines, json: table.json)
    }
    let code = outputs.write(table, console)
    if interruption != nil { return .interrupted }
    return failures.isEmpty ? code : .someSeedsFailed
  }

  private static func format(_ path: String) throws(UsageError) -> OpenLoopPicture.Format {
    let ending = path.split(separator: ".").last.map(String.init) ?? ""
    guard let format = OpenLoopPicture.Format(rawValue: ending) else {
      throw UsageError("--open-loop: \"\(path)\" has to end in .gif, .png, .svg or .csv")
    }
    return format
  }

  /// The ending of a file's name says what is to be in it.
  private static func drawing(in path: String) throws(UsageError) -> PolicyEvaluation.Drawing {
    if path.hasSuffix(".gif") { return .movie }
    if path.hasSuffix(".svg") { return .chart }
    if path.hasSuffix(".png") { return .still }
    throw UsageError("--render: \"\(path)\" has to end in .gif, .svg or .png")
  }
}
