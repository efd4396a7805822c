import CKernels
import Environments
import Neural
import Support

/// The model of double-horizon policy optimisation (Kubo, Parmas & Ishii 2025): K networks with layer norm that predict
/// reward and change of the observation, every quantity standardised on its own, reward included.
///
/// The noise is one learned constant σ for each member and quantity, no output of the network. All members see the
/// same minibatches, with weights w ~ Exp(1) of their own for every transition (Bayesian bootstrap).
///
/// Loss: Σ over members of mean w·Σ_d [½(μ − y)²/σ² + max(ln σ, ln 10⁻³)]; AdamW; decays grow from layer to layer.
package final class NormalizedEnsemble: DynamicsModel {
  package struct Configuration: DynamicsModelConfiguration {
    /// Networks (K).
    package var ensembleSize = 8
    package var hiddenSizes = [256, 256, 256]
    /// Of each hidden layer's norm; here as below the last number holds for all further layers.
    package var normEpsilons = [1, 0.1, 0.01]
    /// Share of each hidden layer's values that training leaves out.
    package var dropout = [0.0075, 0.005, 0.0025]
    package var termination = TerminationSource.known
    package var learningRate = 1e-3
    /// Decoupled, of each layer's weights and biases, the output layer's last.
    package var weightDecay = [2.5e-4, 5e-4, 7.5e-4, 1e-3]
    /// Decoupled, of ln σ.
    package var noiseDecay = 1e-2
    package var batchSize = 256
    /// Minibatches of one epoch, at most.
    package var epochBatches = 6
    /// Epochs of one fit, at most.
    package var epochs = 60
    /// Epochs without improvement before a fit stops.
    package var patience = 20
    /// Factor of both at the first fit.
    package var firstFit = 3.0
    /// Chance of a transition to be held out, for ever.
    package var holdout = 0.2
    /// Most held-out transitions that an epoch is judged by.
    package var holdoutLimit = 2048
    /// Most transitions of one fit, drawn anew where there are more.
    package var fitLimit = 100_000
    /// Deviation of the noise on the reward's targets, in units of the reward.
    package var rewardNoise = 1e-3

    package var reward: RewardSource { .learned }

    package init() {}

    package mutating func declare(_ fields: Fields) {
      let layers = 1...(Int(CK_MAX_LAYERS) - 1)
      fields.integer("ensembleSize", &ensembleSize, in: 1...64, "networks")
      fields.integers("hiddenSizes", &hiddenSizes, each: 1...4096, count: layers, "widths of the hidden layers")
      fields.numbers(
        "normEpsilons", &normEpsilons, each: 1e-8...1e6, count: layers, acceptsOne: true,
        "epsilon of the norm after each hidden layer; the last one holds for all further layers")
      fields.numbers(
        "dropout", &dropout, each: 0...0.9, count: layers, acceptsOne: true,
        "share of each hidden layer's values that training leaves out; the last one holds for all further layers")
      fields.choice("termination", &termination, among: Self.terminations, "declared function, or imagine no end")
      fields.number("learningRate", &learningRate, in: 0...1, aboveLowerBound: true, "AdamW's step size")
      fields.numbers(
        "weightDecay", &weightDecay, each: 0...1000, count: 1...Int(CK_MAX_LAYERS), acceptsOne: true,
        "decoupled decay of each layer; the last one holds for all further layers")
      fields.number("noiseDecay", &noiseDecay, in: 0...1000, "decoupled decay of the logarithms of the noise")
      fields.integer("batchSize", &batchSize, in: 1...1_000_000, "transitions per optimiser step")
      fields.integer("epochBatches", &epochBatches, in: 1...1_000_000, "optimiser steps per epoch, at most")
      fields.integer("epochs", &epochs, in: 1...1_000_000, "epochs per fit, at most")
      fields.integer("patience", &patience, in: 1...1_000_000, "epochs without improvement before a fit stops")
      fields.number("firstFit", &firstFit, in: 1...1000, "factor of epochs and patience at the first fit")
      fields.number("holdout", &holdout, in: 0...0.9, "chance of a transition to be held out for early stopping")
      fields.integer("holdoutLimit", &holdoutLimit, in: 1...1_000_000, "most held-out transitions that are asked")
      fields.integer("fitLimit", &fitLimit, in: 1...100_000_000, "most transitions of one fit")
      fields.number("rewardNoise", &rewardNoise, in: 0...1e6, "deviation of noise on the reward's targets")
    }

    package static let terminations: [TerminationSource] = [.known, .never]
    package var hasDisagreement: Bool { ensembleSize > 1 }
    package var servesPlanners: Bool { false }
    package var isDifferentiable: Bool { true }
    package var networks: Int { ensembleSize }

    package func warn(replayCapacity: Int, _ fields: Fields) {
      if weightDecay.count > hiddenSizes.count + 1 {
        fields.warn(
          "model.weightDecay", "of \(weightDecay.count) numbers the \(hiddenSizes.count + 1) layers take the first")
      }
      if holdout == 0 {
        for name in ["patience", "holdoutLimit"] {
          fields.unused("model.\(name)", because: "without model.holdout no fit stops early")
        }
      }
    }

    /// Widths from input to output.
    func sizes(_ layout: DynamicsLayout) -> [Int] {
      [layout.observationSize + layout.actionColumns] + hiddenSizes + [1 + layout.observationSize]
    }

    package func operationsPerRow(_ layout: DynamicsLayout) -> Double? {
      let widths = sizes(layout)
      return 2 * zip(widths, widths.dropFirst()).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }

    package func memory(_ task: EnvironmentDescription, transitions: Int, differentiatedRows: Int) -> MemoryNeed {
      let widths = sizes(DynamicsLayout(task))
      var need = MemoryNeed()
      need.add(
        "model: \(ensembleSize) networks (model.ensembleSize) of \(MLP.parameterCount(widths)) parameters "
          + "(model.hiddenSizes)", bytes: ensembleSize, MLP.parameterCount(widths), 7, 4)
      let rows = min(transitions, fitLimit)
      need.add(
        "fit: \(rows) transitions for \(ensembleSize) networks", bytes: rows,
        2 * (widths[0] + widths[widths.count - 1] + ensembleSize), 4)
      need.add(
        "fit: model.batchSize \(batchSize), model.holdoutLimit \(holdoutLimit) × all layers × \(ensembleSize) networks",
        bytes: 6 * min(batchSize, rows) + 2 * min(holdoutLimit, rows), widths.reduce(0, +), ensembleSize, 4)
      if differentiatedRows > 0 {
        need.add(
          "gradients through \(differentiatedRows) imagined steps × all layers", bytes: differentiatedRows,
          widths.reduce(0, +), 16)
      }
      return need
    }

    package func makeModel(_ layout: DynamicsLayout, random: RandomStream, pool: ComputePool) -> any DynamicsModel {
      NormalizedEnsemble(self, layout, random: random, pool: pool)
    }

    /// The number of a list for a layer.
    static func number(_ list: [Double], _ layer: Int) -> Float { Float(list[min(layer, list.count - 1)]) }
  }

  package let configuration: Configuration
  package let layout: DynamicsLayout
  let pool: ComputePool
  package let store = ParameterStore()
  /// [observation | action] → [reward | change of the observation].
  package let network: NormalizedMLP
  /// ln σ [members, 1, 1 + observation size].
  package let logDeviation: Parameter
  let tape: Tape
  /// Of the observations.
  package var normalizer: InputNormalizer
  /// Of reward and change.
  package var targetNormalizer: InputNormalizer
  private(set) var fits = 0
  private var random: RandomStream
  /// What a step on a tape reads; follows from parameters and statistics.
  var constants: StepConstants
  var grouping = MemberGroups()
  /// In units of the observation, for the task's own rule.
  var ending: ImaginedStep

  package init(_ configuration: Configuration, _ layout: DynamicsLayout, random: RandomStream, pool: ComputePool) {
    (self.configuration, self.layout, self.pool) = (configuration, layout, pool)
    self.random = random.stream("fits")
    var initial = random.stream("initialisation")
    let (members, size) = (configuration.ensembleSize, layout.observationSize)
    network = NormalizedMLP(
      name: "members.{member}", sizes: configuration.sizes(layout),
      epsilons: configuration.hiddenSizes.indices.map { Configuration.number(configuration.normEpsilons, $0) },
      members: members, in: store, random: &initial)
    logDeviation = store.addVector(
      "log_deviation", batch: members, count: 1 + size, initializer: .zeros, random: &initial)
    tape = Tape(pool: pool)
    normalizer = InputNormalizer(columns: size)
    targetNormalizer = InputNormalizer(columns: 1 + size)
    constants = StepConstants(members: members, size: size)
    ending = ImaginedStep(capacity: 1, observationSize: size, actionColumns: layout.actionColumns)
    refresh()
  }

  /// Takes over what a fit or an archive brought.
  package func refresh() {
    constants.take(normalizer, targetNormalizer, logDeviations: store.values(of: logDeviation))
  }

  package var facts: [(name: String, value: String)] {
    [
      ("model parameters", String(store.parameters.reduce(0) { $0 + $1.count })), ("model fits", String(fits)),
      ("model targets", String(1 + layout.observationSize)),
    ]
  }

  package var tables: [TableDeclaration] { [TableDeclaration("model", ModelFitRow.columns)] }

  package func fit(_ replay: Replay, _ metrics: inout Metrics) throws -> ModelFitSummary {
    let before = try StateSnapshot(of: self)
    var fit = NormalizedEnsembleFit(self, replay, number: fits, random: random)
    do {
      try fit.run()
    } catch let interruption as InterruptedError {
      try before.restore(self)
      throw interruption
    }
    for row in fit.epochs { metrics.append(to: "model", row.cells) }
    fits += 1
    refresh()
    return fit.summary
  }

  /// Plans are not scored by it: `Configuration.servesPlanners`.
  package func makeScorer(_ settings: RolloutSettings) -> any PlanScorer {
    preconditionFailure("a normalized ensemble serves no planner")
  }

  package func archive(_ archive: Archive) throws {
    try store.archive(archive)
    try archive.part("normalizer", &normalizer)
    try archive.part("targetNormalizer", &targetNormalizer)
    try archive.value("fits", &fits)
    refresh()
  }
}
