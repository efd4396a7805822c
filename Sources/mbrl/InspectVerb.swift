import Reports
import Experiments
import Support

/// `mbrl inspect`.
enum InspectVerb: Verb {
  static let syntax = CommandSyntax(
    "inspect", "verify a checkpoint or safetensors file and show what is in it",
    operands: ["RUN|SEED|CHECKPOINT|FILE"],
    options: [
      .init("--best", nil, "of a run or seed: the best checkpoint instead of the newest"),
      .init("--all", nil, "the optimiser's moments, other state and counters too, not only the weights"),
      .init(
        "--predictions", "N", "instead: the model's predictions for the newest N transitions, one JSON object each"),
      .init("--json", nil, "one JSON object per checkpoint"),
    ],
    discussion: [
      "Weights with type, shape and size, facts of the agent, configuration hash and versions. Of a safetensors FILE, "
        + "whoever wrote it: every tensor, and the range of its numbers."
    ],
    exitCodes: [.success, .failure, .usage, .checkpoint],
    examples: [
      ("mbrl inspect runs/pendulum-0123456789/seed-0", "its newest checkpoint"),
      ("mbrl inspect runs/pendulum-0123456789/seed-0/checkpoints/step-000002000 --json", "one checkpoint, everything"),
      ("mbrl inspect model.safetensors", "any file of that format"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    if FileSystem.kind(of: arguments.operands[0]) == .file,
      !["latest", "best"].contains(arguments.operands[0].split(separator: "/").last)
    {
      for option in ["--best", "--all"] where arguments.has(option) {
        throw UsageError("\(option) is about checkpoints; \(arguments.operands[0]) is a file")
      }
      if arguments.values["--predictions"] != nil {
        throw UsageError("--predictions takes a checkpoint; \(arguments.operands[0]) is a file")
      }
      let listing = try SafetensorsListing(arguments.operands[0])
      console.show(arguments, listing.lines, json: [listing.json])
      return .success
    }
    let target = try CheckpointTarget(arguments.operands[0])
    let checkpoints = try target.checkpoints(arguments.has("--best") ? .best : .latest, skip: console.warning)
    if let count = try arguments.integer("--predictions", in: 1...1_000_000) {
      for checkpoint in checkpoints {
        try checkpoint.read { try ModelPredictions(of: $0, count: count) }.lines.forEach(console.result)
      }
      return .success
    }
    for (index, checkpoint) in checkpoints.enumerated() {
      let inspection = try checkpoint.read { try Inspection($0) }
      console.show(
        arguments, (index > 0 ? [""] : []) + inspection.lines(all: arguments.has("--all")), json: [inspection.json])
    }
    return .success
  }
}
