import Environments
import Support

/// Every agent; a new one is one file and one line here.
package enum Agents: Family {
  package static let meaning = "which agent learns"
  package static let entries: [Entry<any AgentConfiguration>] = [
    Entry("random", "uniformly random actions: the baseline every learner has to beat") { RandomAgent.Configuration() },
    Entry("pets", "probabilistic ensemble, trajectory sampling, planning at every step (Chua et al. 2018)") {
      PETS.Configuration()
    },
    Entry("random-shooting", "one deterministic network and random-shooting MPC (Nagabandi et al. 2018)") {
      PETS.Configuration.randomShooting
    },
    Entry("dyna-q", "Q-learning, Dyna-Q, Dyna-Q+, prioritized sweeping on tables (Sutton & Barto, chapter 8)") {
      DynaQ.Configuration()
    },
    Entry("sac", "soft actor-critic, for vectors of actions and for discrete ones (Haarnoja et al. 2018)") {
      SAC.Configuration()
    },
    Entry("mbpo", "soft actor-critic on short rollouts of a learned ensemble (Janner et al. 2019)") {
      MBPO.Configuration()
    },
    Entry("double-horizon", "short differentiable rollouts of a model from states of long ones (Kubo et al. 2025)") {
      DoubleHorizon.Configuration()
    },
    Entry(
      "ppo",
      "proximal policy optimisation from vectors or pictures, box and discrete actions (Schulman et al. 2017)"
    ) {
      PPO.Configuration()
    },
    Entry("dyna", "Dyna with networks: Double DQN on real and imagined transitions of an ensemble") {
      NeuralDyna.Configuration()
    },
    Entry("dqn", "deep Q-learning: double, dueling, prioritised, n-step as settings (Mnih et al. 2015)") {
      NeuralDyna.Configuration.dqn
    },
    Entry("dreamer", "DreamerV3: a policy learned in the dreams of a recurrent world model (Hafner et al. 2023)") {
      Dreamer.Configuration()
    },
  ]

  package static func declare(_ settings: inout any AgentConfiguration, _ fields: Fields) { settings.declare(fields) }

  /// Sections that some agent has beside "agent", with what they are where the agent itself is in doubt.
  private static let sections: [(name: String, declare: @Sendable (Fields, String) -> Void)] = [
    ("model", { DynamicsModels.declareSection($0, $1) }), ("planner", { PlannerConfiguration.declareSection($0, $1) }),
  ]

  /// Declares the section "agent" and those that the agent has beside it on the experiment's own fields; other agents'
  /// sections are refused.
  package static func declareSections(of agent: inout Variant<Agents>, _ experiment: Fields) {
    var isDecided = experiment.hasSection("agent") || !sections.contains { experiment.mentions($0.name) }
    let help = "the learner; \"type\" decides which other settings it has"
    experiment.section("agent", chooser: "type", help) { fields in
      let isKnown = agent.declareType(fields)
      isDecided = isDecided && isKnown && (fields.mentions("type") || !fields.mentionsAnything)
      if isDecided { agent.settings.declare(fields) } else { fields.tolerateUnknownKeys() }
    }
    if isDecided {
      experiment.deciders = ["agent.type"]
      agent.settings.declareSections(experiment)
      experiment.deciders = []
    }
    for (name, declare) in sections where !experiment.declares(name) {
      if isDecided {
        experiment.refuse(
          name, "the agent \"\(agent.type)\" has no such section", "remove it, or choose another agent.type",
          after: "agent.type")
      } else {
        declare(experiment, name)
      }
    }
  }
}

extension Agents {
  /// The agents that learn a task with their standard settings; the random one where there is no other.
  package static func suiting(_ task: EnvironmentDescription) -> [String] {
    let learners = entries.dropFirst().filter { entry in
      let (settings, fields) = (entry.preset(), Fields())
      settings.check(task, fields)
      return settings.misfit(task) == nil && fields.faults.isEmpty
    }
    return learners.isEmpty ? [entries[0].name] : learners.map(\.name)
  }
}

/// The settings of one kind of agent: the section "agent", apart from its "type", and the sections that it has beside
/// that one.
package protocol AgentConfiguration: Configurable {
  /// Declares what stands beside "agent": model, planner. Default: nothing.
  mutating func declareSections(_ experiment: Fields)
  /// Why it cannot learn tasks of this kind; nil where it can. Default: nil.
  func misfit(_ task: EnvironmentDescription) -> String?
  /// Reports settings that do not suit the task or each other, of an agent that is no misfit.
  func check(_ task: EnvironmentDescription, _ fields: Fields)
  /// Warns of settings that nothing reads, and of runs that end at such an environment step, of all lanes together, in
  /// which nothing will be learned.
  func warn(_ task: EnvironmentDescription, lanes: Int, steps: Int, _ fields: Fields)
  /// What the agent will hold in memory in a run of so many environment steps, as far as the settings tell.
  func memory(_ task: EnvironmentDescription, lanes: Int, steps: Int) -> MemoryNeed
  /// Whether networks multiply in bfloat16, which not every machine does fast. Default: no.
  var usesBfloat16: Bool { get }
  /// What one planned step costs; default: nil, it does not plan.
  func planCost(_ task: EnvironmentDescription) -> PlanCost?
  /// Builds the agent. The configuration has been checked.
  func makeAgent(_ context: AgentContext) throws -> any Agent
}

extension AgentConfiguration {
  package mutating func declareSections(_ experiment: Fields) {}
  package func misfit(_ task: EnvironmentDescription) -> String? { nil }
  package func check(_ task: EnvironmentDescription, _ fields: Fields) {}
  package var usesBfloat16: Bool { false }
  package func planCost(_ task: EnvironmentDescription) -> PlanCost? { nil }
}
