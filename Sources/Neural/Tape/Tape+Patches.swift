import CKernels
import Support

extension Tape {
  /// activation(convolution + bias) of pictures as rows [1, pictures, height·width·channels] → [1, pictures, output
  /// height·output width·outputs], pixel after pixel, channels together. weight [1, outputs, channels·kernel²]
  /// (PyTorch's [outputs, channels, kernel, kernel]), bias [1, 1, outputs].
  package func convolution(
    _ x: Tensor, _ shape: PatchConvolution, weight: Tensor, bias: Tensor, activation: Activation = .identity
  ) -> Tensor {
    precondition(
      x.batch == 1 && x.columns == shape.inputSize && weight.batch == 1 && weight.rows == shape.outputs
        && weight.columns == shape.patchSize && bias.count == shape.outputs,
      "convolution: \(x.shape), weight \(weight.shape) and bias \(bias.shape) do not fit")
    var node = makeNode(.patchConvolution, 1, x.rows, shape.outputSize, x, weight, bias)
    (node.start, node.length, node.low, node.high) = (
      shape.height, shape.width, Float(shape.kernel), Float(shape.stride)
    )
    node.kernel = activation.kernelCode
    // saved: the weights as patches have them, and what the activation saw, where its result does not tell its slope.
    let keeps = node.requiresGradient && PatchConvolution.keepsSums(activation.kernelCode)
    let packed = allocate(shape.packed + (keeps ? node.count : 0))
    node.saved = packed
    shape.pack(nodes[weight.index].values, into: packed)
    withScratch(shape.scratch(threads: pool?.threads ?? 1)) { scratch in
      shape.convolve(
        pool, x.rows, nodes[x.index].values, packed: packed, bias: nodes[bias.index].values, activation: node.kernel,
        z: keeps ? packed + shape.packed : nil, y: node.values, scratch: scratch)
    }
    return append(node)
  }

  func backwardPatchConvolution(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    let (x, weight) = (nodes[Int(node.first)], nodes[Int(node.second)])
    let kernel = Int(node.low)
    let shape = PatchConvolution(
      height: node.start, width: node.length, channels: weight.columns / (kernel * kernel), outputs: weight.rows,
      kernel: kernel, stride: Int(node.high))
    let dx = addingTarget(node.first)
    let (dw, db) = (addingTarget(node.second), addingTarget(node.third))
    let threads = pool?.threads ?? 1
    let z = PatchConvolution.keepsSums(node.kernel) ? node.saved! + shape.packed : node.values
    withScratch(shape.scratchBack(threads: threads, count: node.rows)) { scratch in
      shape.convolveBack(
        pool, node.rows, x.values, packed: node.saved!, dy: dy, activation: node.kernel, z: z, dx: dx, weight: dw,
        bias: db, scratch: scratch, threads: threads)
    }
  }
}

extension PatchConvolution {
  /// Whether the way back needs what an activation saw: the slopes of ReLU, and of none, are told by the result.
  fileprivate static func keepsSums(_ activation: Int32) -> Bool {
    activation != Activation.identity.kernelCode && activation != Activation.relu.kernelCode
  }
}
