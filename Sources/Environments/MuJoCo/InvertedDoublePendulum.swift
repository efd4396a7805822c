import Foundation
import Support

/// InvertedDoublePendulum-v5: two poles, one on the other, are kept upright by pushing the cart below.
///
/// Gymnasium 1.4.0, bit for bit; (x, y) is the tip at the last evaluation inside the last substep:
///
///     reward = healthyReward · (not terminated) − (.01 x² + (y − 2)²) − (.001 θ̇₁² + .005 θ̇₂²)
///
/// Squares are the C library's `pow`. Terminates where y ≤ 1 m; 1000 steps of 5 × .01 s.
package struct InvertedDoublePendulum: MuJoCoTask {
  package struct Configuration: Configurable {
    package var healthyReward = 10.0
    package var resetNoiseScale = 0.1

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.number("healthyReward", &healthyReward, in: -1e9...1e9, "reward of every step that does not terminate")
      fields.resetNoise(&resetNoiseScale, "bound for positions, standard deviation for velocities")
    }
  }

  package static let facts = MuJoCoFacts(
    id: "InvertedDoublePendulum-v5", model: "inverted_double_pendulum.xml",
    counts: MuJoCoCounts(positions: 3, velocities: 3, bodies: 4, controls: 1, within: 1), frameSkip: 5, timestep: 0.01,
    stepLimit: 1000, rewardThreshold: 9100, summary: "balance two poles on a cart, in MuJoCo (1000 steps)")
  package static let view = MuJoCoView.side(-1.4...1.4, -0.6...1.5, following: nil, floor: -0.4)

  private let configuration: Configuration

  package init(_ configuration: Configuration, _ model: MuJoCoModel) throws(MuJoCoError) {
    try model.require(positions: 3, velocities: 3)
    self.configuration = configuration
  }

  package static func observationSize(_ configuration: Configuration, _ counts: MuJoCoCounts) -> Int {
    1 + 2 * (counts.positions - 1) + counts.velocities + 1
  }

  package func begin(_ simulation: MuJoCoSimulation, _ random: inout NumPyRandom) {
    simulation.perturbPositions(&random, configuration.resetNoiseScale)
    simulation.perturbVelocitiesNormally(&random, configuration.resetNoiseScale)
  }

  package func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome {
    func square(_ number: Double) -> Double { NumPyArithmetic.square(number) }
    let (x, y) = (simulation.sitePosition[0], simulation.sitePosition[2])
    let isTerminated = y <= 1
    let distance = 0.01 * square(x) + square(y - 2)
    let velocity = 1e-3 * square(simulation.velocity[1]) + 5e-3 * square(simulation.velocity[2])
    let alive = configuration.healthyReward * (isTerminated ? 0 : 1)
    return Outcome(reward: alive - distance - velocity, isTerminated: isTerminated)
  }

  /// [x (m), sines and cosines of the angles, velocities clipped to ±10, the force of the rail's end clipped to ±10]
  package func observe(
    _ simulation: MuJoCoSimulation, _ step: MuJoCoStep?, into observation: inout MuJoCoObservation
  ) {
    let counts = simulation.model.counts
    observation.append(simulation.position[0])
    for index in 1..<counts.positions { observation.append(sin(simulation.position[index])) }
    for index in 1..<counts.positions { observation.append(cos(simulation.position[index])) }
    observation.append(simulation.velocity, 0..<counts.velocities, within: 10)
    observation.append(simulation.constraintForce, 0..<1, within: 10)
  }

  package var knownDynamics: (any KnownDynamics)? { Known() }

  /// The end by the height of the tip that follows from the angles, as MBPO has it. The task's own is that of the last
  /// evaluation within the last substep, so close to the threshold the two may differ; rewards differ everywhere.
  private struct Known: KnownDynamics {
    /// Of each pole, m.
    private static let length: Float = 0.6
    /// m: nearer to the threshold the end is not told from an observation.
    private static let lag: Float = 0.01

    var knowsRewards: Bool { false }

    /// cos(θ1 + θ2) from sines and cosines.
    private func height(_ sine1: Float, _ sine2: Float, _ cosine1: Float, _ cosine2: Float) -> Float {
      Known.length * (cosine1 + (cosine1 * cosine2 - sine1 * sine2))
    }

    func showsEnd(_ next: ArraySlice<Float>) -> Bool {
      let first = next.startIndex
      return abs(height(next[first + 1], next[first + 2], next[first + 3], next[first + 4]) - 1) > Known.lag
    }

    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      reward.update(repeating: .nan, count: columns.count)
    }

    func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
      let column = (1...4).map { columns.nextObservationColumn($0) }
      for row in 0..<columns.count {
        terminated[row] = height(column[0][row], column[1][row], column[2][row], column[3][row]) <= 1 ? 1 : 0
      }
    }
  }
}
