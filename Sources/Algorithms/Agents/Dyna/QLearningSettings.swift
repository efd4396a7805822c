import Neural
import Support

/// The settings of Q-learning with networks that stand in the agent's own section. The defaults are those of neural
/// Dyna.
package struct QLearningSettings: Sendable {
  /// Updates on real transitions per environment step.
  package var updatesPerStep = 1.0
  /// Environment steps from one round of updates to the next, which makes up for all of them.
  package var updateEvery = 1
  package var discount = 0.99
  /// n: rewards of the target before the value of a state takes over.
  package var nStepReturns = 1
  package var hiddenSizes = [128, 128]
  package var activation = Activation.tanh
  package var learningRate = 3e-4
  /// ε of Adam.
  package var adamEpsilon = 1e-8
  package var batchSize = 64
  /// Share of the online network that the target takes on when it moves.
  package var targetRate = 0.02
  /// Environment steps between moves of the target; 0: it moves after every update.
  package var targetEvery = 0
  /// Whether the target network acts, an average over the last updates where it moves slowly.
  package var actsByTarget = true
  /// Whether the online network chooses the action whose value the target network gives (van Hasselt et al. 2016).
  package var isDouble = true
  /// Whether the outputs are a value and an advantage of each action (Wang et al. 2016).
  package var isDueling = false
  /// d of Huber's loss; 0: squared errors.
  package var errorLimit = 0.0
  /// Largest gradient norm; 0: no clipping.
  package var maximumGradientNorm = 10.0
  /// Whether networks see observations less their mean, over their deviation.
  package var standardizesObservations = true
  /// α of prioritised replay (Schaul et al. 2016); 0: uniform draws.
  package var priorityExponent = 0.0
  /// β of prioritised replay.
  package var importance = Schedule(.linear, start: 0.4, end: 1, steps: 100_000)

  package init() {}

  /// Whether real transitions are drawn by their priorities.
  package var isPrioritised: Bool { priorityExponent > 0 }

  /// Declares when is learned from what.
  package mutating func declareUpdates(_ fields: Fields) {
    fields.number("updatesPerStep", &updatesPerStep, in: 0...1000, "updates on real transitions per environment step")
    fields.integer(
      "updateEvery", &updateEvery, in: 1...1_000_000, "steps between rounds of updates, which make up for them")
    fields.integer("batchSize", &batchSize, in: 1...100_000, "transitions per update")
    fields.integer(
      "nStepReturns", &nStepReturns, in: 1...1000, "rewards in a target before the value of a state takes over (n)")
    fields.number(
      "priorityExponent", &priorityExponent, in: 0...10,
      "prioritised replay: draws in proportion to |error| to this power (α); 0: uniform draws")
    fields.section(
      "importance", &importance, "β of prioritised replay: how far weights make up for uneven draws, 1 for all")
  }

  /// Declares the network and its loss.
  package mutating func declareNetwork(_ fields: Fields) {
    fields.number("discount", &discount, in: 0...1, "γ: the weight of the next step's value")
    fields.integers(
      "hiddenSizes", &hiddenSizes, each: 1...4096, count: 0...7, "widths of the Q-network's hidden layers")
    fields.choice("activation", &activation, "after every hidden layer of the Q-network")
    fields.flag("isDueling", &isDueling, "outputs are a value and the advantage of each action over their mean")
    fields.flag(
      "standardizesObservations", &standardizesObservations, "networks see observations less mean, over deviation")
    fields.number("learningRate", &learningRate, in: 0...1, aboveLowerBound: true, "Adam's step size")
    fields.number("adamEpsilon", &adamEpsilon, in: 0...1, aboveLowerBound: true, "ε beside the root in Adam's divisor")
    fields.flag("isDouble", &isDouble, "the online network chooses the action that the target network values")
    fields.number(
      "targetRate", &targetRate, in: 0...1, aboveLowerBound: true,
      "share of the online network that the target takes on when it moves; 1: a copy")
    fields.integer(
      "targetEvery", &targetEvery, in: 0...1_000_000_000,
      "environment steps between moves of the target network; 0: it moves after every update")
    fields.flag("actsByTarget", &actsByTarget, "the target network acts instead of the online one")
    fields.number(
      "errorLimit", &errorLimit, in: 0...1e12, "error from which Huber's loss grows linearly; 0: squared errors")
    fields.number("maximumGradientNorm", &maximumGradientNorm, in: 0...1e12, "clip the global norm; 0: never")
  }

  /// Warns of settings that nothing reads.
  package func warn(replayCapacity: Int, _ fields: Fields) {
    if hiddenSizes.isEmpty { fields.unused("agent.activation", because: "there is no hidden layer") }
    if !isPrioritised { fields.unused("agent.importance", because: "with agent.priorityExponent 0 draws are uniform") }
    if batchSize > replayCapacity {
      fields.warn("agent.batchSize", "\(batchSize) is more than agent.replayCapacity \(replayCapacity) holds")
    }
  }

  /// What to try where action values run away.
  var remediesOfRunningAway: [String] {
    (isDouble ? [] : ["agent.isDouble=true"]) + ["a smaller agent.learningRate"]
      + [targetEvery > 0 ? "a larger agent.targetEvery" : "a smaller agent.targetRate"]
  }

  /// The largest gradient norm as Adam takes it.
  var maximumNorm: Float? { maximumGradientNorm > 0 ? Float(maximumGradientNorm) : nil }
}
