import Environments
import Support

/// A learned model of an environment's dynamics: (observation, action) → next observation, and on wish reward and
/// termination.
package protocol DynamicsModel: ArchivableObject {
  /// The tables that `fit` writes.
  var tables: [TableDeclaration] { get }
  /// Trains on everything in the replay; appends its rows to the tables.
  /// - Throws: `DivergedError` where a parameter stops being finite; `InterruptedError` where the run is asked to stop:
  ///   then the model and the tables are as they were, and the same call starts the same fit again.
  func fit(_ replay: Replay, _ metrics: inout Metrics) throws -> ModelFitSummary
  /// state, action → next, reward, ended of the step's rows, known parts included.
  func advance(_ step: ImaginedStep, by members: MemberChoice, noise: RandomStream)
  /// Members that predict, best first; always as many. Default: one.
  var elites: [Int] { get }
  /// Memory for what all members predict for that many rows; nil, the default, where there are no members.
  func makePredictions(rows: Int) -> MemberPredictions?
  /// What every member predicts for the step's states and actions, without noise. Default: nothing.
  func predictMembers(_ step: ImaginedStep, into predictions: MemberPredictions)
  /// As a model that gradients pass through; nil, the default: they do not.
  var differentiable: (any DifferentiableDynamics)? { get }
  /// Rewards and ends that the task declares, anew, where the next states of a step have changed. Default: nothing.
  func settle(_ step: ImaginedStep)
  /// From now on fits count errors in the features of an inverse model, too: `FeatureLoss`. Default: they do not.
  func judge(byFeaturesOf inverse: InverseModel, weight: Double)
  /// Scores plans by rollouts through this model. It may be used until the next fit and again after it.
  func makeScorer(_ settings: RolloutSettings) -> any PlanScorer
  /// Per network the mean prediction for one observation and action: next observation, then reward and termination
  /// logit where learned.
  func meanPredictions(observation: [Float], action: [Float]) -> [[Float]]
  /// Facts for `mbrl inspect`.
  var facts: [(name: String, value: String)] { get }
}

extension DynamicsModel {
  package var differentiable: (any DifferentiableDynamics)? { nil }
  package var elites: [Int] { [0] }
  package func makePredictions(rows: Int) -> MemberPredictions? { nil }
  package func predictMembers(_ step: ImaginedStep, into predictions: MemberPredictions) {}
  package func settle(_ step: ImaginedStep) {}
  package func judge(byFeaturesOf inverse: InverseModel, weight: Double) {}
}

/// Who of an ensemble moves a row; models without members ignore it.
package enum MemberChoice {
  /// The elites take the rows in turn, noise included.
  case inTurn
  /// One member, noise included.
  case fixed(Int)
  /// Every row draws an elite, noise included.
  case drawn
  /// Every row draws any member, noise included.
  case drawnFromAll
  /// One member, by its mean; where the end is learned, the step gets its probability.
  case mean(of: Int)

  /// Who moves a row: the member itself where one is named, otherwise a place among so many.
  func mover(of row: Int, among count: Int, key: UInt64) -> Int {
    switch self {
    case .fixed(let member), .mean(let member): return member
    case .inTurn: return row % count
    case .drawn, .drawnFromAll:
      var bits = SplitMix64(key: key, 0x656c_6974_6573, UInt64(row))
      return bits.integer(below: UInt64(count))
    }
  }
}

/// What one fit came to.
package struct ModelFitSummary: Sendable {
  package var trainLoss: Double
  package var validationLoss: Double?
  /// Optimiser steps taken.
  package var updates: Int
  /// nil where nobody looked.
  package var health: ModelHealth?

  package init(trainLoss: Double, validationLoss: Double?, updates: Int) {
    (self.trainLoss, self.validationLoss, self.updates) = (trainLoss, validationLoss, updates)
  }
}

/// Every dynamics model; a new one is one file and one line here.
package enum DynamicsModels: Family {
  package static let meaning = "which model of the dynamics is learned"
  package static let entries: [Entry<any DynamicsModelConfiguration>] = [
    Entry("ensemble", "ensemble of multi-layer perceptrons, deterministic or probabilistic (PETS, MBPO)") {
      EnsembleDynamics.Configuration()
    },
    Entry("normalized-ensemble", "networks with layer norm, everything standardised, one noise per quantity (DHMBPO)") {
      NormalizedEnsemble.Configuration()
    },
  ]

  package static func declare(_ settings: inout any DynamicsModelConfiguration, _ fields: Fields) {
    settings.declare(fields)
  }

  /// Where the command line chose the agent: leaves out the file's model of a type that does not suit it.
  static func leaveOut(_ experiment: Fields, unless suits: (any DynamicsModelConfiguration) -> Bool) {
    experiment.leaveOut("model", because: "its type does not suit the agent") { section in
      let type = section["type"]?.string
      return entries.first { $0.name == type }.map { !suits($0.preset()) } ?? false
    }
  }

  /// Declares the section on the experiment's fields with its standard settings.
  static func declareSection(_ experiment: Fields, _ name: String) {
    var model = Variant<DynamicsModels>()
    experiment.section(name, &model, chooser: "type", "the learned model of the dynamics")
  }

  /// Why no model can be learned of a task; nil where one can.
  static func misfit(_ task: EnvironmentDescription) -> String? {
    guard task.specification.observationSpace.isDiscrete else { return nil }
    return "this agent needs vector observations; \(task.specification.id) gives an index"
  }
}

