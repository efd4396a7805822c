import CKernels
import Support

extension Tape {
  /// 5×5, stride 1, zeros beyond the border. weight [1, outputs, inputs·25] (PyTorch's [outputs, inputs, 5, 5]), bias
  /// [1, 1, outputs].
  package func convolution(_ x: Frames, weight: Tensor, bias: Tensor) -> Frames {
    convolution(.convolution, x, weight, bias)
  }

  /// The same of `upsample(x)`, whose pixels need not be computed: exact but for the order of sums.
  package func upsampledConvolution(_ x: Frames, weight: Tensor, bias: Tensor) -> Frames {
    convolution(.upsampledConvolution, x, weight, bias)
  }

  /// `maxPool` of the convolution, to the bit, without its pixels in between.
  package func pooledConvolution(_ x: Frames, weight: Tensor, bias: Tensor) -> Frames {
    precondition(x.height % 2 == 0 && x.width % 2 == 0, "maxPool of \(x.height)×\(x.width)")
    return convolution(.pooledConvolution, x, weight, bias)
  }

  private func convolution(_ operation: Operation, _ x: Frames, _ weight: Tensor, _ bias: Tensor) -> Frames {
    precondition(
      weight.batch == 1 && weight.columns == 25 * x.channels && bias.count == weight.rows,
      "convolution: weight \(weight.shape) does not fit \(x.channels) channels")
    let plan = ConvolutionPlan(
      height: x.height, width: x.width, inputs: x.channels, outputs: weight.rows,
      form: ConvolutionPlan.Form(operation), tiles: x.tiles)
    var node = makeNode(
      operation, 1, plan.tiles * plan.outputTile / Frames.lanes, Frames.lanes, x.tensor, weight, bias)
    (node.start, node.length) = (x.height, x.width)
    // saved: the weights as the kernel reads them, and of pooled pixels which they are.
    let packed = allocate(plan.packed + plan.places)
    node.saved = packed
    plan.pack(nodes[weight.index].values, into: packed)
    let biases = nodes[bias.index].values
    withScratch(plan.columns) { all in
      for column in 0..<plan.columns { all[column] = biases[column % plan.outputs] }
      plan.convolve(
        pool, nodes[x.tensor.index].values, packed, bias: all, into: node.values, places: packed + plan.packed)
    }
    return x.with(
      append(node), height: x.height * plan.phases / plan.pooled, width: x.width * plan.phases / plan.pooled,
      channels: plan.outputs)
  }

  func backwardConvolution(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    let (x, weight) = (nodes[Int(node.first)], nodes[Int(node.second)])
    let inputs = weight.columns / 25
    let plan = ConvolutionPlan(
      height: node.start, width: node.length, inputs: inputs, outputs: weight.rows,
      form: ConvolutionPlan.Form(node.operation),
      tiles: x.rows / (node.start * node.length * inputs))
    let inputTarget = gradientTarget(node.first)
    let (weightTarget, biasTarget) = (addingTarget(node.second), addingTarget(node.third))
    if let target = inputTarget {
      withScratch(plan.phases * plan.weights + (target.accumulates ? x.count : 0)) { turned in
        plan.turn(node.saved!, into: turned)
        let dx = target.accumulates ? turned + plan.phases * plan.weights : target.pointer
        plan.convolveBack(pool, dy, places: node.saved! + plan.packed, turned: turned, into: dx)
        if target.accumulates { target.write(x.count) { dx[$0] } }
      }
    }
    guard weightTarget != nil || biasTarget != nil else { return }
    let floats = plan.sums / Frames.lanes
    withScratch(plan.parts * plan.sums + floats) { sums in
      sums.update(repeating: 0, count: plan.parts * plan.sums)
      plan.sumWeights(pool, x.values, dy, places: node.saved! + plan.packed, into: sums)
      let folded = sums + plan.parts * plan.sums
      ck_fold_frames(Int64(plan.parts), Int64(plan.sums), Int64(floats), sums, folded)
      let (weights, columns) = (plan.weights, plan.columns)
      if let target = weightTarget {
        // Behind the weights of every phase stand its biases.
        plan.forEachWeight { target[$0] += folded[$1 * (weights + columns) + $2] }
      }
      if let target = biasTarget {
        for phase in 0..<plan.phases {
          for column in 0..<columns {
            target[column % plan.outputs] += folded[(phase + 1) * weights + phase * columns + column]
          }
        }
      }
    }
  }
}
