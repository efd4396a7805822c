import Experiments
import Support

/// What one command takes: the source of its parser, its usage line and its help.
package struct CommandSyntax: Sendable {
  /// A named argument, anywhere after the command.
  package struct Option: Sendable {
    /// "--seeds".
    package var name: String
    /// "LIST"; nil for a flag.
    package var value: String?
    /// What it does, as a sentence without its full stop.
    package var help: String
    /// The words that it takes, where these are all; empty otherwise.
    package var choices: [String]

    /// An option; without `value` a flag.
    package init(_ name: String, _ value: String? = nil, _ help: String, choices: [String] = []) {
      (self.name, self.value, self.help, self.choices) = (name, value, help, choices)
    }

    /// An option that takes the names of an enumeration.
    package init<Choice>(_ name: String, _ value: String, _ help: String, among type: Choice.Type)
    where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
      self.init(name, value, help, choices: Choice.allCases.map(\.rawValue))
    }
  }

  /// "config check".
  package var verb: String
  package var summary: String
  /// "CONFIG.json", in order.
  package var operands: [String]
  /// How many operands must be there.
  package var operandCount: ClosedRange<Int>
  /// Whether `key.path=value` is taken.
  package var takesSettings: Bool
  package var options: [Option]
  /// What the command does, in paragraphs.
  package var discussion: [String]
  package var exitCodes: [ExitCode]
  package var examples: [(command: String, meaning: String)]

  /// A command; `operandCount` defaults to exactly the operands named. Every command has `--no-color` and `--help` too.
  package init(
    _ verb: String, _ summary: String, operands: [String] = [], operandCount: ClosedRange<Int>? = nil,
    takesSettings: Bool = false, options: [Option] = [], discussion: [String] = [],
    exitCodes: [ExitCode] = [.success, .usage], examples: [(command: String, meaning: String)] = []
  ) {
    (self.verb, self.summary, self.discussion) = (verb, summary, discussion)
    (self.operands, self.operandCount) = (operands, operandCount ?? operands.count...operands.count)
    self.takesSettings = takesSettings
    self.options = options + [.init("--no-color", nil, "no colours (as NO_COLOR)"), .init("--help", nil, "show this")]
    (self.exitCodes, self.examples) = (exitCodes, examples)
  }

  /// "mbrl train CONFIG.json [key=value …] [options]".
  package var usage: String {
    let required = operands.enumerated().map { $0.offset < operandCount.lowerBound ? $0.element : "[\($0.element)]" }
    return (["mbrl \(verb)"] + required + (takesSettings ? ["[key=value …]"] : []) + ["[options]"])
      .joined(separator: " ")
  }

  /// The whole help text, lines up to 80 columns.
  package var helpText: String {
    var lines = ["mbrl \(verb): \(summary)", "", "usage: \(usage)"]
    for paragraph in discussion { lines += [""] + CommandSyntax.wrapped(paragraph, width: 80) }
    lines += ["", "options:"]
    let names = options.map { $0.name + ($0.value.map { " \($0)" } ?? "") }
    let width = (names.map(\.count).max() ?? 0) + 2
    for (name, option) in zip(names, options) {
      let help = CommandSyntax.wrapped(option.help, width: max(30, 78 - width))
      lines.append("  " + name.padded(to: width) + help[0])
      lines += help.dropFirst().map { "".padded(to: width + 2) + $0 }
    }
    lines += ["", "exit codes:"]
    lines += exitCodes.map { "  \($0.rawValue < 10 ? " " : "")\($0.rawValue)  \($0.meaning)" }
    if !examples.isEmpty {
      lines += ["", "examples:"]
      for example in examples { lines += ["  \(example.command)", "      \(example.meaning)"] }
    }
    return lines.joined(separator: "\n")
  }

  static func wrapped(_ text: String, width: Int) -> [String] {
    var lines = [""]
    for word in text.split(separator: " ") {
      if !lines[lines.count - 1].isEmpty && lines[lines.count - 1].count + 1 + word.count > width { lines.append("") }
      lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
    }
    return lines
  }
}
