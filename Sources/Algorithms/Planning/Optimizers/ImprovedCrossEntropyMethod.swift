import CKernels
import Environments
import Foundation
import Support

/// iCEM: the cross-entropy method with coloured noise, a shrinking population and elites that are kept.
///
/// Per iteration i:
/// 1. Draw max(population·decay⁻ⁱ, 2·elites) sequences μ + σ·noise, the noise with power spectrum 1/f^colour over the
///    horizon (0 is white), and clamp them to the bounds.
/// 2. Add the kept share of the last iteration's elites (in iteration 0: of the last plan's elites, shifted); in the
///    last iteration add μ itself.
/// 3. Score, take the elites, refit μ and σ² with smoothing α (the variance is the biased one).
/// The plan is the best sequence seen. σ starts from (high − low)/2 · `initialDeviation` at every step.
///
/// Discrete actions: categorical as in the cross-entropy method; the colour has no counterpart there.
///
/// Source: Pinneri et al. 2020, "Sample-efficient cross-entropy method for real-time planning", algorithm 1.
package final class ImprovedCrossEntropyMethod: PlanOptimizer {
  package struct Configuration: PlanOptimizerConfiguration {
    /// Sequences in the first iteration.
    package var population = 128
    package var elites = 10
    package var iterations = 3
    /// Weight of the OLD mean and variance (α).
    package var smoothing = 0.1
    /// Exponent β of the noise's power spectrum 1/f^β: 0 white, 1 pink, 2 red.
    package var colour = 2.0
    /// The population shrinks by this factor per iteration (γ ≥ 1).
    package var decay = 1.25
    /// Share of the elites kept between iterations and between plans.
    package var keptElites = 0.3
    /// Standard deviation at the start of every plan, as a share of half the action range.
    package var initialDeviation = 0.5

    package init() {}
    package mutating func declare(_ fields: Fields) {
      fields.integer("population", &population, in: 2...1_000_000, "action sequences in the first iteration")
      fields.integer("elites", &elites, in: 1...1_000_000, "best sequences that the distribution is refitted to")
      if elites > population { fields.fault("elites", "\(elites) is more than the population of \(population)") }
      fields.integer("iterations", &iterations, in: 1...1000, "refits per plan")
      fields.number("smoothing", &smoothing, in: 0...1, "weight of the old mean and variance (alpha)")
      fields.number("colour", &colour, in: 0...10, "exponent of the noise's power spectrum 1/f^colour")
      fields.number("decay", &decay, in: 1...10, "factor by which the population shrinks per iteration")
      fields.number("keptElites", &keptElites, in: 0...1, "share of elites kept for the next iteration and plan")
      fields.number(
        "initialDeviation", &initialDeviation, in: 0...10, aboveLowerBound: true,
        "first standard deviation as a share of half the action range")
    }

    func population(in iteration: Int) -> Int {
      max(Int(Double(population) * pow(decay, -Double(iteration))), min(2 * elites, population))
    }
    /// Sequences that can be added to an iteration: the kept elites and the mean.
    var extras: Int { Int((Double(elites) * keptElites).rounded()) + 1 }
    package var sequencesPerPlan: Int? {
      (0..<iterations).reduce(0) { $0 + population(in: $1) } + (iterations + 1) * extras
    }
    package func warn(_ space: ActionSpace, _ fields: Fields) {
      if iterations == 1 { fields.unused("planner.decay", because: "there is one iteration") }
      guard space.isDiscrete else { return }
      for name in ["colour", "initialDeviation"] {
        fields.unused("planner.\(name)", because: "discrete actions are drawn by their probabilities")
      }
    }
    package func memory(horizon: Int, space: ActionSpace) -> MemoryNeed {
      var need = Population.memory(population + extras, horizon: horizon, space: space)
      need.add("coloured noise: planner.horizon \(horizon) squared", bytes: horizon, horizon, 4)
      if !space.isDiscrete {
        need.add(
          "coloured noise: planner.population \(population) × planner.horizon \(horizon)",
          bytes: population, horizon, space.columns, 8)
      }
      return need
    }
    package func makeOptimizer(horizon: Int, space: ActionSpace) -> any PlanOptimizer {
      ImprovedCrossEntropyMethod(self, horizon: horizon, space: space)
    }
  }

  private let configuration: Configuration
  private let population: Population
  private let noiseShaper: ColouredNoise
  private let mean: FloatBuffer
  private let keptBuffers: KeptBuffers
  private let variance: FloatBuffer
  private let best: FloatBuffer
  /// Elites carried over, best first: [kept, horizon, columns].
  private let kept: FloatBuffer
  private var keptCount = 0

  package init(_ configuration: Configuration, horizon: Int, space: ActionSpace) {
    self.configuration = configuration
    population = Population(
      capacity: configuration.population + configuration.extras, elites: configuration.elites, horizon: horizon,
      space: space)
    noiseShaper = ColouredNoise(horizon: horizon, colour: configuration.colour)
    let planSize = population.planSize
    mean = FloatBuffer(count: planSize)
    variance = FloatBuffer(count: planSize)
    best = FloatBuffer(count: planSize)
    kept = FloatBuffer(count: configuration.extras * planSize)
    keptBuffers = KeptBuffers(mean, kept)
    reset()
  }

  private var space: ActionSpace { population.space }
  private var bounds: PlanBounds { population.bounds }

  package func reset() {
    for index in 0..<mean.count { mean[index] = population.restingMean(index % space.columns) }
    keptCount = 0
  }

  package func optimize(_ problem: inout PlanProblem, into plan: MutableRows) throws -> Float? {
    let count = keptCount
    do {
      return try keptBuffers.restoringOnError { try search(&problem, into: plan) }
    } catch {
      keptCount = count
      throw error
    }
  }

  private func search(_ problem: inout PlanProblem, into plan: MutableRows) throws -> Float? {
    let planSize = problem.planSize
    for index in 0..<planSize {
      let column = index % space.columns
      let deviation = (bounds.high[column] - bounds.low[column]) / 2 * Float(configuration.initialDeviation)
      variance[index] = deviation * deviation
    }
    var bestReturn = -Float.infinity
    for iteration in 0..<configuration.iterations {
      var count = configuration.population(in: iteration)
      propose(&problem, count: count)  // step 1
      population.plan(count).update(from: kept.base, count: keptCount * planSize)  // step 2
      count += keptCount
      if iteration == configuration.iterations - 1 && iteration > 0 {
        population.writePlan(of: mean, into: population.plan(count))
        count += 1
      }
      try population.score(count, iteration: iteration, by: problem)  // step 3
      let elites = population.best(configuration.elites, of: count)
      let leader = Int(elites[0])
      if population.returns[leader] > bestReturn || iteration == 0 {
        bestReturn = population.returns[leader]
        best.base.update(from: population.plan(leader), count: planSize)
      }
      refit(to: elites)
      keptCount = min(configuration.extras - 1, elites.count)
      for slot in 0..<keptCount {
        (kept.base + slot * planSize).update(from: population.plan(Int(elites[slot])), count: planSize)
      }
    }
    plan.base.update(from: best.base, count: planSize)
    return bestReturn
  }

  private func propose(_ problem: inout PlanProblem, count: Int) {
    let columns = space.columns
    if space.isDiscrete {
      population.drawCategories(count, from: mean, &problem.random)
      return
    }
    let horizon = population.horizon
    let noise = noiseShaper.draw(sequences: count * columns, &problem.random)
    for candidate in 0..<count {
      let row = population.plan(candidate)
      for step in 0..<horizon {
        for column in 0..<columns {
          let index = step * columns + column
          let drawn = noise[(candidate * columns + column) * horizon + step]
          row[index] = bounds.clamp(mean[index] + variance[index].squareRoot() * drawn, column)
        }
      }
    }
  }

  private func refit(to elites: UnsafeBufferPointer<Int32>) {
    PlanMath.refit(
      mean.memory, space.isDiscrete ? nil : variance.memory, to: elites, of: population.plans.base,
      smoothing: Float(configuration.smoothing), divisor: elites.count)
  }

  package func shift(by steps: Int) {
    PlanMath.shift(mean.memory, columns: space.columns, by: steps, fill: population.restingMean)
    for slot in 0..<keptCount {
      let plan = UnsafeMutableBufferPointer(start: kept.base + slot * mean.count, count: mean.count)
      // The elite's last action goes on: the most likely continuation of a smooth sequence.
      PlanMath.shiftRepeatingLast(plan, columns: space.columns, by: steps)
    }
  }

  package func archive(_ archive: Archive) throws {
    try archive.buffer("mean", mean.memory, shape: [population.horizon, space.columns])
    try archive.buffer("kept", kept.memory, shape: [configuration.extras, population.horizon, space.columns])
    try archive.value("keptCount", &keptCount)
    guard (0...configuration.extras).contains(keptCount) else {
      throw ArchiveError.malformed("keptCount", String(keptCount))
    }
  }
}

