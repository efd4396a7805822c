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
  private unowned let owner: EnsembleScorer
  private let tape: Tape
  /// 1 while a row's trajectory goes on, and that times the step's weight [population].
  private var alive = FloatBuffer(count: 0)
  private var scale = FloatBuffer(count: 0)
  private var declared: DeclaredReward
  private var actions: [Tensor] = []
  private var features: [Tensor] = []

  init(_ owner: EnsembleScorer) {
    self.owner = owner
    tape = Tape(pool: owner.model.pool)
    declared = DeclaredReward(rows: 0, observationSize: 0, actionColumns: 0)
  }

  private func prepare(_ population: Int) {
    guard alive.count != population else { return }
    alive = FloatBuffer(count: population)
    scale = FloatBuffer(count: population)
    let size = owner.model.layout.observationSize
    declared = DeclaredReward(
      rows: population, observationSize: size, actionColumns: owner.model.layout.actionColumns)
  }

  func differentiate(_ plans: Plans, gradients: Plans, into returns: UnsafeMutableBufferPointer<Float>) {
    let population = plans.population
    prepare(population)
    let size = owner.model.layout.observationSize
    tape.rewind()
    var state = tape.constant(rows: population, columns: size) { out in
      for index in out.indices { out[index] = owner.start[index % size] }
    }
    alive.memory.update(repeating: 1)
    var weight: Float = 1
    var objective: Tensor?
    actions.removeAll(keepingCapacity: true)
    returns.update(repeating: 0)
    for time in 0..<plans.horizon {
      let action = tape.variable(rows: population, columns: plans.columns) { values in
        MutableRows(values.baseAddress!, population, plans.columns).copy(Rows(plans.actions(at: time)))
      }
      actions.append(action)
      let (next, learnedReward, learnedEnd) = advance(state, action)
      declared.take(tape, state, action, next)
      for row in 0..<population { scale[row] = alive[row] * weight }
      let term: Tensor
      if let learnedReward {
        let values = tape.values(learnedReward)
        for row in 0..<population where alive[row] != 0 { returns[row] += weight * values[row] }
        term = tape.sum(tape.multiply(learnedReward, tape.constant(scale.readOnly, rows: population, columns: 1)))
      } else {
        let rewards = declared.rewards(owner.model.layout.known)
        for row in 0..<population where alive[row] != 0 { returns[row] += weight * rewards[row] }
        term = surrogate(state, action, next)
      }
      objective = objective.map { tape.add($0, term) } ?? term
      retire(learnedEnd)
      weight *= Float(owner.settings.discount)
      state = next
    }
    if let objective { tape.backward(objective) }
    for time in 0..<plans.horizon {
      let gradient = tape.gradient(actions[time])
      gradients.actions(at: time).copy(Rows(gradient.baseAddress!, population, plans.columns))
    }
  }

  /// Marks the rows whose trajectory ends with the present step.
  private func retire(_ learnedEnd: Tensor?) {
    if owner.model.configuration.termination == .known, let known = owner.model.layout.known {
      let ended = declared.step.ended.base
      known.terminations(of: declared.step.columns, into: ended)
      for row in 0..<alive.count where ended[row] != 0 { alive[row] = 0 }
    } else if let learnedEnd {
      let logits = tape.values(learnedEnd)
      for row in 0..<alive.count where logits[row] > 0 { alive[row] = 0 }
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
    if model.learnsReward {
      reward = tape.columns(average, column..<column + 1)
      column += 1
    }
    let end = model.configuration.termination == .learned ? tape.columns(average, column..<column + 1) : nil
    return (next, reward, end)
  }

  /// Σ over rows of scale·g·(state, action, next state), g the declared reward's partial derivatives.
  private func surrogate(_ state: Tensor, _ action: Tensor, _ next: Tensor) -> Tensor {
    func term(_ part: MutableRows, _ tensor: Tensor) -> Tensor {
      let partials = tape.constant(rows: tensor.rows, columns: tensor.columns) { out in
        declared.partials(of: part, owner.model.layout.known, into: out)
        for index in out.indices { out[index] *= scale[index / tensor.columns] }
      }
      return tape.sum(tape.multiply(tensor, partials))
    }
    let first = term(declared.step.state, state)
    let second = term(declared.step.action, action)
    return tape.add(tape.add(first, second), term(declared.step.next, next))
  }
}

/// The declared reward of one imagined step and its derivatives.
private final class DeclaredReward {
  let step: ImaginedStep
  /// Reward above, and a column as it was, and raised.
  private let above, original, upper: FloatBuffer

  init(rows: Int, observationSize: Int, actionColumns: Int) {
    step = ImaginedStep(capacity: rows, observationSize: observationSize, actionColumns: actionColumns)
    above = FloatBuffer(count: rows)
    original = FloatBuffer(count: rows)
    upper = FloatBuffer(count: rows)
  }

  func take(_ tape: Tape, _ state: Tensor, _ action: Tensor, _ next: Tensor) {
    func copy(_ part: MutableRows, _ tensor: Tensor) {
      part.copy(Rows(tape.values(tensor).baseAddress!, step.count, tensor.columns))
    }
    copy(step.state, state)
    copy(step.action, action)
    copy(step.next, next)
  }

  /// [rows], valid until the next call.
  func rewards(_ known: (any KnownDynamics)?) -> UnsafePointer<Float> {
    known?.rewards(of: step.columns, into: step.reward.base)
    return UnsafePointer(step.reward.base)
  }

  /// ∂reward/∂(state, action or next state) by central differences, row-major.
  func partials(
    of part: MutableRows, _ known: (any KnownDynamics)?, into partials: UnsafeMutableBufferPointer<Float>
  ) {
    let (rows, width) = (step.count, part.columns)
    for column in 0..<width {
      let values = part.base + column * part.columnStride
      original.base.update(from: values, count: rows)
      for row in 0..<rows { values[row] = original[row] + 1e-2 * max(abs(original[row]), 0.1) }
      above.base.update(from: rewards(known), count: rows)
      upper.base.update(from: values, count: rows)
      for row in 0..<rows { values[row] = original[row] - 1e-2 * max(abs(original[row]), 0.1) }
      let below = rewards(known)
      for row in 0..<rows { partials[row * width + column] = (above[row] - below[row]) / (upper[row] - values[row]) }
      values.update(from: original.base, count: rows)
    }
  }
}
