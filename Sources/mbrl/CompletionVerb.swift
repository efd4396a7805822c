import Experiments
import Support

/// `mbrl completion`.
enum CompletionVerb: Verb {
  static let syntax = CommandSyntax(
    "completion", "a script that completes commands and options in a shell",
    operands: [Completion.Shell.allCases.map(\.rawValue).joined(separator: "|")],
    discussion: ["The script knows every command, option and choice of this program, and says where to keep it."],
    examples: [
      ("source <(mbrl completion bash)", "in this shell, at once"),
      ("mbrl completion fish > ~/.config/fish/completions/mbrl.fish", "for good"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let name = arguments.operands[0]
    guard let shell = Completion.Shell(rawValue: name) else {
      let names = Completion.Shell.allCases.map(\.rawValue)
      throw UsageError(
        "\"\(name)\" is not one of \(names.joined(separator: ", "))\(Suggestion.didYouMean(name, among: names))")
    }
    console.result(Completion(Main.verbs.map { $0.syntax }).script(shell))
    return .success
  }
}
