/// A task whose observations are positions, but for the first ones, and velocities, or begin with these.
package protocol MotionTask: MuJoCoTask {
  /// How many of the first positions, x or x and y, observations leave out; default: none.
  static func hiddenPositions(_ configuration: Configuration) -> Int
  /// Bound of velocities in observations, to both sides; default: none.
  static var velocityBound: Double { get }
  var configuration: Configuration { get }
}

extension MotionTask {
  package static func hiddenPositions(_ configuration: Configuration) -> Int { 0 }
  package static var velocityBound: Double { .infinity }

  /// The first position that is seen.
  var firstPosition: Int { Self.hiddenPositions(configuration) }

  /// Numbers of positions and velocities that are seen.
  static func motionSize(_ configuration: Configuration, _ counts: MuJoCoCounts) -> Int {
    counts.positions + counts.velocities - hiddenPositions(configuration)
  }

  func observeMotion(_ simulation: MuJoCoSimulation, into observation: inout MuJoCoObservation) {
    let counts = simulation.model.counts
    observation.append(simulation.position, firstPosition..<counts.positions)
    if Self.velocityBound < .infinity {
      observation.append(simulation.velocity, 0..<counts.velocities, within: Self.velocityBound)
    } else {
      observation.append(simulation.velocity, 0..<counts.velocities)
    }
  }

  package static func observationSize(_ configuration: Configuration, _ counts: MuJoCoCounts) -> Int {
    motionSize(configuration, counts)
  }

  package func observe(
    _ simulation: MuJoCoSimulation, _ step: MuJoCoStep?, into observation: inout MuJoCoObservation
  ) {
    observeMotion(simulation, into: &observation)
  }
}
