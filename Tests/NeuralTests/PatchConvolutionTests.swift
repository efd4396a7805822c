import Neural
import Support
import TestSupport
import Testing

/// Convolutions of pictures that are rows, patch by patch.
@Suite struct PatchConvolutionTests {
  private static func numbers(_ count: Int, _ random: inout RandomStream) -> [Float] {
    (0..<count).map { _ in Float(random.uniform()) * 2 - 1 }
  }

  /// What comes out, and the gradients of pictures, weights and biases under a projection.
  private static func results(
    _ shape: PatchConvolution, _ x: [Float], _ w: [Float], _ b: [Float], upstream: [Float], activation: Activation,
    _ tape: Tape = Tape()
  ) -> [[Float]] {
    let count = x.count / shape.inputSize
    let pictures = tape.variable(x, rows: count, columns: shape.inputSize)
    let weight = tape.variable(w, rows: shape.outputs, columns: shape.patchSize)
    let bias = tape.variable(b, columns: shape.outputs)
    let y = tape.convolution(pictures, shape, weight: weight, bias: bias, activation: activation)
    tape.backward(tape.sum(tape.multiply(y, tape.constant(upstream, rows: count, columns: shape.outputSize))))
    return [Array(tape.values(y))] + [pictures, weight, bias].map { Array(tape.gradient($0)) }
  }

  /// Against its definition in double precision: one patch and many, patches that leave pixels over, one task and some,
  /// several blocks of patches, on one thread and on two to the same bits.
  @Test(arguments: [
    (1, PatchConvolution(height: 3, width: 3, channels: 1, outputs: 1, kernel: 3, stride: 1)),
    (5, PatchConvolution(height: 7, width: 10, channels: 3, outputs: 5, kernel: 3, stride: 2)),
    (70, PatchConvolution(height: 9, width: 6, channels: 2, outputs: 17, kernel: 4, stride: 3)),
    (2, PatchConvolution(height: 36, width: 40, channels: 12, outputs: 32, kernel: 8, stride: 4)),
    (300, PatchConvolution(height: 5, width: 5, channels: 4, outputs: 8, kernel: 2, stride: 2)),
  ])
  func definition(count: Int, shape: PatchConvolution) {
    var random = RandomStream(seed: 11)
    let (x, w) = (
      Self.numbers(count * shape.inputSize, &random), Self.numbers(shape.outputs * shape.patchSize, &random)
    )
    let (b, upstream) = (Self.numbers(shape.outputs, &random), Self.numbers(count * shape.outputSize, &random))
    var want = [
      [Double](repeating: 0, count: count * shape.outputSize), [Double](repeating: 0, count: x.count),
      [Double](repeating: 0, count: w.count), [Double](repeating: 0, count: b.count),
    ]
    let taps = shape.kernel * shape.kernel
    for picture in 0..<count {
      for position in 0..<shape.positions {
        let (line, column) = position.quotientAndRemainder(dividingBy: shape.outputWidth)
        for output in 0..<shape.outputs {
          let place = (picture * shape.positions + position) * shape.outputs + output
          var sum = Double(b[output])
          // Through each connection three times: forward, to the pixel, to the weight.
          for tap in 0..<taps {
            let (down, right) = tap.quotientAndRemainder(dividingBy: shape.kernel)
            let pixel = (line * shape.stride + down) * shape.width + column * shape.stride + right
            for channel in 0..<shape.channels {
              let from = picture * shape.inputSize + pixel * shape.channels + channel
              let weight = (output * shape.channels + channel) * taps + tap
              sum += Double(x[from]) * Double(w[weight])
              want[1][from] += Double(upstream[place]) * Double(w[weight])
              want[2][weight] += Double(upstream[place]) * Double(x[from])
            }
          }
          want[0][place] = sum
          want[3][output] += Double(upstream[place])
        }
      }
    }
    let found = Self.results(shape, x, w, b, upstream: upstream, activation: .identity)
    for (found, want) in zip(found, want) {
      let scale = want.reduce(1) { max($0, abs($1)) }
      #expect(found.count == want.count)
      #expect(zip(found, want).allSatisfy { abs(Double($0) - $1) <= 2e-6 * scale })
    }
    let two = Tape(pool: ComputePool(threads: 2))
    #expect(Self.results(shape, x, w, b, upstream: upstream, activation: .identity, two) == found)
    // An activation inside is the one that follows.
    let inside = Self.results(shape, x, w, b, upstream: upstream, activation: .relu)
    #expect(inside[0] == found[0].map { max($0, 0) })
  }

  /// PyTorch's 5×5 with two pixels of zeros around: pictures with the zeros in them.
  @Test(.golden("neural/layernorm_rmsnorm_gru.json")) func golden() throws {
    let fixture = try Fixture("neural/layernorm_rmsnorm_gru.json")
    let (inputs, want) = (try fixture["inputs/conv2d"], try fixture["outputs/conv2d"])
    let (seen, kernels) = (try inputs["x"].shape(rank: 4), try inputs["weight"].shape(rank: 4))
    let (count, channels, height, width) = (seen[0], seen[1], seen[2], seen[3])
    let shape = PatchConvolution(
      height: height + 4, width: width + 4, channels: channels, outputs: kernels[0], kernel: 5, stride: 1)
    let x = try inputs["x"].floats(seen)
    var padded = [Float](repeating: 0, count: count * shape.inputSize)
    /// Where a number of PyTorch's [count, channels, height, width] stands in the pictures with zeros.
    func place(_ picture: Int, _ channel: Int, _ line: Int, _ column: Int) -> Int {
      picture * shape.inputSize + ((line + 2) * shape.width + column + 2) * channels + channel
    }
    /// Those places in PyTorch's order.
    var places: [Int] = []
    for picture in 0..<count {
      for channel in 0..<channels {
        for line in 0..<height { for column in 0..<width { places.append(place(picture, channel, line, column)) } }
      }
    }
    for (from, to) in places.enumerated() { padded[to] = x[from] }
    let outputs = [count, shape.outputs, height, width]
    let found = Self.results(
      shape, padded, try inputs["weight"].floats(kernels), try inputs["bias"].floats([shape.outputs]),
      upstream: channelsLast(try inputs["upstream"].floats(outputs), outputs), activation: .identity)
    try want["y"].expectClose(channelsFirst(found[0], outputs), outputs, within: 1e-4)
    try want["grad_x"].expectClose(places.map { found[1][$0] }, seen, within: 1e-4)
    try want["grad_weight"].expectClose(found[2], kernels, within: 1e-4)
    try want["grad_bias"].expectClose(found[3], [shape.outputs], within: 1e-4)
  }
}
