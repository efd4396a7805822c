import Reports
import Experiments
import Support

/// `mbrl list`.
package enum ListVerb: Verb {
  package static let syntax = CommandSyntax(
    "list", "list what a configuration can name", operands: [Catalogue.allCases.map(\.rawValue).joined(separator: "|")],
    operandCount: 0...1, options: [.init("--json", nil, "one JSON object per entry")],
    discussion: ["Without a name everything. mbrl list runs lists what was trained."],
    examples: [
      ("mbrl list", "everything"),
      ("mbrl list environments", "ids, spaces and step limits"),
      ("mbrl list agents --json", "for programs"),
    ])

  package static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    guard let name = arguments.operands.first else {
      for catalogue in Catalogue.allCases {
        let heading = catalogue == Catalogue.allCases.first ? [] : [""]
        console.show(
          arguments, heading + [catalogue.rawValue] + catalogue.lines.map { "  \($0)" },
          json: catalogue.json.map { JSON.joined(["list": .string(catalogue.rawValue)], $0.object ?? [:]) })
      }
      return .success
    }
    guard let catalogue = Catalogue(rawValue: name) else {
      let suggestion = Suggestion.didYouMean(name, among: Catalogue.allCases.map(\.rawValue) + ["runs"])
      throw UsageError("there is no list \"\(name)\"\(suggestion)")
    }
    console.show(arguments, catalogue.lines, json: catalogue.json)
    return .success
  }
}

/// `mbrl list runs`.
enum ListRunsVerb: Verb {
  static let syntax = CommandSyntax(
    "list runs", "list the runs in a folder, and what they reached", operands: ["DIR"], operandCount: 0...1,
    options: [
      .init("--json", nil, "one JSON object per run"),
      .init("--csv", nil, "one row per run, on standard output"),
    ],
    discussion: [
      "DIR is runs where it is not given. The last evaluation is the mean over the seeds' last ones, ± the standard "
        + "deviation between seeds. Of runs of one name the settings in which they differ are shown."
    ],
    exitCodes: [.success, .failure, .usage],
    examples: [
      ("mbrl list runs", "those in runs"),
      ("mbrl list runs sweeps/horizon --csv > table.csv", "for a spreadsheet"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    if arguments.has("--json") && arguments.has("--csv") { throw UsageError("--json and --csv: choose one") }
    let folder = arguments.operands.first ?? "runs"
    let list = try RunList(in: folder, skip: console.warning)
    if arguments.has("--csv") {
      console.result(String(decoding: list.csv.dropLast(), as: UTF8.self))
    } else {
      console.show(arguments, list.lines, json: list.json)
    }
    if list.entries.isEmpty { console.note("no runs in \(folder)") }
    return .success
  }
}
