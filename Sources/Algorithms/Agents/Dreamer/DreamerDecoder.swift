import Neural
import Support

/// What a world model says of an observation, from the latent state (DreamerV3).
package final class DreamerDecoder {
  private let observation: DreamerObservation
  /// Of numbers and indices; nil where there are none.
  private let dense: DreamerMLP?
  private let picture: PictureDecoder?

  package init(
    _ observation: DreamerObservation, _ sizes: DreamerSizes, in store: ParameterStore, random: inout RandomStream
  ) {
    self.observation = observation
    let heads = observation.parts.filter { $0.width > 0 }.map { (name: $0.name, outputs: $0.width) }
    dense =
      heads.isEmpty
      ? nil
      : DreamerMLP(
        name: "decoder", inputs: sizes.features, units: sizes.units, layers: sizes.denseLayers, heads: heads,
        outputScale: 1, in: store,
        random: &random)
    picture = observation.picture.map { PictureDecoder($0, sizes, in: store, random: &random) }
  }

  /// Per part [rows, 1]: Σ (prediction − symlog x)² of numbers, the cross-entropy of an index, Σ (prediction − x/255)²
  /// of a picture, into a list that keeps its memory.
  package func losses(
    _ features: Tensor, h: Tensor, z: Tensor, _ observations: Rows, on tape: Tape, into losses: inout [Tensor]
  ) {
    losses.removeAll(keepingCapacity: true)
    if let dense {
      let seen = dense.trunk(features, on: tape)
      let targets = observation.encode(observations, on: tape)
      var (column, head) = (0, 0)
      for part in observation.parts where part.width > 0 {
        let target = tape.columns(targets, column..<column + part.width)
        let said = dense.heads[head](seen, on: tape)
        column += part.width
        head += 1
        if case .index = part {
          losses.append(tape.softmaxCrossEntropy(logits: said, targets: target))
        } else {
          losses.append(tape.sumColumns(tape.square(tape.subtract(said, target))))
        }
      }
    }
    if let picture, let columns = observation.pictureColumns {
      losses.append(picture.loss(h: h, z: z, observations.columns(columns), on: tape))
    }
  }

  /// Numbers, the most probable index, bytes: an observation in its own units.
  package func predict(h: Tensor, z: Tensor, on tape: Tape, into predictions: MutableRows) {
    let seen = dense?.trunk(tape.concatenateColumns(h, z), on: tape)
    var (column, head) = (0, 0)
    for part in observation.parts {
      let out = predictions.columns(column..<column + part.columns)
      column += part.columns
      if case .picture = part {
        if let pixels = picture(h: h, z: z, on: tape) { out.copy(tape.rows(of: tape.scale(pixels, by: 255))) }
        continue
      }
      let said = tape.rows(of: dense!.heads[head](seen!, on: tape))
      head += 1
      if case .index = part {
        for row in 0..<said.count { out[row, 0] = Float(said.largestColumn(row)) }
      } else {
        out.setSymexp(of: said)
      }
    }
  }

  /// What the picture would be, pixels in [0, 1], [rows, height·width·channels]; nil: there is none.
  package func picture(h: Tensor, z: Tensor, on tape: Tape) -> Tensor? {
    picture.map {
      let said = $0.logits(h: h, z: z, on: tape)
      return tape.rows(said.with(tape.activation(said.tensor, .sigmoid)))
    }
  }
}

/// Latent states to pictures: dense layers to the smallest picture, then every pixel four times, 5×5 convolution, norm
/// and SiLU, level by level.
struct PictureDecoder {
  private let shape: DreamerObservation.Picture
  private let store: ParameterStore
  private let low: (height: Int, width: Int)
  private let lowChannels, blocks: Int
  /// Of h, block by block; of z.
  private let ownWeight, ownBias: Parameter
  private let latent: NormedLayer
  private let latentHead: Linear
  private let norm: Parameter
  /// From the smallest picture on; the last one says the pixels.
  private let levels: [PictureLayer]

  init(
    _ shape: DreamerObservation.Picture, _ sizes: DreamerSizes, in store: ParameterStore, random: inout RandomStream
  ) {
    (self.shape, self.store) = (shape, store)
    let channels = sizes.channels(of: shape)
    low = shape.lowest(channels.count)
    lowChannels = channels[channels.count - 1]
    // Every block has some channels of its own.
    blocks = sizes.pictureBlocks ?? greatestCommonDivisor(sizes.blocks, lowChannels)
    let size = low.height * low.width * lowChannels
    ownWeight = store.add(
      "decoder.picture.deterministic.weight", batch: blocks, rows: size / blocks,
      columns: sizes.deterministic / blocks, initializer: .truncatedNormalFanIn(gain: dreamerGain),
      fanIn: sizes.deterministic, random: &random)
    ownBias = store.addVector(
      "decoder.picture.deterministic.bias", count: size, initializer: .zeros, random: &random)
    latent = NormedLayer(
      name: "decoder.picture.stochastic.0", inputs: sizes.stochastic, outputs: 2 * sizes.units, in: store,
      random: &random)
    latentHead = dreamerLinear(
      name: "decoder.picture.stochastic.1", inputs: 2 * sizes.units, outputs: size, in: store, random: &random)
    norm = store.addVector("decoder.picture.norm", count: lowChannels, initializer: .constant(1), random: &random)
    var levels: [PictureLayer] = []
    for level in stride(from: channels.count - 1, through: 0, by: -1) {
      levels.append(
        PictureLayer(
          name: "decoder.picture.\(level)", inputs: channels[level],
          outputs: level == 0 ? shape.channels : channels[level - 1], isNormed: level > 0, in: store, random: &random))
    }
    self.levels = levels
  }

  /// Pixels between 0 and 1, before the sigmoid.
  func logits(h: Tensor, z: Tensor, on tape: Tape) -> Frames {
    func parameter(_ parameter: Parameter) -> Tensor { tape.parameter(parameter, of: store) }
    func small(_ rows: Tensor, blocks: Int) -> Frames {
      tape.frames(rows, height: low.height, width: low.width, channels: lowChannels, blocks: blocks)
    }
    let own = tape.blockLinear(h, weight: parameter(ownWeight), bias: parameter(ownBias))
    let drawn = latentHead(latent(z, on: tape), on: tape)
    var frames = small(own, blocks: blocks)
    frames = frames.with(tape.add(frames.tensor, small(drawn, blocks: 1).tensor))
    frames = tape.normSiLU(frames, scale: parameter(norm))
    for level in levels { frames = level.norm(level.upsampledConvolution(frames, on: tape), on: tape) }
    return frames
  }

  /// Σ (pixel − byte/255)², [rows, 1].
  func loss(h: Tensor, z: Tensor, _ pictures: Rows, on tape: Tape) -> Tensor {
    tape.pictureLoss(logits(h: h, z: z, on: tape), pictures)
  }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }
