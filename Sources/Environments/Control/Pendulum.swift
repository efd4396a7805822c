import Foundation
import Support

/// Pendulum-v1: swing a pendulum up and hold it there, with too little torque to lift it directly.
///
/// Gymnasium 1.4.0, bit for bit. θ = 0 is upright; u is the action clipped to ±2 N·m; dt = .05 s, m = 1 kg, l = 1 m:
///
///     reward = −(norm(θ)² + .1 θ̇² + .001 u²)               of the state BEFORE the action, norm(θ) in [−π, π)
///     θ̇' = clip(θ̇ + (3g/2l · sinθ + 3/(ml²) · u) dt, ±8)
///     θ' = θ + θ̇' dt                                        never wrapped
///
/// `.001 u²` and `3 u` are computed in float32, because the action is. Never terminates; 200 steps.
package struct Pendulum: PhysicalEnvironment {
  package struct Configuration: Configurable {
    package var gravity = 10.0

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.number("gravity", &gravity, in: 0...1000, "acceleration of gravity in m/s²")
    }
  }

  package static let specification = EnvironmentSpecification(
    id: "Pendulum-v1", observationSpace: .box(low: [-1, -1, -8], high: [1, 1, 8]),
    actionSpace: .box(low: [-2], high: [2]), stepLimit: 200,
    rewardRange: -(Double.pi * Double.pi + 0.1 * 64 + Double(0.001 * Float(4)))...0, framesPerSecond: 30,
    observationNames: ["cos θ", "sin θ", "θ̇, rad/s"], actionNames: ["torque, Nm"],
    summary: "swing a pendulum up with limited torque and hold it (200 steps)")

  private var gravity: Double
  private var angle = 0.0
  private var angularVelocity = 0.0

  package init(_ configuration: Configuration) { gravity = configuration.gravity }

  /// θ ~ U(−π, π), θ̇ ~ U(−1, 1), as Gymnasium draws them.
  package mutating func reset(seed: UInt64) {
    var random = NumPyRandom(seed: seed)
    angle = random.uniform(-Double.pi, Double.pi)
    angularVelocity = random.uniform(-1, 1)
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    let torque = try action.scalar().clipped(-2, 2)
    let normalized = NumPyArithmetic.flooredRemainder(angle + Double.pi, 2 * Double.pi) - Double.pi
    let cost =
      NumPyArithmetic.square(normalized) + 0.1 * NumPyArithmetic.square(angularVelocity)
      + Double(0.001 * NumPyArithmetic.square(torque))
    let angularAcceleration = 3 * gravity / 2 * sin(angle) + Double(3 * torque)
    angularVelocity = (angularVelocity + angularAcceleration * 0.05).clipped(-8, 8)
    angle += angularVelocity * 0.05
    return Outcome(reward: -cost, isTerminated: false)
  }

  /// [cosθ, sinθ, θ̇ (rad/s)]
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    observation[0] = Float(cos(angle))
    observation[1] = Float(sin(angle))
    observation[2] = Float(angularVelocity)
  }

  /// rad, rad/s
  package static let quantities: Quantities = [
    "angle": \.angle, "angularVelocity": \.angularVelocity,
  ]

  /// The rod on its axle, upright at 0; positive angles turn it to the left, as in Gymnasium's picture.
  package var sketch: Sketch? {
    var sketch = Sketch(x: -1.3...1.3, y: -1.3...1.3)
    let tip = Sketch.Point(-sin(angle), cos(angle))
    sketch.line([.init(0, 0), tip], width: 0.2, .red)
    sketch.disc(.init(0, 0), radius: 0.05, .ink)
    return sketch
  }

  package var knownDynamics: (any KnownDynamics)? { Known() }

  /// Reward and end as functions of a transition.
  private struct Known: KnownDynamics {
    /// Scores the observation before the action. Its angle comes from atan2: a model's cosθ and sinθ need not lie on
    /// the unit circle.
    package func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      let cosine = columns.observationColumn(0)
      let sine = columns.observationColumn(1)
      let angularVelocity = columns.observationColumn(2)
      let action = columns.actionColumn(0)
      for row in 0..<columns.count {
        let angle = atan2(sine[row], cosine[row])
        let torque = action[row].clipped(-2, 2)
        reward[row] =
          -(angle * angle + 0.1 * angularVelocity[row] * angularVelocity[row] + 0.001 * torque * torque)
      }
    }
  }
}
