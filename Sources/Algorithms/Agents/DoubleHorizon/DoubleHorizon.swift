import Environments
import Support

/// Double-horizon model-based policy optimisation (Kubo, Parmas & Ishii 2025): long rollouts through a learned model
/// only supply states; short differentiable rollouts from these train actor and critics.
///
/// 1. Act at random for the first five iterations, and 1,000 steps at least; an iteration is one time limit of
///    environment steps.
/// 2. At the end of every iteration: fit the model to all that is kept; new optimisers.
/// 3. Roll the policy out from real states over `stateHorizon` steps into the ring of states; the critics alone learn
///    for `criticUpdates`·(iteration) updates.
/// 4. `updatesPerStep`·(iteration) updates of the policy, the first time `firstUpdates` as many, with new states every
///    `statesEvery` of them.
/// 5. Act by draws of the policy until the next iteration's end.
package final class DoubleHorizon: Agent {
  package struct Configuration: AgentConfiguration {
    /// 0: five iterations, and 1,000 steps at least.
    package var initialRandomSteps = 0
    /// Environment steps of an iteration; 0: the task's time limit.
    package var fitEvery = 0
    package var replayCapacity = 1_000_000
    package var policy = DoubleHorizonSettings()
    package var updatesPerStep = 1.0
    package var firstUpdates = 5.0
    package var criticUpdates = 0.25
    /// D: steps of the rollouts that supply states.
    package var stateHorizon = 20
    /// Updates from one supply to the next.
    package var statesEvery = 20
    /// Supplies that the ring holds.
    package var retainedSupplies = 10
    /// The section `model`.
    package var model = Variant<DynamicsModels>("normalized-ensemble", NormalizedEnsemble.Configuration())

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.integer(
        "initialRandomSteps", &initialRandomSteps, in: 0...1_000_000_000,
        "random steps before anything is learned; 0: five iterations, and some 1000 at least")
      fields.integer(
        "fitEvery", &fitEvery, in: 0...1_000_000_000,
        "environment steps of an iteration, at whose end everything is learned; 0: the task's time limit")
      fields.integer("replayCapacity", &replayCapacity, in: 1...100_000_000, "most observations kept")
      fields.number("updatesPerStep", &updatesPerStep, in: 0...1000, "updates of the policy per environment step")
      fields.number("firstUpdates", &firstUpdates, in: 0...1000, "factor of the updates at the end of the random steps")
      fields.number(
        "criticUpdates", &criticUpdates, in: 0...1000, "updates of the critics alone, per environment step, after a fit"
      )
      fields.integer("stateHorizon", &stateHorizon, in: 0...10_000, "steps of the rollouts that supply states (D)")
      fields.integer("statesEvery", &statesEvery, in: 1...1_000_000, "updates from one supply of states to the next")
      fields.integer("retainedSupplies", &retainedSupplies, in: 1...10_000, "supplies of states that are drawn from")
      policy.declare(fields)
    }

    package mutating func declareSections(_ experiment: Fields) {
      DynamicsModels.leaveOut(experiment, unless: \.isDifferentiable)
      experiment.section("model", &model, chooser: "type", "the learned model of the dynamics")
    }

    package func misfit(_ task: EnvironmentDescription) -> String? {
      guard case .box(let low, let high) = task.specification.actionSpace, (low + high).allSatisfy(\.isFinite) else {
        return "this agent needs vectors of actions within bounds; \(task.specification.id) has none"
      }
      return DynamicsModels.misfit(task)
    }

    package func check(_ task: EnvironmentDescription, _ fields: Fields) {
      model.settings.check(task, fields)
      if !model.settings.isDifferentiable {
        fields.fault("model.type", "no gradient passes through \"\(model.type)\"; use \"normalized-ensemble\"")
      }
      if policy.batchSize.multipliedReportingOverflow(by: statesEvery * retainedSupplies).partialValue > Int(Int32.max)
      {
        fields.fault("agent.retainedSupplies", "batch × statesEvery × supplies are more states than a ring can hold")
      }
    }

    package func warn(_ task: EnvironmentDescription, lanes: Int, steps: Int, _ fields: Fields) {
      policy.warn(fields)
      model.settings.warn(replayCapacity: replayCapacity, fields)
      learning(task.specification).warn(steps: steps, fields)
      if updatesPerStep == 0 { fields.warn("agent.updatesPerStep", "no policy will be learned") }
    }

    package func memory(_ task: EnvironmentDescription, lanes: Int, steps: Int) -> MemoryNeed {
      let learning = learning(task.specification)
      var need = learning.memory(task, steps: steps)
      need.add(policy.memory(task))
      need.add(
        model.settings.memory(
          task, transitions: learning.transitions(steps: steps),
          differentiatedRows: policy.batchSize * policy.horizon))
      need.add(
        "states: agent.batchSize × agent.statesEvery × agent.retainedSupplies", bytes: ringCapacity,
        task.specification.observationSpace.size, 4)
      need.add(
        "states once more while a checkpoint is written", bytes: ringCapacity,
        task.specification.observationSpace.size, 4)
      return need
    }

    /// Environment steps of an iteration.
    fileprivate func iteration(_ specification: EnvironmentSpecification) -> Int {
      fitEvery > 0 ? fitEvery : specification.stepLimit ?? 1000
    }

    fileprivate func learning(_ specification: EnvironmentSpecification) -> ModelLearner.Settings {
      let iteration = iteration(specification)
      return ModelLearner.Settings(
        initialRandomSteps: initialRandomSteps > 0
          ? initialRandomSteps : max(5, (999 + iteration) / iteration) * iteration,
        fitEvery: iteration,
        replayCapacity: replayCapacity)
    }

    /// What to try where the policy lives on its model's errors.
    package var adviceOnPromises: [String] {
      ModelLearner.Settings.moreFits(every: fitEvery)
        + (policy.horizon > 1 ? ["a shorter agent.horizon"] : []) + ["more networks (model.ensembleSize)"]
    }

    fileprivate var ringCapacity: Int { policy.batchSize * statesEvery * retainedSupplies }

    package func makeAgent(_ context: AgentContext) throws -> any Agent { DoubleHorizon(self, context) }
  }

  /// Where the learning at an iteration's end stands: it can be interrupted anywhere.
  private enum Phase: Int { case idle, fit, critics, policy }

  private let configuration: Configuration
  private let space: ActionSpace
  private let pool: ComputePool
  private let iteration: Int
  private let learner: ModelLearner
  private let dynamics: any DifferentiableDynamics
  private let horizon: DoubleHorizonLearner
  private let ring: StateRing
  private let supply: StateSupply
  private let acting: StandardizedPolicy
  private let start: RowBuffer
  private let noise, watching: RandomStream
  private let gap: ReturnGap
  private var criticWatch: CriticWatch
  private let rewardRange: ClosedRange<Double>
  private var random: RandomStream
  private var phase = Phase.idle
  /// Updates of the phase that are done.
  private var done = 0
  private var iterations = 0
  /// Updates of policy or critics, and supplies of states, ever.
  private var updates = 0
  private var supplies = 0

  package init(_ configuration: Configuration, _ context: AgentContext) {
    let specification = context.specification
    (self.configuration, space, pool) = (configuration, specification.actionSpace, context.pool)
    iteration = configuration.iteration(specification)
    learner = ModelLearner(
      configuration.learning(specification), configuration.model.settings, learnsModel: true, context)
    dynamics = learner.model!.differentiable!
    horizon = DoubleHorizonLearner(
      configuration.policy, dynamics, random: context.random.stream("network"), pool: context.pool)
    let size = specification.observationSpace.size
    ring = StateRing(capacity: configuration.ringCapacity, size: size)
    supply = StateSupply(rows: configuration.policy.batchSize, size: size, pool: context.pool)
    acting = StandardizedPolicy(horizon.policy, dynamics)
    start = RowBuffer(configuration.policy.batchSize, size)
    noise = context.random.stream("noise")
    watching = context.random.stream("watching")
    gap = ReturnGap(learner.model!, specification)
    criticWatch = CriticWatch(
      discount: configuration.policy.discount, remedies: ["fewer agent.updatesPerStep", "a smaller agent.learningRate"])
    rewardRange = specification.rewardRange
    random = context.random.stream("policy")
  }

  package var metricNames: [String] {
    DoubleHorizonLearner.metricNames + ModelLearner.metricNames + ReturnGap.metricNames
  }
  package var tables: [TableDeclaration] { learner.model!.tables }

  package func act(in situation: Situation, into actions: ActionRows) {
    pool.activity.set(learner.isFitted ? .none : .random)
    if learner.isFitted {
      acting.act(situation.observations, into: actions, isStochastic: true, &random)
    } else {
      actions.setUniform(&random)
    }
  }

  package func observe(_ steps: Transitions) {
    learner.observe(steps)
    criticWatch.see(steps)
  }

  package func learn(_ metrics: inout Metrics) throws {
    metrics.bufferSize = learner.replay.count
    if phase == .idle && learner.isDue { begin(.fit) }
    guard phase != .idle else { return }
    defer { pool.activity.set(.none) }
    if phase == .fit {
      // Once more where a fit was interrupted: to the same numbers, and an alarm is raised where somebody hears it.
      measureGap(&metrics)
      try learner.fit(&metrics)
      horizon.resetOptimizers()
      begin(.critics)
    }
    if phase == .critics {
      let count = Int(configuration.criticUpdates * Double(iteration))
      try update(count, newStatesEvery: max(count, 1), improvesPolicy: false, &metrics)
      begin(.policy)
    }
    if phase == .policy {
      let factor = iterations == 0 ? configuration.firstUpdates : 1
      let count = Int((configuration.updatesPerStep * factor * Double(iteration)).rounded())
      try update(count, newStatesEvery: configuration.statesEvery, improvesPolicy: true, &metrics)
      begin(.idle)
      iterations += 1
    }
    metrics.updates = updates
  }

  private func begin(_ phase: Phase) { (self.phase, done) = (phase, 0) }

  /// What the model of the last fit, through which the policy has learned, promises it.
  private func measureGap(_ metrics: inout Metrics) {
    guard learner.isFitted else { return }
    gap.measure(real: learner.replay, by: acting, random: watching.stream(UInt64(learner.steps)))?
      .record(in: &metrics, advice: configuration.adviceOnPromises)
  }

  /// Says what the last update of an iteration came to.
  private func record(_ report: DoubleHorizonLearner.Report, _ metrics: inout Metrics) {
    report.record(in: &metrics)
    let entropy = Double(report.temperature * abs(report.entropy))
    criticWatch.judge(Double(report.magnitude), bonus: entropy, declared: rewardRange, &metrics)
  }

  /// The updates of a phase that are left.
  private func update(
    _ count: Int, newStatesEvery: Int, improvesPolicy: Bool, _ metrics: inout Metrics
  ) throws {
    while done < count {
      try pool.checkInterruption()
      pool.activity.set(.updating, done, of: count)
      if done % newStatesEvery == 0 { supplyStates() }
      var random = noise.stream("updates").stream(UInt64(updates))
      ring.draw(into: start.rows, &random)
      var choosing = random.stream("critics")
      let pair = choosing.permutation(configuration.policy.critics).prefix(configuration.policy.targetCritics)
      let members = MemberDraw(dynamics.members, random.stream("members"))
      let report = try horizon.update(
        from: start.read, pair: pair.map(Int.init), members: members.fill, &random, improvesPolicy: improvesPolicy)
      if improvesPolicy && done == count - 1 { record(report, &metrics) }
      done += 1
      updates += 1
    }
  }

  /// Steps 3 and 4: rollouts until there are as many new states as a supply has.
  private func supplyStates() {
    var random = noise.stream("supplies").stream(UInt64(supplies))
    supplies += 1
    let wanted = configuration.policy.batchSize * configuration.statesEvery
    var added = 0
    while added < wanted {
      added += supply.run(
        configuration.stateHorizon, from: learner.replay, by: horizon.policy, in: dynamics, into: ring, &random)
    }
  }

  package func makePolicy(isStochastic: Bool, rows: Int, random: RandomStream) -> any Policy {
    EpisodePolicy(
      StandardizedPolicy(horizon.policy, dynamics), isStochastic: isStochastic, rows: rows, random: random)
  }

  package var facts: [(name: String, value: String)] {
    [
      ("transitions", String(learner.replay.count)), ("imagined states", String(ring.count)),
      ("updates", String(updates)), ("temperature", String(horizon.temperature.value)),
    ] + learner.model!.facts
  }
  package var model: (any DynamicsModel)? { learner.fittedModel }
  package var replay: Replay? { learner.replay }

  package func archive(_ archive: Archive) throws {
    var phase = self.phase.rawValue
    try archive.value("phase", &phase)
    self.phase = Phase(rawValue: phase) ?? .idle
    try archive.value("done", &done)
    try archive.value("iterations", &iterations)
    try archive.value("updates", &updates)
    try archive.value("supplies", &supplies)
    try archive.part("acting", &random)
    try horizon.archive(archive)
    try learner.archive(archive)
    try archive.part("states", ring)
    try archive.part("criticWatch", &criticWatch)
  }
}
