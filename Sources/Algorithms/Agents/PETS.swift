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
/// with the environment itself. An inverse model, off by default, learns beside, may propose plans and may judge the
/// ensemble's errors.
package final class PETS: Agent {
  package struct Configuration: AgentConfiguration {
    /// Steps 1 and 2: random steps, fits, replay.
    package var learning = ModelLearner.Settings(initialRandomSteps: 200, fitEvery: 0, replayCapacity: 1_000_000)
    /// Share of the episodes after the first fit that act at random.
    package var randomEpisodes = 0.0
    /// Steps that a random action is held for: sticky exploration for tasks that white noise cannot explore.
    package var randomActionRepeat = 1
    package var inverse = InverseModel.Settings()
    /// The section `model`.
    package var model = Variant<DynamicsModels>()
    /// The section `planner`.
    package var planner = PlannerConfiguration()

    package init() {}

    package mutating func declare(_ fields: Fields) {
      learning.declare(fields)
      fields.number("randomEpisodes", &randomEpisodes, in: 0...1, "share of later episodes that act at random")
      fields.integer("randomActionRepeat", &randomActionRepeat, in: 1...10_000, "steps a random action is held for")
      fields.section("inverse", &inverse, "a model of the action between two observations; off at first")
    }

    package mutating func declareSections(_ experiment: Fields) {
      DynamicsModels.leaveOut(experiment, unless: \.servesPlanners)
      experiment.section("model", &model, chooser: "type", "the learned model of the dynamics")
      experiment.section("planner", &planner, chooser: "type", PlannerConfiguration.help)
    }

    package func misfit(_ task: EnvironmentDescription) -> String? {
      planner.model == .learned ? DynamicsModels.misfit(task) : nil
    }

    package func check(_ task: EnvironmentDescription, _ fields: Fields) {
      planner.check(task, fields)
      guard planner.model == .learned else { return }
      model.settings.check(task, fields)
      if !model.settings.servesPlanners {
        fields.fault("model.type", "no plan can be scored by \"\(model.type)\"; use \"ensemble\"")
      }
    }

    package func warn(_ task: EnvironmentDescription, lanes: Int, steps: Int, _ fields: Fields) {
      planner.warn(task, fields)
      if planner.model == .learned {
        learning.warn(steps: steps, fields)
        model.settings.warn(replayCapacity: learning.replayCapacity, fields)
        inverse.warn(fields)
        if !takesProposals {
          fields.unused(
            "agent.inverse.proposals", because: "planner.type \"\(planner.optimizer.type)\" takes no proposals")
        }
        if planner.rollout.pessimism > 0, !model.settings.hasDisagreement {
          fields.unused("planner.pessimism", because: "one network has nobody to disagree with")
        }
        return
      }
      let reason = "with planner.model \"true\" nothing is learned"
      for name in ["agent.initialRandomSteps", "agent.fitEvery", "agent.replayCapacity", "agent.inverse", "model"] {
        fields.unused(name, because: reason)
      }
      if randomEpisodes == 0 { fields.unused("agent.randomActionRepeat", because: "no action is random") }
    }

    private var takesProposals: Bool { planner.optimizer.type == "random-shooting" }

    /// Settings of the inverse model as they count; nil: there is none.
    fileprivate var inverseInUse: InverseModel.Settings? {
      guard inverse.epochs > 0 && planner.model == .learned else { return nil }
      var used = inverse
      if !takesProposals { used.proposals = 0 }
      return used
    }

    package func memory(_ task: EnvironmentDescription, lanes: Int, steps: Int) -> MemoryNeed {
      let space = task.specification.actionSpace
      var need = MemoryNeed()
      // Every environment has a search of its own, and so has an evaluation.
      need.add(planner.optimizer.settings.memory(horizon: planner.rollout.horizon, space: space), times: lanes + 1)
      if planner.model == .learned {
        need.add(learning.memory(task, steps: steps))
        let rows = MemoryNeed.product(planner.optimizer.settings.differentiatedPlans, planner.rollout.horizon)
        need.add(
          model.settings.memory(
            task, transitions: learning.transitions(steps: steps), differentiatedRows: rows))
        if let inverse = inverseInUse {
          need.add(
            inverse.memory(
              task, transitions: learning.transitions(steps: steps), horizon: planner.rollout.horizon))
        }
      }
      return need
    }

    package var usesBfloat16: Bool { planner.rollout.precision == .bfloat16 }

    package func planCost(_ task: EnvironmentDescription) -> PlanCost? {
      PlanCost(planner, planner.model == .learned ? model.settings : nil, task)
    }

    package func makeAgent(_ context: AgentContext) throws -> any Agent { PETS(self, context) }

    /// One deterministic network and uniform sequences.
    static var randomShooting: Configuration {
      var model = EnsembleDynamics.Configuration()
      model.kind = .deterministic
      model.ensembleSize = 1
      model.bootstrap = false
      var configuration = Configuration()
      configuration.model.settings = model
      configuration.planner.optimizer = Variant("random-shooting")
      configuration.planner.rollout.propagation = .expectation
      configuration.planner.rollout.particles = 1
      return configuration
    }
  }

  /// Where one lane stands.
  private struct Lane {
    var episode = -1
    var actsAtRandom = true
    /// Steps that the held action is still repeated for.
    var holdsFor = 0
  }

  private let configuration: Configuration
  private let context: AgentContext
  /// nil where the planner imagines with the environment itself.
  private let learner: ModelLearner?
  private let inverse: InverseModel?
  private let proposals: InverseProposals?
  private let scorer: any PlanScorer
  private let controller: PlanningController
  private var random: RandomStream
  private var randomActions: RandomStream
  private let held: RowBuffer
  private var lanes: [Lane]

  package init(_ configuration: Configuration, _ context: AgentContext) {
    self.configuration = configuration
    self.context = context
    let (planner, space) = (configuration.planner, context.specification.actionSpace)
    if planner.model == .learned {
      let learner = ModelLearner(configuration.learning, configuration.model.settings, learnsModel: true, context)
      let model = learner.model!
      let modelScorer = model.makeScorer(planner.rollout)
      let random = context.random.stream("inverse")
      inverse = configuration.inverseInUse.map {
        InverseModel($0, DynamicsLayout(context.task), space, random: random, pool: context.pool)
      }
      if let inverse, inverse.settings.featureLoss > 0 {
        model.judge(byFeaturesOf: inverse, weight: inverse.settings.featureLoss)
      }
      proposals = inverse.flatMap { inverse in
        guard inverse.settings.proposals > 0 else { return nil }
        return InverseProposals(
          modelScorer, model, inverse, context.specification, horizon: planner.rollout.horizon,
          random: random.stream("proposals"))
      }
      scorer = proposals ?? modelScorer
      self.learner = learner
    } else {
      scorer = TrueModelScorer(planner.rollout, pool: context.pool)
      (learner, inverse, proposals) = (nil, nil, nil)
    }
    let noise = context.random.stream("planner")
    controller = PlanningController(
      planner, space: space, scorer: scorer, rows: context.lanes,
      advice: { [learner] in PETS.advice(planner, learner) }, noise: { noise.stream(UInt64($0)) })
    random = context.random.stream("exploration")
    randomActions = context.random.stream("policy")
    held = RowBuffer(context.lanes, space.columns)
    lanes = [Lane](repeating: Lane(), count: context.lanes)
  }

  /// What may help where every imagined trajectory diverges.
  private static func advice(_ planner: PlannerConfiguration, _ learner: ModelLearner?) -> String? {
    guard let learner else { return nil }
    let data = "a model fitted to \(learner.replay.count) transitions"
    return "\(data) does not hold for \(planner.rollout.horizon) steps: lower planner.horizon, or raise "
      + "agent.initialRandomSteps for more data before the first fit"
  }

  package var metricNames: [String] {
    ModelLearner.metricNames + ["planned_return"] + (inverse == nil ? [] : ["inverse_loss", "inverse_accuracy"])
  }
  package var tables: [TableDeclaration] { learner?.model?.tables ?? [] }

  /// Whether there is something to plan with.
  private var isReady: Bool { learner?.isFitted ?? true }

  package func act(in situation: Situation, into actions: ActionRows) throws {
    for lane in lanes.indices where lanes[lane].episode != situation.episode[lane] {
      begin(lane, situation.episode[lane])
    }
    let isReady = isReady
    context.pool.activity.set(isReady ? .planning : .random)
    try controller.act(in: situation, into: actions) { isReady && !lanes[$0].actsAtRandom }  // step 3
    for lane in lanes.indices where !isReady || lanes[lane].actsAtRandom { explore(lane, actions) }  // step 1
  }

  private func begin(_ lane: Int, _ episode: Int) {
    // The draw is taken in every episode, so that the share does not shift the others' randomness.
    let draw = random.uniform()
    lanes[lane] = Lane(episode: episode, actsAtRandom: isReady && draw < configuration.randomEpisodes)
  }

  private func explore(_ lane: Int, _ actions: ActionRows) {
    if lanes[lane].holdsFor == 0 {
      ActionRows(held.rows, actions.space).setUniform(lane, &randomActions)
      lanes[lane].holdsFor = configuration.randomActionRepeat
    }
    lanes[lane].holdsFor -= 1
    actions.set(lane, held.read.row(lane))
  }

  package func observe(_ steps: Transitions) { learner?.observe(steps) }

  package func learn(_ metrics: inout Metrics) throws {
    if let plannedReturn = controller.plannedReturn { metrics.record("planned_return", plannedReturn) }
    guard let learner else { return }
    metrics.bufferSize = learner.replay.count
    guard learner.isDue else { return }  // steps 2 and 4
    if let inverse {
      metrics.updates += try fit(inverse, and: learner, &metrics)
    } else {
      metrics.updates += try learner.fit(&metrics)
    }
  }

  /// - Returns: optimiser steps taken.
  private func fit(_ inverse: InverseModel, and learner: ModelLearner, _ metrics: inout Metrics) throws -> Int {
    let before = try StateSnapshot(of: inverse)
    let report = try inverse.fit(learner.replay)
    let updates: Int
    do {
      updates = try learner.fit(&metrics)
    } catch let interruption as InterruptedError {
      // Both are fitted by the next call, from where they were.
      try before.restore(inverse)
      throw interruption
    }
    proposals?.renew(from: learner.replay)
    metrics.record("inverse_loss", report.loss)
    if let accuracy = report.accuracy { metrics.record("inverse_accuracy", accuracy) }
    return report.updates + updates
  }

  package func makePolicy(isStochastic: Bool, rows: Int, random: RandomStream) -> any Policy {
    guard isReady else {
      let uniform = UniformPolicy(context.specification.legalActions)
      return EpisodePolicy(uniform, isStochastic: true, rows: rows, random: random)
    }
    // Planning is its own source of noise; there is no other to switch on or off.
    return PlanningController(
      configuration.planner, space: context.specification.actionSpace, scorer: scorer, rows: rows,
      advice: { [configuration, learner] in PETS.advice(configuration.planner, learner) },
      noise: { random.stream(UInt64($0)).stream("planner") })
  }

  package var facts: [(name: String, value: String)] {
    [("transitions", String(learner?.replay.count ?? 0)), ("fitted", isReady ? "yes" : "no")]
      + (learner?.model?.facts ?? []) + (inverse?.facts ?? [])
  }

  package var model: (any DynamicsModel)? { learner?.fittedModel }
  package var inverseModel: InverseModel? { inverse.flatMap { $0.isFitted ? $0 : nil } }
  package var replay: Replay? { learner?.replay }

  package func archive(_ archive: Archive) throws {
    for lane in lanes.indices {
      try archive.scope("lane\(lane)") {
        try archive.value("episode", &lanes[lane].episode)
        try archive.value("actsAtRandom", &lanes[lane].actsAtRandom)
        try archive.value("holdsFor", &lanes[lane].holdsFor)
      }
    }
    try archive.part("held", held)
    try archive.part("random", &random)
    try archive.part("randomActions", &randomActions)
    try archive.part("controller", controller)
    try learner?.archive(archive)
    if let inverse { try archive.part("inverse", inverse) }
    if let proposals { try archive.part("proposals", proposals) }
  }
}
