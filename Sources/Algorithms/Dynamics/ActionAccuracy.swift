import Support

/// How well actions are told from what they led to.
enum ActionAccuracy {
  /// How often the largest of a row's logits is the action of its one-hot row.
  static func shareOfRight(_ logits: Rows, _ wanted: Rows) -> Double {
    let right = (0..<wanted.count).count { logits.largestColumn($0) == wanted.hotColumn($0) }
    return Double(right) / Double(wanted.count)
  }

  /// 1 − squared error / squared deviation from the mean, over all columns; nil where the actions do not vary.
  static func explainedShare(_ predicted: Rows, _ wanted: Rows) -> Double? {
    var (errors, deviations) = (0.0, 0.0)
    for column in 0..<wanted.columns {
      let mean = (0..<wanted.count).reduce(0) { $0 + Double(wanted[$1, column]) } / Double(wanted.count)
      for row in 0..<wanted.count {
        let error = Double(predicted[row, column] - wanted[row, column])
        let deviation = Double(wanted[row, column]) - mean
        errors += error * error
        deviations += deviation * deviation
      }
    }
    return deviations > 0 ? 1 - errors / deviations : nil
  }
}
