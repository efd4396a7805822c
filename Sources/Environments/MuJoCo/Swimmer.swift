import Support

/// Swimmer-v5: a chain of three links swims forward in a viscous plane.
///
/// R. Coulom, "Reinforcement learning using neural networks, with applications to motor control" (2002); Gymnasium
/// 1.4.0, bit for bit:
///
///     reward = forwardRewardWeight · Δx/dt − ctrlCostWeight · Σ a²
///
/// Never terminates; 1000 steps of 4 × .01 s.
package struct Swimmer: MotionTask {
  package struct Configuration: Configurable {
    package var forwardRewardWeight = 1.0
    package var ctrlCostWeight = 1e-4
    package var resetNoiseScale = 0.1
    package var excludeCurrentPositionsFromObservation = true

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.weight("forwardRewardWeight", &forwardRewardWeight, "the velocity forward")
      fields.weight("ctrlCostWeight", &ctrlCostWeight, "the squares of actions")
      fields.resetNoise(&resetNoiseScale, "bound for positions and velocities")
      fields.exclusion(&excludeCurrentPositionsFromObservation, "x and y")
    }
  }

  package static let facts = MuJoCoFacts(
    id: "Swimmer-v5", model: "swimmer.xml",
    counts: MuJoCoCounts(positions: 5, velocities: 5, bodies: 4, controls: 2, within: 1), frameSkip: 4, timestep: 0.01,
    stepLimit: 1000, rewardThreshold: 360, summary: "swim forward with three links, in MuJoCo (1000 steps)")
  package static let view = MuJoCoView.above(-2.2...2.2, -1.6...1.6, following: 1)

  package let configuration: Configuration

  package init(_ configuration: Configuration, _ model: MuJoCoModel) throws(MuJoCoError) {
    try model.require(positions: 3)
    self.configuration = configuration
  }

  /// Seen: angles (rad), x and y (m) first where they are not left out; their velocities.
  package static func hiddenPositions(_ configuration: Configuration) -> Int {
    configuration.excludeCurrentPositionsFromObservation ? 2 : 0
  }

  package func begin(_ simulation: MuJoCoSimulation, _ random: inout NumPyRandom) {
    simulation.perturbPositions(&random, configuration.resetNoiseScale)
    simulation.perturbVelocities(&random, configuration.resetNoiseScale)
  }

  package func place(_ simulation: MuJoCoSimulation) -> SIMD2<Double> { simulation.root }

  package func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome {
    let reward = configuration.forwardRewardWeight * step.velocity.x - step.controlCost(configuration.ctrlCostWeight)
    return Outcome(reward: reward, isTerminated: false)
  }

  /// Never ends.
  package var knownDynamics: (any KnownDynamics)? { KnownHealth() }
}
