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
package struct CartPole: ConfigurableEnvironment {
  package static let specification = EnvironmentSpecification(
    id: "CartPole-v1",
    observationSpace: CartPoleDynamics.observationSpace(velocityBound: .infinity),
    actionSpace: .discrete(count: 2), stepLimit: 500, rewardRange: 1...1, rewardThreshold: 475,
    framesPerSecond: 50,
    summary: "balance a pole on a cart by pushing left or right (500 steps)")

  private var dynamics = CartPoleDynamics()

  package init(_ configuration: NoOptions) {}

  package mutating func reset(seed: UInt64) { dynamics.reset(seed: seed) }

  package mutating func step(_ action: Action) throws -> Outcome {
    let force = try action.index(below: 2) == 1 ? 10.0 : -10.0
    let (sine, cosine) = (sin(dynamics.angle), cos(dynamics.angle))
    // Gymnasium squares by multiplication here.
    dynamics.advance(
      force: force, angularVelocitySquared: dynamics.angularVelocity * dynamics.angularVelocity,
      sine: sine, cosine: cosine, cosineSquared: cosine * cosine)
    return Outcome(reward: 1, isTerminated: dynamics.hasFallen)
  }

  package func observe(into observation: UnsafeMutableBufferPointer<Float>) { dynamics.observe(into: observation) }

  /// [x (m), ẋ (m/s), θ (rad), θ̇ (rad/s)]
  package var state: [Double] {
    get { dynamics.state }
    set { dynamics.state = newValue }
  }

  package mutating func archive(_ archive: Archive) throws { try dynamics.archive(archive) }

  package var sketch: Sketch? { dynamics.sketch }

  package var knownDynamics: (any KnownDynamics)? { Known() }

  /// Reward and end as functions of a transition.
  private struct Known: KnownDynamics {
    package func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      reward.update(repeating: 1, count: columns.count)
    }

    package func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
      CartPoleDynamics.terminations(of: columns, into: terminated)
    }
  }
}

/// What the two balancing tasks, CartPole-v1 and ContinuousCartPole-v0, share: state, step, reset and the end.
struct CartPoleDynamics {
  private(set) var position = 0.0
  private(set) var velocity = 0.0
  private(set) var angle = 0.0
  private(set) var angularVelocity = 0.0

  /// Position (m) and angle (rad) beyond which the task ends.
  static let positionLimit = 2.4
  static let angleLimit = 12 * 2 * Double.pi / 360

  /// Twice the limits, so that the last observation lies within.
  static func observationSpace(velocityBound: Float) -> ObservationSpace {
    let high = [Float(2 * positionLimit), velocityBound, Float(2 * angleLimit), velocityBound]
    return .box(low: high.map { -$0 }, high: high)
  }

  /// U(−.05, .05) for each of the four, as Gymnasium draws them.
  mutating func reset(seed: UInt64) {
    var random = NumPyRandom(seed: seed)
    position = random.uniform(-0.05, 0.05)
    velocity = random.uniform(-0.05, 0.05)
    angle = random.uniform(-0.05, 0.05)
    angularVelocity = random.uniform(-0.05, 0.05)
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

  var hasFallen: Bool {
    abs(position) > CartPoleDynamics.positionLimit || abs(angle) > CartPoleDynamics.angleLimit
  }

  func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    observation[0] = Float(position)
    observation[1] = Float(velocity)
    observation[2] = Float(angle)
    observation[3] = Float(angularVelocity)
  }

  var state: [Double] {
    get { [position, velocity, angle, angularVelocity] }
    set {
      precondition(newValue.count == 4, "a cart-pole's state has 4 values")
      (position, velocity, angle, angularVelocity) = (newValue[0], newValue[1], newValue[2], newValue[3])
    }
  }

  mutating func archive(_ archive: Archive) throws {
    try archive.value("position", &position)
    try archive.value("velocity", &velocity)
    try archive.value("angle", &angle)
    try archive.value("angularVelocity", &angularVelocity)
  }

  /// The cart between the limits of its position, the pole on it.
  var sketch: Sketch {
    let limit = CartPoleDynamics.positionLimit
    var sketch = Sketch(x: -2.6...2.6, y: -0.6...1.8)
    sketch.bar(.init(-2.6, 0), .init(2.6, 0), width: 0.02, .ink)
    for end in [-limit, limit] { sketch.bar(.init(end, -0.15), .init(end, 0.15), width: 0.02, .red) }
    sketch.drawCartPole(at: position, height: 0.15, poleLength: 1, angleFromUpright: angle)
    return sketch
  }

  /// The end of the task as a function of the next observation.
  static func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
    let position = columns.nextObservationColumn(0)
    let angle = columns.nextObservationColumn(2)
    let positionLimit = Float(CartPoleDynamics.positionLimit)
    let angleLimit = Float(CartPoleDynamics.angleLimit)
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
