import Foundation
import Support

/// Reacher-v0: two links in a plane bring their tip to a target, with as little torque as they can.
///
/// Observation, task and resets of Gymnasium's Reacher-v5; the dynamics are MuJoCo's without the links' masses, which
/// are small beside the motors': the joints do not pull on each other. With a = clip(action, ±1), each joint moves by
/// θ̈ = 200 a − θ̇ in two classical Runge–Kutta steps of h = .01 s:
///
///     f = 200 a − θ̇;   θ ← θ + h θ̇ + (h²/2 − h³/6 + h⁴/24) f;   θ̇ ← θ̇ + (h − h²/2 + h³/6 − h⁴/24) f
///
/// and joint 2 stops at ±3 rad. Links of .1 and .11 m; reward = −‖tip − target‖ − ‖a‖² after the step. Never
/// terminates; 50 steps.
package struct Reacher: PhysicalEnvironment {
  package static let specification: EnvironmentSpecification = {
    let bounds = [Float](repeating: .infinity, count: 10)
    return EnvironmentSpecification(
      id: "Reacher-v0", observationSpace: .box(low: bounds.map { -$0 }, high: bounds),
      actionSpace: .box(low: [-1, -1], high: [1, 1]), stepLimit: 50, rewardRange: -2.42...0, rewardThreshold: -3.75,
      framesPerSecond: 50, summary: "bring the tip of two links to a target with little torque (50 steps)")
  }()

  private static let gear = 200.0
  private static let substeps = 2
  /// s
  private static let substepDuration = 0.01
  /// h − h²/2 + h³/6 − h⁴/24
  private static let velocityFactor = 0.009950166250000001
  /// h²/2 − h³/6 + h⁴/24
  private static let angleFactor = 4.983375e-05
  /// Of joint 2, rad.
  private static let limit = 3.0
  /// m
  private static let (firstLink, secondLink) = (0.1, 0.11)
  /// Radius of the disc that targets lie in, m.
  private static let targetRadius = 0.2

  /// [θ1, θ2], rad; θ2 relative to the first link.
  private var angles = SIMD2<Double>()
  /// rad/s
  private var velocities = SIMD2<Double>()
  /// m
  private var target = SIMD2<Double>()

  package init(_ configuration: NoOptions) {}

  /// As Gymnasium draws them: of four angles and four velocities the last two are the target's and not used.
  package mutating func reset(seed: UInt64) {
    var random = NumPyRandom(seed: seed)
    angles = Reacher.draw(&random, 0.1)
    _ = Reacher.draw(&random, 0.1)
    repeat {
      target = Reacher.draw(&random, Reacher.targetRadius)
    } while (target.x * target.x + target.y * target.y).squareRoot() >= Reacher.targetRadius
    velocities = Reacher.draw(&random, 0.005)
  }

  /// Two numbers within ±bound.
  private static func draw(_ random: inout NumPyRandom, _ bound: Double) -> SIMD2<Double> {
    let first = random.uniform(-bound, bound)
    return SIMD2(first, random.uniform(-bound, bound))
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    let torques = try action.vector(count: 2)
    let taken = SIMD2(Double(torques[0]).clipped(-1, 1), Double(torques[1]).clipped(-1, 1))
    for _ in 0..<Reacher.substeps { advance(taken) }
    let error = tip - target
    return Outcome(
      reward: -(error.x * error.x + error.y * error.y).squareRoot() - (taken.x * taken.x + taken.y * taken.y),
      isTerminated: false)
  }

  private mutating func advance(_ action: SIMD2<Double>) {
    for joint in 0..<2 {
      let force = Reacher.gear * action[joint] - velocities[joint]
      angles[joint] = angles[joint] + velocities[joint] * Reacher.substepDuration + force * Reacher.angleFactor
      velocities[joint] += force * Reacher.velocityFactor
    }
    if angles[1] < -Reacher.limit {
      (angles[1], velocities[1]) = (-Reacher.limit, 0)
    } else if angles[1] > Reacher.limit {
      (angles[1], velocities[1]) = (Reacher.limit, 0)
    }
  }

  /// m
  private var tip: SIMD2<Double> {
    let (first, both) = (angles[0], angles[0] + angles[1])
    return SIMD2(
      Reacher.firstLink * cos(first) + Reacher.secondLink * cos(both),
      Reacher.firstLink * sin(first) + Reacher.secondLink * sin(both))
  }

  /// [cosθ1, cosθ2, sinθ1, sinθ2, target x, y, θ̇1, θ̇2 (rad/s), tip − target x, y (m)]
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    let error = tip - target
    for joint in 0..<2 {
      observation[joint] = Float(cos(angles[joint]))
      observation[2 + joint] = Float(sin(angles[joint]))
      observation[4 + joint] = Float(target[joint])
      observation[6 + joint] = Float(velocities[joint])
      observation[8 + joint] = Float(error[joint])
    }
  }

  /// rad, rad/s, m
  package static let quantities: Quantities = [
    "angle1": \.angles.x, "angle2": \.angles.y, "velocity1": \.velocities.x, "velocity2": \.velocities.y,
    "targetX": \.target.x, "targetY": \.target.y,
  ]

  /// The links in their plane, and the target.
  package var sketch: Sketch? {
    var sketch = Sketch(x: -0.25...0.25, y: -0.25...0.25)
    sketch.disc(target, radius: 0.012, .green)
    let joint = Reacher.firstLink * SIMD2(cos(angles[0]), sin(angles[0]))
    sketch.line([.init(0, 0), joint, tip], width: 0.02, .grey)
    sketch.disc(.init(0, 0), radius: 0.012, .ink)
    sketch.disc(tip, radius: 0.01, .red)
    return sketch
  }

  package var knownDynamics: (any KnownDynamics)? { Known() }

  /// The reward as a function of a transition.
  private struct Known: KnownDynamics {
    /// Scores the next observation's distance, and the action.
    package func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      let (dx, dy) = (columns.nextObservationColumn(8), columns.nextObservationColumn(9))
      let (first, second) = (columns.actionColumn(0), columns.actionColumn(1))
      for row in 0..<columns.count {
        let torques = SIMD2(first[row].clipped(-1, 1), second[row].clipped(-1, 1))
        let distance = (dx[row] * dx[row] + dy[row] * dy[row]).squareRoot()
        reward[row] = -distance - (torques.x * torques.x + torques.y * torques.y)
      }
    }
  }
}
