import Support

/// Convolutions of pictures that are rows, one after another, each with its bias and the same activation.
package struct ConvolutionStack {
  /// From the picture on.
  private let shapes: [PatchConvolution]
  /// PyTorch's [outputs, channels, kernel, kernel] of each, and its bias.
  private let layers: [(weight: Parameter, bias: Parameter)]
  private let activation: Activation
  private let store: ParameterStore

  /// Parameters "name.i.weight" and "name.i.bias". `shapes` fit one another.
  package init(
    name: String, _ shapes: [PatchConvolution], activation: Activation, in store: ParameterStore,
    weightInitializer: Initializer, biasInitializer: Initializer, random: inout RandomStream
  ) {
    (self.shapes, self.activation, self.store) = (shapes, activation, store)
    var layers: [(weight: Parameter, bias: Parameter)] = []
    for (place, shape) in shapes.enumerated() {
      let weight = store.add(
        "\(name).\(place).weight", rows: shape.outputs, columns: shape.patchSize, initializer: weightInitializer,
        random: &random)
      let bias = store.addVector(
        "\(name).\(place).bias", count: shape.outputs, initializer: biasInitializer, fanIn: shape.patchSize,
        random: &random)
      layers.append((weight, bias))
    }
    self.layers = layers
  }

  /// Pictures [1, rows, height·width·channels] → what the last layer says, [1, rows, its numbers].
  package func callAsFunction(_ pictures: Tensor, on tape: Tape) -> Tensor {
    var seen = pictures
    for (shape, layer) in zip(shapes, layers) {
      seen = tape.convolution(
        seen, shape, weight: tape.parameter(layer.weight, of: store), bias: tape.parameter(layer.bias, of: store),
        activation: activation)
    }
    return seen
  }
}
