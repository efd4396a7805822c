import Experiments
import Reports
import Support
import Testing

/// `mbrl eval --map`.
@Suite struct PolicyMapTests {
  private func map(_ environment: String, steps: Int) throws -> [String] {
    var bench = try Bench(
      """
      {"environment": {"id": "\(environment)"}, "agent": {"type": "dyna-q", "planningSteps": 50},
       "evaluation": {"episodes": 0}, "training": {"environmentSteps": \(steps)}}
      """)
    bench.agent = nil
    try bench.train()
    var evaluation = PolicyEvaluation()
    (evaluation.drawsMap, evaluation.episodes) = (true, 1)
    return try evaluation.run("\(try bench.seed())/checkpoints/latest").map
  }

  /// "worse than the optimum in 12 of 46 states …".
  private func worse(_ lines: [String]) throws -> Int {
    let text = try #require(lines.first { $0.contains("the optimum in ") })
    return text.hasPrefix("as good") ? 0 : try #require(Int(text.split(separator: " ")[5]))
  }

  @Test func policyValuesAndWhatIsNotTheBest() throws {
    let begun = try map("DynaMaze-v0", steps: 1)
    #expect(begun[6] == "value" && begun.count == 6 + 1 + 6 + 1 + 6)
    #expect(begun[13].contains("of 46 states that can be reached (discount "))
    #expect(begun[13].hasSuffix("the best action there:") && begun[14...].joined().contains("·"))
    let learned = try map("DynaMaze-v0", steps: 6000)
    #expect(try worse(learned) < worse(begun) / 2)
    #expect(learned[..<6].joined().contains("→") && learned[7..<13].joined().contains("0."))
  }

  @Test func statesThatAreNoPlacesAreCounted() throws {
    let lines = try map("Taxi-v4", steps: 500)
    #expect(lines.count == 7 && lines[0].hasPrefix("South: "))
    #expect(try worse(lines) > 0 && lines[6].contains(" of 400 states that can be reached"))
  }
}
