import Experiments
import Reports
import Support

/// `mbrl data imagine`.
enum DataImagineVerb: Verb {
  static let syntax = CommandSyntax(
    "data imagine", "write transitions that a learned model makes up", operands: ["SEED|CHECKPOINT"],
    takesSettings: true,
    options: [
      .init("-o", "FILE", "where they go, FILE.safetensors; required"),
      .init("--steps", "N", "transitions (default: 10000)"),
      .init("--horizon", "N", "steps of a rollout at most (default: the task's limit; with --starts 1)"),
      .init("--starts", "FILE", "rollouts begin in states of these transitions (default: after resets)"),
      .init("--random", nil, "of uniformly random actions"),
      .init("--stochastic", nil, "with exploration, where the policy has it"),
      .init("--seed", "N", "rollout i begins as episode N + i does (default: 0)"),
      .init("--best", nil, "the checkpoint of the best evaluation"),
      .init("--threads", "N", "threads for planning (default: all cores); never changes a result"),
      .init("--quiet", nil, "no notes"),
    ],
    discussion: [
      "The policy acts and the ensemble answers: every step by an elite that is drawn for it, noise included; rewards "
        + "and ends are the task's own where the model does not learn them. The file is as data record writes it, so "
        + "that training.data can start a replay with it and data compare hold it to what really happened."
    ],
    exitCodes: [.success, .failure, .usage, .checkpoint, .diverged, .interrupted],
    examples: [
      ("mbrl data imagine runs/cartpole-0123456789/seed-0 -o model.safetensors --random", "whole made-up episodes"),
      ("mbrl data imagine runs/cartpole-0123456789/seed-0 -o one.safetensors --starts real.safetensors", "steps"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let path = try arguments.file("-o", of: "transitions")
    var imagining = RunLoop.Imagining()
    imagining.steps = try arguments.integer("--steps", in: 1...1_000_000_000) ?? imagining.steps
    imagining.horizon = try arguments.integer("--horizon", in: 1...1_000_000_000)
    imagining.seed = try arguments.integer("--seed", in: SeedList.range) ?? 0
    imagining.isRandom = arguments.has("--random")
    imagining.isStochastic = arguments.has("--stochastic")
    var recorder = DataRecorder()
    recorder.threads = try arguments.integer("--threads", in: 1...64) ?? min(64, Machine.cores)
    recorder.overrides = arguments.settings
    Signals.install()
    imagining.shouldStop = { Signals.isStopRequested }
    let checkpoint = try CheckpointTarget(arguments.operands[0])
      .checkpoint(arguments.has("--best") ? .best : .latest, for: "one model imagines")
    let starts = arguments.values["--starts"]
    console.note(
      try checkpoint.read { try recorder.imagine(checkpoint: $0, imagining, starts: starts, to: path) })
    return Signals.isStopRequested ? .interrupted : .success
  }
}

/// `mbrl data compare`.
enum DataCompareVerb: Verb {
  static let syntax = CommandSyntax(
    "data compare", "whether transitions are distributed as others are", operands: ["REAL.safetensors", "OTHER …"],
    operandCount: 2...8,
    options: [
      .init("-o", "FILE", "FILE.svg or FILE.png: a histogram of every column"),
      .init("--theme", "NAME", "of the picture: light, dark or reader (SVG only; default: light)"),
      .init("--csv", "FILE", "a number per row; - for standard output"),
      .init("--json", nil, "one JSON object"),
      .init("--quiet", nil, "no notes"),
    ],
    discussion: [
      "Every file is held to the first: for each column of observations, their changes, actions, rewards and ends mean "
        + "and deviation and Kolmogorov and Smirnov's distance; for all columns together the energy distance (2,000 "
        + "rows of each) and how often a small network that learns to tell the two apart is right about rows that it "
        + "has not seen. Name a second recording of what is real among the others: what differs there is chance."
    ],
    exitCodes: [.success, .failure, .usage],
    examples: [
      ("mbrl data compare real.safetensors model.safetensors", "what a model makes up against what happened"),
      ("mbrl data compare real.safetensors again.safetensors model.safetensors -o histograms.svg", "with a yardstick"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let table = try arguments.values["--csv"].map { try OutputPath($0) }
    let picture = try arguments.values["-o"].map { try PictureOutput($0, theme: arguments.values["--theme"]) }
    if arguments.has("--json") && table?.isStandardOutput == true {
      throw UsageError("--json and --csv both go to standard output: name a file for the table")
    }
    if arguments.values["-o"] == "-" { throw UsageError("-o: the picture goes to a file") }
    if picture == nil && arguments.values["--theme"] != nil {
      throw UsageError("--theme is about pictures: add -o FILE.svg")
    }
    let comparison = try DistributionComparison(arguments.operands)
    if let table, table.isStandardOutput {
      console.result(String(decoding: comparison.csv.dropLast(), as: UTF8.self))
    } else {
      console.show(arguments, comparison.lines, json: [comparison.json])
      try table?.write(comparison.csv)
    }
    try picture?.write(comparison.drawing, console)
    return .success
  }
}
