import Environments
import Neural
import Support

/// The settings of proximal policy optimisation. The defaults are those of Stable-Baselines3.
package struct ProximalSettings: Sendable {
  /// T: steps of every environment between two updates.
  package var rolloutLength = 2048
  /// Rows of a minibatch; the last one of an epoch may have fewer.
  package var batchSize = 64
  /// Passes over all rows of a rollout.
  package var epochs = 10
  package var discount = 0.99
  /// λ of the advantages.
  package var lambda = 0.95
  package var learningRate = Schedule(start: 3e-4, end: 0, steps: 1_000_000)
  package var adamEpsilon = 1e-5
  /// ε of the objective.
  package var clipRange = Schedule(start: 0.2, end: 0, steps: 1_000_000)
  /// nil: values are not clipped.
  package var valueClipRange: Double?
  package var valueLoss = ProximalObjective.ValueLoss.clippedPrediction
  package var valueCoefficient = 0.5
  package var entropyCoefficient = 0.0
  package var normalizesAdvantages = true
  /// Largest norm of the gradients of both networks together; 0: no clipping.
  package var maximumGradientNorm = 0.5
  /// An update ends before the minibatch whose divergence is more than 1.5 times this; nil: never.
  package var targetDivergence: Double?
  package var network = ActorCriticNetwork.Settings()
  /// Steps for which state-dependent exploration stays; 0: a whole rollout.
  package var explorationEvery = 0
  package var normalizesObservations = false
  /// Normalised observations are limited to ± this.
  package var observationLimit = 10.0
  package var normalizesRewards = false
  /// Normalised rewards are limited to ± this.
  package var rewardLimit = 10.0

  package init() {}

  /// Declares them on the agent's fields.
  package mutating func declare(_ fields: Fields) {
    fields.integer("rolloutLength", &rolloutLength, in: 1...65_536, "steps of every environment between updates (T)")
    fields.integer("batchSize", &batchSize, in: 1...1_000_000, "rows of a minibatch")
    fields.integer("epochs", &epochs, in: 1...1000, "passes over the rows of a rollout")
    fields.number("discount", &discount, in: 0...1, "γ: the weight of the next step's value")
    fields.number("lambda", &lambda, in: 0...1, "λ of generalised advantage estimation: 0 one step, 1 all rewards")
    fields.section("learningRate", &learningRate, "Adam's step size")
    fields.number("adamEpsilon", &adamEpsilon, in: 0...1, aboveLowerBound: true, "Adam's ε, outside the root")
    fields.section("clipRange", &clipRange, "ε: how far the ratio of probabilities goes with a gradient")
    fields.number(
      "valueClipRange", &valueClipRange, in: 0...1e12, aboveLowerBound: true, otherwise: "none",
      "how far a value goes from its old one with a gradient")
    fields.choice(
      "valueLoss", &valueLoss,
      "squared error of the (clipped) value, or half of it, with clipping half the larger of both")
    fields.number("valueCoefficient", &valueCoefficient, in: 0...1e6, "weight of the values' loss")
    fields.number("entropyCoefficient", &entropyCoefficient, in: 0...1e6, "weight of the policy's entropy")
    fields.flag("normalizesAdvantages", &normalizesAdvantages, "whether advantages are standardised per minibatch")
    fields.number(
      "maximumGradientNorm", &maximumGradientNorm, in: 0...1e12, "clip the norm over both networks; 0: never")
    fields.number(
      "targetDivergence", &targetDivergence, in: 0...1e12, aboveLowerBound: true, otherwise: "none",
      "an update ends where its approximate KL divergence passes 1.5 times this")
    declareNetwork(fields)
    fields.flag("normalizesObservations", &normalizesObservations, "whether observations are standardised on the way")
    fields.number("observationLimit", &observationLimit, in: 0...1e12, aboveLowerBound: true, "then within ± this")
    fields.flag(
      "normalizesRewards", &normalizesRewards, "whether rewards are divided by the discounted return's deviation")
    fields.number("rewardLimit", &rewardLimit, in: 0...1e12, aboveLowerBound: true, "then within ± this")
  }

  private mutating func declareNetwork(_ fields: Fields) {
    fields.choice(
      "sharesLayers", &network.sharing,
      "for which observations policy and values share all but their last layers")
    fields.section(
      "convolutions", &network.convolutions, chooser: "type", "what pictures are seen through, with ReLU")
    fields.integers(
      "hiddenSizes", &network.hiddenSizes, each: 1...4096, count: 0...7, "hidden layers of policy and value networks")
    fields.choice("activation", &network.activation, "after every hidden layer")
    fields.choice(
      "initialization", &network.start, "of weights: orthogonal, with biases 0, or uniform in ±1/√inputs, biases too")
    fields.number("hiddenGain", &network.hiddenGain, in: 0...1e3, "gain of orthogonal hidden layers")
    fields.number("policyGain", &network.policyGain, in: 0...1e3, "gain of the policy's orthogonal last layer")
    fields.number("valueGain", &network.valueGain, in: 0...1e3, "gain of the values' orthogonal last layer")
    fields.number(
      "logDeviation", &network.logDeviation, in: -20...5,
      "log σ at the start, in the environment's units; vectors only")
    fields.choice(
      "exploration", &network.exploration,
      "of vectors: independent draws, or a deviation for every feature and draws that are functions of the state (gSDE)"
    )
    fields.integer(
      "explorationEvery", &explorationEvery, in: 0...1_000_000,
      "steps for which such a function stays; 0: a whole rollout")
  }

  /// The objective after so many environment steps.
  package func objective(at step: Int) -> ProximalObjective {
    ProximalObjective(
      clipRange: Float(clipRange.value(at: step)), valueClipRange: valueClipRange.map { Float($0) },
      valueLoss: valueLoss, valueCoefficient: Float(valueCoefficient), entropyCoefficient: Float(entropyCoefficient))
  }
}
