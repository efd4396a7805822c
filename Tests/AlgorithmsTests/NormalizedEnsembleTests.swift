import Algorithms
import Environments
import Neural
import Support
import TestSupport
import Testing

/// The model of double-horizon policy optimisation.
struct NormalizedEnsembleTests {
  private static let specification = EnvironmentSpecification(
    id: "Line", observationSpace: .box(low: [-9, -9], high: [9, 9]), actionSpace: .box(low: [-2], high: [2]),
    stepLimit: nil, rewardRange: -9...9, framesPerSecond: 1, summary: "a line")

  /// s' = s + (.1 s₁, .05 a) and r = s₀ − a², from states all over.
  private static func replay(_ count: Int, capacity: Int = 10_000) -> Replay {
    let replay = Replay(
      observationSize: 2, actionColumns: 1, capacity: capacity, layout: .loose, storage: .copied)
    var random = RandomStream(seed: 1)
    for _ in 0..<count {
      func row(_ values: [Float]) -> RowBuffer {
        let buffer = RowBuffer(1, values.count)
        _ = buffer.memory.update(fromContentsOf: values)
        return buffer
      }
      let (x, v, a) = (Float(random.uniform(-3, 3)), Float(random.uniform(-3, 3)), Float(random.uniform(-2, 2)))
      let (state, action, reward) = (row([x, v]), row([a]), row([x - a * a]))
      let (end, next) = (row([0]), row([x + 0.1 * v, v + 0.05 * a]))
      replay.append(state.read, action.read, rewards: reward.read, terminated: end.read, next: next.read)
    }
    return replay
  }

  private static func model(
    threads: Int = 1, stoppingAt stop: Int = 0,
    _ change: (inout NormalizedEnsemble.Configuration) -> Void = { _ in }
  ) -> NormalizedEnsemble {
    var configuration = NormalizedEnsemble.Configuration()
    (configuration.ensembleSize, configuration.hiddenSizes) = (3, [32, 32])
    (configuration.batchSize, configuration.epochs, configuration.termination) = (64, 40, .never)
    change(&configuration)
    let asked = Guarded(0)
    let pool = ComputePool(threads: threads) {
      asked.withLock { count in
        count += 1
        return count == stop
      }
    }
    return NormalizedEnsemble(
      configuration, DynamicsLayout(specification, known: nil), random: RandomStream(seed: 3), pool: pool)
  }

  private static func value(_ name: String, _ metrics: Metrics) -> Double? {
    zip(metrics.names, metrics.values).first { $0.0 == name }?.1
  }

  private static func metrics(_ model: NormalizedEnsemble) -> Metrics { Metrics(names: [], tables: model.tables) }

  @Test func itLearnsALinearSystem() throws {
    let model = Self.model()
    var metrics = Self.metrics(model)
    let summary = try model.fit(Self.replay(1000), &metrics)
    #expect(summary.updates > 0)
    let predictions = model.meanPredictions(observation: [1, -2], action: [1])
    #expect(predictions.count == 3)
    for member in predictions {
      #expect(abs(member[0] - 0.8) < 0.06 && abs(member[1] + 1.95) < 0.02 && abs(member[2] - 0) < 0.5, "\(member)")
    }
    let first = metrics.rows[0].first!, last = metrics.rows[0].last!
    #expect("\(first)" != "\(last)")
  }

  /// A row's part and weights are its own, whatever came later.
  @Test func whatIsHeldOutStaysHeldOut() {
    let replay = Self.replay(300)
    let serials = (0..<300).map { replay.serial(of: replay.transition($0)) }
    #expect(Set(serials).count == 300)
    let ring = Self.replay(250, capacity: 100)
    #expect((0..<100).map { ring.serial(of: ring.transition($0)) } == (150..<250).map { UInt64($0) })
  }

  @Test func threadsChangeNoBit() throws {
    func fitted(_ threads: Int) throws -> [Float] {
      let model = Self.model(threads: threads) { $0.epochs = 3 }
      var metrics = Self.metrics(model)
      _ = try model.fit(Self.replay(500), &metrics)
      return Array(model.store.values)
    }
    #expect(try fitted(1) == fitted(3))
  }

