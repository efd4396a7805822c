import CKernels
import Support

/// Where the fused kernels find an ensemble of perceptrons in a store.
package struct NetworkLayout {
  /// No layers where it has more than they take.
  let kernel: ck_network
  /// Weight and bias of every layer, from input to output.
  let parameters: [Parameter]
  /// Owns them.
  package let store: ParameterStore

  /// Linear layers of weights [members, out, in] and biases [members, 1, out], with an activation after all but the
  /// last, and behind it a norm with neither scale nor shift where there are epsilons, one for each.
  init(
    _ layers: [(weight: Parameter, bias: Parameter)], activation: Int32, normEpsilons: [Float] = [],
    in store: ParameterStore
  ) {
    self.init(NetworkLayout.kernel(layers, activation, normEpsilons), layers.flatMap { [$0.weight, $0.bias] }, store)
  }

  private init(_ kernel: ck_network, _ parameters: [Parameter], _ store: ParameterStore) {
    (self.kernel, self.parameters, self.store) = (kernel, parameters, store)
  }

  /// The same in another store of the same layout.
  func over(_ store: ParameterStore) -> NetworkLayout { NetworkLayout(kernel, parameters, store) }

  /// One network of the ensemble alone; it cannot be trained.
  func member(_ member: Int) -> NetworkLayout {
    precondition(member >= 0 && member < members, "member \(member) of \(members)")
    var kernel = kernel
    let layers = Int(kernel.layers)
    kernel.members = 1
    withElements(of: &kernel.weights, as: Int64.self) {
      for layer in 0..<layers {
        let weight = parameters[2 * layer]
        $0[layer] += Int64(member * weight.rows * weight.columns)
      }
    }
    withElements(of: &kernel.biases, as: Int64.self) {
      for layer in 0..<layers { $0[layer] += Int64(member * parameters[2 * layer + 1].columns) }
    }
    return NetworkLayout(kernel, parameters, store)
  }

  /// Networks in the ensemble.
  var members: Int { Int(kernel.members) }
  /// Columns of the input.
  var inputs: Int { parameters[0].columns }
  /// Columns of the output.
  var outputs: Int { parameters[parameters.count - 2].rows }

  private static func kernel(
    _ layers: [(weight: Parameter, bias: Parameter)], _ activation: Int32, _ normEpsilons: [Float]
  ) -> ck_network {
    var kernel = ck_network()
    guard layers.count <= CK_MAX_LAYERS else { return kernel }
    kernel.layers = Int32(layers.count)
    kernel.members = Int32(layers[0].weight.batch)
    kernel.activation = activation
    kernel.is_normalized = normEpsilons.isEmpty ? 0 : 1
    withElements(of: &kernel.epsilons, as: Float.self) { epsilons in
      for (place, epsilon) in normEpsilons.enumerated() { epsilons[place] = epsilon }
    }
    withElements(of: &kernel.widths, as: Int32.self) {
      $0[0] = Int32(layers[0].weight.columns)
      for (place, layer) in layers.enumerated() { $0[place + 1] = Int32(layer.weight.rows) }
    }
    withElements(of: &kernel.weights, as: Int64.self) {
      for (place, layer) in layers.enumerated() { $0[place] = Int64(layer.weight.offset) }
    }
    withElements(of: &kernel.biases, as: Int64.self) {
      for (place, layer) in layers.enumerated() { $0[place] = Int64(layer.bias.offset) }
    }
    return kernel
  }
}
