import Foundation
import Support

/// ContinuousCartPole-v0: CartPole-v1 with a force of any strength, mbrl-lib's first task for PETS.
///
/// L. Pineda et al., "MBRL-Lib: A Modular Library for Model-based Reinforcement Learning" (2021): the equations, the
/// reset and the end of `CartPole`, with F = 10·a N. An action beyond [−1, 1] is neither clipped nor rejected. Reward 1
/// per step, the last one included; 200 steps, so the largest return is 200. A model sees x, ẋ, θ and θ̇ as they are.
package struct ContinuousCartPole: ConfigurableEnvironment {
  package static let specification = EnvironmentSpecification(
    id: "ContinuousCartPole-v0",
    observationSpace: CartPoleDynamics.observationSpace(velocityBound: .greatestFiniteMagnitude),
    actionSpace: .box(low: [-1], high: [1]), stepLimit: 200, rewardRange: 1...1,
    framesPerSecond: 50,
    summary: "balance a pole on a cart with a force of any strength (mbrl-lib's, 200 steps)")

  private var dynamics = CartPoleDynamics()

  package init(_ configuration: NoOptions) {}

  package mutating func reset(seed: UInt64) { dynamics.reset(seed: seed) }

  package mutating func step(_ action: Action) throws -> Outcome {
    let force = Double(10 * (try action.scalar()))  // the product is float32, as the action is
    let cosine = cos(dynamics.angle)
    dynamics.advance(
      force: force, angularVelocitySquared: NumPyArithmetic.square(dynamics.angularVelocity),
      sine: sin(dynamics.angle), cosine: cosine, cosineSquared: NumPyArithmetic.square(cosine))
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
    /// 1 throughout. (mbrl-lib's own reward function gives 0 where the pole falls and so disagrees with its environment.)
    package func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      reward.update(repeating: 1, count: columns.count)
    }

    package func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
      CartPoleDynamics.terminations(of: columns, into: terminated)
    }
  }
}
