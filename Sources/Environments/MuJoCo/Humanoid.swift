import Support

/// Humanoid-v5: a robot with two legs and two arms walks forward without falling.
///
/// Y. Tassa, T. Erez, E. Todorov, "Synthesis and stabilization of complex behaviors through online trajectory
/// optimization" (2012); Gymnasium 1.4.0, bit for bit, F being the contact forces on all bodies:
///
///     reward = forwardRewardWeight · Δx/dt + healthyReward · healthy
///            − (ctrlCostWeight · Σ u² + clip(contactCostWeight · Σ F², contactCostRange))
///     healthy: z lies within its range, bounds excluded
///
/// x is the centre of mass at the last evaluation inside the last substep; u are the controls in double precision.
/// Terminates where it is not healthy; 1000 steps of 5 × .003 s. Without the four parts that can be left out an
/// observation has the 45 numbers that MBPO and others learn from.
package struct Humanoid: MotionTask {
  package struct Configuration: Configurable {
    package var forwardRewardWeight = 1.25
    package var ctrlCostWeight = 0.1
    package var contactCostWeight = 5e-7
    package var contactCostRange = [0.0, 10]
    package var healthyReward = 5.0
    package var terminateWhenUnhealthy = true
    package var healthyZRange = [1.0, 2]
    package var resetNoiseScale = 1e-2
    package var excludeCurrentPositionsFromObservation = true
    package var includeCinertInObservation = true
    package var includeCvelInObservation = true
    package var includeQfrcActuatorInObservation = true
    package var includeCfrcExtInObservation = true

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.weight("forwardRewardWeight", &forwardRewardWeight, "the velocity forward")
      fields.weight("ctrlCostWeight", &ctrlCostWeight, "the squares of controls")
      fields.weight("contactCostWeight", &contactCostWeight, "the squares of contact forces")
      fields.range("contactCostRange", &contactCostRange, "cost of contact forces")
      fields.health(&healthyReward, &terminateWhenUnhealthy)
      fields.range("healthyZRange", &healthyZRange, "height (m) of a healthy robot")
      fields.resetNoise(&resetNoiseScale, "bound for positions and velocities")
      fields.exclusion(&excludeCurrentPositionsFromObservation, "x and y")
      fields.flag("includeCinertInObservation", &includeCinertInObservation, "observations tell inertias and masses")
      fields.flag("includeCvelInObservation", &includeCvelInObservation, "observations tell velocities of bodies")
      fields.flag(
        "includeQfrcActuatorInObservation", &includeQfrcActuatorInObservation, "observations tell forces of actuators")
      fields.flag("includeCfrcExtInObservation", &includeCfrcExtInObservation, "observations tell contact forces")
    }
  }

  package static let facts = MuJoCoFacts(
    id: "Humanoid-v5", model: "humanoid.xml",
    counts: MuJoCoCounts(positions: 24, velocities: 23, bodies: 14, controls: 17, within: 0.4), frameSkip: 5,
    timestep: 0.003, stepLimit: 1000, summary: "walk forward on two legs with arms, in MuJoCo (1000 steps)")
  package static let view = MuJoCoView.oblique(-1.6...1.6, -1.5...0.8)
  package static var remembersPlace: Bool { true }

  package let configuration: Configuration
  private let healthyHeight, contactCost: MuJoCoRange
  private let mass: [Double]
  private let totalMass: Double

  package init(_ configuration: Configuration, _ model: MuJoCoModel) throws(MuJoCoError) {
    try model.require(positions: 7, velocities: 6, bodies: 2)
    self.configuration = configuration
    healthyHeight = MuJoCoRange(configuration.healthyZRange)
    contactCost = MuJoCoRange(configuration.contactCostRange)
    mass = model.bodyMass
    totalMass = NumPyArithmetic.sum(mass.count) { model.bodyMass[$0] }
  }

  package static func hiddenPositions(_ configuration: Configuration) -> Int {
    configuration.excludeCurrentPositionsFromObservation ? 2 : 0
  }

  package static func observationSize(_ configuration: Configuration, _ counts: MuJoCoCounts) -> Int {
    let bodies = counts.bodies - 1
    return motionSize(configuration, counts)
      + (configuration.includeCinertInObservation ? 10 * bodies : 0)
      + (configuration.includeCvelInObservation ? 6 * bodies : 0)
      + (configuration.includeQfrcActuatorInObservation ? counts.velocities - 6 : 0)
      + (configuration.includeCfrcExtInObservation ? 6 * bodies : 0)
  }

  package func begin(_ simulation: MuJoCoSimulation, _ random: inout NumPyRandom) {
    simulation.perturbPositions(&random, configuration.resetNoiseScale)
    simulation.perturbVelocities(&random, configuration.resetNoiseScale)
  }

  /// The centre of mass: products and sums, body after body.
  package func place(_ simulation: MuJoCoSimulation) -> SIMD2<Double> {
    var sum = SIMD2<Double>()
    for (body, mass) in mass.enumerated() {
      let center = simulation.bodyCenter + 3 * body
      sum += SIMD2(mass * center[0], mass * center[1])
    }
    return sum / totalMass
  }

  package func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome {
    let isHealthy = healthyHeight.surrounds(simulation.position[2])
    let rewards =
      configuration.forwardRewardWeight * step.velocity.x + (isHealthy ? 1 : 0) * configuration.healthyReward
    let (control, force) = (simulation.control, simulation.externalForce)
    let controls = NumPyArithmetic.sum(simulation.model.counts.controls) { control[$0] * control[$0] }
    let contact = NumPyArithmetic.sum(6 * mass.count) { force[$0] * force[$0] }
    let costs =
      configuration.ctrlCostWeight * controls
      + (configuration.contactCostWeight * contact).clipped(contactCost.low, contactCost.high)
    return Outcome(reward: rewards - costs, isTerminated: !isHealthy && configuration.terminateWhenUnhealthy)
  }

  /// [x and y where they are not left out, z (m), quaternion, angles (rad); velocities; inertias (10 each), velocities
  /// (6), forces of actuators without the root's, contact forces (6): of all bodies but the world]
  package func observe(
    _ simulation: MuJoCoSimulation, _ step: MuJoCoStep?, into observation: inout MuJoCoObservation
  ) {
    let counts = simulation.model.counts
    observeMotion(simulation, into: &observation)
    if configuration.includeCinertInObservation { observation.append(simulation.inertia, 10..<10 * counts.bodies) }
    if configuration.includeCvelInObservation { observation.append(simulation.bodyVelocity, 6..<6 * counts.bodies) }
    if configuration.includeQfrcActuatorInObservation {
      observation.append(simulation.actuatorForce, 6..<counts.velocities)
    }
    if configuration.includeCfrcExtInObservation { observation.append(simulation.externalForce, 6..<6 * counts.bodies) }
  }

  package var knownDynamics: (any KnownDynamics)? {
    KnownHealth(bounds: configuration.terminateWhenUnhealthy ? [.init(2 - firstPosition, healthyHeight)] : [])
  }
}
