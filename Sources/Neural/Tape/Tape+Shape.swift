extension Tape {
  /// Tensors of equal batch and rows side by side.
  package func concatenateColumns(_ tensors: [Tensor]) -> Tensor {
    tensors.withUnsafeBufferPointer(concatenate)
  }

  /// Two or three of them, without an array.
  package func concatenateColumns(_ first: Tensor, _ second: Tensor, _ third: Tensor? = nil) -> Tensor {
    withUnsafeTemporaryAllocation(of: Tensor.self, capacity: 3) { list in
      list.initializeElement(at: 0, to: first)
      list.initializeElement(at: 1, to: second)
      if let third { list.initializeElement(at: 2, to: third) }
      return concatenate(UnsafeBufferPointer(rebasing: list[..<(third == nil ? 2 : 3)]))
    }
  }

  private func concatenate(_ tensors: UnsafeBufferPointer<Tensor>) -> Tensor {
    precondition(!tensors.isEmpty, "concatenateColumns of nothing")
    let (batch, rows) = (tensors[0].batch, tensors[0].rows)
    var columns = 0
    for tensor in tensors {
      precondition(
        tensor.batch == batch && tensor.rows == rows,
        "concatenateColumns: \(tensor.shape) beside \(tensors[0].shape)")
      columns += tensor.columns
    }
    let result = makeJoined(.concatenateColumns, batch, rows, columns, tensors)
    var start = 0
    for tensor in tensors {
      copyBlock(
        nodes[tensor.index].values, tensor.columns, to: result.values + start, columns, batch * rows, tensor.columns)
      start += tensor.columns
    }
    return append(result)
  }

  /// Tensors of batch 1 and equal columns one below the other.
  package func concatenateRows(_ tensors: [Tensor]) -> Tensor {
    precondition(!tensors.isEmpty, "concatenateRows of nothing")
    var rows = 0
    for tensor in tensors {
      precondition(
        tensor.batch == 1 && tensor.columns == tensors[0].columns,
        "concatenateRows: \(tensor.shape) below \(tensors[0].shape)")
      rows += tensor.rows
    }
    let result = makeJoined(.concatenateRows, 1, rows, tensors[0].columns, tensors)
    var start = 0
    for tensor in tensors {
      (result.values + start).update(from: nodes[tensor.index].values, count: tensor.count)
      start += tensor.count
    }
    return append(result)
  }

  /// A node of any number of inputs, which stand in the list of operands.
  private func makeJoined(
    _ operation: Operation, _ batch: Int, _ rows: Int, _ columns: Int, _ tensors: some Collection<Tensor>
  ) -> Node {
    var result = makeNode(operation, batch, rows, columns, tensors.first!)
    result.start = operands.count
    result.length = tensors.count
    for tensor in tensors {
      operands.append(Int32(tensor.index))
      if recordsGradients && node(tensor).requiresGradient { result.requiresGradient = true }
    }
    return result
  }

  /// The columns in `range`; where that is all of them, x itself.
  package func columns(_ x: Tensor, _ range: Range<Int>) -> Tensor {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= x.columns && !range.isEmpty, "columns \(range) of \(x.shape)")
    guard range.count < x.columns else { return x }
    var result = makeNode(.columns, x.batch, x.rows, range.count, x)
    result.start = range.lowerBound
    copyBlock(
      nodes[x.index].values + range.lowerBound, x.columns, to: result.values, range.count, x.batch * x.rows,
      range.count)
    return append(result)
  }

  /// The rows in `range` of every member.
  package func rows(_ x: Tensor, _ range: Range<Int>) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= x.rows && !range.isEmpty, "rows \(range) of \(x.shape)")
    var result = makeNode(.rows, x.batch, range.count, x.columns, x)
    result.start = range.lowerBound
    copyBlock(
      nodes[x.index].values + range.lowerBound * x.columns, x.rows * x.columns, to: result.values,
      range.count * x.columns, x.batch, range.count * x.columns)
    return append(result)
  }

  /// Rows of x [1, rows, columns] in the order of `indices`, any of them as often as it stands there.
  package func gatherRows(_ x: Tensor, _ indices: [Int32]) -> Tensor {
    precondition(x.batch == 1 && !indices.isEmpty, "gatherRows of \(x.shape)")
    var result = makeNode(.gatherRows, 1, indices.count, x.columns, x)
    result.start = operands.count
    operands.append(contentsOf: indices)
    let values = nodes[x.index].values
    for (place, row) in indices.enumerated() {
      precondition(row >= 0 && row < x.rows, "row \(row) of \(x.shape)")
      (result.values + place * x.columns).update(from: values + Int(row) * x.columns, count: x.columns)
    }
    return append(result)
  }

  /// The members in `range` (of twin critics: one of the two).
  package func members(_ x: Tensor, _ range: Range<Int>) -> Tensor {
    let flat = reshape(x, batch: 1, rows: x.batch, columns: x.rows * x.columns)
    return reshape(rows(flat, range), batch: range.count, rows: x.rows, columns: x.columns)
  }

  /// The same elements in the same order under another shape; no copy.
  package func reshape(_ x: Tensor, batch: Int, rows: Int, columns: Int) -> Tensor {
    precondition(batch * rows * columns == x.count, "reshape \(x.shape) to [\(batch), \(rows), \(columns)]")
    return append(makeNode(.reshape, batch, rows, columns, x, values: node(x).values))
  }

  /// The same values, through which no gradient passes; no copy.
  package func detached(_ x: Tensor) -> Tensor {
    var result = makeNode(.detached, x.batch, x.rows, x.columns, x, values: node(x).values)
    result.requiresGradient = false
    return append(result)
  }

  /// [1, rows, columns] repeated for every member.
  package func broadcastBatch(_ x: Tensor, to batch: Int) -> Tensor {
    precondition(x.batch == 1, "broadcastBatch of \(x.shape)")
    let result = makeNode(.broadcastBatch, batch, x.rows, x.columns, x)
    for member in 0..<batch {
      (result.values + member * x.count).update(from: nodes[x.index].values, count: x.count)
    }
    return append(result)
  }

  // MARK: Backward

  func backwardConcatenateColumns(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    var start = 0
    for place in node.start..<node.start + node.length {
      let columns = nodes[Int(operands[place])].columns
      if let target = gradientTarget(operands[place]) {
        for row in 0..<node.batch * node.rows {
          let source = gradient + row * node.columns + start
          target.advanced(by: row * columns).write(columns) { source[$0] }
        }
      }
      start += columns
    }
  }

  func backwardConcatenateRows(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    var start = 0
    for place in node.start..<node.start + node.length {
      let (count, source) = (nodes[Int(operands[place])].count, gradient + start)
      gradientTarget(operands[place])?.write(count) { source[$0] }
      start += count
    }
  }

  func backwardColumns(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    let columns = nodes[Int(node.first)].columns
    guard let target = addingTarget(node.first) else { return }
    for row in 0..<node.batch * node.rows {
      let (source, destination) = (gradient + row * node.columns, target + row * columns + node.start)
      for column in 0..<node.columns { destination[column] += source[column] }
    }
  }

  func backwardRows(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    let rows = nodes[Int(node.first)].rows
    guard let target = addingTarget(node.first) else { return }
    let count = node.rows * node.columns
    for member in 0..<node.batch {
      let source = gradient + member * count
      let destination = target + (member * rows + node.start) * node.columns
      for index in 0..<count { destination[index] += source[index] }
    }
  }

  func backwardGatherRows(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    guard let target = addingTarget(node.first) else { return }
    for place in 0..<node.rows {
      let source = gradient + place * node.columns
      let destination = target + Int(operands[node.start + place]) * node.columns
      for column in 0..<node.columns { destination[column] += source[column] }
    }
  }

  func backwardBroadcastBatch(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    let count = node.rows * node.columns
    guard let target = addingTarget(node.first) else { return }
    for member in 0..<node.batch {
      let source = gradient + member * count
      for index in 0..<count { target[index] += source[index] }
    }
  }
}

/// Copies `rows` runs of `count` floats between memory of different row strides.
private func copyBlock(
  _ source: UnsafePointer<Float>, _ sourceStride: Int, to destination: UnsafeMutablePointer<Float>,
  _ destinationStride: Int, _ rows: Int, _ count: Int
) {
  for row in 0..<rows {
    (destination + row * destinationStride).update(from: source + row * sourceStride, count: count)
  }
}
