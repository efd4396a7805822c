import Experiments
import Foundation
import Support

/// `mbrl init`.
enum InitVerb: Verb {
  static let leavesResultsOnly = false

  static let syntax = CommandSyntax(
    "init", "write a configuration to begin with", operands: ["FILE.json"], operandCount: 0...1,
    options: [
      .init(
        "--environment", "ID", "the task; asked for where it is left out",
        choices: StartingConfiguration.environments.map(\.name)),
      .init("--agent", "TYPE", "who learns it; asked for where it is left out"),
    ],
    discussion: [
      "Asks in the terminal for the environment and for one of the agents that fit it, and writes a short file: what "
        + "is not in it is standard. FILE is AGENT-ENVIRONMENT.json where it is not given; one that stands there stays."
    ],
    exitCodes: [.success, .failure, .usage, .configuration],
    examples: [
      ("mbrl init", "asks, and writes"),
      ("mbrl init first.json --environment Pendulum-v1 --agent sac", "asks nothing"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let environment = try choose(
      "--environment", "environment", arguments, among: StartingConfiguration.environments, console)
    let agents = StartingConfiguration.agents(for: environment)
    if agents.isEmpty {
      let names = StartingConfiguration.environments.map(\.name)
      let suggestion = Suggestion.didYouMean(
        environment, among: names,
        otherwise: "; mbrl list environments names them (for gymnasium:ID copy a file of configs/gymnasium)")
      throw UsageError("there is no environment \"\(environment)\"\(suggestion)")
    }
    let agent = try choose("--agent", "agent", arguments, among: agents, console)
    let configuration = try StartingConfiguration(environment: environment, agent: agent)
    let name =
      "\(agent)-\(environment.lowercased().map { $0.isLetter || $0.isNumber ? String($0) : "-" }.joined()).json"
    let path = arguments.operands.first ?? name
    guard FileSystem.kind(of: path) == nil else { throw UsageError("\(path) is there already; name another file") }
    try OutputPath(path).write(Array(configuration.document.prettyText.utf8))
    console.result(path)
    console.note("next: mbrl config show \(path)   every setting, its meaning and its value\n      mbrl train \(path)")
    return .success
  }

  /// What an option says, or a person.
  private static func choose(
    _ option: String, _ what: String, _ arguments: ParsedArguments, among entries: [(name: String, summary: String)],
    _ console: Console
  ) throws -> String {
    if let value = arguments.values[option] { return value }
    guard isatty(0) == 1 else {
      throw UsageError("no terminal to ask in: say \(option) \(option == "--agent" ? "TYPE" : "ID")")
    }
    let width = (entries.map(\.name.count).max() ?? 0) + 2
    for (index, entry) in entries.enumerated() {
      console.note("\(String(index + 1).leftPadded(to: 3))  \(entry.name.padded(to: width))\(entry.summary)")
    }
    let names = entries.map(\.name)
    while true {
      console.note("\(what), by number or name:")
      guard let line = readLine() else { throw UsageError("no \(what) was chosen; say \(option)") }
      let word = line.trimmingCharacters(in: .whitespaces)
      if let number = Int(word), entries.indices.contains(number - 1) { return names[number - 1] }
      if names.contains(word) { return word }
      console.note("\"\(word)\" is none of them\(Suggestion.didYouMean(word, among: names))")
    }
  }
}
