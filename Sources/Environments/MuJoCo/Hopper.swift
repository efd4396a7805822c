import Support

/// Hopper-v5: a planar leg hops forward without falling.
///
/// T. Erez, Y. Tassa, E. Todorov, "Infinite horizon model predictive control for nonlinear periodic tasks" (2011);
/// Gymnasium 1.4.0, bit for bit:
///
///     reward = forwardRewardWeight · Δx/dt + healthyReward · healthy − ctrlCostWeight · Σ a²
///     healthy: z, angle, and everything from qpos[2] on lie within their ranges, bounds excluded
///
/// Terminates where it is not healthy; 1000 steps of 4 × .002 s.
package struct Hopper: MotionTask {
  package struct Configuration: Configurable {
    package var forwardRewardWeight = 1.0
    package var ctrlCostWeight = 1e-3
    package var healthyReward = 1.0
    package var terminateWhenUnhealthy = true
    package var healthyStateRange = [-100.0, 100]
    package var healthyZRange = [0.7]
    package var healthyAngleRange = [-0.2, 0.2]
    package var resetNoiseScale = 5e-3
    package var excludeCurrentPositionsFromObservation = true

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.weight("forwardRewardWeight", &forwardRewardWeight, "the velocity forward")
      fields.weight("ctrlCostWeight", &ctrlCostWeight, "the squares of actions")
      fields.health(&healthyReward, &terminateWhenUnhealthy)
      fields.range("healthyStateRange", &healthyStateRange, "angle and velocity of a healthy robot")
      fields.range("healthyZRange", &healthyZRange, "height (m) of a healthy robot")
      fields.range("healthyAngleRange", &healthyAngleRange, "angle (rad) of a healthy robot")
      fields.resetNoise(&resetNoiseScale, "bound for positions and velocities")
      fields.exclusion(&excludeCurrentPositionsFromObservation, "x")
    }
  }

  package static let facts = MuJoCoFacts(
    id: "Hopper-v5", model: "hopper.xml",
    counts: MuJoCoCounts(positions: 6, velocities: 6, bodies: 5, controls: 3, within: 1), frameSkip: 4, timestep: 0.002,
    stepLimit: 1000, rewardThreshold: 3800, summary: "hop forward on one planar leg, in MuJoCo (1000 steps)")
  package static let view = MuJoCoView.side(-1.6...1.6, -0.3...1.8)

  package let configuration: Configuration
  private let health: PlanarHealth
  private let healthyState: MuJoCoRange
  private let counts: MuJoCoCounts

  package init(_ configuration: Configuration, _ model: MuJoCoModel) throws(MuJoCoError) {
    try model.require(positions: 3)
    (self.configuration, counts) = (configuration, model.counts)
    health = PlanarHealth(configuration.healthyZRange, configuration.healthyAngleRange)
    healthyState = MuJoCoRange(configuration.healthyStateRange)
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

  private func isHealthy(_ simulation: MuJoCoSimulation) -> Bool {
    let counts = simulation.model.counts
    return (2..<counts.positions).allSatisfy { healthyState.surrounds(simulation.position[$0]) }
      && (0..<counts.velocities).allSatisfy { healthyState.surrounds(simulation.velocity[$0]) }
      && health.holds(simulation.position[1], simulation.position[2])
  }

  package func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome {
    let isHealthy = isHealthy(simulation)
    let rewards =
      configuration.forwardRewardWeight * step.velocity.x + (isHealthy ? 1 : 0) * configuration.healthyReward
    return Outcome(
      reward: rewards - step.controlCost(configuration.ctrlCostWeight),
      isTerminated: !isHealthy && configuration.terminateWhenUnhealthy)
  }

  /// The end, but for velocities that are clipped before they leave their range.
  package var knownDynamics: (any KnownDynamics)? {
    guard configuration.terminateWhenUnhealthy else { return KnownHealth() }
    let (height, first) = (1 - firstPosition, counts.positions - firstPosition)
    var bounds: [KnownHealth.Bound] = [.init(height, health.height), .init(height + 1, health.angle)]
    bounds += (height + 1..<first + counts.velocities).map { .init($0, healthyState) }
    return KnownHealth(bounds: bounds, clipped: (first..<first + counts.velocities, Float(Hopper.velocityBound)))
  }
}

/// Whether a planar robot stands: height and angle within their ranges, bounds excluded.
struct PlanarHealth: Sendable {
  let height, angle: MuJoCoRange

  init(_ height: [Double], _ angle: [Double]) {
    (self.height, self.angle) = (MuJoCoRange(height), MuJoCoRange(angle))
  }

  func holds(_ height: Double, _ angle: Double) -> Bool {
    self.height.surrounds(height) && self.angle.surrounds(angle)
  }
}
