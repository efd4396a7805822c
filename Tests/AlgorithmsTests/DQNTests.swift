import Algorithms
import Environments
import Neural
import Support
import Testing

/// Deep Q-learning: when it learns, from what, and how it acts.
@Suite struct DQNTests {
  private static let falling = #""exploration": {"schedule": "linear", "start": 1, "end": 0.1, "steps": 400}"#

  private static func agent(_ more: String, _ exploration: String) -> String {
    """
    {"agent": {"type": "dqn", "initialRandomSteps": 50, "hiddenSizes": [16, 16], "batchSize": 16,
       "replayCapacity": 200, "learningRate": 0.01, \(exploration)\(more)}}
    """
  }

  /// Everything at once.
  private static let all =
    #", "isDouble": true, "isDueling": true, "nStepReturns": 3, "priorityExponent": 0.6, "updateEvery": 3, "#
    + #""updatesPerStep": 0.75, "targetEvery": 40, "importance": {"start": 0.4, "end": 1, "steps": 300}"#

  private static let ratios: [(every: Int, perStep: Double, lanes: Int)] = [
    (1, 1, 1), (4, 0.25, 1), (16, 0.5, 1), (1, 0.25, 1), (3, 1 / 3, 1), (2, 3, 1), (1, 2, 3), (8, 0.5, 4),
    (6, 0.5, 4),
  ]

