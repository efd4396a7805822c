import Support

/// HalfCheetah-v5: a planar robot with two legs runs as fast as it can.
///
/// P. Wawrzyński, "A cat-like robot real-time learning to run" (2009); Gymnasium 1.4.0, bit for bit:
///
///     reward = forwardRewardWeight · Δx/dt − ctrlCostWeight · Σ a²
///
/// Never terminates; 1000 steps of 5 × .01 s.
package struct HalfCheetah: MotionTask {
  package struct Configuration: Configurable {
    package var forwardRewardWeight = 1.0
    package var ctrlCostWeight = 0.1
    package var resetNoiseScale = 0.1
    package var excludeCurrentPositionsFromObservation = true

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.weight("forwardRewardWeight", &forwardRewardWeight, "the velocity forward")
      fields.weight("ctrlCostWeight", &ctrlCostWeight, "the squares of actions")
      fields.resetNoise(&resetNoiseScale, "bound for positions, standard deviation for velocities")
      fields.exclusion(&excludeCurrentPositionsFromObservation, "x")
    }
  }

  package static let facts = MuJoCoFacts(
    id: "HalfCheetah-v5", model: "half_cheetah.xml",
    counts: MuJoCoCounts(positions: 9, velocities: 9, bodies: 8, controls: 6, within: 1), frameSkip: 5, timestep: 0.01,
    stepLimit: 1000, rewardThreshold: 4800, summary: "run fast on two planar legs, in MuJoCo (1000 steps)")
  package static let view = MuJoCoView.side(-1.6...1.6, -0.3...1.5)

  package let configuration: Configuration

  package init(_ configuration: Configuration, _ model: MuJoCoModel) {
    self.configuration = configuration
  }

  /// Seen: z (m) and angles (rad), x first where it is not left out; their velocities.
  package static func hiddenPositions(_ configuration: Configuration) -> Int {
    configuration.excludeCurrentPositionsFromObservation ? 1 : 0
  }

  package func begin(_ simulation: MuJoCoSimulation, _ random: inout NumPyRandom) {
    simulation.perturbPositions(&random, configuration.resetNoiseScale)
    simulation.perturbVelocitiesNormally(&random, configuration.resetNoiseScale)
  }

  package func place(_ simulation: MuJoCoSimulation) -> SIMD2<Double> { simulation.root }

  package func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome {
    let reward = configuration.forwardRewardWeight * step.velocity.x - step.controlCost(configuration.ctrlCostWeight)
    return Outcome(reward: reward, isTerminated: false)
  }

  /// Never ends.
  package var knownDynamics: (any KnownDynamics)? { KnownHealth() }
}
