import Foundation
import Support

/// ContinuousCartPole-v0: CartPole-v1 with a force of any strength, mbrl-lib's first task for PETS.
///
/// L. Pineda et al., "MBRL-Lib: A Modular Library for Model-based Reinforcement Learning" (2021): the equations, the
/// reset and the end of `CartPole`, with F = 10·a N. An action beyond [−1, 1] is neither clipped nor rejected. Reward 1
/// per step, the last one included; 200 steps, so the largest return is 200. (mbrl-lib's own reward function gives 0
/// where the pole falls and so disagrees with its environment.) A model sees x, ẋ, θ and θ̇ as they are.
package struct ContinuousCartPole: CartPoleTask {
  package static let specification = EnvironmentSpecification(
    id: "ContinuousCartPole-v0",
    observationSpace: CartPoleMotion.observationSpace(velocityBound: .greatestFiniteMagnitude),
    actionSpace: .box(low: [-1], high: [1]), stepLimit: 200, rewardRange: 1...1, framesPerSecond: 50,
    observationNames: CartPoleMotion.observationNames, actionNames: ["force, 10 N"],
    summary: "balance a pole on a cart with a force of any strength (mbrl-lib's, 200 steps)")

  package var motion = CartPoleMotion()

  package init(_ configuration: NoOptions) {}

  package mutating func step(_ action: Action) throws -> Outcome {
    let force = Double(10 * (try action.scalar()))  // the product is float32, as the action is
    let cosine = cos(motion.angle)
    motion.advance(
      force: force, angularVelocitySquared: NumPyArithmetic.square(motion.angularVelocity),
      sine: sin(motion.angle), cosine: cosine, cosineSquared: NumPyArithmetic.square(cosine))
    return Outcome(reward: 1, isTerminated: motion.hasFallen)
  }
}
