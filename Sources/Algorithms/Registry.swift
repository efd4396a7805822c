import Environments
import Support

/// One kind of agent that a configuration can name.
package struct AgentEntry: Sendable {
  /// "pets": the value of `agent.type`.
  package var name: String
  package var summary: String
  /// Which of the sections `model` and `planner` belong to a configuration of this agent.
  package var usesModel: Bool
  package var usesPlanner: Bool
  package var makeConfiguration: @Sendable () -> any AgentConfiguration
  /// Changes the defaults of `model` and `planner` to what suits this agent.
  package var setDefaults: @Sendable (inout AlgorithmConfiguration) -> Void = { _ in }
}

/// The settings of one kind of agent: the section `agent`, apart from its "type".
package protocol AgentConfiguration: Configurable {
  /// Reports settings that do not suit the environment or each other.
  func check(_ algorithm: AlgorithmConfiguration, for environment: any SnapshotEnvironment, _ fields: Fields)
  /// Builds the agent. The configuration has been checked.
  func makeAgent(_ algorithm: AlgorithmConfiguration, _ context: AgentContext) throws -> any Agent
}

/// Every agent; a new one is one file and one line here.
package enum AgentRegistry {
  package static let entries: [AgentEntry] = [
    AgentEntry(
      name: "random", summary: "uniformly random actions: the baseline every learner has to beat",
      usesModel: false, usesPlanner: false, makeConfiguration: { RandomAgent.Configuration() }),
    AgentEntry(
      name: "pets", summary: "probabilistic ensemble, trajectory sampling, planning at every step (Chua et al. 2018)",
      usesModel: true, usesPlanner: true, makeConfiguration: { PETS.Configuration() }),
    AgentEntry(
      name: "random-shooting", summary: "one deterministic network and random-shooting MPC (Nagabandi et al. 2018)",
      usesModel: true, usesPlanner: true, makeConfiguration: { PETS.Configuration() },
      setDefaults: { algorithm in
        var model = EnsembleDynamics.Configuration()
        model.kind = .deterministic
        model.ensembleSize = 1
        model.bootstrap = false
        algorithm.model.model = model
        algorithm.planner.select("random-shooting")
        algorithm.planner.propagation = .expectation
        algorithm.planner.particles = 1
      }),
    AgentEntry(
      name: "dyna-q",
      summary: "Q-learning, Dyna-Q, Dyna-Q+, prioritized sweeping on tables (Sutton & Barto, chapter 8)",
      usesModel: false, usesPlanner: false, makeConfiguration: { DynaQ.Configuration() }),
    AgentEntry(
      name: "dyna", summary: "Dyna with networks: Double DQN on real and imagined transitions of an ensemble",
      usesModel: true, usesPlanner: false, makeConfiguration: { NeuralDyna.Configuration() },
      setDefaults: { algorithm in
        var model = EnsembleDynamics.Configuration()
        model.hiddenSizes = [64, 64]
        model.batchSize = 64
        algorithm.model.model = model
      }),
  ]

  package static func entry(_ name: String) -> AgentEntry? { entries.first { $0.name == name } }
}

/// The sections `agent`, `model` and `planner` of an experiment.
package struct AlgorithmConfiguration: Sendable {
  package var agentType = AgentRegistry.entries[0].name
  package var agent: any AgentConfiguration = AgentRegistry.entries[0].makeConfiguration()
  package var model = ModelConfiguration()
  package var planner = PlannerConfiguration()

  package init() {}

  /// Declares the sections on the experiment's own fields; those the agent does not use are unknown settings.
  package mutating func declare(_ fields: Fields) {
    var type = agentType
    var configuration = agent
    var isDecided = fields.mentions("agent") || !(fields.mentions("model") || fields.mentions("planner"))
    fields.section("agent", "the learner; \"type\" decides which other settings it has") { fields in
      let isKnown = fields.choice("type", &type, from: AgentRegistry.entries.map(\.name), "which agent learns")
      isDecided = isDecided && isKnown && (fields.mentions("type") || !fields.mentionsAnything)
      configuration = AgentRegistry.entry(type)!.makeConfiguration()
      if isDecided { configuration.declare(fields) } else { fields.tolerateUnknownKeys() }
    }
    agentType = type
    agent = configuration
    let entry = AgentRegistry.entry(type)!
    entry.setDefaults(&self)
    // Where the agent itself is in doubt, its sections are checked by themselves.
    let without = "has no such section; remove it, or choose another agent.type"
    if entry.usesModel || !isDecided {
      fields.section("model", &model, "the learned model of the dynamics")
    } else {
      fields.refuse("model", "the agent \"\(type)\" \(without)")
    }
    if entry.usesPlanner || !isDecided {
      fields.section("planner", &planner, "how actions are searched in imagination")
    } else {
      fields.refuse("planner", "the agent \"\(type)\" \(without)")
    }
  }

  /// Reports what does not fit the environment.
  package func check(for environment: any SnapshotEnvironment, _ fields: Fields) {
    agent.check(self, for: environment, fields)
  }

  package func makeAgent(_ context: AgentContext) throws -> any Agent { try agent.makeAgent(self, context) }
}
