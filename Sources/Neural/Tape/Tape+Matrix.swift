import CKernels
import Support

extension Tape {
  /// activation(x·Wᵀ + bias) per member.
  ///
  /// x [B or 1, rows, inputs], weight [B or 1, outputs, inputs] (PyTorch's layout), bias [B or 1, 1, outputs] → [B,
  /// rows, outputs]. A batch of 1 is shared by all members.
  package func linear(_ x: Tensor, weight: Tensor, bias: Tensor?, activation: Activation = .identity) -> Tensor {
    let batch = max(x.batch, weight.batch)
    precondition(
      x.columns == weight.columns && (x.batch == batch || x.batch == 1)
        && (weight.batch == batch || weight.batch == 1),
      "linear: weight \(weight.shape) does not fit \(x.shape)")
    if let bias {
      precondition(
        bias.columns == weight.rows && bias.rows == 1 && (bias.batch == batch || bias.batch == 1),
        "linear: bias \(bias.shape) does not fit weight \(weight.shape)")
    }
    var result = makeNode(.linear, batch, x.rows, weight.rows, x, weight, bias)
    result.kernel = activation.kernelCode
    if result.requiresGradient && activation != .identity { result.saved = allocate(result.count) }
    let product = Product(nodes[x.index], nodes[weight.index], bias.map { nodes[$0.index] }, result)
    if activation == .identity && batch == 1, let turned = turned(nodes[weight.index], rows: x.rows) {
      start(x.rows, weight.rows, from: bias.map { UnsafePointer(nodes[$0.index].values) }, result.values)
      ck_linear_input_gradient(
        pool?.handle, 1, product.rows, product.outputs, product.inputs, nodes[x.index].values, turned, 0, result.values,
        product.rows * product.outputs, 1)
      return append(result)
    }
    ck_linear(
      pool?.handle, product.batch, product.rows, product.inputs, product.outputs, nodes[x.index].values,
      product.xStride, nodes[weight.index].values, product.weightStride,
      bias.map { UnsafePointer(nodes[$0.index].values) }, product.biasStride, result.kernel, result.saved,
      result.values)
    return append(result)
  }

  /// x·Wᵀ + bias, [1, rows, outputs], where it has been computed before, without an activation: a node to go back from.
  /// The numbers are borrowed.
  package func linear(_ x: Tensor, weight: Tensor, bias: Tensor?, computed: Rows) -> Tensor {
    precondition(
      computed.columnStride == 1 && computed.rowStride == computed.columns && x.batch == 1 && weight.batch == 1
        && x.columns == weight.columns && computed.count == x.rows && computed.columns == weight.rows,
      "linear: \(computed.count)×\(computed.columns) numbers are not those of \(weight.shape) and \(x.shape)")
    var result = makeNode(
      .linear, 1, x.rows, weight.rows, x, weight, bias, values: UnsafeMutablePointer(mutating: computed.base))
    result.kernel = Activation.identity.kernelCode
    return append(result)
  }

  func backwardLinear(_ index: Int, _ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    let (x, weight) = (nodes[Int(node.first)], nodes[Int(node.second)])
    let bias = node.third >= 0 ? nodes[Int(node.third)] : nil
    let product = Product(x, weight, bias, node)
    // All targets first: scratch memory lies above them. No two of the three can be the same node unless the shapes
    // allow it, and then the writes below come in the order of these lines.
    let inputTarget = gradientTarget(node.first)
    let areLater = postponesWeights(of: index)
    let weightTarget = areLater ? nil : gradientTarget(node.second)
    let biasTarget = areLater ? nil : gradientTarget(node.third)
    withScratch(node.saved == nil ? 0 : node.count) { scratch in
      var dz = gradient
      if let z = node.saved {
        dz = scratch
        activationGradient(node.kernel, node.count, z, gradient, GradientTarget(pointer: dz, accumulates: false))
      }
      if let target = inputTarget {
        ck_linear_input_gradient(
          pool?.handle, product.batch, product.rows, product.inputs, product.outputs, dz, weight.values,
          product.weightStride, target.pointer, product.xStride, target.accumulate)
      }
      if let target = weightTarget {
        // One call makes both where both are wanted in the same way.
        let isJoint = biasTarget.map { $0.accumulates == target.accumulates } ?? false
        ck_linear_weight_gradient(
          pool?.handle, product.batch, product.rows, product.inputs, product.outputs, dz, x.values, product.xStride,
          target.pointer, product.weightStride, isJoint ? biasTarget?.pointer : nil, product.biasStride,
          target.accumulate)
        if isJoint { return }
      }
      if let target = biasTarget { sumRows(dz, node, product.biasStride != 0, target) }
    }
  }

  /// Column sums per member (or over all members), rows ascending.
  private func sumRows(_ dz: UnsafePointer<Float>, _ node: Node, _ isPerMember: Bool, _ target: GradientTarget) {
    let (rows, columns) = (node.rows, node.columns)
    for member in 0..<node.batch {
      let sums = target.pointer + (isPerMember ? member * columns : 0)
      if !target.accumulates && (isPerMember || member == 0) { sums.update(repeating: 0, count: columns) }
      for row in 0..<rows {
        let values = dz + (member * rows + row) * columns
        for column in 0..<columns { sums[column] += values[column] }
      }
    }
  }
}

/// Sizes and strides of one `linear` node, as the kernels take them.
private struct Product {
  let batch, rows, inputs, outputs: Int64
  /// Floats from one member to the next; 0 where all share one.
  let xStride, weightStride, biasStride: Int64

  init(_ x: Node, _ weight: Node, _ bias: Node?, _ result: Node) {
    batch = Int64(result.batch)
    rows = Int64(result.rows)
    inputs = Int64(x.columns)
    outputs = Int64(result.columns)
    xStride = x.batch == 1 ? 0 : Int64(x.rows * x.columns)
    weightStride = weight.batch == 1 ? 0 : Int64(weight.rows * weight.columns)
    biasStride = (bias?.batch ?? 1) == 1 ? 0 : outputs
  }
}
