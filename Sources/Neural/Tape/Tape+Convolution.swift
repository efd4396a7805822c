import CKernels
import Support

/// Pictures on a tape: sixteen of them side by side in the columns, so that every row is one number of sixteen
/// pictures. [1, tiles·height·width·channels, 16]; what is missing of the last tile is 0.
package struct Frames: Sendable {
  package let tensor: Tensor
  /// Pictures.
  package let count: Int
  package let height, width, channels: Int

  /// Pictures side by side.
  package static let lanes = 16

  package var tiles: Int { (count + Frames.lanes - 1) / Frames.lanes }
  /// Numbers of a picture.
  package var size: Int { height * width * channels }

  /// The same with other numbers.
  package func with(_ tensor: Tensor, height: Int? = nil, width: Int? = nil, channels: Int? = nil) -> Frames {
    Frames(
      tensor: tensor, count: count, height: height ?? self.height, width: width ?? self.width,
      channels: channels ?? self.channels)
  }
}

extension Tape {
  // MARK: Between rows and frames

  /// Pictures, a row each [1, count, height·width·channels], side by side.
  /// - Parameter blocks: rows hold some channels of all pixels, then the next ones: [blocks, pixels, channels/blocks].
  package func frames(_ rows: Tensor, height: Int, width: Int, channels: Int, blocks: Int = 1) -> Frames {
    precondition(rows.batch == 1 && rows.columns == height * width * channels, "frames of \(rows.shape)")
    let tiles = (rows.rows + Frames.lanes - 1) / Frames.lanes
    var node = makeNode(.frames, 1, tiles * rows.columns, Frames.lanes, rows)
    (node.length, node.start, node.low) = (rows.rows, channels, Float(blocks))
    let layout = FrameLayout(size: rows.columns, channels: channels, blocks: blocks)
    layout.pack(nodes[rows.index].values, node.values, rows.rows)
    return Frames(
      tensor: append(node), count: rows.rows, height: height, width: width, channels: channels)
  }

  /// Every picture a row: [1, count, height·width·channels].
  package func rows(_ frames: Frames) -> Tensor {
    var node = makeNode(.frameRows, 1, frames.count, frames.size, frames.tensor)
    node.length = frames.count
    let layout = FrameLayout(size: frames.size, channels: 1, blocks: 1)
    layout.unpack(nodes[frames.tensor.index].values, frames.count) { place, value in node.values[place] = value }
    return append(node)
  }

  func backwardFrames(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    guard let target = gradientTarget(node.first) else { return }
    let (pointer, accumulates) = (target.pointer, target.accumulates)
    let layout = FrameLayout(
      size: nodes[Int(node.first)].columns, channels: node.start, blocks: Int(node.low))
    layout.unpack(dy, node.length) { place, value in pointer[place] = accumulates ? pointer[place] + value : value }
  }

  func backwardFrameRows(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    guard let target = gradientTarget(node.first) else { return }
    let (count, layout) = (nodes[Int(node.first)].count, FrameLayout(size: node.columns, channels: 1, blocks: 1))
    guard target.accumulates else { return layout.pack(dy, target.pointer, node.length) }
    withScratch(count) { packed in
      layout.pack(dy, packed, node.length)
      target.write(count) { packed[$0] }
    }
  }

  // MARK: Convolution

  /// 5×5, stride 1, zeros beyond the border. weight [1, outputs, inputs·25] (PyTorch's [outputs, inputs, 5, 5]), bias
  /// [1, 1, outputs].
  package func convolution(_ x: Frames, weight: Tensor, bias: Tensor) -> Frames {
    precondition(
      weight.batch == 1 && weight.columns == 25 * x.channels && bias.count == weight.rows,
      "convolution: weight \(weight.shape) does not fit \(x.channels) channels")
    let outputs = weight.rows
    var node = makeNode(
      .convolution, 1, x.tiles * x.height * x.width * outputs, Frames.lanes, x.tensor, weight, bias)
    (node.start, node.length) = (x.height, x.width)
    // saved: the weights as the kernel reads them, [25, inputs, outputs].
    let packed = allocate(weight.count)
    node.saved = packed
    forEachTap(x.channels, outputs) { tap, input, output, place in
      packed[(tap * x.channels + input) * outputs + output] = nodes[weight.index].values[place]
    }
    let layer = ck_convolution(
      height: Int64(x.height), width: Int64(x.width), inputs: Int64(x.channels), outputs: Int64(outputs))
    convolve(layer, x.tiles, nodes[x.tensor.index].values, packed, nodes[bias.index].values, node.values)
    return x.with(append(node), channels: outputs)
  }

