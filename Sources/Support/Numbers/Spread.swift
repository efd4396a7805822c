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

  /// "178.2 ± 1.3".
  package var description: String { "\(NumberText.short(mean)) ± \(NumberText.short(deviation))" }
}
