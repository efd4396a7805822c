import Foundation
import Support

/// What held-out transitions say of an ensemble after a fit, apart from its error.
package struct ModelHealth: Equatable, Sendable {
  /// Share of the raw log variances that lie beyond their bounds; nil where there are none.
  package var atBounds: Double?
  /// How far predicted variances are from squared errors, as a factor of at least 1: the geometric mean over quantities
  /// of the one over the other or the other over the one; nil where there are no bounds, or no errors.
  package var misfit: Double?
  /// How far the members disagree, as a share of their error: √(mean over quantities of variance of the members' means
  /// / mean squared error), 1 where errors have nothing in common; nil of one member, or without errors.
  package var spread: Double?
  /// Share of the squared errors that is more than predicted variances expect, meaned over quantities.
  package var unexplained = 0.0
  /// What may help where members err together, of the settings that the model has.
  package var remedies = ["a larger model.ensembleSize"]
  /// Likewise where log variances lie beyond their bounds.
  package var boundRemedies = ["model.normalizesTargets=true", "model.learnsVarianceBounds=true"]

  package init() {}

  /// Columns of progress.csv.
  package static let metricNames = ["logvar_at_bounds", "variance_misfit", "ensemble_spread"]

  /// Records them, and raises what they alarm about.
  package func record(in metrics: inout Metrics) {
    if let atBounds {
      metrics.record("logvar_at_bounds", atBounds)
      // At a bound that fits the errors the model says the same of all states, which is no harm.
      if atBounds > 0.9, let misfit, misfit > 4 {
        metrics.raise(
          .varianceBounds,
          "\(NumberText.short(100 * atBounds)) % of the model's log variances lie beyond their bounds, and variances "
            + "are \(NumberText.short(misfit)) times away from squared errors on held-out transitions: it cannot say "
            + "how sure it is; try \(boundRemedies.alternatives)")
      }
    }
    if let misfit { metrics.record("variance_misfit", misfit) }
    guard let spread else { return }
    metrics.record("ensemble_spread", spread)
    if spread < 0.1 && unexplained > 0.5 {
      metrics.raise(
        .ensembleCollapse,
        "the model's members err together: they disagree by \(NumberText.short(spread)) of their error on held-out "
          + "transitions, so that disagreement warns of nothing; try \(remedies.alternatives)")
    }
  }
}

/// Adds up what `ModelHealth` is made of, quantity by quantity.
package struct ModelHealthMeter {
  private let members: Int
  /// Per quantity: squared errors, squared distances of members from their mean, predicted variances; all added up.
  private var errors, distances, variances: [Double]
  private var rows = 0
  private var raw = 0
  private var beyond = 0

  package init(members: Int, quantities: Int) {
    self.members = members
    errors = [Double](repeating: 0, count: quantities)
    (distances, variances) = (errors, errors)
  }

  /// Begins another row.
  package mutating func addRow() { rows += 1 }

  /// One quantity of the row: what it was, and what a member says.
  package mutating func add(_ quantity: Int, actual: Float, mean: (_ member: Int) -> Float) {
    let center = (0..<members).reduce(0) { $0 + Double(mean($1)) } / Double(members)
    for member in 0..<members {
      let value = Double(mean(member))
      errors[quantity] += (value - Double(actual)) * (value - Double(actual))
      distances[quantity] += (value - center) * (value - center)
    }
  }

  /// A member's variance of a quantity of the row, and whether its raw logarithm is beyond the bounds; nil: it has no
  /// bounds.
  package mutating func add(_ quantity: Int, variance: Float, isBeyond: Bool? = nil) {
    variances[quantity] += Double(variance)
    guard let isBeyond else { return }
    raw += 1
    if isBeyond { beyond += 1 }
  }

  /// What they come to.
  package var health: ModelHealth {
    var health = ModelHealth()
    if raw > 0 { health.atBounds = Double(beyond) / Double(raw) }
    let wrong = errors.indices.filter { errors[$0] > 1e-12 * Double(max(rows, 1) * members) }
    guard !wrong.isEmpty else { return health }
    let count = Double(wrong.count)
    if raw > 0 {
      health.misfit = exp(wrong.reduce(0) { $0 + abs(log(max(variances[$1], 1e-30) / errors[$1])) } / count)
    }
    guard members > 1 else { return health }
    health.spread = (wrong.reduce(0) { $0 + distances[$1] / errors[$1] } / count).squareRoot()
    health.unexplained = wrong.reduce(0) { $0 + max(0, 1 - variances[$1] / errors[$1]) } / count
    return health
  }
}
