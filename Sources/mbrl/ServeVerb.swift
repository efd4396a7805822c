import Experiments
import Reports
import Support

/// `mbrl serve`.
enum ServeVerb: Verb {
  static let syntax = CommandSyntax(
    "serve", "answer observations with the actions of a checkpoint's policy, line by line",
    operands: ["SEED|CHECKPOINT"],
    options: [
      .init("--stochastic", nil, "with exploration, where the policy has it"),
      .init("--seed", "N", "episode i draws as episode N + i of an evaluation (default: the run's evaluation.seed)"),
      .init("--best", nil, "the checkpoint of the best evaluation, where a seed of a run is named"),
      .init("--threads", "N", "threads for planning (default: all cores); never changes an answer"),
    ],
    discussion: [
      "Reads one JSON object per line from standard input and answers each with one on standard output, at once: "
        + "{\"observation\": [0.1, -0.2], \"first\": true} with {\"action\": 1}. \"first\" marks the first observation "
        + "of an episode, so that policies with a memory or a plan begin anew. A line that is not right gets "
        + "{\"error\": \"…\"} and counts for nothing. The end of the input ends it.",
      "Observations and actions are those of the environment itself: the run's wrappers are applied here. An action "
        + "that is repeated is answered as often. docs/python.md has a client.",
    ],
    exitCodes: [.success, .failure, .usage, .configuration, .checkpoint],
    examples: [
      ("mbrl serve runs/pendulum-0123456789/seed-0 --best", "the best policy of a seed"),
      ("mbrl serve runs/pendulum-0123456789/seed-0 --stochastic --seed 5", "with exploration, drawn as episode 5 on"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let checkpoint = try CheckpointTarget(arguments.operands[0])
      .checkpoint(arguments.has("--best") ? .best : .latest, for: "one policy acts")
    let seed = try arguments.integer("--seed", in: SeedList.range)
    let threads = try arguments.integer("--threads", in: 1...64) ?? min(64, Machine.cores)
    // A reader that has gone ends it as the end of the input does.
    let conversation = ServedConversation(
      read: { console.outputFault == nil ? readLine() : nil }, write: console.result)
    try checkpoint.read {
      try PolicyServer.run(
        $0, conversation, isStochastic: arguments.has("--stochastic"), seed: seed, threads: threads)
    }
    return .success
  }
}