  /// Places of a weight in PyTorch's order: tap 5·ky + kx, channels, place.
  @inline(__always)
  private func forEachTap(_ inputs: Int, _ outputs: Int, _ body: (Int, Int, Int, Int) -> Void) {
    for output in 0..<outputs {
      for input in 0..<inputs {
        for tap in 0..<25 { body(tap, input, output, (output * inputs + input) * 25 + tap) }
      }
    }
  }

  /// All tiles, over the pool.
  private func convolve(
    _ layer: ck_convolution, _ tiles: Int, _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>,
    _ bias: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>
  ) {
    var job = ConvolutionJob(layer: layer, x: x, w: w, bias: bias, y: y)
    withUnsafeMutablePointer(to: &job) { job in
      ck_pool_run(
        tiles > 1 ? pool?.handle : nil, Int64(tiles),
        { context, tile, _ in
          let job = context!.assumingMemoryBound(to: ConvolutionJob.self)
          let (tile, pixels) = (Int(tile), Int(job.pointee.layer.height * job.pointee.layer.width) * Frames.lanes)
          var layer = job.pointee.layer
          ck_convolve(
            &layer, job.pointee.x + tile * pixels * Int(layer.inputs), job.pointee.w, job.pointee.bias,
            job.pointee.y + tile * pixels * Int(layer.outputs))
        }, job)
    }
  }

  func backwardConvolution(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    let (x, weight) = (nodes[Int(node.first)], nodes[Int(node.second)])
    let (height, width) = (node.start, node.length)
    let (outputs, inputs) = (weight.rows, weight.columns / 25)
    let tiles = node.rows / (height * width * outputs)
    let inputTarget = gradientTarget(node.first)
    let (weightTarget, biasTarget) = (addingTarget(node.second), addingTarget(node.third))
    if let target = inputTarget {
      // The same with the weights turned round: zero borders again.
      let layer = ck_convolution(
        height: Int64(height), width: Int64(width), inputs: Int64(outputs), outputs: Int64(inputs))
      withScratch(weight.count + (target.accumulates ? x.count : 0)) { turned in
        forEachTap(inputs, outputs) { tap, input, output, place in
          turned[((24 - tap) * outputs + output) * inputs + input] = weight.values[place]
        }
        let dx = target.accumulates ? turned + weight.count : target.pointer
        convolve(layer, tiles, dy, turned, nil, dx)
        if target.accumulates { target.write(x.count) { dx[$0] } }
      }
    }
    guard weightTarget != nil || biasTarget != nil else { return }
    let layer = ck_convolution(
      height: Int64(height), width: Int64(width), inputs: Int64(inputs), outputs: Int64(outputs))
    // A fixed number of parts, whose sums have one order, whoever computes them.
    let (parts, size) = (min(tiles, 4), (weight.count + outputs) * Frames.lanes)
    withScratch(parts * size + weight.count + outputs) { sums in
      sums.update(repeating: 0, count: parts * size + weight.count + outputs)
      var job = WeightGradientJob(
        layer: layer, tiles: tiles, parts: parts, size: size, weights: weight.count, x: x.values, dy: dy, sums: sums)
      withUnsafeMutablePointer(to: &job) { job in
        ck_pool_run(
          parts > 1 ? pool?.handle : nil, Int64(parts),
          { context, part, _ in
            context!.assumingMemoryBound(to: WeightGradientJob.self).pointee.run(Int(part))
          }, job)
      }
      let folded = sums + parts * size
      for part in 0..<parts { ck_fold_frames(Int64(weight.count + outputs), sums + part * size, folded) }
      if let target = weightTarget {
        forEachTap(inputs, outputs) { tap, input, output, place in
          target[place] += folded[(tap * inputs + input) * outputs + output]
        }
      }
      if let target = biasTarget { for output in 0..<outputs { target[output] += folded[weight.count + output] } }
    }
  }

