import Foundation
import Support

/// MountainCar-v0: a car too weak for the hill gathers speed by going back first.
///
/// A. W. Moore, "Efficient Memory-based Learning for Robot Control" (1990); Gymnasium 1.4.0, bit for bit. p is the
/// position, v the velocity, a ∈ {0: left, 1: coast, 2: right}:
///
///     v' = clip(v + (a − 1)·.001 − .0025 cos 3p, ±.07)
///     p' = clip(p + v', −1.2, .6);   v' = 0 at the left wall
///
/// Reward −1 per step, the last one included. Ends at p' ≥ .5 with v' ≥ the goal velocity; 200 steps.
package struct MountainCar: MountainCarTask {
  package static let specification = EnvironmentSpecification(
    id: "MountainCar-v0", observationSpace: observationSpace, actionSpace: .discrete(count: 3), stepLimit: 200,
    rewardRange: -1...(-1), rewardThreshold: -110, framesPerSecond: 30,
    observationNames: ["position", "velocity"],
    summary: "rock a weak car up a hill with three actions (200 steps)")

  package static let goal = 0.5
  package let goalVelocity: Double
  package var position = 0.0
  package var velocity = 0.0

  package init(_ configuration: MountainCarOptions) { goalVelocity = configuration.goalVelocity }

  package mutating func step(_ action: Action) throws -> Outcome {
    let push = Double(try action.index(below: 3) - 1)
    velocity = (velocity + (push * 0.001 + cos(3 * position) * -0.0025)).clipped(-0.07, 0.07)
    position = (position + velocity).clipped(-1.2, 0.6)
    if position == -1.2 && velocity < 0 { velocity = 0 }
    return Outcome(reward: -1, isTerminated: position >= MountainCar.goal && velocity >= goalVelocity)
  }

  package var knownDynamics: (any KnownDynamics)? {
    Known(goal: MountainCar.goal, goalVelocity: goalVelocity)
  }

  /// Reward and end as functions of a transition.
  private struct Known: KnownMountainCar {
    let goal, goalVelocity: Double

    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      reward.update(repeating: -1, count: columns.count)
    }
  }
}
