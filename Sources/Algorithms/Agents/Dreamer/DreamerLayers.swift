import Neural
import Support

/// SiLU(RMS norm of a dense layer): the layer that Dreamer's networks are made of.
package struct NormedLayer {
  package let linear: Linear
  /// [1, 1, outputs]
  package let scale: Parameter

  /// Parameters "name.weight", "name.bias" and "name.norm".
  package init(name: String, inputs: Int, outputs: Int, in store: ParameterStore, random: inout RandomStream) {
    linear = dreamerLinear(name: name, inputs: inputs, outputs: outputs, in: store, random: &random)
    scale = store.addVector("\(name).norm", count: outputs, initializer: .constant(1), random: &random)
  }

  private init(_ layer: NormedLayer, over store: ParameterStore) {
    (linear, scale) = (layer.linear.over(store), layer.scale)
  }

  /// x [1, rows, inputs] → [1, rows, outputs]
  package func callAsFunction(_ x: Tensor, on tape: Tape) -> Tensor {
    tape.normSiLU(linear(x, on: tape), scale: tape.parameter(scale, of: linear.store))
  }

  /// The same where the dense layer's sums are known.
  func callAsFunction(_ x: Tensor, computed: Rows, on tape: Tape) -> Tensor {
    tape.normSiLU(linear(x, computed: computed, on: tape), scale: tape.parameter(scale, of: linear.store))
  }

  package func over(_ store: ParameterStore) -> NormedLayer { NormedLayer(self, over: store) }
}

/// Some normed layers and one dense layer that says what is wanted.
package final class DreamerMLP: Network {
  package let store: ParameterStore
  package let layers: [NormedLayer]
  /// In the order in which their results stand side by side.
  package let heads: [Linear]

  /// Layers "name.layers.i", heads "name.h".
  /// - Parameter outputScale: factor on the initial weights of the heads.
  package init(
    name: String, inputs: Int, units: Int, layers: Int, heads: [(name: String, outputs: Int)], outputScale: Float,
    in store: ParameterStore, random: inout RandomStream
  ) {
    self.store = store
    var built: [NormedLayer] = []
    for layer in 0..<layers {
      built.append(
        NormedLayer(
          name: "\(name).layers.\(layer)", inputs: layer == 0 ? inputs : units, outputs: units, in: store,
          random: &random))
    }
    self.layers = built
    var ends: [Linear] = []
    for head in heads {
      ends.append(
        dreamerLinear(
          name: "\(name).\(head.name)", inputs: layers == 0 ? inputs : units, outputs: head.outputs,
          scale: outputScale, in: store, random: &random))
    }
    self.heads = ends
  }

  private init(_ network: DreamerMLP, over store: ParameterStore) {
    self.store = store
    layers = network.layers.map { $0.over(store) }
    heads = network.heads.map { $0.over(store) }
  }

  /// x [1, rows, inputs] → what the heads see, [1, rows, units].
  package func trunk(_ x: Tensor, on tape: Tape) -> Tensor { layers.reduce(x) { $1($0, on: tape) } }

  /// The only head: x [1, rows, inputs] → [1, rows, outputs].
  package func callAsFunction(_ x: Tensor, on tape: Tape) -> Tensor { heads[0](trunk(x, on: tape), on: tape) }

  /// What every head says of some rows x [1, rows, inputs] of what was computed before, by turns.
  func heads(
    _ x: Tensor, computed: ComputedLayers, rows: Range<Int>, on tape: Tape
  ) -> (first: Tensor, second: Tensor?) {
    var seen = x
    for (place, layer) in layers.enumerated() {
      seen = layer(seen, computed: computed.sums[place].read.slice(rows), on: tape)
    }
    func head(_ place: Int) -> Tensor { heads[place](seen, computed: computed.said[place].read.slice(rows), on: tape) }
    return (head(0), heads.count > 1 ? head(1) : nil)
  }

  package func over(_ store: ParameterStore) -> DreamerMLP { DreamerMLP(self, over: store) }
}

/// The sums of all dense layers of a network on some rows, kept for the way back.
final class ComputedLayers {
  /// Of every normed layer, before the norm; of every head.
  let sums, said: [RowBuffer]

  init(_ network: DreamerMLP, rows: Int) {
    sums = network.layers.map { RowBuffer(rows, $0.linear.weight.rows) }
    said = network.heads.map { RowBuffer(rows, $0.weight.rows) }
  }
}

/// DreamerV3's start of a dense layer: truncated normal of deviation 1.1368/√inputs, biases 0.
func dreamerLinear(
  name: String, inputs: Int, outputs: Int, scale: Float = 1, in store: ParameterStore, random: inout RandomStream
) -> Linear {
  Linear(
    name: name, inputs: inputs, outputs: outputs, in: store,
    weightInitializer: scale == 0 ? .zeros : .truncatedNormalFanIn(gain: dreamerGain * scale), random: &random)
}

/// Makes the deviation of a normal that is truncated at ±2 deviations that of one that is not.
let dreamerGain: Float = 1.1368
