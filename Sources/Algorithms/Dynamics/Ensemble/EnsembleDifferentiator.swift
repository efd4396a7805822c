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
  /// 1 while a row's trajectory goes on, and that times the step's weight [population].
  private var alive = FloatBuffer(count: 0)
  private var scale = FloatBuffer(count: 0)
  private var step: FeatureMajorStep
  private var actions: [Tensor] = []
  private var features: [Tensor] = []

  init(_ owner: EnsembleTrajectories) {
    self.owner = owner
    tape = Tape(pool: owner.model.pool)
    step = FeatureMajorStep(rows: 0, widths: [0, 0, 0])
  }

  private func prepare(_ population: Int) {
    guard alive.count != population else { return }
    alive = FloatBuffer(count: population)
    scale = FloatBuffer(count: population)
    let size = owner.model.layout.observationSize
    step = FeatureMajorStep(rows: population, widths: [size, owner.columns, size])
  }

  func differentiate(
    _ plans: UnsafePointer<Float>, population: Int, gradients: UnsafeMutablePointer<Float>,
    returns: UnsafeMutablePointer<Float>
  ) {
    prepare(population)
    let horizon = owner.planner.horizon
    let columns = owner.columns
    let size = owner.model.layout.observationSize
    tape.rewind()
    var state = tape.constant(rows: population, columns: size) { out in
      for index in out.indices { out[index] = owner.start[index % size] }
    }
    alive.memory.update(repeating: 1)
    var weight: Float = 1
    var objective: Tensor?
    actions.removeAll(keepingCapacity: true)
    returns.update(repeating: 0, count: population)
    for time in 0..<horizon {
      let action = stepActions(plans, population, time)
      actions.append(action)
      let (next, learnedReward, learnedEnd) = advance(state, action)
      step.take(tape, state, action, next)
      for row in 0..<population { scale[row] = alive[row] * weight }
      let term: Tensor
      if let learnedReward {
        let values = tape.values(learnedReward)
        for row in 0..<population where alive[row] != 0 { returns[row] += weight * values[row] }
        term = tape.sum(tape.multiply(learnedReward, tape.constant(scale.readOnly, rows: population, columns: 1)))
      } else {
        let rewards = step.rewards(owner.known)
        for row in 0..<population where alive[row] != 0 { returns[row] += weight * rewards[row] }
        term = surrogate(state, action, next)
      }
      objective = objective.map { tape.add($0, term) } ?? term
      retire(learnedEnd)
      weight *= Float(owner.planner.discount)
      state = next
    }
    if let objective { tape.backward(objective) }
    for time in 0..<horizon {
      let gradient = tape.gradient(actions[time])
      for row in 0..<population {
        for column in 0..<columns {
          gradients[(row * horizon + time) * columns + column] = gradient[row * columns + column]
        }
      }
    }
  }

  /// Marks the rows whose trajectory ends with the present step.
  private func retire(_ learnedEnd: Tensor?) {
    if owner.model.configuration.termination == .known, let known = owner.known {
      let ended = step.terminations(known)
      for row in 0..<alive.count where ended[row] != 0 { alive[row] = 0 }
    } else if let learnedEnd {
      let logits = tape.values(learnedEnd)
      for row in 0..<alive.count where logits[row] > 0 { alive[row] = 0 }
    }
  }

  private func stepActions(_ plans: UnsafePointer<Float>, _ population: Int, _ time: Int) -> Tensor {
    let columns = owner.columns
    return tape.variable(rows: population, columns: columns) { values in
      for row in 0..<population {
        for column in 0..<columns {
          values[row * columns + column] = plans[(row * owner.planner.horizon + time) * columns + column]
        }
      }
    }
  }

  /// A constant row or batch of numbers, number by number.
  private func constant(batch: Int = 1, columns: Int, _ number: (Int) -> Float) -> Tensor {
    tape.constant(batch: batch, rows: 1, columns: columns) { out in
      for index in out.indices { out[index] = number(index) }
    }
  }

  /// The elites' mean prediction: next state [1, rows, size], and reward and end [1, rows, 1] where learned.
  private func advance(_ state: Tensor, _ action: Tensor) -> (next: Tensor, reward: Tensor?, end: Tensor?) {
    let model = owner.model
    let size = model.layout.observationSize
    features.removeAll(keepingCapacity: true)
    for feature in model.layout.features {
      switch feature {
      case .value(let index): features.append(tape.columns(state, index..<index + 1))
      case .sine(let index): features.append(tape.sin(tape.columns(state, index..<index + 1)))
      case .cosine(let index): features.append(tape.cos(tape.columns(state, index..<index + 1)))
      }
    }
    features.append(action)
    let input = tape.concatenateColumns(features)
    let mean = constant(columns: model.inputColumns) { Float(model.normalizer.mean[$0]) }
    let inverse = constant(columns: model.inputColumns) { Float(1 / model.normalizer.deviation[$0]) }
    let output = model.network(tape.multiply(tape.subtract(input, mean), inverse), on: tape, frozen: true)
    let members = model.configuration.ensembleSize
    let targets = model.targetCount
    var predictions = tape.columns(output, 0..<targets)
    if model.configuration.normalizesTargets {
      let deviation = constant(columns: targets) { Float(model.targetNormalizer.deviation[$0]) }
      let shift = constant(columns: targets) { Float(model.targetNormalizer.mean[$0]) }
      predictions = tape.add(tape.multiply(predictions, deviation), shift)
    }
    // The mean over the batch weighs all members alike; the elites take the others' shares.
    let share = Float(members) / Float(model.elites.count)
    let shares = constant(batch: members, columns: targets) { model.elites.contains($0 / targets) ? share : 0 }
    let average = tape.meanBatch(tape.multiply(predictions, shares))
    let carried = constant(columns: size) { model.predictsChange($0) ? 1 : 0 }
    let next = tape.add(tape.columns(average, 0..<size), tape.multiply(state, carried))
    var column = size
    var reward: Tensor?
    if model.configuration.learnsReward {
      reward = tape.columns(average, column..<column + 1)
      column += 1
    }
    let end = model.configuration.termination == .learned ? tape.columns(average, column..<column + 1) : nil
    return (next, reward, end)
  }

  /// Σ over rows of scale·g·(state, action, next state), g the declared reward's partial derivatives.
  private func surrogate(_ state: Tensor, _ action: Tensor, _ next: Tensor) -> Tensor {
    func term(_ argument: Int, _ tensor: Tensor) -> Tensor {
      let partials = tape.constant(rows: tensor.rows, columns: tensor.columns) { out in
        step.rewardPartials(argument, owner.known, into: out)
        for index in out.indices { out[index] *= scale[index / tensor.columns] }
      }
      return tape.sum(tape.multiply(tensor, partials))
    }
    let first = term(0, state)
    let second = term(1, action)
    return tape.add(tape.add(first, second), term(2, next))
  }
}

