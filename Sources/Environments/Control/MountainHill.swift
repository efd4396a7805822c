import Foundation
import Support

/// What the two mountain cars share: the hill, the start, the goal and the picture. Both are Gymnasium's.
package enum MountainHill {
  /// The options of a mountain car.
  package struct Options: Configurable {
    /// Velocity that the car must have at the goal, position units per step (Gymnasium's default).
    package var goalVelocity = 0.0

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.number("goalVelocity", &goalVelocity, in: 0...0.07, "least velocity at the goal, per step")
    }
  }

  /// Positions and velocities (per step) that a car can have.
  static let observationSpace = ObservationSpace.box(low: [-1.2, -0.07], high: [0.6, 0.07])

  /// U(−.6, −.4), as Gymnasium draws it.
  static func startPosition(seed: UInt64) -> Double {
    var random = NumPyRandom(seed: seed)
    return random.uniform(-0.6, -0.4)
  }

  /// The end of the task as a function of the next observation: at or beyond the goal, fast enough.
  static func terminations(
    of columns: TransitionColumns, goal: Double, goalVelocity: Double, into terminated: UnsafeMutablePointer<Float>
  ) {
    let position = columns.nextObservationColumn(0)
    let velocity = columns.nextObservationColumn(1)
    let (goal, goalVelocity) = (Float(goal), Float(goalVelocity))
    for row in 0..<columns.count {
      terminated[row] = position[row] >= goal && velocity[row] >= goalVelocity ? 1 : 0
    }
  }

  /// The hill, the flag at the goal and the car.
  static func sketch(position: Double, goal: Double) -> Sketch {
    func ground(_ position: Double) -> Sketch.Point { .init(position, 0.45 * sin(3 * position) + 0.55) }
    var sketch = Sketch(x: -1.2...0.6, y: 0...1.2)
    sketch.line(stride(from: -1.2, through: 0.6, by: 0.02).map(ground), width: 0.01, .ink)
    let foot = ground(goal)
    sketch.bar(foot, foot + .init(0, 0.15), width: 0.008, .ink)
    sketch.polygon([foot + .init(0, 0.15), foot + .init(0.07, 0.12), foot + .init(0, 0.09)], .yellow)

    let slope = atan(1.35 * cos(3 * position))
    let along = Sketch.Point(cos(slope), sin(slope))
    let up = Sketch.Point(-along.y, along.x)
    let wheels = [-0.04, 0.04].map { ground(position) + $0 * along + 0.02 * up }
    sketch.bar(wheels[0] + 0.03 * up - 0.03 * along, wheels[1] + 0.03 * up + 0.03 * along, width: 0.04, .blue)
    for wheel in wheels { sketch.disc(wheel, radius: 0.02, .ink) }
    return sketch
  }
}
