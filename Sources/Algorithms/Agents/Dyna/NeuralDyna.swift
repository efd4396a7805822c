import Environments
import Neural
import Support

/// Dyna with networks: a Q-network for vector observations and discrete actions, trained on real and on imagined
/// transitions (Sutton 1990; van Hasselt, Guez & Silver 2016 for Double DQN); without imagination DQN (Mnih et al.
/// 2015).
///
/// 1. Act at random for the first steps, then ε-greedily; keep every transition in D.
/// 2. Model learning: fit the ensemble on D every `fitEvery` steps.
/// 3. Direct RL: `updatesPerStep` updates on minibatches of D, drawn uniformly or by their last errors, with returns of
///    one reward or of several.
/// 4. Planning: carry K = `planningSteps` minibatches of imagined rollouts one step on, and update on each of them. A
///    rollout begins at a state of D with any action, follows the present policy, and ends with the task or after H =
///    `imaginationLength` steps; the model says what follows.
/// 5. The target network takes on a share of the online one after every update, real or imagined, or all of it every
///    `targetEvery` steps. Where it moves slowly it acts: its values are an average over the last updates.
///
/// K = 0 needs no model: the model-free baseline. H = 1 imagines single steps from visited states, as the tabular
/// algorithm does. Longer rollouts pay where the policy has left the states of D, most of which older policies saw: the
/// network's values there are guesses, and a greedy policy goes where guesses are too high.
package final class NeuralDyna: Agent {
  private let configuration: Configuration
  private let settings: QLearningSettings
  private let pool: ComputePool
  private let learner: ModelLearner
  private let network: QNetwork
  private let legal: LegalActions?
  private let minibatch: Minibatch
  /// nil without planning.
  private let rollouts: PolicyRollouts?
  /// nil without a model.
  private let gap: ReturnGap?
  private var criticWatch: CriticWatch
  private let rewardRange: ClosedRange<Double>
  private var exploring: RandomStream
  private var drawing: RandomStream
  private let watching: RandomStream
  private var updates = 0
  private var round = UpdateRound()

  /// An agent for vector observations and discrete actions.
  package init(_ configuration: Configuration, _ context: AgentContext) {
    let specification = context.specification
    self.configuration = configuration
    settings = configuration.values
    legal = specification.legalActions
    learner = ModelLearner(
      configuration.learning, configuration.model.settings, learnsModel: configuration.planningSteps > 0,
      isPrioritised: settings.isPrioritised, context)
    network = QNetwork(
      settings, size: specification.observationSpace.size, actions: specification.actionSpace.columns,
      legal: specification.legalActions, random: context.random.stream("network"), pool: context.pool)
    minibatch = Minibatch(
      settings.batchSize, of: learner.replay, steps: settings.nStepReturns, discount: settings.discount)
    rollouts = learner.model.map { model in
      PolicyRollouts(
        model, specification, batches: configuration.planningSteps, batchSize: configuration.values.batchSize,
        length: configuration.imaginationLength, exploration: configuration.imaginedExploration,
        random: context.random.stream("imagination"))
    }
    gap = learner.model.map { ReturnGap($0, specification) }
    criticWatch = CriticWatch(
      discount: settings.discount, stepLimit: specification.stepLimit, remedies: settings.remediesOfRunningAway)
    rewardRange = specification.rewardRange
    pool = context.pool
    exploring = context.random.stream("policy")
    drawing = context.random.stream("replay")
    watching = context.random.stream("watching")
  }

  package var metricNames: [String] {
    ["epsilon", "q_loss", "q_value", CriticWatch.metricName] + (settings.isPrioritised ? ["importance"] : [])
      + (configuration.imagines ? ["imagined_loss"] + ModelLearner.metricNames + ReturnGap.metricNames : [])
  }
  package var tables: [TableDeclaration] { learner.model?.tables ?? [] }

  private var exploration: Double { configuration.exploration.value(at: learner.steps) }

  package func act(in situation: Situation, into actions: ActionRows) {
    pool.activity.set(learner.steps < configuration.learning.initialRandomSteps ? .random : .none)
    for row in 0..<situation.count {
      let isRandom = learner.steps < configuration.learning.initialRandomSteps || exploring.uniform() < exploration
      if isRandom {  // step 1
        actions.setUniform(row, legal, at: situation.observations, &exploring)
      } else {
        network.greedyActions(situation.observations.row(row), into: actions.row(row))
      }
    }
  }

  package func observe(_ steps: Transitions) {
    learner.observe(steps)
    criticWatch.see(steps)
  }

  package func learn(_ metrics: inout Metrics) throws {
    metrics.bufferSize = learner.replay.count
    metrics.record("epsilon", exploration)
    guard learner.steps >= configuration.learning.initialRandomSteps else { return }
    if !round.isUnderWay {
      // Step 2 comes first, so that nothing is done twice where a fit is interrupted and this is called again.
      if learner.isDue {
        measureGap(&metrics)
        try learner.fit(&metrics)
        if settings.standardizesObservations { network.standardize(by: learner.replay) }
      }
      if learner.isDue(every: settings.targetEvery) { network.moveTarget() }  // step 5
    }
    let span = learner.span(every: settings.updateEvery)
    guard !span.isEmpty else { return }
    try round.run(span.count, pool) { try improve(span.lowerBound + $0, &metrics) }
    metrics.updates = updates
  }

  /// The updates of one environment step, the one that follows `step` others.
  private func improve(_ step: Int, _ metrics: inout Metrics) throws {
    let realUpdates = configuration.updates(until: step + 1) - configuration.updates(until: step)
    for _ in 0..<realUpdates { try learnFromExperience(&metrics) }
    if let rollouts {  // step 4
      rollouts.advance(from: learner.replay, by: network)
      for batch in 0..<rollouts.batches {
        metrics.record("imagined_loss", try update(on: rollouts.transitions(batch)).loss)
      }
    }
    updates += realUpdates + configuration.planningSteps
  }

  /// One update of step 3.
  private func learnFromExperience(_ metrics: inout Metrics) throws {
    let batch: TransitionBatch
    if settings.isPrioritised {
      let importance = settings.importance.value(at: learner.steps)
      batch = minibatch.draw(byPriorityFrom: learner.replay, importance: importance, &drawing)
      metrics.record("importance", importance)
    } else {
      batch = minibatch.draw(from: learner.replay, &drawing)
    }
    let result = try update(on: batch)
    if settings.isPrioritised {
      minibatch.prioritize(in: learner.replay, by: network.errors, exponent: settings.priorityExponent)
    }
    metrics.record("q_loss", result.loss)
    metrics.record("q_value", result.value)
    metrics.record(CriticWatch.metricName, result.magnitude)
    criticWatch.judge(result.magnitude, declared: rewardRange, &metrics)
  }

  /// What the model of the last fit promises the present policy.
  private func measureGap(_ metrics: inout Metrics) {
    guard let gap, learner.isFitted else { return }
    let policy = QPolicy(network, exploration: exploration, legal: legal)
    gap.measure(real: learner.replay, by: policy, random: watching.stream(UInt64(learner.steps)))?
      .record(in: &metrics, advice: configuration.adviceOnPromises)
  }

  private func update(on batch: TransitionBatch) throws -> (loss: Double, value: Double, magnitude: Double) {
    do {
      let result = try network.update(on: batch)
      if settings.targetEvery == 0 { network.moveTarget() }  // step 5
      return result
    } catch let error as DivergedError {
      throw error.advising(
        rollouts == nil
          ? "a smaller agent.learningRate may help"
          : "imagined states may have left all bounds: a shorter agent.imaginationLength, more "
            + "agent.initialRandomSteps or a smaller agent.learningRate may help")
    }
  }

  package func makePolicy(isStochastic: Bool, rows: Int, random: RandomStream) -> any Policy {
    EpisodePolicy(
      QPolicy(network, exploration: exploration, legal: legal), isStochastic: isStochastic, rows: rows, random: random)
  }

  package var facts: [(name: String, value: String)] {
    [("transitions", String(learner.replay.count)), ("q parameters", String(network.parameterCount))]
      + (learner.model?.facts ?? [])
  }

  package var model: (any DynamicsModel)? { learner.fittedModel }
  package var replay: Replay? { learner.replay }

  package func archive(_ archive: Archive) throws {
    try archive.value("updates", &updates)
    try archive.part("round", &round)
    try archive.part("exploring", &exploring)
    try archive.part("drawing", &drawing)
    try network.archive(archive)
    try learner.archive(archive)
    try archive.part("criticWatch", &criticWatch)
    if let rollouts { try archive.part("rollouts", rollouts) }
  }
}
