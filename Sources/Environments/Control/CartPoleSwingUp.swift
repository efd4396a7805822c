import Foundation
import Support

/// CartPoleSwingUp-v0: swing a hanging pole up and hold it there, the first task of the PETS paper.
///
/// K. Chua et al., "Deep Reinforcement Learning in a Handful of Trials using Probabilistic Dynamics Models" (2018).
/// The authors simulate it in MuJoCo; here the same bodies move by their equations of motion. x is the cart's position,
/// θ the pole's angle, 0 hanging down; M = 10.472 kg the cart, m = 5.019 kg the pole, l = .3 m from the hinge to its
/// centre of mass, I = .1887 kg·m² about that centre, d the damping of both joints, F the force on the cart:
///
///     centre of mass    (x − l sinθ, −l cosθ)
///     kinetic energy    T = ½(M+m) ẋ² − ml ẋ θ̇ cosθ + ½(I + ml²) θ̇²
///     potential energy  V = −mgl cosθ
///
/// Lagrange's equations d/dt ∂T/∂q̇ − ∂T/∂q + ∂V/∂q = Q, with Q = (F − dẋ, −dθ̇), are
///
///     (M+m) ẍ − ml cosθ θ̈ = F − dẋ − ml θ̇² sinθ
///     −ml cosθ ẍ + (I + ml²) θ̈ = −dθ̇ − mgl sinθ
///
/// and are solved for ẍ and θ̈ at each stage. F = 100·clip(a, ±3) N; one step is two Runge–Kutta steps of .02 s. At
/// |x| = 2.5 m the rail stops the cart without bouncing: an impulse on the cart alone, so the momentum that belongs
/// to θ, −ml cosθ ẋ + (I + ml²) θ̇, stays.
///
///     reward = exp(−‖ee − (0, .6)‖² / .6²) − .01 a²,   ee = (x − .6 sinθ, −.6 cosθ)
///
/// of the state AFTER the action and of the action as given. Reset N(0, .1) for each of x, θ, ẋ, θ̇. Never terminates;
/// 200 steps.
package struct CartPoleSwingUp: PhysicalEnvironment {
  package struct Configuration: Configurable {
    package var damping = 1.0

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.number("damping", &damping, in: 0...1000, "damping of both joints, N·s/m and N·m·s/rad")
    }
  }

  package static let specification = EnvironmentSpecification(
    id: "CartPoleSwingUp-v0",
    observationSpace: .box(
      low: [-2.5, -.infinity, -.infinity, -.infinity], high: [2.5, .infinity, .infinity, .infinity]),
    actionSpace: .box(low: [-3], high: [3]), stepLimit: 200, rewardRange: -0.09...1, framesPerSecond: 25,
    observationNames: ["x, m", "θ, rad", "ẋ, m/s", "θ̇, rad/s"], actionNames: ["force, 100 N"],
    summary: "swing a hanging pole up by moving its cart (PETS, 200 steps)")

  private static let poleLength = 0.6
  private static let railEnd = 2.5
  private static let gravity = 9.81
  /// M + m, kg
  private static let totalMass = 10.472 + 5.019
  /// ml, kg·m
  private static let poleMoment = 5.019 * 0.3
  /// I + ml², kg·m²
  private static let poleInertia = 0.1887 + 5.019 * 0.3 * 0.3

  private var damping: Double
  /// [x (m), θ (rad), ẋ (m/s), θ̇ (rad/s)]
  private var motion = SIMD4<Double>()

  package init(_ configuration: Configuration) { damping = configuration.damping }

  package mutating func reset(seed: UInt64) {
    var random = RandomStream(seed: seed).stream("reset")
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 4) { normals in
      random.fillNormal(normals)
      for index in 0..<4 { motion[index] = 0.1 * Double(normals[index]) }
    }
    stopAtRailEnd()
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    let action = try action.scalar()
    let force = 100 * Double(action.clipped(-3, 3))
    for _ in 0..<2 { advance(force: force, duration: 0.02) }
    let tipError = CartPoleSwingUp.squaredTipError(position: motion[0], sine: sin(motion[1]), cosine: cos(motion[1]))
    let reward = exp(-tipError / (CartPoleSwingUp.poleLength * CartPoleSwingUp.poleLength))
    return Outcome(reward: reward - 0.01 * Double(action) * Double(action), isTerminated: false)
  }

  /// One Runge–Kutta step of fourth order.
  private mutating func advance(force: Double, duration: Double) {
    let k1 = derivative(motion, force)
    let k2 = derivative(motion + duration / 2 * k1, force)
    let k3 = derivative(motion + duration / 2 * k2, force)
    let k4 = derivative(motion + duration * k3, force)
    motion += duration / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    stopAtRailEnd()
  }

  /// d/dt [x, θ, ẋ, θ̇]
  private func derivative(_ motion: SIMD4<Double>, _ force: Double) -> SIMD4<Double> {
    let (sine, cosine) = (sin(motion[1]), cos(motion[1]))
    let (velocity, angularVelocity) = (motion[2], motion[3])
    let coupling = -CartPoleSwingUp.poleMoment * cosine
    let cartForce =
      force - damping * velocity - CartPoleSwingUp.poleMoment * angularVelocity * angularVelocity * sine
    let poleTorque =
      -damping * angularVelocity - CartPoleSwingUp.poleMoment * CartPoleSwingUp.gravity * sine
    let determinant = CartPoleSwingUp.totalMass * CartPoleSwingUp.poleInertia - coupling * coupling
    return SIMD4(
      velocity, angularVelocity,
      (CartPoleSwingUp.poleInertia * cartForce - coupling * poleTorque) / determinant,
      (CartPoleSwingUp.totalMass * poleTorque - coupling * cartForce) / determinant)
  }

  private mutating func stopAtRailEnd() {
    guard abs(motion[0]) >= CartPoleSwingUp.railEnd else { return }
    motion[0] = motion[0].clipped(-CartPoleSwingUp.railEnd, CartPoleSwingUp.railEnd)
    guard motion[0] * motion[2] > 0 else { return }
    let coupling = -CartPoleSwingUp.poleMoment * cos(motion[1])
    motion[3] += coupling / CartPoleSwingUp.poleInertia * motion[2]
    motion[2] = 0
  }

  /// [x (m), θ (rad), ẋ (m/s), θ̇ (rad/s)]; θ is not wrapped.
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    for index in 0..<4 { observation[index] = Float(motion[index]) }
  }

  package static let quantities: Quantities = [
    "position": \.motion[0], "angle": \.motion[1], "velocity": \.motion[2], "angularVelocity": \.motion[3],
  ]

  /// The cart on its rail, the pole, and the place where its tip should be.
  package var sketch: Sketch? {
    let end = CartPoleSwingUp.railEnd
    var sketch = Sketch(x: -2.8...2.8, y: -0.9...1.1)
    sketch.bar(.init(-end, 0), .init(end, 0), width: 0.02, .ink)
    sketch.disc(.init(0, CartPoleSwingUp.poleLength), radius: 0.05, .green)
    // Hanging down is 0, and the tip is on the left of the cart where the angle is positive.
    sketch.drawCartPole(
      at: motion[0], height: 0.1, poleLength: CartPoleSwingUp.poleLength, angleFromUpright: motion[1] - Double.pi)
    return sketch
  }

  package var knownDynamics: (any KnownDynamics)? { Known() }

  /// Reward and end as functions of a transition.
  private struct Known: KnownDynamics {
    /// [sinθ, cosθ, x, ẋ, θ̇], the paper's.
    package var modelFeatures: [ObservationFeature]? { [.sine(1), .cosine(1), .value(0), .value(2), .value(3)] }

    /// Scores the next observation and the action.
    package func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      let position = columns.nextObservationColumn(0)
      let angle = columns.nextObservationColumn(1)
      let action = columns.actionColumn(0)
      let scale = Float(1 / (CartPoleSwingUp.poleLength * CartPoleSwingUp.poleLength))
      for row in 0..<columns.count {
        let tipError = CartPoleSwingUp.squaredTipError(
          position: position[row], sine: sin(angle[row]), cosine: cos(angle[row]))
        reward[row] = exp(-tipError * scale) - 0.01 * action[row] * action[row]
      }
    }
  }

  /// ‖ee − (0, .6)‖² in m².
  @inline(__always)
  fileprivate static func squaredTipError<Number: BinaryFloatingPoint>(
    position: Number, sine: Number, cosine: Number
  ) -> Number {
    let length = Number(poleLength)
    let (horizontal, vertical) = (position - length * sine, -length * cosine - length)
    return horizontal * horizontal + vertical * vertical
  }
}
