import Environments
import Neural
import Support

/// DreamerV3: a policy learned in the dreams of a recurrent world model (Hafner, Pasukonis, Ba & Lillicrap 2023, 2025).
///
/// 1. Filter: h from the last h, z and action; z drawn from the posterior q(z | h, what is seen). Act by a draw of the
///    policy at [h, z]; keep every step with its latent state.
/// 2. As often as the train ratio says, take sequences of what is kept, the newest first:
///    a. filter them from the latent state before their first step, and hold observation, reward and continuation that
///       the model predicts from [h, z] to what happened, posterior and prior to each other;
///    b. from every state dream H steps by prior and policy;
///    c. λ-returns of dreams and of what happened; the policy climbs the dreams' by REINFORCE, divided by their range,
///       with a bonus for entropy; the critic learns both as weights of bins, and stays near its slow copy;
///    d. one LaProp step on all of it, and the slow copy follows.
///    With curiosity a second policy learns in dreams of its own, from what an ensemble disagrees about, and acts in 1.
/// 3. The states of step 2a go back to where the sequences are kept.
package final class Dreamer: Agent {
  private let configuration: Configuration
  private let lanes: Int
  private let space: ActionSpace
  private let pool: ComputePool
  package let learner: DreamerLearner
  package let sequences: SequenceReplay
  private let actor: RecurrentActor
  private var acting, drawing, dreaming: RandomStream
  /// Environment steps of all lanes, and updates.
  private var steps = 0
  private var updates = 0
  /// Where the present count of updates began: at the first step that had a sequence to learn from.
  private var firstStep = 0
  private var firstUpdate = 0

  package init(_ configuration: Configuration, _ context: AgentContext) {
    let specification = context.specification
    self.configuration = configuration
    (lanes, space, pool) = (context.lanes, specification.actionSpace, context.pool)
    let (learning, count) = (configuration.learning, configuration.batchSize)
    learner = DreamerLearner(
      learning, DreamerObservation(specification.observationSpace), actions: space.columns,
      isDiscrete: space.isDiscrete, length: configuration.sequenceLength, count: count,
      random: context.random.stream("network"), pool: context.pool)
    sequences = SequenceReplay(
      of: specification, sizes: learning.model.sizes, lanes: lanes, capacity: configuration.replayCapacity,
      batch: count)
    actor = RecurrentActor(
      learner.model, learner.explorer?.behaviour.actor ?? learner.task.actor, space, rows: lanes)
    acting = context.random.stream("policy")
    drawing = context.random.stream("replay")
    dreaming = context.random.stream("noise")
  }

  package var metricNames: [String] {
    DreamerLearner.Report.names + (learner.explorer == nil ? [] : DreamerExplorer.Report.names) + ["replay_ratio"]
  }

  package func act(in situation: Situation, into actions: ActionRows) {  // step 1
    actor.draw(0..<lanes, &acting)
    actor.act(in: situation, into: actions, isStochastic: true)
  }

  package func observe(_ steps: Transitions) {
    sequences.append(steps, h: actor.h.read, z: actor.z.read)
    self.steps += steps.count
  }

  package func learn(_ metrics: inout Metrics) throws {
    metrics.bufferSize = sequences.replay.count
    if steps < configuration.firstLearningStep { (firstStep, firstUpdate) = (steps, updates) }
    while updates - firstUpdate < configuration.updates(in: steps - firstStep) {  // step 2
      try pool.checkInterruption()
      guard sequences.fill(learner.batch, &drawing) else {
        // What could not be learned from is not made up for.
        (firstStep, firstUpdate) = (steps, updates)
        return
      }
      learner.draw(&dreaming)
      let report = try learner.update()
      sequences.refresh(learner.states, length: configuration.sequenceLength)  // step 3
      updates += 1
      report.record(in: &metrics)
    }
    metrics.updates = updates
    metrics.record("replay_ratio", Double(updates * configuration.stepsPerUpdate) / Double(max(1, steps)))
  }

  package func makePolicy(isStochastic: Bool, rows: Int, random: RandomStream) -> any Policy {
    DreamerPolicy(
      RecurrentActor(learner.model, learner.task.actor, space, rows: rows), isStochastic: isStochastic, rows: rows,
      random: random)
  }

  package var facts: [(name: String, value: String)] {
    [
      ("parameters", String(learner.parameterCount)), ("transitions", String(sequences.replay.count)),
      ("updates", String(updates)),
    ]
  }
  package var openLoopModel: (any OpenLoopModel)? { DreamerOpenLoop(learner.model, space) }
  package var replay: Replay? { sequences.replay }

  package func archive(_ archive: Archive) throws {
    try archive.value("steps", &steps)
    try archive.value("updates", &updates)
    try archive.value("firstStep", &firstStep)
    try archive.value("firstUpdate", &firstUpdate)
    try archive.part("acting", &acting)
    try archive.part("drawing", &drawing)
    try archive.part("dreaming", &dreaming)
    try archive.part("actor", actor)
    try learner.archive(archive)
    try archive.part("replay", sequences)
  }
}

extension DreamerLearner.Report {
  /// Columns of progress.csv.
  static let names = [
    "model_loss", "reconstruction_loss", "reward_loss", "reward_error", "continuation_loss", "dynamics_loss",
    "representation_loss",
    "policy_loss", "value_loss", "replay_value_loss", "kl", "posterior_entropy", "prior_entropy", "gradient_norm",
    "imagined_return", "normalized_return", "imagined_reward", "imagined_value", "advantage", "action_entropy",
  ]

  /// Under those names.
  func record(in metrics: inout Metrics) {
    metrics.record("model_loss", total - policy - value)
    metrics.record("reconstruction_loss", reconstruction)
    metrics.record("reward_loss", reward)
    metrics.record("reward_error", rewardError)
    metrics.record("continuation_loss", continuation)
    metrics.record("dynamics_loss", dynamics)
    metrics.record("representation_loss", representation)
    metrics.record("policy_loss", policy)
    metrics.record("value_loss", value)
    metrics.record("replay_value_loss", replayValue)
    metrics.record("kl", kl)
    metrics.record("posterior_entropy", posteriorEntropy)
    metrics.record("prior_entropy", priorEntropy)
    metrics.record("gradient_norm", gradientNorm)
    metrics.record("imagined_return", imaginedReturn)
    metrics.record("normalized_return", normalizedReturn)
    metrics.record("imagined_reward", imaginedReward)
    metrics.record("imagined_value", imaginedValue)
    metrics.record("advantage", advantage)
    metrics.record("action_entropy", actionEntropy)
    exploration?.record(in: &metrics)
  }
}

extension DreamerExplorer.Report {
  /// Columns of progress.csv.
  static let names = [
    "disagreement_loss", "disagreement", "exploration_policy_loss", "exploration_value_loss", "exploration_return",
    "exploration_entropy",
  ]

  /// Under those names.
  func record(in metrics: inout Metrics) {
    metrics.record("disagreement_loss", loss)
    metrics.record("disagreement", bonus)
    metrics.record("exploration_policy_loss", behaviour.policy)
    metrics.record("exploration_value_loss", behaviour.value)
    metrics.record("exploration_return", imaginedReturn)
    metrics.record("exploration_entropy", behaviour.entropy)
  }
}
