import Algorithms
import Environments
import Support

/// Transitions that a learned model makes up.
extension RunLoop {
  /// What is imagined: so many transitions of the present policy, or of random actions, in rollouts that begin where
  /// episodes do or at given states.
  package struct Imagining: Sendable {
    package var steps = 10_000
    /// Steps of a rollout at most; nil: the task's limit, or one from given states.
    package var horizon: Int?
    /// Rollout i draws as episode `seed` + i does and begins in the state that follows the reset with that seed.
    package var seed = 0
    package var isStochastic = false
    package var isRandom = false
    /// States that rollouts begin in, evenly spread over the file's rows; nil: those after a reset.
    package var starts: TransitionFile?
    /// Asked before every step: whether to leave it at what there is.
    package var shouldStop: @Sendable () -> Bool = { false }

    package init() {}
  }

  /// Steps through the agent's model, each by an elite that is drawn for it, noise included, as agents that learn from
  /// rollouts take them. A rollout that reaches its horizon is truncated.
  /// - Throws: `.failed` where the agent has no model of observations; `DivergedError`.
  package func imagine(_ imagining: Imagining) throws -> TransitionFile {
    var environment = try configuration.environment.make()
    let specification = environment.specification
    guard let model = agent.model, agent.openLoopModel == nil else {
      throw ExperimentError.failed(
        "this agent learns no model that says which observation follows; agents with one: pets, mbpo, double-horizon, "
          + "dyna")
    }
    guard case .box = specification.observationSpace else {
      throw ExperimentError.failed("\(specification.id) observes no vectors; only those are imagined")
    }
    guard frozenNormalizer == nil else {
      throw ExperimentError.failed(
        "the model speaks of normalised observations (environment.wrappers.normalizesObservations), which no file holds"
      )
    }
    guard let horizon = imagining.horizon ?? (imagining.starts == nil ? configuration.environment.stepLimit : 1) else {
      throw ExperimentError.failed("episodes of this task have no step limit: say how long rollouts are")
    }
    let random = RandomStream(seed: 0).stream("imagined transitions")
    let policy: any Policy =
      imagining.isRandom
      ? EpisodePolicy(
        UniformPolicy(specification.legalActions), isStochastic: true, rows: 1, random: random.stream("random"))
      : agent.makePolicy(isStochastic: imagining.isStochastic, rows: 1, random: random.stream("policy"))
    let (size, columns) = (specification.observationSpace.size, specification.actionSpace.columns)
    let step = ImaginedStep(capacity: 1, observationSize: size, actionColumns: columns)
    let (seen, chosen) = (RowBuffer(1, size), RowBuffer(1, columns))
    let actions = ActionRows(chosen.rows, specification.actionSpace)
    let rollouts = (imagining.steps + horizon - 1) / horizon
    var (file, rollout, time) = (TransitionFile(specification), 0, 0)
    while file.count < imagining.steps && !imagining.shouldStop() {
      if time == 0 {
        if let starts = imagining.starts {
          starts.readObservation(rollout % max(1, rollouts) * starts.count / max(1, rollouts), into: seen.memory)
        } else {
          try environment.reset(seed: UInt64(imagining.seed + rollout))
          environment.observe(into: seen.memory)
        }
        step.state.copy(seen.read)
      }
      let now = seen.read.array
      try policy.act(
        in: Situation(observations: seen.read, isFirst: [time == 0], episode: [imagining.seed + rollout]), into: actions
      )
      step.action.copy(chosen.read)
      model.advance(step, by: .drawn, noise: random.stream("dynamics").stream(UInt64(file.count)))
      seen.rows.copy(Rows(step.next))
      let next = seen.read.array
      let reward = Double(step.reward[0, 0])
      guard reward.isFinite, next.allSatisfy(\.isFinite) else { throw DivergedError(quantity: "an imagined step") }
      time += 1
      let isTerminated = step.ended[0, 0] > 0.5
      let outcome = Outcome(reward: reward, isTerminated: isTerminated, isTruncated: !isTerminated && time == horizon)
      file.append(now, actions.action(0), outcome, next: next, isFirst: time == 1)
      step.carryOn()
      if outcome.isOver { (rollout, time) = (rollout + 1, 0) }
    }
    return file
  }
}
