import Algorithms
import Neural
import Support
import TestSupport
import Testing

/// Encoder and decoder of numbers and a picture against numbers of DreamerV3.
@Suite(.golden("neural/dreamer_encoder_decoder.json")) struct DreamerCodecGoldenTests {
  let fixture: Fixture
  let store = ParameterStore()
  let encoder: DreamerEncoder
  let decoder: DreamerDecoder
  let tensors: [(name: String, places: [Int])]
  /// Numbers, then the picture.
  let observations: RowBuffer
  let tape = Tape()

  init() throws {
    fixture = try Fixture("neural/dreamer_encoder_decoder.json")
    let (config, obs) = (try fixture["inputs/config"], try fixture["inputs/obs"])
    func size(_ key: String) throws -> Int { try config[key].integer(in: 1...10_000) }
    let (h, z) = (
      try fixture["inputs/features/deter"].shape(rank: 3), try fixture["inputs/features/stoch"].shape(rank: 4)
    )
    var sizes = DreamerSizes(
      deterministic: h[2], hidden: 1, units: try size("units"), latents: z[2], classes: z[3],
      blocks: try size("blocks"), depth: try size("depth"))
    sizes.denseLayers = try size("layers")
    sizes.depthMultiples = try config["mults"].elements().map { try $0.integer(in: 1...100) }
    let (side, channels) = (try size("resolution"), try size("channels"))
    let vector = try obs["v0"].shape(rank: 3)
    let observation = DreamerObservation([
      .vector(name: "v0", size: vector[2]),
      .picture(name: "image", .init(height: side, width: side, channels: channels)),
    ])
    var random = RandomStream(seed: 1)
    encoder = DreamerEncoder(observation, sizes, in: store, random: &random)
    decoder = DreamerDecoder(observation, sizes, in: store, random: &random)
    observations = RowBuffer(vector[0] * vector[1], observation.columns)
    let (numbers, bytes) = (try obs.flat("v0"), try obs.flat("image"))
    for row in 0..<observations.rows.count {
      for column in 0..<vector[2] { observations.rows[row, column] = numbers[row * vector[2] + column] }
      let picture = side * side * channels
      for pixel in 0..<picture { observations.rows[row, vector[2] + pixel] = bytes[row * picture + pixel] }
    }
    let layout = DreamerTensors([store], sizes)
    let params = try fixture["inputs/params"]
    tensors = try params.keys().map { ($0, try layout.places($0, try params.member($0).shape).1) }
    for (name, places) in tensors {
      for (place, value) in zip(places, try params.flat(name)) { store.values[place] = value }
    }
  }

  private func expectGradients(_ want: Fixture, _ prefix: String) throws {
    for (name, places) in tensors where name.hasPrefix(prefix) {
      let shape = try fixture["inputs/params"].member(name).shape
      try want.member(name).expectClose(places.map { store.gradients[$0] }, shape, within: 2e-4)
    }
  }

  @Test func encoding() throws {
    let shape = try fixture["inputs/token_upstream"].shape(rank: 3)
    let tokens = encoder(observations.read, on: tape)
    try fixture["outputs/tokens"].expectClose(tape.values(tokens), shape, within: 2e-4)
    let upstream = try fixture["inputs/token_upstream"].floats(shape)
    store.clearGradients()
    tape.backward(
      tape.sum(tape.multiply(tokens, tape.constant(upstream, rows: tokens.rows, columns: tokens.columns))))
    try expectGradients(try fixture["outputs/grad_encoder"], "enc/")
  }

  @Test func decoding() throws {
    let (rows, from, want) = (observations.rows.count, try fixture["inputs/features"], try fixture["outputs"])
    let (shapeH, shapeZ) = (try from["deter"].shape, try from["stoch"].shape)
    let h = tape.variable(try from["deter"].floats(shapeH), rows: rows, columns: shapeH[2])
    let z = tape.variable(try from["stoch"].floats(shapeZ), rows: rows, columns: shapeZ[2] * shapeZ[3])
    var losses: [Tensor] = []
    decoder.losses(tape.concatenateColumns(h, z), h: h, z: z, observations.read, on: tape, into: &losses)
    for (key, loss) in zip(["v0", "image"], losses) {
      let shape = try want["loss/\(key)"].shape
      try want["loss/\(key)"].expectClose(tape.values(loss), shape, within: 2e-4)
    }
    let picture = try #require(decoder.picture(h: h, z: z, on: tape))
    try want["pred/image"].expectClose(tape.values(picture), want["pred/image"].shape, within: 2e-4)
    store.clearGradients()
    tape.backward(tape.add(tape.mean(losses[0]), tape.mean(losses[1])))
    try expectGradients(try want["grad_decoder"], "dec/")
    try want["grad_features/deter"].expectClose(tape.gradient(h), shapeH, within: 2e-4)
    try want["grad_features/stoch"].expectClose(tape.gradient(z), shapeZ, within: 2e-4)
  }
}
