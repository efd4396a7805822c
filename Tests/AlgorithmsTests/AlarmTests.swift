import Algorithms
import Environments
import Neural
import Support
import Testing

/// Every alarm fires where its cause is there, once, and is silent where all is well.
struct AlarmTests {
  private func metrics(_ names: [String]) -> Metrics { Metrics(names: names) }

  @Test func aCauseIsToldOnce() {
    var metrics = metrics([])
    metrics.raise(.exploitation, "first")
    metrics.raise(.exploitation, "second")
    metrics.raise(.ensembleCollapse, "third")
    #expect(metrics.takeAlarms() == ["first", "third"])
    metrics.raise(.ensembleCollapse, "fourth")
    #expect(metrics.takeAlarms().isEmpty)
  }

  // MARK: Critics

  @Test(arguments: [(Float(1), false, false), (4000, true, false), (4000, true, true)])
  func actionValues(scale: Float, isAlarm: Bool, hasNorms: Bool) throws {
    var settings = SoftActorCriticSettings()
    (settings.hiddenSizes, settings.criticSettings.hiddenSizes, settings.batchSize) = ([8], [8], 8)
    (settings.discount, settings.criticSettings.normalizesLayers) = (0.9, hasNorms)
    let learner = SoftActorCritic(
      settings, observationSize: 2, .box(low: [-1], high: [1]), random: RandomStream(seed: 1), pool: nil)
    for layer in learner.critics.network.layers {
      for index in 0..<layer.bias.count { learner.critics.network.store.values(of: layer.bias)[index] *= scale }
    }
    let buffers = [2, 1, 1, 2, 1].map { RowBuffer(8, $0) }
    var random = RandomStream(seed: 4)
    for buffer in buffers[..<4] { random.fillUniform(buffer.memory, -0.9, 0.9) }
    let batch = TransitionBatch(
      observations: buffers[0].read, actions: buffers[1].read, rewards: buffers[2].read, next: buffers[3].read,
      terminated: buffers[4].read)
    var noise = RandomStream(seed: 6)
    let report = try learner.update(on: batch, &noise, &random)
    withExtendedLifetime(buffers) {}
    var metrics = metrics(SoftActorCritic.metricNames)
    report.record(in: &metrics)
    #expect(metrics.values[5] == Double(report.magnitude))
    learner.watch(report, -1...1, &metrics)
    let alarms = metrics.takeAlarms()
    #expect(alarms.count == (isAlarm ? 1 : 0), "\(alarms)")
    // What is so already is no advice.
    for alarm in alarms { #expect(alarm.contains("agent.criticLayerNorm") != hasNorms) }
    // Where the task's rewards are as large, nothing is wrong.
    var rich = self.metrics([])
    learner.watch(report, -1e6...1e6, &rich)
    #expect(rich.takeAlarms().isEmpty)
  }

  /// The largest real reward for ever, or the largest that is declared; and so it is in the next session.
  @Test func whatRewardsAllow() throws {
    let group = try group("Pendulum-v1")
    var random = RandomStream(seed: 9)
    group.actions.setUniform(0, &random)
    try group.step()
    func steps(_ reward: Double) -> Transitions {
      let steps = group.transitions
      return Transitions(
        observations: steps.observations, actions: steps.actions,
        outcomes: [Outcome(reward: reward, isTerminated: false)], next: steps.next, isFirst: steps.isFirst,
        episode: steps.episode)
    }
    func alarm(
      _ watch: CriticWatch, _ magnitude: Double, bonus: Double = 0,
      _ range: ClosedRange<Double> = -.infinity ... .infinity
    ) -> String? {
      var metrics = metrics([])
      watch.judge(magnitude, bonus: bonus, declared: range, &metrics)
      return metrics.takeAlarms().first
    }
    var watch = CriticWatch(discount: 0.9, remedies: ["this", "that"])
    #expect(alarm(watch, 2.9) == nil && alarm(watch, 3.1) != nil)
    for reward in [1, -2.71, 0] { watch.see(steps(reward)) }
    #expect(alarm(watch, 81) == nil)
    #expect(
      alarm(watch, 82) == "action values reach 82 where rewards allow 27.1: the critics diverge; try this or that")
    #expect(alarm(watch, 111, bonus: 1) == nil && alarm(watch, 112, bonus: 1) != nil)
    #expect(alarm(watch, 149, -5...1) == nil && alarm(watch, 151, -5...1) != nil)
    #expect(alarm(watch, 81, -1...1) == nil && alarm(watch, 82, -1...1) != nil)
    // Without discounting nothing bounds them but an episode's length.
    #expect(alarm(CriticWatch(discount: 1, remedies: ["this"]), 1e9, -1...1) == nil)
    let patient = CriticWatch(discount: 1, stepLimit: 500, remedies: ["this"])
    #expect(alarm(patient, 1499, -1...1) == nil && alarm(patient, 1501, -1...1) != nil)

    let writing = Archive()
    try watch.archive(writing)
    var next = CriticWatch(discount: 0.9, remedies: ["this"])
    try next.archive(Archive(scalars: writing.scalars, tensors: writing.tensors))
    #expect(alarm(next, 81) == nil && alarm(next, 82) != nil)
    // Of a run that began without it the largest reward is unknown, unless one is declared.
    try next.archive(Archive(scalars: [], tensors: []))
    next.see(steps(0.1))
    #expect(alarm(next, 1e9) == nil && alarm(next, 31, -1...1) != nil)
    let unknown = Archive()
    try next.archive(unknown)
    var last = CriticWatch(discount: 0.9, remedies: ["this"])
    try last.archive(Archive(scalars: unknown.scalars, tensors: unknown.tensors))
    #expect(alarm(last, 1e9) == nil)
  }

