import Experiments
import Support

/// The manual page mbrl(1), in the language of man: what `--help` says, of every command.
package struct ManualPage {
  private let verbs: [CommandSyntax]

  /// Of these commands.
  package init(_ verbs: [CommandSyntax]) { self.verbs = verbs }

  /// The page's source.
  package var text: String {
    var lines = [
      ".\\\" Made by mbrl help --man",
      ".TH MBRL 1 \"\" \"mbrl \(ManualPage.escaped(Version.program))\" \"User Commands\"",
      ".SH NAME", "mbrl \\- model\\-based reinforcement learning in one program", ".SH SYNOPSIS", ".B mbrl",
      ".I COMMAND", "\\&... ", ".SH DESCRIPTION",
      "Trains agents from JSON configurations, and shows, compares and exports what they learned.",
      "Results go to standard output, everything else to standard error.", ".SH COMMANDS",
    ]
    lines[7] = "\\&..."
    for verb in verbs {
      lines += [
        ".SS mbrl \(ManualPage.escaped(verb.verb))", ManualPage.escaped("\(verb.summary.capitalizedFirst)."), ".PP",
      ]
      lines += [".B \(ManualPage.escaped(verb.usage))"]
      for paragraph in verb.discussion { lines += [".PP", ManualPage.line(paragraph)] }
      for option in verb.options {
        let value = option.value.map { " \\fI\(ManualPage.escaped($0))\\fR" } ?? ""
        lines += [".TP", "\\fB\(ManualPage.escaped(option.name))\\fR\(value)", ManualPage.line(option.help)]
      }
      for example in verb.examples {
        lines += [".PP", ManualPage.line("\(example.meaning.capitalizedFirst):"), ".PP", ".RS", ".nf"]
        lines += [ManualPage.line(example.command), ".fi", ".RE"]
      }
    }
    lines.append(".SH EXIT STATUS")
    for code in ExitCode.allCases { lines += [".TP", ".B \(code.rawValue)", ManualPage.line(code.meaning)] }
    lines += [
      ".SH ENVIRONMENT", ".TP", ".B NO_COLOR", "Where it is set, nothing is coloured.", ".TP", ".B MBRL_ISA",
      "The instruction set of the kernels: avx512, avx2, neon or portable; none of them changes a result.",
    ]
    return lines.joined(separator: "\n")
  }

  /// A text line: one that begins with a point or an apostrophe would be a request.
  private static func line(_ text: String) -> String {
    let escaped = escaped(text)
    return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&\(escaped)" : escaped
  }

  private static func escaped(_ text: String) -> String {
    String(
      text.flatMap { character -> [Character] in
        switch character {
        case "\\": Array("\\e")
        case "-": Array("\\-")
        // By number, so that it is the same under every locale.
        case _ where !character.isASCII:
          character.unicodeScalars.flatMap {
            "\\[u\(String($0.value, radix: 16, uppercase: true).leftPadded(to: 4, with: "0"))]"
          }
        default: [character]
        }
      })
  }
}

extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
