import Foundation
import Support

/// Reacher-v5: two links bring their tip to a target in the plane. (Reacher-v0 is the same task by a formula.)
///
/// Gymnasium 1.4.0, bit for bit, in all three dimensions:
///
///     reward = −‖tip − target‖ · rewardDistWeight − Σ a² · rewardControlWeight
///
/// Never terminates; 50 steps of 2 × .01 s.
package struct PlanarReacher: MuJoCoTask {
  package struct Configuration: Configurable {
    package var rewardDistWeight = 1.0
    package var rewardControlWeight = 1.0

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.weight("rewardDistWeight", &rewardDistWeight, "the distance to the target")
      fields.weight("rewardControlWeight", &rewardControlWeight, "the squares of actions")
    }
  }

  package static let facts = MuJoCoFacts(
    id: "Reacher-v5", model: "reacher.xml",
    counts: MuJoCoCounts(positions: 4, velocities: 4, bodies: 5, controls: 2, within: 1), frameSkip: 2, timestep: 0.01,
    stepLimit: 50, rewardThreshold: -3.75, fidelity: .bitsButNorms,
    summary: "bring the tip of two links to a target, in MuJoCo (50 steps)")
  package static let view = MuJoCoView.above(-0.35...0.35, -0.35...0.35)
  private static let targetRadius = 0.2

  private let configuration: Configuration
  private let tip, target: Int

  package init(_ configuration: Configuration, _ model: MuJoCoModel) throws(MuJoCoError) {
    try model.require(positions: 4, velocities: 4)
    self.configuration = configuration
    (tip, target) = (try model.body("fingertip"), try model.body("target"))
  }

  package static func observationSize(_ configuration: Configuration, _ counts: MuJoCoCounts) -> Int {
    counts.positions + 6
  }

  package func begin(_ simulation: MuJoCoSimulation, _ random: inout NumPyRandom) {
    simulation.perturbPositions(&random, 0.1)
    let radius = PlanarReacher.targetRadius
    var goal: SIMD2<Double>
    repeat {
      let x = random.uniform(-radius, radius)
      goal = SIMD2(x, random.uniform(-radius, radius))
    } while !(NumPyArithmetic.norm(goal) < radius)
    let counts = simulation.model.counts
    simulation.position[counts.positions - 2] = goal.x
    simulation.position[counts.positions - 1] = goal.y
    simulation.perturbVelocities(&random, 0.005)
    for index in 1...2 { simulation.velocity[counts.velocities - index] = 0 }
  }

  package func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome {
    let distance = NumPyArithmetic.norm(simulation.way(from: target, to: tip))
    let reward = -distance * configuration.rewardDistWeight + -step.controlCost(configuration.rewardControlWeight)
    return Outcome(reward: reward, isTerminated: false)
  }

  /// [cosθ1, cosθ2, sinθ1, sinθ2, target x, y (m), θ̇1, θ̇2 (rad/s), tip − target x, y (m)]
  package func observe(
    _ simulation: MuJoCoSimulation, _ step: MuJoCoStep?, into observation: inout MuJoCoObservation
  ) {
    for joint in 0..<2 { observation.append(cos(simulation.position[joint])) }
    for joint in 0..<2 { observation.append(sin(simulation.position[joint])) }
    observation.append(simulation.position, 2..<simulation.model.counts.positions)
    observation.append(simulation.velocity, 0..<2)
    let way = simulation.way(from: target, to: tip)
    observation.append(way.x)
    observation.append(way.y)
  }

  package var knownDynamics: (any KnownDynamics)? { Known(configuration: configuration) }

  /// The reward as a function of a transition; tip and target lie at the same height.
  private struct Known: KnownDynamics {
    let configuration: Configuration

    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      let (distanceWeight, controlWeight) = (
        Float(configuration.rewardDistWeight), Float(configuration.rewardControlWeight)
      )
      let (x, y) = (columns.nextObservationColumn(8), columns.nextObservationColumn(9))
      let (first, second) = (columns.actionColumn(0), columns.actionColumn(1))
      for row in 0..<columns.count {
        let distance = (x[row] * x[row] + y[row] * y[row]).squareRoot()
        let control = first[row] * first[row] + second[row] * second[row]
        reward[row] = -distance * distanceWeight - control * controlWeight
      }
    }
  }
}
