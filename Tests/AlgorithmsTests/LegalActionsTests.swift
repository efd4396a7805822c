import Algorithms
import Environments
import Foundation
import Neural
import Support
import Testing

/// Agents that are told which actions are legal choose among them alone.
struct LegalActionsTests {
  /// Numbers, then flags of three actions, two of which are illegal at most; an illegal one is an error.
  private struct Guarded: ValueEnvironment {
    let specification: EnvironmentSpecification
    private var random = RandomStream(seed: 0)
    private var flags: [Float] = [1, 1, 1]
    private var number: Float = 0

    init(tells: Bool) {
      var specification = EnvironmentSpecification(
        id: "Guarded", observationSpace: .box(low: [-1, 0, 0, 0], high: [1, 1, 1, 1]),
        actionSpace: .discrete(count: 3), stepLimit: nil, rewardRange: 0...1, framesPerSecond: 1, summary: "")
      specification.legalActions = tells ? LegalActions(first: 1, count: 3) : nil
      self.specification = specification
    }

    private mutating func draw() {
      number = Float(random.uniform(-1, 1))
      let set = 1 + random.integer(below: 7)
      flags = (0..<3).map { Float(set >> $0 & 1) }
    }

    mutating func reset(seed: UInt64) {
      random = RandomStream(seed: seed)
      draw()
    }

    mutating func step(_ action: Action) throws -> Outcome {
      let action = try action.index(below: 3)
      if flags[action] == 0 { throw EnvironmentError.failed("action \(action) is illegal") }
      // The first one is best, where it may be taken.
      draw()
      let isOver = random.uniform() < 0.1
      if isOver { flags = [0, 0, 0] }
      return Outcome(reward: action == 0 ? 1 : 0, isTerminated: isOver)
    }

    func observe(into observation: UnsafeMutableBufferPointer<Float>) {
      observation[0] = number
      for (place, flag) in flags.enumerated() { observation[1 + place] = flag }
    }

    mutating func archive(_ archive: Archive) throws {}
  }

  static let agents = [
    #"{"agent": {"type": "random"}}"#,
    #"{"agent": {"type": "dqn", "initialRandomSteps": 40, "hiddenSizes": [8], "batchSize": 8}}"#,
    """
    {"agent": {"type": "dqn", "initialRandomSteps": 40, "hiddenSizes": [8], "batchSize": 8, "isDouble": false,
      "isDueling": true, "priorityExponent": 0.5, "nStepReturns": 2}}
    """,
    """
    {"agent": {"type": "dyna", "initialRandomSteps": 40, "hiddenSizes": [8], "batchSize": 8, "planningSteps": 1,
      "fitEvery": 100}, "model": {"hiddenSizes": [8], "epochs": 2}}
    """,
    #"{"agent": {"type": "sac", "initialRandomSteps": 40, "hiddenSizes": [8], "batchSize": 8}}"#,
    """
    {"agent": {"type": "ppo", "rolloutLength": 32, "batchSize": 16, "epochs": 2, "hiddenSizes": [8],
      "normalizesObservations": true}}
    """,
    """
    {"agent": {"type": "mbpo", "initialRandomSteps": 40, "hiddenSizes": [8], "fitEvery": 100, "updatesPerStep": 1},
     "model": {"hiddenSizes": [8], "epochs": 2}}
    """,
  ]

  /// Runs an agent, then its policy with and without draws.
  private func run(_ agent: String, tells: Bool, steps: Int = 250) throws {
    let environment = Guarded(tells: tells)
    func group() -> EnvironmentGroup { EnvironmentGroup([environment, environment]) { UInt64($0) } }
    let interaction = Interaction(
      try makeAgent(agent, for: EnvironmentDescription(environment), lanes: 2), group())
    while interaction.step < steps { try interaction.advance() }
    for isStochastic in [false, true] {
      let policy = interaction.agent.makePolicy(isStochastic: isStochastic, rows: 2, random: RandomStream(seed: 5))
      let group = group()
      for _ in 0..<60 {
        try group.begin()
        try policy.act(in: group.situation, into: group.actions)
        try group.step()
      }
    }
  }

