import Environments
import Support

/// Imagination with the environment itself: plans are scored by stepping copies of it. Separates the planner's faults
/// from the model's.
package final class TrueTrajectories: TrajectoryEvaluator {
  private let horizon: Int
  private let discount: Double
  private let space: ActionSpace
  private let pool: ComputePool
  private var start: (any SnapshotEnvironment)?

  package init(_ planner: PlannerConfiguration, space: ActionSpace, pool: ComputePool) {
    horizon = planner.horizon
    discount = planner.discount
    self.space = space
    self.pool = pool
  }

  package func begin(in situation: Situation) { start = situation.environment }

  package func evaluate(
    _ plans: UnsafePointer<Float>, population: Int, iteration: Int, random: RandomStream,
    returns: UnsafeMutablePointer<Float>
  ) throws {
    guard let start else { preconditionFailure("begin was not called") }
    try score(plans, population, from: start, returns)
  }

  /// Opened, the environment's copies lie on the stack: as `any`, every one would be allocated.
  private func score<Start: SnapshotEnvironment>(
    _ plans: UnsafePointer<Float>, _ population: Int, from start: Start, _ returns: UnsafeMutablePointer<Float>
  ) throws(InterruptedError) {
    nonisolated(unsafe) let (plans, returns) = (plans, returns)
    let (horizon, discount, space) = (self.horizon, self.discount, self.space)
    // An action inside the space never fails to step; a simulation that fails all the same scores as the worst.
    try pool.runInterruptibly(tasks: population) { candidate, _ in
      var environment = start
      var total = 0.0
      var weight = 1.0
      for step in 0..<horizon {
        let row = plans + (candidate * horizon + step) * space.columns
        let action: Action
        switch space {
        case .discrete(let count): action = .discrete((0..<count).first { row[$0] == 1 } ?? 0)
        case .box(let low, _): action = .continuous(UnsafeBufferPointer(start: row, count: low.count))
        }
        guard let outcome = try? environment.step(action) else {
          total = .nan
          break
        }
        total += weight * outcome.reward
        weight *= discount
        if outcome.isTerminated { break }
      }
      returns[candidate] = Float(total)
    }
  }

  package var hasGradients: Bool { false }

  package func differentiate(
    _ plans: UnsafePointer<Float>, population: Int, iteration: Int, random: RandomStream,
    gradients: UnsafeMutablePointer<Float>, returns: UnsafeMutablePointer<Float>
  ) throws { throw PlannerError.needsGradients }
}
