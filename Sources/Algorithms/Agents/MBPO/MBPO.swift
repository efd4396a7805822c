import Environments
import Support

/// Model-based policy optimisation (Janner et al. 2019, "When to trust your model: model-based policy optimization"):
/// soft actor-critic on rollouts that a learned ensemble imagines from real states.
///
/// 1. Act at random for the first steps, then by draws of the policy; keep every transition.
/// 2. Every `fitEvery` steps: fit the ensemble on all of them, with early stopping on held-out ones; not more often
///    than `mostFits` says, to see what a model is worth that nobody corrects.
/// 3. Then branch `rolloutStarts` rollouts off states that were really visited, of a length that grows on a schedule;
///    every row of every step is moved by an elite drawn for it.
/// 4. After every step: `updatesPerStep` updates of soft actor-critic on minibatches of which a share `realRatio` is
///    real, or all where nothing is imagined; with `valueExpansion` the critics' targets look through the model, too.
package final class MBPO: Agent {
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
  private let gap: ReturnGap
  private var acting, drawing, noise: RandomStream
  private let imagination, watching: RandomStream
  private let pool: ComputePool
  private var rounds = 0
  private var updates = 0
  private var round = UpdateRound()

  package init(_ configuration: Configuration, _ context: AgentContext) {
    (self.configuration, lanes, specification) = (configuration, context.lanes, context.specification)
    pool = context.pool
    learner = ModelLearner(configuration.learning, configuration.model.settings, learnsModel: true, context)
    let size = context.specification.observationSpace.size
    policy = SoftActorCritic(
      configuration.policy, observationSize: size, specification.actionSpace, legal: specification.legalActions,
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
    watching = context.random.stream("watching")
    gap = ReturnGap(learner.model!, specification)
  }

  package var metricNames: [String] {
    SoftActorCritic.metricNames + ModelLearner.metricNames + ["rollout_length", "imagined", "imagined_reward"]
      + ReturnGap.metricNames
      + (expansion == nil ? [] : ["model_use"])
  }
  package var tables: [TableDeclaration] { learner.model!.tables }

  package func act(in situation: Situation, into actions: ActionRows) {
    pool.activity.set(learner.isFitted ? .none : .random)
    if learner.isFitted {
      policy.policy.act(situation.observations, into: actions, isStochastic: true, &acting)
    } else {  // step 1
      actions.setUniform(specification.legalActions, at: situation.observations, &acting)
    }
  }

  package func observe(_ steps: Transitions) {
    learner.observe(steps)
    policy.see(steps)
  }

  package func learn(_ metrics: inout Metrics) throws {
    metrics.bufferSize = learner.replay.count
    if learner.isDue && !round.isUnderWay {
      measureGap(&metrics)
      try learner.fit(&metrics)  // step 2
      imagine(&metrics)  // step 3
    }
    guard learner.isFitted else { return }
    let count = configuration.updatesPerStep * lanes
    try round.run(count, pool) { index in  // step 4
      let batch = minibatch.draw(
        configuration.realRatio, from: learner.replay, rest: imagined, squashedTo: specification.actionSpace,
        &drawing)
      let report = try advised { try policy.update(on: batch, expandedBy: expansion, &noise, &drawing) }
      if index == count - 1 {
        report.record(in: &metrics)
        policy.watch(report, specification.rewardRange, &metrics)
      }
      updates += 1
    }
    if let expansion, count > 0 { metrics.record("model_use", expansion.modelUse) }
    metrics.updates = updates
  }

  /// What has run away may be the policy's own, or what it was made to imagine.
  private func advised<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as DivergedError where configuration.learnsFromModel {
      throw error.advising(
        "imagined states may have left all bounds: a shorter agent.rolloutLength, more agent.initialRandomSteps or a "
          + "smaller agent.learningRate may help")
    }
  }

  /// What the model of the last fit, which the policy has learned from since, promises it.
  private func measureGap(_ metrics: inout Metrics) {
    guard learner.isFitted else { return }
    gap.measure(real: learner.replay, by: policy.policy, random: watching.stream(UInt64(learner.steps)))?
      .record(in: &metrics, advice: configuration.learnsFromModel ? configuration.adviceOnPromises : nil)
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
    try archive.part("round", &round)
    try archive.part("acting", &acting)
    try archive.part("drawing", &drawing)
    try archive.part("noise", &noise)
    try policy.archive(archive)
    try learner.archive(archive)
    if archive.omits(.imagination) { return }
    try archive.part("imagined", imagined)
    if let judge { try archive.part("judge", judge) }
  }
}
