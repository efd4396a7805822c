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

  /// Pictures of bytes, a row each [count, height·width·channels], side by side as x/255 + offset; a constant.
  package func pictures(_ rows: Rows, height: Int, width: Int, channels: Int, offset: Float) -> Frames {
    precondition(rows.columns == height * width * channels && rows.columnStride == 1, "pictures of \(rows.columns)")
    let tiles = (rows.count + Frames.lanes - 1) / Frames.lanes
    let node = Node(
      operation: .constant, requiresGradient: false, batch: 1, rows: tiles * rows.columns, columns: Frames.lanes,
      values: allocate(tiles * rows.columns * Frames.lanes))
    ck_picture_frames(
      pool?.handle, Int64(rows.count), Int64(rows.columns), rows.base, Int64(rows.rowStride), offset, node.values)
    return Frames(tensor: append(node), count: rows.count, height: height, width: width, channels: channels)
  }

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

  // MARK: Around it

  /// The largest of every 2×2 pixels; height and width are even.
  package func maxPool(_ x: Frames) -> Frames {
    precondition(x.height % 2 == 0 && x.width % 2 == 0, "maxPool of \(x.height)×\(x.width)")
    var node = makeNode(.maxPool, 1, x.tensor.rows / 4, Frames.lanes, x.tensor)
    (node.start, node.length, node.kernel) = (x.height, x.width, Int32(x.tiles))
    // saved: which of the four.
    let places = allocate(node.count)
    node.saved = places
    ck_max_pool(
      pool?.handle, Int64(x.tiles), Int64(x.height), Int64(x.width), Int64(x.channels), nodes[x.tensor.index].values,
      node.values, places)
    return x.with(append(node), height: x.height / 2, width: x.width / 2)
  }

  func backwardMaxPool(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    let (tiles, height, width) = (Int(node.kernel), node.start, node.length)
    let channels = nodes[Int(node.first)].rows / (tiles * height * width)
    writeAll(node.first) {
      ck_max_pool_gradient(
        pool?.handle, Int64(tiles), Int64(height), Int64(width), Int64(channels), dy, node.saved!, $0)
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
    let pixels = x.height * x.width
    let factors = x.tiles * pixels * Frames.lanes
    // saved: the factors, and the slopes of SiLU.
    let inverse = allocate(factors + (node.requiresGradient ? x.tensor.count : 0))
    (node.saved, node.length) = (inverse, x.tiles)
    ck_channel_norm_silu(
      pool?.handle, Int64(x.tiles), Int64(pixels), Int64(x.channels), epsilon, nodes[x.tensor.index].values,
      nodes[scale.index].values, inverse, node.values, node.requiresGradient ? inverse + factors : nil)
    return x.with(append(node))
  }

  func backwardChannelNormSiLU(_ index: Int, _ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    let (x, scale) = (nodes[Int(node.first)], nodes[Int(node.second)])
    let (channels, tiles) = (scale.columns, node.length)
    let scaleTarget = addingTarget(node.second)
    let size = channels * Frames.lanes
    withScratch(tiles * size + channels) { sums in
      let folded = sums + tiles * size
      sums.update(repeating: 0, count: tiles * size)
      // Where the result's gradient was: passes over the largest pictures are bound by memory.
      ck_channel_norm_silu_gradient(
        pool?.handle, Int64(tiles), Int64(node.rows / channels / tiles), Int64(channels), x.values, scale.values,
        node.saved!, node.saved! + node.count / channels, gradient, gradient, sums)
      ck_fold_frames(Int64(tiles), Int64(size), Int64(channels), sums, folded)
      if let scaleTarget { for channel in 0..<channels { scaleTarget[channel] += folded[channel] } }
    }
    handOn(gradient, of: index, to: node.first)
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

  /// Σ over each picture of (σ(x) − byte/255)², [1, count, 1]; rows of bytes as for `pictures`, which take no gradient.
  package func pictureLoss(_ x: Frames, _ pictures: Rows) -> Tensor {
    precondition(
      x.size == pictures.columns && x.count == pictures.count && pictures.columnStride == 1,
      "\(x.count) pictures of \(x.size) numbers, and \(pictures.count) of \(pictures.columns)")
    var node = makeNode(.pictureLoss, 1, x.count, 1, x.tensor)
    node.length = x.tiles
    // saved: the derivatives of the sums.
    node.saved = node.requiresGradient ? allocate(x.tensor.count) : nil
    withScratch(x.tiles * Frames.lanes) { sums in
      ck_picture_loss(
        pool?.handle, Int64(x.count), Int64(x.size), nodes[x.tensor.index].values, pictures.base,
        Int64(pictures.rowStride), sums, node.saved)
      node.values.update(from: sums, count: x.count)
    }
    return append(node)
  }

  func backwardPictureLoss(_ node: Node, _ dy: UnsafeMutablePointer<Float>) {
    guard let target = gradientTarget(node.first) else { return }
    let tiles = node.length
    withScratch(tiles * Frames.lanes) { sums in
      // What is missing of the last tile moves nothing.
      sums.update(repeating: 0, count: tiles * Frames.lanes)
      sums.update(from: dy, count: node.rows)
      ck_picture_loss_gradient(
        pool?.handle, Int64(tiles), Int64(nodes[Int(node.first)].rows / tiles), node.saved!, sums, target.pointer,
        target.accumulate)
    }
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
