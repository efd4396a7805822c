import Reports
import Support
import TestSupport
import Testing
import mbrl

/// `mbrl list` alone: every list, one after the other.
@Suite struct ListVerbTests {
  private func output(_ arguments: String...) throws -> [String] {
    let stage = ConsoleStage()
    let console = stage.console(Terminal(isLive: false, hasColour: false))
    #expect(try ListVerb.run(try ListVerb.syntax.parse(arguments), console) == .success)
    #expect(stage.messages.isEmpty)
    return stage.results.split(separator: "\n", omittingEmptySubsequences: false).map(String.init).dropLast()
  }

  @Test func aloneItListsEverything() throws {
    let lists = try Catalogue.allCases.map { try [$0.rawValue] + output($0.rawValue).map { "  \($0)" } }
    #expect(lists.allSatisfy { $0.count > 2 })
    #expect(try output() == Array(lists.joined(separator: [""])))
  }

  @Test func programsLearnFromWhichListItIs() throws {
    var expected: [String] = []
    for catalogue in Catalogue.allCases {
      let alone = try output(catalogue.rawValue, "--json")
      #expect(alone == catalogue.json.map(\.compactText))
      expected += alone.map { #"{"list":"\#(catalogue.rawValue)",\#($0.dropFirst())"# }
    }
    #expect(try output("--json") == expected)
  }

  @Test func whatThereIsNot() throws {
    let console = ConsoleStage().console(Terminal(isLive: false, hasColour: false))
    #expect(throws: UsageError("there is no list \"agent\"; did you mean \"agents\"?")) {
      try ListVerb.run(try ListVerb.syntax.parse(["agent"]), console)
    }
  }
}
