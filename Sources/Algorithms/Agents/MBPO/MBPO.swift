import Environments
import Support

/// Model-based policy optimisation (Janner et al. 2019, "When to trust your model: model-based policy optimization"):
/// soft actor-critic on rollouts that a learned ensemble imagines from real states.
///
/// 1. Act at random for the first steps, then by draws of the policy; keep every transition.
/// 2. Every `fitEvery` steps: fit the ensemble on all of them, with early stopping on held-out ones.
/// 3. Then branch `rolloutStarts` rollouts off states that were really visited, of a length that grows on a schedule;
///    every row of every step is moved by an elite drawn for it.
/// 4. After every step: `updatesPerStep` updates of soft actor-critic on minibatches of which a share `realRatio` is
///    real, or all where nothing is imagined; with `valueExpansion` the critics' targets look through the model, too.
package final class MBPO: Agent {
  package struct Configuration: AgentConfiguration {
    package var learning = ModelLearner.Settings(
      initialRandomSteps: 5000, fitEvery: 250, replayCapacity: 1_000_000)
    /// Rollouts of one round (step 3).
    package var rolloutStarts = 100_000
    package var rolloutLength = RolloutLength()
    /// Rounds of rollouts that the buffer holds.
    package var retainedRounds = 4
    package var realRatio = 0.05
    package var trust = RolloutTrust()
    package var updatesPerStep = 20
    package var valueExpansion = ValueExpansion.Settings()
    package var policy = SoftActorCriticSettings()
    /// The section `model`.
    package var model = Variant<DynamicsModels>("ensemble", Configuration.authorsEnsemble)

    private static var authorsEnsemble: EnsembleDynamics.Configuration {
      var model = EnsembleDynamics.Configuration()
      (model.ensembleSize, model.elites, model.hiddenSizes) = (7, 5, [200, 200, 200, 200])
      model.weightDecay = [5e-5]
      (model.batchSize, model.epochs, model.holdout) = (256, 1000, 0.2)
      model.reward = .learned
      return model
    }

    package init() {}

    package mutating func declare(_ fields: Fields) {
      learning.declare(fields)
      fields.integer(
        "rolloutStarts", &rolloutStarts, in: 0...10_000_000, "imagined rollouts after every fit; 0: only real data")
      fields.section("rolloutLength", &rolloutLength, "imagined steps of a rollout in the course of the run")
      fields.integer("retainedRounds", &retainedRounds, in: 1...10_000, "rounds of rollouts that are learned from")
      fields.section("trust", &trust, "what of the imagined is believed where the model's members disagree")
      fields.number("realRatio", &realRatio, in: 0...1, "share of real transitions in every minibatch")
      fields.integer("updatesPerStep", &updatesPerStep, in: 0...1000, "updates of the policy per environment step")
      policy.declare(fields)
      fields.section(
        "valueExpansion", &valueExpansion, chooser: "type", "imagined steps in the critics' targets (MVE, STEVE)")
    }

    package mutating func declareSections(_ experiment: Fields) {
      experiment.section("model", &model, chooser: "type", "the learned model of the dynamics")
    }

    package func misfit(_ task: EnvironmentDescription) -> String? { policy.misfit(task) }

    package func check(_ task: EnvironmentDescription, _ fields: Fields) {
      model.settings.check(task, fields)
      let (rows, overflow) = (rolloutStarts * retainedRounds).multipliedReportingOverflow(by: rolloutLength.longest)
      if trust.asksMembers && !model.settings.hasDisagreement {
        fields.fault(
          "agent.trust", "one network has nobody to disagree with; set agent.trust.penalty and cut to \"none\"")
      }
      if trust.needsVariance && !model.settings.hasVariance {
        fields.fault(
          "agent.trust",
          "a model without variance has no bits to lose; set agent.trust.draw to \"member\" and cut to "
            + "another than \"information\", or model.kind to \"probabilistic\"")
      }
      valueExpansion.check(
        members: model.settings.hasDisagreement, critics: policy.criticSettings.count, fields)
      if overflow || rows > Int(Int32.max) {
        fields.fault("agent.rolloutStarts", "rollouts × length × rounds retained are more rows than a buffer can hold")
      }
    }

    package func warn(_ task: EnvironmentDescription, lanes: Int, steps: Int, _ fields: Fields) {
      policy.warn(replayCapacity: learning.replayCapacity, fields)
      valueExpansion.warn(fields)
      trust.warn(fields)
      if rolloutStarts == 0 {
        for name in ["rolloutLength", "retainedRounds", "realRatio", "trust"] {
          fields.unused("agent.\(name)", because: "with agent.rolloutStarts 0 nothing is imagined to learn from")
        }
      }
      if rolloutLength.first == rolloutLength.last {
        for name in ["from", "to"] {
          fields.unused("agent.rolloutLength.\(name)", because: "the length stays the same")
        }
      }
      model.settings.warn(replayCapacity: learning.replayCapacity, fields)
      if updatesPerStep == 0 { fields.warn("agent.updatesPerStep", "no policy will be learned") }
      learning.warn(steps: steps, fields)
    }

    package func memory(_ task: EnvironmentDescription, lanes: Int, steps: Int) -> MemoryNeed {
      let (size, actions) = (task.specification.observationSpace.size, task.specification.actionSpace.columns)
      let columns = 2 * size + actions + (trust.weight == .none ? 4 : 5)
      var need = learning.memory(task, steps: steps)
      need.add(policy.memory(task))
      need.add(
        model.settings.memory(task, transitions: learning.transitions(steps: steps), differentiatedRows: 0))
      need.add(
        "imagined transitions: agent.rolloutStarts \(rolloutStarts) × agent.retainedRounds \(retainedRounds) × "
          + "agent.rolloutLength \(rolloutLength.longest)",
        bytes: rolloutStarts, retainedRounds, rolloutLength.longest, columns, 4)
      need.add(
        "imagined transitions once more while a checkpoint is written", bytes: rolloutStarts, retainedRounds,
        rolloutLength.longest, columns, 4)
      need.add(valueExpansion.memory(policy, model.settings, task))
      return need
    }

    package func makeAgent(_ context: AgentContext) throws -> any Agent { MBPO(self, context) }
  }

  private let configuration: Configuration
  private let lanes: Int
  private let specification: EnvironmentSpecification
  private let learner: ModelLearner
  private let policy: SoftActorCritic
  private let rollouts: BranchedRollouts
  /// nil where all of the imagined is believed.
  private let judge: RolloutJudge?
  /// nil where targets are of one step.
  private let expansion: ValueExpansion?
  /// Imagined transitions.
  private let imagined: Replay
  private let minibatch: Minibatch
  private var acting, drawing, noise: RandomStream
  private let imagination: RandomStream
  private let activity: Activity
  private var rounds = 0
  private var updates = 0

  package init(_ configuration: Configuration, _ context: AgentContext) {
    (self.configuration, lanes, specification) = (configuration, context.lanes, context.specification)
    activity = context.pool.activity
    learner = ModelLearner(configuration.learning, configuration.model.settings, learnsModel: true, context)
    let size = context.specification.observationSpace.size
    policy = SoftActorCritic(
      configuration.policy, observationSize: size, specification.actionSpace,
      random: context.random.stream("network"), pool: context.pool)
    judge = configuration.trust.asksMembers ? RolloutJudge(configuration.trust, observationSize: size) : nil
    expansion =
      configuration.valueExpansion.kind == .none
      ? nil
      : ValueExpansion(
        configuration.valueExpansion, learner.model!, specification, batchSize: configuration.policy.batchSize,
        critics: configuration.policy.criticSettings.count)
    let isWeighted = configuration.trust.weight != .none
    imagined = Replay(
      observationSize: size, actionColumns: specification.actionSpace.columns,
      extra: isWeighted ? [ReplayColumn("weight", 1)] : [],
      capacity: configuration.rolloutStarts * configuration.retainedRounds * configuration.rolloutLength.first,
      layout: .loose, storage: .copied)
    let weight = isWeighted ? imagined.column("weight") : nil
    rollouts = BranchedRollouts(learner.model!, specification, judge: judge, weight: weight)
    minibatch = Minibatch(configuration.policy.batchSize, of: learner.replay, weight: weight)
    acting = context.random.stream("policy")
    drawing = context.random.stream("replay")
    noise = context.random.stream("noise")
    imagination = context.random.stream("imagination")
  }

  package var metricNames: [String] {
    SoftActorCritic.metricNames + ModelLearner.metricNames + ["rollout_length", "imagined", "imagined_reward"]
      + (expansion == nil ? [] : ["model_use"])
  }
  package var tables: [TableDeclaration] { learner.model!.tables }

  package func act(in situation: Situation, into actions: ActionRows) {
    activity.set(learner.isFitted ? .none : .random)
    if learner.isFitted {
      policy.policy.act(situation.observations, into: actions, isStochastic: true, &acting)
    } else {  // step 1
      actions.setUniform(&acting)
    }
  }

  package func observe(_ steps: Transitions) { learner.observe(steps) }

  package func learn(_ metrics: inout Metrics) throws {
    metrics.bufferSize = learner.replay.count
    if learner.isDue {
      try learner.fit(&metrics)  // step 2
      imagine(&metrics)  // step 3
    }
    guard learner.isFitted else { return }
    let count = configuration.updatesPerStep * lanes
    for index in 0..<count {  // step 4
      let batch = minibatch.draw(
        configuration.realRatio, from: learner.replay, rest: imagined, squashedTo: specification.actionSpace,
        &drawing)
      let report = try policy.update(on: batch, expandedBy: expansion, &noise, &drawing)
      if index == count - 1 { report.record(in: &metrics) }
    }
    if let expansion, count > 0 { metrics.record("model_use", expansion.modelUse) }
    updates += count
    metrics.updates = updates
  }

  private func imagine(_ metrics: inout Metrics) {
    guard configuration.rolloutStarts > 0 else { return }
    let length = configuration.rolloutLength.value(at: learner.steps)
    imagined.resize(configuration.rolloutStarts * configuration.retainedRounds * length)
    if configuration.trust.surveysReal { rollouts.survey(learner.replay) }
    let report = rollouts.run(
      starts: configuration.rolloutStarts, length: length, from: learner.replay, by: policy.policy, into: imagined,
      random: imagination.stream(UInt64(rounds)))
    rounds += 1
    metrics.record("rollout_length", Double(length))
    metrics.record("imagined", Double(imagined.count))
    metrics.record("imagined_reward", report.reward)
  }

  package func makePolicy(isStochastic: Bool, rows: Int, random: RandomStream) -> any Policy {
    EpisodePolicy(policy.policy, isStochastic: isStochastic, rows: rows, random: random)
  }

  package var facts: [(name: String, value: String)] {
    [
      ("transitions", String(learner.replay.count)), ("imagined", String(imagined.count)),
      ("updates", String(updates)), ("temperature", String(policy.temperature.value)),
    ] + learner.model!.facts
  }
  package var model: (any DynamicsModel)? { learner.fittedModel }
  package var replay: Replay? { learner.replay }

  package func archive(_ archive: Archive) throws {
    try archive.value("rounds", &rounds)
    try archive.value("updates", &updates)
    try archive.part("acting", &acting)
    try archive.part("drawing", &drawing)
    try archive.part("noise", &noise)
    try policy.archive(archive)
    try learner.archive(archive)
    try archive.part("imagined", imagined)
    if let judge { try archive.part("judge", judge) }
  }
}
