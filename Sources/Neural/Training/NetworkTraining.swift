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
///
///     adam.step(store, through: training, of: batch, …)
package final class NetworkTraining {
  private let network: MLP
  private let pool: ComputePool?
  private var layout: ck_network
  private var memory: FloatBuffer
  private var capacity = 0
  /// Which parameters of the store are the network's.
  private let isOwn: [Bool]

  /// Training of `network` on the threads of `pool`.
  package init(_ network: MLP, pool: ComputePool?) {
    self.network = network
    self.pool = pool
    memory = FloatBuffer(count: 0)
    layout = ck_network()
    var isOwn = [Bool](repeating: false, count: network.store.parameters.count)
    for (weight, bias) in network.layers {
      isOwn[weight.index] = true
      isOwn[bias.index] = true
    }
    self.isOwn = isOwn
    layout.layers = Int32(network.layers.count)
    layout.members = Int32(network.members)
    layout.activation = network.activation.kernelCode
    let widths = [network.layers[0].weight.columns] + network.layers.map(\.weight.rows)
    withElements(of: &layout.widths, as: Int32.self) {
      for (place, width) in widths.enumerated() { $0[place] = Int32(width) }
    }
    withElements(of: &layout.weights, as: Int64.self) {
      for (place, layer) in network.layers.enumerated() { $0[place] = Int64(layer.weight.offset) }
    }
    withElements(of: &layout.biases, as: Int64.self) {
      for (place, layer) in network.layers.enumerated() { $0[place] = Int64(layer.bias.offset) }
    }
    network.store.seal()
  }

  /// Whether a parameter of the store belongs to the network.
  func owns(_ parameter: Parameter) -> Bool { isOwn[parameter.index] }

  /// Writes the gradients of all parameters into the store, over what is there.
  func storeGradients(of batch: any TrainingBatch) {
    let store = network.store
    let gradients = store.gradientsToOverwrite(of: store.parameters.filter(owns))
    withKernelBatch(batch) { rows, kernelBatch in
      ck_training_gradients(
        pool?.handle, &layout, rows, kernelBatch, store.values.baseAddress!, memory.base, gradients)
    }
    batch.differentiateOthers(in: store)
  }

  /// One optimiser step on all weights and biases, and the gradients of all else into the store; `decays` holds one
  /// coupled decay per layer.
  func step(
    of batch: any TrainingBatch, _ adam: ck_adam, decays: UnsafePointer<Float>?,
    firstMoments: UnsafeMutablePointer<Float>, secondMoments: UnsafeMutablePointer<Float>
  ) {
    var adam = adam
    withKernelBatch(batch) { rows, kernelBatch in
      ck_training_step(
        pool?.handle, &layout, rows, kernelBatch, &adam, decays, network.store.values.baseAddress!, firstMoments,
        secondMoments, memory.base)
    }
    batch.differentiateOthers(in: network.store)
  }

  private func withKernelBatch(_ batch: any TrainingBatch, _ body: (Int64, UnsafePointer<ck_training_batch>) -> Void) {
    if batch.rows > capacity {
      capacity = batch.rows
      memory = FloatBuffer(count: Int(ck_training_memory(pool?.handle, &layout, Int64(capacity))))
    }
    var batch = batch
    withUnsafeMutablePointer(to: &batch) { context in
      var kernelBatch = ck_training_batch(
        context: context,
        inputs: { context, member, inputs in
          NetworkTraining.batch(context).fillInputs(of: Int(member), inputs!)
        },
        loss: { context, member, output, gradient in
          NetworkTraining.batch(context).differentiate(Int(member), output: output!, gradient: gradient!)
        })
      body(Int64(context.pointee.rows), &kernelBatch)
    }
  }

  private static func batch(_ context: UnsafeMutableRawPointer?) -> any TrainingBatch {
    context!.assumingMemoryBound(to: (any TrainingBatch).self).pointee
  }
}
