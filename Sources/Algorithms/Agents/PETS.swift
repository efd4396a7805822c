import Environments
import Support

/// PETS: probabilistic ensembles with trajectory sampling (Chua et al. 2018, "Deep reinforcement learning in a handful
/// of trials using probabilistic dynamics models").
///
/// 1. Act at random for the first trial(s), keep every transition.
/// 2. Fit the ensemble on all transitions.
/// 3. At every step: search the action sequence with the best imagined return, particles propagated through the
///    ensemble; execute its first action; keep the transition.
/// 4. After every trial (or every n steps) go to 2.
///
/// The data is collected by the present controller (DAgger style); `randomEpisodes` is the share of later episodes that
/// act at random all the same. With one deterministic network and the random-shooting planner it is the plain
/// random-shooting MPC of Nagabandi et al. 2018. With `planner.model` "true" nothing is learned: the planner imagines
/// with the environment itself.
package final class PETS: Agent {
  package struct Configuration: AgentConfiguration {
    /// Environment steps acted at random before the first fit (step 1).
    package var initialRandomSteps = 200
    /// Environment steps between fits; 0: after every episode.
    package var fitEvery = 0
    /// Share of the episodes after the first fit that act at random.
    package var randomEpisodes = 0.0
    /// Steps that a random action is held for: sticky exploration for tasks that white noise cannot explore.
    package var randomActionRepeat = 1
    /// Most transitions kept.
    package var replayCapacity = 1_000_000

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.integer(
        "initialRandomSteps", &initialRandomSteps, in: 1...1_000_000_000, "random steps before the first fit")
      fields.integer("fitEvery", &fitEvery, in: 0...1_000_000_000, "steps between fits; 0: after every episode")
      fields.number("randomEpisodes", &randomEpisodes, in: 0...1, "share of later episodes that act at random")
      fields.integer("randomActionRepeat", &randomActionRepeat, in: 1...10_000, "steps a random action is held for")
      fields.integer("replayCapacity", &replayCapacity, in: 1...100_000_000, "most transitions kept")
    }

    package func check(
      _ algorithm: AlgorithmConfiguration, for environment: any SnapshotEnvironment, _ fields: Fields
    ) {
      let known = environment as? any KnownDynamicsParts
      let model = algorithm.model.model
      guard algorithm.planner.model == .learned else { return }
      if case .discrete = environment.specification.observationSpace {
        fields.fault(
          "agent.type", "this agent needs vector observations; \(environment.specification.id) gives an index")
      }
      if known == nil && !model.learnsReward {
        fields.fault("model.reward", "\(environment.specification.id) declares no reward function; use \"learned\"")
      }
      if known == nil && model.terminationSource == .known {
        fields.fault(
          "model.termination", "\(environment.specification.id) declares no termination; use \"learned\" or \"never\"")
      }
    }

    package func makeAgent(_ algorithm: AlgorithmConfiguration, _ context: AgentContext) throws -> any Agent {
      PETS(self, algorithm, context)
    }
  }

  private let configuration: Configuration
  private let plannerConfiguration: PlannerConfiguration
  private let context: AgentContext
  private let real: TransitionBuffer
  /// nil where the planner imagines with the environment itself.
  private let model: (any DynamicsModel)?
  private let needsKnownReward: Bool
  private let needsKnownTermination: Bool
  private let evaluator: any TrajectoryEvaluator
  private let controller: PlanningController
  private let randomPolicy: RandomPolicy
  private var random: RandomStream
  private let heldAction: FloatBuffer
  private var heldIndex = 0
  private var holdsFor = 0
  private var steps = 0
  private var episodes = 0
  private var actsAtRandom = true
  private var isFitted = false
  private var updates = 0
  private var plannedReturn: Double?

  package init(_ configuration: Configuration, _ algorithm: AlgorithmConfiguration, _ context: AgentContext) {
    self.configuration = configuration
    self.context = context
    plannerConfiguration = algorithm.planner
    let space = context.specification.actionSpace
    real = TransitionBuffer(
      observationSize: context.specification.observationSpace.size, actionSpace: space,
      capacity: configuration.replayCapacity)
    let modelConfiguration = algorithm.model.model
    needsKnownReward = !modelConfiguration.learnsReward
    needsKnownTermination = modelConfiguration.terminationSource == .known
    switch algorithm.planner.model {
    case .learned:
      let layout = DynamicsLayout(context.specification, known: context.known)
      let model = modelConfiguration.makeModel(layout, random: context.random.stream("model"), pool: context.pool)
      evaluator = model.makeEvaluator(algorithm.planner, known: context.known)
      self.model = model
    case .true:
      model = nil
      evaluator = TrueTrajectories(algorithm.planner, space: space, pool: context.pool)
    }
    controller = PlanningController(
      algorithm.planner, space: space, evaluator: evaluator, random: context.random.stream("planner"))
    random = context.random.stream("exploration")
    randomPolicy = RandomPolicy(space, context.random.stream("policy"))
    heldAction = FloatBuffer(count: space.columns)
  }

  package var metricNames: [String] { ["model_train_loss", "model_val_loss", "planned_return"] }

  package func beginEpisode() {
    controller.beginEpisode(context.random.stream("planner").stream(UInt64(episodes)))
    // The draw is taken in every episode, so that the share does not shift the others' randomness.
    let draw = random.uniform()
    actsAtRandom = isFitted && draw < configuration.randomEpisodes
    holdsFor = 0
    episodes += 1
  }

  package func act(in situation: Situation) throws -> Action {
    let needsModel = model != nil
    if actsAtRandom || (needsModel && !isFitted) { return explore(situation) }  // step 1
    let action = try controller.act(in: situation)  // step 3
    plannedReturn = controller.plannedReturn.map(Double.init)
    return action
  }

  private func explore(_ situation: Situation) -> Action {
    if holdsFor == 0 {
      switch randomPolicy.act(in: situation) {
      case .discrete(let index): heldIndex = index
      case .continuous(let vector): for column in 0..<heldAction.count { heldAction[column] = vector[column] }
      }
      holdsFor = configuration.randomActionRepeat
    }
    holdsFor -= 1
    return context.specification.actionSpace.isDiscrete ? .discrete(heldIndex) : .continuous(heldAction.readOnly)
  }

  package func observe(_ transition: Transition) throws {
    steps += 1
    if model != nil { real.append(transition) }
    episodeEnded = transition.isTerminated || transition.isTruncated
  }

  /// Whether the last observed step ended its episode.
  private var episodeEnded = false

  package func learn(_ metrics: inout Metrics) throws {
    if let plannedReturn { metrics.record("planned_return", plannedReturn) }
    guard let model else { return }
    metrics.bufferSize = real.count
    guard isFitDue else { return }
    if !isFitted {
      try real.requireAgreement(
        with: context.known, reward: needsKnownReward, termination: needsKnownTermination)
    }
    let summary = try model.fit(real, &metrics.modelRows)  // steps 2 and 4
    isFitted = true
    updates += summary.updates
    metrics.updates = updates
    metrics.record("model_train_loss", summary.trainLoss)
    if let loss = summary.validationLoss { metrics.record("model_val_loss", loss) }
  }

  private var isFitDue: Bool {
    if !isFitted { return steps >= configuration.initialRandomSteps }
    return configuration.fitEvery == 0 ? episodeEnded : steps % configuration.fitEvery == 0
  }

  package func makePolicy(isStochastic: Bool) -> any Policy {
    let space = context.specification.actionSpace
    guard model == nil || isFitted else { return RandomPolicy(space, RandomStream(seed: 0)) }
    // Planning is its own source of noise; there is no other to switch on or off.
    return PlanningPolicy(plannerConfiguration, space, evaluator)
  }

  package func estimatedCheckpointBytes(afterSteps steps: Int) -> Int {
    let width = TransitionBuffer.bytesPerTransition(
      observationSize: context.specification.observationSpace.size, actionColumns: real.actionColumns)
    return 12 * (model?.parameterCount ?? 0) + width * min(steps, configuration.replayCapacity) + 20_000
  }

  package var facts: [(name: String, value: String)] {
    [("transitions", String(real.count)), ("fitted", isFitted ? "yes" : "no")] + (model?.facts ?? [])
  }

  package func modelPredictions(last count: Int) -> [ModelPrediction] {
    guard let model, isFitted else { return [] }
    return (max(0, real.count - count)..<real.count).map { row in
      let observation = real.observation(row)
      let action = real.action(row)
      return ModelPrediction(
        observation: observation, action: action, nextObservation: real.nextObservation(row),
        members: model.meanPredictions(observation: observation, action: action))
    }
  }

  package func archive(_ archive: Archive) throws {
    try archive.value("steps", &steps)
    try archive.value("episodes", &episodes)
    try archive.value("updates", &updates)
    try archive.value("is_fitted", &isFitted)
    try archive.value("acts_at_random", &actsAtRandom)
    try archive.value("episode_ended", &episodeEnded)
    try archive.value("held_index", &heldIndex)
    try archive.value("holds_for", &holdsFor)
    try archive.buffer("held_action", heldAction.memory, shape: [heldAction.count])
    var planned = plannedReturn ?? .nan
    try archive.value("planned_return", &planned)
    plannedReturn = planned.isNaN ? nil : planned
    try archive.part("random", &random)
    try archive.part("policy", randomPolicy)
    try archive.part("controller", controller)
    if let model {
      try archive.part("replay", real)
      try archive.part("model", model)
    }
  }
}

/// Acts by planning with a controller of its own, so that evaluation leaves training's planner alone.
package final class PlanningPolicy: Policy {
  private let controller: PlanningController

  init(_ planner: PlannerConfiguration, _ space: ActionSpace, _ evaluator: any TrajectoryEvaluator) {
    controller = PlanningController(planner, space: space, evaluator: evaluator, random: RandomStream(seed: 0))
  }

  package func beginEpisode(_ random: RandomStream) { controller.beginEpisode(random.stream("planner")) }
  package func act(in situation: Situation) throws -> Action { try controller.act(in: situation) }
}
