import Environments
import Neural
import Support

/// What stands between observations and the networks of an actor and a critic: convolutions and dense layers for
/// pictures, dense layers that both networks share, or nothing.
struct ObservationTrunk {
  /// Columns of what comes out.
  let outputs: Int
  private let convolutions: ConvolutionStack?
  private let dense: [Linear]
  private let activation: Activation

  /// Parameters "name.convolutions.i" and "name.layers.i".
  init(
    name: String, _ plan: ActorCriticPlan, _ settings: ActorCriticNetwork.Settings, in store: ParameterStore,
    random: inout RandomStream
  ) {
    let isOrthogonal = settings.start == .orthogonal
    let weights = isOrthogonal ? Initializer.orthogonal(gain: Float(settings.hiddenGain)) : .kaimingUniform
    let biases = isOrthogonal ? Initializer.zeros : .kaimingUniform
    activation = plan.activation
    convolutions =
      plan.convolutions.isEmpty
      ? nil
      : ConvolutionStack(
        name: "\(name).convolutions", plan.convolutions, activation: plan.activation, in: store,
        weightInitializer: weights, biasInitializer: biases, random: &random)
    var (dense, inputs) = ([Linear](), plan.seen)
    for (layer, size) in plan.trunkSizes.enumerated() {
      dense.append(
        Linear(
          name: "\(name).layers.\(layer)", inputs: inputs, outputs: size, in: store, weightInitializer: weights,
          biasInitializer: biases, random: &random))
      inputs = size
    }
    (self.dense, outputs) = (dense, inputs)
  }

  /// Observations [1, rows, observation size], of pictures shares of 255 → [1, rows, outputs].
  func callAsFunction(_ observations: Tensor, on tape: Tape) -> Tensor {
    let seen = convolutions.map { $0(observations, on: tape) } ?? observations
    return dense.reduce(seen) { $1($0, on: tape, activation: activation) }
  }
}

/// Which layers an actor and a critic have for the observations of a task, and which of them are shared.
package struct ActorCriticPlan: Equatable, Sendable {
  package let isPicture: Bool
  /// Whether policy and values share all but their last layers.
  package let isShared: Bool
  package let convolutions: [PatchConvolution]
  /// Columns of observations, and of what the convolutions make of them.
  package let size, seen: Int
  /// Dense layers of a trunk, and hidden ones that policy and values each have behind it.
  package let trunkSizes, ownSizes: [Int]
  /// Of the trunk.
  package let activation: Activation

  package init(_ settings: ActorCriticNetwork.Settings, _ space: ObservationSpace) {
    isPicture = space.isImage
    isShared = settings.sharing == .always || settings.sharing == .pictures && space.isImage
    convolutions = settings.convolutions.layers(space) ?? []
    (size, seen) = (space.size, convolutions.last?.outputSize ?? space.size)
    if convolutions.isEmpty {
      (trunkSizes, ownSizes) = isShared ? (settings.hiddenSizes, []) : ([], settings.hiddenSizes)
      activation = settings.activation
    } else {
      (trunkSizes, ownSizes, activation) = (settings.convolutions.hiddenSizes, [], .relu)
    }
  }

  /// Weights and biases of both networks, for `actions` columns.
  package func parameterCount(actions: Int) -> Int {
    let picture = convolutions.reduce(0) { $0 + ($1.patchSize + 1) * $1.outputs }
    let trunk = MLP.parameterCount([seen] + trunkSizes)
    let own = [(trunkSizes.last ?? seen)] + ownSizes
    return (picture + trunk) * (isShared ? 1 : 2) + MLP.parameterCount(own + [actions]) + MLP.parameterCount(own + [1])
  }

  /// Numbers that an update keeps of an observation: itself, results of every layer and their gradients, and of dense
  /// layers what the activation sees, and its gradients.
  package func numbersPerRow(actions: Int) -> Int {
    let pictures = convolutions.reduce(0) { $0 + $1.outputSize }
    let dense = (trunkSizes + ownSizes).reduce(0, +)
    return size + (isShared ? 1 : 2) * (2 * pictures + 4 * dense) + 8 * actions
  }
}
