extension Tape {
  // MARK: Operations on two tensors
  //
  // The result has the first operand's shape; each dimension of the second is the same or 1 (broadcast).

  /// a + b
  package func add(_ a: Tensor, _ b: Tensor) -> Tensor { binary(.add, a, b) { $0 + $1 } }

  /// a − b
  package func subtract(_ a: Tensor, _ b: Tensor) -> Tensor { binary(.subtract, a, b) { $0 - $1 } }

  /// a·b
  package func multiply(_ a: Tensor, _ b: Tensor) -> Tensor { binary(.multiply, a, b) { $0 * $1 } }

  /// a/b
  package func divide(_ a: Tensor, _ b: Tensor) -> Tensor { binary(.divide, a, b) { $0 / $1 } }

  /// The smaller one; the gradient goes to it, or half to each where they are equal. A NaN on either side wins.
  package func minimum(_ a: Tensor, _ b: Tensor) -> Tensor {
    binary(.minimum, a, b) { $0 < $1 || $0.isNaN ? $0 : $1 }
  }

  /// The larger one; the gradient goes to it, or half to each where they are equal. A NaN on either side wins.
  package func maximum(_ a: Tensor, _ b: Tensor) -> Tensor {
    binary(.maximum, a, b) { $0 > $1 || $0.isNaN ? $0 : $1 }
  }

  @inline(__always)
  private func binary(_ operation: Operation, _ a: Tensor, _ b: Tensor, _ value: (Float, Float) -> Float) -> Tensor {
    precondition(
      (b.batch == a.batch || b.batch == 1) && (b.rows == a.rows || b.rows == 1)
        && (b.columns == a.columns || b.columns == 1),
      "\(operation): \(b.shape) does not fit \(a.shape)")
    let node = makeNode(operation, a.batch, a.rows, a.columns, a, b)
    let (x, y, result) = (nodes[a.index].values, nodes[b.index].values, node.values)
    Spans(node, nodes[b.index]).forEach { start, other, count, isScalar in
      if isScalar {
        let right = y[other]
        for index in start..<start + count { result[index] = value(x[index], right) }
      } else {
        for index in 0..<count { result[start + index] = value(x[start + index], y[other + index]) }
      }
    }
    return append(node)
  }

  // MARK: Backward

  func backwardBinary(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    switch node.operation {
    case .add: backwardBinary(node, gradient, { dy, _, _ in dy }, { dy, _, _ in dy })
    case .subtract: backwardBinary(node, gradient, { dy, _, _ in dy }, { dy, _, _ in -dy })
    case .multiply: backwardBinary(node, gradient, { dy, _, b in dy * b }, { dy, a, _ in dy * a })
    case .divide: backwardBinary(node, gradient, { dy, _, b in dy / b }, { dy, a, b in -dy * a / (b * b) })
    case .minimum:
      backwardBinary(
        node, gradient, { dy, a, b in a < b ? dy : (a == b ? 0.5 * dy : 0) },
        { dy, a, b in b < a ? dy : (a == b ? 0.5 * dy : 0) })
    case .maximum:
      backwardBinary(
        node, gradient, { dy, a, b in a > b ? dy : (a == b ? 0.5 * dy : 0) },
        { dy, a, b in b > a ? dy : (a == b ? 0.5 * dy : 0) })
    default: preconditionFailure("\(node.operation) is not a function of two tensors")
    }
  }

  /// `left` and `right` give an element's contribution to either operand from (dy, a, b). Where the second operand
  /// was broadcast its contributions are added in ascending order of the result's elements.
  @inline(__always)
  private func backwardBinary(
    _ node: Node, _ dy: UnsafeMutablePointer<Float>, _ left: (Float, Float, Float) -> Float,
    _ right: (Float, Float, Float) -> Float
  ) {
    let second = nodes[Int(node.second)]
    let (x, y) = (nodes[Int(node.first)].values, second.values)
    let spans = Spans(node, second)
    if let target = gradientTarget(node.first) {
      spans.forEach { start, other, count, isScalar in
        let (target, dy, x, y) = (target.advanced(by: start), dy + start, x + start, y + other)
        // Two loops, for the compiler finds no vectors in one with a stride that it does not know.
        if isScalar {
          let b = y[0]
          target.write(count) { left(dy[$0], x[$0], b) }
        } else {
          target.write(count) { left(dy[$0], x[$0], y[$0]) }
        }
      }
    }
    if second.count == node.count {
      guard let target = gradientTarget(node.second) else { return }
      target.write(node.count) { right(dy[$0], x[$0], y[$0]) }
    } else {
      guard let dother = addingTarget(node.second) else { return }
      spans.forEach { start, other, count, isScalar in
        if isScalar {
          var sum = dother[other]
          for index in start..<start + count { sum += right(dy[index], x[index], y[other]) }
          dother[other] = sum
        } else {
          for index in 0..<count {
            dother[other + index] += right(dy[start + index], x[start + index], y[other + index])
          }
        }
      }
    }
  }
}

/// How a broadcast operand lies against a result: runs of elements that meet either a run or a single element of it.
private struct Spans {
  private let batch, rows, columns: Int
  private let batchStride, rowStride: Int
  private let isScalar: Bool

  init(_ result: Node, _ other: Node) {
    isScalar = other.columns == 1 && result.columns > 1
    rowStride = other.rows == 1 ? 0 : other.columns
    batchStride = other.batch == 1 ? 0 : other.rows * other.columns
    if other.count == result.count {
      (batch, rows, columns) = (1, 1, result.count)
    } else if other.rows == result.rows && !isScalar {
      (batch, rows, columns) = (result.batch, 1, result.rows * result.columns)
    } else {
      (batch, rows, columns) = (result.batch, result.rows, result.columns)
    }
  }

  /// Calls `body` with the run's start in the result, its start in the other operand, its length, and whether the
  /// other operand gives one element for the whole run; in ascending order.
  @inline(__always)
  func forEach(_ body: (_ start: Int, _ other: Int, _ count: Int, _ isScalar: Bool) -> Void) {
    var start = 0
    for member in 0..<batch {
      for row in 0..<rows {
        body(start, member * batchStride + row * rowStride, columns, isScalar)
        start += columns
      }
    }
  }
}
