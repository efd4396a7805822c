import Environments
import Neural
import Support

/// Dyna with networks: a Q-network for vector observations and discrete actions, trained on real and on imagined
/// transitions (Sutton 1990; van Hasselt, Guez & Silver 2016 for Double DQN).
///
/// 1. Act at random for the first steps, then ε-greedily; keep every transition in D.
/// 2. Model learning: fit the ensemble on D every `fitEvery` steps.
/// 3. Direct RL: `updatesPerStep` Double DQN updates on minibatches of D.
/// 4. Planning: carry K = `planningSteps` minibatches of imagined rollouts one step on, and update on each of them. A
///    rollout begins at a state of D with any action, follows the present policy, and ends with the task or after H =
///    `imaginationLength` steps; the model says what follows.
/// 5. After every update, real or imagined, the target network takes on a share of the online one. It is the target
///    network that acts: its values are an average over the last updates.
///
/// K = 0 needs no model: plain Double DQN, the model-free baseline. H = 1 imagines single steps from visited states, as
/// the tabular algorithm does. Longer rollouts pay where the policy has left the states of D, most of which older
/// policies saw: the network's values there are guesses, and a greedy policy goes where guesses are too high.
package final class NeuralDyna: Agent {
  package struct Configuration: AgentConfiguration {
    /// K of step 4; 0: model-free.
    package var planningSteps = 4
    /// Updates on real transitions per environment step (step 3).
    package var updatesPerStep = 1
    /// Steps 1 and 2: random steps, replay, fits of the model and of the statistics that observations are standardised
    /// by.
    package var learning = ModelLearner.Settings(initialRandomSteps: 500, fitEvery: 250, replayCapacity: 100_000)
    /// H: steps of an imagined rollout before another one begins.
    package var imaginationLength = 100
    /// How often an imagined action is random, the first of a rollout apart, which always is.
    package var imaginedExploration = 0.05
    /// ε.
    package var exploration = Schedule(.linear, start: 1, end: 0.05, steps: 2000)
    package var discount = 0.99
    package var hiddenSizes = [128, 128]
    package var activation = Activation.tanh
    package var learningRate = 3e-4
    package var batchSize = 64
    /// Share of the online network that the target takes on after every update.
    package var targetRate = 0.02
    /// Limit of an error in the gradient (Huber); 0: none.
    package var errorLimit = 0.0
    /// Largest gradient norm; 0: no clipping.
    package var maximumGradientNorm = 10.0
    /// The section `model`.
    package var model = Variant<DynamicsModels>("ensemble", Configuration.smallEnsemble)

    private static var smallEnsemble: EnsembleDynamics.Configuration {
      var model = EnsembleDynamics.Configuration()
      model.hiddenSizes = [64, 64]
      model.batchSize = 64
      return model
    }

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.integer("planningSteps", &planningSteps, in: 0...1000, "imagined updates per step (K); 0: Double DQN")
      fields.integer("updatesPerStep", &updatesPerStep, in: 0...1000, "updates on real transitions per step")
      learning.declare(fields)
      fields.integer("imaginationLength", &imaginationLength, in: 1...1_000_000, "steps of an imagined rollout (H)")
      fields.number("imaginedExploration", &imaginedExploration, in: 0...1, "how often an imagined action is random")
      fields.section("exploration", &exploration, "ε: how often an action is random")
      fields.number("discount", &discount, in: 0...1, "γ: the weight of the next step's value")
      fields.integers(
        "hiddenSizes", &hiddenSizes, each: 1...4096, count: 0...7, "widths of the Q-network's hidden layers")
      fields.choice("activation", &activation, "after every hidden layer of the Q-network")
      fields.number("learningRate", &learningRate, in: 0...1, aboveLowerBound: true, "Adam's step size")
      fields.integer("batchSize", &batchSize, in: 1...100_000, "transitions per update")
      fields.number(
        "targetRate", &targetRate, in: 0...1, aboveLowerBound: true, "share the target network takes on per update")
      fields.number("errorLimit", &errorLimit, in: 0...1e12, "limit of an error in the gradient (Huber); 0: none")
      fields.number("maximumGradientNorm", &maximumGradientNorm, in: 0...1e12, "clip the global norm; 0: never")
    }

    package mutating func declareSections(_ experiment: Fields) {
      experiment.section("model", &model, chooser: "type", "the learned model of the dynamics")
    }

    package func misfit(_ task: EnvironmentDescription) -> String? {
      let specification = task.specification
      if specification.actionSpace.isDiscrete { return DynamicsModels.misfit(task) }
      return "this agent needs discrete actions; those of \(specification.id) are vectors"
    }

    package func check(_ task: EnvironmentDescription, _ fields: Fields) {
      if planningSteps > 0 { model.settings.check(task, fields) }
    }

    package func warn(_ task: EnvironmentDescription, steps: Int, _ fields: Fields) {
      if planningSteps > 0 {
        model.settings.warn(replayCapacity: learning.replayCapacity, fields)
      } else {
        for name in ["agent.imaginationLength", "agent.imaginedExploration", "model"] {
          fields.unused(name, because: "with agent.planningSteps 0 nothing is imagined")
        }
      }
      if imaginationLength == 1 {
        fields.unused("agent.imaginedExploration", because: "the first action of a rollout always is random")
      }
      if hiddenSizes.isEmpty { fields.unused("agent.activation", because: "there is no hidden layer") }
      if batchSize > learning.replayCapacity {
        fields.warn(
          "agent.batchSize", "\(batchSize) is more than agent.replayCapacity \(learning.replayCapacity) holds")
      }
      if planningSteps == 0 && updatesPerStep == 0 {
        fields.warn("agent.updatesPerStep", "nothing will be learned: agent.planningSteps is 0 too")
      } else {
        learning.warn(steps: steps, fields)
      }
    }

    package func memory(_ task: EnvironmentDescription, lanes: Int, steps: Int) -> MemoryNeed {
      let (size, actions) = (task.specification.observationSpace.size, task.specification.actionSpace.columns)
      let sizes = [size] + hiddenSizes + [actions]
      var need = learning.memory(task, steps: steps)
      need.add(
        "Q-network and its target: \(MLP.parameterCount(sizes)) parameters (agent.hiddenSizes)",
        bytes: MLP.parameterCount(sizes), 6, 4)
      need.add("updates: agent.batchSize \(batchSize) × all layers", bytes: batchSize, sizes.reduce(0, +), 16)
      guard planningSteps > 0 else { return need }
      need.add(
        "imagined rollouts: agent.planningSteps \(planningSteps) × agent.batchSize \(batchSize)",
        bytes: planningSteps, batchSize, 4 * size + actions + 6, 4)
      let transitions = learning.transitions(steps: steps)
      need.add(model.settings.memory(task, transitions: transitions, differentiatedRows: 0))
      return need
    }

    package func makeAgent(_ context: AgentContext) throws -> any Agent { NeuralDyna(self, context) }
  }

  private let configuration: Configuration
  private let lanes: Int
  private let activity: Activity
  private let learner: ModelLearner
  private let network: QNetwork
  private let minibatch: Minibatch
  /// nil without planning.
  private let rollouts: PolicyRollouts?
  private var exploring: RandomStream
  private var drawing: RandomStream
  private var updates = 0

  /// An agent for vector observations and discrete actions.
  package init(_ configuration: Configuration, _ context: AgentContext) {
    let specification = context.specification
    self.configuration = configuration
    lanes = context.lanes
    learner = ModelLearner(
      configuration.learning, configuration.model.settings, learnsModel: configuration.planningSteps > 0, context)
    network = QNetwork(
      size: specification.observationSpace.size, actions: specification.actionSpace.columns,
      hiddenSizes: configuration.hiddenSizes, activation: configuration.activation,
      learningRate: configuration.learningRate, maximumGradientNorm: configuration.maximumGradientNorm,
      errorLimit: configuration.errorLimit, random: context.random.stream("network"), pool: context.pool)
    minibatch = Minibatch(configuration.batchSize, of: learner.replay)
    rollouts = learner.model.map { model in
      PolicyRollouts(
        model, specification, batches: configuration.planningSteps, batchSize: configuration.batchSize,
        length: configuration.imaginationLength, exploration: configuration.imaginedExploration,
        random: context.random.stream("imagination"))
    }
    activity = context.pool.activity
    exploring = context.random.stream("policy")
    drawing = context.random.stream("replay")
  }

  package var metricNames: [String] {
    ["epsilon", "q_loss", "q_value", "imagined_loss"] + ModelLearner.metricNames
  }
  package var tables: [TableDeclaration] { learner.model?.tables ?? [] }

  private var exploration: Double { configuration.exploration.value(at: learner.steps) }

  package func act(in situation: Situation, into actions: ActionRows) {
    activity.set(learner.steps < configuration.learning.initialRandomSteps ? .random : .none)
    for row in 0..<situation.count {
      let isRandom = learner.steps < configuration.learning.initialRandomSteps || exploring.uniform() < exploration
      if isRandom {  // step 1
        actions.setUniform(row, &exploring)
      } else {
        network.greedyActions(situation.observations.row(row), into: actions.row(row))
      }
    }
  }

  package func observe(_ steps: Transitions) { learner.observe(steps) }

  package func learn(_ metrics: inout Metrics) throws {
    metrics.bufferSize = learner.replay.count
    metrics.record("epsilon", exploration)
    guard learner.steps >= configuration.learning.initialRandomSteps else { return }
    // Step 2 comes first, so that nothing is done twice where a fit is interrupted and this is called again.
    if learner.isDue {
      network.standardize(by: learner.replay)
      try learner.fit(&metrics)
    }
    for _ in 0..<lanes { try improve(&metrics) }
    metrics.updates = updates
  }

  /// The updates of one environment step.
  private func improve(_ metrics: inout Metrics) throws {
    for _ in 0..<configuration.updatesPerStep {  // step 3
      let result = try update(on: minibatch.draw(from: learner.replay, &drawing))
      metrics.record("q_loss", result.loss)
      metrics.record("q_value", result.value)
    }
    if let rollouts {  // step 4
      rollouts.advance(from: learner.replay, by: network)
      for batch in 0..<rollouts.batches {
        metrics.record("imagined_loss", try update(on: rollouts.transitions(batch)).loss)
      }
    }
    updates += configuration.updatesPerStep + configuration.planningSteps
  }

  private func update(on batch: TransitionBatch) throws -> (loss: Double, value: Double) {
    let result = try network.update(on: batch, discount: Float(configuration.discount))
    network.moveTarget(rate: Float(configuration.targetRate))  // step 5
    return result
  }

  package func makePolicy(isStochastic: Bool, rows: Int, random: RandomStream) -> any Policy {
    EpisodePolicy(
      QPolicy(network, exploration: exploration), isStochastic: isStochastic, rows: rows, random: random)
  }

  package var facts: [(name: String, value: String)] {
    [("transitions", String(learner.replay.count)), ("q parameters", String(network.parameterCount))]
      + (learner.model?.facts ?? [])
  }

  package var model: (any DynamicsModel)? { learner.fittedModel }
  package var replay: Replay? { learner.replay }

  package func archive(_ archive: Archive) throws {
    try archive.value("updates", &updates)
    try archive.part("exploring", &exploring)
    try archive.part("drawing", &drawing)
    try network.archive(archive)
    try learner.archive(archive)
    if let rollouts { try archive.part("rollouts", rollouts) }
  }
}
