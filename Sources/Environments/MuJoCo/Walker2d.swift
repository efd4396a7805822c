import Support

/// Walker2d-v5: a planar robot with two legs walks forward without falling.
///
/// T. Erez, Y. Tassa, E. Todorov, "Infinite horizon model predictive control for nonlinear periodic tasks" (2011);
/// Gymnasium 1.4.0, bit for bit:
///
///     reward = forwardRewardWeight · Δx/dt + healthyReward · healthy − ctrlCostWeight · Σ a²
///     healthy: z and angle lie within their ranges, bounds excluded
///
/// Terminates where it is not healthy; 1000 steps of 4 × .002 s.
package struct Walker2d: MotionTask {
  package struct Configuration: Configurable {
    package var forwardRewardWeight = 1.0
    package var ctrlCostWeight = 1e-3
    package var healthyReward = 1.0
    package var terminateWhenUnhealthy = true
    package var healthyZRange = [0.8, 2]
    package var healthyAngleRange = [-1.0, 1]
    package var resetNoiseScale = 5e-3
    package var excludeCurrentPositionsFromObservation = true

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.weight("forwardRewardWeight", &forwardRewardWeight, "the velocity forward")
      fields.weight("ctrlCostWeight", &ctrlCostWeight, "the squares of actions")
      fields.health(&healthyReward, &terminateWhenUnhealthy)
      fields.range("healthyZRange", &healthyZRange, "height (m) of a healthy robot")
      fields.range("healthyAngleRange", &healthyAngleRange, "angle (rad) of a healthy robot")
      fields.resetNoise(&resetNoiseScale, "bound for positions and velocities")
      fields.exclusion(&excludeCurrentPositionsFromObservation, "x")
    }
  }

  package static let facts = MuJoCoFacts(
    id: "Walker2d-v5", model: "walker2d_v5.xml",
    counts: MuJoCoCounts(positions: 9, velocities: 9, bodies: 8, controls: 6, within: 1), frameSkip: 4, timestep: 0.002,
    stepLimit: 1000, summary: "walk forward on two planar legs, in MuJoCo (1000 steps)")
  package static let view = MuJoCoView.side(-1.6...1.6, -0.3...1.8)

  package let configuration: Configuration
  private let health: PlanarHealth

  package init(_ configuration: Configuration, _ model: MuJoCoModel) throws(MuJoCoError) {
    try model.require(positions: 3)
    self.configuration = configuration
    health = PlanarHealth(configuration.healthyZRange, configuration.healthyAngleRange)
  }

  /// Seen: z (m) and angles (rad), x first where it is not left out; their velocities, clipped.
  package static func hiddenPositions(_ configuration: Configuration) -> Int {
    configuration.excludeCurrentPositionsFromObservation ? 1 : 0
  }

  package static var velocityBound: Double { 10 }

  package func begin(_ simulation: MuJoCoSimulation, _ random: inout NumPyRandom) {
    simulation.perturbPositions(&random, configuration.resetNoiseScale)
    simulation.perturbVelocities(&random, configuration.resetNoiseScale)
  }

  package func place(_ simulation: MuJoCoSimulation) -> SIMD2<Double> { simulation.root }

  package func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome {
    let isHealthy = health.holds(simulation.position[1], simulation.position[2])
    let rewards =
      configuration.forwardRewardWeight * step.velocity.x + (isHealthy ? 1 : 0) * configuration.healthyReward
    return Outcome(
      reward: rewards - step.controlCost(configuration.ctrlCostWeight),
      isTerminated: !isHealthy && configuration.terminateWhenUnhealthy)
  }

  package var knownDynamics: (any KnownDynamics)? {
    guard configuration.terminateWhenUnhealthy else { return KnownHealth() }
    let height = 1 - firstPosition
    return KnownHealth(bounds: [.init(height, health.height), .init(height + 1, health.angle)])
  }
}