  /// Given up in the middle, the model is as it was, and the same fit comes again.
  @Test func anInterruptedFitComesAgain() throws {
    let replay = Self.replay(500)
    let whole = Self.model { $0.epochs = 6 }
    var metrics = Self.metrics(whole)
    _ = try whole.fit(replay, &metrics)
    let model = Self.model(stoppingAt: 4) { $0.epochs = 6 }
    let before = Array(model.store.values)
    metrics = Self.metrics(model)
    #expect(throws: InterruptedError.self) { try model.fit(replay, &metrics) }
    #expect(Array(model.store.values) == before && metrics.rows[0].isEmpty)
    _ = try model.fit(replay, &metrics)
    #expect(Array(model.store.values) == Array(whole.store.values))
  }

  /// What never changes stays where it is in imagination: σ of a new network is 1, in the unit that the model predicts.
  @Test func whatNeverChangesStays() throws {
    var configuration = NormalizedEnsemble.Configuration()
    (configuration.ensembleSize, configuration.hiddenSizes, configuration.epochs) = (2, [8], 2)
    configuration.termination = .never
    let model = NormalizedEnsemble(
      configuration, DynamicsLayout(task("Reacher-v0")), random: RandomStream(seed: 3), pool: ComputePool(threads: 1))
    let replay = try randomTransitions("Reacher-v0", count: 120)
    var metrics = Self.metrics(model)
    _ = try model.fit(replay, &metrics)
    let step = imaginedStep(of: 100, in: replay)
    model.advance(step, by: .drawn, noise: RandomStream(seed: 1))
    for row in 0..<100 {
      for column in 4..<6 { #expect(abs(step.next[row, column] - step.state[row, column]) < 1e-3) }
    }
  }

  /// A reward that never changes is learned without noise, which in its unit would be all that there is to learn.
  @Test func noNoiseOnAConstantReward() throws {
    func parameters(_ id: String, noise: Double) throws -> [Float] {
      var configuration = NormalizedEnsemble.Configuration()
      (configuration.ensembleSize, configuration.hiddenSizes, configuration.epochs) = (2, [8], 2)
      configuration.rewardNoise = noise
      let model = NormalizedEnsemble(
        configuration, DynamicsLayout(task(id)), random: RandomStream(seed: 3), pool: ComputePool(threads: 1))
      var metrics = Self.metrics(model)
      _ = try model.fit(try randomTransitions(id, count: 120), &metrics)
      return Array(model.store.values)
    }
    #expect(try parameters("CartPole-v1", noise: 1e-3) == parameters("CartPole-v1", noise: 0))
    #expect(try parameters("Pendulum-v1", noise: 1e-3) != parameters("Pendulum-v1", noise: 0))
  }

  /// Statistics are those of all rows, the held-out ones too, and none is the jump from an episode's end to the next
  /// one's start.
  @Test func statisticsKnowNoResets() throws {
    var configuration = NormalizedEnsemble.Configuration()
    (configuration.ensembleSize, configuration.hiddenSizes, configuration.epochs) = (2, [8], 1)
    let model = NormalizedEnsemble(
      configuration, DynamicsLayout(task("CartPole-v1")), random: RandomStream(seed: 3), pool: ComputePool(threads: 1))
    let group = try group("CartPole-v1")
    let replay = Replay(of: group.specification, lanes: 1, capacity: 600)
    var (random, changes, ends) = (RandomStream(seed: 5), [[Double]](), 0)
    while replay.count < 300 {
      try group.begin()
      group.actions.setUniform(0, &random)
      try group.step()
      let steps = group.transitions
      changes.append((0..<4).map { Double(steps.next[0, $0] - steps.observations[0, $0]) })
      ends += steps.outcomes[0].isTerminated ? 1 : 0
      replay.append(steps)
    }
    var metrics = Self.metrics(model)
    _ = try model.fit(replay, &metrics)
    #expect(ends > 5)
    for column in 0..<4 {
      let values = changes.prefix(300).map { $0[column] }
      let mean = values.reduce(0, +) / 300
      let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 300).squareRoot()
      #expect(abs(model.targetNormalizer.mean[1 + column] - mean) < 1e-6)
      #expect(abs(model.targetNormalizer.deviation[1 + column] - deviation) < 1e-6)
    }
  }