  // MARK: Around it

  /// The largest of every 2×2 pixels; height and width are even.
  package func maxPool(_ x: Frames) -> Frames {
    precondition(x.height % 2 == 0 && x.width % 2 == 0, "maxPool of \(x.height)×\(x.width)")
    var node = makeNode(.maxPool, 1, x.tensor.rows / 4, Frames.lanes, x.tensor)
    (node.start, node.length) = (x.tiles * x.height, x.width)
    // saved: which of the four.
    let places = allocate(node.count)
    node.saved = places
    ck_max_pool(
      Int64(node.start), Int64(x.width), Int64(x.channels), nodes[x.tensor.index].values, node.values, places)
    return x.with(append(node), height: x.height / 2, width: x.width / 2)
  }

  func backwardMaxPool(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    let channels = nodes[Int(node.first)].rows / (node.start * node.length)
    writeAll(node.first) {
      ck_max_pool_gradient(Int64(node.start), Int64(node.length), Int64(channels), dy, node.saved!, $0)
    }
  }

  /// Every pixel four times: twice the height and the width.
  package func upsample(_ x: Frames) -> Frames {
    var node = makeNode(.upsample, 1, 4 * x.tensor.rows, Frames.lanes, x.tensor)
    (node.start, node.length) = (x.tiles * x.height, x.width)
    ck_upsample(Int64(node.start), Int64(x.width), Int64(x.channels), nodes[x.tensor.index].values, node.values)
    return x.with(append(node), height: 2 * x.height, width: 2 * x.width)
  }

  func backwardUpsample(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    let channels = nodes[Int(node.first)].rows / (node.start * node.length)
    writeAll(node.first) { ck_upsample_gradient(Int64(node.start), Int64(node.length), Int64(channels), dy, $0) }
  }

  /// SiLU(x/√(mean over the channels of x² + epsilon)·scale) of every pixel; scale [1, 1, channels].
  package func normSiLU(_ x: Frames, scale: Tensor, epsilon: Float = 1e-4) -> Frames {
    precondition(scale.count == x.channels, "normSiLU: scale \(scale.shape) for \(x.channels) channels")
    var node = makeNode(.channelNormSiLU, 1, x.tensor.rows, Frames.lanes, x.tensor, scale)
    let pixels = x.tensor.rows / x.channels
    let inverse = allocate(pixels * Frames.lanes)
    node.saved = inverse
    ck_channel_norm_silu(
      Int64(pixels), Int64(x.channels), epsilon, nodes[x.tensor.index].values, nodes[scale.index].values, inverse,
      node.values)
    return x.with(append(node))
  }

  func backwardChannelNormSiLU(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    let (x, scale) = (nodes[Int(node.first)], nodes[Int(node.second)])
    let channels = scale.columns
    let inputTarget = gradientTarget(node.first)
    let scaleTarget = addingTarget(node.second)
    let needsScratch = inputTarget?.accumulates ?? true
    withScratch(channels * Frames.lanes + channels + (needsScratch ? x.count : 0)) { sums in
      let folded = sums + channels * Frames.lanes
      sums.update(repeating: 0, count: channels * Frames.lanes + channels)
      let dx = needsScratch ? folded + channels : inputTarget!.pointer
      ck_channel_norm_silu_gradient(
        Int64(node.rows / channels), Int64(channels), x.values, scale.values, node.saved!, dy, dx, sums)
      ck_fold_frames(Int64(channels), sums, folded)
      if let scaleTarget { for channel in 0..<channels { scaleTarget[channel] += folded[channel] } }
      if let inputTarget, inputTarget.accumulates { inputTarget.write(x.count) { dx[$0] } }
    }
  }

