import Environments
import Support

/// Scripts that complete the program's arguments in a shell, made of what the commands declare.
package struct Completion {
  package enum Shell: String, CaseIterable, Sendable { case bash, zsh, fish }

  private let verbs: [CommandSyntax]

  /// Of these commands.
  package init(_ verbs: [CommandSyntax]) { self.verbs = verbs }

  /// The whole script.
  package func script(_ shell: Shell) -> String {
    let lines =
      switch shell {
      case .bash: bash
      case .zsh: zsh
      case .fish: fish
      }
    return lines.joined(separator: "\n")
  }

  // MARK: What there is

  /// The first words of all commands, each once.
  private var firstWords: [String] {
    verbs.map(\.firstWord).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  /// The second words after a first one.
  private func secondWords(_ first: String) -> [String] {
    verbs.filter { $0.firstWord == first }.compactMap(\.secondWord)
  }

  /// The words that can be a command's operands, where these are all; empty: files.
  private static func operandChoices(_ syntax: CommandSyntax) -> [String] {
    guard let operand = syntax.operands.first else { return [] }
    if ["ID", "ENV"].contains(operand) { return EnvironmentRegistry.ids }
    let words = operand.split(separator: "|").map(String.init)
    return words.count > 1 && words.allSatisfy { $0.allSatisfy(\.isLowercase) } ? words : []
  }

  // MARK: Bash

  private var bash: [String] {
    var lines = [
      "# Completion of mbrl for bash: source it, or keep it as ~/.local/share/bash-completion/completions/mbrl",
      "_mbrl() {",
      "  local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\" verb=\"${COMP_WORDS[1]}\"",
      "  local words=\"\" options=\"\"", "  COMPREPLY=()", "  if [ \"$COMP_CWORD\" -eq 1 ]; then",
      "    words=\"\((firstWords + ["help", "--help", "--version"]).joined(separator: " "))\"", "  else",
      "    case \"$verb ${COMP_WORDS[2]}\" in",
    ]
    for verb in verbs where verb.secondWord != nil {
      lines.append("      \"\(verb.verb)\") [ \"$COMP_CWORD\" -gt 2 ] && verb=\"\(verb.verb)\" ;;")
    }
    lines += ["    esac", "    case \"$verb\" in"]
    for first in firstWords {
      let seconds = secondWords(first)
      if !seconds.isEmpty && !verbs.contains(where: { $0.verb == first }) {
        lines.append("      \"\(first)\") [ \"$COMP_CWORD\" -eq 2 ] && words=\"\(seconds.joined(separator: " "))\" ;;")
      }
    }
    for verb in verbs {
      lines.append("      \"\(verb.verb)\")")
      lines.append("        options=\"\(verb.options.map(\.name).joined(separator: " "))\"")
      let words = Completion.operandChoices(verb) + (verb.secondWord == nil ? secondWords(verb.verb) : [])
      if !words.isEmpty { lines.append("        words=\"\(words.joined(separator: " "))\"") }
      lines.append("        case \"$before\" in")
      for option in verb.options where option.value != nil {
        lines.append("          \(option.name)) words=\"\(option.choices.joined(separator: " "))\" options=\"\" ;;")
      }
      lines += ["        esac ;;"]
    }
    return lines + [
      "    esac", "  fi", "  case \"$word\" in", "    -*) words=\"$options\" ;;", "  esac",
      "  [ -z \"$words\" ] || COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))", "}",
      "complete -o default -F _mbrl mbrl",
    ]
  }

  // MARK: Zsh

  private var zsh: [String] {
    func text(_ text: String) -> String {
      String(
        text.flatMap { character -> [Character] in
          switch character {
          case "'": Array("'\\''")
          case "[", "]", ":", "\\": ["\\", character]
          default: [character]
          }
        })
    }
    func action(_ value: String, _ choices: [String]) -> String {
      if !choices.isEmpty { return "(\(choices.joined(separator: " ")))" }
      return value.contains("FILE") || value.contains("DIR") || value.contains("CHECKPOINT") ? "_files" : " "
    }
    var lines = ["#compdef mbrl", "# Completion of mbrl for zsh: keep it as _mbrl in a folder of $fpath", "_mbrl() {"]
    lines += ["  local -a verbs", "  verbs=("]
    for first in firstWords {
      let summary = verbs.first { $0.verb == first }?.summary ?? secondWords(first).joined(separator: ", ")
      lines.append("    '\(first):\(text(summary))'")
    }
    lines += [
      "  )", "  if (( CURRENT == 2 )); then", "    _describe command verbs", "    return", "  fi",
      "  local verb=$words[2]", "  case \"$words[2] $words[3]\" in",
    ]
    for verb in verbs where verb.secondWord != nil {
      lines.append("    '\(verb.verb)') (( CURRENT > 3 )) && verb='\(verb.verb)' && shift words && (( CURRENT-- )) ;;")
    }
    lines += ["  esac", "  shift words", "  (( CURRENT-- ))", "  case \"$verb\" in"]
    for first in firstWords where !verbs.contains(where: { $0.verb == first }) {
      lines.append("    '\(first)') compadd \(secondWords(first).joined(separator: " ")) ;;")
    }
    for verb in verbs {
      lines.append("    '\(verb.verb)')")
      lines.append("      _arguments \\")
      for option in verb.options {
        let help = "[\(text(option.help))]"
        let name = option.name.hasPrefix("--") ? "\(option.name)=" : option.name
        lines.append(
          option.value.map { "        '\(name)\(help):\(text($0)):\(action($0, option.choices))' \\" }
            ?? "        '\(option.name)\(help)' \\")
      }
      let words = Completion.operandChoices(verb) + (verb.secondWord == nil ? secondWords(verb.verb) : [])
      lines.append("        '*: :\(words.isEmpty ? "_files" : "(\(words.joined(separator: " ")))")' ;;")
    }
    return lines + ["  esac", "}", "_mbrl \"$@\""]
  }

  // MARK: Fish

  private var fish: [String] {
    func text(_ text: String) -> String {
      "'" + String(text.flatMap { $0 == "'" || $0 == "\\" ? ["\\", $0] : [$0] }) + "'"
    }
    var lines = [
      "# Completion of mbrl for fish: keep it as ~/.config/fish/completions/mbrl.fish", "function __mbrl_is",
      "  set -l words (commandline -opc)", "  test (count $words) -gt (count $argv); or return 1",
      "  for place in (seq (count $argv))", "    test $words[(math $place + 1)] = $argv[$place]; or return 1", "  end",
      "end", "function __mbrl_at", "  test (count (commandline -opc)) -eq $argv[1]", "end",
    ]
    for first in firstWords {
      let summary = verbs.first { $0.verb == first }?.summary ?? secondWords(first).joined(separator: ", ")
      lines.append("complete -c mbrl -n '__mbrl_at 1' -f -a \(first) -d \(text(summary))")
      for verb in verbs where verb.firstWord == first {
        guard let second = verb.secondWord else { continue }
        lines.append(
          "complete -c mbrl -n '__mbrl_is \(first); and __mbrl_at 2' -f -a \(second) -d \(text(verb.summary))")
      }
    }
    for verb in verbs {
      for option in verb.options {
        let name = option.name.hasPrefix("--") ? "-l \(option.name.dropFirst(2))" : "-s \(option.name.dropFirst())"
        let value =
          option.value == nil
          ? "" : option.choices.isEmpty ? " -r" : " -x -a \(text(option.choices.joined(separator: " ")))"
        lines.append("complete -c mbrl -n '__mbrl_is \(verb.verb)' \(name)\(value) -d \(text(option.help))")
      }
      let words = Completion.operandChoices(verb)
      if !words.isEmpty {
        lines.append("complete -c mbrl -n '__mbrl_is \(verb.verb)' -f -a \(text(words.joined(separator: " ")))")
      }
    }
    return lines
  }
}

extension CommandSyntax {
  /// "config" of "config check".
  fileprivate var firstWord: String { String(verb.prefix { $0 != " " }) }
  /// "check" of "config check"; nil of a command of one word.
  fileprivate var secondWord: String? { verb.contains(" ") ? String(verb.drop { $0 != " " }.dropFirst()) : nil }
}
