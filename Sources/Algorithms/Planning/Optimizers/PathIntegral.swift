import Environments
import Foundation
import Support

/// MPPI, model-predictive path integral control, in mbrl-lib's filtered form.
///
/// Per refinement:
/// 1. aₜ = β·(μₜ + σ·noiseₜ) + (1 − β)·aₜ₋₁, noise normal cut at ±2, a₋₁ = the action taken last; clamp to the bounds.
/// 2. Score; weights w = e^(γ(R − max R)), normalised.
/// 3. μ ← Σ w·a.
/// The plan is μ. Warm start: μ shifted, its last row repeated. At an episode's start μ is mid-range.
/// σ is a share of half the action range, so that one setting serves every environment.
///
/// Discrete actions: categories drawn from the weighted frequencies per step (mixed with a uniform share of `noise`),
/// the weights as above; the plan is the most probable category.
///
/// Source: Williams et al. 2017; Nagabandi et al. 2019 (PDDM, §4) for the filter.
package final class PathIntegral: PlanOptimizer {
  package struct Configuration: PlanOptimizerConfiguration {
    /// Sequences per refinement.
    package var population = 350
    /// Refinements per plan.
    package var iterations = 5
    /// Inverse temperature γ: weights are e^(γ·return).
    package var gamma = 0.9
    /// Standard deviation σ of the noise, as a share of half the action range.
    package var noise = 1.0
    /// Filter β: 1 leaves the noise white, small values follow the action before.
    package var filter = 0.9

    package init() {}
    package mutating func declare(_ fields: Fields) {
      fields.integer("population", &population, in: 1...1_000_000, "action sequences per refinement")
      fields.integer("iterations", &iterations, in: 1...1000, "refinements per plan")
      fields.number("gamma", &gamma, in: 0...1e6, "inverse temperature: weights are exp(gamma * return)")
      fields.number("noise", &noise, in: 0...10, "noise deviation as a share of half the action range")
      fields.number("filter", &filter, in: 0...1, aboveLowerBound: true, "weight of the new action against the last")
    }
    package var sequencesPerPlan: Int? { population * iterations }
    package func warn(_ space: ActionSpace, _ fields: Fields) {
      if space.isDiscrete { fields.unused("planner.filter", because: "discrete actions are not filtered") }
    }
    package func memory(horizon: Int, space: ActionSpace) -> MemoryNeed {
      Population.memory(population, horizon: horizon, space: space)
    }
    package func makeOptimizer(horizon: Int, space: ActionSpace) -> any PlanOptimizer {
      PathIntegral(self, horizon: horizon, space: space)
    }
  }

  private let configuration: Configuration
  private let population: Population
  private let weights: FloatBuffer
  private let mean: FloatBuffer
  private let keptBuffers: KeptBuffers
  /// The action taken last (a₋₁).
  private let past: FloatBuffer
  private let mixed: FloatBuffer

  package init(_ configuration: Configuration, horizon: Int, space: ActionSpace) {
    self.configuration = configuration
    population = Population(capacity: configuration.population, elites: 1, horizon: horizon, space: space)
    weights = FloatBuffer(count: configuration.population)
    mean = FloatBuffer(count: population.planSize)
    keptBuffers = KeptBuffers(mean)
    past = FloatBuffer(count: space.columns)
    mixed = FloatBuffer(count: population.planSize)
    reset()
  }

  private var space: ActionSpace { population.space }

  package func reset() {
    for index in 0..<mean.count { mean[index] = population.restingMean(index % space.columns) }
    for column in 0..<space.columns { past[column] = mean[column] }
  }

  package func optimize(_ problem: inout PlanProblem, into plan: MutableRows) throws -> Float? {
    try keptBuffers.restoringOnError { try search(&problem, into: plan) }
  }

  private func search(_ problem: inout PlanProblem, into plan: MutableRows) throws -> Float? {
    var expected: Float = 0
    for iteration in 0..<configuration.iterations {
      propose(&problem)  // step 1
      try population.score(population.capacity, iteration: iteration, by: problem)
      expected = refit()  // steps 2 and 3
    }
    population.writePlan(of: mean, into: plan.base)
    return expected
  }

  private func propose(_ problem: inout PlanProblem) {
    let columns = space.columns
    if space.isDiscrete {
      let uniformShare = Float(min(configuration.noise * 0.1, 1))
      for index in 0..<mean.count { mixed[index] = (1 - uniformShare) * mean[index] + uniformShare / Float(columns) }
      population.drawCategories(population.capacity, from: mixed, &problem.random)
      return
    }
    problem.random.fillTruncatedNormal(population.noise.memory, bound: 2)
    let (bounds, horizon) = (population.bounds, population.horizon)
    let beta = Float(configuration.filter)
    for candidate in 0..<population.capacity {
      let (row, drawn) = (population.plan(candidate), population.noise(of: candidate))
      for column in 0..<columns {
        let sigma = Float(configuration.noise) * (bounds.high[column] - bounds.low[column]) / 2
        var previous = past[column]
        for step in 0..<horizon {
          let index = step * columns + column
          // The filter follows the unclamped sequence, as mbrl-lib's does.
          previous = beta * (mean[index] + sigma * drawn[index]) + (1 - beta) * previous
          row[index] = bounds.clamp(previous, column)
        }
      }
    }
  }

  /// Weights and the new mean; returns the weighted return.
  private func refit() -> Float {
    let (count, planSize, returns) = (population.capacity, population.planSize, population.returns)
    var best = -Float.infinity
    for candidate in 0..<count { best = max(best, returns[candidate]) }
    guard best > -.infinity else { return best }
    var total: Float = 0
    for candidate in 0..<count {
      weights[candidate] = Float(exp(configuration.gamma * Double(returns[candidate] - best)))
      total += weights[candidate]
    }
    var expected: Float = 0
    mixed.base.update(repeating: 0, count: planSize)
    for candidate in 0..<count where weights[candidate] > 0 {
      let weight = weights[candidate] / (total + 1e-10)
      expected += weight * returns[candidate]
      let row = population.plan(candidate)
      for index in 0..<planSize { mixed[index] += weight * row[index] }
    }
    mean.base.update(from: mixed.base, count: planSize)
    return expected
  }

  package func shift(by steps: Int) {
    let columns = space.columns
    let taken = min(steps, population.horizon) - 1
    for column in 0..<columns { past[column] = mean[taken * columns + column] }
    PlanMath.shiftRepeatingLast(mean.memory, columns: columns, by: steps)
  }

  package func archive(_ archive: Archive) throws {
    try archive.buffer("mean", mean.memory, shape: [population.horizon, space.columns])
    try archive.buffer("past", past.memory, shape: [space.columns])
  }
}
