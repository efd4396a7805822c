import Experiments
import Foundation
import Support

/// One command: arguments in, text out, exit code.
package protocol Verb {
  static var syntax: CommandSyntax { get }
  /// Whether all that the work leaves goes to standard output; default: yes.
  static var leavesResultsOnly: Bool { get }
  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode
}

extension Verb {
  package static var leavesResultsOnly: Bool { true }
}

extension Console {
  /// A result: as one JSON object in a line where `--json` asks for it, otherwise for people.
  func show(_ arguments: ParsedArguments, _ lines: @autoclosure () -> [String], json: @autoclosure () -> [JSON]) {
    if arguments.has("--json") { json().forEach { result($0.compactText) } } else { lines().forEach(result) }
  }
}

@main
package enum Main {
  /// Every command, in the order of the help.
  package static var verbs: [any Verb.Type] {
    [
      InitVerb.self, TrainVerb.self, EvalVerb.self, ConfigCheckVerb.self, ConfigShowVerb.self, ConfigSchemaVerb.self,
      ListVerb.self, ListRunsVerb.self, CompareVerb.self, PlotVerb.self, ReportVerb.self, DiagnoseVerb.self,
      ExportVerb.self, SweepPlanVerb.self, SweepRunVerb.self, SweepPendingVerb.self, SweepStatusVerb.self,
      SweepAdvanceVerb.self, SweepCollectVerb.self, ServeVerb.self, DataRecordVerb.self, DataImportVerb.self,
      DataImagineVerb.self, DataCompareVerb.self,
      EnvCheckVerb.self, SolveVerb.self, InspectVerb.self,
      BenchVerb.self, CompletionVerb.self,
    ]
  }

  package static func main() {
    Signals.ignoreWriteSignals()
    OpenFile.reserveStandardStreams()
    let arguments = Array(CommandLine.arguments.dropFirst())
    let terminal = Terminal(2, noColour: arguments.contains("--no-color"))
    let console = Console(terminal: terminal, isQuiet: arguments.contains("--quiet"))
    var code = run(arguments, console)
    if let fault = console.outputFault, !console.isOutputClosed {
      console.error(fault.description)
      if code == .success { code = .failure }
    }
    exit(code.rawValue)
  }

  private static func run(_ arguments: [String], _ console: Console) -> ExitCode {
    guard let first = arguments.first else {
      console.note(overview)
      return .usage
    }
    switch first {
    case "--version": return version(console)
    case "--help", "-h", "help": return help(Array(arguments.dropFirst()), console)
    default: break
    }
    guard let (verb, rest) = find(arguments) else { return unknown(arguments, console) }
    do {
      if let fault = Machine.instructionSetFault { throw UsageError(fault) }
      let parsed = try verb.syntax.parse(rest)
      if parsed.wantsHelp {
        console.result(verb.syntax.helpText)
        return .success
      }
      if verb.leavesResultsOnly { console.tryOutput() }
      // Said at the end.
      if console.outputFault != nil { return .failure }
      return try verb.run(parsed, console)
    } catch let error as UsageError {
      return usage(error.description, verb, rest, console)
    } catch ExperimentError.usage(let text) {
      return usage(text, verb, rest, console)
    } catch {
      let error = ExperimentError(error)
      console.error(error.description)
      return error.exitCode
    }
  }

  /// What is wrong, in a line, and the nearest right call.
  private static func usage(
    _ text: String, _ verb: any Verb.Type, _ arguments: [String], _ console: Console
  ) -> ExitCode {
    let call = NearestCall.to(arguments, verb.syntax)
    console.error("\(text)\ntry: \(call)   (mbrl \(verb.syntax.verb) --help tells more)")
    return .usage
  }

  /// The verb that the first one or two arguments name, and what is left.
  private static func find(_ arguments: [String]) -> (any Verb.Type, [String])? {
    for count in [2, 1] where arguments.count >= count {
      let name = arguments.prefix(count).joined(separator: " ")
      if let verb = verbs.first(where: { $0.syntax.verb == name }) { return (verb, Array(arguments.dropFirst(count))) }
    }
    return nil
  }

  private static func unknown(_ arguments: [String], _ console: Console) -> ExitCode {
    let first = arguments[0]
    let group = verbs.map { $0.syntax }.filter { $0.verb.hasPrefix("\(first) ") }
    if !group.isEmpty {
      let known = group.map { String($0.verb.dropFirst(first.count + 1)) }
      if arguments.dropFirst().contains(where: { $0 == "--help" || $0 == "-h" }) {
        console.result(group.map { "\($0.usage)\n    \($0.summary)" }.joined(separator: "\n"))
        return .success
      }
      guard arguments.count > 1 else {
        console.error("mbrl \(first): say \(known.joined(separator: ", "))\nmore: mbrl \(first) --help")
        return .usage
      }
      console.error(
        "unknown command \"\(first) \(arguments[1])\"\(Suggestion.didYouMean(arguments[1], among: known))\n"
          + "usage:\n" + group.map { "  \($0.usage)" }.joined(separator: "\n"))
      return .usage
    }
    var names: [String] = []
    for name in verbs.map({ String($0.syntax.verb.prefix { $0 != " " }) }) where !names.contains(name) {
      names.append(name)
    }
    let what = first.hasPrefix("-") ? "option" : "command"
    let known = first.hasPrefix("-") ? ["--help", "--version"] : names
    let call =
      Suggestion.nearest(first, among: known).map { ["mbrl", $0] + arguments.dropFirst() } ?? ["mbrl", "--help"]
    console.error(
      "unknown \(what) \"\(first)\"\(Suggestion.didYouMean(first, among: known))\n"
        + "try: \(NearestCall.text(call))   (mbrl --help lists all commands)")
    return .usage
  }

  private static func version(_ console: Console) -> ExitCode {
    if let fault = Machine.instructionSetFault {
      console.error(fault)
      return .usage
    }
    console.result("mbrl \(Version.program) (\(Machine.instructionSet) kernels, \(Machine.compiler))")
    return .success
  }

  private static func help(_ rest: [String], _ console: Console) -> ExitCode {
    let words = rest.filter { !$0.hasPrefix("-") }
    if rest.contains("--man") {
      console.result(ManualPage(verbs.map { $0.syntax }).text)
      return .success
    }
    if words.isEmpty {
      console.result(overview)
      return .success
    }
    guard let (verb, _) = find(words) else { return unknown(words + ["--help"], console) }
    console.result(verb.syntax.helpText)
    return .success
  }

  private static var overview: String { CommandMap.text(verbs.map { $0.syntax }) }
}
