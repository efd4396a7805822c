import Environments
import Support

/// The cross-entropy method over action sequences, as in PETS.
///
/// Per iteration:
/// 1. Limit the variance so that ±2σ stays within the bounds: min(σ², ((μ − low)/2)², ((high − μ)/2)²).
/// 2. Draw `population` sequences from the normal cut at ±2σ.
/// 3. Score them; the best `elites` are the elites.
/// 4. μ ← α·μ + (1 − α)·mean of the elites, σ² likewise with their variance.
/// Stop after `iterations`, or when the largest σ² is at most `minimumVariance`. The plan is μ (the best sample would
/// overfit the model), unless `returns` says "best".
///
/// Warm start: the old μ shifted, its end at mid-range; σ² starts from (high − low)²/16 at every step.
/// Discrete actions: a categorical distribution per step, refitted to the elites' frequencies with the same α; the plan
/// is the most probable category per step.
///
/// Source: Chua et al. 2018, "Deep reinforcement learning in a handful of trials", and the authors' code;
/// Botev et al. 2013 for the method.
package final class CrossEntropyMethod: PlanOptimizer {
  package enum VarianceEstimator: String, CaseIterable, Sendable { case biased, unbiased }
  package enum Returned: String, CaseIterable, Sendable { case mean, best }

  package struct Configuration: PlanOptimizerConfiguration {
    /// Sequences per iteration.
    package var population = 400
    package var elites = 40
    package var iterations = 5
    /// Weight of the OLD mean and variance (α).
    package var smoothing = 0.1
    /// Search stops where the largest variance is at most this (units of the action squared).
    package var minimumVariance = 0.001
    package var varianceEstimator = VarianceEstimator.biased
    package var returned = Returned.mean

    package init() {}
    package mutating func declare(_ fields: Fields) {
      fields.integer("population", &population, in: 2...1_000_000, "action sequences per iteration")
      fields.integer("elites", &elites, in: 1...1_000_000, "best sequences that the distribution is refitted to")
      if elites > population { fields.fault("elites", "\(elites) is more than the population of \(population)") }
      fields.integer("iterations", &iterations, in: 1...1000, "refits per plan")
      fields.number("smoothing", &smoothing, in: 0...1, "weight of the old mean and variance (alpha)")
      fields.number(
        "minimumVariance", &minimumVariance, in: 0...1e9, "stop early when no variance exceeds this; 0: never")
      fields.choice("varianceEstimator", &varianceEstimator, "biased divides by n (PETS authors), unbiased by n - 1")
      if varianceEstimator == .unbiased && elites < 2 { fields.fault("elites", "unbiased variance needs at least 2") }
      fields.choice("returns", &returned, "the plan that is executed: the final mean or the best sequence seen")
    }
    package var sequencesPerPlan: Int? { population * iterations }
    package func warn(_ space: ActionSpace, _ fields: Fields) {
      guard space.isDiscrete else { return }
      for name in ["minimumVariance", "varianceEstimator"] {
        fields.unused("planner.\(name)", because: "categories of discrete actions have no variance")
      }
    }
    package func memory(horizon: Int, space: ActionSpace) -> MemoryNeed {
      Population.memory(population, horizon: horizon, space: space)
    }
    package func makeOptimizer(horizon: Int, space: ActionSpace) -> any PlanOptimizer {
      CrossEntropyMethod(self, horizon: horizon, space: space)
    }
  }

  private let configuration: Configuration
  private let population: Population
  /// μ [horizon, columns]; for discrete actions the probabilities.
  private let mean: FloatBuffer
  private let keptBuffers: KeptBuffers
  private let variance: FloatBuffer
  private let deviation: FloatBuffer
  private let best: FloatBuffer

  package init(_ configuration: Configuration, horizon: Int, space: ActionSpace) {
    self.configuration = configuration
    population = Population(
      capacity: configuration.population, elites: configuration.elites, horizon: horizon, space: space)
    let planSize = population.planSize
    mean = FloatBuffer(count: planSize)
    keptBuffers = KeptBuffers(mean)
    variance = FloatBuffer(count: planSize)
    deviation = FloatBuffer(count: planSize)
    best = FloatBuffer(count: planSize)
    reset()
  }

  private var space: ActionSpace { population.space }
  private var bounds: PlanBounds { population.bounds }

  package func reset() {
    for index in 0..<mean.count { mean[index] = population.restingMean(index % space.columns) }
  }

  /// (high − low)²/16: two deviations reach the bounds from mid-range.
  private func startVariance(_ column: Int) -> Float {
    let range = bounds.high[column] - bounds.low[column]
    return range * range / 16
  }

  package func optimize(_ problem: inout PlanProblem, into plan: MutableRows) throws -> Float? {
    try keptBuffers.restoringOnError { try search(&problem, into: plan) }
  }

  private func search(_ problem: inout PlanProblem, into plan: MutableRows) throws -> Float? {
    let planSize = problem.planSize
    for index in 0..<planSize { variance[index] = startVariance(index % space.columns) }
    var bestReturn = -Float.infinity
    var meanOfElites: Float?
    for iteration in 0..<configuration.iterations {
      if !space.isDiscrete && hasConverged { break }
      propose(&problem)  // steps 1 and 2
      try population.score(population.capacity, iteration: iteration, by: problem)
      let elites = population.best(configuration.elites, of: population.capacity)  // step 3
      let leader = Int(elites[0])
      if population.returns[leader] > bestReturn {
        bestReturn = population.returns[leader]
        best.base.update(from: population.plan(leader), count: planSize)
      }
      refit(to: elites)  // step 4
      meanOfElites = elites.reduce(0) { $0 + population.returns[Int($1)] } / Float(elites.count)
    }
    let usesBest = configuration.returned == .best && bestReturn > -.infinity
    if usesBest {
      plan.base.update(from: best.base, count: planSize)
    } else {
      population.writePlan(of: mean, into: plan.base)
    }
    return usesBest ? bestReturn : meanOfElites
  }

  /// Whether no variance is worth searching with any more.
  private var hasConverged: Bool {
    let limit = Float(configuration.minimumVariance)
    return variance.memory.allSatisfy { $0 <= limit }
  }

  private func propose(_ problem: inout PlanProblem) {
    let planSize = problem.planSize
    if space.isDiscrete {
      population.drawCategories(population.capacity, from: mean, &problem.random)
      return
    }
    problem.random.fillTruncatedNormal(population.noise.memory, bound: 2)
    for index in 0..<planSize {
      let column = index % space.columns
      let below = (mean[index] - bounds.low[column]) / 2
      let above = (bounds.high[column] - mean[index]) / 2
      deviation[index] = min(variance[index], below * below, above * above).squareRoot()
    }
    for candidate in 0..<population.capacity {
      let (row, drawn) = (population.plan(candidate), population.noise(of: candidate))
      for index in 0..<planSize {
        row[index] = bounds.clamp(drawn[index] * deviation[index] + mean[index], index % space.columns)
      }
    }
  }

  private func refit(to elites: UnsafeBufferPointer<Int32>) {
    PlanMath.refit(
      mean.memory, space.isDiscrete ? nil : variance.memory, to: elites, of: population.plans.base,
      smoothing: Float(configuration.smoothing),
      divisor: configuration.varianceEstimator == .biased ? elites.count : elites.count - 1)
  }

  package func shift(by steps: Int) {
    PlanMath.shift(mean.memory, columns: space.columns, by: steps, fill: population.restingMean)
  }

  package func archive(_ archive: Archive) throws {
    try archive.buffer("mean", mean.memory, shape: [population.horizon, space.columns])
  }
}

extension CrossEntropyMethod {
  /// μ and σ² of the last search [horizon, columns]; for discrete actions μ holds the probabilities.
  package var distribution: (mean: [Float], variance: [Float]) { (Array(mean.memory), Array(variance.memory)) }
}
