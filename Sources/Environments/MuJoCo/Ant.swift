import Support

/// Ant-v5: a robot with four legs walks forward.
///
/// J. Schulman et al., "High-dimensional continuous control using generalized advantage estimation" (2015); Gymnasium
/// 1.4.0, bit for bit, F being the contact forces on all bodies, clipped to their range:
///
///     reward = forwardRewardWeight · Δx/dt + healthyReward · healthy
///            − (ctrlCostWeight · Σ a² + contactCostWeight · Σ F²)
///     healthy: everything is finite, and z lies within its range, bounds included
///
/// x is where the torso was at the last evaluation inside the last substep. Terminates where it is not healthy; 1000
/// steps of 5 × .01 s. M. Janner et al. (MBPO, 2019) and others learn without the contact forces, from 27 numbers:
/// `includeCfrcExtInObservation` false.
package struct Ant: MotionTask {
  package struct Configuration: Configurable {
    package var forwardRewardWeight = 1.0
    package var ctrlCostWeight = 0.5
    package var contactCostWeight = 5e-4
    package var healthyReward = 1.0
    package var terminateWhenUnhealthy = true
    package var healthyZRange = [0.2, 1]
    package var contactForceRange = [-1.0, 1]
    package var resetNoiseScale = 0.1
    package var excludeCurrentPositionsFromObservation = true
    package var includeCfrcExtInObservation = true

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.weight("forwardRewardWeight", &forwardRewardWeight, "the velocity forward")
      fields.weight("ctrlCostWeight", &ctrlCostWeight, "the squares of actions")
      fields.weight("contactCostWeight", &contactCostWeight, "the squares of contact forces")
      fields.health(&healthyReward, &terminateWhenUnhealthy)
      fields.range("healthyZRange", &healthyZRange, "height (m) of a healthy robot")
      fields.range("contactForceRange", &contactForceRange, "contact force (N, N·m) that is told")
      fields.resetNoise(&resetNoiseScale, "bound for positions, standard deviation for velocities")
      fields.exclusion(&excludeCurrentPositionsFromObservation, "x and y")
      fields.flag("includeCfrcExtInObservation", &includeCfrcExtInObservation, "observations tell contact forces")
    }
  }

  package static let facts = MuJoCoFacts(
    id: "Ant-v5", model: "ant.xml",
    counts: MuJoCoCounts(positions: 15, velocities: 14, bodies: 14, controls: 8, within: 1), frameSkip: 5,
    timestep: 0.01, stepLimit: 1000, rewardThreshold: 6000,
    summary: "walk forward on four legs, in MuJoCo (1000 steps)")
  package static let view = MuJoCoView.oblique(-2...2, -1.3...1.3)
  package static var remembersPlace: Bool { true }

  package let configuration: Configuration
  private let healthyHeight, contactForce: MuJoCoRange
  /// Numbers of contact forces, and of positions and velocities.
  private let forces, numbers: Int

  package init(_ configuration: Configuration, _ model: MuJoCoModel) throws(MuJoCoError) {
    try model.require(positions: 3, bodies: 2)
    self.configuration = configuration
    healthyHeight = MuJoCoRange(configuration.healthyZRange)
    contactForce = MuJoCoRange(configuration.contactForceRange)
    forces = 6 * model.counts.bodies
    numbers = model.counts.positions + model.counts.velocities
  }

  package static func hiddenPositions(_ configuration: Configuration) -> Int {
    configuration.excludeCurrentPositionsFromObservation ? 2 : 0
  }

  package static func observationSize(_ configuration: Configuration, _ counts: MuJoCoCounts) -> Int {
    motionSize(configuration, counts) + (configuration.includeCfrcExtInObservation ? 6 * (counts.bodies - 1) : 0)
  }

  package func begin(_ simulation: MuJoCoSimulation, _ random: inout NumPyRandom) {
    simulation.perturbPositions(&random, configuration.resetNoiseScale)
    simulation.perturbVelocitiesNormally(&random, configuration.resetNoiseScale)
  }

  /// Of the torso.
  package func place(_ simulation: MuJoCoSimulation) -> SIMD2<Double> {
    SIMD2(simulation.bodyPosition[3], simulation.bodyPosition[4])
  }

  private func isHealthy(_ simulation: MuJoCoSimulation) -> Bool {
    let counts = simulation.model.counts
    let height = simulation.position[2]
    return (0..<counts.positions).allSatisfy { simulation.position[$0].isFinite }
      && (0..<counts.velocities).allSatisfy { simulation.velocity[$0].isFinite }
      && healthyHeight.low <= height && height <= healthyHeight.high
  }

  package func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome {
    let isHealthy = isHealthy(simulation)
    let rewards =
      step.velocity.x * configuration.forwardRewardWeight + (isHealthy ? 1 : 0) * configuration.healthyReward
    let (force, range) = (simulation.externalForce, contactForce)
    let contact = NumPyArithmetic.sum(forces) { index in
      let clipped = force[index].clipped(range.low, range.high)
      return clipped * clipped
    }
    let costs = step.controlCost(configuration.ctrlCostWeight) + configuration.contactCostWeight * contact
    return Outcome(reward: rewards - costs, isTerminated: !isHealthy && configuration.terminateWhenUnhealthy)
  }

  /// [x and y where they are not left out, z (m), quaternion, angles (rad); velocities; contact forces of all bodies
  /// but the world, clipped]
  package func observe(
    _ simulation: MuJoCoSimulation, _ step: MuJoCoStep?, into observation: inout MuJoCoObservation
  ) {
    observeMotion(simulation, into: &observation)
    if configuration.includeCfrcExtInObservation {
      for index in 6..<forces {
        observation.append(simulation.externalForce[index].clipped(contactForce.low, contactForce.high))
      }
    }
  }

  package var knownDynamics: (any KnownDynamics)? {
    guard configuration.terminateWhenUnhealthy else { return KnownHealth() }
    let height = 2 - firstPosition
    let finite = (0..<numbers - firstPosition).map { KnownHealth.Bound($0) }
    return KnownHealth(bounds: [.init(height, within: healthyHeight)] + finite)
  }
}