/// One imagined step's state, action and next state as feature-major columns.
private final class FeatureMajorStep {
  private let count: Int
  /// State, action, next state: [columns][count].
  private let parts: [FloatBuffer]
  private let ended: FloatBuffer
  private let reward: FloatBuffer
  private let rewardAbove: FloatBuffer
  /// A column as it was, and raised.
  private let original: FloatBuffer
  private let upper: FloatBuffer

  init(rows: Int, widths: [Int]) {
    count = rows
    parts = widths.map { FloatBuffer(count: rows * $0) }
    ended = FloatBuffer(count: rows)
    reward = FloatBuffer(count: rows)
    rewardAbove = FloatBuffer(count: rows)
    original = FloatBuffer(count: rows)
    upper = FloatBuffer(count: rows)
  }

  func take(_ tape: Tape, _ state: Tensor, _ action: Tensor, _ next: Tensor) {
    take(tape.values(state), into: parts[0])
    take(tape.values(action), into: parts[1])
    take(tape.values(next), into: parts[2])
  }

  private func take(_ values: UnsafeBufferPointer<Float>, into part: FloatBuffer) {
    let width = values.count / count
    for row in 0..<count {
      for column in 0..<width { part[column * count + row] = values[row * width + column] }
    }
  }

  private var columns: TransitionColumns {
    TransitionColumns(
      count: count, stride: count, observation: parts[0].base, action: parts[1].base, nextObservation: parts[2].base)
  }

  /// [count], valid until the next call.
  func rewards(_ known: (any KnownDynamicsParts)?) -> UnsafePointer<Float> {
    known?.rewards(of: columns, into: reward.base)
    return UnsafePointer(reward.base)
  }

  /// [count], valid until the next call.
  func terminations(_ known: any KnownDynamicsParts) -> UnsafePointer<Float> {
    known.terminations(of: columns, into: ended.base)
    return UnsafePointer(ended.base)
  }

  /// ∂reward/∂(argument) by central differences, row-major [count, columns of the argument].
  func rewardPartials(
    _ argument: Int, _ known: (any KnownDynamicsParts)?, into partials: UnsafeMutableBufferPointer<Float>
  ) {
    let part = parts[argument]
    let width = part.count / count
    for column in 0..<width {
      let values = part.base + column * count
      original.base.update(from: values, count: count)
      for row in 0..<count { values[row] = original[row] + 1e-2 * max(abs(original[row]), 0.1) }
      rewardAbove.base.update(from: rewards(known), count: count)
      upper.base.update(from: values, count: count)
      for row in 0..<count { values[row] = original[row] - 1e-2 * max(abs(original[row]), 0.1) }
      let below = rewards(known)
      for row in 0..<count {
        partials[row * width + column] = (rewardAbove[row] - below[row]) / (upper[row] - values[row])
      }
      values.update(from: original.base, count: count)
    }
  }
}
