import Environments
import Support

/// Scores plans by imagining them; a planner knows no model.
package protocol PlanScorer: AnyObject {
  /// Takes in where imagination starts: one row of a situation. What is kept of it is scratch, not state.
  func begin(in situation: Situation, row: Int) throws
  /// Fills the first plans with suggestions of the scorer's own (a policy's), once after `begin`.
  /// - Returns: how many; default 0.
  func propose(_ plans: Plans, noise: RandomStream) -> Int
  /// returns[i] = predicted return of plan i; noise comes from `noise` and `iteration` only. NaN counts as the worst.
  func score(
    _ plans: Plans, iteration: Int, noise: RandomStream, into returns: UnsafeMutableBufferPointer<Float>) throws
  /// Also gradients[i] = d(return i)/d(plan i). Default: there are none.
  func differentiate(
    _ plans: Plans, iteration: Int, noise: RandomStream, gradients: Plans,
    into returns: UnsafeMutableBufferPointer<Float>) throws
}

extension PlanScorer {
  package func propose(_ plans: Plans, noise: RandomStream) -> Int { 0 }

  package func differentiate(
    _ plans: Plans, iteration: Int, noise: RandomStream, gradients: Plans,
    into returns: UnsafeMutableBufferPointer<Float>
  ) throws { throw MissingGradients() }
}

/// A planner needs derivatives of returns, and what scores its plans has none.
package struct MissingGradients: Error, CustomStringConvertible {
  package var description: String { "this planner needs gradients: use another planner.type, or a learned model" }
}

/// How a learned ensemble carries a plan's particles through time.
package enum Propagation: String, CaseIterable, Sendable {
  /// One particle per plan; every step is the mean of all elites' mean predictions.
  case expectation
  /// Trajectory sampling; every particle draws its member anew at every step, members evenly used.
  case ts1
  /// Trajectory sampling; every particle keeps its member for the whole plan (TS∞).
  case tsInfinity = "tsinf"
  /// Distribution sampling: after each step a plan's particles are redrawn from the normal with their mean and
  /// variance.
  case distribution = "ds"
}

/// How plans are rolled out in imagination.
package struct RolloutSettings: Equatable, Sendable {
  package enum Precision: String, CaseIterable, Sendable { case float32, bfloat16 }

  /// Steps planned ahead.
  package var horizon = 25
  /// In what the learned networks multiply. Training and everything else stay in float32.
  package var precision = Precision.float32
  package var propagation = Propagation.tsInfinity
  /// Imagined trajectories per plan.
  package var particles = 20
  /// λ in reward − λ·σ, σ the ensemble's disagreement at the state and action.
  package var pessimism = 0.0
  /// Weight of a reward one step later against one now.
  package var discount = 1.0

  package init() {}
}
