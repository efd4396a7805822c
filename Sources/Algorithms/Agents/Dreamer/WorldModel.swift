import CKernels
import Environments
import Neural
import Support

/// DreamerV3's world model: encoder, dynamics, and decoders of observation, reward and continuation.
package final class WorldModel {
  package struct Settings: Sendable {
    package var sizes = DreamerSizes(.nano)
    /// Share of the uniform distribution in every latent.
    package var unimix: Float = 0.01
    /// γ: a state that is not the task's end goes on with this probability.
    package var discount: Float = 1 - 1 / 333
    package var freeNats: Float = 1
    /// Whether the average over all states is held to `freeNats` (DreamerV1 and V2), not every state.
    package var averagesFreeNats = false
    /// Weights of the two sides of the KL divergence.
    package var dynamicsScale: Float = 1
    package var representationScale: Float = 0.1

    package init() {}
  }

  package let settings: Settings
  package let observation: DreamerObservation
  package let store = ParameterStore()
  private let encoder: DreamerEncoder
  package let dynamics: RecurrentStateSpace
  private let decoder: DreamerDecoder
  package let reward: DreamerMLP
  let continuation: DreamerMLP
  package let bins: TwoHotBins

  package init(_ settings: Settings, _ observation: DreamerObservation, actions: Int, random: RandomStream) {
    (self.settings, self.observation) = (settings, observation)
    let (sizes, store) = (settings.sizes, store)
    var random = random
    encoder = DreamerEncoder(observation, sizes, in: store, random: &random)
    dynamics = RecurrentStateSpace(
      name: "dynamics", sizes, actions: actions, tokens: encoder.tokens, unimix: settings.unimix, in: store,
      random: &random)
    func network(
      _ name: String, _ layers: Int, _ heads: [(name: String, outputs: Int)], _ scale: Float = 1
    ) -> DreamerMLP {
      DreamerMLP(
        name: name, inputs: sizes.features, units: sizes.units, layers: layers, heads: heads, outputScale: scale,
        in: store, random: &random)
    }
    decoder = DreamerDecoder(observation, sizes, in: store, random: &random)
    // A head of zeros predicts exactly 0.
    reward = network("reward", 1, [("head", sizes.bins)], 0)
    continuation = network("continuation", 1, [("head", 1)])
    bins = TwoHotBins(sizes.bins)
  }

  /// Observations [rows, columns] → [rows, tokens].
  package func encode(_ observations: Rows, on tape: Tape) -> Tensor {
    encoder(observations, on: tape)
  }

  /// Rewards that states [rows, features] came with, [rows, 1]; no gradient flows through them.
  package func rewards(_ features: Tensor, on tape: Tape) -> Tensor {
    tape.twoHotMean(reward(features, on: tape), bins: bins)
  }

  /// Probabilities, γ included, that it goes on from states [rows, features], [rows, 1].
  package func continuations(_ features: Tensor, on tape: Tape) -> Tensor {
    tape.activation(continuation(features, on: tape), .sigmoid)
  }

  // MARK: Losses

  /// The model's losses on a batch, each [T·B, 1] or a column of [T·B, 2], and the states that they are about.
  package struct Losses {
    package let sequence: RecurrentStateSpace.Sequence
    /// h and z side by side, [T·B, features].
    package let features: Tensor
    /// One per part of the observation.
    package let reconstruction: [Tensor]
    package let reward, continuation: Tensor
    /// What the reward's head says, [T·B, bins].
    package let rewardLogits: Tensor
    /// Columns: what moves the prior, what moves the posterior.
    package let balancedKL: Tensor
    /// Columns: KL before the free nats, entropies of posterior and prior.
    package let statistics: Tensor
  }

  /// Lists of tensors that are used again by the next pass of the same thread.
  package final class Lists {
    let steps = RecurrentStateSpace.Steps()
    fileprivate(set) var reconstruction: [Tensor] = []

    package init() {}
  }

  /// Filters a batch and holds every prediction to what happened.
  /// - Parameter draws: of the posterior latents, [T·B, latents]; see `RecurrentStateSpace.sample`.
  package func losses(_ batch: SequenceBatch, draws: Rows, on tape: Tape, _ lists: Lists = Lists()) -> Losses {
    let start = (tape.constant(batch.startH.read), tape.constant(batch.startZ.read))
    let sequence = dynamics.observe(
      seen: encode(batch.observations.read, on: tape), actions: batch.previousActions.read,
      isFirst: batch.isFirst.read, draws: draws, from: start, on: tape, lists.steps)
    let features = tape.concatenateColumns(sequence.h, sequence.z)
    let (kl, statistics) = dynamics.balancedKL(
      posterior: sequence.posterior, prior: dynamics.prior(sequence.h, on: tape),
      freeNats: settings.averagesFreeNats ? -.infinity : settings.freeNats, on: tape)
    let rewardLogits = reward(features, on: tape)
    decoder.losses(
      features, h: sequence.h, z: sequence.z, batch.observations.read, on: tape, into: &lists.reconstruction)
    return Losses(
      sequence: sequence, features: features, reconstruction: lists.reconstruction,
      reward: tape.twoHotLoss(rewardLogits, targets: tape.constant(batch.rewards.read), bins: bins),
      continuation: continuationLoss(features, batch.isTerminal.read, on: tape), rewardLogits: rewardLogits,
      balancedKL: kl, statistics: statistics)
  }

  /// What is expected to be seen in states h and z [rows, ·], in the observation's own units, [rows, columns].
  package func predict(h: Tensor, z: Tensor, on tape: Tape, into predictions: MutableRows) {
    decoder.predict(h: h, z: z, on: tape, into: predictions)
  }

  /// −t·log σ(l) − (1 − t)·log(1 − σ(l)) = softplus(l) − t·l, with t = γ, and 0 where the task ended.
  private func continuationLoss(_ features: Tensor, _ isTerminal: Rows, on tape: Tape) -> Tensor {
    let logits = continuation(features, on: tape)
    let targets = tape.constant(rows: isTerminal.count, columns: 1) { targets in
      for row in 0..<isTerminal.count { targets[row] = isTerminal[row, 0] != 0 ? 0 : settings.discount }
    }
    return tape.subtract(tape.activation(logits, .softplus), tape.multiply(logits, targets))
  }

  /// Both sides of the KL divergence, averaged over all steps.
  func divergence(_ losses: Losses, on tape: Tape) -> (dynamics: Double, representation: Double) {
    let divergence = tape.rows(of: losses.balancedKL)
    return (divergence.mean(), divergence.mean(column: 1))
  }

  /// Their weighted sum, each averaged over all steps: [1, 1, 1].
  /// - Parameter divergence: `divergence` of all steps of an update, of which these are some: where that average is
  ///   held to the free nats, it decides for all. nil: these are all.
  package func total(
    _ losses: Losses, divergence all: (dynamics: Double, representation: Double)? = nil, on tape: Tape
  ) -> Tensor {
    let divergence = all ?? divergence(losses, on: tape)
    func counts(_ average: Double) -> Bool { !settings.averagesFreeNats || Float(average) > settings.freeNats }
    let (dynamics, representation) = (settings.dynamicsScale, settings.representationScale)
    let (first, second) = (counts(divergence.dynamics), counts(divergence.representation))
    let scales = tape.constant(rows: 1, columns: 2) { scales in
      (scales[0], scales[1]) = (first ? dynamics : 0, second ? representation : 0)
    }
    var sum = tape.add(losses.reward, losses.continuation)
    for loss in losses.reconstruction { sum = tape.add(sum, loss) }
    let mean = tape.mean(tape.add(sum, tape.sumColumns(tape.multiply(losses.balancedKL, scales))))
    let free = settings.freeNats * ((first ? 0 : dynamics) + (second ? 0 : representation))
    return free == 0 ? mean : tape.addScalar(mean, free)
  }
}
