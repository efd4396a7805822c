import Algorithms
import Foundation
import Support

/// What an ensemble's elites say of transitions that really happened, against what happened.
package struct OneStepErrors {
  /// Per row, in `Units`: how far the elites' mean is from what happened, how far the elites are apart (root of their
  /// mean squared distance to their mean), and how far the state moved.
  package private(set) var errors: [Double] = []
  package private(set) var disagreements: [Double] = []
  package private(set) var changes: [Double] = []
  /// Likewise: the deviation that the elites predict, their disagreement included; 0 without variances.
  package private(set) var deviations: [Double] = []
  /// Per column of the observation: mean squared errors in the column's own unit.
  package private(set) var squared: [Double]
  /// Per row: the reward's error; empty where no reward is predicted.
  package private(set) var rewardErrors: [Double] = []
  /// Of every quantity and row: the share of the prediction that lies below what happened; empty without variances.
  package private(set) var places: [Double] = []

  package var count: Int { errors.count }
  package var rms: Double { OneStepErrors.rms(errors) }
  private static func rms(_ values: [Double]) -> Double {
    (values.reduce(0) { $0 + $1 * $1 } / Double(max(values.count, 1))).squareRoot()
  }
  /// The errors' size over that of the changes: 1 for a model that says nothing moves.
  package var relative: Double {
    let move = OneStepErrors.rms(changes)
    return move > 0 ? rms / move : 0
  }
  /// The size of predicted deviations over that of the changes.
  package var relativeDeviation: Double {
    let move = OneStepErrors.rms(changes)
    return move > 0 ? OneStepErrors.rms(deviations) / move : 0
  }
  /// Squared errors of each row by column, in `Units`.
  private var parts: [[Double]] = []
  /// The rows with the largest errors, a hundredth of all; none of fewer than 100.
  private var worstRows: ArraySlice<Int> {
    errors.indices.sorted { (errors[$0], $1) > (errors[$1], $0) }.prefix(errors.count / 100)
  }
  /// Of the squared errors: the share of the worst hundredth of the rows; nil of fewer than 100.
  package var worstShare: Double? {
    let (all, rows) = (errors.reduce(0) { $0 + $1 * $1 }, worstRows)
    guard all > 0, !rows.isEmpty else { return nil }
    return rows.reduce(0) { $0 + errors[$1] * errors[$1] } / all
  }
  /// The column that has more than half of those rows' squared errors; nil: none has.
  package var worstColumn: Int? {
    let rows = worstRows
    let sums = squared.indices.map { column in rows.reduce(0) { $0 + parts[$1][column] } }
    let all = sums.reduce(0, +)
    return sums.indices.first { sums[$0] > 0.5 * all }
  }
  /// Root mean square error of the reward; nil where none is predicted.
  package var rewardError: Double? { rewardErrors.isEmpty ? nil : OneStepErrors.rms(rewardErrors) }
  /// The size of the disagreement.
  package var disagreement: Double { OneStepErrors.rms(disagreements) }

  /// Rows asked at once.
  private static let batch = 256

  package init(_ model: any DynamicsModel, _ table: TransitionSample, _ units: Units) {
    let columns = table.columns
    squared = [Double](repeating: 0, count: columns)
    let step = ImaginedStep(
      capacity: OneStepErrors.batch, observationSize: columns, actionColumns: table.actionColumns)
    guard let predictions = model.makePredictions(rows: OneStepErrors.batch) else { return }
    let elites = model.elites
    for start in stride(from: 0, to: table.count, by: OneStepErrors.batch) {
      step.count = min(OneStepErrors.batch, table.count - start)
      for row in 0..<step.count {
        for (column, value) in table.observation(start + row).enumerated() { step.state[row, column] = value }
        for (column, value) in table.action(start + row).enumerated() { step.action[row, column] = value }
      }
      model.predictMembers(step, into: predictions)
      for row in 0..<step.count { take(predictions, row, table, start + row, units, elites) }
    }
    for column in squared.indices { squared[column] /= Double(max(table.count, 1)) }
  }

  private mutating func take(
    _ predictions: MemberPredictions, _ row: Int, _ table: TransitionSample, _ place: Int, _ units: Units,
    _ elites: [Int]
  ) {
    let observation = Array(table.observation(place))
    let next = Array(table.next(place))
    var (error, apart, change, predicted) = (0.0, 0.0, 0.0, 0.0)
    var ofColumns = [Double](repeating: 0, count: next.count)
    let count = Double(elites.count)
    for column in next.indices {
      let base = predictions.changes[column] ? Double(observation[column]) : 0
      let means = elites.map { base + Double(predictions.mean($0, column, row)) }
      let mean = means.reduce(0, +) / count
      let miss = mean - Double(next[column])
      squared[column] += miss * miss
      let unit = units.deviations[column]
      guard unit > 1e-12 else { continue }
      ofColumns[column] = miss * miss / (unit * unit)
      error += ofColumns[column]
      apart += means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count / (unit * unit)
      let moved = Double(next[column]) - Double(observation[column])
      change += moved * moved / (unit * unit)
      let variances = elites.map { Double(predictions.variance($0, column, row)) }
      predicted += variances.reduce(0, +) / count / (unit * unit)
      appendPlace(of: Double(next[column]), means, variances)
    }
    let asked = Double(max(units.asked.count, 1))
    parts.append(ofColumns)
    errors.append((error / asked).squareRoot())
    disagreements.append((apart / asked).squareRoot())
    changes.append((change / asked).squareRoot())
    deviations.append(((predicted + apart) / asked).squareRoot())
    guard predictions.quantities > next.count else { return }
    let means = elites.map { Double(predictions.mean($0, next.count, row)) }
    rewardErrors.append(means.reduce(0, +) / count - table.rewards[place])
    if units.reward > 1e-12 {
      appendPlace(
        of: table.rewards[place], means, elites.map { Double(predictions.variance($0, next.count, row)) })
    }
  }

  /// The elites' mixture of normals, where they have variances.
  private mutating func appendPlace(of value: Double, _ means: [Double], _ variances: [Double]) {
    guard variances.allSatisfy({ $0 > 0 && $0.isFinite }) else { return }
    let below = zip(means, variances).reduce(0) { sum, one in
      sum + 0.5 * erfc((one.0 - value) / (2 * one.1).squareRoot())
    }
    places.append(below / Double(means.count))
  }
}

/// Whether what happens lies where predictions say, as often as they say.
package struct Calibration: Sendable {
  /// Shares of a prediction, and how much of what happened lies below them.
  package var expected: [Double] = []
  package var observed: [Double] = []
  /// Mean distance of the two.
  package var error = 0.0
  /// How much of what happened lies in the middle 90 % of the predictions.
  package var coverage = 0.0

  /// Levels asked for: .05 to .95.
  private static let levels = (1...19).map { Double($0) / 20 }

  /// - Parameter places: of what happened, the share of its prediction that lies below it; nil where there are none.
  package init?(_ places: [Double]) {
    guard !places.isEmpty else { return nil }
    let count = Double(places.count)
    expected = Calibration.levels
    observed = expected.map { level in Double(places.count { $0 <= level }) / count }
    error = zip(expected, observed).reduce(0) { $0 + abs($1.0 - $1.1) } / Double(expected.count)
    coverage = Double(places.count { 0.05...0.95 ~= $0 }) / count
  }
}

/// Spearman's rank correlation, ties by their mean rank; nil of fewer than three pairs, or where a side never changes.
package func rankCorrelation(_ first: [Double], _ second: [Double]) -> Double? {
  func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count && values[order[end]] == values[order[start]] { end += 1 }
      for place in start..<end { ranks[order[place]] = Double(start + end - 1) / 2 }
      start = end
    }
    return ranks
  }
  guard first.count == second.count, first.count >= 3 else { return nil }
  let (x, y) = (ranks(first), ranks(second))
  let mean = Double(first.count - 1) / 2
  var (xy, xx, yy) = (0.0, 0.0, 0.0)
  for (x, y) in zip(x, y) {
    xy += (x - mean) * (y - mean)
    xx += (x - mean) * (x - mean)
    yy += (y - mean) * (y - mean)
  }
  return xx > 0 && yy > 0 ? xy / (xx * yy).squareRoot() : nil
}
