import Foundation
import Support

/// What the two mountain cars share: the hill, the start, the goal and the picture. Both are Gymnasium's.
package protocol MountainCarTask: PhysicalEnvironment where Configuration == MountainCarOptions {
  /// The position that ends the task, and the velocity (per step) that the car must have there.
  static var goal: Double { get }
  var goalVelocity: Double { get }
  var position: Double { get set }
  /// Per step.
  var velocity: Double { get set }
}

/// The options of a mountain car.
package struct MountainCarOptions: Configurable {
  package var goalVelocity = 0.0

  package init() {}

  package mutating func declare(_ fields: Fields) {
    fields.number("goalVelocity", &goalVelocity, in: 0...0.07, "least velocity at the goal, per step")
  }
}

extension MountainCarTask {
  /// Positions and velocities (per step) that a car can have.
  static var observationSpace: ObservationSpace { .box(low: [-1.2, -0.07], high: [0.6, 0.07]) }

  package static var quantities: Quantities { ["position": \.position, "velocity": \.velocity] }

  /// p ~ U(−.6, −.4), v = 0, as Gymnasium draws them.
  package mutating func reset(seed: UInt64) {
    var random = NumPyRandom(seed: seed)
    (position, velocity) = (random.uniform(-0.6, -0.4), 0)
    isSinglePrecision = false
  }

  /// [position, velocity (per step)]
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    observation[0] = Float(position)
    observation[1] = Float(velocity)
  }

  /// The hill, the flag at the goal and the car.
  package var sketch: Sketch? {
    func ground(_ position: Double) -> Sketch.Point { .init(position, 0.45 * sin(3 * position) + 0.55) }
    var sketch = Sketch(x: -1.2...0.6, y: 0...1.2)
    sketch.line(stride(from: -1.2, through: 0.6, by: 0.02).map(ground), width: 0.01, .ink)
    let foot = ground(Self.goal)
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

/// The end of the task as a function of the next observation: at or beyond the goal, fast enough.
protocol KnownMountainCar: KnownDynamics {
  var goal: Double { get }
  var goalVelocity: Double { get }
}

extension KnownMountainCar {
  func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
    let position = columns.nextObservationColumn(0)
    let velocity = columns.nextObservationColumn(1)
    let (goal, goalVelocity) = (Float(goal), Float(goalVelocity))
    for row in 0..<columns.count {
      terminated[row] = position[row] >= goal && velocity[row] >= goalVelocity ? 1 : 0
    }
  }
}