  /// The input's whole gradient by `compute`, added where there is one already.
  private func writeAll(_ input: Int32, _ compute: (UnsafeMutablePointer<Float>) -> Void) {
    guard let target = gradientTarget(input) else { return }
    guard target.accumulates else { return compute(target.pointer) }
    let count = nodes[Int(input)].count
    withScratch(count) { values in
      compute(values)
      target.write(count) { values[$0] }
    }
  }

  /// The sums over a picture, [1, count, 1].
  package func sumOfPictures(_ x: Frames) -> Tensor {
    let tiles = reshape(x.tensor, batch: x.tiles, rows: x.size, columns: Frames.lanes)
    let sums = scale(meanRows(tiles), by: Float(x.size))
    let all = reshape(sums, batch: 1, rows: x.tiles * Frames.lanes, columns: 1)
    return rows(all, 0..<x.count)
  }
}

/// How the numbers of a picture stand in a row: pixel by pixel, or block by block of channels.
private struct FrameLayout {
  let size, channels, blocks: Int

  /// Calls `body` with the place in the row of every number, in the order of frames.
  @inline(__always)
  private func forEachPlace(_ body: (_ place: Int, _ inRow: Int) -> Void) {
    guard blocks > 1 else {
      for place in 0..<size { body(place, place) }
      return
    }
    let (pixels, own) = (size / channels, channels / blocks)
    var place = 0
    for pixel in 0..<pixels {
      for block in 0..<blocks {
        for channel in 0..<own {
          body(place, (block * pixels + pixel) * own + channel)
          place += 1
        }
      }
    }
  }

  /// Rows [count, size] → frames [tiles, size, 16], zeros where there are no more.
  func pack(_ rows: UnsafePointer<Float>, _ frames: UnsafeMutablePointer<Float>, _ count: Int) {
    let lanes = Frames.lanes
    for first in stride(from: 0, to: count, by: lanes) {
      let (target, valid) = (frames + first * size, min(lanes, count - first))
      if valid < lanes { target.update(repeating: 0, count: size * lanes) }
      for lane in 0..<valid {
        let source = rows + (first + lane) * size
        forEachPlace { place, inRow in target[place * lanes + lane] = source[inRow] }
      }
    }
  }

  /// Frames [tiles, size, 16] → rows [count, size], number by number.
  @inline(__always)
  func unpack(_ frames: UnsafePointer<Float>, _ count: Int, _ put: (_ place: Int, _ value: Float) -> Void) {
    for row in 0..<count {
      let source = frames + row / Frames.lanes * size * Frames.lanes + row % Frames.lanes
      forEachPlace { place, inRow in put(row * size + inRow, source[place * Frames.lanes]) }
    }
  }
}

/// The tiles of a convolution.
private struct ConvolutionJob: BitwiseCopyable {
  let layer: ck_convolution
  let x, w: UnsafePointer<Float>
  let bias: UnsafePointer<Float>?
  let y: UnsafeMutablePointer<Float>
}

/// The tiles of a convolution in some parts, each with sums of its own.
private struct WeightGradientJob: BitwiseCopyable {
  let layer: ck_convolution
  let tiles, parts, size, weights: Int
  let x, dy: UnsafePointer<Float>
  let sums: UnsafeMutablePointer<Float>

  func run(_ part: Int) {
    var layer = layer
    let pixels = Int(layer.height * layer.width) * Frames.lanes
    let sums = sums + part * size
    for tile in part * tiles / parts..<(part + 1) * tiles / parts {
      ck_convolve_weight_gradient(
        &layer, x + tile * pixels * Int(layer.inputs), dy + tile * pixels * Int(layer.outputs), sums,
        sums + weights * Frames.lanes)
    }
  }
}
