import CKernels
import Environments
import Neural
import Support

/// An inverse model: which action led from one observation to the next,
///
///     a ≈ g(φ(s), s' − s),
///
/// φ what the dynamics model sees of an observation, each input standardised. Vectors of actions are scaled to [−1, 1],
/// fitted by mean squared error and limited to that where they are asked for; discrete ones are fitted by the
/// cross-entropy of their logits. Only transitions that were made are pairs: never an episode's end and the next one's
/// start.
///
/// The output is linear, without a tanh: an action is often linear in the change, and the inverse of tanh, which the
/// network would have to learn then, has no bound at ±1. On Pendulum the squared error stood at .0035 with it.
package final class InverseModel: ArchivableObject {
  /// The section `agent.inverse`.
  package struct Settings: Configurable, Equatable {
    /// Passes over the data per fit; 0: there is no inverse model.
    package var epochs = 0
    package var hiddenSizes = [128, 128]
    package var learningRate = 1e-3
    package var batchSize = 128
    /// Share of the transitions that accuracy is measured on.
    package var holdout = 0.1
    /// See `InverseProposals`.
    package var proposals = 0
    /// β, see `FeatureLoss`.
    package var featureLoss = 0.0

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.integer("epochs", &epochs, in: 0...1_000_000, "passes over the data per fit; 0: no inverse model")
      fields.integers(
        "hiddenSizes", &hiddenSizes, each: 1...4096, count: 0...(Int(CK_MAX_LAYERS) - 1), "widths of the hidden layers")
      fields.number("learningRate", &learningRate, in: 0...1, aboveLowerBound: true, "Adam's step size")
      fields.integer("batchSize", &batchSize, in: 1...1_000_000, "transitions per optimiser step")
      fields.number("holdout", &holdout, in: 0...0.9, "share of the data that accuracy is measured on; 0: never")
      fields.integer(
        "proposals", &proposals, in: 0...1000,
        "plans of random shooting that follow what was done from like states; 0: none")
      fields.number(
        "featureLoss", &featureLoss, in: 0...1e6,
        "weight of the dynamics model's errors in the inverse model's features (β); 0: none")
    }

    /// Warns of settings that nothing reads.
    package func warn(_ fields: Fields) {
      guard epochs == 0 else { return }
      for name in ["hiddenSizes", "learningRate", "batchSize", "holdout", "proposals", "featureLoss"] {
        fields.unused("agent.inverse.\(name)", because: "with agent.inverse.epochs 0 there is no inverse model")
      }
    }

    /// With so many transitions to learn from, and plans of `horizon` steps.
    package func memory(_ task: EnvironmentDescription, transitions: Int, horizon: Int) -> MemoryNeed {
      let layout = DynamicsLayout(task)
      let inputs = layout.features.count + layout.observationSize
      let parameters = MLP.parameterCount([inputs] + hiddenSizes + [layout.actionColumns])
      var need = MemoryNeed()
      // Values, gradients and two moments, three to go back to where a fit is interrupted, twice, and a checkpoint's.
      need.add("inverse model: \(parameters) parameters (agent.inverse.hiddenSizes)", bytes: parameters, 13, 4)
      need.add(
        "inverse model's fit: \(transitions) transitions", bytes: transitions,
        inputs + 2 * layout.observationSize + layout.actionColumns + 2 + (featureLoss > 0 ? inputs : 0), 4)
      need.add(
        "stretches to follow: for \(proposals) plans (agent.inverse.proposals) of \(horizon) steps (planner.horizon)",
        bytes: InverseProposals.kept, proposals, horizon + 1, layout.observationSize, 4)
      return need
    }
  }

  /// What a fit came to.
  package struct Report: Equatable {
    /// Mean loss of the last epoch, in the course of it.
    package var loss: Double
    /// Of held-out transitions: the share of right actions, or 1 − squared error / variance; nil: none was held out.
    package var accuracy: Double?
    /// Optimiser steps taken.
    package var updates = 0
  }

  /// Most transitions held out.
  private static let holdoutLimit = 5000

  package let settings: Settings
  private let layout: DynamicsLayout
  private let space: ActionSpace
  /// [φ(s) | s' − s] → the action, or its logits.
  package let network: MLP
  private let adam: Adam
  private let trainer: Trainer
  private let tape: Tape
  private let pool: ComputePool
  /// Of φ(s), then of s' − s.
  package private(set) var normalizer: InputNormalizer
  private var fits = 0
  private let random: RandomStream

  /// An inverse model of the transitions that `layout` describes.
  package init(
    _ settings: Settings, _ layout: DynamicsLayout, _ space: ActionSpace, random: RandomStream, pool: ComputePool
  ) {
    (self.settings, self.layout, self.space, self.pool) = (settings, layout, space, pool)
    self.random = random.stream("fits")
    var initial = random.stream("initialisation")
    let inputs = layout.features.count + layout.observationSize
    network = MLP(
      name: "", sizes: [inputs] + settings.hiddenSizes + [space.columns], activation: .silu,
      weightInitializer: .kaimingUniform, biasInitializer: .kaimingUniform, random: &initial)
    adam = Adam(network.store, learningRate: Float(settings.learningRate))
    trainer = Trainer(network, adam, pool: pool)
    tape = Tape(pool: pool)
    normalizer = InputNormalizer(columns: inputs)
  }

  // MARK: Fitting

  /// Trains on every transition that can be sampled, from where the last fit ended.
  /// - Throws: `DivergedError`; `InterruptedError`: then the model is as it was.
  package func fit(_ replay: Replay) throws -> Report {
    let before = try StateSnapshot(of: self)
    do {
      return try train(replay)
    } catch let interruption as InterruptedError {
      try before.restore(self)
      throw interruption
    }
  }

  private func train(_ replay: Replay) throws -> Report {
    var random = random.stream(UInt64(fits))
    let count = replay.count
    let heldOutCount = max(0, min(Int(settings.holdout * Double(count)), InverseModel.holdoutLimit, count - 1))
    let order = random.permutation(count)
    let (heldOut, training) = (Array(order.prefix(heldOutCount)), Array(order.dropFirst(heldOutCount)))
    let (inputs, targets) = (RowBuffer(count, network.inputs), replay.all(replay.action))
    let (observations, next) = (replay.all(replay.observation), replay.all(replay.next))
    fill(inputs.rows, from: observations.read, to: next.read)
    normalizer.fit(inputs.read, rows: training)
    normalizer.standardize(inputs.rows)
    space.squash(targets.rows)
    let regression = Regression(self, inputs, targets, order: training)
    var report = Report(loss: 0)
    for _ in 0..<settings.epochs {
      report.loss = try trainEpoch(regression, &random)
      report.updates += (training.count + settings.batchSize - 1) / settings.batchSize
      guard report.loss.isFinite else {
        throw DivergedError(quantity: network.store.firstNonfinite(prefix: "inverse.") ?? "the inverse model's loss")
      }
    }
    report.accuracy = accuracy(inputs.read, targets.read, on: heldOut)
    fits += 1
    return report
  }

  /// - Returns: the mean loss over its transitions.
  private func trainEpoch(_ regression: Regression, _ random: inout RandomStream) throws -> Double {
    random.shuffle(&regression.order)
    var total = 0.0
    for start in stride(from: 0, to: regression.order.count, by: settings.batchSize) {
      try pool.checkInterruption()
      regression.batch = start..<min(start + settings.batchSize, regression.order.count)
      total += Double(trainer.step(on: regression)) * Double(regression.rows)
    }
    return total / Double(max(regression.order.count, 1))
  }

  /// The minibatches of a fit.
  private final class Regression: FusedLoss {
    unowned let model: InverseModel
    let inputs, targets: RowBuffer
    var order: [Int32]
    var batch = 0..<0

    init(_ model: InverseModel, _ inputs: RowBuffer, _ targets: RowBuffer, order: [Int32]) {
      (self.model, self.inputs, self.targets, self.order) = (model, inputs, targets, order)
    }

    var rows: Int { batch.count }

    func fillInputs(of member: Int, _ inputs: MutableRows) { inputs.gather(order[batch], of: self.inputs.read) }

    func loss(of member: Int, _ output: Tensor, on tape: Tape) -> Tensor {
      let columns = targets.rows.columns
      let target = tape.constant(rows: rows, columns: columns) {
        MutableRows($0.baseAddress!, rows, columns).gather(order[batch], of: targets.read)
      }
      return InverseModel.loss(output, target, isDiscrete: model.space.isDiscrete, on: tape)
    }
  }

  /// Mean over rows of the squared error, or of the cross-entropy of logits, against actions in [−1, 1] or one-hot rows
  /// [1, rows, columns] → [1, 1, 1].
  package static func loss(_ output: Tensor, _ target: Tensor, isDiscrete: Bool, on tape: Tape) -> Tensor {
    isDiscrete
      ? tape.mean(tape.softmaxCrossEntropy(logits: output, targets: target))
      : tape.meanSquaredError(output, target)
  }

  /// See `Report`; of standardised inputs.
  private func accuracy(_ inputs: Rows, _ targets: Rows, on rows: [Int32]) -> Double? {
    guard !rows.isEmpty else { return nil }
    let (chosen, wanted) = (RowBuffer(rows.count, inputs.columns), RowBuffer(rows.count, targets.columns))
    chosen.rows.gather(rows[...], of: inputs)
    wanted.rows.gather(rows[...], of: targets)
    tape.rewind()
    return tape.withoutGradients {
      let output = network(tape.constant(chosen.read), on: tape)
      return space.isDiscrete
        ? ActionAccuracy.shareOfRight(tape.rows(of: output), wanted.read)
        : ActionAccuracy.explainedShare(tape.rows(of: tape.clamp(output, low: -1, high: 1)), wanted.read)
    }
  }

  // MARK: Asking

  /// Whether it has learned from anything yet.
  package var isFitted: Bool { fits > 0 }

  /// Of transitions that it may never have seen, all [rows, ·]: the share of right actions, or 1 − squared error /
  /// variance of the actions that it says; nil where they do not vary.
  package func accuracy(from observations: Rows, to next: Rows, actions: Rows) -> Double? {
    guard actions.count > 0 else { return nil }
    let said = RowBuffer(actions.count, actions.columns)
    self.actions(from: observations, to: next, into: said.rows)
    return space.isDiscrete
      ? ActionAccuracy.shareOfRight(said.read, actions) : ActionAccuracy.explainedShare(said.read, actions)
  }

  /// The actions that lead from each row to that of `next`, within the bounds or one-hot: rows [rows, action columns].
  package func actions(from observations: Rows, to next: Rows, into actions: MutableRows) {
    tape.rewind()
    tape.withoutGradients {
      let input = tape.constant(rows: observations.count, columns: network.inputs) {
        let rows = MutableRows($0.baseAddress!, observations.count, network.inputs)
        fill(rows, from: observations, to: next)
        normalizer.standardize(rows)
      }
      let output = network(input, on: tape)
      guard space.isDiscrete else {
        actions.copy(tape.rows(of: output))
        return space.unsquash(actions)  // limits it, too
      }
      let logits = tape.rows(of: output)
      for row in 0..<actions.count { ActionRows(actions, space).set(row, index: logits.largestColumn(row)) }
    }
  }

  // MARK: Features

  /// Columns of φ(s).
  var situationColumns: Int { layout.features.count }

  /// φ of the observations, standardised.
  func fillSituations(of observations: Rows, into situations: MutableRows) {
    layout.fillFeatures(of: observations, into: situations)
    InputNormalizer(
      mean: Array(normalizer.mean[..<situationColumns]), deviation: Array(normalizer.deviation[..<situationColumns])
    ).standardize(situations)
  }

  /// By which changes are standardised.
  var changeStatistics: (mean: [Double], deviation: [Double]) {
    (Array(normalizer.mean[situationColumns...]), Array(normalizer.deviation[situationColumns...]))
  }

  /// Features of the observations, then the changes.
  private func fill(_ inputs: MutableRows, from observations: Rows, to next: Rows) {
    layout.fillFeatures(of: observations, into: inputs)
    let first = layout.features.count
    for row in 0..<inputs.count {
      for column in 0..<layout.observationSize {
        inputs[row, first + column] = next[row, column] - observations[row, column]
      }
    }
  }

  package var facts: [(name: String, value: String)] {
    [
      ("inverse model parameters", String(network.store.parameterCount)),
      ("inverse model fits", String(fits)),
    ]
  }

  package func archive(_ archive: Archive) throws {
    try adam.archive(archive)
    try archive.part("normalizer", &normalizer)
    try archive.value("fits", &fits)
  }
}
