import Support

/// InvertedPendulum-v5: a pole on a cart is kept upright by pushing the cart.
///
/// Gymnasium 1.4.0, bit for bit. Reward 1 for every step that does not terminate; terminates where |θ| > .2 rad or
/// anything is not finite; 1000 steps of 2 × .02 s. Seen: x (m) and θ (rad), their velocities.
package struct InvertedPendulum: MotionTask {
  package struct Configuration: Configurable {
    package var resetNoiseScale = 0.01

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.resetNoise(&resetNoiseScale, "bound for positions and velocities")
    }
  }

  package static let facts = MuJoCoFacts(
    id: "InvertedPendulum-v5", model: "inverted_pendulum.xml",
    counts: MuJoCoCounts(positions: 2, velocities: 2, bodies: 3, controls: 1, within: 3), frameSkip: 2, timestep: 0.02,
    stepLimit: 1000, rewardThreshold: 950, summary: "balance a pole on a cart, in MuJoCo (1000 steps)")
  package static let view = MuJoCoView.side(-1.3...1.3, -0.5...0.9, following: nil, floor: -0.3)
  package static func rewardRange(_ configuration: Configuration) -> ClosedRange<Double> { 0...1 }
  /// rad
  private static let limit = 0.2

  package let configuration: Configuration

  package init(_ configuration: Configuration, _ model: MuJoCoModel) throws(MuJoCoError) {
    try model.require(positions: 2)
    self.configuration = configuration
  }

  package func begin(_ simulation: MuJoCoSimulation, _ random: inout NumPyRandom) {
    simulation.perturbPositions(&random, configuration.resetNoiseScale)
    simulation.perturbVelocities(&random, configuration.resetNoiseScale)
  }

  package func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome {
    let counts = simulation.model.counts
    let isFinite =
      (0..<counts.positions).allSatisfy { simulation.position[$0].isFinite }
      && (0..<counts.velocities).allSatisfy { simulation.velocity[$0].isFinite }
    let isTerminated = !isFinite || abs(simulation.position[1]) > InvertedPendulum.limit
    return Outcome(reward: isTerminated ? 0 : 1, isTerminated: isTerminated)
  }

  package var knownDynamics: (any KnownDynamics)? { Known() }

  /// Reward and end as functions of a transition.
  private struct Known: KnownDynamics {
    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      terminations(of: columns, into: reward)
      for row in 0..<columns.count { reward[row] = 1 - reward[row] }
    }

    func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
      let limit = Float(InvertedPendulum.limit)
      for row in 0..<columns.count {
        let isFinite = (0..<4).allSatisfy { columns.nextObservationColumn($0)[row].isFinite }
        terminated[row] = isFinite && abs(columns.nextObservationColumn(1)[row]) <= limit ? 0 : 1
      }
    }
  }
}