/// Normal noise over a horizon with power spectrum 1/f^colour and unit variance at every step.
///
/// Sequences are white spectra times a fixed real Fourier basis, so drawing is one matrix product.
final class ColouredNoise {
  private let horizon: Int
  /// [horizon, horizon]: row = time, column = a coefficient of the real spectrum, scaled.
  private let basis: FloatBuffer
  private var spectra = FloatBuffer(count: 0)
  private var sequences = FloatBuffer(count: 0)

  init(horizon: Int, colour: Double) {
    self.horizon = horizon
    basis = FloatBuffer(count: horizon * horizon)
    // Coefficient 0 is the constant (frequency 0, weighted as the lowest frequency), then cosine and sine pairs.
    for time in 0..<horizon {
      var squares = 0.0
      var row = [Double](repeating: 0, count: horizon)
      for coefficient in 0..<horizon {
        let frequency = (coefficient + 1) / 2
        let amplitude = pow(Double(max(frequency, 1)), -colour / 2)
        let angle = 2 * Double.pi * Double(frequency) * Double(time) / Double(horizon)
        let wave = coefficient == 0 ? 0.5.squareRoot() : coefficient % 2 == 1 ? cos(angle) : sin(angle)
        row[coefficient] = amplitude * wave
        squares += row[coefficient] * row[coefficient]
      }
      for coefficient in 0..<horizon {
        basis[time * horizon + coefficient] = Float(row[coefficient] / squares.squareRoot())
      }
    }
  }

  /// [sequences, horizon]; valid until the next draw.
  func draw(sequences count: Int, _ random: inout any NoiseSource) -> UnsafePointer<Float> {
    let size = count * horizon
    if spectra.count < size { (spectra, sequences) = (FloatBuffer(count: size), FloatBuffer(count: size)) }
    let white = UnsafeMutableBufferPointer(start: spectra.base, count: size)
    random.fillNormal(white)
    let width = Int64(horizon)
    ck_linear(
      nil, 1, Int64(count), width, width, white.baseAddress!, 0, basis.base, 0, nil, 0, Int32(CK_IDENTITY), nil,
      sequences.base)
    return UnsafePointer(sequences.base)
  }
}
