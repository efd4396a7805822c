import CKernels
import Support

/// What a training step learns from. Inputs and loss are asked for every member once, from several threads at once.
package protocol TrainingBatch: AnyObject {
  /// Rows of every member.
  var rows: Int { get }
  /// Writes the inputs [rows, inputs] of a member.
  func fillInputs(of member: Int, _ inputs: UnsafeMutablePointer<Float>)
  /// Reads a member's output [rows, outputs] and writes the gradient of the loss likewise.
  func differentiate(_ member: Int, output: UnsafePointer<Float>, gradient: UnsafeMutablePointer<Float>)
  /// Writes the gradients of the parameters that are not the networks', once all members are through.
  func differentiateOthers(in store: ParameterStore)
}

/// Training steps of an ensemble of perceptrons by fused kernels: the same numbers as the tape, to the bit, in less
/// time, for every member goes its whole way, from its minibatch to the optimiser, while what it needs is near.
package final class Trainer {
  private let network: MLP
  private let optimizer: Adam
  private let pool: ComputePool?
  private var layout = ck_network()
  /// Coupled decay of each layer's weights.
  private let layerDecays: [Float]
  /// Parameters of the store that are the network's, and those that are not.
  private let own, others: [Parameter]
  private var memory = FloatBuffer(count: 0)
  private var capacity = 0

  /// Training of `network`, whose store is the optimiser's, on the threads of `pool`.
  package init(_ network: MLP, _ optimizer: Adam, pool: ComputePool?) {
    precondition(optimizer.store === network.store, "the optimiser is of another store")
    let layers = network.layers
    precondition(layers.allSatisfy { optimizer.decays[$0.bias.index] == 0 }, "fused steps do not decay biases")
    (self.network, self.optimizer, self.pool) = (network, optimizer, pool)
    layerDecays = layers.map { optimizer.decays[$0.weight.index] }
    own = layers.flatMap { [$0.weight, $0.bias] }
    others = network.store.parameters.filter { [own] in !own.contains($0) }
    layout.layers = Int32(layers.count)
    layout.members = Int32(network.members)
    layout.activation = network.activation.kernelCode
    withElements(of: &layout.widths, as: Int32.self) {
      $0[0] = Int32(network.inputs)
      for (place, layer) in layers.enumerated() { $0[place + 1] = Int32(layer.weight.rows) }
    }
    withElements(of: &layout.weights, as: Int64.self) {
      for (place, layer) in layers.enumerated() { $0[place] = Int64(layer.weight.offset) }
    }
    withElements(of: &layout.biases, as: Int64.self) {
      for (place, layer) in layers.enumerated() { $0[place] = Int64(layer.bias.offset) }
    }
  }

  /// One optimiser step on the whole store.
  package func step(on batch: any TrainingBatch) {
    let store = network.store
    store.clearGradients()
    if batch.rows > capacity {
      capacity = batch.rows
      memory = FloatBuffer(count: Int(ck_training_memory(pool?.handle, &layout, Int64(capacity))))
    }
    // Clipping needs all gradients before the first step; else the networks' need not be written down.
    if optimizer.maximumNorm == nil {
      var step = optimizer.begin()
      withKernelBatch(batch) { kernelBatch in
        ck_training_step(
          pool?.handle, &layout, Int64(batch.rows), kernelBatch, &step, layerDecays, store.values.baseAddress!,
          optimizer.firstMoments.base, optimizer.secondMoments.base, memory.base)
      }
      batch.differentiateOthers(in: store)
      for parameter in others { optimizer.move(parameter, step, pool) }
    } else {
      withKernelBatch(batch) { kernelBatch in
        ck_training_gradients(
          pool?.handle, &layout, Int64(batch.rows), kernelBatch, store.values.baseAddress!, memory.base,
          store.gradientsToOverwrite(of: own))
      }
      batch.differentiateOthers(in: store)
      optimizer.step(pool: pool)
    }
  }

  private func withKernelBatch(_ batch: any TrainingBatch, _ body: (UnsafePointer<ck_training_batch>) -> Void) {
    var batch = batch
    withUnsafeMutablePointer(to: &batch) { context in
      var kernelBatch = ck_training_batch(
        context: context,
        inputs: { context, member, inputs in Trainer.batch(context).fillInputs(of: Int(member), inputs!) },
        loss: { context, member, output, gradient in
          Trainer.batch(context).differentiate(Int(member), output: output!, gradient: gradient!)
        })
      body(&kernelBatch)
    }
  }

  private static func batch(_ context: UnsafeMutableRawPointer?) -> any TrainingBatch {
    context!.assumingMemoryBound(to: (any TrainingBatch).self).pointee
  }
}
