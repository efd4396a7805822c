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
    package var evaluationsPerPlan: Int { population * iterations }
    package func makeOptimizer(horizon: Int, space: ActionSpace) -> any PlanOptimizer {
      PathIntegral(self, horizon: horizon, space: space)
    }
  }

  private let configuration: Configuration
  private let space: ActionSpace
  private let bounds: PlanBounds
  private let horizon: Int
  private let plans: FloatBuffer
  private let noise: FloatBuffer
  private let returns: FloatBuffer
  private let mean: FloatBuffer
  /// The action taken last (a₋₁).
  private let past: FloatBuffer
  private let mixed: FloatBuffer

  package init(_ configuration: Configuration, horizon: Int, space: ActionSpace) {
    self.configuration = configuration
    self.space = space
    self.horizon = horizon
    bounds = PlanBounds(space)
    let planSize = horizon * space.columns
    plans = FloatBuffer(count: configuration.population * planSize)
    noise = FloatBuffer(count: configuration.population * (space.isDiscrete ? horizon : planSize))
    returns = FloatBuffer(count: configuration.population)
    mean = FloatBuffer(count: planSize)
    past = FloatBuffer(count: space.columns)
    mixed = FloatBuffer(count: planSize)
    reset()
  }

  package func reset() {
    for index in 0..<mean.count {
      mean[index] = space.isDiscrete ? 1 / Float(space.columns) : bounds.middle(index % space.columns)
    }
    for column in 0..<space.columns { past[column] = mean[column] }
  }

  package func optimize(_ problem: inout PlanProblem, into plan: UnsafeMutableBufferPointer<Float>) throws -> Float? {
    var expected: Float = 0
    for iteration in 0..<configuration.iterations {
      if space.isDiscrete {
        problem.random.fillUniform(noise.memory, 0, 1)
      } else {
        problem.random.fillTruncatedNormal(noise.memory, bound: 2)
      }
      propose()  // step 1
      try problem.evaluate(plans.base, configuration.population, iteration, returns.base)
      Plans.replaceNaN(returns.memory)
      expected = refit()  // steps 2 and 3
    }
    if space.isDiscrete {
      Plans.mode(probabilities: mean.base, rows: horizon, count: space.columns, into: plan.baseAddress!)
    } else {
      plan.baseAddress!.update(from: mean.base, count: mean.count)
    }
    return expected
  }

  private func propose() {
    let planSize = mean.count
    let columns = space.columns
    if space.isDiscrete {
      let uniformShare = Float(min(configuration.noise * 0.1, 1))
      for index in 0..<planSize { mixed[index] = (1 - uniformShare) * mean[index] + uniformShare / Float(columns) }
      for candidate in 0..<configuration.population {
        Plans.sampleCategories(
          probabilities: mixed.base, draws: noise.base + candidate * horizon, rows: horizon, count: columns,
          into: plans.base + candidate * planSize)
      }
      return
    }
    let beta = Float(configuration.filter)
    for candidate in 0..<configuration.population {
      let row = plans.base + candidate * planSize
      let drawn = noise.base + candidate * planSize
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
    let population = configuration.population
    let planSize = mean.count
    var best = -Float.infinity
    for candidate in 0..<population { best = max(best, returns[candidate]) }
    guard best > -.infinity else { return best }
    var weights = [Float](repeating: 0, count: population)
    var total: Float = 0
    for candidate in 0..<population {
      weights[candidate] = Float(exp(configuration.gamma * Double(returns[candidate] - best)))
      total += weights[candidate]
    }
    var expected: Float = 0
    mixed.base.update(repeating: 0, count: planSize)
    for candidate in 0..<population where weights[candidate] > 0 {
      let weight = weights[candidate] / (total + 1e-10)
      expected += weight * returns[candidate]
      let row = plans.base + candidate * planSize
      for index in 0..<planSize { mixed[index] += weight * row[index] }
    }
    mean.base.update(from: mixed.base, count: planSize)
    return expected
  }

  package func shift(by steps: Int) {
    let columns = space.columns
    let taken = min(steps, horizon) - 1
    for column in 0..<columns { past[column] = mean[taken * columns + column] }
    let last = (0..<columns).map { mean[(horizon - 1) * columns + $0] }
    Plans.shift(mean.memory, columns: columns, by: steps) { last[$0] }
  }

  package func archive(_ archive: Archive) throws {
    try archive.buffer("mean", mean.memory, shape: [horizon, space.columns])
    try archive.buffer("past", past.memory, shape: [space.columns])
  }
}