  /// Layers decay on their own, ln σ too: with a gradient of zero only the decay moves a parameter.
  @Test func everyParameterHasItsDecay() {
    let store = ParameterStore()
    var random = RandomStream(seed: 1)
    let parameters = (0..<3).map { store.addVector("p\($0)", count: 5, initializer: .constant(2), random: &random) }
    let adam = Adam(store, learningRate: 0.1, decoupledDecays: [0, 0.5, 2])
    store.clearGradients()
    adam.step()
    #expect(parameters.map { store.values(of: $0)[3] } == [2, 2 * Float(1 - 0.1 * 0.5), 2 * Float(1 - 0.1 * 2.0)])
  }

  // MARK: What others ask of it

  /// √(mean over quantities of the members' variance / squared error), of all rows where none are held out.
  @Test func aFitSaysHowFarItsMembersDisagree() throws {
    let (model, replay) = (Self.model { ($0.epochs, $0.holdout, $0.firstFit) = (20, 0, 1) }, Self.replay(300))
    var metrics = Metrics(names: ModelHealth.metricNames, tables: model.tables)
    let health = try #require(try model.fit(replay, &metrics).health)
    let (predictions, step) = (
      try #require(model.makePredictions(rows: 300)),
      ImaginedStep(capacity: 300, observationSize: 2, actionColumns: 1)
    )
    let rows = (0..<300).map { replay.transition($0) }
    replay.gather(rows, replay.observation, into: step.state)
    replay.gather(rows, replay.action, into: step.action)
    model.predictMembers(step, into: predictions)
    let (next, rewards) = (replay.all(replay.next), replay.all(replay.reward))
    var (spread, unexplained) = (0.0, 0.0)
    for quantity in 0..<3 {
      var (distances, errors, variances) = (0.0, 0.0, 0.0)
      for row in 0..<300 {
        let actual = quantity < 2 ? next.rows[row, quantity] - step.state[row, quantity] : rewards.rows[row, 0]
        let said = (0..<3).map { Double(predictions.mean($0, quantity, row)) }
        let center = said.reduce(0, +) / 3
        distances += said.reduce(0) { $0 + ($1 - center) * ($1 - center) }
        errors += said.reduce(0) { $0 + ($1 - Double(actual)) * ($1 - Double(actual)) }
        variances += (0..<3).reduce(0) { $0 + Double(predictions.variance($1, quantity, row)) }
      }
      spread += distances / errors / 3
      unexplained += max(0, 1 - variances / errors) / 3
    }
    #expect(abs(try #require(health.spread) - spread.squareRoot()) < 1e-3 && spread > 0.01, "\(health)")
    #expect(abs(health.unexplained - unexplained) < 1e-2, "\(health), \(unexplained)")
    // The noise has no bounds that it could be pressed against.
    #expect(health.atBounds == nil)
    let learner = try makeAgent(
      """
      {"agent": {"type": "double-horizon", "initialRandomSteps": 20, "fitEvery": 20, "hiddenSizes": [4],
         "criticHiddenSizes": [4], "batchSize": 8, "firstUpdates": 0, "updatesPerStep": 0, "criticUpdates": 0},
       "model": {"ensembleSize": 2, "hiddenSizes": [8], "epochs": 1}}
      """, for: task("Pendulum-v1"))
    let interaction = Interaction(learner, try group("Pendulum-v1"))
    while interaction.step < 20 { try interaction.advance() }
    #expect(try #require(Self.value("ensemble_spread", interaction.metrics)) > 0)
  }

