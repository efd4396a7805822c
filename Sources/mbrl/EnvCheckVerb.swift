import Reports
import Experiments
import Support

/// `mbrl env check`.
enum EnvCheckVerb: Verb {
  static let syntax = CommandSyntax(
    "env check", "hold an environment to its contract, and to a recorded trace", operands: ["ID"], takesSettings: true,
    options: [
      .init("--trace", "FILE.jsonl", "replay a recording of the original, or compare its table"),
      .init("--json", nil, "one JSON object"),
    ],
    discussion: [
      "The contract: finite, in space, same seed same trajectory, the time limit truncates and does not terminate, "
        + "archived episodes go on the same, known rewards agree. Options of the environment are given as key=value."
    ],
    exitCodes: [.success, .failure, .usage],
    examples: [
      ("mbrl env check Pendulum-v1", "the contract"),
      ("mbrl env check Pendulum-v1 --trace Pendulum-v1.jsonl", "against Gymnasium's own numbers"),
      ("mbrl env check Taxi-v4 --trace Taxi-v4.jsonl", "every entry of Gymnasium's transition table"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let check = try EnvironmentCheck(
      id: arguments.operands[0], settings: arguments.settings, tracePath: arguments.values["--trace"])
    console.show(arguments, check.lines, json: [check.json])
    return check.passes ? .success : .failure
  }
}
