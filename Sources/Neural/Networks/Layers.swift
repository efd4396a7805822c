import Support

/// A dense layer per member: activation(x·Wᵀ + b).
package struct Linear {
  /// [members, outputs, inputs]
  package let weight: Parameter
  /// [members, 1, outputs]
  package let bias: Parameter
  /// Owns the parameters.
  package private(set) var store: ParameterStore

  /// Parameters "name.weight" and "name.bias"; name may hold "{member}".
  package init(
    name: String, inputs: Int, outputs: Int, members: Int = 1, in store: ParameterStore,
    weightInitializer: Initializer = .kaimingUniform, biasInitializer: Initializer = .zeros,
    random: inout RandomStream
  ) {
    self.store = store
    weight = store.add(
      name + ".weight", batch: members, rows: outputs, columns: inputs, initializer: weightInitializer,
      random: &random)
    bias = store.addVector(
      name + ".bias", batch: members, count: outputs, initializer: biasInitializer, fanIn: inputs, random: &random)
  }

  /// x [members or 1, rows, inputs] → [members, rows, outputs]
  package func callAsFunction(
    _ x: Tensor, on tape: Tape, activation: Activation = .identity, frozen: Bool = false
  ) -> Tensor {
    tape.linear(
      x, weight: tape.parameter(weight, of: store, frozen: frozen),
      bias: tape.parameter(bias, of: store, frozen: frozen), activation: activation)
  }

  /// The same of one member, where it has been computed before; see `Tape.linear`.
  package func callAsFunction(_ x: Tensor, computed: Rows, on tape: Tape) -> Tensor {
    tape.linear(x, weight: tape.parameter(weight, of: store), bias: tape.parameter(bias, of: store), computed: computed)
  }

  /// The same layer with the values of another store of the same layout.
  package func over(_ store: ParameterStore) -> Linear {
    var copy = self
    copy.store = store
    return copy
  }
}

