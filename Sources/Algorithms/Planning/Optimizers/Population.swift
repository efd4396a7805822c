import Environments
import Support

/// The action sequences that a sampling optimiser draws, scores and ranks. All its memory is made once, so that a
/// search allocates nothing.
///
/// Candidate i's plan is [horizon, columns] from `plan(i)` on; its return stands in `returns[i]`.
package final class Population {
  /// Of all plans.
  package let space: ActionSpace
  /// The space's bounds.
  package let bounds: PlanBounds
  /// Steps of a plan.
  package let horizon: Int
  /// Most candidates at once.
  package let capacity: Int
  /// [capacity, horizon, columns].
  package let plans: FloatBuffer
  /// As many numbers as the plans need draws: one per action column, or one per step where actions are discrete.
  package let noise: FloatBuffer
  /// Of every candidate.
  package let returns: FloatBuffer
  /// Candidates by return, best first, as far as they were asked for.
  private let ranking: UnsafeMutableBufferPointer<Int32>

  /// Memory for `capacity` candidates, of which at most `elites` are ranked.
  package init(capacity: Int, elites: Int, horizon: Int, space: ActionSpace) {
    self.space = space
    self.horizon = horizon
    self.capacity = capacity
    bounds = PlanBounds(space)
    plans = FloatBuffer(count: capacity * horizon * space.columns)
    noise = FloatBuffer(count: capacity * horizon * (space.isDiscrete ? 1 : space.columns))
    returns = FloatBuffer(count: capacity)
    ranking = .allocate(capacity: max(elites, 1))
    ranking.initialize(repeating: 0)
  }

  deinit { ranking.deallocate() }

  /// What one of that size holds.
  package static func memory(_ capacity: Int, horizon: Int, space: ActionSpace) -> MemoryNeed {
    var need = MemoryNeed()
    let columns = space.columns + (space.isDiscrete ? 1 : space.columns)
    need.add("plans: planner.population \(capacity) × planner.horizon \(horizon)", bytes: capacity, horizon, columns, 4)
    return need
  }

  /// Floats of one plan.
  package var planSize: Int { horizon * space.columns }

  /// [horizon, columns].
  @inline(__always)
  package func plan(_ candidate: Int) -> UnsafeMutablePointer<Float> { plans.base + candidate * planSize }

  /// The numbers that candidate `candidate` is drawn by.
  @inline(__always)
  package func noise(of candidate: Int) -> UnsafePointer<Float> {
    UnsafePointer(noise.base + candidate * (noise.count / max(capacity, 1)))
  }

  /// Makes the first `count` plans one-hot rows drawn from `probabilities` [horizon, categories].
  package func drawCategories(_ count: Int, from probabilities: FloatBuffer, _ random: inout any NoiseSource) {
    random.fillUniform(UnsafeMutableBufferPointer(rebasing: noise.memory[..<(count * horizon)]), 0, 1)
    for candidate in 0..<count {
      PlanMath.sampleCategories(
        probabilities: probabilities.base, draws: noise(of: candidate), rows: horizon, count: space.columns,
        into: plan(candidate))
    }
  }

  /// Scores the first `count` candidates; a return that is not a number becomes −∞.
  package func score(_ count: Int, iteration: Int, by problem: PlanProblem) throws {
    let returns = UnsafeMutableBufferPointer(rebasing: returns.memory[..<count])
    let candidates = Plans(plans.base, population: count, horizon: horizon, columns: space.columns)
    try problem.scorer.score(candidates, iteration: iteration, noise: problem.noise, into: returns)
    PlanMath.replaceNaN(returns)
  }

  /// The `wanted` best of the first `count` candidates, best first; of equals the earlier one. Valid until the next
  /// call.
  package func best(_ wanted: Int, of count: Int) -> UnsafeBufferPointer<Int32> {
    let elites = UnsafeMutableBufferPointer(rebasing: ranking[..<min(wanted, count)])
    PlanMath.rank(UnsafeBufferPointer(rebasing: returns.readOnly[..<count]), into: elites)
    return UnsafeBufferPointer(elites)
  }

  /// The plan that a distribution stands for: its mean, or the most probable category of every step.
  package func writePlan(of mean: FloatBuffer, into plan: UnsafeMutablePointer<Float>) {
    if space.isDiscrete {
      PlanMath.mode(probabilities: mean.base, rows: horizon, count: space.columns, into: plan)
    } else {
      plan.update(from: mean.base, count: planSize)
    }
  }

  /// Where a search without knowledge starts: mid-range, or equal probabilities.
  package func restingMean(_ column: Int) -> Float {
    space.isDiscrete ? 1 / Float(space.columns) : bounds.middle(column)
  }
}