  /// What a model's alarm proposes are settings that this model has.
  @Test func remediesAreItsOwn() throws {
    func settings(_ configuration: some DynamicsModelConfiguration) -> [String] {
      var configuration = configuration
      return Fields.read(&configuration).resolved.members.map(\.key)
    }
    func named(_ health: ModelHealth?) throws -> [String] {
      try #require(health).remedies.alternatives.split { !($0.isLetter || $0 == ".") }
        .filter { $0.hasPrefix("model.") }.map { String($0.dropFirst("model.".count)) }
    }
    let model = Self.model { $0.epochs = 1 }
    var metrics = Self.metrics(model)
    let own = try named(try model.fit(Self.replay(50), &metrics).health)
    #expect(own.count == 2 && own.allSatisfy(settings(model.configuration).contains), "\(own)")
    let ensemble = makeModel(#"{"ensembleSize": 2, "hiddenSizes": [4], "epochs": 1}"#, for: "Pendulum-v1")
    let others = try named(try ensemble.fit(randomTransitions("Pendulum-v1", count: 50)).health)
    #expect(others == ["warmStart", "ensembleSize"])
    #expect(others.allSatisfy(settings(ensemble.configuration).contains))
    // What is so already is no advice.
    let drawing = makeModel(
      #"{"ensembleSize": 2, "hiddenSizes": [4], "epochs": 1, "bootstrap": false, "warmStart": false}"#,
      for: "Pendulum-v1")
    let rest = try named(try drawing.fit(randomTransitions("Pendulum-v1", count: 50)).health)
    #expect(rest == ["bootstrap", "ensembleSize"])
  }

  /// A member's mean step is what it predicts, in the observation's own units; a drawn one lies around it as its
  /// variance says.
  @Test func stepsAreWhatItsMembersPredict() throws {
    let model = Self.model { $0.epochs = 10 }
    var metrics = Self.metrics(model)
    let replay = Self.replay(400)
    _ = try model.fit(replay, &metrics)
    let rows = (0..<400).map { replay.transition($0) }
    let step = ImaginedStep(capacity: 400, observationSize: 2, actionColumns: 1)
    replay.gather(rows, replay.observation, into: step.state)
    replay.gather(rows, replay.action, into: step.action)
    let predictions = try #require(model.makePredictions(rows: 400))
    model.predictMembers(step, into: predictions)
    for member in model.elites {
      model.advance(step, by: .mean(of: member), noise: RandomStream(seed: 1))
      for row in 0..<400 {
        for column in 0..<2 {
          let said = step.state[row, column] + predictions.mean(member, column, row)
          #expect(abs(step.next[row, column] - said) < 1e-4)
        }
        #expect(abs(step.reward[row, 0] - predictions.mean(member, 2, row)) < 1e-3)
        #expect(step.ended[row, 0] == 0)
      }
    }
    model.advance(step, by: .drawnFromAll, noise: RandomStream(seed: 2))
    var squares = 0.0
    for row in 0..<400 {
      let member = Int(step.mover[row])
      let error = step.next[row, 0] - step.state[row, 0] - predictions.mean(member, 0, row)
      squares += Double(error * error / predictions.variance(member, 0, row)) / 400
    }
    #expect(Set(step.mover.prefix(400)) == [0, 1, 2] && abs(squares - 1) < 0.25, "\(squares)")
  }

  /// Soft actor-critic on its rollouts, by every rule of what is believed, and with targets that look through it.
  @Test(arguments: [
    #""trust": {"cut": "information", "draw": "conditional"}"#, #""trust": {"cut": "information", "draw": "fused"}"#,
    #""trust": {"cut": "threshold"}"#, #""trust": {"cut": "share"}"#, #""trust": {"cut": "halt"}"#,
    #""trust": {"penalty": "deviation", "weight": "spread"}"#,
    #""valueExpansion": {"type": "weighted", "horizon": 2}"#, #""valueExpansion": {"type": "fixed", "horizon": 2}"#,
  ]) func policiesLearnThroughIt(settings: String) throws {
    let agent = try makeAgent(
      """
      {"agent": {"type": "mbpo", "initialRandomSteps": 60, "fitEvery": 20, "rolloutStarts": 50, "retainedRounds": 3,
         "rolloutLength": {"first": 4, "last": 4}, "updatesPerStep": 1, "hiddenSizes": [8], "criticHiddenSizes": [8],
         "batchSize": 8, \(settings)},
       "model": {"type": "normalized-ensemble", "ensembleSize": 3, "hiddenSizes": [16], "epochs": 5}}
      """, for: task("Pendulum-v1"))
    let interaction = Interaction(agent, try group("Pendulum-v1"))
    while interaction.step < 100 { try interaction.advance() }
    let imagined = Int(agent.facts.first { $0.name == "imagined" }?.value ?? "") ?? -1
    #expect(imagined > 0 && imagined <= 600)
    if settings.contains("share") || settings.contains("threshold") { #expect(imagined < 600) }
    if settings.contains("share") { #expect(imagined == 3 * (50 * 4 / 10 + 50 * 3 / 10 + 50 * 2 / 10 + 50 / 10)) }
    #expect(interaction.metrics.updates == 41)
    guard settings.contains("Expansion") else { return }
    let use = try #require(Self.value("model_use", interaction.metrics))
    #expect(settings.contains("fixed") ? use == 1 : use > 0 && use < 1, "\(use)")
  }
}
