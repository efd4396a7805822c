import Environments
import Support

/// Imagination with the environment itself: plans are scored by stepping copies of it. Separates the planner's faults
/// from the model's.
package final class TrueModelScorer: PlanScorer {
  private let discount: Double
  private let pool: ComputePool
  private var start: (any Environment)?

  package init(_ settings: RolloutSettings, pool: ComputePool) {
    discount = settings.discount
    self.pool = pool
  }

  package func begin(in situation: Situation, row: Int) throws {
    start = situation.source?.copy(of: row)
    if start == nil {
      throw EnvironmentError.failed("the environment cannot be copied; set planner.model to \"learned\"")
    }
  }

  package func score(
    _ plans: Plans, iteration: Int, noise: RandomStream, into returns: UnsafeMutableBufferPointer<Float>
  ) throws {
    guard let start else { preconditionFailure("begin was not called") }
    try score(plans, from: start, returns)
  }

  /// Opened, the environment's copies lie on the stack: as `any`, every one would be allocated.
  private func score<Start: Environment>(
    _ plans: Plans, from start: Start, _ returns: UnsafeMutableBufferPointer<Float>
  ) throws(InterruptedError) {
    nonisolated(unsafe) let (plans, returns) = (plans, returns)
    let discount = self.discount
    let space = start.specification.actionSpace
    // An action inside the space never fails to step; a simulation that fails all the same scores as the worst.
    try pool.runInterruptibly(tasks: plans.population) { plan, _ in
      guard var environment = start.copy() else { return returns[plan] = .nan }
      let actions = ActionRows(plans[plan], space)
      var total = 0.0
      var weight = 1.0
      for step in 0..<plans.horizon {
        guard let outcome = try? environment.step(actions.action(step)) else {
          total = .nan
          break
        }
        total += weight * outcome.reward
        weight *= discount
        if outcome.isTerminated { break }
      }
      returns[plan] = Float(total)
    }
  }
}