  @Test(arguments: agents) func noneTakesAnIllegalAction(agent: String) throws { try run(agent, tells: true) }

  /// The same agents where nobody tells them.
  @Test(arguments: agents) func theTaskSeesIllegalOnes(agent: String) {
    #expect(throws: EnvironmentError.self) { try run(agent, tells: false) }
  }

  @Test func theBestAndTheDrawn() {
    let legal = LegalActions(first: 1, count: 3)
    let observations = rows([0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], 4)
    let values = rows([1, 9, 2, 3, 2, 1, 5, 5, 4], 3)
    #expect((0..<3).map { legal.best(of: values.read, at: observations.read, $0) } == [2, 0, 2])
    let penalties = (0..<3).map { row in
      [Float](unsafeUninitializedCapacity: 3) { penalties, count in
        legal.penalties(at: observations.read, row, -7, into: penalties.baseAddress!)
        count = 3
      }
    }
    #expect(penalties == [[0, -7, 0], [0, 0, 0], [-7, -7, 0]])
    var random = RandomStream(seed: 1)
    for row in 0..<3 {
      var counts = [0, 0, 0]
      for _ in 0..<600 { counts[legal.draw(at: observations.read, row, &random)] += 1 }
      for action in 0..<3 {
        let share = penalties[row][action] == 0 ? 600 / [2, 3, 1][row] : 0
        #expect(abs(counts[action] - share) <= (share == 600 || share == 0 ? 0 : 60))
      }
    }
  }

  /// Illegal actions have no probability, no share in the entropy and no gradient; the others those of their softmax.
  @Test func logitsOfIllegalActions() {
    let (tape, legal) = (Tape(), LegalActions(first: 0, count: 3))
    let observations = rows([1, 0, 1, 0, 0, 0], 3)
    let logits = tape.variable([0.5, 4, -1, 1, 2, 3], rows: 2, columns: 3)
    let distribution = ActionDistribution.categorical(
      logProbabilities: tape.logSoftmax(tape.logits(logits, legal, at: observations.read)))
    guard case .categorical(let logs) = distribution else { return }
    let chances = Array(tape.values(tape.exp(logs)))
    let share = 1 / (1 + exp(-1.5))
    let first = Float(share)
    let others: Float = 1 - first
    #expect(abs(chances[0] - first) < 1e-6)
    #expect(chances[1] == 0)
    #expect(abs(chances[2] - others) < 1e-6)
    #expect(abs(chances[5] - 0.66524096) < 1e-5)
    let entropies = distribution.entropies(on: tape)
    let entropy = Float(-share * log(share) - (1 - share) * log(1 - share))
    #expect(abs(tape.values(entropies)[0] - entropy) < 1e-5)
    tape.backward(tape.sum(entropies))
    let gradient = Array(tape.gradient(logits))
    #expect(gradient.allSatisfy { $0.isFinite })
    #expect(gradient[1] == 0)
    #expect(abs(gradient[0]) > 0.01)
  }

  /// A target's best action is the best of the legal ones of the next state, double or not.
  @Test(arguments: [false, true]) func targetsOfLegalActions(isDouble: Bool) {
    let loss = TemporalDifferenceLoss(capacity: 2, isDueling: false, limit: nil)
    let (seen, actions) = (rows([0, 1, 1, 1, 0, 1, 1, 1], 4), rows([1, 0, 0, 0, 1, 0], 3))
    let (rewards, next, ends) = (rows([1, 2]), rows([0, 1, 0, 1, 0, 0, 0, 1], 4), rows([0, 0]))
    let batch = TransitionBatch(
      observations: seen.read, actions: actions.read, rewards: rewards.read, next: next.read, terminated: ends.read)
    let judging = rows([3, 9, 4, 7, 8, 1], 3)
    let choosing = isDouble ? rows([5, 9, 4, 7, 8, 1], 3) : judging
    loss.take(
      batch.observations, batch, discount: 0.5, next: judging.read, choosing: choosing.read,
      legal: LegalActions(first: 1, count: 3))
    let first: Float = isDouble ? 2.5 : 3
    #expect(loss.target.array == [first, 2.5])
    withExtendedLifetime([seen, actions, rewards, next, ends, judging, choosing]) {}
  }
}
