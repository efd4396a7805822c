import Algorithms
import Environments
import Foundation
import Neural
import Support
import Testing

/// Faults that other implementations had: those of the references' lists that no golden number, no contract and no
/// other test of Dreamer shows.
struct DreamerFaultTests {
  private static func learner(
    _ parts: [DreamerObservation.Part], actions: Int, isDiscrete: Bool, length: Int, count: Int,
    _ change: (inout DreamerLearner.Settings) -> Void = { _ in }
  ) -> DreamerLearner {
    var settings = DreamerLearner.Settings()
    settings.model.sizes = DreamerSizes(
      deterministic: 32, hidden: 16, units: 16, latents: 4, classes: 4, blocks: 2, bins: 41, depth: 1)
    settings.behaviour.horizon = 3
    (settings.learningRate, settings.warmup) = (1e-2, 0)
    change(&settings)
    return DreamerLearner(
      settings, DreamerObservation(parts), actions: actions, isDiscrete: isDiscrete, length: length, count: count,
      random: RandomStream(seed: 3), pool: nil)
  }

  // MARK: Pairing

  /// Where the observation is the action that led to it, what is expected without seeing it must be that, too: an
  /// action that is one step off leaves a prior that knows nothing, though all that is seen is still rebuilt.
  @Test func thePriorKnowsTheActionThatLedThere() throws {
    let (length, count) = (8, 8)
    let learner = Self.learner(
      [.index(name: "i", count: 3)], actions: 3, isDiscrete: true, length: length, count: count)
    var random = RandomStream(seed: 1)
    let batch = learner.batch
    func fill() {
      batch.previousActions.rows.fill(0)
      for row in 0..<batch.rows {
        batch.isFirst.rows[row, 0] = row < count ? 1 : 0
        let action = random.integer(below: 3)
        if row >= count { batch.previousActions.rows[row, action] = 1 }
        batch.observations.rows[row, 0] = Float(row < count ? 0 : action)
      }
    }
    for _ in 0..<300 {
      fill()
      learner.draw(&random)
      _ = try learner.update()
    }
    fill()
    let (model, tape) = (learner.model, Tape())
    let sizes = model.settings.sizes
    tape.withoutGradients {
      var (h, z) = (
        tape.constant(rows: count, columns: sizes.deterministic) { $0.update(repeating: 0) },
        tape.constant(rows: count, columns: sizes.stochastic) { $0.update(repeating: 0) }
      )
      var right = 0
      for step in 0..<length {
        let rows = step * count..<(step + 1) * count
        let branch = model.dynamics.actionBranch(tape.constant(batch.previousActions.read.slice(rows)), on: tape)
        h = model.dynamics.next(h, z, branch, on: tape)
        let draws = tape.constant(rows: count, columns: sizes.latents) { random.fillUniform($0, 0, 1) }
        z = model.dynamics.sample(model.dynamics.prior(h, on: tape), draws, on: tape)
        let expected = RowBuffer(count, 1)
        model.predict(h: h, z: z, on: tape, into: expected.rows)
        for row in 0..<count where step > 0 && expected.rows[row, 0] == batch.observations.read.slice(rows)[row, 0] {
          right += 1
        }
      }
      #expect(right >= (length - 1) * count * 9 / 10, "\(right) of \((length - 1) * count)")
    }
  }

  /// In the middle of a sequence a border forgets what came before it, and changes nothing before it.
  @Test func aBorderIsExactlyWhereItStands() {
    let (length, border) = (6, 3)
    let learner = Self.learner(
      [.vector(name: "v", size: 2)], actions: 2, isDiscrete: false, length: length, count: 1)
    let (model, sizes) = (learner.model, learner.settings.model.sizes)
    func states(borderAt border: Int?, from first: Int = 0, actionScale: Float = 1) -> [[Float]] {
      var random = RandomStream(seed: 2)
      let (seen, actions, isFirst, draws) = (
        RowBuffer(length, 2), RowBuffer(length, 2), RowBuffer(length, 1), RowBuffer(length, sizes.latents)
      )
      random.fillNormal(seen.memory)
      random.fillUniform(actions.memory, -1, 1)
      random.fillUniform(draws.memory, 0, 1)
      if let border {
        isFirst.rows[border, 0] = 1
        for column in 0..<2 { actions.rows[border, column] *= actionScale }
      }
      let (tape, rows) = (Tape(), first..<length)
      func zeros(_ columns: Int) -> Tensor { tape.constant(columns: columns) { $0.update(repeating: 0) } }
      let sequence = model.dynamics.observe(
        seen: model.encode(seen.read.slice(rows), on: tape), actions: actions.read.slice(rows),
        isFirst: isFirst.read.slice(rows), draws: draws.read.slice(rows),
        from: (zeros(sizes.deterministic), zeros(sizes.stochastic)), on: tape)
      return (0..<rows.count).map { tape.rows(of: tape.concatenateColumns(sequence.h, sequence.z)).row($0).array }
    }
    let (cut, whole) = (states(borderAt: border), states(borderAt: nil))
    #expect(cut[..<border] == whole[..<border] && cut[border] != whole[border])
    #expect(Array(cut[border...]) == states(borderAt: border, from: border))
    #expect(cut == states(borderAt: border, actionScale: -0.5))
  }

