import CKernels
import Environments
import Neural
import Support

/// The gradient of imagined returns with respect to the plans, for gradient-based shooting.
///
/// Trajectories follow the elites' mean prediction (expectation). The tape carries exact derivatives through the
/// networks; a reward that the environment declares as a function is differentiated by central differences in its own
/// arguments, which joins the chain exactly: with g = ∂reward/∂(state, action, next state) held constant, the gradient
/// of Σ g·(state, action, next state) over the tape is the gradient of the return. Ends cut the sum as they fall.
final class EnsembleDifferentiator {
  private unowned let owner: EnsembleTrajectories
  private let tape: Tape

  init(_ owner: EnsembleTrajectories) {
    self.owner = owner
    tape = Tape(pool: owner.model.pool)
  }

  func differentiate(
    _ plans: UnsafePointer<Float>, population: Int, gradients: UnsafeMutablePointer<Float>,
    returns: UnsafeMutablePointer<Float>
  ) {
    let horizon = owner.planner.horizon
    let columns = owner.columns
    let size = owner.model.layout.observationSize
    tape.rewind()
    var state = tape.constant(rows: population, columns: size) { out in
      for index in out.indices { out[index] = owner.start[index % size] }
    }
    var alive = [Float](repeating: 1, count: population)
    var weight: Float = 1
    var objective: Tensor?
    var actions: [Tensor] = []
    returns.update(repeating: 0, count: population)
    for step in 0..<horizon {
      let action = stepActions(plans, population, step)
      actions.append(action)
      let (next, learnedReward, learnedEnd) = advance(state, action)
      let columnsOfStep = FeatureMajorStep(tape, state, action, next)
      let scale = alive.map { $0 * weight }
      let term: Tensor
      if let learnedReward {
        let values = tape.values(learnedReward)
        for row in 0..<population where alive[row] != 0 { returns[row] += weight * values[row] }
        term = tape.sum(tape.multiply(learnedReward, tape.constant(scale, rows: population, columns: 1)))
      } else {
        let rewards = columnsOfStep.rewards(owner.known)
        for row in 0..<population where alive[row] != 0 { returns[row] += weight * rewards[row] }
        term = surrogate(columnsOfStep, [state, action, next], scale)
      }
      objective = objective.map { tape.add($0, term) } ?? term
      let ends = owner.model.configuration.termination
      if ends == .known, let known = owner.known {
        let ended = columnsOfStep.terminations(known)
        for row in 0..<population where ended[row] != 0 { alive[row] = 0 }
      } else if let learnedEnd {
        let logits = tape.values(learnedEnd)
        for row in 0..<population where logits[row] > 0 { alive[row] = 0 }
      }
      weight *= Float(owner.planner.discount)
      state = next
    }
    if let objective { tape.backward(objective) }
    for (step, action) in actions.enumerated() {
      let gradient = tape.gradient(action)
      for row in 0..<population {
        for column in 0..<columns {
          gradients[(row * horizon + step) * columns + column] = gradient[row * columns + column]
        }
      }
    }
  }

  private func stepActions(_ plans: UnsafePointer<Float>, _ population: Int, _ step: Int) -> Tensor {
    let columns = owner.columns
    var values = [Float](repeating: 0, count: population * columns)
    for row in 0..<population {
      for column in 0..<columns {
        values[row * columns + column] = plans[(row * owner.planner.horizon + step) * columns + column]
      }
    }
    return tape.variable(values, rows: population, columns: columns)
  }