  /// Steps that are far too large, by every agent that learns action values.
  @Test(arguments: [
    (
      "CartPole-v1",
      #"{"agent": {"type": "dqn", "initialRandomSteps": 50, "learningRate": 0.5, "updateEvery": 1, "targetEvery": 10}}"#,
      "try agent.isDouble=true, a smaller agent.learningRate or a larger agent.targetEvery"
    ),
    (
      "CartPole-v1",
      #"{"agent": {"type": "sac", "initialRandomSteps": 50, "criticLearningRate": 0.5, "batchSize": 32}}"#,
      "try agent.criticLayerNorm=true, fewer agent.updatesPerStep or a smaller agent.criticLearningRate"
    ),
    (
      "Pendulum-v1",
      """
      {"agent": {"type": "double-horizon", "initialRandomSteps": 50, "fitEvery": 50, "learningRate": 0.5,
        "batchSize": 16, "hiddenSizes": [8], "criticHiddenSizes": [64], "horizon": 2},
       "model": {"hiddenSizes": [8], "epochs": 2, "ensembleSize": 2}}
      """, "try fewer agent.updatesPerStep or a smaller agent.learningRate"
    ),
  ])
  func runawayCritics(environment: String, sections: String, remedy: String) throws {
    let interaction = Interaction(try makeAgent(sections, for: task(environment)), try group(environment))
    var alarms: [String] = []
    for _ in 0..<400 {
      try interaction.advance()
      alarms += interaction.metrics.takeAlarms()
    }
    let critics = alarms.filter { $0.hasPrefix("action values reach") }
    #expect(critics.count == 1 && critics[0].hasSuffix(remedy), "\(alarms)")
  }

  // MARK: Model

  /// Members whose errors are `together` plus `apart`·(±1) each, with that variance and those raw values.
  private func health(together: Float, apart: Float, variance: Float, beyond: Int = 0) -> ModelHealth {
    var meter = ModelHealthMeter(members: 4, quantities: 2)
    for row in 0..<10 {
      meter.addRow()
      for quantity in 0..<2 {
        let actual = Float(row) + Float(quantity)
        meter.add(quantity, actual: actual) { actual + together + ($0 % 2 == 0 ? apart : -apart) }
        for member in 0..<4 { meter.add(quantity, variance: variance, isBeyond: member < beyond) }
      }
    }
    return meter.health
  }

  @Test func membersThatErrTogether() throws {
    let half = health(together: 3, apart: 4, variance: 0)
    // Squared errors 3² + 4², of which 4² is between the members.
    #expect(abs((half.spread ?? 0) - 0.8) < 1e-6 && half.unexplained == 1)
    func alarms(_ health: ModelHealth) -> Int {
      var metrics = metrics(ModelHealth.metricNames)
      health.record(in: &metrics)
      #expect(metrics.values[2] == health.spread)
      return metrics.takeAlarms().count
    }
    #expect(alarms(half) == 0)
    #expect(alarms(health(together: 1, apart: 0.02, variance: 0)) == 1)
    // Noise that the members know of is no collapse, they may well agree on it.
    let noisy = health(together: 1, apart: 0.02, variance: 1)
    #expect(noisy.unexplained < 0.01 && alarms(noisy) == 0)
    #expect(health(together: 0, apart: 0, variance: 1).spread == nil)
  }

