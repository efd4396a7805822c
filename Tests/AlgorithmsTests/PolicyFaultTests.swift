import Algorithms
import Environments
import Neural
import Support
import TestSupport
import Testing

/// Faults that have changed results in other programs, and that no other test here would see.
struct PolicyFaultTests {
  private static let box = ActionSpace.box(low: [-2], high: [2])

  private static func learner(_ change: (inout SoftActorCriticSettings) -> Void = { _ in }) -> SoftActorCritic {
    var settings = SoftActorCriticSettings()
    (settings.hiddenSizes, settings.criticSettings.hiddenSizes, settings.batchSize) = ([8], [8], 16)
    change(&settings)
    return SoftActorCritic(settings, observationSize: 2, box, random: RandomStream(seed: 1), pool: nil)
  }

  /// A minibatch of normal numbers; the memory lives as long as `buffers`.
  private static func batch(_ buffers: inout [RowBuffer]) -> TransitionBatch {
    var random = RandomStream(seed: 4)
    let made = [2, 1, 1, 2, 1].map { RowBuffer(16, $0) }
    for buffer in made[..<4] { random.fillUniform(buffer.memory, -0.9, 0.9) }
    buffers = made
    return TransitionBatch(
      observations: made[0].read, actions: made[1].read, rewards: made[2].read, next: made[3].read,
      terminated: made[4].read)
  }

  // MARK: Ends

  /// A truncated step is no end: its minibatch rows bootstrap. A terminated one is.
  @Test func truncationBootstraps() {
    let replay = Replay(observationSize: 1, actionColumns: 1, capacity: 10)
    let (state, next, action) = (RowBuffer(1, 1), RowBuffer(1, 1), RowBuffer(1, 1))
    defer { withExtendedLifetime((state, next, action)) {} }
    for (index, outcome) in [
      Outcome(reward: 1, isTerminated: false, isTruncated: true), Outcome(reward: 2, isTerminated: true),
    ].enumerated() {
      (state.rows[0, 0], next.rows[0, 0]) = (Float(index), 10 + Float(index))
      replay.append(
        Transitions(
          observations: state.read, actions: ActionRows(action.rows, Self.box), outcomes: [outcome], next: next.read,
          isFirst: [true], episode: [index]))
    }
    let minibatch = Minibatch(32, of: replay)
    var random = RandomStream(seed: 1)
    let batch = minibatch.draw(from: replay, &random)
    for row in 0..<32 {
      let isTruncated = batch.rewards[row, 0] == 1
      #expect(batch.discount(row, 0.9) == (isTruncated ? 0.9 : 0))
      // The last observation of the episode, not the next one's first.
      #expect(batch.next[row, 0] == (isTruncated ? 10 : 11))
      #expect(batch.target(row, discount: 0.9, next: 5) == (isTruncated ? 5.5 : 2))
    }
  }

  // MARK: Temperature

  /// Too little entropy makes α grow, too much makes it fall.
  @Test(arguments: [(Float(3), true), (-3, false)]) func temperatureKeepsTheEntropy(logProbability: Float, grows: Bool)
  {
    let temperature = Temperature(initial: 0.5, targetEntropy: -1, learningRate: 1e-2)
    let values = [Float](repeating: logProbability, count: 4)
    let loss = values.withUnsafeBufferPointer { temperature.step(on: $0) }
    #expect((temperature.value > 0.5) == grows && temperature.value != 0.5)
    // J = −log α·mean(log π + H̄), linear in log α: its slope is J/log α.
    #expect(abs(loss - -KernelMath.log(0.5) * (logProbability - 1)) < 1e-5)
  }

  /// H̄: minus the dimensions of a vector, positive for discrete actions.
  @Test func targetEntropies() {
    let settings = SoftActorCriticSettings()
    #expect(settings.entropyTarget(of: .box(low: [-1, -1, -1], high: [1, 1, 1])) == -3)
    let discrete = settings.entropyTarget(of: .discrete(count: 4)) ?? 0
    #expect(abs(discrete - 0.89 * 1.3862944) < 1e-6)
  }

  // MARK: Losses

  /// Beyond the limits of log σ the policy has no slope there, and σ is that of the limit.
  @Test func theDeviationIsClippedWithoutASlope() {
    let learner = Self.learner()
    let store = learner.policy.network.store
    let bias = learner.policy.network.layers[1].bias
    for (value, limit) in [(Float(9), Float(2)), (-30, -20)] {
      store.values(of: bias)[1] = value
      let tape = Tape()
      var noise = RandomStream(seed: 3)
      let seen = tape.constant([0.1, -0.2], rows: 1, columns: 2)
      let draw = learner.policy.draw(seen, &noise, on: tape)
      store.clearGradients()
      tape.backward(tape.sum(draw.logProbabilities))
      #expect(store.gradients(of: bias)[1] == 0)
      #expect(store.gradients(of: bias)[0] != 0 || limit < 0)
    }
  }

