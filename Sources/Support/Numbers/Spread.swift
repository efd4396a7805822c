/// Mean and standard deviation of numbers, divided by their count as in eval.csv.
package struct Spread: Equatable, Sendable, CustomStringConvertible {
  package var mean: Double
  package var deviation: Double

  /// Of at least one number; nil of none.
  package init?(_ numbers: [Double]) {
    guard !numbers.isEmpty else { return nil }
    let mean = numbers.reduce(0, +) / Double(numbers.count)
    self.mean = mean
    deviation = (numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(numbers.count)).squareRoot()
  }

  /// What lies in the middle; of an even number the mean of the two that do; NaN of none.
  package static func median(_ numbers: [Double]) -> Double {
    guard !numbers.isEmpty else { return .nan }
    let sorted = numbers.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  /// "178.2 ± 1.3".
  package var description: String { "\(NumberText.short(mean)) ± \(NumberText.short(deviation))" }
}
