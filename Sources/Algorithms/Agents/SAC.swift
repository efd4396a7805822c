import Environments
import Support

/// Soft actor-critic on real transitions (Haarnoja et al. 2018b; Christodoulou 2019 for discrete actions).
///
/// 1. Act at random for the first steps, then by draws of the policy; keep every transition.
/// 2. After every environment step: `updatesPerStep` updates on minibatches of all that is kept. A ratio above 1 holds
///    with more critics than two (REDQ), of which some make the target.
package final class SAC: Agent {
  package struct Configuration: AgentConfiguration {
    package var learning = SoftActorCriticSettings()
    package var initialRandomSteps = 100
    /// Updates per environment step, from `updateEvery` steps to the next; of .25 every fourth step has one.
    package var updatesPerStep = 1.0
    /// Environment steps between rounds of updates.
    package var updateEvery = 1
    package var replayCapacity = 1_000_000
    /// n: rewards of a critic's target before the value of a state, entropy included, takes over. Entropies on the way
    /// are left out, as everywhere.
    package var nStepReturns = 1

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.integer("initialRandomSteps", &initialRandomSteps, in: 1...1_000_000_000, "random steps before learning")
      fields.number("updatesPerStep", &updatesPerStep, in: 0...1000, "updates per environment step")
      fields.integer(
        "updateEvery", &updateEvery, in: 1...1_000_000, "steps between rounds of updates, which make up for them")
      fields.integer("replayCapacity", &replayCapacity, in: 1...100_000_000, "most observations kept")
      fields.integer(
        "nStepReturns", &nStepReturns, in: 1...1000, "rewards in a target before the value of a state takes over (n)")
      learning.declare(fields)
    }

    package func misfit(_ task: EnvironmentDescription) -> String? { learning.misfit(task) }

    package func warn(_ task: EnvironmentDescription, lanes: Int, steps: Int, _ fields: Fields) {
      learning.warn(task.specification.actionSpace, replayCapacity: replayCapacity, fields)
      if nStepReturns >= replayCapacity / max(lanes, 1) {
        fields.warn(
          "agent.nStepReturns",
          "\(nStepReturns) is no less than what agent.replayCapacity \(replayCapacity) holds of one environment")
      }
      if updateEvery > steps {
        fields.warn(
          "agent.updateEvery", "nothing will be learned: the run ends at step \(steps), before the first round")
      }
      if updatesPerStep == 0 { fields.warn("agent.updatesPerStep", "nothing will be learned") }
      replay.warn(steps: steps, fields)
    }

    package func memory(_ task: EnvironmentDescription, lanes: Int, steps: Int) -> MemoryNeed {
      var need = replay.memory(task, steps: steps)
      need.add(learning.memory(task))
      return need
    }

    /// Updates that are due after so many environment steps; those before learning began count as done.
    fileprivate func updates(until step: Int) -> Int { Int((Double(step) * updatesPerStep).rounded()) }

    /// What models and policies alike are learned from.
    private var replay: ModelLearner.Settings {
      .init(initialRandomSteps: initialRandomSteps, fitEvery: 0, replayCapacity: replayCapacity)
    }

    package func makeAgent(_ context: AgentContext) throws -> any Agent { SAC(self, context) }
  }

  private let configuration: Configuration
  private let legal: LegalActions?
  private let space: ActionSpace
  private let rewardRange: ClosedRange<Double>
  private let pool: ComputePool
  private let learner: SoftActorCritic
  private let transitions: Replay
  private let minibatch: Minibatch
  private var acting, drawing, noise: RandomStream
  private var steps = 0
  private var stepsBefore = 0
  private var updates = 0
  private var round = UpdateRound()

  /// An agent for vector observations, and vectors within bounds or discrete actions.
  package init(_ configuration: Configuration, _ context: AgentContext) {
    let specification = context.specification
    self.configuration = configuration
    (space, rewardRange) = (specification.actionSpace, specification.rewardRange)
    legal = specification.legalActions
    learner = SoftActorCritic(
      configuration.learning, observationSize: specification.observationSpace.size, space,
      legal: specification.legalActions, random: context.random.stream("network"), pool: context.pool)
    transitions = Replay(of: specification, lanes: context.lanes, capacity: configuration.replayCapacity)
    minibatch = Minibatch(
      configuration.learning.batchSize, of: transitions, steps: configuration.nStepReturns,
      discount: configuration.learning.discount)
    pool = context.pool
    acting = context.random.stream("policy")
    drawing = context.random.stream("replay")
    noise = context.random.stream("noise")
  }

  package var metricNames: [String] { SoftActorCritic.metricNames }

  package func act(in situation: Situation, into actions: ActionRows) {
    pool.activity.set(steps < configuration.initialRandomSteps ? .random : .none)
    if steps < configuration.initialRandomSteps {  // step 1
      actions.setUniform(legal, at: situation.observations, &acting)
    } else {
      learner.policy.act(situation.observations, into: actions, isStochastic: true, &acting)
    }
  }

  package func observe(_ steps: Transitions) {
    transitions.append(steps)
    learner.see(steps)
    stepsBefore = self.steps
    self.steps += steps.count
  }

  package func learn(_ metrics: inout Metrics) throws {
    metrics.bufferSize = transitions.count
    let every = configuration.updateEvery
    let span = Cadence.span(every: every, from: stepsBefore, to: steps)
    guard steps >= configuration.initialRandomSteps, !span.isEmpty else { return }
    let count = configuration.updates(until: span.upperBound) - configuration.updates(until: span.lowerBound)
    try round.run(count, pool) { index in  // step 2
      let batch = minibatch.draw(from: transitions, squashedTo: space, &drawing)
      let report = try learner.update(on: batch, &noise, &drawing)
      if index == count - 1 {
        report.record(in: &metrics)
        learner.watch(report, rewardRange, &metrics)
      }
      updates += 1
    }
    metrics.updates = updates
  }

  package func makePolicy(isStochastic: Bool, rows: Int, random: RandomStream) -> any Policy {
    EpisodePolicy(learner.policy, isStochastic: isStochastic, rows: rows, random: random)
  }

  package var facts: [(name: String, value: String)] {
    [
      ("transitions", String(transitions.count)), ("updates", String(updates)),
      ("temperature", String(learner.temperature.value)),
    ]
  }
  package var replay: Replay? { transitions }

  package func archive(_ archive: Archive) throws {
    try archive.value("steps", &steps)
    try archive.value("stepsBefore", &stepsBefore)
    try archive.value("updates", &updates)
    try archive.part("round", &round)
    try archive.part("acting", &acting)
    try archive.part("drawing", &drawing)
    try archive.part("noise", &noise)
    try learner.archive(archive)
    try archive.part("replay", transitions)
  }
}
