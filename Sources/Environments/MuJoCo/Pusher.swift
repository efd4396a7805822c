import Support

/// Pusher-v5: an arm of seven joints pushes a cylinder to a goal on a table.
///
/// Gymnasium 1.4.0, bit for bit; places are those of the last evaluation inside the last substep:
///
///     reward = −‖object − goal‖ · rewardDistWeight − Σ a² · rewardControlWeight − ‖object − tip‖ · rewardNearWeight
///
/// Never terminates; 100 steps of 5 × .01 s.
package struct Pusher: MuJoCoTask {
  package struct Configuration: Configurable {
    package var rewardNearWeight = 0.5
    package var rewardDistWeight = 1.0
    package var rewardControlWeight = 0.1

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.weight("rewardNearWeight", &rewardNearWeight, "the distance from the tip to the object")
      fields.weight("rewardDistWeight", &rewardDistWeight, "the distance from the object to the goal")
      fields.weight("rewardControlWeight", &rewardControlWeight, "the squares of actions")
    }
  }

  package static let facts = MuJoCoFacts(
    id: "Pusher-v5", model: "pusher_v5.xml",
    counts: MuJoCoCounts(positions: 11, velocities: 11, bodies: 13, controls: 7, within: 2), frameSkip: 5,
    timestep: 0.01, stepLimit: 100, rewardThreshold: 0, fidelity: .bitsButNorms,
    summary: "push a cylinder to a goal with a seven-joint arm, in MuJoCo (100 steps)")
  package static let view = MuJoCoView.above(-0.9...1.1, -1.2...0.8)

  private let configuration: Configuration
  private let tip, object, goal: Int

  package init(_ configuration: Configuration, _ model: MuJoCoModel) throws(MuJoCoError) {
    try model.require(positions: 7, velocities: 7)
    self.configuration = configuration
    (tip, object, goal) = (try model.body("tips_arm"), try model.body("object"), try model.body("goal"))
  }

  package static func observationSize(_ configuration: Configuration, _ counts: MuJoCoCounts) -> Int { 23 }

  package func begin(_ simulation: MuJoCoSimulation, _ random: inout NumPyRandom) {
    var place: SIMD2<Double>
    repeat {
      let x = random.uniform(-0.3, 0)
      place = SIMD2(x, random.uniform(-0.2, 0.2))
    } while !(NumPyArithmetic.norm(place) > 0.17)
    let counts = simulation.model.counts
    for (index, initial) in simulation.model.initialPosition.enumerated() { simulation.position[index] = initial }
    for (index, value) in [place.x, place.y, 0, 0].enumerated() {
      simulation.position[counts.positions - 4 + index] = value
    }
    simulation.perturbVelocities(&random, 0.005)
    for index in 1...4 { simulation.velocity[counts.velocities - index] = 0 }
  }

  package func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome {
    let near = -NumPyArithmetic.norm(simulation.way(from: tip, to: object)) * configuration.rewardNearWeight
    let distance = -NumPyArithmetic.norm(simulation.way(from: goal, to: object)) * configuration.rewardDistWeight
    return Outcome(
      reward: distance + -step.controlCost(configuration.rewardControlWeight) + near, isTerminated: false)
  }

  /// [angles (rad) and velocities (rad/s) of the seven joints; tip, object, goal, each x, y, z (m)]
  package func observe(
    _ simulation: MuJoCoSimulation, _ step: MuJoCoStep?, into observation: inout MuJoCoObservation
  ) {
    observation.append(simulation.position, 0..<7)
    observation.append(simulation.velocity, 0..<7)
    for body in [tip, object, goal] { observation.append(simulation.bodyPosition, 3 * body..<3 * body + 3) }
  }

  package var knownDynamics: (any KnownDynamics)? { Known(configuration: configuration) }

  /// The reward as a function of a transition.
  private struct Known: KnownDynamics {
    let configuration: Configuration

    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      let (near, far, control) = (
        Float(configuration.rewardNearWeight), Float(configuration.rewardDistWeight),
        Float(configuration.rewardControlWeight)
      )
      for row in 0..<columns.count {
        func place(_ first: Int) -> SIMD3<Float> {
          SIMD3(
            columns.nextObservationColumn(first)[row], columns.nextObservationColumn(first + 1)[row],
            columns.nextObservationColumn(first + 2)[row])
        }
        func distance(_ left: SIMD3<Float>, _ right: SIMD3<Float>) -> Float {
          ((left - right) * (left - right)).sum().squareRoot()
        }
        let (tip, object, goal) = (place(14), place(17), place(20))
        let squares = columns.squaredAction(row, columns: 7)
        reward[row] = -distance(object, goal) * far - squares * control - distance(object, tip) * near
      }
    }
  }
}
