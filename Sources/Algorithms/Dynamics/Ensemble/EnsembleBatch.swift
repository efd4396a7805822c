import Neural
import Support

/// The minibatches of one fit of an ensemble: every member has an order of the data of its own.
final class EnsembleBatch: TrainingBatch {
  private let model: EnsembleDynamics
  private let inputs, targets: FloatBuffer
  /// Per member: the rows of its bootstrap, reshuffled every epoch.
  private var memberRows: [[Int32]]
  private let scores: EnsembleLoss
  /// Per member: the targets of this minibatch.
  private let gathered: FloatBuffer
  private var start = 0
  var rows: Int { scores.rows }

  /// Standardised inputs [count, inputs] and targets [count, targets], and which of their rows each member sees.
  init(_ model: EnsembleDynamics, inputs: FloatBuffer, targets: FloatBuffer, memberRows: [[Int32]]) {
    self.model = model
    self.inputs = inputs
    self.targets = targets
    self.memberRows = memberRows
    let configuration = model.configuration
    let form = EnsembleLoss.Form(
      members: configuration.ensembleSize, targets: model.targetCount,
      isProbabilistic: configuration.kind == .probabilistic,
      terminationWeight: configuration.termination == .learned ? configuration.terminationWeight : nil)
    let most = min(configuration.batchSize, memberRows[0].count)
    scores = EnsembleLoss(form, rows: most)
    gathered = FloatBuffer(count: form.members * most * form.targets)
  }

  func shuffle(_ random: inout RandomStream) {
    for member in memberRows.indices { random.shuffle(&memberRows[member]) }
  }

  /// The next minibatch: rows start..<start + rows of every member's order.
  func begin(start: Int, rows: Int) {
    self.start = start
    scores.begin(rows: rows)
  }

  /// The sum over members of the minibatch's loss, without the penalty on the bounds.
  var loss: Float { scores.value }

  func fillInputs(of member: Int, _ inputs: UnsafeMutablePointer<Float>) {
    self.inputs.copyRows(order(member), columns: model.inputColumns, to: inputs)
  }

  func differentiate(_ member: Int, output: UnsafePointer<Float>, gradient: UnsafeMutablePointer<Float>) {
    let target = gathered.base + member * rows * model.targetCount
    targets.copyRows(order(member), columns: model.targetCount, to: target)
    var bounds: (UnsafePointer<Float>, UnsafePointer<Float>)?
    if let minimum = model.minimumLogVariance, let maximum = model.maximumLogVariance {
      let values = UnsafePointer(model.store.values.baseAddress!)
      bounds = (values + minimum.offset, values + maximum.offset)
    }
    scores.differentiate(member, output: output, target: target, bounds: bounds, gradient: gradient)
  }

  func differentiateOthers(in store: ParameterStore) {
    guard model.configuration.learnsVarianceBounds, let minimum = model.minimumLogVariance,
      let maximum = model.maximumLogVariance
    else { return }
    scores.differentiateBounds(minimum: store.gradients(of: minimum), maximum: store.gradients(of: maximum))
  }

  /// This minibatch's rows of a member's order.
  private func order(_ member: Int) -> ArraySlice<Int32> { memberRows[member][start..<start + rows] }
}
