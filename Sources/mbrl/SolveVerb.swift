import Reports
import Experiments
import Support

/// `mbrl solve`.
enum SolveVerb: Verb {
  static let syntax = CommandSyntax(
    "solve", "the best policy of a tabular environment, and what it is worth", operands: ["ENV"], takesSettings: true,
    options: [
      .init("--discount", "G", "what a reward is worth one step later, 0 to 1 (default: 0.99)"),
      .init("--at-step", "N", "the task as it is after N steps of a run, where it changes (default: 0)"),
      .init("--json", nil, "one JSON object, with the value and the best action of every state"),
    ],
    discussion: [
      "Value iteration over the environment's own table: the optimum that learning curves are compared with. Returns "
        + "of evaluations are undiscounted and end at the step limit; the optimum for them is printed too. Options of "
        + "the environment are given as key=value."
    ],
    exitCodes: [.success, .failure, .usage],
    examples: [
      ("mbrl solve FrozenLake-v1", "a map of the best actions and values"),
      ("mbrl solve FrozenLake-v1 isSlippery=false --discount 1", "with options, undiscounted"),
      ("mbrl solve ShortcutMaze-v0 --at-step 3000", "after the maze has changed"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let report = try SolutionReport(
      id: arguments.operands[0], settings: arguments.settings,
      discount: try arguments.number("--discount", in: 0...1) ?? 0.99,
      atStep: try arguments.integer("--at-step", in: 0...Int.max) ?? 0)
    console.show(arguments, report.lines, json: [report.json])
    return .success
  }
}
