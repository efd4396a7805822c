import Reports
import Experiments
import Support

/// `mbrl list`.
enum ListVerb: Verb {
  static let syntax = CommandSyntax(
    "list", "list what a configuration can name", operands: [Catalogue.allCases.map(\.rawValue).joined(separator: "|")],
    options: [.init("--json", nil, "one JSON object per entry")],
    examples: [
      ("mbrl list environments", "ids, spaces and step limits"),
      ("mbrl list agents --json", "for programs"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let name = arguments.operands[0]
    guard let catalogue = Catalogue(rawValue: name) else {
      let suggestion = Suggestion.didYouMean(name, among: Catalogue.allCases.map(\.rawValue))
      throw UsageError("there is no list \"\(name)\"\(suggestion)")
    }
    console.show(arguments, catalogue.lines, json: catalogue.json)
    return .success
  }
}
