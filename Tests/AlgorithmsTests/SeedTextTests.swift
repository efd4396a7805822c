import Algorithms
import Environments
import Support
import Testing

/// The worked examples of the introductory texts that this project follows, on the real code.
@Suite struct SeedTextTests {
  /// Random shooting on the line: position 3, goal 7, four sequences of three actions; scores before each action.
  @Test func randomShootingOnTheLine() throws {
    let planner = configured(PlannerConfiguration.self, #"{"model": "true", "horizon": 3}"#)
    let line = try group("LineWorld-v0")
    let scorer = TrueModelScorer(planner.rollout, pool: ComputePool(threads: 1))
    var plans: [Float] = [0.8, 0.5, -0.2, 1, 1, 1, 1, 0.9, 0.8, -0.5, 0.3, 0.1]
    var returns = [Float](repeating: 0, count: 4)
    try scorer.begin(in: line.situation, row: 0)
    try plans.withUnsafeMutableBufferPointer { memory in
      let plans = Plans(memory.baseAddress!, population: 4, horizon: 3, columns: 1)
      try returns.withUnsafeMutableBufferPointer {
        try scorer.score(plans, iteration: 0, noise: RandomStream(seed: 0), into: $0)
      }
    }
    for (got, want) in zip(returns, [-9.9, -9.0, -9.1, -12.7] as [Float]) { #expect(abs(got - want) < 1e-5) }
    var ranked: [Int32] = [-1]
    returns.withUnsafeBufferPointer { returns in
      ranked.withUnsafeMutableBufferPointer { PlanMath.rank(returns, into: $0) }
    }
    let best = Int(ranked[0])
    #expect(best == 1)
    #expect(plans[best * 3] == 1.0)
  }

  /// The cross-entropy method's first iteration: six sequences of two actions, two elites, no smoothing.
  @Test func crossEntropyElitesAndRefit() throws {
    let samples: [Float] = [0.8, 0.3, 1.2, 0.9, -0.5, 0.2, 0.9, 1.1, -0.3, -0.8, 0.4, 0.6]
    let configuration = configured(
      CrossEntropyMethod.Configuration.self,
      #"{"population": 6, "elites": 2, "iterations": 1, "smoothing": 0}"#)
    let space = ActionSpace.box(low: [-4], high: [4])
    let method = CrossEntropyMethod(configuration, horizon: 2, space: space)
    // Bounds of ±4 give the search its standard deviation of 2 and mean 0; recorded noise gives the text's samples.
    let scorer = StatesAfterActions()
    var problem = PlanProblem(
      horizon: 2, space: space, random: RecordedNoise(samples.map { $0 / 2 }), scorer: scorer,
      noise: RandomStream(seed: 0))
    let plan = FloatBuffer(count: 2)
    _ = try method.optimize(&problem, into: MutableRows(plan.base, 2, 1))
    for (got, want) in zip(scorer.scores, [-6.1, -4.7, -8.8, -5.1, -9.4, -6.6] as [Float]) {
      #expect(abs(got - want) < 1e-5)
    }
    let (mean, variance) = method.distribution
    for (got, want) in zip(mean, [1.05, 1.0] as [Float]) { #expect(abs(got - want) < 1e-6) }
    for (got, want) in zip(variance, [0.15, 0.1] as [Float]) { #expect(abs(got.squareRoot() - want) < 1e-6) }
    #expect(abs(plan[0] - 1.05) < 1e-6)
  }

  /// μ = (1/K)Σf, σ² = (1/K)Σ‖f − μ‖².
  @Test func ensembleMeanAndDisagreement() {
    let together = EnsembleDisagreement(of: [[1, 2], [3, 2], [2, 5]])
    #expect(together.mean == [2, 3])
    #expect(together.variance == 8.0 / 3)
    #expect(EnsembleDisagreement(of: [[4, 1], [4, 1]]).variance == 0)
  }

  @Test func modelsMeanAndDisagreementAreTheMembers() throws {
    let model = makeModel(#"{"hiddenSizes": [8], "ensembleSize": 3}"#, for: "Pendulum-v1")
    let (observation, action): ([Float], [Float]) = ([0.6, 0.8, -1], [0.5])
    let members = (0..<3).map { model.predict(observation: observation, action: action, member: $0) }
    let together = model.disagreement(observation: observation, action: action)
    for column in 0..<3 {
      let mean = members.reduce(0) { $0 + Double($1[column]) } / 3
      #expect(abs(together.mean[column] - mean) < 1e-12)
    }
    #expect(together.variance > 0)
  }

  /// ε(Lᴴ − 1)/(L − 1) for L = 1.5, ε = .01 (the text rounds the second up to .15).
  @Test(arguments: [(1, 0.01), (5, 0.132), (10, 1.13), (20, 66.5)])
  func errorBound(steps: Int, bound: Double) {
    // A model fed its own predictions: every step adds ε to L times the error until then.
    var total = 0.0
    for _ in 0..<steps { total = 1.5 * total + 0.01 }
    #expect(abs(total - bound) <= 0.005 * bound)
  }
}

/// The states of the line after each action, as the text's second example scores them.
private final class StatesAfterActions: PlanScorer {
  private(set) var scores: [Float] = []

  func begin(in situation: Situation, row: Int) {}

  func score(_ plans: Plans, iteration: Int, noise: RandomStream, into returns: UnsafeMutableBufferPointer<Float>) {
    for plan in 0..<plans.population {
      let first = 3 + plans[plan][0, 0]
      let second = first + plans[plan][1, 0]
      returns[plan] = -abs(first - 7) - abs(second - 7)
      scores.append(returns[plan])
    }
  }
}

/// Hands out recorded numbers in place of random ones, whatever kind is asked for, and NaN when they are used up.
struct RecordedNoise: NoiseSource {
  private var numbers: ArraySlice<Float>
  init(_ numbers: [Float]) { self.numbers = numbers[...] }

  private mutating func fill(_ out: UnsafeMutableBufferPointer<Float>) {
    for index in out.indices { out[index] = numbers.popFirst() ?? .nan }
  }
  mutating func fillNormal(_ out: UnsafeMutableBufferPointer<Float>) { fill(out) }
  mutating func fillTruncatedNormal(_ out: UnsafeMutableBufferPointer<Float>, bound: Float) { fill(out) }
  mutating func fillUniform(_ out: UnsafeMutableBufferPointer<Float>, _ low: Float, _ high: Float) { fill(out) }
}
