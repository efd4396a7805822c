import Environments
import Neural
import Support

/// Dyna with networks: a Q-network for vector observations and discrete actions, trained on real and on imagined
/// transitions (Sutton 1990; the seed text's "Dyna-Q (full algorithm)"; van Hasselt, Guez & Silver 2016 for Double DQN).
///
/// 1. Act at random for the first steps, then ε-greedily; keep every transition in D.
/// 2. Model learning: fit the ensemble on D every `fitEvery` steps.
/// 3. Direct RL: `updatesPerStep` Double DQN updates on minibatches of D.
/// 4. Planning: carry K = `planningSteps` minibatches of imagined walks one step on, and update on each of them. A walk
///    begins at a state of D with any action, follows the present policy, and ends with the task or after H =
///    `imaginationLength` steps; the model says what follows.
/// 5. After every update, real or imagined, the target network takes on a share of the online one. It is the target
///    network that acts: its values are an average over the last updates.
///
/// K = 0 needs no model: plain Double DQN, the model-free baseline. H = 1 imagines single steps from visited states, as
/// the tabular algorithm does. Longer walks pay where the policy has left the states of D, most of which older policies
/// saw: the network's values there are guesses, and a greedy policy goes where guesses are too high.
package final class NeuralDyna: Agent {
  package struct Configuration: AgentConfiguration {
    /// K of step 4; 0: model-free.
    package var planningSteps = 4
    /// Updates on real transitions per environment step (step 3).
    package var updatesPerStep = 1
    /// Steps acted at random before anything is learned.
    package var initialRandomSteps = 500
    /// Environment steps between fits of the model (step 2) and of the statistics that observations are standardised by.
    package var fitEvery = 250
    /// H: steps of an imagined walk before another one begins.
    package var imaginationLength = 100
    /// How often an imagined action is random, the first of a walk apart, which always is.
    package var imaginedExploration = 0.05
    /// ε.
    package var exploration = Schedule(.linear, start: 1, end: 0.05, steps: 2000)
    package var discount = 0.99
    package var hiddenSizes = [128, 128]
    package var activation = Activation.tanh
    package var learningRate = 3e-4
    package var batchSize = 64
    package var replayCapacity = 100_000
    /// Share of the online network that the target takes on after every update.
    package var targetRate = 0.02
    /// Limit of an error in the gradient (Huber); 0: none.
    package var errorLimit = 0.0
    /// Largest gradient norm; 0: no clipping.
    package var maximumGradientNorm = 10.0

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.integer("planningSteps", &planningSteps, in: 0...1000, "imagined updates per step (K); 0: Double DQN")
      fields.integer("updatesPerStep", &updatesPerStep, in: 0...1000, "updates on real transitions per step")
      fields.integer(
        "initialRandomSteps", &initialRandomSteps, in: 1...1_000_000_000, "random steps before learning starts")
      fields.integer(
        "fitEvery", &fitEvery, in: 1...1_000_000_000,
        "environment steps between fits of the model, and of the statistics of observations")
      fields.integer("imaginationLength", &imaginationLength, in: 1...1_000_000, "steps of an imagined walk (H)")
      fields.number("imaginedExploration", &imaginedExploration, in: 0...1, "how often an imagined action is random")
      fields.section("exploration", &exploration, "ε: how often an action is random")
      fields.number("discount", &discount, in: 0...1, "γ: the weight of the next step's value")
      fields.integers(
        "hiddenSizes", &hiddenSizes, each: 1...4096, count: 0...7, "widths of the Q-network's hidden layers")
      fields.choice("activation", &activation, "after every hidden layer of the Q-network")
      fields.number("learningRate", &learningRate, in: 0...1, aboveLowerBound: true, "Adam's step size")
      fields.integer("batchSize", &batchSize, in: 1...100_000, "transitions per update")
      fields.integer("replayCapacity", &replayCapacity, in: 1...100_000_000, "most transitions kept")
      fields.number(
        "targetRate", &targetRate, in: 0...1, aboveLowerBound: true, "share the target network takes on per update")
      fields.number("errorLimit", &errorLimit, in: 0...1e12, "limit of an error in the gradient (Huber); 0: none")
      fields.number("maximumGradientNorm", &maximumGradientNorm, in: 0...1e12, "clip the global norm; 0: never")
    }

    package func check(
      _ algorithm: AlgorithmConfiguration, for environment: any SnapshotEnvironment, _ fields: Fields
    ) {
      let specification = environment.specification
      if case .discrete = specification.observationSpace {
        fields.fault(
          "agent.type", "this agent needs vector observations; \(specification.id) gives an index, use \"dyna-q\"")
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
  /// nil without planning.
  private let model: EnsembleDynamics?
  private let walks: ImaginedWalks?
  private var exploring: RandomStream
  private var drawing: RandomStream
  private var steps = 0
  private var updates = 0

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
      size: size, actions: actions, hiddenSizes: configuration.hiddenSizes, activation: configuration.activation,
      learningRate: configuration.learningRate, maximumGradientNorm: configuration.maximumGradientNorm,
      errorLimit: configuration.errorLimit,
      random: context.random.stream("network"), pool: context.pool)
    realBatch = QBatch(count: configuration.batchSize, size: size)
    if configuration.planningSteps > 0 {
      guard let settings = algorithm.model.model as? EnsembleDynamics.Configuration else {
        preconditionFailure("imagination needs an ensemble")
      }
      let model = EnsembleDynamics(
        settings, DynamicsLayout(specification, known: context.known), random: context.random.stream("model"),
        pool: context.pool)
      walks = ImaginedWalks(
        model, known: context.known, batches: configuration.planningSteps, batchSize: configuration.batchSize,
        length: configuration.imaginationLength, exploration: configuration.imaginedExploration,
        random: context.random.stream("imagination"))
      self.model = model
    } else {
      model = nil
      walks = nil
    }
    exploring = context.random.stream("policy")
    drawing = context.random.stream("replay")
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
    try renew(&metrics)
    for _ in 0..<configuration.updatesPerStep {  // step 3
      realBatch.draw(from: real, &drawing)
      let result = try update(on: realBatch)
      metrics.record("q_loss", result.loss)
      metrics.record("q_value", result.value)
    }
    if let walks {  // step 4
      walks.advance(from: real, by: network)
      for batch in walks.batches { metrics.record("imagined_loss", try update(on: batch).loss) }
    }
    updates += configuration.updatesPerStep + configuration.planningSteps
    metrics.updates = updates
  }

  private func update(on batch: QBatch) throws -> (loss: Double, value: Double) {
    let result = try network.update(on: batch, discount: Float(configuration.discount))
    network.moveTarget(rate: Float(configuration.targetRate))  // step 5
    return result
  }

  /// Step 2, and the network's statistics with it. It comes first, so that nothing is done twice where a fit is
  /// interrupted and `learn` called again.
  private func renew(_ metrics: inout Metrics) throws {
    let isFirst = steps == configuration.initialRandomSteps
    guard isFirst || steps.isMultiple(of: configuration.fitEvery) else { return }
    network.standardize(by: real)
    guard let model else { return }
    if isFirst {
      try real.requireAgreement(
        with: context.known, reward: !model.configuration.learnsReward,
        termination: model.configuration.terminationSource == .known)
    }
    let summary = try model.fit(real, &metrics.modelRows)
    metrics.record("model_train_loss", summary.trainLoss)
    if let loss = summary.validationLoss { metrics.record("model_val_loss", loss) }
  }

  package func makePolicy(isStochastic: Bool) -> any Policy {
    QPolicy(network, actions: actions, exploration: isStochastic ? exploration : 0)
  }

  package func estimatedCheckpointBytes(afterSteps steps: Int) -> Int {
    let width = TransitionBuffer.bytesPerTransition(observationSize: real.observationSize, actionColumns: actions)
    return 16 * network.parameterCount + 12 * (model?.parameterCount ?? 0)
      + width * min(steps, configuration.replayCapacity) + (walks?.storedBytes ?? 0) + 20_000
  }

  package var facts: [(name: String, value: String)] {
    [("transitions", String(real.count)), ("q parameters", String(network.parameterCount))] + (model?.facts ?? [])
  }

  package func archive(_ archive: Archive) throws {
    try archive.value("steps", &steps)
    try archive.value("updates", &updates)
    try archive.part("exploring", &exploring)
    try archive.part("drawing", &drawing)
    try archive.part("replay", real)
    try network.archive(archive)
    if let model { try archive.part("model", model) }
    if let walks { try archive.part("walks", walks) }
  }
}