  /// The elites' mean prediction: next state [1, rows, size], and reward and end [1, rows, 1] where learned.
  private func advance(_ state: Tensor, _ action: Tensor) -> (next: Tensor, reward: Tensor?, end: Tensor?) {
    let model = owner.model
    let size = model.layout.observationSize
    let features = model.layout.features.map { feature in
      switch feature {
      case .value(let index): tape.columns(state, index..<index + 1)
      case .sine(let index): tape.sin(tape.columns(state, index..<index + 1))
      case .cosine(let index): tape.cos(tape.columns(state, index..<index + 1))
      }
    }
    let input = tape.concatenateColumns(features + [action])
    let mean = tape.constant(model.normalizer.mean.map { Float($0) }, columns: model.inputColumns)
    let inverse = tape.constant(model.normalizer.deviation.map { Float(1 / $0) }, columns: model.inputColumns)
    let output = model.network(tape.multiply(tape.subtract(input, mean), inverse), on: tape, frozen: true)
    let members = model.configuration.ensembleSize
    var shares = [Float](repeating: 0, count: members * model.targetCount)
    for elite in model.elites {
      for column in 0..<model.targetCount {
        shares[elite * model.targetCount + column] = Float(members) / Float(model.elites.count)
      }
    }
    var predictions = tape.columns(output, 0..<model.targetCount)
    if model.configuration.normalizesTargets {
      let deviation = model.targetNormalizer.deviation.map { Float($0) }
      let shift = model.targetNormalizer.mean.map { Float($0) }
      predictions = tape.add(
        tape.multiply(predictions, tape.constant(deviation, columns: deviation.count)),
        tape.constant(shift, columns: shift.count))
    }
    let average = tape.meanBatch(
      tape.multiply(predictions, tape.constant(shares, batch: members, rows: 1, columns: model.targetCount)))
    let carried = (0..<size).map { model.predictsChange($0) ? Float(1) : 0 }
    let next = tape.add(
      tape.columns(average, 0..<size), tape.multiply(state, tape.constant(carried, columns: size)))
    var column = size
    var reward: Tensor?
    if model.configuration.learnsReward {
      reward = tape.columns(average, column..<column + 1)
      column += 1
    }
    let end = model.configuration.termination == .learned ? tape.columns(average, column..<column + 1) : nil
    return (next, reward, end)
  }

  /// Σ over rows of scale·g·(state, action, next), g the declared reward's partial derivatives.
  private func surrogate(_ step: FeatureMajorStep, _ tensors: [Tensor], _ scale: [Float]) -> Tensor {
    var total: Tensor?
    for (argument, tensor) in tensors.enumerated() {
      var partials = step.rewardPartials(argument, owner.known)
      for index in partials.indices { partials[index] *= scale[index / tensor.columns] }
      let term = tape.sum(
        tape.multiply(tensor, tape.constant(partials, rows: tensor.rows, columns: tensor.columns)))
      total = total.map { tape.add($0, term) } ?? term
    }
    return total!
  }
}

/// One imagined step's state, action and next state as feature-major columns.
private struct FeatureMajorStep {
  private let count: Int
  /// State, action, next state: [columns][count].
  private let parts: [FloatBuffer]

  init(_ tape: Tape, _ state: Tensor, _ action: Tensor, _ next: Tensor) {
    count = state.rows
    parts = [state, action, next].map { tensor in
      let values = tape.values(tensor)
      let part = FloatBuffer(count: tensor.count)
      for row in 0..<tensor.rows {
        for column in 0..<tensor.columns {
          part[column * tensor.rows + row] = values[row * tensor.columns + column]
        }
      }
      return part
    }
  }

  private var columns: TransitionColumns {
    TransitionColumns(
      count: count, stride: count, observation: parts[0].base, action: parts[1].base, nextObservation: parts[2].base)
  }

  func rewards(_ known: (any KnownDynamicsParts)?) -> [Float] {
    var rewards = [Float](repeating: 0, count: count)
    rewards.withUnsafeMutableBufferPointer { known?.rewards(of: columns, into: $0.baseAddress!) }
    return rewards
  }

  func terminations(_ known: any KnownDynamicsParts) -> [Float] {
    var ended = [Float](repeating: 0, count: count)
    ended.withUnsafeMutableBufferPointer { known.terminations(of: columns, into: $0.baseAddress!) }
    return ended
  }

  /// ∂reward/∂(argument) by central differences, row-major [count, columns of the argument].
  func rewardPartials(_ argument: Int, _ known: (any KnownDynamicsParts)?) -> [Float] {
    let part = parts[argument]
    let width = part.count / count
    var partials = [Float](repeating: 0, count: part.count)
    let original = FloatBuffer(count: count)
    for column in 0..<width {
      let values = part.base + column * count
      original.base.update(from: values, count: count)
      for row in 0..<count { values[row] = original[row] + 1e-2 * max(abs(original[row]), 0.1) }
      let above = rewards(known)
      let upper = (0..<count).map { values[$0] }
      for row in 0..<count { values[row] = original[row] - 1e-2 * max(abs(original[row]), 0.1) }
      let below = rewards(known)
      for row in 0..<count {
        partials[row * width + column] = (above[row] - below[row]) / (upper[row] - values[row])
      }
      values.update(from: original.base, count: count)
    }
    return partials
  }
}
