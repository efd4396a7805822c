import CKernels

/// A second form of an ensemble for the fused roll-out kernel, for planners with `precision` "bfloat16": the weights of
/// every layer but the first are rounded to bfloat16, and the kernel rounds those layers' inputs likewise.
///
/// The first layer stays in float32: it reads the observation itself, whose changes per step are often smaller than
/// bfloat16's 1/256, and is too narrow to cost much. Sums, biases, activations, sampling and everything after the
/// networks stay in float32, too.
final class ReducedEnsembleKernel {
  let pointer: UnsafeMutablePointer<ck_ensemble>
  /// Per layer but the first [members, outputs, ⌈inputs/2⌉].
  private var pairs: [UnsafeMutableBufferPointer<UInt32>] = []

  /// - Parameter kernel: the same networks in float32, which must outlive this.
  init(_ kernel: UnsafePointer<ck_ensemble>) {
    pointer = .allocate(capacity: 1)
    pointer.initialize(to: kernel.pointee)
    for layer in 1..<max(Int(kernel.pointee.layers), 1) {
      let (rows, columns) = ReducedEnsembleKernel.shape(kernel, layer)
      pairs.append(.allocate(capacity: rows * ((columns + 1) / 2)))
    }
    refresh(kernel)
  }

  deinit {
    pointer.deallocate()
    for memory in pairs { memory.deallocate() }
  }

  /// Takes over what a fit or a checkpoint changed.
  func refresh(_ kernel: UnsafePointer<ck_ensemble>) {
    pointer.pointee = kernel.pointee
    var copy = kernel.pointee
    withUnsafeBytes(of: &copy.weights) { bytes in
      let weights = bytes.bindMemory(to: UnsafePointer<Float>?.self)
      for (place, memory) in pairs.enumerated() {
        let (rows, columns) = ReducedEnsembleKernel.shape(kernel, place + 1)
        ck_bfloat16_pairs(Int64(rows), Int64(columns), weights[place + 1], memory.baseAddress)
      }
    }
    withUnsafeMutableBytes(of: &pointer.pointee.pairs) { bytes in
      let layers = bytes.bindMemory(to: UnsafePointer<UInt32>?.self)
      for (place, memory) in pairs.enumerated() { layers[place + 1] = UnsafePointer(memory.baseAddress) }
    }
  }

  /// Rows of a layer's weights, all members together, and columns.
  private static func shape(_ kernel: UnsafePointer<ck_ensemble>, _ layer: Int) -> (rows: Int, columns: Int) {
    var copy = kernel.pointee
    return withUnsafeBytes(of: &copy.widths) { bytes in
      let widths = bytes.bindMemory(to: Int32.self)
      return (Int(kernel.pointee.members) * Int(widths[layer + 1]), Int(widths[layer]))
    }
  }
}
