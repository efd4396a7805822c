import Environments
import Experiments
import Support
import TestSupport
import Testing

/// A policy that answers lines against the same policy in an evaluation.
@Suite struct ServeTests {
  private func loop(_ environment: String, agent: String = #"{"type": "random"}"#) throws -> RunLoop {
    let text = """
      {"environment": \(environment), "agent": \(agent), "training": {"environmentSteps": 30},
       "evaluation": {"episodes": 1}}
      """
    let file = try ExperimentFile.read(try JSONParser.parse(text), name: "serve", source: "serve")
    let loop = try RunLoop(file.configuration, seed: 0, threads: 1)
    for _ in 0..<20 { try loop.step() }
    return loop
  }

  /// A client that plays the bare environment and asks for every action.
  private final class Client {
    var environment: any Environment
    var totals: [Double] = []
    private var total = 0.0
    private var isFirst = true
    private var seed: UInt64
    private let episodes: Int

    init(_ environment: any Environment, seed: UInt64, episodes: Int) throws {
      (self.environment, self.seed, self.episodes) = (environment, seed, episodes)
      try self.environment.reset(seed: seed)
    }

    func question() -> String? {
      if totals.count == episodes { return nil }
      defer { isFirst = false }
      let numbers = environment.observed.map { "\($0)" }.joined(separator: ", ")
      return #"{"observation": [\#(numbers)], "first": \#(isFirst)}"#
    }

    func take(_ answer: String) {
      guard let action = (try? JSONParser.parse(answer))?.object?["action"] else {
        Issue.record("\(answer)")
        return
      }
      let values = action.array?.map { Float($0.double ?? .nan) } ?? [Float(action.integer ?? -1)]
      let outcome: Outcome?
      if let index = action.integer {
        outcome = try? environment.step(.discrete(index))
      } else {
        outcome = values.withUnsafeBufferPointer { try? environment.step(.continuous($0)) }
      }
      guard let outcome else {
        Issue.record("\(answer) was not taken")
        return
      }
      total += outcome.reward
      guard outcome.isOver else { return }
      totals.append(total)
      (total, isFirst, seed) = (0, true, seed + 1)
      try? environment.reset(seed: seed)
    }
  }

  @Test(arguments: [
    #"{"id": "LineWorld-v0", "stepLimit": 12}"#,
    #"{"id": "Pendulum-v1", "stepLimit": 20, "wrappers": {"rescalesActions": true, "frameStack": 3}}"#,
    #"{"id": "Pendulum-v1", "stepLimit": 20, "wrappers": {"actionRepeat": 3, "observesTime": true}}"#,
    #"{"id": "CartPole-v1", "wrappers": {"normalizesObservations": true}}"#,
  ])
  func aClientGetsTheReturnsOfAnEvaluation(environment: String) throws {
    let loop = try loop(environment)
    var evaluated: [Evaluation.Episode] = []
    _ = try loop.evaluate(Evaluation(episodes: 3, seed: 7), isStochastic: true, into: &evaluated) { false }
    guard case .object(let settings) = try JSONParser.parse(environment) else { return }
    let client = try Client(PythonWorker.configuration(settings).0.makeBare(), seed: 7, episodes: 3)
    let conversation = ServedConversation(read: client.question, write: client.take)
    try loop.serve(conversation, isStochastic: true, seed: 7)
    // Repeated actions have their rewards added in another order.
    try #require(client.totals.count == 3)
    for (total, episode) in zip(client.totals, evaluated) { #expect(abs(total - episode.total) < 1e-9) }
  }

  @Test func whatIsNotRightIsAnsweredAndCountsForNothing() throws {
    let cases = [
      ("", nil), ("[1]", "expected {\"observation\": …}, found an array"), ("{", "line 1"),
      (#"{"first": true}"#, "observation: missing"), (#"{"observation": [1], "x": 1}"#, "x: unknown"),
      (#"{"observation": [1], "first": 1}"#, "first: expected true or false"),
      (#"{"observation": [1, 2]}"#, "expected 1 numbers, found 2"),
      (#"{"observation": "1"}"#, "observation: expected finite numbers"),
      (#"{"observation": [1e300]}"#, "observation: expected finite numbers"),
    ]
    var (lines, answers) = (cases.map(\.0) + [#"{"observation": [[3]]}"#], [String]())
    let conversation = ServedConversation(
      read: { lines.isEmpty ? nil : lines.removeFirst() }, write: { answers.append($0) })
    try loop(#"{"id": "LineWorld-v0"}"#).serve(conversation, isStochastic: false, seed: 0)
    let expected = cases.compactMap(\.1)
    try #require(answers.count == expected.count + 1)
    for (answer, text) in zip(answers, expected) {
      let error = (try JSONParser.parse(answer)).object?["error"]?.string
      #expect(error?.contains(text) == true, "\(answer) has no \(text)")
    }
    #expect(answers.last?.hasPrefix("{\"action\":[") == true)
  }

  /// A state is a whole number in its range.
  @Test func anIndexIsHeldToItsRange() throws {
    var (lines, answers) = ([#"{"observation": 99}"#, #"{"observation": 1.5}"#, #"{"observation": 3}"#], [String]())
    let conversation = ServedConversation(
      read: { lines.isEmpty ? nil : lines.removeFirst() }, write: { answers.append($0) })
    try loop(#"{"id": "FrozenLake-v1"}"#).serve(conversation, isStochastic: false, seed: 0)
    #expect(answers.count == 3 && answers[0].contains("99") && answers[1].contains("1.5"))
    #expect(answers[2].hasPrefix("{\"action\":"))
  }
}
