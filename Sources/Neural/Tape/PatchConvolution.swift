import CKernels
import Support

/// A convolution without a border whose kernels stand some pixels apart, of pictures that are rows, pixel after pixel
/// with their channels together: every patch of kernel×kernel pixels times the weights.
///
/// Patches are gathered block by block, as many as a cache holds, and multiplied as rows of a matrix.
package struct PatchConvolution: BitwiseCopyable, Equatable, Sendable {
  /// Of the pictures.
  package let height, width, channels: Int
  /// Channels of what comes out.
  package let outputs: Int
  /// Pixels of a patch's side, and from one patch to the next; a patch fits into a picture.
  package let kernel, stride: Int

  package init(height: Int, width: Int, channels: Int, outputs: Int, kernel: Int, stride: Int) {
    precondition(
      min(channels, outputs, kernel, stride) >= 1 && kernel <= min(height, width),
      "patches of \(kernel)×\(kernel), \(stride) apart, in pictures of \(height)×\(width)×\(channels)")
    (self.height, self.width, self.channels) = (height, width, channels)
    (self.outputs, self.kernel, self.stride) = (outputs, kernel, stride)
  }

  package var outputHeight: Int { (height - kernel) / stride + 1 }
  package var outputWidth: Int { (width - kernel) / stride + 1 }
  /// Patches of a picture.
  package var positions: Int { outputHeight * outputWidth }
  /// Numbers of a picture, of what comes out of it, and of a patch.
  package var inputSize: Int { height * width * channels }
  package var outputSize: Int { positions * outputs }
  package var patchSize: Int { kernel * kernel * channels }

  /// Rows of patches that are multiplied at once.
  private var blockRows: Int { min(1024, max(16, 65_536 / patchSize)) }
  /// Pictures of a task: as many as fill some blocks.
  private var group: Int { max(1, 512 / positions) }
  private func groups(_ count: Int) -> Int { (count + group - 1) / group }
  /// Parts of the pictures, each with sums of its own: a fixed number, so that they have one order whoever computes
  /// them.
  private func parts(_ count: Int) -> Int { min(groups(count), 8) }
  /// Floats of a part's sums: weights, then biases.
  private var sums: Int { outputs * (patchSize + 1) }

  // MARK: Weights

  /// Floats of the weights as patches have them, whole cache lines.
  var packed: Int { (outputs * patchSize + 15) / 16 * 16 }

  /// PyTorch's weights [outputs, channels, kernel, kernel] as patches have their numbers: [outputs, patchSize].
  func pack(_ weight: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>) {
    forEachWeight { packed[$1] = weight[$0] }
  }

  /// Calls `body` with the place of every weight in PyTorch's order, and with that in a patch's.
  @inline(__always)
  private func forEachWeight(_ body: (_ place: Int, _ packed: Int) -> Void) {
    let taps = kernel * kernel
    for output in 0..<outputs {
      for tap in 0..<taps {
        for channel in 0..<channels {
          body((output * channels + channel) * taps + tap, (output * taps + tap) * channels + channel)
        }
      }
    }
  }

  // MARK: Patches

  /// Copies patches `range` of all pictures, one after another, into rows.
  private func gather(_ range: Range<Int>, _ x: UnsafePointer<Float>, into rows: UnsafeMutablePointer<Float>) {
    let length = kernel * channels
    var row = rows
    forEachPatch(range) { start in
      for line in 0..<kernel {
        copyFloats(length, from: x + start + line * width * channels, to: row)
        row += length
      }
    }
  }

  /// Adds rows of patches to the pixels that they were gathered from.
  private func scatter(_ range: Range<Int>, _ rows: UnsafePointer<Float>, into x: UnsafeMutablePointer<Float>) {
    let length = kernel * channels
    var row = rows
    forEachPatch(range) { start in
      for line in 0..<kernel {
        let to = x + start + line * width * channels
        for place in 0..<length { to[place] += row[place] }
        row += length
      }
    }
  }

  /// Calls `body` with the place of the first number of every patch.
  @inline(__always)
  private func forEachPatch(_ range: Range<Int>, _ body: (_ start: Int) -> Void) {
    for patch in range {
      let (picture, position) = patch.quotientAndRemainder(dividingBy: positions)
      let (line, column) = position.quotientAndRemainder(dividingBy: outputWidth)
      body(picture * inputSize + (line * stride * width + column * stride) * channels)
    }
  }

  // MARK: All pictures

  /// Floats of scratch memory for the way forward: a block for each of `threads`.
  func scratch(threads: Int) -> Int { threads * blockRows * patchSize }

  /// For the way back: blocks of patches, of their gradients and of those of their sums, and the parts' sums.
  func scratchBack(threads: Int, count: Int) -> Int { threads * blockBack + parts(count) * sums }
  private var blockBack: Int { blockRows * (2 * patchSize + outputs) }

  /// y [count, outputSize], and z, where it is wanted, before the activation.
  func convolve(
    _ pool: ComputePool?, _ count: Int, _ x: UnsafePointer<Float>, packed: UnsafePointer<Float>,
    bias: UnsafePointer<Float>, activation: Int32, z: UnsafeMutablePointer<Float>?, y: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    var job = Forward(
      shape: self, count: count, x: x, packed: packed, bias: bias, activation: activation, z: z, y: y, scratch: scratch)
    pool.run(tasks: groups(count), on: &job) { context, task, worker in
      let job = context!.assumingMemoryBound(to: Forward.self).pointee
      let shape = job.shape
      let patches = job.scratch + Int(worker) * shape.blockRows * shape.patchSize
      shape.forEachBlock(Int(task)..<Int(task) + 1, job.count) { block in
        shape.gather(block, job.x, into: patches)
        let at = block.lowerBound * shape.outputs
        ck_linear(
          nil, 1, Int64(block.count), Int64(shape.patchSize), Int64(shape.outputs), patches, 0, job.packed, 0, job.bias,
          0, job.activation, job.z.map { $0 + at }, job.y + at)
      }
    }
  }

  /// From the gradients dy of the results, and from what the activation saw, z (of ReLU what it gave will do): those of
  /// the pictures are added to dx, those of weights and biases, where they are wanted, to theirs, in PyTorch's order.
  func convolveBack(
    _ pool: ComputePool?, _ count: Int, _ x: UnsafePointer<Float>, packed: UnsafePointer<Float>,
    dy: UnsafePointer<Float>, activation: Int32, z: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>?,
    weight: UnsafeMutablePointer<Float>?, bias: UnsafeMutablePointer<Float>?, scratch: UnsafeMutablePointer<Float>,
    threads: Int
  ) {
    let all = scratch + threads * blockBack
    let wantsSums = weight != nil || bias != nil
    if wantsSums { all.update(repeating: 0, count: parts(count) * sums) }
    var job = Backward(
      shape: self, count: count, x: x, packed: packed, dy: dy, activation: activation, z: z, dx: dx,
      sums: wantsSums ? all : nil, scratch: scratch)
    pool.run(tasks: parts(count), on: &job) { context, part, worker in
      let job = context!.assumingMemoryBound(to: Backward.self).pointee
      let (shape, part) = (job.shape, Int(part))
      let (groups, parts) = (shape.groups(job.count), shape.parts(job.count))
      let patches = job.scratch + Int(worker) * shape.blockBack
      let gradients = patches + shape.blockRows * shape.patchSize
      let dz = gradients + shape.blockRows * shape.patchSize
      let (rows, outputs) = (Int64(shape.patchSize), Int64(shape.outputs))
      shape.forEachBlock(part * groups / parts..<(part + 1) * groups / parts, job.count) { block in
        let at = block.lowerBound * shape.outputs
        ck_activation_gradient(
          job.activation, Int64(block.count * shape.outputs), job.z + at, job.dy + at, dz, 0)
        if let sums = job.sums.map({ $0 + part * shape.sums }) {
          shape.gather(block, job.x, into: patches)
          ck_linear_weight_gradient(
            nil, 1, Int64(block.count), rows, outputs, dz, patches, 0, sums, 0, sums + shape.outputs * shape.patchSize,
            0, 1)
        }
        if let dx = job.dx {
          ck_linear_input_gradient(nil, 1, Int64(block.count), rows, outputs, dz, job.packed, 0, gradients, 1, 0)
          shape.scatter(block, gradients, into: dx)
        }
      }
    }
    guard wantsSums else { return }
    for part in 0..<parts(count) {
      let own = all + part * sums
      if let weight { forEachWeight { weight[$0] += own[$1] } }
      if let bias { for output in 0..<outputs { bias[output] += own[outputs * patchSize + output] } }
    }
  }

  /// Calls `body` with the patches of some groups of pictures, block by block.
  @inline(__always)
  private func forEachBlock(_ range: Range<Int>, _ count: Int, _ body: (Range<Int>) -> Void) {
    let end = min(range.upperBound * group, count) * positions
    for start in Swift.stride(from: range.lowerBound * group * positions, to: end, by: blockRows) {
      body(start..<min(start + blockRows, end))
    }
  }

  private struct Forward: BitwiseCopyable {
    let shape: PatchConvolution
    let count: Int
    let x, packed, bias: UnsafePointer<Float>
    let activation: Int32
    let z: UnsafeMutablePointer<Float>?
    let y, scratch: UnsafeMutablePointer<Float>
  }

  private struct Backward: BitwiseCopyable {
    let shape: PatchConvolution
    let count: Int
    let x, packed, dy: UnsafePointer<Float>
    let activation: Int32
    let z: UnsafePointer<Float>
    let dx, sums: UnsafeMutablePointer<Float>?
    let scratch: UnsafeMutablePointer<Float>
  }
}

/// Copies some dozens of floats, for which a call takes as long as the copy.
@inline(__always)
private func copyFloats(_ count: Int, from: UnsafePointer<Float>, to: UnsafeMutablePointer<Float>) {
  let (source, target) = (UnsafeRawPointer(from), UnsafeMutableRawPointer(to))
  var place = 0
  while place + 16 <= count {
    target.storeBytes(
      of: source.loadUnaligned(fromByteOffset: 4 * place, as: SIMD16<Float>.self), toByteOffset: 4 * place,
      as: SIMD16<Float>.self)
    place += 16
  }
  while place < count {
    to[place] = from[place]
    place += 1
  }
}
