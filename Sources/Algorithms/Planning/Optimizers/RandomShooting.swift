import Environments
import Support

/// Random shooting: draw action sequences, imagine each, take the best one.
///
/// 1. Draw `population` sequences uniformly within the bounds (discrete: uniformly over the categories). What the
///    scorer proposes takes the place of the first ones.
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
    package var sequencesPerPlan: Int? { population }
    package func memory(horizon: Int, space: ActionSpace) -> MemoryNeed {
      Population.memory(population, horizon: horizon, space: space)
    }
    package func makeOptimizer(horizon: Int, space: ActionSpace) -> any PlanOptimizer {
      RandomShooting(self, horizon: horizon, space: space)
    }
  }

  private let population: Population
  /// The rest of the last plan, where there is one.
  private let previous: FloatBuffer
  private var hasPrevious = false

  package init(_ configuration: Configuration, horizon: Int, space: ActionSpace) {
    population = Population(capacity: configuration.population, elites: 1, horizon: horizon, space: space)
    previous = FloatBuffer(count: population.planSize)
  }

  package func reset() { hasPrevious = false }

  package func optimize(_ problem: inout PlanProblem, into plan: MutableRows) throws -> Float? {
    let (space, bounds) = (population.space, population.bounds)
    let (plans, draws, planSize) = (population.plans, population.noise, population.planSize)
    problem.random.fillUniform(draws.memory, 0, 1)  // step 1
    switch space {
    case .discrete(let count):
      for row in 0..<draws.count {
        PlanMath.setCategory(plans.base + row * count, min(Int(draws[row] * Float(count)), count - 1), of: count)
      }
    case .box:
      for index in 0..<plans.count {
        let column = index % space.columns
        plans[index] = bounds.clamp(
          bounds.low[column] + (bounds.high[column] - bounds.low[column]) * draws[index], column)
      }
    }
    // One place is left for the last plan.
    let proposed = problem.scorer.propose(
      Plans(plans.base, population: population.capacity - 1, horizon: population.horizon, columns: space.columns),
      noise: problem.noise)
    if hasPrevious { population.plan(proposed).update(from: previous.base, count: planSize) }
    try population.score(population.capacity, iteration: 0, by: problem)  // step 2
    let best = Int(population.best(1, of: population.capacity)[0])  // step 3
    previous.base.update(from: population.plan(best), count: planSize)
    plan.base.update(from: previous.base, count: planSize)
    hasPrevious = true
    return population.returns[best]
  }

  package func shift(by steps: Int) {
    let (space, bounds) = (population.space, population.bounds)
    PlanMath.shift(previous.memory, columns: space.columns, by: steps) { column in
      space.isDiscrete ? (column == 0 ? 1 : 0) : bounds.clamp(0, column)
    }
  }

  package func archive(_ archive: Archive) throws {
    try archive.value("hasPrevious", &hasPrevious)
    try archive.buffer("previous", previous.memory, shape: [previous.count])
  }
}
