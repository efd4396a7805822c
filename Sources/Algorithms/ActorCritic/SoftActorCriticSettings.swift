import Environments
import Neural
import Support

/// The settings of soft actor-critic that stand in the section of every agent that learns by it. The defaults are those
/// of Stable-Baselines3 and of the paper's second version.
package struct SoftActorCriticSettings: Sendable {
  package var discount = 0.99
  /// Widths of the policy's hidden layers.
  package var hiddenSizes = [256, 256]
  /// Of the policy's Adam.
  package var learningRate = 3e-4
  /// Of α's Adam.
  package var temperatureLearningRate = 3e-4
  /// α, or where it starts.
  package var temperature = 1.0
  /// Whether α keeps the entropy at `targetEntropy`.
  package var learnsTemperature = true
  /// H̄; nil: −(dimensions) for vectors, 0.89·log(actions) for discrete actions.
  package var targetEntropy: Double?
  package var batchSize = 256
  /// Largest norm of a network's gradients; 0: no clipping.
  package var maximumGradientNorm = 0.0
  package var criticSettings = Critics.Settings()
  /// Whether the policy climbs the mean of all critics (REDQ) instead of their minimum.
  package var actorUsesMean = false

  package init() {}

  /// Declares them on the agent's fields.
  package mutating func declare(_ fields: Fields) {
    fields.number("discount", &discount, in: 0...1, "γ: the weight of the next step's value")
    fields.integers("hiddenSizes", &hiddenSizes, each: 1...4096, count: 1...7, "widths of the policy's hidden layers")
    fields.number("learningRate", &learningRate, in: 0...1, aboveLowerBound: true, "the policy's Adam's step size")
    fields.integer("batchSize", &batchSize, in: 1...100_000, "transitions per update")
    fields.number(
      "temperature", &temperature, in: 0...1e6, aboveLowerBound: true, "α at the start: the entropy's weight")
    fields.flag("learnsTemperature", &learnsTemperature, "whether α is moved towards the target entropy")
    fields.number(
      "temperatureLearningRate", &temperatureLearningRate, in: 0...1, aboveLowerBound: true, "α's Adam's step size")
    fields.number(
      "targetEntropy", &targetEntropy, in: -1e6...1e6, otherwise: "auto",
      "entropy that α keeps; auto: −dimensions of vectors, 0.89·log(actions) of discrete actions")
    fields.number("maximumGradientNorm", &maximumGradientNorm, in: 0...1e12, "clip the global norm; 0: never")
    fields.integer("critics", &criticSettings.count, in: 1...64, "critics that are trained (N)")
    fields.integer(
      "targetCritics", &criticSettings.countInTarget, in: 1...64,
      "critics, drawn for every update, whose minimum makes the target (M)")
    if criticSettings.countInTarget > criticSettings.count {
      fields.fault(
        "targetCritics", "\(criticSettings.countInTarget) is more than the \(criticSettings.count) critics there are")
    }
    fields.flag("actorUsesMean", &actorUsesMean, "the policy climbs the critics' mean (REDQ) instead of their minimum")
    fields.integers(
      "criticHiddenSizes", &criticSettings.hiddenSizes, each: 1...4096, count: 1...7,
      "widths of the critics' hidden layers")
    fields.flag(
      "criticLayerNorm", &criticSettings.normalizesLayers, "layer norm before every activation of the critics (DroQ)")
    fields.number(
      "criticDropout", &criticSettings.dropout, in: 0...0.9, "share of the critics' hidden values left out (DroQ)")
    fields.number(
      "criticLearningRate", &criticSettings.learningRate, in: 0...1, aboveLowerBound: true,
      "the critics' Adam's step size")
    fields.number(
      "targetRate", &criticSettings.targetRate, in: 0...1, aboveLowerBound: true,
      "share of the critics that their slow copies take on per update (τ)")
  }

  /// H̄ for a space; nil: α is fixed.
  package func entropyTarget(of space: ActionSpace) -> Double? {
    guard learnsTemperature else { return nil }
    if let targetEntropy { return targetEntropy }
    return space.isDiscrete
      ? 0.89 * Double(KernelMath.log(Float(space.columns))) : -Double(space.columns)
  }

  /// Why it cannot learn tasks of this kind; nil where it can.
  package func misfit(_ task: EnvironmentDescription) -> String? {
    let id = task.specification.id
    if case .box(let low, let high) = task.specification.actionSpace, !(low + high).allSatisfy(\.isFinite) {
      return "this agent needs actions within bounds; those of \(id) have none"
    }
    return DynamicsModels.misfit(task)
  }

  /// Warns of settings that nothing reads, and of an entropy that no policy has.
  package func warn(_ space: ActionSpace, replayCapacity: Int, _ fields: Fields) {
    if learnsTemperature, let targetEntropy, space.isDiscrete {
      let most = Double(KernelMath.log(Float(space.columns)))
      if targetEntropy >= most || targetEntropy < 0 {
        fields.warn(
          "agent.targetEntropy",
          "\(NumberText.short(targetEntropy)) is no entropy that α can keep: that of \(space.columns) discrete actions "
            + "is between 0 and \(NumberText.short(most))")
      }
    }
    if criticSettings.count == 1 { fields.unused("agent.actorUsesMean", because: "there is one critic") }
    if batchSize > replayCapacity {
      fields.warn("agent.batchSize", "\(batchSize) is more than agent.replayCapacity \(replayCapacity) holds")
    }
    if !learnsTemperature {
      for name in ["temperatureLearningRate", "targetEntropy"] {
        fields.unused("agent.\(name)", because: "with agent.learnsTemperature false α stays")
      }
    }
  }

  /// What networks, optimisers and updates hold in memory.
  package func memory(_ task: EnvironmentDescription) -> MemoryNeed {
    let (size, space) = (task.specification.observationSpace.size, task.specification.actionSpace)
    let policy = [size] + hiddenSizes + [space.isDiscrete ? space.columns : 2 * space.columns]
    let critic =
      [size + (space.isDiscrete ? 0 : space.columns)] + criticSettings.hiddenSizes
      + [space.isDiscrete ? space.columns : 1]
    var need = MemoryNeed()
    // Values, gradients, two moments, of critics targets too, and all but the gradients in a checkpoint.
    need.add("policy: agent.hiddenSizes", bytes: MLP.parameterCount(policy), 7, 4)
    need.add(
      "\(criticSettings.count) critics: agent.criticHiddenSizes", bytes: MLP.parameterCount(critic),
      criticSettings.count, 9, 4)
    need.add(
      "updates: agent.batchSize \(batchSize) × all layers", bytes: batchSize,
      3 * policy.reduce(0, +) + 5 * criticSettings.count * critic.reduce(0, +), 4)
    // Layers that the fused kernels do not have stand on tapes, with what lies between and the gradients: of two
    // critics of 256 and 256 and 20,000 rows a layer norm took 926 MB (11.9 numbers for each), dropout 925, both 1554
    // (19.9).
    let (normalizes, drops) = (criticSettings.normalizesLayers, criticSettings.dropout > 0)
    if normalizes || drops {
      need.add(
        "critics' layer norm and dropout: agent.batchSize \(batchSize) × agent.criticHiddenSizes", bytes: batchSize,
        criticSettings.count * criticSettings.hiddenSizes.reduce(0, +), normalizes && drops ? 20 : 12, 4)
    }
    return need
  }
}
