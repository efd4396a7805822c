import CKernels
import Support

/// Training steps of an ensemble of perceptrons by fused kernels: the same numbers as the tape, to the bit, in less time.
///
/// The loss stays on a tape, for it is small and takes many forms:
///
///     let output = training.forward(rows: 32, on: tape) { inputs in … }
///     tape.backward(loss(output))
///     training.backward(from: output, on: tape)
///     adam.step(store, through: training)
package final class NetworkTraining {
  private let network: MLP
  private let pool: ComputePool?
  private var layout: ck_network
  private var memory: FloatBuffer
  private var inputs: FloatBuffer
  private var rows = 0
  private var capacity = 0
  private var outputGradient: UnsafePointer<Float>?
  /// Which parameters of the store are the network's.
  private let isOwn: [Bool]

  /// Training of `network` on the threads of `pool`.
  package init(_ network: MLP, pool: ComputePool?) {
    self.network = network
    self.pool = pool
    memory = FloatBuffer(count: 0)
    inputs = FloatBuffer(count: 0)
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
    // C arrays arrive in Swift as tuples; their elements lie one after the other.
    withUnsafeMutableBytes(of: &layout.widths) { bytes in
      for (place, width) in widths.enumerated() { bytes.bindMemory(to: Int32.self)[place] = Int32(width) }
    }
    withUnsafeMutableBytes(of: &layout.weights) { bytes in
      for (place, layer) in network.layers.enumerated() {
        bytes.bindMemory(to: Int64.self)[place] = Int64(layer.weight.offset)
      }
    }
    withUnsafeMutableBytes(of: &layout.biases) { bytes in
      for (place, layer) in network.layers.enumerated() {
        bytes.bindMemory(to: Int64.self)[place] = Int64(layer.bias.offset)
      }
    }
    network.store.seal()
  }

  /// `fill` writes the inputs [members, rows, inputs]; the result [members, rows, outputs] is a variable of the tape.
  package func forward(
    rows: Int, on tape: Tape, fill: (UnsafeMutableBufferPointer<Float>) -> Void
  ) -> Tensor {
    let columns = network.linears[0].weight.columns
    if rows > capacity {
      capacity = rows
      inputs = FloatBuffer(count: network.members * rows * columns)
      memory = FloatBuffer(count: Int(ck_training_memory(&layout, Int64(rows))))
    }
    self.rows = rows
    fill(UnsafeMutableBufferPointer(start: inputs.base, count: network.members * rows * columns))
    let outputs = network.linears[network.linears.count - 1].weight.rows
    return tape.variable(batch: network.members, rows: rows, columns: outputs) { output in
      ck_training_forward(
        pool?.handle, &layout, Int64(rows), network.store.values.baseAddress!, inputs.base, output.baseAddress!,
        memory.base)
    }
  }

  /// Begins the way back from the output's gradient on the tape: the optimiser's step, or `storeGradients`, goes it, for
  /// member by member is faster than the whole way back and then all weights. The tape may not be rewound before.
  package func backward(from output: Tensor, on tape: Tape) {
    outputGradient = UnsafePointer(tape.gradient(output).baseAddress!)
  }

  /// The gradient that the way back begins from, once.
  private func takeOutputGradient() -> UnsafePointer<Float> {
    defer { outputGradient = nil }
    guard let outputGradient else { preconditionFailure("a step follows a way back, and ends it") }
    return outputGradient
  }

  /// Whether a parameter of the store belongs to the network.
  func owns(_ parameter: Parameter) -> Bool { isOwn[parameter.index] }

  /// Writes the gradients of all weights and biases into the store, over what is there.
  package func storeGradients() {
    let store = network.store
    for parameter in store.parameters where owns(parameter) {
      _ = store.gradientTarget(parameter.index, store.gradientMemory(of: parameter))
    }
    ck_training_gradients(
      pool?.handle, &layout, Int64(rows), store.values.baseAddress!, takeOutputGradient(), memory.base,
      store.gradients.baseAddress!)
  }

  /// One optimiser step on all weights and biases; `decays` holds one coupled decay per layer.
  func step(
    _ adam: ck_adam, decays: UnsafePointer<Float>?, firstMoments: UnsafeMutablePointer<Float>,
    secondMoments: UnsafeMutablePointer<Float>
  ) {
    var adam = adam
    ck_training_step(
      pool?.handle, &layout, Int64(rows), takeOutputGradient(), memory.base, &adam, decays,
      network.store.values.baseAddress!, firstMoments, secondMoments)
  }
}