  // MARK: Behaviour

  /// A task of one step: the reward is the action, a choice or a number. A score of the wrong step,
  /// a baseline of the outcome, or an entropy that counts twice does not find it; nor may it hang on the unit.
  @Test(arguments: [1, 1000] as [Float], [false, true])
  func theBestActionOfOneStepIsFound(unit: Float, isDiscrete: Bool) throws {
    let count = 16
    let learner = Self.learner(
      [.vector(name: "v", size: 1)], actions: isDiscrete ? 2 : 1, isDiscrete: isDiscrete, length: 4, count: count)
    var random = RandomStream(seed: 1)
    let batch = learner.batch
    for _ in 0..<500 {
      batch.previousActions.rows.fill(0)
      for row in 0..<batch.rows {
        let isEnd = (row / count) % 2 == 1
        for flag in [batch.isTerminal, batch.isLast] { flag.rows[row, 0] = isEnd ? 1 : 0 }
        batch.isFirst.rows[row, 0] = isEnd ? 0 : 1
        batch.observations.rows[row, 0] = isEnd ? 1 : 0
        batch.rewards.rows[row, 0] = 0
        guard isEnd else { continue }
        let action = isDiscrete ? Float(random.integer(below: 2)) : Float(random.uniform(-1, 1))
        batch.previousActions.rows[row, isDiscrete ? Int(action) : 0] = isDiscrete ? 1 : action
        batch.rewards.rows[row, 0] = unit * action
      }
      learner.draw(&random)
      _ = try learner.update()
    }
    let tape = Tape()
    let first = tape.constant(learner.states.slice(0..<count))
    switch learner.task.actor(first, on: tape) {
    case .categorical(let logs):
      for row in 0..<count { #expect(exp(tape.rows(of: logs)[row, 1]) > 0.9) }
    case .normal(let mean, _):
      for row in 0..<count { #expect(tape.rows(of: mean)[row, 0] > 0.5) }
    }
  }

  /// A state that ends the task starts no dream that counts, though it is one of the starts.
  @Test func dreamsFromTheEndWeighNothing() throws {
    let learner = Self.learner([.vector(name: "v", size: 1)], actions: 2, isDiscrete: true, length: 4, count: 8)
    var random = RandomStream(seed: 1)
    let batch = learner.batch
    batch.isFirst.rows.fill(0)
    for row in 0..<batch.rows {
      let isEnd = (row / 8) % 2 == 1
      for flag in [batch.isTerminal, batch.isLast] { flag.rows[row, 0] = isEnd ? 1 : 0 }
      batch.isFirst.rows[row, 0] = isEnd ? 0 : 1
      batch.observations.rows[row, 0] = isEnd ? 1 : 0
    }
    for _ in 0..<200 {
      learner.draw(&random)
      _ = try learner.update()
    }
    for row in 0..<batch.rows {
      let weight = learner.task.dreams.weights.rows[row, 0]
      #expect((row / 8) % 2 == 1 ? weight < 0.05 : weight > 0.9, "row \(row): \(weight)")
    }
  }

  // MARK: Numbers

  /// Targets beyond the range where symlog is nearly linear, whose mean is that of the bins themselves.
  @Test func twoHotHoldsLargeNumbers() {
    let (tape, bins) = (Tape(), TwoHotBins(255))
    for target: Float in [-1e5, -1234.5, -0.01, 0, 3, 1e5] {
      tape.rewind()
      // The logits that minimise the loss put their weight on the two bins beside the target, in their own units.
      let above = bins.values.firstIndex { $0 >= target }!
      let share = (target - bins.values[above - 1]) / (bins.values[above] - bins.values[above - 1])
      func loss(_ other: Float) -> Float {
        let share = min(1, max(0, share + other))
        let logits = tape.constant(columns: 255) { logits in
          logits.update(repeating: -40)
          (logits[above - 1], logits[above]) = (log(max(1 - share, 1e-6)), log(max(share, 1e-6)))
        }
        let mean = tape.scalar(tape.twoHotMean(logits, bins: bins))
        if other == 0 { #expect(abs(mean - target) <= 1e-3 * abs(target) + 1e-3) }
        return tape.scalar(tape.twoHotLoss(logits, targets: tape.constant(columns: 1) { $0[0] = target }, bins: bins))
      }
      let least = loss(0)
      #expect(least <= loss(0.05) && least <= loss(-0.05))
    }
  }

  /// Gradients whose squares are below the smallest normal number move a parameter like any other.
  @Test(arguments: [1e-15, 3e-18, 1e-18] as [Float]) func tinyGradientsMoveByTheLearningRate(gradient: Float) {
    let store = ParameterStore()
    var random = RandomStream(seed: 1)
    let parameter = store.addVector("p", count: 5, initializer: .constant(1), random: &random)
    let optimizer = LaProp([store], learningRate: 0.01, warmup: 0, clip: 0)
    for step in 1...5 {
      store.gradients(of: parameter).update(repeating: gradient)
      optimizer.step()
      for value in store.values(of: parameter) { #expect(abs(value - (1 - 0.01 * Float(step))) < 1e-3) }
    }
  }

  /// What is not finite is named, and stops the update.
  @Test func aNaNIsNamed() throws {
    let learner = Self.learner([.vector(name: "v", size: 2)], actions: 1, isDiscrete: false, length: 3, count: 2)
    var random = RandomStream(seed: 1)
    learner.draw(&random)
    let parameter = try #require(learner.model.store.parameters.first { $0.name == "dynamics.gates.bias" })
    learner.model.store.values(of: parameter)[0] = .nan
    let before = Array(learner.task.actor.store.values)
    let error = #expect(throws: DivergedError.self) { try learner.update() }
    #expect(error.map { "\($0)" }?.contains("dynamics.gates.bias") == true)
    #expect(Array(learner.task.actor.store.values) == before)
  }

  // MARK: Pictures

  /// Pictures of any side, from one environment and several: what acting makes of the bytes is what learning makes of
  /// them, and every loss is finite.
  @Test(arguments: [16, 32, 64]) func picturesAreSeenAlike(side: Int) throws {
    let environment = "{\"id\": \"Pendulum-v1\", \"wrappers\": {\"pixels\": \(side)}}"
    let settings = configured(EnvironmentConfiguration.self, environment)
    let description = try settings.describe()
    let agent = try makeAgent(
      """
      {"agent": {"type": "dreamer", "batchSize": 2, "sequenceLength": 3, "imaginationLength": 2, "trainRatio": 2}}
      """, for: description)
    let group = EnvironmentGroup([try settings.make()]) { UInt64($0 + 1) }
    try group.begin()
    let interaction = Interaction(agent, group)
    for _ in 0..<12 { try interaction.advance() }
    #expect(interaction.metrics.updates > 0 && interaction.metrics.firstNonfinite == nil)
    let learner = try #require(agent as? Dreamer).learner
    let space = description.specification.actionSpace
    let actor = RecurrentActor(learner.model, learner.task.actor, space, rows: 1)
    var random = RandomStream(seed: 5)
    actor.draw(0..<1, &random)
    let out = RowBuffer(1, 1)
    actor.act(in: group.situation, into: ActionRows(out.rows, space), isStochastic: true)
    let (tape, sizes) = (Tape(), learner.settings.model.sizes)
    func zeros(_ columns: Int) -> Tensor { tape.constant(columns: columns) { $0.update(repeating: 0) } }
    // As a replay hands them out: bytes that have been kept.
    let seen = RowBuffer(1, side * side * 3)
    seen.rows.copy(group.situation.observations)
    for value in seen.memory { #expect(value == value.rounded() && (0...255).contains(value)) }
    let (first, resting) = (RowBuffer(1, 1), RowBuffer(1, 1))
    first.rows.fill(1)
    let sequence = learner.model.dynamics.observe(
      seen: learner.model.encode(seen.read, on: tape), actions: resting.read,
      isFirst: Rows(first.rows), draws: actor.latentDraws.read,
      from: (zeros(sizes.deterministic), zeros(sizes.stochastic)),
      on: tape)
    #expect(group.situation.isFirst[0] == false || tape.rows(of: sequence.h).array == actor.h.read.array)
    #expect(tape.rows(of: sequence.posterior).array.contains { $0 != 0 })
  }
}
