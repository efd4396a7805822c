import Algorithms
import Environments
import Neural
import Support
import Testing

/// The agent around the update: acting, counting, starting.
struct DreamerTests {
  private static let sections =
    #"{"agent": {"type": "dreamer", "batchSize": 4, "sequenceLength": 5, "imaginationLength": 3, "trainRatio": 30}}"#

  private func run(_ id: String, steps: Int, sections: String = Self.sections) throws -> Interaction {
    let interaction = Interaction(try makeAgent(sections, for: task(id)), try group(id))
    for _ in 0..<steps { try interaction.advance() }
    return interaction
  }

  /// ⌊ratio·steps/(B·T)⌋ from the first step with enough to learn from.
  @Test func updatesFollowTheTrainRatio() throws {
    let interaction = Interaction(try makeAgent(Self.sections, for: task("CartPole-v1")), try group("CartPole-v1"))
    var first: Int?
    for step in 1...90 {
      try interaction.advance()
      if first == nil && step >= 20 { first = 20 }
      let expected = first.map { 30 * (step - $0) / 20 } ?? 0
      #expect(interaction.metrics.updates == expected, "step \(step)")
    }
  }

  @Test func nothingIsPredictedAtFirst() throws {
    let agent = try #require(try makeAgent(Self.sections, for: task("Pendulum-v1")) as? Dreamer)
    let (learner, tape) = (agent.learner, Tape())
    var random = RandomStream(seed: 3)
    let state = tape.constant(rows: 5, columns: learner.settings.model.sizes.features) { random.fillNormal($0) }
    #expect(tape.values(learner.model.rewards(state, on: tape)).allSatisfy { $0 == 0 })
    let value = tape.twoHotMean(learner.task.critic(state, on: tape), bins: learner.model.bins)
    #expect(tape.values(value).allSatisfy { $0 == 0 })
    guard case .normal(let mean, _) = learner.task.actor(state, on: tape) else { return #expect(Bool(false)) }
    #expect(tape.values(mean).allSatisfy { abs($0) < 0.1 })
  }

  /// The start of every matrix: truncated at 2 deviations of 1/√(inputs of the whole layer), where the blocks of a layer
  /// count as one.
  @Test func weightsStartAsTheAuthorsDo() throws {
    let agent = try #require(try makeAgent(Self.sections, for: task("Pendulum-v1")) as? Dreamer)
    let store = agent.learner.model.store
    for (name, inputs) in [
      ("dynamics.gates.weight", 128), ("dynamics.mix.weight.own", 128 + 8 * 192),
      ("dynamics.mix.weight.shared", 128 + 8 * 192), ("dynamics.posterior.weight.own", 128 + 64),
      ("decoder.layers.1.weight", 64),
    ] {
      let parameter = try #require(store.parameters.first { $0.name == name })
      let values = store.values(of: parameter)
      let deviation = (values.reduce(0) { $0 + Double($1) * Double($1) } / Double(values.count)).squareRoot()
      let expected = 1 / Double(inputs).squareRoot()
      #expect(abs(deviation / expected - 1) < 0.05, "\(name)")
      #expect(values.allSatisfy { abs(Double($0)) <= 2 * 1.1368 * expected + 1e-6 }, "\(name)")
    }
  }

  /// The states that acting computes are those of the filter over the whole episode, to the bit; a new episode begins
  /// from nothing, whatever was before.
  @Test func actingFiltersAsLearningDoes() throws {
    let agent = try #require(try makeAgent(Self.sections, for: task("CartPole-v1")) as? Dreamer)
    let (learner, space) = (agent.learner, task("CartPole-v1").specification.actionSpace)
    let sizes = learner.settings.model.sizes
    let actor = RecurrentActor(learner.model, learner.task.actor, space, rows: 2)
    var random = RandomStream(seed: 5)
    let (steps, lanes) = (9, 2)
    let (observations, actions, isFirst, draws) = (
      RowBuffer(steps * lanes, 4), RowBuffer(steps * lanes, 2), RowBuffer(steps * lanes, 1),
      RowBuffer(steps * lanes, sizes.latents)
    )
    random.fillNormal(observations.memory)
    let (states, chosen) = (RowBuffer(steps * lanes, sizes.features), RowBuffer(lanes, 2))
    for step in 0..<steps {
      let rows = step * lanes..<(step + 1) * lanes
      let firsts = [step == 0, step == 0 || step == 4]
      for lane in 0..<lanes { isFirst.rows[rows.lowerBound + lane, 0] = firsts[lane] ? 1 : 0 }
      // At a first step whatever stands here must not count.
      actions.rows.slice(rows).copy(chosen.read)
      actor.draw(0..<lanes, &random)
      draws.rows.slice(rows).copy(actor.latentDraws.read)
      actor.act(
        in: Situation(observations: observations.read.slice(rows), isFirst: firsts, episode: [0, 0]),
        into: ActionRows(chosen.rows, space), isStochastic: true)
      states.rows.slice(rows).columns(0..<sizes.deterministic).copy(actor.h.read)
      states.rows.slice(rows).columns(sizes.deterministic..<sizes.features).copy(actor.z.read)
    }
    let tape = Tape()
    let start = (
      tape.constant(rows: lanes, columns: sizes.deterministic) { random.fillNormal($0) },
      tape.constant(rows: lanes, columns: sizes.stochastic) { random.fillNormal($0) }
    )
    let sequence = learner.model.dynamics.observe(
      seen: learner.model.encode(observations.read, on: tape), actions: actions.read, isFirst: isFirst.read,
      draws: draws.read, from: start, on: tape)
    let found = tape.values(tape.concatenateColumns([sequence.h, sequence.z]))
    #expect(zip(found, states.memory).allSatisfy { abs($0 - $1) < 1e-6 })
    // The episodes of the second lane that begin at 0 and 4 differ from those of the first one only by what is seen.
    #expect(states.memory.contains { $0 != 0 })
  }

  @Test func aFirstStepForgetsStateAndAction() throws {
    let agent = try #require(try makeAgent(Self.sections, for: task("CartPole-v1")) as? Dreamer)
    let (model, tape) = (agent.learner.model, Tape())
    let sizes = model.settings.sizes
    var random = RandomStream(seed: 8)
    let seen = RowBuffer(3, 4)
    random.fillNormal(seen.memory)
    func states(_ seed: UInt64) -> [Float] {
      var random = RandomStream(seed: seed)
      tape.rewind()
      let actions = RowBuffer(3, 2)
      random.fillNormal(actions.memory)
      let first = rows([1, 1, 1])
      let start = (
        tape.constant(rows: 3, columns: sizes.deterministic) { random.fillNormal($0) },
        tape.constant(rows: 3, columns: sizes.stochastic) { random.fillNormal($0) }
      )
      let draws = RowBuffer(3, sizes.latents)
      let sequence = model.dynamics.observe(
        seen: model.encode(seen.read, on: tape), actions: actions.read, isFirst: first.read, draws: draws.read,
        from: start, on: tape)
      return Array(tape.values(sequence.h)) + Array(tape.values(sequence.posterior))
    }
    #expect(states(1) == states(2))
  }

  /// The slow critic moves with every update, and only by its share.
  @Test func theSlowCriticFollowsEveryUpdate() throws {
    let interaction = try run("CartPole-v1", steps: 21)
    let agent = try #require(interaction.agent as? Dreamer)
    let learner = agent.learner
    func values(_ store: ParameterStore) -> [Float] { Array(store.values) }
    for _ in 0..<3 {
      let before = values(learner.task.slowCritic.network.store)
      let updates = interaction.metrics.updates
      while interaction.metrics.updates == updates { try interaction.advance() }
      guard interaction.metrics.updates == updates + 1 else { continue }
      let (slow, fast) = (values(learner.task.slowCritic.network.store), values(learner.task.critic.store))
      for index in slow.indices { #expect(abs(slow[index] - (0.98 * before[index] + 0.02 * fast[index])) < 1e-6) }
    }
  }

  @Test(arguments: ["CartPole-v1", "Pendulum-v1", "FrozenLake-v1"]) func learnsFromAnyTask(id: String) throws {
    let interaction = try run(id, steps: 60)
    #expect(interaction.metrics.updates > 0 && interaction.metrics.firstNonfinite == nil)
  }

  /// What is expected where something is seen does not depend on what comes later; what is expected after that depends
  /// on the actions, not on what is seen.
  @Test func openLoopSeesNothingOfTheSecondHalf() throws {
    let agent = try #require(try makeAgent(Self.sections, for: task("Pendulum-v1")) as? Dreamer)
    let model = try #require(agent.openLoopModel)
    var random = RandomStream(seed: 4)
    let (seen, actions) = (RowBuffer(8, 3), RowBuffer(8, 1))
    random.fillNormal(seen.memory)
    random.fillNormal(actions.memory)
    func predict() -> [Float] {
      let predictions = RowBuffer(8, 3)
      model.predict(seen.read, actions: actions.read, known: 4, random: RandomStream(seed: 1), into: predictions.rows)
      return Array(predictions.memory)
    }
    let first = predict()
    #expect(first.allSatisfy { $0.isFinite })
    for row in 4..<8 { seen.rows[row, 0] += 1 }
    #expect(predict() == first)
    for column in 0..<3 { seen.rows[3, column] -= 100 * seen.rows[3, column] + 50 }
    let second = predict()
    #expect(second[..<9] == first[..<9] && second[9...] != first[9...])
    actions.rows[5, 0] = -actions.rows[5, 0]
    let third = predict()
    #expect(third[..<18] == second[..<18] && third[18...] != second[18...])
  }
}
