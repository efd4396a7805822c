import Environments
import Neural
import Support

/// Proximal policy optimisation with clipped ratios (Schulman et al. 2017), for vectors of actions and discrete ones.
///
/// 1. Act by draws of the policy for T steps in N environments, which go on where they stand; keep what was seen, drawn
///    and paid, and log π of the draws. Observations and rewards are normalised by what was seen so far, on wish.
/// 2. Advantages by GAE. A cut episode is worth the value of its last observation, before the reset.
/// 3. Some epochs of minibatches in random order: one Adam step each on the clipped objective, values included.
package final class PPO: Agent {
  package struct Configuration: AgentConfiguration {
    package var learning = ProximalSettings()
    package init() {}
    package mutating func declare(_ fields: Fields) { learning.declare(fields) }
    package func misfit(_ task: EnvironmentDescription) -> String? { learning.misfit(task) }
    package func check(_ task: EnvironmentDescription, _ fields: Fields) {
      learning.network.convolutions.check(task, fields)
    }
    package func warn(_ task: EnvironmentDescription, lanes: Int, steps: Int, _ fields: Fields) {
      learning.warn(task, lanes: lanes, steps: steps, fields)
    }
    package func memory(_ task: EnvironmentDescription, lanes: Int, steps: Int) -> MemoryNeed {
      learning.memory(task, lanes: lanes)
    }
    package func makeAgent(_ context: AgentContext) throws -> any Agent { PPO(self, context) }
  }

  private let settings: ProximalSettings
  private let space: ActionSpace
  package let learner: ProximalLearner
  package let rollout: Rollout
  /// nil where they are left as they are.
  package private(set) var observationNormalizer: ObservationNormalizer?
  package private(set) var rewardNormalizer: RewardNormalizer?
  /// Of state-dependent exploration, a row for every lane; nil without it.
  private let exploration: RowBuffer?
  private var acting: RandomStream
  /// Environment steps of all lanes.
  private var steps = 0
  /// Of the step that is observed: rewards, and values of what follows.
  private var rewards: [Double]
  private let nextValues: RowBuffer
  /// Observations [lanes, observation size] on their way to the networks.
  private let seen: RowBuffer

  /// An agent for observations that are vectors or pictures.
  package init(_ configuration: Configuration, _ context: AgentContext) {
    let (specification, lanes) = (context.specification, context.lanes)
    let size = specification.observationSpace.size
    (settings, space) = (configuration.learning, specification.actionSpace)
    learner = ProximalLearner(
      settings, specification.observationSpace, space, legal: specification.legalActions,
      random: context.random.stream("network"), pool: context.pool)
    rollout = Rollout(
      length: settings.rolloutLength, lanes: lanes, observations: specification.observationSpace,
      actionColumns: space.columns)
    if settings.normalizesObservations && !specification.observationSpace.isImage {
      observationNormalizer = ObservationNormalizer(
        columns: size, keeping: specification.legalActions?.columns, limit: settings.observationLimit)
    }
    if settings.normalizesRewards {
      rewardNormalizer = RewardNormalizer(lanes: lanes, discount: settings.discount, limit: settings.rewardLimit)
    }
    let explorationSize = learner.network.explorationSize
    exploration = explorationSize > 0 ? RowBuffer(lanes, explorationSize) : nil
    acting = context.random.stream("policy")
    rewards = [Double](repeating: 0, count: lanes)
    (nextValues, seen) = (RowBuffer(lanes, 1), RowBuffer(lanes, size))
  }

  package var metricNames: [String] {
    [
      "policy_loss", "value_loss", "entropy", "approximate_kl", "clip_fraction", "explained_variance", "learning_rate",
    ]
  }

  package func act(in situation: Situation, into actions: ActionRows) {  // step 1
    for lane in 0..<situation.count where situation.isFirst[lane] {
      rewardNormalizer?.end(lane)
      if rollout.isGoingOn(lane) { cut(lane) }
    }
    observationNormalizer?.update(situation.observations)
    let observations = normalized(situation.observations)
    rollout.observations.set(from: rollout.present.lowerBound, observations)
    let drawn = rollout.actions.rows.slice(rollout.present)
    if let exploration, explorationIsDue { acting.fillNormal(exploration.memory) }
    learner.network.draw(
      observations, into: ActionRows(drawn, space), isStochastic: true, exploration: exploration?.read,
      logProbabilities: rollout.logProbabilities.rows.slice(rollout.present), &acting)
    actions.rows.copy(Rows(drawn))
    space.clip(actions.rows)
  }

  private var explorationIsDue: Bool {
    rollout.count == 0 || (settings.explorationEvery > 0 && rollout.count % settings.explorationEvery == 0)
  }

  package func observe(_ steps: Transitions) {
    for lane in 0..<steps.count { rewards[lane] = steps.outcomes[lane].reward }
    rewardNormalizer?.normalize(&rewards)
    let t = rollout.count
    var needsValues = t == rollout.length - 1
    for (lane, outcome) in steps.outcomes.enumerated() {
      let isCut = outcome.isTruncated && !outcome.isTerminated
      rollout.rewards.rows[t, lane] = Float(rewards[lane])
      rollout.terminated.rows[t, lane] = outcome.isTerminated ? 1 : 0
      rollout.truncated.rows[t, lane] = isCut ? 1 : 0
      needsValues = needsValues || isCut
    }
    if needsValues {
      learner.network.evaluate(normalized(steps.next), into: nextValues.memory)
      rollout.finalValues.rows.row(t).copy(Rows(nextValues.rows.base, 1, steps.count))
      rollout.lastValues.rows.copy(Rows(nextValues.rows.base, 1, steps.count))
    }
    rollout.advance()
    self.steps += steps.count
  }

  /// The lane's episode was lost where a run was resumed: as if it had been cut, with the last value that is known.
  private func cut(_ lane: Int) {
    let t = rollout.count - 1
    let row = t * rollout.lanes + lane
    learner.network.evaluate(
      rollout.observations, row..<row + 1, into: .init(rebasing: nextValues.memory[lane..<lane + 1]))
    rollout.truncated.rows[t, lane] = 1
    rollout.finalValues.rows[t, lane] = nextValues.rows[lane, 0]
  }

  /// Observations as the networks see them, until the next call.
  private func normalized(_ observations: Rows) -> Rows {
    guard let observationNormalizer else { return observations }
    observationNormalizer.normalize(observations, into: seen.rows)
    return seen.read
  }

  package func learn(_ metrics: inout Metrics) throws {
    guard rollout.isFull else { return }
    let report = try learner.update(on: rollout, at: steps)  // steps 2 and 3
    report.record(in: &metrics)
    if let share = rollout.explainedVariance { metrics.record("explained_variance", share) }
    metrics.record("learning_rate", settings.learningRate.value(at: steps))
    metrics.updates = learner.updates
    rollout.clear()
  }

  package func makePolicy(isStochastic: Bool, rows: Int, random: RandomStream) -> any Policy {
    EpisodePolicy(
      FrozenPolicy(learner.network, observationNormalizer), isStochastic: isStochastic, rows: rows, random: random)
  }

  package var facts: [(name: String, value: String)] {
    [("updates", String(learner.updates)), ("parameters", String(learner.network.parameterCount))]
  }

  package func archive(_ archive: Archive) throws {
    try archive.value("steps", &steps)
    try archive.part("acting", &acting)
    try learner.archive(archive)
    try archive.part("rollout", rollout)
    if let exploration { try archive.part("exploration", exploration) }
    if observationNormalizer != nil { try archive.part("observationNormalizer", &observationNormalizer!) }
    if rewardNormalizer != nil { try archive.part("rewardNormalizer", &rewardNormalizer!) }
  }
}

