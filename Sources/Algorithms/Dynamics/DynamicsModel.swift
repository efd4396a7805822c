import Environments
import Support

/// A learned model of an environment's dynamics: (observation, action) → next observation, and on wish reward and
/// termination.
package protocol DynamicsModel: ArchivableObject {
  /// Trains on everything in the buffer; appends one row per epoch to `rows`.
  /// - Throws: `DivergedError` where a parameter stops being finite; `InterruptedError` where the run is asked to stop:
  ///   then the model and `rows` are as they were, and the same call starts the same fit again.
  func fit(_ buffer: TransitionBuffer, _ rows: inout [ModelFitRow]) throws -> ModelFitSummary
  /// Imagination for a planner, through this model. It may be used until the next fit and again after it.
  func makeEvaluator(_ planner: PlannerConfiguration, known: (any KnownDynamicsParts)?) -> any TrajectoryEvaluator
  /// Per network the mean prediction for one observation and action: next observation, then reward and termination
  /// logit where learned.
  func meanPredictions(observation: [Float], action: [Float]) -> [[Float]]
  /// Parameters in all networks.
  var parameterCount: Int { get }
  /// Facts for `mbrl inspect`.
  var facts: [(name: String, value: String)] { get }
}

/// What one fit came to.
package struct ModelFitSummary: Sendable {
  package var trainLoss: Double
  package var validationLoss: Double?
  /// Optimiser steps taken.
  package var updates: Int
}

/// The settings of one kind of model: the section `model`, apart from its "type".
package protocol DynamicsModelConfiguration: Configurable {
  /// Whether rewards and terminations come from the network instead of the environment's declared functions.
  var learnsReward: Bool { get }
  var terminationSource: TerminationSource { get }
  func makeModel(_ layout: DynamicsLayout, random: RandomStream, pool: ComputePool) -> any DynamicsModel
}

/// Where imagined trajectories learn that the task has ended.
package enum TerminationSource: String, CaseIterable, Sendable {
  /// The environment's declared function.
  case known
  /// A learned classifier.
  case learned
  /// Imagined trajectories never end.
  case never
}

/// What a model predicts from what: taken from the environment once.
package struct DynamicsLayout: Sendable {
  package var observationSize: Int
  package var actionColumns: Int
  /// What the networks see of an observation.
  package var features: [ObservationFeature]
  /// Per observation column: predict the change (true) or the next value.
  package var predictsChange: [Bool]

  package init(_ specification: EnvironmentSpecification, known: (any KnownDynamicsParts)?) {
    observationSize = specification.observationSpace.size
    actionColumns = specification.actionSpace.columns
    features = known?.modelFeatures ?? (0..<observationSize).map { .value($0) }
    predictsChange = known?.predictsChange ?? [Bool](repeating: true, count: observationSize)
  }
}

/// One kind of model that a configuration can name.
package struct ModelEntry: Sendable {
  package var name: String
  package var summary: String
  package var makeConfiguration: @Sendable () -> any DynamicsModelConfiguration
}

/// Every dynamics model; a new one is one file and one line here.
package enum ModelRegistry {
  package static let entries: [ModelEntry] = [
    ModelEntry(
      name: "ensemble", summary: "ensemble of multi-layer perceptrons, deterministic or probabilistic (PETS, MBPO)",
      makeConfiguration: { EnsembleDynamics.Configuration() })
  ]

  package static func entry(_ name: String) -> ModelEntry? { entries.first { $0.name == name } }
}

/// The section `model`.
package struct ModelConfiguration: Configurable {
  package var type = "ensemble"
  package var model: any DynamicsModelConfiguration = EnsembleDynamics.Configuration()

  package init() {}

  package mutating func declare(_ fields: Fields) {
    let before = type
    let isKnown = fields.choice(
      "type", &type, from: ModelRegistry.entries.map(\.name), "which model of the dynamics is learned")
    if type != before { model = ModelRegistry.entry(type)!.makeConfiguration() }
    if isKnown { model.declare(fields) } else { fields.tolerateUnknownKeys() }
  }
}
