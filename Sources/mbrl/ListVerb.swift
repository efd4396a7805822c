import Reports
import Experiments
import Support

/// `mbrl list`.
enum ListVerb: Verb {
  static let syntax = CommandSyntax(
    "list", "list what a configuration can name", operands: [Catalogue.allCases.map(\.rawValue).joined(separator: "|")],
    options: [
      .init("--json", nil, "one JSON object per entry"),
      .init("--no-color", nil, "no colours (as NO_COLOR)"),
    ],
    examples: [
      ("mbrl list environments", "ids, spaces and step limits"),
      ("mbrl list agents --json", "for programs"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    guard let catalogue = Catalogue(rawValue: arguments.operands[0]) else {
      let names = Catalogue.allCases.map(\.rawValue)
      throw UsageError(
        "there is no list \"\(arguments.operands[0])\"\(Suggestion.didYouMean(arguments.operands[0], among: names))")
    }
    if arguments.has("--json") {
      catalogue.json.forEach { console.result($0.compactText) }
    } else {
      catalogue.lines.forEach(console.result)
    }
    return .success
  }
}
