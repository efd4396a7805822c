import Environments
import Neural
import Support

extension NeuralDyna {
  /// The settings of neural Dyna, and of DQN, which is the same without imagination.
  package struct Configuration: AgentConfiguration {
    /// Whether there are the settings of imagination and a section `model`; without them `planningSteps` is 0.
    package let imagines: Bool
    /// K of step 4; 0: model-free.
    package var planningSteps = 4
    /// Steps 1 and 2: random steps, replay, fits of the model and of the statistics that observations are standardised
    /// by.
    package var learning = ModelLearner.Settings(initialRandomSteps: 500, fitEvery: 250, replayCapacity: 100_000)
    /// H: steps of an imagined rollout before another one begins.
    package var imaginationLength = 100
    /// How often an imagined action is random, the first of a rollout apart, which always is.
    package var imaginedExploration = 0.05
    /// ε.
    package var exploration = Schedule(.linear, start: 1, end: 0.05, steps: 2000)
    /// Steps 3 and 5: the network and its updates.
    package var values = QLearningSettings()
    /// The section `model`.
    package var model = Variant<DynamicsModels>("ensemble", Configuration.smallEnsemble)

    private static var smallEnsemble: EnsembleDynamics.Configuration {
      var model = EnsembleDynamics.Configuration()
      model.hiddenSizes = [64, 64]
      model.batchSize = 64
      return model
    }

    /// Neural Dyna.
    package init() { imagines = true }

    private init(imagines: Bool) { self.imagines = imagines }

    /// DQN as in Stable-Baselines3, with its defaults.
    package static var dqn: Configuration {
      var settings = Configuration(imagines: false)
      settings.planningSteps = 0
      settings.learning = .init(initialRandomSteps: 100, fitEvery: 10_000, replayCapacity: 1_000_000)
      settings.exploration = Schedule(.linear, start: 1, end: 0.05, steps: 10_000)
      settings.values.updatesPerStep = 0.25
      settings.values.updateEvery = 4
      settings.values.hiddenSizes = [64, 64]
      settings.values.activation = .relu
      settings.values.learningRate = 1e-4
      settings.values.batchSize = 32
      settings.values.targetRate = 1
      settings.values.targetEvery = 10_000
      settings.values.actsByTarget = false
      settings.values.isDouble = false
      settings.values.errorLimit = 1
      settings.values.standardizesObservations = false
      return settings
    }

    package mutating func declare(_ fields: Fields) {
      if imagines {
        fields.integer("planningSteps", &planningSteps, in: 0...1000, "imagined updates per step (K); 0: Double DQN")
      }
      values.declareUpdates(fields)
      learning.declare(fields, fits: imagines ? "model fits" : "statistics for standardizesObservations")
      if imagines {
        fields.integer("imaginationLength", &imaginationLength, in: 1...1_000_000, "steps of an imagined rollout (H)")
        fields.number(
          "imaginedExploration", &imaginedExploration, in: 0...1, "how often an imagined action is random")
      }
      fields.section("exploration", &exploration, "ε: how often an action is random")
      values.declareNetwork(fields)
    }

    package mutating func declareSections(_ experiment: Fields) {
      if imagines { experiment.section("model", &model, chooser: "type", "the learned model of the dynamics") }
    }

    package func misfit(_ task: EnvironmentDescription) -> String? {
      let specification = task.specification
      if specification.actionSpace.isDiscrete { return DynamicsModels.misfit(task) }
      return "this agent needs discrete actions; those of \(specification.id) are vectors"
    }

    package func check(_ task: EnvironmentDescription, _ fields: Fields) {
      if planningSteps > 0 { model.settings.check(task, fields) }
    }

    package func warn(_ task: EnvironmentDescription, lanes: Int, steps: Int, _ fields: Fields) {
      if planningSteps > 0 {
        model.settings.warn(replayCapacity: learning.replayCapacity, fields)
      } else if imagines {
        for name in ["agent.imaginationLength", "agent.imaginedExploration", "model"] {
          fields.unused(name, because: "with agent.planningSteps 0 nothing is imagined")
        }
      }
      if imagines && imaginationLength == 1 {
        fields.unused("agent.imaginedExploration", because: "the first action of a rollout always is random")
      }
      if planningSteps == 0 && !values.standardizesObservations {
        fields.unused("agent.fitEvery", because: "with agent.standardizesObservations false nothing is fitted")
      }
      values.warn(replayCapacity: learning.replayCapacity, fields)
      if planningSteps == 0 && values.updatesPerStep == 0 {
        fields.warn(
          "agent.updatesPerStep", "nothing will be learned" + (imagines ? ": agent.planningSteps is 0 too" : ""))
      } else {
        learning.warn(steps: steps, fields)
      }
    }

    package func memory(_ task: EnvironmentDescription, lanes: Int, steps: Int) -> MemoryNeed {
      let (size, actions) = (task.specification.observationSpace.size, task.specification.actionSpace.columns)
      let (sizes, batchSize) = ([size] + values.hiddenSizes + [actions], values.batchSize)
      var need = learning.memory(task, steps: steps)
      need.add(
        "Q-network and its target: \(MLP.parameterCount(sizes)) parameters (agent.hiddenSizes)",
        bytes: MLP.parameterCount(sizes), 9, 4)
      need.add("updates: agent.batchSize \(batchSize) × all layers", bytes: batchSize, sizes.reduce(0, +), 16)
      if values.isPrioritised {
        need.add("priorities: agent.replayCapacity rows", bytes: learning.transitions(steps: steps), 32)
      }
      guard planningSteps > 0 else { return need }
      need.add(
        "imagined rollouts: agent.planningSteps \(planningSteps) × agent.batchSize \(batchSize)",
        bytes: planningSteps, batchSize, 4 * size + actions + 6, 4)
      let transitions = learning.transitions(steps: steps)
      need.add(model.settings.memory(task, transitions: transitions, differentiatedRows: 0))
      return need
    }

    package func makeAgent(_ context: AgentContext) throws -> any Agent { NeuralDyna(self, context) }

    /// What to try where the policy lives on its model's errors.
    package var adviceOnPromises: [String] {
      (imaginationLength > 1 ? ["a shorter agent.imaginationLength"] : [])
        + learning.moreFits + ["more networks (model.ensembleSize)"]
    }

    /// Updates on real transitions that are due after so many environment steps; those before learning began count as
    /// done.
    func updates(until step: Int) -> Int { Int((Double(step) * values.updatesPerStep).rounded()) }
  }
}