/// A multi-layer perceptron per member: an ensemble of equal networks evaluated together.
///
/// Layer i is "name.layers.i"; the activation follows every layer but the last, after dropout and layer norm where
/// there are any (DroQ, Hiraoka et al. 2022).
package final class MLP: Network {
  /// From input to output.
  package let linears: [Linear]
  /// After every layer but the last.
  package let activation: Activation
  /// Before the activation of every hidden layer, scale and shift [members, 1, outputs] of a layer norm,
  /// "name.layers.i.norm"; empty: none.
  package let norms: [(scale: Parameter, shift: Parameter)]
  /// Before the layer norm of every hidden layer; nil: none.
  package let dropout: Dropout?
  /// Networks in the ensemble.
  package let members: Int
  /// Owns the parameters.
  package let store: ParameterStore
  /// Its linear layers, for the fused kernels.
  let layout: NetworkLayout

  /// `sizes` from input to output, e.g. [6, 200, 200, 8]. An empty name leaves out the leading "name.". Networks that
  /// one optimiser moves share a store.
  ///
  /// The default start is PETS's: weights truncated normal of deviation 1/(2√fan-in), biases 0.
  package init(
    name: String, sizes: [Int], members: Int = 1, activation: Activation, in store: ParameterStore = ParameterStore(),
    weightInitializer: Initializer = .truncatedNormalFanIn(gain: 0.5), biasInitializer: Initializer = .zeros,
    outputInitializer: Initializer? = nil, normalizesLayers: Bool = false, dropout: Dropout? = nil,
    random: inout RandomStream
  ) {
    precondition(sizes.count >= 2, "a network has an input and an output size")
    self.activation = activation
    self.members = members
    self.store = store
    self.dropout = dropout
    var linears: [Linear] = []
    var norms: [(scale: Parameter, shift: Parameter)] = []
    for layer in 0..<sizes.count - 1 {
      let isLast = layer == sizes.count - 2
      let layerName = (name.isEmpty ? "" : name + ".") + "layers.\(layer)"
      linears.append(
        Linear(
          name: layerName, inputs: sizes[layer], outputs: sizes[layer + 1], members: members, in: store,
          weightInitializer: isLast ? outputInitializer ?? weightInitializer : weightInitializer,
          biasInitializer: biasInitializer, random: &random))
      guard normalizesLayers, !isLast else { continue }
      func vector(_ part: String, _ value: Float) -> Parameter {
        store.addVector(
          "\(layerName).norm.\(part)", batch: members, count: sizes[layer + 1], initializer: .constant(value),
          random: &random)
      }
      norms.append((vector("weight", 1), vector("bias", 0)))
    }
    self.linears = linears
    self.norms = norms
    layout = NetworkLayout(
      linears.map { ($0.weight, $0.bias) }, activation: activation.kernelCode, in: store)
  }

  private init(_ network: MLP, over store: ParameterStore) {
    linears = network.linears.map { $0.over(store) }
    (activation, members, self.store) = (network.activation, network.members, store)
    (norms, dropout, layout) = (network.norms, network.dropout, network.layout.over(store))
  }

  /// Whether it is linear layers and activations only.
  package var isPlain: Bool { norms.isEmpty && dropout == nil }

  /// Weights and biases of one network of these sizes; `Int.max` where they are more.
  package static func parameterCount(_ sizes: [Int]) -> Int {
    zip(sizes, sizes.dropFirst()).reduce(0) { $0 + MemoryNeed.product($1.0 + 1, $1.1) }
  }

  /// Columns of the input.
  package var inputs: Int { linears[0].weight.columns }
  /// Columns of the output.
  package var outputs: Int { linears[linears.count - 1].weight.rows }
  /// Weight [members, out, in] and bias [members, 1, out] of every layer, from input to output.
  package var layers: [(weight: Parameter, bias: Parameter)] { linears.map { ($0.weight, $0.bias) } }

  /// x [members or 1, rows, sizes.first] → [members, rows, sizes.last]. Frozen, the parameters take no gradient.
  package func callAsFunction(_ x: Tensor, on tape: Tape, frozen: Bool = false) -> Tensor {
    output(of: features(x, on: tape, frozen: frozen), on: tape, frozen: frozen)
  }

  /// The same, to the bit, in less time: as one node where it is linear layers and activations only and there are rows
  /// enough. Back goes one pass only.
  package func fused(_ x: Tensor, on tape: Tape, frozen: Bool = false) -> Tensor {
    guard isPlain, tape.canFuse(layout, x) else { return self(x, on: tape, frozen: frozen) }
    return tape.network(layout, x, frozen: frozen)
  }

  /// What the last layer sees, [members, rows, its inputs]; x itself where there is no other one.
  package func features(_ x: Tensor, on tape: Tape, frozen: Bool = false) -> Tensor {
    linears.indices.dropLast().reduce(x) { hidden($1, $0, on: tape, frozen: frozen) }
  }

  /// A hidden layer: dropout, layer norm and activation follow the linear one.
  private func hidden(_ layer: Int, _ x: Tensor, on tape: Tape, frozen: Bool) -> Tensor {
    if isPlain { return linears[layer](x, on: tape, activation: activation, frozen: frozen) }
    var h = linears[layer](x, on: tape, frozen: frozen)
    if let dropout { h = dropout(h, on: tape) }
    if !norms.isEmpty {
      h = tape.layerNorm(
        h, weight: tape.parameter(norms[layer].scale, of: store, frozen: frozen),
        bias: tape.parameter(norms[layer].shift, of: store, frozen: frozen))
    }
    return tape.activation(h, activation)
  }

  /// The last layer alone.
  package func output(of features: Tensor, on tape: Tape, frozen: Bool = false) -> Tensor {
    linears[linears.count - 1](features, on: tape, frozen: frozen)
  }

  package func over(_ store: ParameterStore) -> MLP { MLP(self, over: store) }
}
