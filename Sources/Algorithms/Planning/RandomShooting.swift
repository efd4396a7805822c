import Environments
import Support

/// Random shooting: draw action sequences, imagine each, take the best one.
///
/// 1. Draw `population` sequences uniformly within the bounds (discrete: uniformly over the categories).
/// 2. Score each by its imagined return.
/// 3. Execute the first action(s) of the best; the rest of it, shifted, competes again in the next search.
///
/// Source: Nagabandi et al. 2018, "Neural network dynamics for model-based deep RL with model-free fine-tuning", §IV-C.
package final class RandomShooting: PlanOptimizer {
  package struct Configuration: PlanOptimizerConfiguration {
    /// Sequences per plan.
    package var population = 1000

    package init() {}
    package mutating func declare(_ fields: Fields) {
      fields.integer("population", &population, in: 1...1_000_000, "action sequences drawn per plan")
    }
    package var evaluationsPerPlan: Int { population }
    package func makeOptimizer(horizon: Int, space: ActionSpace) -> any PlanOptimizer {
      RandomShooting(self, horizon: horizon, space: space)
    }
  }

  private let configuration: Configuration
  private let space: ActionSpace
  private let bounds: PlanBounds
  private let plans: FloatBuffer
  private let draws: FloatBuffer
  private let returns: FloatBuffer
  /// The rest of the last plan, where there is one.
  private let previous: FloatBuffer
  private var hasPrevious = false

  package init(_ configuration: Configuration, horizon: Int, space: ActionSpace) {
    self.configuration = configuration
    self.space = space
    bounds = PlanBounds(space)
    let planSize = horizon * space.columns
    plans = FloatBuffer(count: configuration.population * planSize)
    draws = FloatBuffer(count: configuration.population * (space.isDiscrete ? horizon : planSize))
    returns = FloatBuffer(count: configuration.population)
    previous = FloatBuffer(count: planSize)
  }

  package func reset() { hasPrevious = false }

  package func optimize(_ problem: inout PlanProblem, into plan: UnsafeMutableBufferPointer<Float>) throws -> Float? {
    let population = configuration.population
    let columns = problem.columns
    problem.random.fillUniform(draws.memory, 0, 1)  // step 1
    switch space {
    case .discrete(let count):
      for row in 0..<(population * problem.horizon) {
        Plans.setCategory(plans.base + row * count, min(Int(draws[row] * Float(count)), count - 1), of: count)
      }
    case .box:
      for index in 0..<plans.count {
        let column = index % columns
        plans[index] = bounds.clamp(
          bounds.low[column] + (bounds.high[column] - bounds.low[column]) * draws[index], column)
      }
    }
    if hasPrevious { plans.base.update(from: previous.base, count: problem.planSize) }
    try problem.evaluate(plans.base, population, 0, returns.base)  // step 2
    Plans.replaceNaN(returns.memory)
    let best = Plans.best(1, of: returns.readOnly)[0]  // step 3
    previous.base.update(from: plans.base + best * problem.planSize, count: problem.planSize)
    plan.baseAddress!.update(from: previous.base, count: problem.planSize)
    hasPrevious = true
    return returns[best]
  }

  package func shift(by steps: Int) {
    Plans.shift(previous.memory, columns: space.columns, by: steps) { column in
      space.isDiscrete ? (column == 0 ? 1 : 0) : bounds.clamp(0, column)
    }
  }

  package func archive(_ archive: Archive) throws {
    try archive.value("has_previous", &hasPrevious)
    try archive.buffer("previous", previous.memory, shape: [previous.count])
  }
}
