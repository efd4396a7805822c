import Environments
import Support

/// Tabular Dyna-Q and its family (Sutton 1990, "Integrated architectures for learning, planning, and reacting based on
/// approximating dynamic programming"; Sutton & Barto 2018, chapters 6 to 8).
///
/// Loop:
/// a. S ← the present state.
/// b. A ← ε-greedy(S, Q), ties broken at random.
/// c. Take A; observe R and S'.
/// d. Q(S, A) ← Q(S, A) + α·(R + γ·max Q(S', ·) − Q(S, A)); no value beyond a terminated step.
/// e. Model(S, A) ← R, S'.
/// f. Repeat n times: draw a tried (S, A); R, S' ← Model(S, A); update Q(S, A) as in d.
///
/// n = 0 is Q-learning. `explorationBonus` κ > 0 is Dyna-Q+: imagined rewards are R + κ√τ, τ the steps since the pair
/// was last tried, and untried actions of visited states are imagined too. `backup` exchanges the target of d (and f),
/// `model` what e remembers, `planning` "prioritized" the draw of f for a queue of the largest changes.
package final class DynaQ: Agent {
  package struct Configuration: AgentConfiguration {
    /// n of step f, per environment step.
    package var planningSteps = 10
    /// α.
    package var learningRate = Schedule(start: 0.1)
    /// ε.
    package var exploration = Schedule(start: 0.1)
    /// Everything that the backups need.
    package var settings = TabularLearner.Settings()

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.integer("planningSteps", &planningSteps, in: 0...10_000_000, "imagined updates per step; 0: Q-learning")
      fields.section("learningRate", &learningRate, "α: the share of the error that an update takes")
      fields.section("exploration", &exploration, "ε: how often an action is random")
      fields.number("discount", &settings.discount, in: 0...1, "γ: the weight of the next step's value")
      fields.choice("backup", &settings.backup, "what the next state is taken to be worth")
      fields.integer(
        "backupSteps", &settings.backupSteps, in: 1...1000, "n of the tree backup; others look one step ahead")
      fields.choice("model", &settings.model, "remember a pair's last outcome, or count all of them")
      fields.choice("countedUpdate", &settings.countedUpdate, "draw one counted outcome, or take their mean")
      fields.choice("planning", &settings.planning, "random tried pairs, or prioritized sweeping")
      fields.number("priorityThreshold", &settings.priorityThreshold, in: 0...1e12, "θ: smaller changes are not swept")
      fields.number("explorationBonus", &settings.explorationBonus, in: 0...1e6, "κ of Dyna-Q+; 0: none")
      fields.number("initialValue", &settings.initialValue, in: -1e12...1e12, "Q before anything was learned")
      if settings.planning == .prioritized && settings.explorationBonus > 0 {
        fields.fault("explorationBonus", "prioritized sweeping has no bonus; use \"planning\": \"random\"")
      }
    }

    package func misfit(_ task: EnvironmentDescription) -> String? {
      let specification = task.specification
      if case .discrete = specification.observationSpace, case .discrete = specification.actionSpace { return nil }
      return "a table needs discrete states and actions; \(specification.id) has vectors"
    }

    package func warn(_ task: EnvironmentDescription, lanes: Int, steps: Int, _ fields: Fields) {
      if settings.backup != .treeBackup {
        fields.unused("agent.backupSteps", because: "agent.backup \"\(settings.backup.rawValue)\" looks one step ahead")
      }
      if settings.model == .lastOutcome {
        fields.unused("agent.countedUpdate", because: "agent.model \"\(settings.model.rawValue)\" counts nothing")
      }
      if settings.planning == .random {
        fields.unused("agent.priorityThreshold", because: "agent.planning \"random\" has no priorities")
      }
      if planningSteps == 0 {
        for name in ["model", "countedUpdate", "planning", "priorityThreshold", "explorationBonus"] {
          fields.unused("agent.\(name)", because: "with agent.planningSteps 0 nothing is imagined")
        }
      }
      if learningRate.isZero {
        fields.warn("agent.learningRate", "nothing will be learned: it is 0 from the first step to the last")
      }
    }

    package func memory(_ task: EnvironmentDescription, lanes: Int, steps: Int) -> MemoryNeed {
      var need = MemoryNeed()
      guard case .discrete(let states) = task.specification.observationSpace else { return need }
      let actions = task.specification.actionSpace.columns
      // Values, the model's outcomes, the queue of prioritized sweeping, and the environment's own transitions.
      need.add("tables: \(states) states × \(actions) actions", bytes: states, actions, 200)
      return need
    }

    package func makeAgent(_ context: AgentContext) throws -> any Agent { try DynaQ(self, context) }
  }

  private let configuration: Configuration
  /// Table, model and backups.
  package let learner: TabularLearner
  private let lanes: Int
  private var random: RandomStream
  private var updates = 0

  /// An agent for an environment whose states and actions are discrete.
  package init(_ configuration: Configuration, _ context: AgentContext) throws {
    guard case .discrete(let states) = context.specification.observationSpace,
      case .discrete(let actions) = context.specification.actionSpace
    else { throw EnvironmentError.failed("a table needs discrete states and actions") }
    self.configuration = configuration
    learner = TabularLearner(
      configuration.settings, states: states, actions: actions, lanes: context.lanes,
      random: context.random.stream("planning"))
    random = context.random.stream("policy")
    lanes = context.lanes
    learner.exploration = configuration.exploration.value(at: 0)
  }

  package var metricNames: [String] { ["epsilon", "learning_rate", "td_error", "known_pairs"] }
  package var actionValues: ActionValues? { learner.values }

  package func act(in situation: Situation, into actions: ActionRows) {
    learner.exploration = configuration.exploration.value(at: learner.steps)
    for row in 0..<situation.count {
      let state = Int(situation.observations[row, 0])  // step a
      let action = learner.values.epsilonGreedyAction(state, exploration: learner.exploration, &random)  // step b
      actions.set(row, index: action)
    }
  }

  package func observe(_ steps: Transitions) {
    for lane in 0..<steps.count {
      learner.learningRate = configuration.learningRate.value(at: learner.steps)
      learner.learn(  // steps d and e
        state: Int(steps.observations[lane, 0]), action: steps.actions.index(lane),
        reward: steps.outcomes[lane].reward, nextState: Int(steps.next[lane, 0]),
        isTerminated: steps.outcomes[lane].isTerminated, isTruncated: steps.outcomes[lane].isTruncated, lane: lane)
    }
  }

  package func learn(_ metrics: inout Metrics) {
    updates += lanes + learner.plan(lanes * configuration.planningSteps)  // step f
    metrics.updates = updates
    metrics.bufferSize = learner.model.count
    metrics.record("epsilon", learner.exploration)
    metrics.record("learning_rate", learner.learningRate)
    metrics.record("td_error", learner.lastError)
    metrics.record("known_pairs", Double(learner.model.count))
  }

  package func makePolicy(isStochastic: Bool, rows: Int, random: RandomStream) -> any Policy {
    EpisodePolicy(
      TabularPolicy(learner.values, exploration: learner.exploration), isStochastic: isStochastic, rows: rows,
      random: random)
  }

  package var facts: [(name: String, value: String)] {
    [
      ("states", String(learner.values.states)), ("actions", String(learner.values.actions)),
      ("known pairs", String(learner.model.count)), ("updates", String(updates)),
    ]
  }

  package func archive(_ archive: Archive) throws {
    try archive.value("updates", &updates)
    try archive.value("learningRate", &learner.learningRate)
    try archive.value("exploration", &learner.exploration)
    try archive.part("random", &random)
    try archive.part("learner", learner)
  }
}