  /// The slope of a loss along its own gradient; the gradient's parts are those of `store`.
  private func expectSlope(
    _ store: ParameterStore, at values: [Float], _ what: Comment, loss: () -> Double
  ) {
    let gradient = store.parameters.flatMap { Array(store.gradients(of: $0)) }
    let slope = gradient.reduce(0) { $0 + Double($1) * Double($1) }
    #expect(slope > 0)
    let now = Array(store.values)
    let step = 2e-3 / slope.squareRoot()
    func moved(_ direction: Double) -> Double {
      var place = 0
      for parameter in store.parameters {
        let memory = store.values(of: parameter)
        for index in memory.indices {
          memory[index] = values[parameter.offset + index] + Float(direction * step) * gradient[place]
          place += 1
        }
      }
      return loss()
    }
    let difference = (moved(1) - moved(-1)) / (2 * step)
    _ = store.values.update(fromContentsOf: now)
    #expect(abs(difference / slope - 1) < 0.02, "\(what): \(difference) is not \(slope)")
  }

  /// Critics and actor of a whole update: along their gradients the losses rise as those say. The actor's is taken
  /// where the policy was, by the critics as they are after their step; the critics keep still for it.
  @Test(arguments: [false, true]) func gradientsOfAWholeUpdate(usesMean: Bool) throws {
    let learner = Self.learner {
      ($0.maximumGradientNorm, $0.actorUsesMean, $0.temperature) = (1e9, usesMean, 0.4)
      // A long step, after which the critics say something else.
      $0.criticSettings.learningRate = 0.05
    }
    let (policy, critics) = (learner.policy.network.store, learner.critics.network.store)
    var buffers: [RowBuffer] = []
    let batch = Self.batch(&buffers)
    defer { withExtendedLifetime(buffers) {} }
    let (policyBefore, criticsBefore) = (Array(policy.values), Array(critics.values))
    let numbers = [Float](unsafeUninitializedCapacity: 32) { memory, count in
      var random = RandomStream(seed: 9)
      random.fillNormal(UnsafeMutableBufferPointer(rebasing: memory[..<32]))
      count = 32
    }
    var (noise, random) = (RecordedNoise(numbers), RandomStream(seed: 2))
    let slow = Array(learner.critics.target.network.store.values)
    let alpha = learner.temperature.value
    let report = try learner.update(on: batch, &noise, &random)
    let tape = Tape()
    let criticsAfter = Array(critics.values)

    // The actor's.
    func actorLoss() -> Double {
      tape.rewind()
      var noise = RecordedNoise(numbers)
      let seen = tape.constant(batch.observations)
      let draw = learner.policy.draw(seen, &noise, on: tape)
      let q = learner.critics.network(tape.concatenateColumns([seen, draw.actions]), on: tape)
      let least = usesMean ? tape.meanBatch(q) : Critics.minimum(q, of: 0..<q.batch, on: tape)
      return -Double(tape.scalar(tape.mean(draw.softValue(least, temperature: alpha, on: tape))))
    }
    expectSlope(policy, at: policyBefore, "actor", loss: actorLoss)

    // The critics', to targets of the slow ones before their step, by the policy before its step.
    let policyAfter = Array(policy.values)
    _ = policy.values.update(fromContentsOf: policyBefore)
    let target = learner.critics.target.network.store
    let slowAfter = Array(target.values)
    _ = target.values.update(fromContentsOf: slow)
    tape.rewind()
    var later = RecordedNoise(Array(numbers[16...]))
    let next = tape.constant(batch.next)
    let nextDraw = learner.policy.draw(next, &later, on: tape)
    let nextQ = learner.critics.target.network(tape.concatenateColumns([next, nextDraw.actions]), on: tape)
    let values = Array(
      tape.values(nextDraw.softValue(Critics.minimum(nextQ, of: 0..<2, on: tape), temperature: alpha, on: tape)))
    let targets = (0..<16).map { batch.rewards[$0, 0] + 0.99 * values[$0] }
    func criticLoss() -> Double {
      tape.rewind()
      let inputs = tape.concatenateColumns([tape.constant(batch.observations), tape.constant(batch.actions)])
      let q = learner.critics.network(inputs, on: tape)
      return Double(tape.scalar(tape.meanSquaredError(q, tape.constant(targets, rows: 16, columns: 1)))) / 2
    }
    _ = critics.values.update(fromContentsOf: criticsBefore)
    #expect(abs(criticLoss() - Double(report.criticLoss)) < 1e-4 * abs(criticLoss()))
    expectSlope(critics, at: criticsBefore, "critics", loss: criticLoss)

    // τ of the new ones, 1 − τ of the slow ones.
    for (index, value) in slowAfter.enumerated() {
      #expect(abs(value - (0.995 * slow[index] + 0.005 * criticsAfter[index])) < 1e-6)
    }
    #expect(policyAfter != policyBefore && criticsAfter != criticsBefore)
  }

