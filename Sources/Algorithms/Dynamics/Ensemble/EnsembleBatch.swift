import Neural
import Support

/// The minibatches of one fit of an ensemble: every member has an order of the data of its own.
final class EnsembleBatch: FusedLoss {
  private let model: EnsembleDynamics
  private let inputs, targets: RowBuffer
  /// Per member: the rows of its bootstrap, reshuffled every epoch.
  private var memberRows: [[Int32]]
  private var start = 0
  private(set) var rows = 0
  /// What is added to every member's loss.
  var features: FeatureLoss?

  /// Standardised inputs [count, inputs] and targets [count, targets], and which of their rows each member sees.
  init(_ model: EnsembleDynamics, inputs: RowBuffer, targets: RowBuffer, memberRows: [[Int32]]) {
    (self.model, self.inputs, self.targets, self.memberRows) = (model, inputs, targets, memberRows)
  }

  func shuffle(_ random: inout RandomStream) {
    for member in memberRows.indices { random.shuffle(&memberRows[member]) }
  }

  /// The next minibatch: rows start..<start + rows of every member's order.
  func begin(start: Int, rows: Int) { (self.start, self.rows) = (start, rows) }

  func fillInputs(of member: Int, _ inputs: MutableRows) { inputs.gather(order(member), of: self.inputs.read) }

  func loss(of member: Int, _ output: Tensor, on tape: Tape) -> Tensor {
    let target = tape.constant(rows: rows, columns: model.targetCount) {
      MutableRows($0.baseAddress!, rows, model.targetCount).gather(order(member), of: targets.read)
    }
    let loss = model.loss(output, target, on: tape)
    return features.map { tape.add(loss, $0(output, target, rows: order(member), on: tape)) } ?? loss
  }

  /// Draws the learned bounds of the log variance together.
  func penalty(on tape: Tape) -> Tensor? {
    guard model.configuration.learnsVarianceBounds, let head = model.head else { return nil }
    return tape.scale(head.boundsWidth(on: tape), by: 0.01)
  }

  /// This minibatch's rows of a member's order.
  private func order(_ member: Int) -> ArraySlice<Int32> { memberRows[member][start..<start + rows] }
}
