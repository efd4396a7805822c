import CKernels

extension Tape {
  /// The gates of a GRU cell (Cho et al. 2014, in PyTorch's form) from the products of its two dense layers.
  ///
  /// fromInput, fromHidden [batch, rows, 3·size], columns in the order reset, update, new, biases included; hidden
  /// [batch, rows, size] → the next hidden state:
  /// r = σ(xᵣ + hᵣ), z = σ(x_z + h_z), n = tanh(xₙ + r·hₙ), h' = (1 − z)·n + z·h.
  package func gruGates(fromInput: Tensor, fromHidden: Tensor, hidden: Tensor) -> Tensor {
    precondition(
      fromInput.hasShape(fromHidden) && fromInput.columns == 3 * hidden.columns && fromInput.rows == hidden.rows
        && fromInput.batch == hidden.batch,
      "gruGates: \(fromInput.shape) and \(fromHidden.shape) do not fit hidden \(hidden.shape)")
    var result = makeNode(.gruGates, hidden.batch, hidden.rows, hidden.columns, fromInput, fromHidden, hidden)
    let (rows, size) = (hidden.batch * hidden.rows, hidden.columns)
    let (x, h, old) = (nodes[fromInput.index].values, nodes[fromHidden.index].values, nodes[hidden.index].values)
    // saved: r, z and n of all rows, one after the other.
    let reset = allocate(3 * rows * size)
    let (update, new) = (reset + rows * size, reset + 2 * rows * size)
    result.saved = reset
    for row in 0..<rows {
      let (x, h) = (x + row * 3 * size, h + row * 3 * size)
      for index in 0..<size {
        reset[row * size + index] = x[index] + h[index]
        update[row * size + index] = x[size + index] + h[size + index]
      }
    }
    ck_activation(Int32(CK_SIGMOID), Int64(2 * rows * size), reset, reset)
    for row in 0..<rows {
      let (x, h) = (x + (row * 3 + 2) * size, h + (row * 3 + 2) * size)
      for index in 0..<size { new[row * size + index] = x[index] + reset[row * size + index] * h[index] }
    }
    ck_activation(Int32(CK_TANH), Int64(rows * size), new, new)
    for index in 0..<rows * size {
      result.values[index] = (1 - update[index]) * new[index] + update[index] * old[index]
    }
    return append(result)
  }

  func backwardGRUGates(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    let (rows, size) = (node.batch * node.rows, node.columns)
    let reset = node.saved!
    let (update, new) = (reset + rows * size, reset + 2 * rows * size)
    let (h, old) = (nodes[Int(node.second)].values, nodes[Int(node.third)].values)

    // Gradients before the non-linearities, by place in the flat [rows, size] order.
    func dnew(_ index: Int) -> Float { dy[index] * (1 - update[index]) * (1 - new[index] * new[index]) }
    func dupdate(_ index: Int) -> Float {
      dy[index] * (old[index] - new[index]) * update[index] * (1 - update[index])
    }
    func dreset(_ index: Int, _ hNew: Float) -> Float { dnew(index) * hNew * reset[index] * (1 - reset[index]) }

    for (input, isHidden) in [(node.first, false), (node.second, true)] {
      guard let target = gradientTarget(input) else { continue }
      for row in 0..<rows {
        let (start, wide) = (row * size, row * 3 * size)
        let hNew = h + wide + 2 * size
        target.advanced(by: wide).write(size) { dreset(start + $0, hNew[$0]) }
        target.advanced(by: wide + size).write(size) { dupdate(start + $0) }
        target.advanced(by: wide + 2 * size).write(size) {
          isHidden ? dnew(start + $0) * reset[start + $0] : dnew(start + $0)
        }
      }
    }
    gradientTarget(node.third)?.write(rows * size) { dy[$0] * update[$0] }
  }
}
