import CKernels
import Support

/// The training loss of an ensemble, member by member, with its gradients: what the same formulas on a tape give, to
/// the bit, but so that every member can go its whole way on one thread.
///
/// Of a minibatch [members, rows, …], summed over the members:
/// - probabilistic: the mean over rows and regression targets of (mean − y)²·e^(−v) + v, where v is the raw log
///   variance bounded softly, v' = maximum − softplus(maximum − raw), v = minimum + softplus(v' − minimum) (PETS, Chua
///   et al. 2018, the authors' code); and once 0.01·Σ(maximum − minimum), where the bounds are learned.
/// - deterministic: the mean of (prediction − y)².
/// - a learned termination: weight times the mean over rows of softplus(z) − t·z, the binary cross-entropy of logit z.
package final class EnsembleLoss {
  /// What a member's outputs mean: [targets], then, of a probabilistic one, [targets] raw log variances. The last
  /// target is the termination's logit where there is one.
  package struct Form {
    package var members: Int
    package var targets: Int
    package var isProbabilistic: Bool
    /// Of the termination's cross-entropy, at the last target; nil: all targets are regression.
    package var terminationWeight: Double?

    package init(members: Int, targets: Int, isProbabilistic: Bool, terminationWeight: Double?) {
      self.members = members
      self.targets = targets
      self.isProbabilistic = isProbabilistic
      self.terminationWeight = terminationWeight
    }

    /// Targets trained by likelihood or squared error.
    package var regressionTargets: Int { targets - (terminationWeight == nil ? 0 : 1) }
    package var outputs: Int { isProbabilistic ? 2 * targets : targets }
  }

  package let form: Form
  private(set) var rows = 0
  /// Every member's elements one after another, [members, rows, regression targets]: the loss (the error, where it is
  /// squared), and the gradients of the lower and upper bound of the log variance.
  private let terms, lowerTerms, upperTerms: FloatBuffer
  /// [members, rows]
  private let entropies: FloatBuffer
  /// Per member: five times [rows, regression targets].
  private let scratch: FloatBuffer

  /// Memory for minibatches of at most `rows` rows.
  package init(_ form: Form, rows: Int) {
    self.form = form
    let count = form.members * rows * form.regressionTargets
    let bounded = form.isProbabilistic ? count : 0
    terms = FloatBuffer(count: count)
    lowerTerms = FloatBuffer(count: bounded)
    upperTerms = FloatBuffer(count: bounded)
    entropies = FloatBuffer(count: form.terminationWeight == nil ? 0 : form.members * rows)
    scratch = FloatBuffer(count: 5 * bounded + 3 * entropies.count)
  }

  /// Begins a minibatch of `rows` rows per member.
  package func begin(rows: Int) { self.rows = rows }

  /// One member: output [rows, outputs], target [rows, targets], bounds [targets] of the log variance where it has one;
  /// writes the gradient [rows, outputs]. Members may come in any order and at once.
  package func differentiate(
    _ member: Int, output: UnsafePointer<Float>, target: UnsafePointer<Float>,
    bounds: (minimum: UnsafePointer<Float>, maximum: UnsafePointer<Float>)?, gradient: UnsafeMutablePointer<Float>
  ) {
    // Every gradient is added to a zero, as on a tape: a negative zero becomes a positive one.
    gradient.update(repeating: 0, count: rows * form.outputs)
    if let bounds {
      addLikelihood(member, output, target, bounds.minimum, bounds.maximum, gradient)
    } else {
      addSquaredError(member, output, target, gradient)
    }
    if let weight = form.terminationWeight {
      addEntropy(member, Float(weight * Double(form.members)), output, target, gradient)
    }
  }

  private func addLikelihood(
    _ member: Int, _ output: UnsafePointer<Float>, _ target: UnsafePointer<Float>, _ low: UnsafePointer<Float>,
    _ high: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>
  ) {
    let (rows, columns, outputs, targets) = (rows, form.regressionTargets, form.outputs, form.targets)
    let count = rows * columns
    let place = member * count
    let (terms, lowerTerms, upperTerms) = (terms.base + place, lowerTerms.base + place, upperTerms.base + place)
    // maximum − raw, then v' − minimum: the arguments of the two softplus functions, and later their sigmoids.
    let upper = scratch.base + 5 * place
    let lower = upper + count
    let logVariance = lower + count
    let precision = logVariance + count
    let errors = precision + count
    for row in 0..<rows {
      let raw = output + row * outputs + targets
      for column in 0..<columns { upper[row * columns + column] = high[column] - raw[column] }
    }
    ck_activation(Int32(CK_SOFTPLUS), Int64(count), upper, lower)
    for row in 0..<rows {
      for column in 0..<columns {
        lower[row * columns + column] = high[column] - lower[row * columns + column] - low[column]
      }
    }
    ck_activation(Int32(CK_SOFTPLUS), Int64(count), lower, logVariance)
    for row in 0..<rows {
      for column in 0..<columns {
        let at = row * columns + column
        logVariance[at] += low[column]
        precision[at] = -logVariance[at]
        errors[at] = output[row * outputs + column] - target[row * targets + column]
      }
    }
    ck_unary(Int32(CK_EXP), Int64(count), precision, precision)
    ck_activation(Int32(CK_SIGMOID), Int64(2 * count), upper, upper)
    let factor = 1 / Float(count)
    for row in 0..<rows {
      let slopes = gradient + row * outputs
      for column in 0..<columns {
        let at = row * columns + column
        let error = errors[at]
        terms[at] = error * error * precision[at] + logVariance[at]
        slopes[column] += 2 * factor * error * precision[at]
        let slope = factor * (1 - error * error * precision[at])
        slopes[targets + column] += slope * lower[at] * upper[at]
        lowerTerms[at] = slope * (1 - lower[at])
        upperTerms[at] = slope * lower[at] * (1 - upper[at])
      }
    }
  }

  private func addSquaredError(
    _ member: Int, _ output: UnsafePointer<Float>, _ target: UnsafePointer<Float>,
    _ gradient: UnsafeMutablePointer<Float>
  ) {
    let columns = form.regressionTargets
    let errors = terms.base + member * rows * columns
    let factor = 2 / Float(rows * columns)
    for row in 0..<rows {
      for column in 0..<columns {
        let error = output[row * form.outputs + column] - target[row * form.targets + column]
        errors[row * columns + column] = error
        gradient[row * form.outputs + column] += factor * error
      }
    }
  }

  private func addEntropy(
    _ member: Int, _ weight: Float, _ output: UnsafePointer<Float>, _ target: UnsafePointer<Float>,
    _ gradient: UnsafeMutablePointer<Float>
  ) {
    let (rows, column) = (rows, form.targets - 1)
    let logits = scratch.base + (scratch.count - 3 * entropies.count) + 3 * member * rows
    let (even, slopes) = (logits + rows, logits + 2 * rows)
    let entropies = entropies.base + member * rows
    let share = weight * Float(1 / Double(form.members * rows))
    for row in 0..<rows {
      logits[row] = output[row * form.outputs + column]
      even[row] = share
      slopes[row] = -share * target[row * form.targets + column]
    }
    ck_activation(Int32(CK_SOFTPLUS), Int64(rows), logits, entropies)
    ck_activation_gradient(Int32(CK_SOFTPLUS), Int64(rows), logits, even, slopes, 1)
    for row in 0..<rows {
      entropies[row] -= logits[row] * target[row * form.targets + column]
      gradient[row * form.outputs + column] += slopes[row]
    }
  }

  /// The loss of the minibatch without the penalty on the bounds, once all members are through.
  package var value: Float {
    let count = form.members * rows * form.regressionTargets
    let size = Double(rows * form.regressionTargets)
    let sum = form.isProbabilistic ? ck_sum(Int64(count), terms.base) : ck_sum_of_squares(Int64(count), terms.base)
    var value = Float(sum / size)
    if let weight = form.terminationWeight {
      let all = form.members * rows
      value += Float(ck_sum(Int64(all), entropies.base) * (1 / Double(all))) * Float(weight * Double(form.members))
    }
    return value
  }

  /// The gradients of the bounds, [targets] each, penalty included, once all members are through.
  package func differentiateBounds(
    minimum: UnsafeMutableBufferPointer<Float>, maximum: UnsafeMutableBufferPointer<Float>
  ) {
    addRows(lowerTerms, penalty: -0.01, to: minimum)
    addRows(upperTerms, penalty: 0.01, to: maximum)
  }

  private func addRows(_ terms: FloatBuffer, penalty: Float, to gradient: UnsafeMutableBufferPointer<Float>) {
    let (columns, count) = (form.regressionTargets, form.members * rows)
    gradient.update(repeating: penalty)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { sums in
      sums.initialize(repeating: 0)
      for row in 0..<count {
        for column in 0..<columns { sums[column] += terms[row * columns + column] }
      }
      for column in 0..<columns { gradient[column] += sums[column] }
    }
  }
}
