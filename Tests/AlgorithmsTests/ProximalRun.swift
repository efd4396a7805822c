import Algorithms
import Environments
import Neural
import Support
import Testing

/// An agent of proximal policy optimisation and its environments, step by step.
struct ProximalRun {
  let agent: PPO
  let interaction: Interaction

  /// `agent` without its braces, `environment` whole: settings as JSON.
  init(_ agent: String, on environment: String, lanes: Int = 2, seed: UInt64 = 0, pool: ComputePool? = nil) throws {
    let configuration = configured(EnvironmentConfiguration.self, environment)
    let settings = agentSettings("{\"agent\": {\"type\": \"ppo\", \(agent)}}").settings
    let made = try settings.makeAgent(
      AgentContext(
        try configuration.describe(), lanes: lanes, random: RandomStream(seed: seed),
        pool: pool ?? ComputePool(threads: 1)))
    self.agent = try #require(made as? PPO)
    interaction = Interaction(
      made, EnvironmentGroup(try (0..<lanes).map { _ in try configuration.make() }) { 1000 * seed + UInt64($0) })
  }

  func run(steps: Int) throws { for _ in 0..<steps { try interaction.advance() } }

  /// V of one observation.
  func value(_ observation: [Float]) -> Float {
    let (seen, value) = (RowBuffer(1, observation.count), RowBuffer(1, 1))
    _ = seen.memory.update(fromContentsOf: observation)
    agent.learner.network.evaluate(seen.read, into: value.memory)
    return value.rows[0, 0]
  }

  /// The slope of the whole loss on the rollout along a direction in all parameters, by the gradient, and by a
  /// difference over `distance` to both sides.
  /// - Parameter away: how far the parameters are moved first from those that drew the rollout.
  func slope(
    of objective: ProximalObjective, away: Float, over distance: Float
  ) -> (slope: Double, difference: Double, report: ProximalLearner.Report) {
    let (rollout, network) = (agent.rollout, agent.learner.network)
    var random = RandomStream(seed: 5)
    let direction = FloatBuffer(count: network.store.count)
    func move(by distance: Float) {
      for index in direction.memory.indices { network.store.values[index] += distance * direction[index] }
    }
    random.fillNormal(direction.memory)
    move(by: away)
    random.fillNormal(direction.memory)
    let tape = Tape()
    func terms() -> ProximalObjective.Terms {
      tape.rewind()
      func constant(_ buffer: RowBuffer, _ columns: Int = 1) -> Tensor {
        tape.constant(.init(buffer.memory), rows: rollout.rows, columns: columns)
      }
      let observations = tape.constant(rows: rollout.rows, columns: rollout.observations.columns) {
        rollout.observations.read(0..<rollout.rows, into: $0.baseAddress!)
      }
      let batch = ProximalObjective.Minibatch(
        actions: constant(rollout.actions, rollout.actions.rows.columns),
        oldLogProbabilities: constant(rollout.logProbabilities), advantages: constant(rollout.advantages),
        oldValues: constant(rollout.values), returns: constant(rollout.returns))
      let (distribution, value) = network(observations, on: tape)
      return objective(distribution, value, on: batch, tape)
    }
    func loss(at distance: Float) -> Double {
      move(by: distance)
      defer { move(by: -distance) }
      return Double(tape.scalar(terms().loss))
    }
    network.store.clearGradients()
    let now = terms()
    let report = ProximalLearner.Report(now, clipRange: objective.clipRange, on: tape)
    tape.backward(now.loss)
    let slope = zip(network.store.gradients, direction.memory).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    return (slope, (loss(at: distance) - loss(at: -distance)) / Double(2 * distance), report)
  }
}
