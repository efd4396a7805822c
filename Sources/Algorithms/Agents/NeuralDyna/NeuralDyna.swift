import Environments
import Neural
import Support

/// Dyna with networks: a Q-network for vector observations and discrete actions, trained on real and on imagined
/// transitions (Sutton 1990; the seed text's "Dyna-Q (full algorithm)"; van Hasselt, Guez & Silver 2016 for Double DQN).
///
/// 1. Act at random for the first steps, then ε-greedily; keep every transition in D.
/// 2. Direct RL: `updatesPerStep` Double DQN updates on minibatches of D.
/// 3. Model learning: fit the ensemble on D every `fitEvery` steps.
/// 4. Planning, K = `planningSteps` times: draw states of D, choose actions, let the model say what follows, and update
///    on that minibatch.
/// 5. Move the target network; go to 1.
///
/// Imagination starts from visited states and goes one step, so that model errors do not compound. K = 0 needs no model:
/// plain Double DQN, the model-free baseline.
package final class NeuralDyna: Agent {
  /// Who chooses the actions of imagined transitions (step 4).
  package enum ImaginedActions: String, CaseIterable, Sendable { case random, greedy }

  package struct Configuration: AgentConfiguration {
    /// K of step 4; 0: model-free.
    package var planningSteps = 4
    /// Updates on real transitions per environment step (step 2).
    package var updatesPerStep = 1
    /// Steps acted at random before anything is learned.
    package var initialRandomSteps = 500
    /// Environment steps between fits of the model.
    package var fitEvery = 250
    package var imaginedActions = ImaginedActions.random
    /// ε.
    package var exploration = Schedule(.linear, start: 1, end: 0.1, steps: 5000)
    package var discount = 0.99
    package var hiddenSizes = [128, 128]
    package var learningRate = 1e-3
    package var batchSize = 64
    package var replayCapacity = 100_000
    /// Share of the online network that the target takes on at every step.
    package var targetRate = 0.02
    /// Limit of an error in the gradient (Huber); 0: none.
    package var errorLimit = 1.0
    /// Largest gradient norm; 0: no clipping.
    package var maximumGradientNorm = 10.0

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.integer("planningSteps", &planningSteps, in: 0...1000, "imagined updates per step (K); 0: Double DQN")
      fields.integer("updatesPerStep", &updatesPerStep, in: 0...1000, "updates on real transitions per step")
      fields.integer(
        "initialRandomSteps", &initialRandomSteps, in: 1...1_000_000_000, "random steps before learning starts")
      fields.integer("fitEvery", &fitEvery, in: 1...1_000_000_000, "environment steps between fits of the model")
      fields.choice("imaginedActions", &imaginedActions, "actions of imagined transitions: random, or greedy")
      fields.section("exploration", &exploration, "ε: how often an action is random")
      fields.number("discount", &discount, in: 0...1, "γ: the weight of the next step's value")
      fields.integers("hiddenSizes", &hiddenSizes, each: 1...4096, count: 0...7, "widths of the Q-network's hidden layers")
      fields.number("learningRate", &learningRate, in: 0...1, aboveLowerBound: true, "Adam's step size")
      fields.integer("batchSize", &batchSize, in: 1...100_000, "transitions per update")
      fields.integer("replayCapacity", &replayCapacity, in: 1...100_000_000, "most transitions kept")
      fields.number("targetRate", &targetRate, in: 0...1, aboveLowerBound: true, "share the target network takes on per step")
      fields.number("errorLimit", &errorLimit, in: 0...1e12, "limit of an error in the gradient (Huber); 0: none")
      fields.number("maximumGradientNorm", &maximumGradientNorm, in: 0...1e12, "clip the global norm; 0: never")
    }

    package func check(
      _ algorithm: AlgorithmConfiguration, for environment: any SnapshotEnvironment, _ fields: Fields
    ) {
      let specification = environment.specification
      if case .discrete = specification.observationSpace {
        fields.fault("agent.type", "this agent needs vector observations; \(specification.id) gives an index, use \"dyna-q\"")
      }
      if !specification.actionSpace.isDiscrete {
        fields.fault("agent.type", "this agent needs discrete actions; those of \(specification.id) are vectors")
      }
      guard planningSteps > 0, !(environment is any KnownDynamicsParts) else { return }
      if !algorithm.model.model.learnsReward {
        fields.fault("model.reward", "\(specification.id) declares no reward function; use \"learned\"")
      }
      if algorithm.model.model.terminationSource == .known {
        fields.fault("model.termination", "\(specification.id) declares no termination; use \"learned\" or \"never\"")
      }
    }

    package func makeAgent(_ algorithm: AlgorithmConfiguration, _ context: AgentContext) throws -> any Agent {
      NeuralDyna(self, algorithm, context)
    }
  }

  private let configuration: Configuration
  private let context: AgentContext
  private let actions: Int
  private let real: TransitionBuffer
  private let network: QNetwork
  private let realBatch: QBatch
  private let imaginedBatches: [QBatch]
  /// nil without planning.
  private let model: EnsembleDynamics?
  private let imagination: OneStepImagination?
  private var exploring: RandomStream
  private var drawing: RandomStream
  private var imagining: RandomStream
  private var steps = 0
  private var updates = 0
  private var isFitted = false
  /// Step 2 is done, and step 3 was interrupted.
  private var isFitInterrupted = false

  /// An agent for vector observations and discrete actions.
  package init(_ configuration: Configuration, _ algorithm: AlgorithmConfiguration, _ context: AgentContext) {
    let specification = context.specification
    let size = specification.observationSpace.size
    self.configuration = configuration
    self.context = context
    actions = specification.actionSpace.columns
    real = TransitionBuffer(
      observationSize: size, actionSpace: specification.actionSpace, capacity: configuration.replayCapacity)
    network = QNetwork(
      size: size, actions: actions, hiddenSizes: configuration.hiddenSizes, learningRate: configuration.learningRate,
      maximumGradientNorm: configuration.maximumGradientNorm, errorLimit: configuration.errorLimit,
      random: context.random.stream("network"), pool: context.pool)
    realBatch = QBatch(count: configuration.batchSize, size: size)
    imaginedBatches = (0..<configuration.planningSteps).map { _ in QBatch(count: configuration.batchSize, size: size) }
    if configuration.planningSteps > 0 {
      guard let settings = algorithm.model.model as? EnsembleDynamics.Configuration else {
        preconditionFailure("imagination needs an ensemble")
      }
      let model = EnsembleDynamics(
        settings, DynamicsLayout(specification, known: context.known), random: context.random.stream("model"),
        pool: context.pool)
      imagination = OneStepImagination(
        model, known: context.known, capacity: configuration.planningSteps * configuration.batchSize)
      self.model = model
    } else {
      model = nil
      imagination = nil
    }
    exploring = context.random.stream("policy")
    drawing = context.random.stream("replay")
    imagining = context.random.stream("imagination")
  }

  package var metricNames: [String] {
    ["epsilon", "q_loss", "q_value", "imagined_loss", "model_train_loss", "model_val_loss"]
  }

  package func beginEpisode() {}

  private var exploration: Double { configuration.exploration.value(at: steps) }

  package func act(in situation: Situation) -> Action {
    let isRandom = steps < configuration.initialRandomSteps || exploring.uniform() < exploration  // step 1
    return .discrete(isRandom ? exploring.integer(below: actions) : network.greedyAction(situation.observation))
  }

  package func observe(_ transition: Transition) {
    steps += 1
    real.append(transition)
  }

  package func learn(_ metrics: inout Metrics) throws {
    metrics.bufferSize = real.count
    metrics.record("epsilon", exploration)
    guard steps >= configuration.initialRandomSteps else { return }
    for _ in 0..<(isFitInterrupted ? 0 : configuration.updatesPerStep) {  // step 2
      realBatch.draw(from: real, &drawing)
      let result = try network.update(on: realBatch, discount: Float(configuration.discount))
      metrics.record("q_loss", result.loss)
      metrics.record("q_value", result.value)
    }
    isFitInterrupted = true
    try fitModel(&metrics)
    isFitInterrupted = false
    try plan(&metrics)
    network.moveTarget(rate: Float(configuration.targetRate))  // step 5
    updates += configuration.updatesPerStep + configuration.planningSteps
    metrics.updates = updates
  }

  /// Step 3.
  private func fitModel(_ metrics: inout Metrics) throws {
    guard let model, !isFitted || steps.isMultiple(of: configuration.fitEvery) else { return }
    if !isFitted {
      try real.requireAgreement(
        with: context.known, reward: !model.configuration.learnsReward,
        termination: model.configuration.terminationSource == .known)
    }
    let summary = try model.fit(real, &metrics.modelRows)
    isFitted = true
    metrics.record("model_train_loss", summary.trainLoss)
    if let loss = summary.validationLoss { metrics.record("model_val_loss", loss) }
  }

  /// Step 4.
  private func plan(_ metrics: inout Metrics) throws {
    guard let imagination else { return }
    for batch in imaginedBatches {
      batch.draw(from: real, &imagining)
      switch configuration.imaginedActions {
      case .random: for row in 0..<batch.count { batch.actions[row] = imagining.integer(below: actions) }
      case .greedy: network.greedyActions(batch.observations, count: batch.count, into: &batch.actions)
      }
    }
    imagination.advance(imaginedBatches, noise: imagining.takeBlock() ^ imagining.key)
    for batch in imaginedBatches {
      let result = try network.update(on: batch, discount: Float(configuration.discount))
      metrics.record("imagined_loss", result.loss)
    }
  }

  package func makePolicy(isStochastic: Bool) -> any Policy {
    QPolicy(network, actions: actions, exploration: isStochastic ? exploration : 0)
  }

  package func estimatedCheckpointBytes(afterSteps steps: Int) -> Int {
    let width = TransitionBuffer.bytesPerTransition(observationSize: real.observationSize, actionColumns: actions)
    return 16 * network.parameterCount + 12 * (model?.parameterCount ?? 0)
      + width * min(steps, configuration.replayCapacity) + 20_000
  }

  package var facts: [(name: String, value: String)] {
    [("transitions", String(real.count)), ("q parameters", String(network.parameterCount))] + (model?.facts ?? [])
  }

  package func archive(_ archive: Archive) throws {
    try archive.value("steps", &steps)
    try archive.value("updates", &updates)
    try archive.value("is_fitted", &isFitted)
    isFitInterrupted = try archive.presence("is_fit_interrupted", isFitInterrupted)
    try archive.part("exploring", &exploring)
    try archive.part("drawing", &drawing)
    try archive.part("imagining", &imagining)
    try archive.scope("replay") { try real.archive(archive) }
    try network.archive(archive)
    if let model { try archive.part("model", object: model) }
  }
}
