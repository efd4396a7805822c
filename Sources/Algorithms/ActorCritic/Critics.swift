import Neural
import Support

/// An ensemble of action values that are trained on one target, with slow copies: twin critics (Fujimoto et al. 2018),
/// or N of which a random M make the target (REDQ, Chen et al. 2021), with layer norm and dropout where many updates
/// per step have to hold (DroQ, Hiraoka et al. 2022).
package final class Critics: ArchivableObject {
  package struct Settings: Sendable {
    /// N.
    package var count = 2
    /// M ≤ N: whose minimum makes the target.
    package var countInTarget = 2
    package var hiddenSizes = [256, 256]
    package var learningRate = 3e-4
    /// Share of the present critics that the slow copies take on per update (τ).
    package var targetRate = 0.005
    /// Whether every hidden layer has a layer norm.
    package var normalizesLayers = false
    /// The chance that a value of a hidden layer is left out, in the targets and for the policy too.
    package var dropout = 0.0

    package init() {}
  }

  package let network: MLP
  package let target: Target<MLP>
  package let settings: Settings
  private let adam: Adam
  /// Without layer norm and dropout; otherwise `tape` does what it would do.
  private let trainer: Trainer?
  private let tape: Tape
  private let pool: ComputePool?
  private let regression: Regression
  /// Numbers of all critics.
  private let all: [Int]

  /// Critics of `inputs` columns, observation and action, with `outputs` values: one, or one for each discrete action.
  package init(
    _ settings: Settings, inputs: Int, outputs: Int, maximumNorm: Float?, random: inout RandomStream,
    pool: ComputePool?
  ) {
    (self.settings, self.pool) = (settings, pool)
    let dropout = settings.dropout > 0 ? Dropout(rate: Float(settings.dropout), random: random.stream("dropout")) : nil
    network = MLP(
      name: "", sizes: [inputs] + settings.hiddenSizes + [outputs], members: settings.count, activation: .relu,
      weightInitializer: .kaimingUniform, biasInitializer: .kaimingUniform,
      normalizesLayers: settings.normalizesLayers, dropout: dropout, random: &random)
    target = Target(of: network)
    adam = Adam(network.store, learningRate: Float(settings.learningRate), maximumNorm: maximumNorm)
    trainer = network.isPlain ? Trainer(network, adam, pool: pool) : nil
    tape = Tape(pool: pool)
    regression = Regression()
    all = Array(0..<settings.count)
  }

  /// min_i Q_i over `members` of values [N, rows, columns] → [1, rows, columns].
  package static func minimum(_ values: Tensor, of members: some Sequence<Int>, on tape: Tape) -> Tensor {
    var least: Tensor?
    for member in members {
      let one = tape.members(values, member..<member + 1)
      least = least.map { tape.minimum($0, one) } ?? one
    }
    return least!
  }

  /// The critics that make the target this time: all, or M drawn without replacement.
  package func targetMembers(_ random: inout RandomStream) -> [Int] {
    guard settings.countInTarget < settings.count else { return all }
    return random.permutation(settings.count).prefix(settings.countInTarget).map(Int.init).sorted()
  }

  /// One optimiser step on ½Σ_i mean w·(Q_i − y)².
  /// - Parameters:
  ///   - inputs: [rows, inputs].
  ///   - chosen: one-hot rows of the actions that the values are of; nil where there is one value.
  ///   - target: y [rows, 1].
  ///   - weights: w [rows, 1]; nil: 1.
  /// - Returns: the loss before it.
  package func fit(_ inputs: Rows, chosen: Rows?, to target: Rows, weights: Rows? = nil) -> Float {
    (regression.inputs, regression.chosen, regression.target) = (inputs, chosen, target)
    regression.weights = weights
    if let trainer { return trainer.step(on: regression) }
    tape.rewind()
    let output = network(tape.constant(inputs), on: tape)
    let loss = regression.loss(of: 0, output, on: tape)
    network.store.clearGradients()
    tape.backward(loss)
    adam.step(pool: pool)
    return tape.scalar(loss)
  }

  /// The slow copies take on their share.
  package func moveTarget() { target.follow(rate: Float(settings.targetRate)) }

  package func archive(_ archive: Archive) throws {
    try adam.archive(archive)
    try archive.part("target", target)
    if let dropout = network.dropout { try archive.part("dropout", dropout) }
  }

  /// Every critic on the same minibatch.
  private final class Regression: FusedLoss {
    var inputs = Rows.none
    var chosen: Rows?
    var target = Rows.none
    var weights: Rows?
    var rows: Int { inputs.count }

    func fillInputs(of member: Int, _ inputs: MutableRows) { inputs.copy(self.inputs) }

    /// ½ mean w·(Q − y)², summed over the members of `output`.
    func loss(of member: Int, _ output: Tensor, on tape: Tape) -> Tensor {
      var value = output
      if let chosen { value = tape.sumColumns(tape.multiply(output, tape.constant(chosen))) }
      guard let weights else { return tape.scale(tape.meanSquaredError(value, tape.constant(target)), by: 0.5) }
      let errors = tape.square(tape.subtract(value, tape.constant(target)))
      return tape.scale(tape.sum(tape.multiply(errors, tape.constant(weights))), by: 0.5 / Float(rows))
    }
  }
}

extension Tape {
  /// A copy of rows in either layout → [1, rows, columns].
  package func constant(_ rows: Rows) -> Tensor {
    constant(rows: rows.count, columns: rows.columns) {
      MutableRows($0.baseAddress!, rows.count, rows.columns).copy(rows)
    }
  }
}
