import CKernels

extension Tape {
  /// Rows from which on a whole network is worth one node: below them a tile of rows is not full.
  private static let fewestRows = 32

  /// Whether such a network is worth one node.
  func canFuse(_ network: NetworkLayout, _ x: Tensor) -> Bool {
    network.kernel.layers > 0 && x.rows >= Tape.fewestRows && (x.batch == 1 || x.batch == network.members)
  }

  /// A whole network as one node: a tile of rows goes through all layers while it is in cache, and only what the way
  /// back needs is kept. As `linear` layer by layer, to the bit; back goes one pass only.
  ///
  /// x [members or 1, rows, inputs] → [members, rows, outputs]. Frozen, the parameters take no gradient.
  func network(_ network: NetworkLayout, _ x: Tensor, frozen: Bool) -> Tensor {
    precondition(x.columns == network.inputs, "a network of \(network.inputs) inputs does not fit \(x.shape)")
    let trains = recordsGradients && !frozen && !freezesParameters
    var result = Node(
      operation: .network, requiresGradient: recordsGradients && (trains || node(x).requiresGradient),
      batch: network.members, rows: x.rows, columns: network.outputs,
      values: allocate(network.members * x.rows * network.outputs))
    result.first = Int32(x.index)
    result.kernel = Int32(!result.requiresGradient ? CK_KEEP_NOTHING : trains ? CK_KEEP_ALL : CK_KEEP_SLOPES)
    (result.start, result.length) = (networks.count, leadingConstants(x))
    network.store.seal()
    networks.append(network)
    withUnsafePointer(to: network.kernel) { layout in
      if result.requiresGradient { result.saved = allocate(Int(ck_network_memory(layout, Int64(x.rows)))) }
      ck_network_forward(
        pool?.handle, layout, Int64(x.rows), nodes[x.index].values,
        x.batch == 1 ? 0 : Int64(x.rows * x.columns), network.store.values.baseAddress!, result.kernel, result.saved,
        result.values)
    }
    return append(result)
  }

  /// Columns of a concatenation before the first that takes a gradient.
  private func leadingConstants(_ x: Tensor) -> Int {
    let node = nodes[x.index]
    guard node.operation == .concatenateColumns, node.requiresGradient else { return 0 }
    var columns = 0
    for place in node.start..<node.start + node.length {
      let operand = nodes[Int(operands[place])]
      if operand.requiresGradient { break }
      columns += operand.columns
    }
    return columns
  }

  func backwardNetwork(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    let (network, x) = (networks[node.start], nodes[Int(node.first)])
    let inputs = gradientTarget(node.first)
    var parameters: (memory: UnsafeMutablePointer<Float>, accumulates: Bool)?
    if node.kernel == Int32(CK_KEEP_ALL) {
      precondition(!keepsGradients, "a fused network's gradients are not kept on the tape")
      parameters = destination(of: network.store).target(of: network.parameters)
    }
    withUnsafePointer(to: network.kernel) { layout in
      ck_network_backward(
        pool?.handle, layout, Int64(node.rows), gradient, network.store.values.baseAddress!, node.saved,
        parameters?.memory, parameters?.accumulates == true ? 1 : 0, inputs?.pointer, x.batch == 1 ? 1 : 0,
        Int64(node.length), inputs?.accumulate ?? 0)
    }
  }
}
