import CKernels

extension Tape {
  /// Computes the gradients of `root` with respect to everything that it depends on.
  ///
  /// Parameters' gradients are added into their stores; those of other nodes are started afresh, so several losses
  /// may be differentiated on one recording.
  /// - Parameters:
  ///   - root: a loss [1, 1, 1], or any tensor of which `seed` is the gradient.
  ///   - seed: as many numbers as `root` has; nil: 1.
  ///   - keeping: leaves the parameters' gradients on the tape, for `addGradients`: several threads can differentiate
  ///     at once, each on its tape, and their sums have one order all the same.
  package func backward(_ root: Tensor, seed: UnsafeBufferPointer<Float>? = nil, keeping: Bool = false) {
    precondition(
      seed?.count ?? 1 == root.count, "\(seed?.count ?? 1) numbers to start from, for \(root.shape)")
    precondition(node(root).requiresGradient, "\(root.shape) depends on nothing that takes a gradient")
    for index in 0...root.index { (nodes[index].gradient, nodes[index].isHandedOn) = (nil, false) }
    keepsGradients = keeping
    gradientTarget(Int32(root.index))?.write(root.count) { seed?[$0] ?? 1 }
    var index = root.index
    while index >= 0 {
      let node = nodes[index]
      if node.requiresGradient, let gradient = node.gradient { propagate(index, node, gradient) }
      index -= 1
    }
    addPostponedGradients()
  }

  /// Adds the parameters' gradients that a backward pass has kept into their stores.
  package func addGradients() {
    for node in nodes where node.operation == .parameter {
      guard let gradient = node.gradient else { continue }
      let parameter = stores[node.start].parameters[node.length]
      destination(of: stores[node.start]).target(parameter).write(node.count) { gradient[$0] }
    }
  }

  /// Passes a node's complete gradient on to its inputs.
  private func propagate(_ index: Int, _ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    switch node.operation {
    case .constant, .variable, .parameter, .detached: break
    case .linear: backwardLinear(index, node, gradient)
    case .blockLinear: backwardBlockLinear(index, node, gradient)
    case .network: backwardNetwork(node, gradient)
    case .activation, .scale, .addScalar, .exp, .log, .sqrt, .square, .sin, .cos, .clamp, .reshape:
      backwardUnary(node, gradient)
    case .add, .subtract, .multiply, .divide, .minimum, .maximum: backwardBinary(node, gradient)
    case .concatenateColumns: backwardConcatenateColumns(node, gradient)
    case .concatenateRows: backwardConcatenateRows(node, gradient)
    case .columns: backwardColumns(node, gradient)
    case .rows: backwardRows(node, gradient)
    case .gatherRows: backwardGatherRows(node, gradient)
    case .broadcastBatch: backwardBroadcastBatch(node, gradient)
    case .sum: backwardSum(node, gradient)
    case .sumColumns: backwardSumColumns(node, gradient)
    case .meanRows: backwardMeanRows(node, gradient)
    case .meanBatch: backwardMeanBatch(node, gradient)
    case .softmax, .straightThroughSample: backwardSoftmax(node, gradient)
    case .logSoftmax: backwardLogSoftmax(node, gradient)
    case .softmaxCrossEntropy: backwardSoftmaxCrossEntropy(node, gradient)
    case .categoricalKL: backwardCategoricalKL(node, gradient)
    case .boundedLogVariance: backwardBoundedLogVariance(node, gradient)
    case .gaussianNLL: backwardGaussianNLL(node, gradient)
    case .meanSquaredError: backwardMeanSquaredError(node, gradient)
    case .normalized: backwardNormalized(node, gradient)
    case .layerNorm, .rmsNorm: backwardNorm(node, gradient)
    case .normSiLU: backwardNormSiLU(node, gradient)
    case .gruGates: backwardGRUGates(node, gradient)
    case .blockGRU: backwardBlockGRU(node, gradient)
    case .oneHotSample: backwardOneHotSample(node, gradient)
    case .balancedKL: backwardBalancedKL(node, gradient)
    case .twoHotLoss: backwardTwoHotLoss(node, gradient)
    case .twoHotMean: backwardTwoHotMean(node, gradient)
    case .frames: backwardFrames(node, gradient)
    case .frameRows: backwardFrameRows(node, gradient)
    case .convolution, .upsampledConvolution, .pooledConvolution: backwardConvolution(node, gradient)
    case .maxPool: backwardMaxPool(node, gradient)
    case .upsample: backwardUpsample(node, gradient)
    case .channelNormSiLU: backwardChannelNormSiLU(index, node, gradient)
    case .pictureLoss: backwardPictureLoss(node, gradient)
    case .patchConvolution: backwardPatchConvolution(node, gradient)
    }
  }

  /// Where the gradient of an input goes; nil where it takes none. Whoever asks has to write all of it (with
  /// `accumulates`: add to it) before asking for the next input, which may be the same node.
  func gradientTarget(_ index: Int32) -> GradientTarget? {
    guard index >= 0 else { return nil }
    let index = Int(index)
    let node = nodes[index]
    guard node.requiresGradient else { return nil }
    if node.operation == .parameter && !keepsGradients {
      return destination(of: stores[node.start]).target(stores[node.start].parameters[node.length])
    }
    if let gradient = node.gradient { return GradientTarget(pointer: gradient, accumulates: true) }
    let gradient = allocate(node.count)
    nodes[index].gradient = gradient
    return GradientTarget(pointer: gradient, accumulates: false)
  }

  /// Makes the memory of a node's gradient, in which its rule has put what goes to an input, that input's gradient, or
  /// adds it there. Of the node itself there is none any more.
  func handOn(_ gradient: UnsafeMutablePointer<Float>, of index: Int, to input: Int32) {
    (nodes[index].gradient, nodes[index].isHandedOn) = (nil, true)
    let node = nodes[Int(input)]
    if node.gradient == nil, node.requiresGradient, node.operation != .parameter {
      nodes[Int(input)].gradient = gradient
    } else {
      gradientTarget(input)?.write(node.count) { gradient[$0] }
    }
  }

  /// Like `gradientTarget`, but zeros are written where it is new: for rules that only ever add.
  func addingTarget(_ index: Int32) -> UnsafeMutablePointer<Float>? {
    guard let target = gradientTarget(index) else { return nil }
    if !target.accumulates { target.pointer.update(repeating: 0, count: nodes[Int(index)].count) }
    return target.pointer
  }
}

extension GradientTarget {
  /// The part from `offset` on.
  @inline(__always)
  func advanced(by offset: Int) -> GradientTarget {
    GradientTarget(pointer: pointer + offset, accumulates: accumulates)
  }

  /// Sets or adds `value(i)` for every element in 0..<count.
  @inline(__always)
  func write(_ count: Int, _ value: (Int) -> Float) {
    let pointer = pointer
    if accumulates {
      for index in 0..<count { pointer[index] += value(index) }
    } else {
      for index in 0..<count { pointer[index] = value(index) }
    }
  }
}
