import Foundation
import Support

/// Acrobot-v1: a two-link pendulum, driven at the joint between its links only, swings its tip above a bar.
///
/// R. S. Sutton, "Generalization in Reinforcement Learning" (1996), with the equations of the book by Sutton and Barto;
/// Gymnasium 1.4.0, bit for bit. Masses and lengths 1, centres of mass at .5, moments of inertia 1, g = 9.8, torque
/// τ ∈ {−1, 0, 1} N·m; θ1 = 0 hangs down, θ2 is relative to the first link:
///
///     d1 = .25 + 1.25 + cosθ2 + 2,   d2 = .25 + .5 cosθ2 + 1
///     φ2 = .5 g cos(θ1 + θ2 − π/2)
///     φ1 = −.5 θ̇2² sinθ2 − θ̇2 θ̇1 sinθ2 + 1.5 g cos(θ1 − π/2) + φ2
///     θ̈2 = (τ + d2/d1·φ1 − .5 θ̇1² sinθ2 − φ2) / (1.25 − d2²/d1)
///     θ̈1 = −(d2 θ̈2 + φ1) / d1
///
/// One Runge–Kutta step of .2 s, then angles wrapped to ±π and velocities bounded to 4π and 9π. Reward −1, 0 at the
/// end: −cosθ1 − cos(θ1 + θ2) > 1. 500 steps.
package struct Acrobot: PhysicalEnvironment {
  package static let specification: EnvironmentSpecification = {
    let high: [Float] = [1, 1, 1, 1, Float(4 * Double.pi), Float(9 * Double.pi)]
    return EnvironmentSpecification(
      id: "Acrobot-v1", observationSpace: .box(low: high.map { -$0 }, high: high), actionSpace: .discrete(count: 3),
      stepLimit: 500, rewardRange: -1...0, rewardThreshold: -100, framesPerSecond: 15,
      observationNames: ["cos θ₁", "sin θ₁", "cos θ₂", "sin θ₂", "θ̇₁, rad/s", "θ̇₂, rad/s"],
      summary: "swing a two-link pendulum above a bar by its middle joint (500 steps)")
  }()

  /// [θ1, θ2, θ̇1, θ̇2]
  private var joints = SIMD4<Double>()
  /// After a reset the state is float32, and so are the cosines of the observation; a step is always float64.
  package var isSinglePrecision = false

  package init(_ configuration: NoOptions) {}

  /// U(−.1, .1) for each of the four, rounded to float32, as Gymnasium draws them.
  package mutating func reset(seed: UInt64) {
    var random = NumPyRandom(seed: seed)
    for index in 0..<4 { joints[index] = Double(Float(random.uniform(-0.1, 0.1))) }
    isSinglePrecision = true
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    let torque = Double(try action.index(below: 3) - 1)
    let duration = 0.2
    let k1 = Acrobot.derivative(joints, torque)
    let k2 = Acrobot.derivative(joints + duration / 2 * k1, torque)
    let k3 = Acrobot.derivative(joints + duration / 2 * k2, torque)
    let k4 = Acrobot.derivative(joints + duration * k3, torque)
    joints += duration / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    joints[0] = Acrobot.wrapped(joints[0])
    joints[1] = Acrobot.wrapped(joints[1])
    joints[2] = joints[2].clipped(-4 * Double.pi, 4 * Double.pi)
    joints[3] = joints[3].clipped(-9 * Double.pi, 9 * Double.pi)
    isSinglePrecision = false
    let isUp = -cos(joints[0]) - cos(joints[1] + joints[0]) > 1
    return Outcome(reward: isUp ? 0 : -1, isTerminated: isUp)
  }

  /// d/dt [θ1, θ2, θ̇1, θ̇2], in the order of operations of the source.
  private static func derivative(_ joints: SIMD4<Double>, _ torque: Double) -> SIMD4<Double> {
    let (angle1, angle2, velocity1, velocity2) = (joints[0], joints[1], joints[2], joints[3])
    let (sine2, cosine2) = (sin(angle2), cos(angle2))
    let d1 = 0.25 + (1.25 + cosine2) + 1 + 1
    let d2 = (0.25 + 0.5 * cosine2) + 1
    let phi2 = 0.5 * 9.8 * cos(angle1 + angle2 - Double.pi / 2)
    let phi1 =
      -0.5 * NumPyArithmetic.square(velocity2) * sine2 - velocity2 * velocity1 * sine2
      + 1.5 * 9.8 * cos(angle1 - Double.pi / 2) + phi2
    let acceleration2 =
      (torque + d2 / d1 * phi1 - 0.5 * NumPyArithmetic.square(velocity1) * sine2 - phi2)
      / (1.25 - NumPyArithmetic.square(d2) / d1)
    let acceleration1 = -(d2 * acceleration2 + phi1) / d1
    return SIMD4(velocity1, velocity2, acceleration1, acceleration2)
  }

  /// The angle in [−π, π], by whole turns one at a time as the source does (at once where there are very many).
  private static func wrapped(_ angle: Double) -> Double {
    guard abs(angle) < 1e6 else { return angle.remainder(dividingBy: 2 * Double.pi) }
    var angle = angle
    while angle > Double.pi { angle -= 2 * Double.pi }
    while angle < -Double.pi { angle += 2 * Double.pi }
    return angle
  }

  /// [cosθ1, sinθ1, cosθ2, sinθ2, θ̇1, θ̇2 (rad/s)]
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    for joint in 0..<2 {
      if isSinglePrecision {
        observation[2 * joint] = cos(Float(joints[joint]))
        observation[2 * joint + 1] = sin(Float(joints[joint]))
      } else {
        observation[2 * joint] = Float(cos(joints[joint]))
        observation[2 * joint + 1] = Float(sin(joints[joint]))
      }
      observation[4 + joint] = Float(joints[2 + joint])
    }
  }

  /// rad, rad/s
  package static let quantities: Quantities = [
    "angle1": \.joints[0], "angle2": \.joints[1], "velocity1": \.joints[2], "velocity2": \.joints[3],
  ]

  package mutating func archive(_ archive: Archive) throws {
    try archiveQuantities(archive)
    try archive.value("isSinglePrecision", &isSinglePrecision)
  }

  /// The two links, and the line that the tip has to reach.
  package var sketch: Sketch? {
    var sketch = Sketch(x: -2.2...2.2, y: -2.2...2.2)
    let elbow = Sketch.Point(sin(joints[0]), -cos(joints[0]))
    let tip = elbow + Sketch.Point(sin(joints[0] + joints[1]), -cos(joints[0] + joints[1]))
    sketch.bar(.init(-2.2, 1), .init(2.2, 1), width: 0.03, .ink)
    sketch.line([.init(0, 0), elbow], width: 0.2, .blue)
    sketch.line([elbow, tip], width: 0.2, .sky)
    for joint in [Sketch.Point(0, 0), elbow] { sketch.disc(joint, radius: 0.1, .yellow) }
    return sketch
  }

  package var knownDynamics: (any KnownDynamics)? { Known() }

  /// Reward and end as functions of a transition.
  private struct Known: KnownDynamics {
    package func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      terminations(of: columns, into: reward)
      for row in 0..<columns.count { reward[row] -= 1 }
    }

    /// The tip's height from the next observation's cosines and sines, each pair first brought back onto the unit
    /// circle, where a model's prediction need not lie.
    package func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
      let cosine1 = columns.nextObservationColumn(0)
      let sine1 = columns.nextObservationColumn(1)
      let cosine2 = columns.nextObservationColumn(2)
      let sine2 = columns.nextObservationColumn(3)
      for row in 0..<columns.count {
        let length1 = max((cosine1[row] * cosine1[row] + sine1[row] * sine1[row]).squareRoot(), 1e-6)
        let length2 = max((cosine2[row] * cosine2[row] + sine2[row] * sine2[row]).squareRoot(), 1e-6)
        let cosineOfSum = (cosine1[row] * cosine2[row] - sine1[row] * sine2[row]) / (length1 * length2)
        terminated[row] = -cosine1[row] / length1 - cosineOfSum > 1 ? 1 : 0
      }
    }
  }
}
