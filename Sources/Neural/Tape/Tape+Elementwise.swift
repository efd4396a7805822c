import CKernels
import Support

extension Tape {
  // MARK: Operations on one tensor; the result has its shape

  /// activation(x)
  package func activation(_ x: Tensor, _ activation: Activation) -> Tensor {
    guard activation != .identity else { return x }
    var node = makeNode(.activation, x.batch, x.rows, x.columns, x)
    node.kernel = activation.kernelCode
    ck_activation(node.kernel, Int64(node.count), nodes[x.index].values, node.values)
    return append(node)
  }

  /// x·factor
  package func scale(_ x: Tensor, by factor: Float) -> Tensor {
    unary(.scale, x, low: factor) { x, y, count in for index in 0..<count { y[index] = x[index] * factor } }
  }

  /// x + value
  package func addScalar(_ x: Tensor, _ value: Float) -> Tensor {
    unary(.addScalar, x) { x, y, count in for index in 0..<count { y[index] = x[index] + value } }
  }

  /// eˣ
  package func exp(_ x: Tensor) -> Tensor { unary(.exp, x, CK_EXP) }

  /// The natural logarithm.
  package func log(_ x: Tensor) -> Tensor { unary(.log, x, CK_LOG) }

  /// √x
  package func sqrt(_ x: Tensor) -> Tensor { unary(.sqrt, x, CK_SQRT) }

  /// x²
  package func square(_ x: Tensor) -> Tensor {
    unary(.square, x) { x, y, count in for index in 0..<count { y[index] = x[index] * x[index] } }
  }

  /// sin x, x in radians
  package func sin(_ x: Tensor) -> Tensor { unary(.sin, x, CK_SIN) }

  /// cos x, x in radians
  package func cos(_ x: Tensor) -> Tensor { unary(.cos, x, CK_COS) }

  /// x limited to [low, high]; the gradient is zero outside.
  package func clamp(_ x: Tensor, low: Float, high: Float) -> Tensor {
    precondition(low <= high, "clamp: \(low) > \(high)")
    return unary(.clamp, x, low: low, high: high) { x, y, count in
      // A NaN stays a NaN.
      for index in 0..<count { y[index] = x[index] < low ? low : (x[index] > high ? high : x[index]) }
    }
  }

  private func unary(_ operation: Operation, _ x: Tensor, _ kernel: Int) -> Tensor {
    unary(operation, x) { x, y, count in ck_unary(Int32(kernel), Int64(count), x, y) }
  }

  @inline(__always)
  private func unary(
    _ operation: Operation, _ x: Tensor, low: Float = 0, high: Float = 0,
    _ compute: (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  ) -> Tensor {
    var node = makeNode(operation, x.batch, x.rows, x.columns, x)
    node.low = low
    node.high = high
    compute(nodes[x.index].values, node.values, node.count)
    return append(node)
  }

  // MARK: Backward

  /// dx ← or += dy·activation'(x), in tiles over the pool.
  func activationGradient(
    _ kernel: Int32, _ count: Int, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ target: GradientTarget
  ) {
    var context = ActivationGradient(
      kernel: kernel, count: count, x: x, dy: dy, dx: target.pointer, accumulate: target.accumulate)
    forEachTile(pool, count: count, &context) { context, tile, _ in
      let job = context!.assumingMemoryBound(to: ActivationGradient.self).pointee
      let start = Int(tile) * elementwiseTile
      ck_activation_gradient(
        job.kernel, Int64(min(elementwiseTile, job.count - start)), job.x + start, job.dy + start, job.dx + start,
        job.accumulate)
    }
  }

  func backwardUnary(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    guard let target = gradientTarget(node.first) else { return }
    let (x, y, dy, count) = (nodes[Int(node.first)].values, node.values, gradient, node.count)
    let (low, high) = (node.low, node.high)
    switch node.operation {
    case .activation: activationGradient(node.kernel, count, x, dy, target)
    case .scale: target.write(count) { dy[$0] * low }
    case .addScalar, .reshape: target.write(count) { dy[$0] }
    case .exp: target.write(count) { dy[$0] * y[$0] }
    case .log: target.write(count) { dy[$0] / x[$0] }
    case .sqrt: target.write(count) { dy[$0] * 0.5 / y[$0] }
    case .square: target.write(count) { dy[$0] * 2 * x[$0] }
    case .sin:
      withScratch(count) { cosine in
        ck_unary(Int32(CK_COS), Int64(count), x, cosine)
        target.write(count) { dy[$0] * cosine[$0] }
      }
    case .cos:
      withScratch(count) { sine in
        ck_unary(Int32(CK_SIN), Int64(count), x, sine)
        target.write(count) { -dy[$0] * sine[$0] }
      }
    case .clamp: target.write(count) { x[$0] >= low && x[$0] <= high ? dy[$0] : 0 }
    default: preconditionFailure("\(node.operation) is not a function of one tensor")
    }
  }
}

private struct ActivationGradient: BitwiseCopyable {
  let kernel: Int32
  let count: Int
  let x, dy: UnsafePointer<Float>
  let dx: UnsafeMutablePointer<Float>
  let accumulate: Int32
}
