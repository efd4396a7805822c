import Neural
import Support
import TestSupport
import Testing

/// Operations on pictures against numbers of PyTorch, which has the channels first.
@Suite(.golden("neural/layernorm_rmsnorm_gru.json")) struct ConvolutionGoldenTests {
  let fixture: Fixture
  let tape = Tape()

  init() throws { fixture = try Fixture("neural/layernorm_rmsnorm_gru.json") }

  /// [n, c, h, w] → rows of [h, w, c].
  private func channelsLast(_ values: [Float], _ shape: [Int]) -> [Float] {
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
  private func channelsFirst(_ values: UnsafeBufferPointer<Float>, _ shape: [Int]) -> [Float] {
    let (channels, pixels) = (shape[1], shape[2] * shape[3])
    var out: [Float] = []
    for picture in 0..<shape[0] {
      for channel in 0..<channels {
        for pixel in 0..<pixels { out.append(values[(picture * pixels + pixel) * channels + channel]) }
      }
    }
    return out
  }

  private func variable(_ fixture: Fixture) throws -> (rows: Tensor, frames: Frames, shape: [Int]) {
    let shape = try fixture.shape(rank: 4)
    let rows = tape.variable(
      channelsLast(try fixture.floats(shape), shape), rows: shape[0], columns: shape[1] * shape[2] * shape[3])
    return (rows, tape.frames(rows, height: shape[2], width: shape[3], channels: shape[1]), shape)
  }

  private func expect(_ y: Frames, _ want: Fixture, _ upstream: Fixture?) throws {
    let rows = tape.rows(y)
    let shape = [y.count, y.channels, y.height, y.width]
    try want["y"].expectClose(channelsFirst(tape.values(rows), shape), shape, within: 1e-4)
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
    try want["grad_x"].expectClose(channelsFirst(tape.gradient(x.rows), x.shape), x.shape, within: 1e-4)
    try want["grad_weight"].expectClose(tape.gradient(weight), shape, within: 1e-4)
    try want["grad_bias"].expectClose(tape.gradient(bias), [shape[0]], within: 1e-4)
  }

  @Test func pooling() throws {
    let (inputs, want) = (try fixture["inputs/maxpool2x2"], try fixture["outputs/maxpool2x2"])
    let x = try variable(inputs["x"])
    try expect(tape.maxPool(x.frames), want, inputs["upstream"])
    try want["grad_x"].expectClose(channelsFirst(tape.gradient(x.rows), x.shape), x.shape, within: 1e-4)
  }

  @Test func upsampling() throws {
    let (inputs, want) = (try fixture["inputs/upsample2x"], try fixture["outputs/upsample2x"])
    let x = try variable(inputs["x"])
    try expect(tape.upsample(x.frames), want, inputs["upstream"])
    try want["grad_x"].expectClose(channelsFirst(tape.gradient(x.rows), x.shape), x.shape, within: 1e-4)
  }
}
