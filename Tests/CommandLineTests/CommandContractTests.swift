import Experiments
import Foundation
import Support
import TestSupport
import Testing
import mbrl

/// What every command keeps to, those that come later included.
@Suite struct CommandContractTests {
  static let syntaxes = Main.verbs.map { $0.syntax }

  /// An example is a call that the command's own syntax takes, its settings and operands in order.
  @Test(arguments: syntaxes)
  func helpHasExamplesThatAreRight(syntax: CommandSyntax) throws {
    #expect(!syntax.examples.isEmpty, "mbrl \(syntax.verb) has no example")
    for example in syntax.examples where !example.command.hasPrefix("source ") {
      let call = example.command.prefix { $0 != ">" && $0 != "|" }
      let words = call.split(separator: " ").map(String.init)
      let verb = ["mbrl"] + syntax.verb.split(separator: " ").map(String.init)
      #expect(Array(words.prefix(verb.count)) == verb, "\(example.command)")
      #expect(throws: Never.self, "\(example.command)") { try syntax.parse(Array(words.dropFirst(verb.count))) }
      #expect(!example.meaning.isEmpty && syntax.helpText.contains(example.command))
    }
  }

  @Test(arguments: syntaxes)
  func choicesAreSaidInTheHelp(syntax: CommandSyntax) {
    for option in syntax.options where !option.choices.isEmpty && option.choices.count < 6 {
      for choice in option.choices { #expect(option.help.contains(choice), "\(syntax.verb) \(option.name): \(choice)") }
    }
  }

  @Test func theMapNamesEveryCommandOnce() {
    let map = CommandMap.text(Self.syntaxes).split(separator: "\n")
    for syntax in Self.syntaxes {
      #expect(map.filter { $0.hasPrefix("  \(syntax.verb)  ") && $0.hasSuffix(syntax.summary) }.count == 1)
    }
    #expect(map.allSatisfy { $0.count <= 110 } && map.count < 40)
  }

  @Test(arguments: Completion.Shell.allCases)
  func completionKnowsEveryOption(shell: Completion.Shell) {
    let script = Completion(Self.syntaxes).script(shell)
    #expect(script == Completion(Self.syntaxes).script(shell))
    for syntax in Self.syntaxes {
      #expect(script.contains(syntax.verb.split(separator: " ").last!), "\(syntax.verb)")
      for option in syntax.options {
        let name = shell == .fish ? String(option.name.drop { $0 == "-" }) : option.name
        #expect(script.contains(name), "\(syntax.verb) \(option.name)")
        for choice in option.choices { #expect(script.contains(choice), "\(syntax.verb) \(option.name) \(choice)") }
      }
    }
  }

  /// bash itself: the script is right, and answers with what the declarations say.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/bin/bash")))
  func bashCompletes() throws {
    let folder = TemporaryFolder()
    let script = folder.write(Completion(Self.syntaxes).script(.bash), to: "mbrl.bash")
    func answer(_ words: String...) throws -> [String] {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      let ask = ". \"$0\" && COMP_WORDS=(\"$@\") && COMP_CWORD=$(($# - 1)) && _mbrl && echo \"${COMPREPLY[*]}\""
      process.arguments = ["-c", ask, script] + words
      let pipe = Pipe()
      process.standardOutput = pipe
      try process.run()
      let data = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      return String(decoding: data, as: UTF8.self).split { $0 == " " || $0 == "\n" }.map(String.init)
    }
    #expect(try answer("mbrl", "trai") == ["train"])
    #expect(try answer("mbrl", "config", "").sorted() == ["check", "schema", "show"])
    for syntax in Self.syntaxes {
      let words = ["mbrl"] + syntax.verb.split(separator: " ").map(String.init)
      let reply = words.count == 2 ? try answer(words[0], words[1], "-") : try answer(words[0], words[1], words[2], "-")
      #expect(reply.sorted() == syntax.options.map(\.name).sorted(), "\(syntax.verb)")
    }
    #expect(try answer("mbrl", "train", "a.json", "--resume", "") == ["auto", "never", "must"])
    #expect(try answer("mbrl", "list", "r") == ["runs"])
    #expect(try answer("mbrl", "solve", "Taxi") == ["Taxi-v4"])
  }

  @Test func theManualPageSaysWhatHelpSays() {
    let page = ManualPage(Self.syntaxes).text
    #expect(page.utf8.allSatisfy { $0 < 0x80 })
    var plain = page.replacingOccurrences(of: "\\-", with: "-").replacingOccurrences(of: "\\e", with: "\\")
    for scalar in "…–—−×·≥±“”ε→".unicodeScalars {
      let code = String(scalar.value, radix: 16, uppercase: true).leftPadded(to: 4, with: "0")
      plain = plain.replacingOccurrences(of: "\\[u\(code)]", with: String(scalar))
    }
    for syntax in Self.syntaxes {
      #expect(plain.contains(".SS mbrl \(syntax.verb)\n") && plain.contains(syntax.usage))
      for option in syntax.options { #expect(plain.contains(option.help), "\(syntax.verb) \(option.name)") }
      for example in syntax.examples { #expect(plain.contains(example.command)) }
    }
    let requests = Set(page.split(separator: "\n").filter { $0.hasPrefix(".") }.map { $0.prefix { $0 != " " } })
    #expect(
      requests.isSubset(of: [".\\\"", ".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".I", ".RS", ".RE", ".nf", ".fi"]))
  }

  @Test(arguments: [
    ("train a.json --sed 1", "mbrl train a.json --seeds 1"),
    ("plot runs/x --statistik=iqm", "mbrl plot runs/x --statistic=iqm"),
    ("train 'a b.json' --sed 1", "mbrl train 'a b.json' --seeds 1"), ("train", "mbrl train configs/quickstart.json"),
    ("list agent", "mbrl list"),
    (
      "plot --hold -o x.svg",
      "mbrl plot sac=runs/sac-pendulum-0123456789 "
        + "mbpo=runs/mbpo-pendulum-abcdef0123 -o curves.svg --hold"
    ),
  ])
  func nearestCalls(line: String, call: String) throws {
    let words = line.contains("'") ? ["train", "a b.json", "--sed", "1"] : line.split(separator: " ").map(String.init)
    let syntax = try #require(Self.syntaxes.first { $0.verb == words[0] })
    #expect(NearestCall.to(Array(words.dropFirst()), syntax) == call)
  }
}

extension CommandSyntax: CustomTestStringConvertible {
  public var testDescription: String { verb }
}
