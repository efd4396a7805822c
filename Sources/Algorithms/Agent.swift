import Environments
import Support

/// What an agent sees when it has to act.
package struct Situation {
  /// [observation size]; borrowed, valid during the call only.
  package var observation: UnsafeBufferPointer<Float>
  /// The environment itself, for agents that plan with it (`planner.model: "true"`); others never look.
  package var environment: any SnapshotEnvironment

  package init(observation: UnsafeBufferPointer<Float>, environment: any SnapshotEnvironment) {
    self.observation = observation
    self.environment = environment
  }
}

/// One real step. Vectors are borrowed, valid during the call only.
package struct Transition {
  package var observation: UnsafeBufferPointer<Float>
  package var action: Action
  package var reward: Double
  package var nextObservation: UnsafeBufferPointer<Float>
  /// The task ended: no value beyond this transition.
  package var isTerminated: Bool
  /// The time limit cut the episode: the value goes on.
  package var isTruncated: Bool

  package init(
    observation: UnsafeBufferPointer<Float>, action: Action, reward: Double,
    nextObservation: UnsafeBufferPointer<Float>, isTerminated: Bool, isTruncated: Bool
  ) {
    self.observation = observation
    self.action = action
    self.reward = reward
    self.nextObservation = nextObservation
    self.isTerminated = isTerminated
    self.isTruncated = isTruncated
  }
}

/// A learner. It never sees a path, a clock or a printer: the run loop owns evaluation, files and stopping.
///
/// The run loop calls, for every episode, `beginEpisode`, then for every step `act`, `observe`, `learn`.
/// An agent belongs to one run and is used by one thread at a time.
package protocol Agent: ArchivableObject {
  /// Names of this algorithm's columns in progress.csv, fixed for the whole run.
  var metricNames: [String] { get }
  /// Called before the first action of every training episode.
  func beginEpisode()
  /// The next action of training, exploration included. A vector stays valid until the next call.
  /// - Throws: `InterruptedError` where the run is asked to stop in a long plan: then the agent is as it was, and the
  ///   same call comes again, perhaps in another session.
  func act(in situation: Situation) throws -> Action
  /// Takes in the step that followed the last action.
  func observe(_ transition: Transition) throws
  /// Learns from what was observed; called once after every `observe`.
  /// - Throws: `InterruptedError` where the run is asked to stop in a long model fit: then the agent can be archived, and
  ///   another call, perhaps in another session, goes on as if it had not been interrupted.
  func learn(_ metrics: inout Metrics) throws
  /// A policy that uses the agent's present knowledge and leaves its state untouched: for evaluation.
  /// It is valid until the agent learns again.
  func makePolicy(isStochastic: Bool) -> any Policy
  /// Estimated bytes of a full checkpoint after that many environment steps.
  func estimatedCheckpointBytes(afterSteps steps: Int) -> Int
  /// Facts worth showing in `mbrl inspect`: names and values, such as parameter counts.
  var facts: [(name: String, value: String)] { get }
  /// The model's predictions for the newest real transitions, at most `count`; none without a model.
  func modelPredictions(last count: Int) -> [ModelPrediction]
}

extension Agent {
  package var facts: [(name: String, value: String)] { [] }
  package func modelPredictions(last count: Int) -> [ModelPrediction] { [] }
}

/// What every network of a learned model says about one real transition, for comparison outside this program.
package struct ModelPrediction: Equatable, Sendable {
  package var observation: [Float]
  /// One-hot for discrete actions.
  package var action: [Float]
  /// What really followed.
  package var nextObservation: [Float]
  /// Per member the mean prediction: next observation, then reward and termination logit where learned.
  package var members: [[Float]]
}

/// A way of acting that does not learn.
package protocol Policy: AnyObject {
  /// Forgets the last episode (planner warm starts); every draw of the coming episode comes from `random`.
  func beginEpisode(_ random: RandomStream)
  /// The action in this situation. A vector stays valid until the next call.
  func act(in situation: Situation) throws -> Action
}

/// One row of model.csv: an epoch of model fitting.
package struct ModelFitRow: Equatable, Sendable {
  /// Number of the fit, from 0.
  package var iteration: Int
  package var epoch: Int
  package var trainLoss: Double
  /// Holdout losses; nil without a holdout.
  package var validationLoss: Double?
  package var bestValidationLoss: Double?
  package var trainSize: Int
  package var validationSize: Int

  package init(
    iteration: Int, epoch: Int, trainLoss: Double, validationLoss: Double?, bestValidationLoss: Double?,
    trainSize: Int, validationSize: Int
  ) {
    self.iteration = iteration
    self.epoch = epoch
    self.trainLoss = trainLoss
    self.validationLoss = validationLoss
    self.bestValidationLoss = bestValidationLoss
    self.trainSize = trainSize
    self.validationSize = validationSize
  }
}

/// What learning reported since the run loop last looked.
package struct Metrics: Sendable {
  /// The agent's `metricNames`.
  package let names: [String]
  /// The latest value per name; nil where nothing was measured since the last row (an empty cell, never 0).
  package private(set) var values: [Double?]
  /// Gradient updates since the start of the run.
  package var updates = 0
  /// Transitions in the replay buffer; nil for agents without one.
  package var bufferSize: Int?
  /// Rows for model.csv that were not written yet.
  package var modelRows: [ModelFitRow] = []

  package init(names: [String]) {
    self.names = names
    values = [Double?](repeating: nil, count: names.count)
  }

  /// Sets the value of one of the agent's columns; a name that was not declared is a programmer's error.
  package mutating func record(_ name: String, _ value: Double) {
    guard let index = names.firstIndex(of: name) else { preconditionFailure("metric \(name) was not declared") }
    values[index] = value
  }

  /// Forgets the values after a row was written; counters stay.
  package mutating func clearValues() {
    for index in values.indices { values[index] = nil }
    modelRows.removeAll(keepingCapacity: true)
  }
}

/// A run that cannot go on because a number is not finite.
package struct DivergedError: Error, Equatable, CustomStringConvertible {
  /// What holds the non-finite number: "model.layers.0.weight", "predicted return".
  package var quantity: String
  package init(quantity: String) { self.quantity = quantity }
  package var description: String { "\(quantity) is not finite" }
}

/// What the run gives an agent to build itself from.
package struct AgentContext {
  package var specification: EnvironmentSpecification
  /// A fresh copy of the training environment, for its known rewards and terminations and for true-model planning.
  package var environment: any SnapshotEnvironment
  /// The run's root stream; the agent derives named streams from it.
  package var random: RandomStream
  /// Threads this run may use.
  package var pool: ComputePool

  package init(environment: any SnapshotEnvironment, random: RandomStream, pool: ComputePool) {
    specification = environment.specification
    self.environment = environment
    self.random = random
    self.pool = pool
  }

  /// The environment's declared reward and termination, where it has them.
  package var known: (any KnownDynamicsParts)? { environment as? any KnownDynamicsParts }
}
