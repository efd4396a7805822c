import Environments
import Neural
import Support

/// The settings of the policy update of double-horizon policy optimisation; the defaults are the authors'.
package struct DoubleHorizonSettings: Sendable {
  package var discount = 0.995
  /// Widths of the policy's hidden layers.
  package var hiddenSizes = [256, 256, 256]
  /// Of the Adam of policy, critics and α.
  package var learningRate = 3e-4
  /// α at the start.
  package var temperature = 0.1
  package var learnsTemperature = true
  /// H̄; nil: −(dimensions).
  package var targetEntropy: Double?
  /// Rollouts of one update.
  package var batchSize = 256
  /// H: differentiable steps.
  package var horizon = 5
  package var critics = 5
  /// Critics whose least value makes the target, drawn for every update.
  package var targetCritics = 2
  package var criticHiddenSizes = [256, 256, 256]
  /// Of the norms in the critics.
  package var criticEpsilon = 1e-5
  package var targetRate = 0.005
  /// Share of the way to new bounds that the value range goes per update.
  package var rangeRate = 3e-4
  /// Of soft rewards, which make the bounds.
  package var rangeQuantiles = (low: 0.01, high: 0.99)

  package init() {}

  /// Declares them on the agent's fields.
  package mutating func declare(_ fields: Fields) {
    fields.number("discount", &discount, in: 0...0.99999, "γ: the weight of the next step's value")
    fields.integer("horizon", &horizon, in: 1...1000, "differentiable imagined steps before the critics take over (H)")
    fields.integer("batchSize", &batchSize, in: 1...100_000, "imagined rollouts per update")
    fields.integers("hiddenSizes", &hiddenSizes, each: 1...4096, count: 1...7, "widths of the policy's hidden layers")
    fields.number(
      "learningRate", &learningRate, in: 0...1, aboveLowerBound: true, "Adam's step size, of policy, critics and α")
    fields.number(
      "temperature", &temperature, in: 0...1e6, aboveLowerBound: true, "α at the start: the entropy's weight")
    fields.flag("learnsTemperature", &learnsTemperature, "whether α is moved towards the target entropy")
    fields.number(
      "targetEntropy", &targetEntropy, in: -1e6...1e6, otherwise: "auto", "entropy that α keeps; auto: −dimensions")
    fields.integer("critics", &critics, in: 1...64, "critics that are trained")
    fields.integer(
      "targetCritics", &targetCritics, in: 1...64, "critics, drawn for every update, whose least value makes the target"
    )
    if targetCritics > critics {
      fields.fault("targetCritics", "\(targetCritics) is more than the \(critics) critics there are")
    }
    fields.integers(
      "criticHiddenSizes", &criticHiddenSizes, each: 1...4096, count: 1...7, "widths of the critics' hidden layers")
    fields.number(
      "targetRate", &targetRate, in: 0...1, aboveLowerBound: true,
      "share of the critics that their slow copies take on per update (τ)")
    fields.number(
      "rangeRate", &rangeRate, in: 0...1, "share of the way to new bounds that the critics' range goes per update")
  }

  /// Warns of settings that nothing reads.
  package func warn(_ fields: Fields) {
    if !learnsTemperature {
      fields.unused("agent.targetEntropy", because: "with agent.learnsTemperature false α stays")
    }
  }

  /// What networks, optimisers and updates hold in memory.
  package func memory(_ task: EnvironmentDescription) -> MemoryNeed {
    let (size, actions) = (task.specification.observationSpace.size, task.specification.actionSpace.columns)
    let policy = [size] + hiddenSizes + [2 * actions]
    let critic = [size + actions] + criticHiddenSizes + [1]
    var need = MemoryNeed()
    // Values, gradients, two moments, of critics targets too, and all but the gradients in a checkpoint.
    need.add("policy: agent.hiddenSizes", bytes: MLP.parameterCount(policy), 7, 4)
    need.add(
      "\(critics) critics: agent.criticHiddenSizes", bytes: MLP.parameterCount(critic), critics, 9, 4)
    need.add(
      "updates: agent.batchSize \(batchSize) × agent.horizon \(horizon) × all layers", bytes: batchSize,
      (horizon + 1) * 6 * policy.reduce(0, +) + 16 * critics * critic.reduce(0, +), 4)
    return need
  }
}