extension ProximalLearner.Report {
  /// Under the names of the agent's columns.
  fileprivate func record(in metrics: inout Metrics) {
    metrics.record("policy_loss", policyLoss)
    metrics.record("value_loss", valueLoss)
    metrics.record("entropy", entropy)
    metrics.record("approximate_kl", divergence)
    metrics.record("clip_fraction", clipFraction)
  }
}

/// A policy behind statistics of observations that stay as they are.
private final class FrozenPolicy: RowPolicy {
  private let network: ActorCriticNetwork
  private let normalizer: ObservationNormalizer?
  private var normalized = RowBuffer(1, 1)

  init(_ network: ActorCriticNetwork, _ normalizer: ObservationNormalizer?) {
    (self.network, self.normalizer) = (network, normalizer)
  }

  func act(_ observations: Rows, into actions: ActionRows, isStochastic: Bool, _ random: inout RandomStream) {
    var seen = observations
    if let normalizer {
      let (count, columns) = (observations.count, observations.columns)
      if normalized.rows.count < count || normalized.rows.columns != columns { normalized = RowBuffer(count, columns) }
      normalizer.normalize(observations, into: normalized.rows)
      seen = normalized.read.slice(0..<count)
    }
    network.draw(seen, into: actions, isStochastic: isStochastic, &random)
    actions.space.clip(actions.rows)
  }
}