  /// Squared errors are 2 in the mean. Where nearly all variances stand at a bound it is an alarm if that is far from
  /// them: at one that fits, the model only says the same of all states.
  @Test(arguments: [
    (0, Float(16), 0), (2, 16, 0), (4, 16, 1), (4, 7.9, 0), (4, 2, 0), (4, 0.51, 0), (4, 0.49, 1), (4, 0, 1),
  ])
  func variancesBeyondTheirBounds(members: Int, variance: Float, alarms: Int) {
    let health = health(together: 1, apart: 1, variance: variance, beyond: members)
    #expect(health.atBounds == Double(members) / 4)
    #expect(variance == 0 || abs((health.misfit ?? 0) / Double(max(variance / 2, 2 / variance)) - 1) < 1e-6)
    var metrics = metrics(ModelHealth.metricNames)
    health.record(in: &metrics)
    #expect(metrics.values[...1] == [health.atBounds, health.misfit] && metrics.takeAlarms().count == alarms)
  }

  /// A fit looks at what it held out; nothing that it learns depends on that.
  @Test func aFitLooks() throws {
    let model = makeModel(
      #"{"ensembleSize": 3, "hiddenSizes": [16], "epochs": 30, "holdout": 0.2, "reward": "learned"}"#,
      for: "Pendulum-v1")
    var rows: [ModelFitRow] = []
    let data = try randomTransitions("Pendulum-v1", count: 300)
    let health = try model.fit(data, rows: &rows).health
    #expect(health?.spread ?? 0 > 0.1 && health?.spread ?? 2 <= 1)
    #expect(health?.atBounds ?? 1 < 0.9)
    let alone = makeModel(
      #"{"ensembleSize": 1, "hiddenSizes": [8], "epochs": 1, "kind": "deterministic"}"#, for: "Pendulum-v1")
    let single = try alone.fit(data, rows: &rows).health
    #expect(single == ModelHealth())
  }

  // MARK: Returns

  /// The state stays, and every step is worth `reward`.
  private final class Promise: DynamicsModel {
    let reward: Float
    init(_ reward: Float) { self.reward = reward }
    var tables: [TableDeclaration] { [] }
    var facts: [(name: String, value: String)] { [] }
    func fit(_ replay: Replay, _ metrics: inout Metrics) throws -> ModelFitSummary {
      ModelFitSummary(trainLoss: 0, validationLoss: nil, updates: 0)
    }
    func advance(_ step: ImaginedStep, by members: MemberChoice, noise: RandomStream) {
      step.next.copy(Rows(step.state))
      for row in 0..<step.count { (step.reward[row, 0], step.ended[row, 0]) = (reward, 0) }
    }
    func makeScorer(_ settings: RolloutSettings) -> any PlanScorer { preconditionFailure("nobody plans here") }
    func meanPredictions(observation: [Float], action: [Float]) -> [[Float]] { [] }
    func archive(_ archive: Archive) throws {}
  }

  /// Twenty imagined steps against twenty real ones from the same states.
  @Test func promisesOfTheModel() throws {
    let real = try randomTransitions("Pendulum-v1", count: 400)
    func measured(_ reward: Double) throws -> ReturnGap.Result {
      let gap = ReturnGap(Promise(Float(reward)), task("Pendulum-v1").specification)
      return try #require(gap.measure(real: real, by: UniformPolicy(nil), random: RandomStream(seed: 1)))
    }
    let nothing = try measured(0)
    // Pendulum's rewards are between −16 and 0.
    #expect(nothing.model == 0 && nothing.real < -20 && nothing.real > -320)
    #expect(nothing.span > 20 && nothing.span < 330)
    func alarms(_ reward: Double) throws -> Int {
      let result = try measured(reward)
      #expect(abs(result.model - 20 * reward) < 1e-3 && result.real == nothing.real)
      var metrics = metrics(ReturnGap.metricNames)
      result.record(in: &metrics, advice: ["this", "that"])
      #expect(metrics.values == [result.model, result.real])
      return metrics.takeAlarms().count
    }
    let fair = nothing.real / 20
    for (more, count) in [(0.0, 0), (-3, 0), (0.2 * nothing.span / 20, 0), (0.3 * nothing.span / 20, 1), (40, 1)] {
      #expect(try alarms(fair + more) == count, "\(more) a step more")
    }
    // Rewards that are all the same differ from what comes after an end.
    let poles = ReturnGap(Promise(1), task("CartPole-v1").specification)
    let upright = try #require(
      poles.measure(
        real: try randomTransitions("CartPole-v1", count: 400), by: UniformPolicy(nil), random: RandomStream(seed: 1)))
    #expect(upright.span == 20 && upright.model == 20 && upright.real > 1 && upright.real < 20)
    // Where no two rewards have differed, nothing can be told.
    var silent = metrics(ReturnGap.metricNames)
    ReturnGap.Result(model: 1e-6, real: 0, span: 0).record(in: &silent, advice: ["this"])
    #expect(silent.values == [1e-6, 0] && silent.takeAlarms().isEmpty)
    // Many environments have as long stretches as one.
    let environments = try (0..<16).map { _ in
      try configured(EnvironmentConfiguration.self, #"{"id": "Pendulum-v1"}"#).make()
    }
    let lanes = EnvironmentGroup(environments) { UInt64($0 + 1) }
    var random = RandomStream(seed: 9)
    let many = Replay(of: lanes.specification, lanes: 16, capacity: 4000)
    for _ in 0..<60 {
      try lanes.begin()
      for lane in 0..<16 { lanes.actions.setUniform(lane, &random) }
      try lanes.step()
      many.append(lanes.transitions)
    }
    let ofMany = ReturnGap(Promise(-1), lanes.specification)
    #expect(ofMany.measure(real: many, by: UniformPolicy(nil), random: RandomStream(seed: 1))?.model == -20)
    let gap = ReturnGap(Promise(0), task("Pendulum-v1").specification)
    let little = try randomTransitions("Pendulum-v1", count: 15)
    #expect(gap.measure(real: little, by: UniformPolicy(nil), random: RandomStream(seed: 1)) == nil)
  }

  // MARK: Declarations

  /// A declaration that goes wrong after the first fit is told of at the next ones.
  @Test(arguments: [false, true]) func declarationsAreHeldToWhatHappens(isWrong: Bool) throws {
    let task = task("CartPole-v1")
    var settings = EnsembleDynamics.Configuration()
    (settings.hiddenSizes, settings.ensembleSize, settings.epochs) = ([4], 1, 1)
    let learner = ModelLearner(
      .init(initialRandomSteps: 30, fitEvery: 30, replayCapacity: 1000), settings, learnsModel: true,
      AgentContext(task, random: RandomStream(seed: 1), pool: ComputePool(threads: 1)))
    let group = try group("CartPole-v1")
    var (metrics, random) = (
      Metrics(names: ModelLearner.metricNames, tables: learner.model!.tables), RandomStream(seed: 2)
    )
    func steps(_ count: Int, _ change: (inout Outcome) -> Void) throws {
      for _ in 0..<count {
        try group.begin()
        group.actions.setUniform(0, &random)
        try group.step()
        let steps = group.transitions
        var outcomes = steps.outcomes
        change(&outcomes[0])
        learner.observe(
          Transitions(
            observations: steps.observations, actions: steps.actions, outcomes: outcomes, next: steps.next,
            isFirst: steps.isFirst, episode: steps.episode))
      }
      try learner.fit(&metrics)
    }
    try steps(30) { _ in }
    #expect(metrics.values.last == 0 && metrics.takeAlarms().isEmpty)
    try steps(30) { if isWrong { $0.reward = 7 } }
    let share = (metrics.values.last ?? nil) ?? -1
    #expect(abs(share - (isWrong ? 0.5 : 0)) < 0.05 && metrics.takeAlarms().count == (isWrong ? 1 : 0))
  }

  /// Agents that learn well raise nothing, and say all of their columns but those that their model has not.
  @Test(arguments: [
    (
      "Pendulum-v1",
      """
      {"agent": {"type": "mbpo", "initialRandomSteps": 200, "fitEvery": 50, "rolloutStarts": 500, "updatesPerStep": 2,
        "hiddenSizes": [32], "criticHiddenSizes": [32], "batchSize": 32},
       "model": {"ensembleSize": 3, "elites": 2, "hiddenSizes": [64, 64, 64], "weightDecay": [0], "epochs": 30,
         "batchSize": 64, "normalizesTargets": true}}
      """, []
    ),
    (
      "Pendulum-v1",
      """
      {"agent": {"type": "double-horizon", "initialRandomSteps": 200, "fitEvery": 100, "batchSize": 32,
        "hiddenSizes": [32], "criticHiddenSizes": [32], "horizon": 3},
       "model": {"ensembleSize": 3, "hiddenSizes": [64, 64], "epochs": 30}}
      """, ["logvar_at_bounds", "variance_misfit"]
    ),
    (
      "CartPole-v1",
      """
      {"agent": {"type": "dyna", "initialRandomSteps": 200, "fitEvery": 100, "hiddenSizes": [32]},
       "model": {"hiddenSizes": [32, 32], "epochs": 20}}
      """, ["model_val_loss"]
    ),
    ("CartPole-v1", #"{"agent": {"type": "dqn", "initialRandomSteps": 200}}"#, []),
  ])
  func aHealthyRunIsSilent(environment: String, sections: String, missing: [String]) throws {
    let interaction = Interaction(try makeAgent(sections, for: task(environment)), try group(environment))
    for _ in 0..<450 { try interaction.advance() }
    let alarms = interaction.metrics.takeAlarms()
    #expect(alarms.isEmpty, "\(alarms)")
    for (name, value) in zip(interaction.metrics.names, interaction.metrics.values) {
      #expect((value == nil) == missing.contains(name), "\(name)")
    }
  }
}
