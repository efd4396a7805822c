import Foundation
import Support

/// CartPole-v1: a pole on a cart is kept upright by pushing the cart left or right.
///
/// A. G. Barto, R. S. Sutton, C. W. Anderson, "Neuronlike adaptive elements that can solve difficult learning control
/// problems" (1983); equations as corrected by R. V. Florian (2007); constants and arithmetic as in Gymnasium 1.4.0.
///
///     temp = (F + mₚl θ̇² sinθ) / m            F = ±10 N, m = 1.1 kg, mₚl = .05 kg·m
///     θ̈ = (g sinθ − cosθ·temp) / (l (4/3 − mₚ cos²θ / m))        l = .5 m, mₚ = .1 kg, g = 9.8 m/s²
///     ẍ = temp − mₚl θ̈ cosθ / m
///
/// Explicit Euler with τ = .02 s and the old velocities. Reward 1 per step, the last one included. The task ends where
/// |x| > 2.4 m or |θ| > 12°; Gymnasium leaves steps beyond that undefined, here they go on by the same equations.
package struct CartPole: CartPoleTask {
  package static let specification = EnvironmentSpecification(
    id: "CartPole-v1", observationSpace: CartPoleMotion.observationSpace(velocityBound: .infinity),
    actionSpace: .discrete(count: 2), stepLimit: 500, rewardRange: 1...1, rewardThreshold: 475, framesPerSecond: 50,
    observationNames: CartPoleMotion.observationNames,
    summary: "balance a pole on a cart by pushing left or right (500 steps)")

  package var motion = CartPoleMotion()

  package init(_ configuration: NoOptions) {}

  package mutating func step(_ action: Action) throws -> Outcome {
    let force = try action.index(below: 2) == 1 ? 10.0 : -10.0
    let (sine, cosine) = (sin(motion.angle), cos(motion.angle))
    // Gymnasium squares by multiplication here.
    motion.advance(
      force: force, angularVelocitySquared: motion.angularVelocity * motion.angularVelocity,
      sine: sine, cosine: cosine, cosineSquared: cosine * cosine)
    return Outcome(reward: 1, isTerminated: motion.hasFallen)
  }
}

/// Where cart and pole are, how fast they move, and their equations of motion.
package struct CartPoleMotion: Sendable {
  fileprivate(set) var position = 0.0
  fileprivate(set) var velocity = 0.0
  fileprivate(set) var angle = 0.0
  fileprivate(set) var angularVelocity = 0.0

  /// Position (m) and angle (rad) beyond which the task ends.
  static let positionLimit = 2.4
  static let angleLimit = 12 * 2 * Double.pi / 360

  static let observationNames = ["x, m", "ẋ, m/s", "θ, rad", "θ̇, rad/s"]

  /// Twice the limits, so that the last observation lies within.
  static func observationSpace(velocityBound: Float) -> ObservationSpace {
    let high = [Float(2 * positionLimit), velocityBound, Float(2 * angleLimit), velocityBound]
    return .box(low: high.map { -$0 }, high: high)
  }

  /// One Euler step of .02 s. The squares come from the caller, because the two sources round them differently.
  @inline(__always)
  mutating func advance(
    force: Double, angularVelocitySquared: Double, sine: Double, cosine: Double, cosineSquared: Double
  ) {
    let totalMass = 0.1 + 1.0
    let poleMassLength = 0.1 * 0.5
    let temporary = (force + poleMassLength * angularVelocitySquared * sine) / totalMass
    let angularAcceleration =
      (9.8 * sine - cosine * temporary) / (0.5 * (4.0 / 3.0 - 0.1 * cosineSquared / totalMass))
    let acceleration = temporary - poleMassLength * angularAcceleration * cosine / totalMass
    position += 0.02 * velocity
    velocity += 0.02 * acceleration
    angle += 0.02 * angularVelocity
    angularVelocity += 0.02 * angularAcceleration
  }

  var hasFallen: Bool { abs(position) > CartPoleMotion.positionLimit || abs(angle) > CartPoleMotion.angleLimit }
}

/// What the two balancing tasks, CartPole-v1 and ContinuousCartPole-v0, share: all but the force of an action.
package protocol CartPoleTask: PhysicalEnvironment {
  var motion: CartPoleMotion { get set }
}

extension CartPoleTask {
  /// m, m/s, rad, rad/s
  package static var quantities: Quantities {
    [
      "position": \.motion.position, "velocity": \.motion.velocity, "angle": \.motion.angle,
      "angularVelocity": \.motion.angularVelocity,
    ]
  }

  /// U(−.05, .05) for each of the four, as Gymnasium draws them.
  package mutating func reset(seed: UInt64) {
    var random = NumPyRandom(seed: seed)
    motion.position = random.uniform(-0.05, 0.05)
    motion.velocity = random.uniform(-0.05, 0.05)
    motion.angle = random.uniform(-0.05, 0.05)
    motion.angularVelocity = random.uniform(-0.05, 0.05)
  }

  /// [x (m), ẋ (m/s), θ (rad), θ̇ (rad/s)]
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    let motion = motion
    observation[0] = Float(motion.position)
    observation[1] = Float(motion.velocity)
    observation[2] = Float(motion.angle)
    observation[3] = Float(motion.angularVelocity)
  }

  /// The cart between the limits of its position, the pole on it.
  package var sketch: Sketch? {
    let limit = CartPoleMotion.positionLimit
    var sketch = Sketch(x: -2.6...2.6, y: -0.6...1.8)
    sketch.bar(.init(-2.6, 0), .init(2.6, 0), width: 0.02, .ink)
    for end in [-limit, limit] { sketch.bar(.init(end, -0.15), .init(end, 0.15), width: 0.02, .red) }
    sketch.drawCartPole(at: motion.position, height: 0.15, poleLength: 1, angleFromUpright: motion.angle)
    return sketch
  }

  package var knownDynamics: (any KnownDynamics)? { KnownCartPole() }
}

/// Reward, 1 throughout, and end as functions of a transition.
private struct KnownCartPole: KnownDynamics {
  func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
    reward.update(repeating: 1, count: columns.count)
  }

  func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
    let position = columns.nextObservationColumn(0)
    let angle = columns.nextObservationColumn(2)
    let (positionLimit, angleLimit) = (Float(CartPoleMotion.positionLimit), Float(CartPoleMotion.angleLimit))
    for row in 0..<columns.count {
      terminated[row] = abs(position[row]) > positionLimit || abs(angle[row]) > angleLimit ? 1 : 0
    }
  }
}

extension Sketch {
  /// A cart with a pole on its hinge.
  /// - Parameters:
  ///   - height: of the hinge above the rail, which is at 0.
  ///   - angleFromUpright: in radians, to the right.
  mutating func drawCartPole(at position: Double, height: Double, poleLength: Double, angleFromUpright angle: Double) {
    let hinge = Point(position, height)
    let tip = hinge + poleLength * Point(sin(angle), cos(angle))
    rectangle(Point(position - 0.25, 0), Point(position + 0.25, 2 * height), .ink)
    line([hinge, tip], width: 0.1, .wood)
    disc(hinge, radius: 0.05, .blue)
  }
}
