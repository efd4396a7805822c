import CKernels
import Support

/// What a training step learns from. Inputs and loss are asked for every member once, from several threads at once.
package protocol FusedLoss: AnyObject {
  /// Rows of every member.
  var rows: Int { get }
  /// Writes the inputs [rows, inputs] of a member.
  func fillInputs(of member: Int, _ inputs: MutableRows)
  /// The loss [1, 1, 1] of a member's output [1, rows, outputs]. `tape` is the member's own; other parameters of the
  /// store may be used on it, and their gradients are summed in the order of the members.
  func loss(of member: Int, _ output: Tensor, on tape: Tape) -> Tensor
  /// What those other parameters cost once, whatever the members say. It is not in the sum that is reported. nil, the
  /// default: nothing.
  func penalty(on tape: Tape) -> Tensor?
}

extension FusedLoss {
  package func penalty(on tape: Tape) -> Tensor? { nil }
}

/// Training steps of an ensemble of perceptrons by fused kernels: the same numbers as the tape, to the bit, in less
/// time, for every member goes its whole way, from its minibatch to the optimiser, while what it needs is near. The
/// loss is a few lines on a small tape of the member's output.
package final class Trainer {
  private let network: MLP
  private let optimizer: Adam
  private let pool: ComputePool?
  private var layout: ck_network
  /// Coupled decay of each layer's weights.
  private let layerDecays: [Float]
  /// Parameters of the store that are the network's, and those that are not.
  private let own, others: [Parameter]
  /// Tapes and losses of the members.
  private let tapes: [Tape]
  private let losses: FloatBuffer
  private let penaltyTape = Tape()
  private var memory = FloatBuffer(count: 0)
  private var capacity = 0

  /// Training of `network`, whose store is the optimiser's, on the threads of `pool`.
  package init(_ network: MLP, _ optimizer: Adam, pool: ComputePool?) {
    precondition(optimizer.store === network.store, "the optimiser is of another store")
    precondition(network.isPlain, "fused steps have neither layer norm nor dropout")
    let layers = network.layers
    precondition(layers.allSatisfy { optimizer.decays[$0.bias.index] == 0 }, "fused steps do not decay biases")
    (self.network, self.optimizer, self.pool) = (network, optimizer, pool)
    layerDecays = layers.map { optimizer.decays[$0.weight.index] }
    own = network.layout.parameters
    others = network.store.parameters.filter { [own] in !own.contains($0) }
    tapes = (0..<network.members).map { _ in Tape() }
    losses = FloatBuffer(count: network.members)
    layout = network.layout.kernel
  }

  /// One optimiser step on the whole store.
  /// - Returns: the sum of the members' losses before it.
  package func step(on loss: any FusedLoss) -> Float {
    let store = network.store
    store.clearGradients()
    if loss.rows > capacity {
      capacity = loss.rows
      memory = FloatBuffer(count: Int(ck_training_memory(pool?.handle, &layout, Int64(capacity))))
    }
    // Clipping needs all gradients before the first step; else the networks' need not be written down.
    if optimizer.maximumNorm == nil {
      var step = optimizer.begin()
      withKernelBatch(loss) { batch in
        ck_training_step(
          pool?.handle, &layout, Int64(loss.rows), batch, &step, layerDecays, store.values.baseAddress!,
          optimizer.firstMoments.base, optimizer.secondMoments.base, memory.base)
      }
      addGradients(loss)
      for parameter in others { optimizer.move(parameter, step, pool) }
    } else {
      withKernelBatch(loss) { batch in
        ck_training_gradients(
          pool?.handle, &layout, Int64(loss.rows), batch, store.values.baseAddress!, memory.base,
          store.ownGradients.overwriting(own))
      }
      addGradients(loss)
      optimizer.step(pool: pool)
    }
    return losses.memory.reduce(0, +)
  }

  /// The gradients of the parameters that are not the network's: the penalty's, then the members' in their order.
  private func addGradients(_ loss: any FusedLoss) {
    penaltyTape.rewind()
    if let penalty = loss.penalty(on: penaltyTape) { penaltyTape.backward(penalty) }
    for tape in tapes { tape.addGradients() }
  }

  private func withKernelBatch(_ loss: any FusedLoss, _ body: (UnsafePointer<ck_training_batch>) -> Void) {
    var job = TrainingJob(trainer: .passUnretained(self), loss: loss, rows: loss.rows)
    withUnsafeMutablePointer(to: &job) { job in
      var batch = ck_training_batch(
        context: job,
        inputs: { context, member, inputs in TrainingJob.at(context).fill(Int(member), inputs!) },
        loss: { context, member, output, gradient in
          TrainingJob.at(context).differentiate(Int(member), output!, gradient!)
        })
      body(&batch)
    }
  }

  /// One step's minibatch, as the kernels' threads see it.
  private struct TrainingJob {
    let trainer: Unmanaged<Trainer>
    let loss: any FusedLoss
    let rows: Int

    static func at(_ context: UnsafeMutableRawPointer?) -> TrainingJob {
      context!.assumingMemoryBound(to: TrainingJob.self).pointee
    }

    func fill(_ member: Int, _ inputs: UnsafeMutablePointer<Float>) {
      loss.fillInputs(of: member, MutableRows(inputs, rows, trainer.takeUnretainedValue().network.inputs))
    }

    func differentiate(_ member: Int, _ output: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>) {
      let trainer = trainer.takeUnretainedValue()
      let (tape, columns) = (trainer.tapes[member], trainer.network.outputs)
      tape.rewind()
      let count = rows * columns
      let leaf = tape.variable(.init(start: output, count: count), rows: rows, columns: columns)
      let value = loss.loss(of: member, leaf, on: tape)
      tape.backward(value, keeping: true)
      trainer.losses[member] = tape.scalar(value)
      gradient.update(from: tape.gradient(leaf).baseAddress!, count: count)
    }
  }
}
