import Support

/// A multi-layer perceptron per member whose hidden values are normalised: dense → dropout → SiLU → norm for every
/// hidden layer, and a dense layer at last. The norm has neither scale nor shift; with a large epsilon it hardly
/// normalises, but takes off the mean and damps.
///
/// Weights start normal of variance 2/fan-in, biases of variance 1/(4·fan-in): DHMBPO's networks (Kubo et al. 2025).
package final class NormalizedMLP: Network {
  /// From input to output, "name.layers.i".
  package let linears: [Linear]
  /// Of the norm after each hidden layer.
  package let epsilons: [Float]
  /// Networks in the ensemble.
  package let members: Int
  /// Owns the parameters.
  package let store: ParameterStore
  /// Its layers, for the fused kernels.
  private let layout: NetworkLayout

  /// `sizes` from input to output. An empty name leaves out the leading "name."; it may hold "{member}".
  /// - Parameter startsAtZero: whether the last layer does, so that all outputs are 0 at first.
  package init(
    name: String, sizes: [Int], epsilons: [Float], members: Int = 1, in store: ParameterStore = ParameterStore(),
    startsAtZero: Bool = false, random: inout RandomStream
  ) {
    precondition(sizes.count >= 2 && epsilons.count == sizes.count - 2, "one epsilon for each hidden layer")
    (self.epsilons, self.members, self.store) = (epsilons, members, store)
    var linears: [Linear] = []
    for layer in 0..<sizes.count - 1 {
      let isZero = startsAtZero && layer == sizes.count - 2
      linears.append(
        Linear(
          name: (name.isEmpty ? "" : name + ".") + "layers.\(layer)", inputs: sizes[layer], outputs: sizes[layer + 1],
          members: members, in: store,
          weightInitializer: isZero ? .zeros : .normalFanIn(gain: Float(2).squareRoot()),
          biasInitializer: isZero ? .zeros : .normalFanIn(gain: 0.5), random: &random))
    }
    self.linears = linears
    layout = NetworkLayout(
      linears.map { ($0.weight, $0.bias) }, activation: Activation.silu.kernelCode, normEpsilons: epsilons, in: store)
  }

  private init(_ network: NormalizedMLP, over store: ParameterStore) {
    linears = network.linears.map { $0.over(store) }
    (epsilons, members, self.store) = (network.epsilons, network.members, store)
    layout = network.layout.over(store)
  }

  package func over(_ store: ParameterStore) -> NormalizedMLP { NormalizedMLP(self, over: store) }

  /// x [members or 1, rows, sizes.first] → [members, rows, sizes.last]. Frozen, the parameters take no gradient.
  package func callAsFunction(_ x: Tensor, on tape: Tape, frozen: Bool = false) -> Tensor {
    pass(x, on: tape) { linears[$0]($1, on: tape, activation: $2, frozen: frozen) }
  }

  /// The same, to the bit, in less time: as one node where there are rows enough. Back goes one pass only.
  package func fused(_ x: Tensor, on tape: Tape, frozen: Bool = false) -> Tensor {
    tape.canFuse(layout, x) ? tape.network(layout, x, frozen: frozen) : self(x, on: tape, frozen: frozen)
  }

  /// The same where in each hidden layer a share of the values is left out, and the others made up for it.
  package func dropping(_ shares: [Float], _ x: Tensor, on tape: Tape, _ random: inout RandomStream) -> Tensor {
    pass(x, on: tape) { layer, x, activation in
      guard layer < shares.count, shares[layer] > 0 else { return linears[layer](x, on: tape, activation: activation) }
      let z = linears[layer](x, on: tape)
      return tape.activation(tape.multiply(z, mask(like: z, shares[layer], on: tape, &random)), activation)
    }
  }

  /// One member alone, frozen: x [1, rows, sizes.first] → [1, rows, sizes.last].
  package func member(_ member: Int, _ x: Tensor, on tape: Tape) -> Tensor {
    let layout = layout.member(member)
    if tape.canFuse(layout, x) { return tape.network(layout, x, frozen: true) }
    return pass(x, on: tape) { layer, x, activation in
      let part = linears[layer]
      return tape.linear(
        x, weight: tape.frozenMember(member, of: part.weight, in: part.store),
        bias: tape.frozenMember(member, of: part.bias, in: part.store), activation: activation)
    }
  }

  /// All layers one after another, each by `linear`: its number, what it sees, and the activation after it.
  private func pass(_ x: Tensor, on tape: Tape, _ linear: (Int, Tensor, Activation) -> Tensor) -> Tensor {
    var h = x
    for (layer, epsilon) in epsilons.enumerated() { h = tape.normalized(linear(layer, h, .silu), epsilon: epsilon) }
    return linear(epsilons.count, h, .identity)
  }

  /// 1/(1 − share), and 0 with the chance `share`: where few are left out, drawing the distances between them is far
  /// cheaper than a number for each.
  private func mask(
    like x: Tensor, _ share: Float, on tape: Tape, _ random: inout RandomStream
  ) -> Tensor {
    tape.constant(batch: x.batch, rows: x.rows, columns: x.columns) { mask in
      mask.update(repeating: 1 / (1 - share))
      // The distance to the next one is geometric: ⌊log u/log(1 − share)⌋ kept values in between.
      let scale = 1 / KernelMath.log(1 - share)
      var place = -1
      while true {
        let gap = KernelMath.log(max(Float(1 - random.uniform()), .leastNormalMagnitude)) * scale
        guard gap < Float(mask.count - place - 1) else { return }
        place += 1 + Int(gap)
        mask[place] = 0
      }
    }
  }
}
