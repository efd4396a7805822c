import Foundation
import Reports
import Support
import Testing

/// Distances of samples, against numbers by hand and distributions whose distance is known.
@Suite struct TwoSampleTests {
  private static func normal(_ rows: Int, _ columns: Int, mean: Double = 0, seed: UInt64) -> SampleRows {
    var random = RandomStream(seed: seed)
    let buffer = FloatBuffer(count: rows * columns)
    random.fillNormal(buffer.memory)
    return SampleRows(columns: columns, values: buffer.memory.map { Double($0) + mean })
  }

  @Test func kolmogorovAndSmirnov() {
    #expect(TwoSampleStatistics.kolmogorovSmirnov([1, 2, 3], [1, 2, 3]) == 0)
    #expect(abs(TwoSampleStatistics.kolmogorovSmirnov([3, 1, 2], [2, 3, 4]) - 1.0 / 3) < 1e-12)
    #expect(TwoSampleStatistics.kolmogorovSmirnov([1, 2], [3, 4, 5]) == 1)
    // Ties, and samples of different sizes: at 0 the shares are 1/2 and 1/4.
    #expect(TwoSampleStatistics.kolmogorovSmirnov([0, 1], [0, 1, 1, 1]) == 0.25)
    // Kolmogorov's distribution: 1 − K(1) = 0.2699997, 1 − K(1.36) = 0.0494859.
    for (lambda, chance) in [(1.0, 0.2699996717), (1.36, 0.0494858768)] {
      let distance = lambda / (10 + 0.12 + 0.011)
      #expect(abs(TwoSampleStatistics.kolmogorovSmirnovProbability(distance, 200, 200) - chance) < 1e-7)
    }
    #expect(TwoSampleStatistics.kolmogorovSmirnovProbability(0, 10, 10) == 1)
    #expect(TwoSampleStatistics.kolmogorovSmirnovProbability(1, 1000, 1000) < 1e-100)
  }

  /// By hand; and the distance of two normal distributions a deviation apart, 2 E|X − Y| − 4/√π with X − Y ~ N(1, 2).
  @Test func energy() {
    func rows(_ values: [Double]) -> SampleRows { SampleRows(columns: 1, values: values) }
    let apart = TwoSampleStatistics.energyDistance(rows([0]), rows([1]))
    #expect(apart.distance == 2 && apart.share == 1)
    let same = TwoSampleStatistics.energyDistance(rows([0, 2]), rows([2, 0]))
    #expect(same.distance == 0 && same.share == 0)
    // |X − X′| is 0 and |Y − Y′| 1 on average: 2 · 1 − 0 − 1.
    let wide = TwoSampleStatistics.energyDistance(rows([0, 0]), rows([0, 2]))
    #expect(wide.distance == 1 && wide.share == 0.5)
    // Two columns: the Euclidean distance, 5.
    let plane = TwoSampleStatistics.energyDistance(
      SampleRows(columns: 2, values: [0, 0]), SampleRows(columns: 2, values: [3, 4]))
    #expect(plane.distance == 10)
    let between = 2 / Double.pi.squareRoot() * exp(-0.25) + erf(0.5)
    let expected = 2 * between - 4 / Double.pi.squareRoot()
    let measured = TwoSampleStatistics.energyDistance(
      Self.normal(2000, 1, seed: 1), Self.normal(2000, 1, mean: 1, seed: 2))
    #expect(abs(measured.distance - expected) < 0.05 && expected > 0.3)
  }

  @Test func areas() {
    #expect(TwoSampleStatistics.areaUnderCurve([2, 3], over: [0, 1]) == 1)
    #expect(TwoSampleStatistics.areaUnderCurve([0, 1], over: [2, 3]) == 0)
    #expect(TwoSampleStatistics.areaUnderCurve([1, 1], over: [1, 1]) == 0.5)
    // Pairs: 1 over 0, 1 as 1, 3 over both: (1 + ½ + 1 + 1) / 4.
    #expect(TwoSampleStatistics.areaUnderCurve([1, 3], over: [0, 1]) == 0.875)
  }

  /// Draws of one distribution cannot be told apart; of two a deviation apart Φ(½) = 69 % is the most there is.
  @Test func aClassifierKnowsWhatCanBeKnown() {
    let one = Self.normal(3000, 3, seed: 1)
    let same = TwoSampleClassifier(one, Self.normal(3000, 3, seed: 2))
    #expect(same.asked == 1500 && abs(same.accuracy - 0.5) < 4 * same.chanceError && abs(same.area - 0.5) < 0.06)
    let apart = TwoSampleClassifier(one, Self.normal(3000, 3, mean: 1 / 3.0.squareRoot(), seed: 3))
    #expect(apart.accuracy > 0.62 && apart.accuracy < 0.74)
    #expect(TwoSampleClassifier(one, one).accuracy == 0.5)
  }

  /// What no column alone shows: y = x against y = −x.
  @Test func aClassifierSeesWhatColumnsHide() {
    let x = Self.normal(2000, 1, seed: 4).values
    let (with, against) = (
      SampleRows(columns: 2, values: x.flatMap { [$0, $0] }), SampleRows(columns: 2, values: x.flatMap { [$0, -$0] })
    )
    #expect(TwoSampleClassifier(with, against).accuracy > 0.9)
  }
}
