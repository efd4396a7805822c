import Foundation
import Support

/// How far two samples of the same quantities are from each other.
package enum TwoSampleStatistics {
  /// Kolmogorov and Smirnov's distance: the largest difference of the two shares that lie at or below a number, 0...1.
  package static func kolmogorovSmirnov(_ x: [Double], _ y: [Double]) -> Double {
    let (x, y) = (x.sorted(), y.sorted())
    var (i, j, largest) = (0, 0, 0.0)
    while i < x.count && j < y.count {
      let value = min(x[i], y[j])
      while i < x.count && x[i] <= value { i += 1 }
      while j < y.count && y[j] <= value { j += 1 }
      largest = max(largest, abs(Double(i) / Double(x.count) - Double(j) / Double(y.count)))
    }
    return largest
  }

  /// The chance of a distance at least so large where both samples are independent draws from one distribution:
  /// 2 Σ (−1)^(k−1) exp(−2 k² λ²), λ = (√n + .12 + .11/√n) D, n = |x||y| / (|x| + |y|) (Stephens 1970).
  package static func kolmogorovSmirnovProbability(_ distance: Double, _ x: Int, _ y: Int) -> Double {
    let root = (Double(x) * Double(y) / Double(x + y)).squareRoot()
    let lambda = (root + 0.12 + 0.11 / root) * distance
    // Below it the sum is 1 to sixteen digits, and converges slowly.
    guard lambda > 0.2 else { return 1 }
    var sum = 0.0
    for k in 1...100 {
      let term = exp(-2 * Double(k * k) * lambda * lambda)
      sum += k % 2 == 1 ? term : -term
      if term < 1e-17 { break }
    }
    return min(1, max(0, 2 * sum))
  }

  /// The energy distance of Székely and Rizzo, 2 E|X − Y| − E|X − X′| − E|Y − Y′|, of vectors, as means over all pairs,
  /// a row with itself included; and as a share of 2 E|X − Y|, which is 0 for equal samples and 1 at most.
  package static func energyDistance(_ x: SampleRows, _ y: SampleRows) -> (distance: Double, share: Double) {
    let between = 2 * meanDistance(x, y)
    let distance = max(0, between - meanDistance(x, x) - meanDistance(y, y))
    return (distance, between > 0 ? distance / between : 0)
  }

  private static func meanDistance(_ x: SampleRows, _ y: SampleRows) -> Double {
    let columns = x.columns
    var total = 0.0
    x.values.withUnsafeBufferPointer { left in
      y.values.withUnsafeBufferPointer { right in
        for i in stride(from: 0, to: left.count, by: columns) {
          for j in stride(from: 0, to: right.count, by: columns) {
            var sum = 0.0
            for column in 0..<columns {
              let difference = left[i + column] - right[j + column]
              sum += difference * difference
            }
            total += sum.squareRoot()
          }
        }
      }
    }
    return total / (Double(x.count) * Double(y.count))
  }

  /// The chance that a score of `high` is above one of `low`, ties by half: the area under the receiver's curve.
  package static func areaUnderCurve(_ high: [Double], over low: [Double]) -> Double {
    let all = (high.map { ($0, true) } + low.map { ($0, false) }).sorted { $0.0 < $1.0 }
    var (ranks, index) = (0.0, 0)
    while index < all.count {
      var end = index
      while end < all.count && all[end].0 == all[index].0 { end += 1 }
      let rank = Double(index + end + 1) / 2
      for place in index..<end where all[place].1 { ranks += rank }
      index = end
    }
    let (n, m) = (Double(high.count), Double(low.count))
    return (ranks - n * (n + 1) / 2) / (n * m)
  }
}