  private func run(
    _ more: String = "", _ exploration: String = falling, lanes: Int = 1, seed: UInt64 = 0
  ) throws -> Interaction {
    let environment = configured(EnvironmentConfiguration.self, #"{"id": "CartPole-v1"}"#)
    let agent = try makeAgent(Self.agent(more, exploration), for: environment.describe(), lanes: lanes, seed: seed)
    return Interaction(agent, EnvironmentGroup(try (0..<lanes).map { _ in try environment.make() }) { UInt64($0) })
  }

  /// The loss falls along −g at the rate that its gradient g says, whatever the settings.
  @Test(arguments: [nil, 0.5 as Float], [false, true]) func theGradientIsThatOfTheLoss(limit: Float?, isDueling: Bool) {
    var random = RandomStream(seed: 3)
    let (count, size, actions) = (12, 5, 3)
    let network = MLP(
      name: "", sizes: [size, 9, isDueling ? 1 + actions : actions], activation: .tanh,
      weightInitializer: .kaimingUniform, biasInitializer: .kaimingUniform, random: &random)
    func normals(_ columns: Int) -> RowBuffer {
      let buffer = RowBuffer(count, columns)
      random.fillNormal(buffer.memory)
      return buffer
    }
    let (inputs, rewards, next) = (normals(size), normals(1), normals(actions))
    let (taken, terminated) = (RowBuffer(count, actions), RowBuffer(count, 1))
    let (weights, discounts) = (RowBuffer(count, 1), RowBuffer(count, 1))
    for row in 0..<count {
      taken.rows[row, row % actions] = 1
      terminated.rows[row, 0] = row % 4 == 0 ? 1 : 0
      weights.rows[row, 0] = Float(1 + row) / Float(count)
      discounts.rows[row, 0] = row % 2 == 0 ? 0.9 : 0.81
    }
    defer { withExtendedLifetime((inputs, rewards, next, taken, terminated, weights, discounts)) {} }
    var batch = TransitionBatch(
      observations: inputs.read, actions: taken.read, rewards: rewards.read, next: inputs.read,
      terminated: terminated.read)
    (batch.weights, batch.discounts) = (weights.read, discounts.read)
    let loss = TemporalDifferenceLoss(capacity: count, isDueling: isDueling, limit: limit)
    loss.take(inputs.read, batch, discount: 0.9, next: next.read, choosing: next.read)
    let tape = Tape()
    func evaluate() -> Tensor {
      tape.rewind()
      return loss.loss(of: 0, network(tape.constant(inputs.read), on: tape), on: tape)
    }
    let surrogate = evaluate()
    network.store.clearGradients()
    tape.backward(surrogate)
    let gradient = network.store.parameters.flatMap { Array(network.store.gradients(of: $0)) }
    let slope = gradient.reduce(0) { $0 + Double($1) * Double($1) }
    // Errors on both sides of the corner.
    if let limit { #expect(loss.errors.array.contains { abs($0) > limit } && slope > 1e-4) }
    let step = 1e-3 / slope.squareRoot()
    func moved(_ direction: Double) -> Double {
      var place = 0
      for parameter in network.store.parameters {
        let values = network.store.values(of: parameter)
        for index in values.indices {
          values[index] += Float(direction * step) * gradient[place]
          place += 1
        }
      }
      _ = evaluate()
      return loss.value
    }
    let up = moved(1)
    let down = moved(-2)
    #expect(abs((up - down) / (2 * step) / slope - 1) < 0.01, "\((up - down) / (2 * step)) is not \(slope)")
  }

  /// Target = Σ γᵏr + γᵐ·Q': the next value counts as the batch says, and not at all where the task ended.
  @Test func targetsOfSeveralRewards() {
    let one = RowBuffer(3, 2)
    for row in 0..<3 { one.rows[row, 0] = 1 }
    let (rewards, terminated, discounts) = (RowBuffer(3, 1), RowBuffer(3, 1), RowBuffer(3, 1))
    let next = RowBuffer(3, 2)
    for row in 0..<3 {
      rewards.rows[row, 0] = Float(row)
      discounts.rows[row, 0] = 0.25
      next.rows[row, 1] = 8
    }
    defer { withExtendedLifetime((one, rewards, terminated, discounts, next)) {} }
    terminated.rows[2, 0] = 1
    next.rows[2, 1] = .infinity
    var batch = TransitionBatch(
      observations: one.read, actions: one.read, rewards: rewards.read, next: one.read, terminated: terminated.read)
    let loss = TemporalDifferenceLoss(capacity: 3, isDueling: false, limit: nil)
    loss.take(one.read, batch, discount: 0.5, next: next.read, choosing: next.read)
    #expect(loss.target.array == [4, 5, 2])
    batch.discounts = discounts.read
    loss.take(one.read, batch, discount: 0.5, next: next.read, choosing: next.read)
    #expect(loss.target.array == [2, 3, 2])
  }

  /// Updates are those of all steps in a round, from the first multiple after the random steps on; `updateEvery` and
  /// `updatesPerStep` are not each other's.
  @Test(arguments: ratios) func updatesKeepTheirRatio(every: Int, perStep: Double, lanes: Int) throws {
    let interaction = try run(#", "updateEvery": \#(every), "updatesPerStep": \#(perStep)"#, lanes: lanes)
    var first: Int?
    while interaction.step < 96 {
      try interaction.advance()
      if interaction.metrics.updates > 0, first == nil {
        first = Cadence.span(every: every, from: interaction.step - lanes, to: interaction.step).lowerBound
      }
      #expect(interaction.step >= 50 || interaction.metrics.updates == 0)
    }
    let start = try #require(first)
    #expect((50 - max(every, lanes)...50 + 4 * every).contains(start))
    let round = interaction.step / every * every
    #expect(abs(Double(interaction.metrics.updates) - Double(round - start) * perStep) < 1)
  }

  /// The target is a copy, taken every so many environment steps, not updates.
  @Test func theTargetIsCopiedEverySoManySteps() throws {
    let interaction = try run(#", "updateEvery": 4, "updatesPerStep": 1, "targetEvery": 10"#)
    func parts() throws -> (online: [Archive.Tensor], target: [Archive.Tensor]) {
      let tensors = try stored(interaction.agent).tensors
      func named(_ part: String) -> [Archive.Tensor] {
        tensors.filter { $0.name.hasPrefix("it.\(part)") }.map(\.tensor)
      }
      return (named("q.layers"), named("target.q.layers"))
    }
    var changes: [Int] = []
    var before = try parts()
    #expect(before.online.count == 6 && before.target == before.online)
    while interaction.step < 100 {
      try interaction.advance()
      let now = try parts()
      if now.target != before.target {
        changes.append(interaction.step)
        #expect(now.target == before.online)
      }
      before = now
    }
    #expect(changes == [60, 70, 80, 90, 100])
  }

  /// ε goes by environment steps, those of all environments together.
  @Test(arguments: [1, 4]) func explorationFallsWithSteps(lanes: Int) throws {
    let interaction = try run(lanes: lanes)
    for step in [40, 120, 400, 480] {
      while interaction.step < step { try interaction.advance() }
      let place = try #require(interaction.metrics.names.firstIndex(of: "epsilon"))
      #expect(abs(try #require(interaction.metrics.values[place]) - max(0.1, 1 - 0.9 * Double(step) / 400)) < 1e-12)
    }
  }

  /// Evaluation is greedy however much training explores; a stochastic policy explores as training does. Neither moves
  /// the agent.
  @Test func evaluationIsGreedy() throws {
    let interaction = try run("", #""exploration": {"schedule": "constant", "start": 0.8}"#)
    while interaction.step < 100 { try interaction.advance() }
    let before = try stored(interaction.agent)
    let situation = interaction.group.situation
    let memory = RowBuffer(1, 2)
    defer { withExtendedLifetime(memory) {} }
    let actions = ActionRows(memory.rows, .discrete(count: 2))
    func chosen(isStochastic: Bool) throws -> Set<Int> {
      let policy = interaction.agent.makePolicy(isStochastic: isStochastic, rows: 1, random: RandomStream(seed: 1))
      return Set(
        try (0..<50).map { _ in
          try policy.act(in: situation, into: actions)
          return actions.index(0)
        })
    }
    #expect(try chosen(isStochastic: false).count == 1)
    #expect(try chosen(isStochastic: true).count == 2)
    let after = try stored(interaction.agent)
    #expect(after.tensors.elementsEqual(before.tensors) { $0 == $1 })
    #expect(after.scalars.map { "\($0)" } == before.scalars.map { "\($0)" })
  }

  /// With every setting on: stopped at any step, over a full ring, and restored into an agent that has gone further.
  @Test(arguments: [1, 3]) func resumesExactly(lanes: Int) throws {
    let straight = try run(Self.all, lanes: lanes, seed: 3)
    while straight.step < 340 { try straight.advance() }
    let archive = try stored(straight)
    while straight.step < 500 { try straight.advance() }
    let expected = try stored(straight)
    try restore(straight, from: archive)
    while straight.step < 500 { try straight.advance() }
    let found = try stored(straight)
    #expect(found.tensors.map(\.name) == expected.tensors.map(\.name))
    for (found, expected) in zip(found.tensors, expected.tensors) {
      let isSame = found.tensor == expected.tensor
      #expect(isSame, "\(found.name)")
    }
    #expect(found.scalars.map { "\($0)" } == expected.scalars.map { "\($0)" })
    #expect(found.tensors.contains { $0.name.hasSuffix("priorities") })
  }

  /// With every setting on, seeds 0 to 3 on CartPole-v1: within 4,000 steps, five evaluation episodes every 500, the
  /// mean reaches 400 in at least three (random: 22). Some 2 s of one core each. What keeps a seed near 200 is the cart,
  /// which drifts off the track at 2.4 m with the pole upright: only an episode's last rows tell of it. With twice the
  /// learning rate, gradients clipped at a norm of 1 or five rewards in a target more seeds stay there.
  @Test func itLearnsToBalance() throws {
    let settings = """
      {"agent": {"type": "dqn", "isDouble": true, "isDueling": true, "nStepReturns": 3, "priorityExponent": 0.6,
        "updateEvery": 1, "updatesPerStep": 1, "batchSize": 64, "learningRate": 0.001, "hiddenSizes": [64, 64],
        "targetEvery": 0, "targetRate": 0.01, "actsByTarget": true, "standardizesObservations": true, "fitEvery": 500,
        "initialRandomSteps": 500, "maximumGradientNorm": 10,
        "exploration": {"schedule": "linear", "start": 1, "end": 0.04, "steps": 2000}}}
      """
    var best = [Double](repeating: 0, count: 4)
    for seed in best.indices {
      var run = try AgentRun(settings, on: #"{"id": "CartPole-v1"}"#, seed: UInt64(seed))
      while run.steps < 4000 && best[seed] < 400 {
        try run.run(steps: 500)
        best[seed] = max(best[seed], try run.evaluate(episodes: 5).reduce(0, +) / 5)
      }
    }
    #expect(best.count { $0 >= 400 } >= 3, "\(best)")
  }

  /// Without imagination there is nothing to set about it.
  @Test func itHasNoModel() throws {
    #expect(try run().agent.model == nil)
    let names = try run().agent.metricNames
    #expect(names == ["epsilon", "q_loss", "q_value", "critic_magnitude"])
    #expect(try run(Self.all).agent.metricNames == names + ["importance"])
  }
}
