import Experiments
import Reports
import Support

/// `mbrl compare`.
enum CompareVerb: Verb {
  static let syntax = CommandSyntax(
    "compare", "whether one group of runs is better than another, and how sure that is",
    operands: ["[A=]DIR", "[B=]DIR …"], operandCount: 0...1000,
    options: [
      .init(
        "--score", "NAME", "of a seed: final, best or area (mean of the curve) of its evaluations (default: final)",
        among: ScoreGroup.Score.self),
      .init("--until", "N", "evaluations up to step N only, so that longer runs compare with shorter ones"),
      .init("--level", "X", "compare, too, after how many steps an evaluation reaches X"),
      .init("--normalize", "FILE.csv", "columns task, low, high: scores that become 0 and 1"),
      .init("--gamma", "X", "the score that counts as solved, for the optimality gap (default: 1 with --normalize)"),
      .init("--scores", "FILE.csv", "columns group, task, seed, score, of any program, instead of directories"),
      .init("--json", nil, "one JSON object"),
      .init("--csv", "FILE", "a number per row, performance profiles included; - for standard output"),
    ],
    discussion: [
      "A group is A=DIR, a run or a folder of runs on different tasks, or each run that a bare DIR holds. Every group "
        + "is compared with the first. IQM: mean of the middle half of all scores. Intervals are 95 % percentile "
        + "intervals of 50,000 bootstrap resamples, by task, always the same ones. The probability of improvement is "
        + "that of a run of the one group beating a run of the other.",
      "Scores of several tasks are averaged as they are: --normalize puts them on one scale.",
    ],
    exitCodes: [.success, .failure, .usage],
    examples: [
      ("mbrl compare ppo=runs/ppo-pendulum-0123456789 sac=runs/sac-pendulum-abcdef0123 --level -200", "two runs"),
      ("mbrl compare --scores results.csv --normalize references.csv --csv table.csv", "any results"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let output = try arguments.values["--csv"].map { try OutputPath($0) }
    if arguments.has("--json") && output?.isStandardOutput == true {
      throw UsageError("--json and --csv both go to standard output: name a file for the table")
    }
    let level = try arguments.number("--level")
    var groups = try groups(arguments, level: level, console)
    if let references = arguments.values["--normalize"] {
      for index in groups.indices { try groups[index].normalize(by: references) }
    }
    let gamma = try arguments.number("--gamma") ?? (arguments.values["--normalize"] == nil ? nil : 1)
    guard let comparison = Comparison(groups, gamma: gamma, level: level, note: console.warning) else {
      throw UsageError("no task is common to \(groups.map(\.name).joined(separator: ", "))")
    }
    if comparison.tasks.count > 1 && arguments.values["--normalize"] == nil {
      console.warning("scores of \(comparison.tasks.count) tasks are averaged as they are; --normalize scales them")
    }
    if let output, output.isStandardOutput {
      console.result(String(decoding: comparison.csv.dropLast(), as: UTF8.self))
      return .success
    }
    console.show(arguments, comparison.lines, json: [comparison.json])
    try output?.write(comparison.csv)
    return .success
  }

  private static func groups(
    _ arguments: ParsedArguments, level: Double?, _ console: Console
  ) throws -> [ScoreGroup] {
    let score: ScoreGroup.Score = try arguments.choice("--score") ?? .final
    let until = try arguments.integer("--until", in: 0...Int.max)
    if let path = arguments.values["--scores"] {
      for option in ["--score", "--until", "--level"] where arguments.values[option] != nil {
        throw UsageError("\(option) is about run directories; --scores takes its numbers as they are")
      }
      if let operand = arguments.operands.first { throw UsageError("\"\(operand)\" beside --scores: choose one") }
      let groups = try ScoreGroup.read(path)
      if groups.count < 2 { throw UsageError("\(path): \(groups.count) groups; a comparison needs two") }
      return groups
    }
    let runs = try RunGroup.named(by: arguments.operands)
    if runs.count < 2 { throw UsageError("name two groups or more, each as NAME=DIR or DIR") }
    return try runs.map { group in
      let scores = try ScoreGroup(group, score, until: until, level: level, note: console.warning)
      for run in group.runs where !scores.tasks.contains(where: { $0.name == run.task }) {
        throw ExperimentError.usage(
          "\(group.name): no seed on \(run.task) has an evaluation\(until.map { " up to step \($0)" } ?? "")")
      }
      return scores
    }
  }
}