/// The settings of one kind of model: the section "model", apart from its "type".
package protocol DynamicsModelConfiguration: Configurable {
  /// Where rewards come from.
  var reward: RewardSource { get }
  /// Where the end of the task comes from.
  var termination: TerminationSource { get }
  /// Floating-point operations of one prediction of one row by one network; nil where nobody counts them.
  func operationsPerRow(_ layout: DynamicsLayout) -> Double?
  /// Networks that predict where a plan moves by the mean of all.
  var networks: Int { get }
  /// What `termination` may be. Default: anything.
  static var terminations: [TerminationSource] { get }
  /// Whether planners can score plans by it. Default: they can.
  var servesPlanners: Bool { get }
  /// Whether models have a `differentiable` form. Default: no.
  var isDifferentiable: Bool { get }
  /// Whether several networks predict, so that they can disagree. Default: they do.
  var hasDisagreement: Bool { get }
  /// The setting that gives a network others to disagree with, and its value. Default: a larger ensemble.
  var disagreementRemedy: String { get }
  /// Whether every prediction comes with a variance. Default: it does.
  var hasVariance: Bool { get }
  /// What the model, its fit to so many transitions, and gradients through so many imagined steps hold in memory.
  /// Default: nothing worth mentioning.
  func memory(_ task: EnvironmentDescription, transitions: Int, differentiatedRows: Int) -> MemoryNeed
  /// Warns of settings that nothing reads. Default: of none.
  func warn(replayCapacity: Int, _ fields: Fields)
  /// Builds the model.
  func makeModel(_ layout: DynamicsLayout, random: RandomStream, pool: ComputePool) -> any DynamicsModel
}

extension DynamicsModelConfiguration {
  package func operationsPerRow(_ layout: DynamicsLayout) -> Double? { nil }
  package var networks: Int { 1 }
  package static var terminations: [TerminationSource] { TerminationSource.allCases }
  package var servesPlanners: Bool { true }
  package var isDifferentiable: Bool { false }
  package var hasDisagreement: Bool { true }
  package var disagreementRemedy: String { "model.ensembleSize to 5" }
  package var hasVariance: Bool { true }
  package func memory(_ task: EnvironmentDescription, transitions: Int, differentiatedRows: Int) -> MemoryNeed {
    MemoryNeed()
  }
  package func warn(replayCapacity: Int, _ fields: Fields) {}

  /// Reports what the task does not declare, although the model is to take it from there.
  func check(_ task: EnvironmentDescription, _ fields: Fields) {
    let id = task.specification.id
    let known = task.knownDynamics
    func fault(_ setting: String, _ what: String, _ instead: String) {
      let reason = task.hidingSetting.map { "with environment.wrappers.\($0) it is not what \(id) declares" }
      fields.fault("model.\(setting)", "\(reason ?? "\(id) declares no \(what)"); use \(instead)")
    }
    if reward == .known, known?.knowsRewards != true { fault("reward", "reward function", "\"learned\"") }
    let others = Self.terminations.filter { $0 != .known }.map { "\"\($0.rawValue)\"" }
    if termination == .known, known == nil { fault("termination", "termination", others.joined(separator: " or ")) }
  }
}

/// Where imagined rewards come from.
package enum RewardSource: String, CaseIterable, Sendable {
  /// The environment's declared function.
  case known
  /// The model.
  case learned
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

/// What a model predicts from what: taken from the task once.
package struct DynamicsLayout: Sendable {
  package var observationSize: Int
  package var actionSpace: ActionSpace
  /// What the networks see of an observation.
  package var features: [ObservationFeature]
  /// Per observation column: predict the change (true) or the next value.
  package var predictsChange: [Bool]
  /// The task's declared reward and termination.
  package var known: (any KnownDynamics)?

  package var actionColumns: Int { actionSpace.columns }

  package init(_ task: EnvironmentDescription) { self.init(task.specification, known: task.knownDynamics) }

  package init(_ specification: EnvironmentSpecification, known: (any KnownDynamics)?) {
    observationSize = specification.observationSpace.size
    actionSpace = specification.actionSpace
    features = known?.modelFeatures ?? (0..<observationSize).map { .value($0) }
    predictsChange = known?.predictsChange ?? [Bool](repeating: true, count: observationSize)
    self.known = known
  }
}
