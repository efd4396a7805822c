import Neural
import Support

/// What a world model sees: numbers and indices through dense layers, a picture through convolutions (DreamerV3).
package struct DreamerEncoder {
  private let observation: DreamerObservation
  /// Of numbers and indices; empty where there are none.
  private let layers: [NormedLayer]
  private let picture: PictureEncoder?
  /// Columns of what comes out.
  package let tokens: Int

  package init(
    _ observation: DreamerObservation, _ sizes: DreamerSizes, in store: ParameterStore, random: inout RandomStream
  ) {
    self.observation = observation
    var layers: [NormedLayer] = []
    if observation.width > 0 {
      for layer in 0..<sizes.denseLayers {
        layers.append(
          NormedLayer(
            name: "encoder.\(layer)", inputs: layer == 0 ? observation.width : sizes.units, outputs: sizes.units,
            in: store, random: &random))
      }
    }
    self.layers = layers
    picture = observation.picture.map { PictureEncoder($0, sizes, in: store, random: &random) }
    tokens = (layers.isEmpty ? 0 : sizes.units) + (picture?.tokens ?? 0)
  }

  /// Observations [rows, columns] → [rows, tokens], numbers first.
  package func callAsFunction(_ observations: Rows, on tape: Tape) -> Tensor {
    let dense = layers.isEmpty ? nil : layers.reduce(observation.encode(observations, on: tape)) { $1($0, on: tape) }
    guard let picture, let columns = observation.pictureColumns else { return dense! }
    let seen = picture(observations.columns(columns), on: tape)
    return dense.map { tape.concatenateColumns($0, seen) } ?? seen
  }
}

/// Pictures to numbers: 5×5 convolution, the largest of 2×2 pixels, norm and SiLU, level by level.
struct PictureEncoder {
  private let shape: DreamerObservation.Picture
  private let levels: [PictureLayer]
  let tokens: Int

  init(
    _ shape: DreamerObservation.Picture, _ sizes: DreamerSizes, in store: ParameterStore, random: inout RandomStream
  ) {
    self.shape = shape
    let channels = sizes.channels(of: shape)
    var levels: [PictureLayer] = []
    for (level, outputs) in channels.enumerated() {
      levels.append(
        PictureLayer(
          name: "encoder.picture.\(level)", inputs: level == 0 ? shape.channels : channels[level - 1], outputs: outputs,
          in: store, random: &random))
    }
    self.levels = levels
    let low = shape.lowest(channels.count)
    tokens = low.height * low.width * channels[channels.count - 1]
  }

  /// Bytes [rows, height·width·channels] → [rows, tokens].
  func callAsFunction(_ pictures: Rows, on tape: Tape) -> Tensor {
    var frames = tape.pictures(
      pictures, height: shape.height, width: shape.width, channels: shape.channels, offset: -0.5)
    for level in levels {
      frames = level.norm(level.pooledConvolution(frames, on: tape), on: tape)
    }
    return tape.rows(frames)
  }
}

/// A 5×5 convolution, and the norm and SiLU that may follow it.
struct PictureLayer {
  private let store: ParameterStore
  private let weight, bias: Parameter
  private let scale: Parameter?

  /// Parameters "name.weight" (PyTorch's [outputs, inputs, 5, 5]), "name.bias", "name.norm".
  init(
    name: String, inputs: Int, outputs: Int, isNormed: Bool = true, in store: ParameterStore,
    random: inout RandomStream
  ) {
    self.store = store
    weight = store.add(
      "\(name).weight", rows: outputs, columns: 25 * inputs, initializer: .truncatedNormalFanIn(gain: dreamerGain),
      random: &random)
    bias = store.addVector("\(name).bias", count: outputs, initializer: .zeros, random: &random)
    scale =
      isNormed ? store.addVector("\(name).norm", count: outputs, initializer: .constant(1), random: &random) : nil
  }

  /// Of which the largest of every 2×2 pixels is kept.
  func pooledConvolution(_ x: Frames, on tape: Tape) -> Frames {
    tape.pooledConvolution(x, weight: tape.parameter(weight, of: store), bias: tape.parameter(bias, of: store))
  }

  /// Of pictures of which every pixel stands four times.
  func upsampledConvolution(_ x: Frames, on tape: Tape) -> Frames {
    tape.upsampledConvolution(x, weight: tape.parameter(weight, of: store), bias: tape.parameter(bias, of: store))
  }

  func norm(_ x: Frames, on tape: Tape) -> Frames {
    scale.map { tape.normSiLU(x, scale: tape.parameter($0, of: store)) } ?? x
  }
}
