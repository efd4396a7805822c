import Algorithms
import Support

/// How far a small difference of two states can be apart after one step of a model: of each of some states the largest
/// singular value of the Jacobian of the elites' mean, by central differences, in `Units`.
package struct LocalLipschitz {
  /// Ascending, one per state; empty where the observation has too many columns to ask.
  package private(set) var values: [Double] = []
  /// What 95 % of the states stay below; nil where nothing was asked.
  package var high: Double? { values.isEmpty ? nil : ScoreStatistics.percentile(0.95, ofSorted: values) }

  private static let mostColumns = 64
  private static let mostStates = 64
  /// Of a column's deviation.
  private static let distance = 0.01

  package init(_ model: any DynamicsModel, _ table: TransitionSample, _ units: Units) {
    let asked = units.asked
    let rows = 2 * asked.count
    guard 1...LocalLipschitz.mostColumns ~= asked.count, table.count > 0,
      let predictions = model.makePredictions(rows: rows)
    else { return }
    let step = ImaginedStep(
      capacity: rows, observationSize: table.columns, actionColumns: table.actionColumns)
    let elites = model.elites
    let count = min(LocalLipschitz.mostStates, table.count)
    for state in 0..<count {
      let place = state * table.count / count
      for row in 0..<rows {
        for (column, value) in table.observation(place).enumerated() { step.state[row, column] = value }
        for (column, value) in table.action(place).enumerated() { step.action[row, column] = value }
      }
      // What really stands there, after rounding, is what is divided by.
      let moves = asked.enumerated().map { index, column -> Double in
        let move = Float(LocalLipschitz.distance * units.deviations[column])
        step.state[2 * index, column] += move
        step.state[2 * index + 1, column] -= move
        return Double(step.state[2 * index, column] - step.state[2 * index + 1, column])
      }
      model.predictMembers(step, into: predictions)
      func prediction(_ row: Int, _ column: Int) -> Double {
        let base = predictions.changes[column] ? Double(step.state[row, column]) : 0
        return base + elites.reduce(0) { $0 + Double(predictions.mean($1, column, row)) } / Double(elites.count)
      }
      let jacobian = asked.map { to in
        asked.enumerated().map { index, from -> Double in
          guard moves[index] > 0 else { return 0 }
          let apart = prediction(2 * index, to) - prediction(2 * index + 1, to)
          return apart / moves[index] * units.deviations[from] / units.deviations[to]
        }
      }
      values.append(LocalLipschitz.largestSingularValue(jacobian))
    }
    values.sort()
  }

  /// Of a square matrix, by the power method on MᵀM.
  package static func largestSingularValue(_ matrix: [[Double]]) -> Double {
    let size = matrix.count
    // A start that is no eigenvector's complement by symmetry.
    var vector = (0..<size).map { 1 + 0.1 * Double($0 % 7) }
    var value = 0.0
    for _ in 0..<200 {
      let image = matrix.map { row in zip(row, vector).reduce(0) { $0 + $1.0 * $1.1 } }
      let back = (0..<size).map { column in zip(matrix, image).reduce(0) { $0 + $1.0[column] * $1.1 } }
      let norm = back.reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard norm > 0, norm.isFinite else { return norm.isFinite ? 0 : .infinity }
      vector = back.map { $0 / norm }
      if abs(norm - value) <= 1e-12 * norm { return norm.squareRoot() }
      value = norm
    }
    return value.squareRoot()
  }
}
