import Foundation
import Neural
import Support
import TestSupport
import Testing

/// Operations on pictures against numbers of PyTorch, which has the channels first.
@Suite(.golden("neural/layernorm_rmsnorm_gru.json")) struct ConvolutionGoldenTests {
  let fixture: Fixture
  let tape = Tape()

  init() throws { fixture = try Fixture("neural/layernorm_rmsnorm_gru.json") }

  private func variable(_ fixture: Fixture) throws -> (rows: Tensor, frames: Frames, shape: [Int]) {
    let shape = try fixture.shape(rank: 4)
    let rows = tape.variable(
      channelsLast(try fixture.floats(shape), shape), rows: shape[0], columns: shape[1] * shape[2] * shape[3])
    return (rows, tape.frames(rows, height: shape[2], width: shape[3], channels: shape[1]), shape)
  }

  private func expect(_ y: Frames, _ want: Fixture, _ upstream: Fixture?) throws {
    let rows = tape.rows(y)
    let shape = [y.count, y.channels, y.height, y.width]
    try want["y"].expectClose(channelsFirst(Array(tape.values(rows)), shape), shape, within: 1e-4)
    guard let upstream else { return }
    let weights = channelsLast(try upstream.floats(shape), shape)
    tape.backward(tape.sum(tape.multiply(rows, tape.constant(weights, rows: rows.rows, columns: rows.columns))))
  }

  @Test func convolution() throws {
    let (inputs, want) = (try fixture["inputs/conv2d"], try fixture["outputs/conv2d"])
    let x = try variable(inputs["x"])
    let shape = try inputs["weight"].shape(rank: 4)
    let weight = tape.variable(try inputs["weight"].floats(shape), rows: shape[0], columns: 25 * shape[1])
    let bias = tape.variable(try inputs["bias"].floats([shape[0]]), columns: shape[0])
    try expect(tape.convolution(x.frames, weight: weight, bias: bias), want, inputs["upstream"])
    try want["grad_x"].expectClose(channelsFirst(Array(tape.gradient(x.rows)), x.shape), x.shape, within: 1e-4)
    try want["grad_weight"].expectClose(tape.gradient(weight), shape, within: 1e-4)
    try want["grad_bias"].expectClose(tape.gradient(bias), [shape[0]], within: 1e-4)
  }

  @Test func pooling() throws {
    let (inputs, want) = (try fixture["inputs/maxpool2x2"], try fixture["outputs/maxpool2x2"])
    let x = try variable(inputs["x"])
    try expect(tape.maxPool(x.frames), want, inputs["upstream"])
    try want["grad_x"].expectClose(channelsFirst(Array(tape.gradient(x.rows)), x.shape), x.shape, within: 1e-4)
  }

  @Test func upsampling() throws {
    let (inputs, want) = (try fixture["inputs/upsample2x"], try fixture["outputs/upsample2x"])
    let x = try variable(inputs["x"])
    try expect(tape.upsample(x.frames), want, inputs["upstream"])
    try want["grad_x"].expectClose(channelsFirst(Array(tape.gradient(x.rows)), x.shape), x.shape, within: 1e-4)
  }

  /// A convolution of pictures that are made twice as large: the pixels that stand four times are not computed.
  @Test(arguments: [(3, 1, 1, 2, 1), (17, 4, 4, 3, 9), (5, 3, 8, 8, 3)])
  func foldedUpsampling(count: Int, height: Int, width: Int, channels: Int, outputs: Int) {
    var random = RandomStream(seed: 5)
    func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in Float(random.uniform()) * 2 - 1 } }
    let (pixels, weights) = (numbers(count * height * width * channels), numbers(25 * channels * outputs))
    let (biases, upstream) = (numbers(outputs), numbers(count * 4 * height * width * outputs))
    func differentiate(_ operation: (Frames, Tensor, Tensor) -> Frames) -> [[Float]] {
      gradients(
        of: operation, tape, pixels, count: count, height: height, width: width, weights, biases, upstream: upstream)
    }
    let want = differentiate { tape.convolution(tape.upsample($0), weight: $1, bias: $2) }
    let found = differentiate { tape.upsampledConvolution($0, weight: $1, bias: $2) }
    for (found, want) in zip(found, want) {
      #expect(found.count == want.count)
      let scale = want.reduce(1) { max($0, abs($1)) }
      #expect(zip(found, want).allSatisfy { abs($0 - $1) <= 1e-5 * scale })
    }
  }

  /// What an operation makes of pictures, weights and biases, and the gradients of the three.
  private func gradients(
    of operation: (Frames, Tensor, Tensor) -> Frames, _ tape: Tape, _ pixels: [Float], count: Int, height: Int,
    width: Int, _ weights: [Float], _ biases: [Float], upstream: [Float]
  ) -> [[Float]] {
    tape.rewind()
    let (columns, outputs) = (pixels.count / count, biases.count)
    let rows = tape.variable(pixels, rows: count, columns: columns)
    let weight = tape.variable(weights, rows: outputs, columns: weights.count / outputs)
    let bias = tape.variable(biases, columns: outputs)
    let frames = tape.frames(rows, height: height, width: width, channels: columns / height / width)
    let y = tape.rows(operation(frames, weight, bias))
    tape.backward(tape.sum(tape.multiply(y, tape.constant(upstream, rows: y.rows, columns: y.columns))))
    return [Array(tape.values(y))] + [rows, weight, bias].map { Array(tape.gradient($0)) }
  }

  /// Of a convolution only the largest pixels are written down; to the bits of the two operations, the first of equals
  /// included, narrow pictures and wide ones, on one thread and on two.
  @Test(arguments: [
    (3, 2, 2, 2, 1), (17, 4, 6, 3, 9), (5, 10, 10, 4, 3), (33, 8, 8, 3, 8), (20, 4, 34, 1, 12), (2, 6, 70, 3, 8),
  ])
  func pooledConvolution(count: Int, height: Int, width: Int, channels: Int, outputs: Int) {
    var random = RandomStream(seed: 6)
    // Coarse numbers: many are equal.
    func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in Float(random.integer(below: 3)) - 1 } }
    let (pixels, weights) = (numbers(count * height * width * channels), numbers(25 * channels * outputs))
    let (biases, upstream) = (numbers(outputs), numbers(count * height * width / 4 * outputs).map { $0 * 0.37 + 0.1 })
    func differentiate(_ tape: Tape, _ operation: (Frames, Tensor, Tensor) -> Frames) -> [[Float]] {
      gradients(
        of: operation, tape, pixels, count: count, height: height, width: width, weights, biases, upstream: upstream)
    }
    let two = Tape()
    let want = differentiate(two) { two.maxPool(two.convolution($0, weight: $1, bias: $2)) }
    for pool in [nil, ComputePool(threads: 2)] {
      let one = Tape(pool: pool)
      #expect(differentiate(one) { one.pooledConvolution($0, weight: $1, bias: $2) } == want)
    }
  }

  /// The norm's gradient is made in the memory of its result's: what else looks at the same pictures, recorded before it
  /// or after it, still adds to theirs, and a second loss on the recording starts afresh.
  @Test func normHandsItsGradientOn() {
    let (count, pixels, channels) = (3, 2, 5)
    let numbers = (0..<count * pixels * channels).map { Float($0 * 7 % 11) / 5 - 1 }
    func gradient(before: Bool, after: Bool) -> [Float] {
      tape.rewind()
      let rows = tape.variable(numbers, rows: count, columns: pixels * channels)
      let scale = tape.variable((0..<channels).map { Float($0) - 1 }, columns: channels)
      let x = tape.frames(rows, height: 1, width: pixels, channels: channels)
      let first = tape.sum(tape.scale(x.tensor, by: 2))
      let normed = tape.normSiLU(x, scale: scale)
      let last = tape.sum(tape.scale(x.tensor, by: 3))
      var loss = tape.sum(tape.rows(normed))
      if before { loss = tape.add(first, loss) }
      if after { loss = tape.add(loss, last) }
      tape.backward(loss)
      let once = Array(tape.gradient(rows)) + Array(tape.gradient(scale))
      tape.backward(loss)
      #expect(Array(tape.gradient(rows)) + Array(tape.gradient(scale)) == once)
      return Array(tape.gradient(rows))
    }
    let alone = gradient(before: false, after: false)
    #expect(alone.contains { abs($0) > 0.01 })
    for (before, after) in [(true, false), (false, true), (true, true)] {
      let offset: Float = (before ? 2 : 0) + (after ? 3 : 0)
      let found = gradient(before: before, after: after)
      #expect(zip(found, alone).allSatisfy { abs($0 - ($1 + offset)) < 1e-5 }, "\(before) \(after)")
    }
  }

  /// Bytes as pictures, and the loss of what is said of them, against their definitions.
  @Test(arguments: [1, 16, 21]) func bytesAndLoss(count: Int) {
    let (height, width, channels) = (5, 6, 3)
    let size = height * width * channels
    let bytes = (0..<count * (size + 2)).map { Float($0 * 37 % 256) }
    let said = (0..<count * size).map { Float($0 * 29 % 101) / 25 - 2 }
    bytes.withUnsafeBufferPointer { bytes in
      let rows = Rows(bytes.baseAddress!, count, size + 2).columns(1..<size + 1)
      let pictures = tape.pictures(rows, height: height, width: width, channels: channels, offset: -0.5)
      let back = tape.rows(of: tape.rows(pictures))
      let logits = tape.frames(
        tape.constant(said, rows: count, columns: size), height: height, width: width, channels: channels)
      let losses = tape.values(tape.pictureLoss(logits, rows))
      for row in 0..<count {
        var sum = 0.0
        for column in 0..<size {
          #expect(back[row, column] == rows[row, column] / 255 - 0.5)
          let gap = 1 / (1 + exp(-Double(said[row * size + column]))) - Double(rows[row, column]) / 255
          sum += gap * gap
        }
        #expect(abs(Double(losses[row]) - sum) < 1e-4 * sum)
      }
    }
  }
}

/// [n, c, h, w] → rows of [h, w, c].
func channelsLast(_ values: [Float], _ shape: [Int]) -> [Float] {
  let (channels, pixels) = (shape[1], shape[2] * shape[3])
  var out: [Float] = []
  for picture in 0..<shape[0] {
    for pixel in 0..<pixels {
      for channel in 0..<channels { out.append(values[(picture * channels + channel) * pixels + pixel]) }
    }
  }
  return out
}

/// Rows of [h, w, c] → [n, c, h, w].
func channelsFirst(_ values: [Float], _ shape: [Int]) -> [Float] {
  let (channels, pixels) = (shape[1], shape[2] * shape[3])
  var out: [Float] = []
  for picture in 0..<shape[0] {
    for channel in 0..<channels {
      for pixel in 0..<pixels { out.append(values[(picture * pixels + pixel) * channels + channel]) }
    }
  }
  return out
}