  /// The slow critics start as the critics, and are others.
  @Test func targetsStartAsCopies() {
    let critics = Self.learner().critics
    #expect(Array(critics.target.network.store.values) == Array(critics.network.store.values))
    #expect(critics.target.network.store !== critics.network.store)
  }

  // MARK: Acting

  /// Deterministic actions are tanh of the mean in the environment's units, and take no draw.
  @Test func evaluationTakesTheMean() {
    let policy = Self.learner().policy
    let (seen, chosen) = (RowBuffer(3, 2), RowBuffer(3, 1))
    defer { withExtendedLifetime((seen, chosen)) {} }
    var random = RandomStream(seed: 5)
    random.fillNormal(seen.memory)
    let before = random
    policy.act(seen.read, into: ActionRows(chosen.rows, Self.box), isStochastic: false, &random)
    #expect(random == before)
    let tape = Tape()
    let output = policy.network(tape.constant(seen.read), on: tape)
    let means = tape.rows(of: tape.activation(tape.columns(output, 0..<1), .tanh))
    for row in 0..<3 { #expect(abs(chosen.rows[row, 0] - 2 * means[row, 0]) < 1e-6) }
    policy.act(seen.read, into: ActionRows(chosen.rows, Self.box), isStochastic: true, &random)
    #expect(random != before)
    for row in 0..<3 { #expect(abs(chosen.rows[row, 0] - 2 * means[row, 0]) > 1e-6) }
  }

  /// Random actions fill the environment's box, whatever its bounds, and the replay keeps them in its units.
  @Test(arguments: ["sac", "mbpo", "pets", "double-horizon"]) func randomActionsFillTheBox(type: String) throws {
    let agent = try makeAgent(
      #"{"agent": {"type": "\#(type)", "initialRandomSteps": 1000}}"#, for: task("Pendulum-v1"))
    let interaction = Interaction(agent, try group("Pendulum-v1"))
    for _ in 0..<300 { try interaction.advance() }
    let replay = try #require(agent.replay)
    let actions = replay.all(replay.action)
    let values = withExtendedLifetime(actions) { actions.memory.map { Double($0) } }
    #expect(values.max()! > 1.8 && values.min()! < -1.8 && values.allSatisfy { abs($0) <= 2 })
    #expect(values.count { abs($0) > 1 } > 100)
  }

  /// Networks see actions within ±1 whatever the box: in a box of half the size the same run has half the actions, the
  /// policy's own and the random ones, up to the rounding of what the environment is given.
  @Test(arguments: ["sac", "mbpo"]) func theBoxOfActionsChangesNothing(type: String) throws {
    func actions(rescales: Bool) throws -> [Float] {
      let environment = configured(
        EnvironmentConfiguration.self, #"{"id": "Pendulum-v1", "wrappers": {"rescalesActions": \#(rescales)}}"#)
      let model =
        type == "mbpo" ? #", "model": {"ensembleSize": 2, "elites": 2, "hiddenSizes": [8], "epochs": 2}"# : ""
      let more = type == "mbpo" ? #", "fitEvery": 10, "rolloutStarts": 20"# : ""
      let agent = try makeAgent(
        """
        {"agent": {"type": "\(type)", "initialRandomSteps": 20, "hiddenSizes": [8], "criticHiddenSizes": [8],
          "learningRate": 0.01, "criticLearningRate": 0.01, "batchSize": 16\(more)}\(model)}
        """, for: environment.describe())
      let group = EnvironmentGroup([try environment.make()]) { UInt64($0 + 1) }
      try group.begin()
      let interaction = Interaction(agent, group)
      for _ in 0..<60 { try interaction.advance() }
      let taken = try #require(agent.replay.map { $0.all($0.action) })
      return withExtendedLifetime(taken) { Array(taken.memory) }
    }
    let (whole, half) = (try actions(rescales: false), try actions(rescales: true))
    #expect(whole.count == 60 && Set(whole).count == 60)
    #expect(zip(whole, half).allSatisfy { abs($0 - 2 * $1) < 2e-3 })
  }

  /// Updates begin when the random steps are done, and come `updatesPerStep` to each step, in rounds or not.
  @Test(arguments: [(1, 3, 1), (5, 2, 1), (1, 2, 3), (4, 1, 2), (1, 0.25, 1), (4, 0.25, 1), (1, 0.5, 3), (6, 0.25, 4)])
  func updatesFollowSteps(every: Int, perStep: Double, lanes: Int) throws {
    let agent = try makeAgent(
      """
      {"agent": {"type": "sac", "initialRandomSteps": 20, "updateEvery": \(every), "updatesPerStep": \(perStep),
        "hiddenSizes": [4], "criticHiddenSizes": [4], "batchSize": 4}}
      """, for: task("Pendulum-v1"), lanes: lanes)
    let environments = try (0..<lanes).map { _ in
      try configured(EnvironmentConfiguration.self, #"{"id": "Pendulum-v1"}"#).make()
    }
    let interaction = Interaction(agent, EnvironmentGroup(environments) { UInt64($0 + 1) })
    while interaction.step < 19 {
      try interaction.advance()
      if interaction.step < 20 { #expect(interaction.metrics.updates == 0) }
    }
    let before = interaction.metrics.updates
    let start = interaction.step
    while interaction.step < start + 60 { try interaction.advance() }
    let made = interaction.metrics.updates - before
    #expect(abs(Double(made) - perStep * Double(interaction.step - start)) <= perStep * Double(max(every, lanes)))
    #expect(made > 0)
  }

  // MARK: Imagined rows

  /// The buffer holds as many rows as the retained rounds have where no rollout ends early, and no older ones beside
  /// them; where the length grows, all that still fit stay.
  @Test func oldRoundsAreForgotten() throws {
    let agent = try makeAgent(
      """
      {"agent": {"type": "mbpo", "initialRandomSteps": 40, "fitEvery": 20, "rolloutStarts": 30, "retainedRounds": 2,
        "rolloutLength": {"first": 1, "last": 3, "from": 0, "to": 100}, "updatesPerStep": 0, "hiddenSizes": [4],
        "criticHiddenSizes": [4], "batchSize": 4},
       "model": {"ensembleSize": 2, "elites": 2, "hiddenSizes": [8], "epochs": 1}}
      """, for: task("Pendulum-v1"))
    let interaction = Interaction(agent, try group("Pendulum-v1"))
    func imagined() -> Int { Int(agent.facts.first { $0.name == "imagined" }?.value ?? "") ?? -1 }
    var counts: [Int: Int] = [:]
    while interaction.step < 140 {
      try interaction.advance()
      counts[interaction.step] = imagined()
    }
    // Pendulum never ends: every round gives length × starts, the length being 1 until 50, then 2 until 100, then 3.
    #expect(counts[39] == 0 && counts[40] == 30 && counts[60] == 90 && counts[80] == 120)
    #expect(counts[100] == 180 && counts[120] == 180 && counts[140] == 180)
  }

  /// Elites are ranked anew by every fit.
  @Test func elitesAreChosenAgain() throws {
    let model = makeModel(
      #"{"ensembleSize": 5, "elites": 2, "hiddenSizes": [8], "epochs": 3, "holdout": 0.3, "warmStart": false}"#,
      for: "Pendulum-v1")
    var seen: Set<[Int]> = []
    for seed in 0..<6 {
      try model.fit(randomTransitions("Pendulum-v1", count: 60, seed: UInt64(seed)))
      #expect(model.elites.count == 2)
      seen.insert(model.elites)
    }
    #expect(seen.count > 1)
  }

  /// What the members say is in the environment's units, where targets are standardised too, and of all of them.
  @Test(arguments: [false, true], ["change", "absolute"])
  func predictionsAreInTheEnvironmentsUnits(isNormalized: Bool, target: String) throws {
    let model = makeModel(
      """
      {"ensembleSize": 3, "elites": 1, "hiddenSizes": [16], "epochs": 20, "reward": "learned", "target": "\(target)",
       "normalizesTargets": \(isNormalized)}
      """, for: "Pendulum-v1")
    let data = try randomTransitions("Pendulum-v1", count: 200)
    try model.fit(data)
    let predictions = try #require(model.makePredictions(rows: 4))
    #expect(predictions.members == 3 && predictions.quantities == 4)
    let step = ImaginedStep(capacity: 4, observationSize: 3, actionColumns: 1)
    let rows = (0..<4).map { data.transition($0) }
    data.gather(rows, data.observation, into: step.state)
    data.gather(rows, data.action, into: step.action)
    model.predictMembers(step, into: predictions)
    for member in 0..<3 {
      for row in 0..<4 {
        let state = Rows(step.state).row(row).array
        let said = model.predict(observation: state, action: [step.action[row, 0]], member: member)
        for column in 0..<4 {
          let past = column < 3 && target == "change" ? state[column] : 0
          #expect(predictions.changes[column] == (column < 3 && target == "change"))
          #expect(abs(predictions.mean(member, column, row) + past - said[column]) < 1e-4 * max(1, abs(said[column])))
        }
      }
    }
    // The reward's deviation is of the size of its error, not of 1.
    let deviation = predictions.variance(0, 3, 0).squareRoot()
    #expect(deviation > 0.01 && deviation < 16)
  }
}
