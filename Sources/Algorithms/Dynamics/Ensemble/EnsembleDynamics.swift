import CKernels
import Environments
import Neural
import Support

/// An ensemble of K multi-layer perceptrons that predicts the change of the observation (and on wish reward and
/// termination), each member trained on its own bootstrap of the data.
///
/// Probabilistic: every member gives a mean and a log-variance per target, the latter softly limited by learned bounds,
/// and is trained by Gaussian negative log-likelihood. Deterministic: the mean only, trained by squared error.
///
/// Loss: Σ over members of mean[(μ − y)²·e^(−lv) + lv] + 0.01·(Σ max_lv − Σ min_lv) + Σ over layers decay_l·½‖W_l‖².
/// Inputs are standardised; targets are not, unless asked for. Weights start from a truncated normal with deviation
/// 1/(2√fan_in), biases from 0, and go on from where they were at the next fit (warm start), as does the optimiser.
///
/// Source: Chua et al. 2018 (PETS) and the authors' code, Lakshminarayanan et al. 2017.
package final class EnsembleDynamics: DynamicsModel {
  package enum Kind: String, CaseIterable, Sendable { case probabilistic, deterministic }
  package enum Target: String, CaseIterable, Sendable {
    /// The change of the observation (per column as the environment declares).
    case change
    /// The next observation itself.
    case absolute
  }

  package struct Configuration: DynamicsModelConfiguration {
    package var kind = Kind.probabilistic
    /// Networks (K).
    package var ensembleSize = 5
    /// Members used for prediction, the best on held-out data; 0: all.
    package var elites = 0
    package var hiddenSizes = [200, 200, 200]
    package var activation = Activation.silu
    package var target = Target.change
    package var reward = RewardSource.known
    package var termination = TerminationSource.known
    /// Factor of the classifier's cross-entropy. The likelihood of predictable quantities pulls on the shared layers
    /// with 1/σ, some hundred times as hard; at 1 the classifier would learn nothing beside it.
    package var terminationWeight = 100.0
    package var normalizesInputs = true
    /// Also standardise the targets: for observations whose changes are far smaller than the variance bounds' e^(−10).
    package var normalizesTargets = false
    package var learnsVarianceBounds = true
    /// β of the likelihood (`Tape.gaussianNLL`): above 0 rare values that look like noise, such as rewards that are 0
    /// almost everywhere, are learned, too.
    package var varianceExponent = 0.0
    package var bootstrap = true
    package var warmStart = true
    package var learningRate = 1e-3
    /// Factor of ½‖W‖² per layer: one number for all, or one per layer, the output layer last.
    package var weightDecay = [0.0]
    package var batchSize = 32
    /// Passes over the data per fit; with early stopping the most of them.
    package var epochs = 5
    /// Share of the data held out for early stopping and elites; 0: none.
    package var holdout = 0.0
    /// Most transitions held out.
    package var holdoutLimit = 5000
    /// Epochs without improvement of any member before the fit stops.
    package var patience = 5
    /// Relative improvement of the held-out error that counts.
    package var improvementThreshold = 0.01
    /// Largest global gradient norm; 0: no clipping.
    package var maximumGradientNorm = 0.0

    package init() {}

    /// Settings that came later than the first runs, which do not have them where they are at their defaults.
    package static let later = ["varianceExponent"]

    package mutating func declare(_ fields: Fields) {
      fields.choice("kind", &kind, "probabilistic: Gaussian outputs; deterministic: squared error")
      fields.integer("ensembleSize", &ensembleSize, in: 1...64, "networks in the ensemble (K)")
      if !fields.mentions("elites") { elites = min(elites, ensembleSize) }
      fields.integer("elites", &elites, in: 0...64, "best members used for prediction; 0: all")
      if elites > ensembleSize { fields.fault("elites", "\(elites) of an ensemble of \(ensembleSize)") }
      fields.integers(
        "hiddenSizes", &hiddenSizes, each: 1...4096, count: 0...(Int(CK_MAX_LAYERS) - 1), "widths of the hidden layers")
      fields.choice("activation", &activation, "after every hidden layer")
      fields.choice(
        "target", &target, alsoCalled: ["delta": .change],
        "predict the change of the observation (\"delta\", too), or the next observation itself")
      fields.choice("reward", &reward, "the environment's declared reward function, or a learned one")
      fields.choice("termination", &termination, "declared function, learned classifier, or imagine no end")
      fields.number("terminationWeight", &terminationWeight, in: 0...1e6, "weight of a learned termination's loss")
      fields.flag("normalizesInputs", &normalizesInputs, "standardise inputs, refitted at every fit")
      fields.flag("normalizesTargets", &normalizesTargets, "standardise targets too (very small or large changes)")
      fields.flag("learnsVarianceBounds", &learnsVarianceBounds, "learn the bounds of the log-variance")
      fields.number(
        "varianceExponent", &varianceExponent, in: 0...1,
        "likelihoods count for variance^β: at 0 what looks noisy is hardly learned, at 1 as by squared error")
      fields.flag("bootstrap", &bootstrap, "every member draws its own data with replacement")
      fields.flag("warmStart", &warmStart, "go on from the last weights instead of new ones at every fit")
      fields.number("learningRate", &learningRate, in: 0...1, aboveLowerBound: true, "Adam's step size")
      fields.numbers(
        "weightDecay", &weightDecay, each: 0...1000, count: 1...Int(CK_MAX_LAYERS), acceptsOne: true,
        "factor of half the squared weights: one number, or one per layer")
      if weightDecay.count != 1 && weightDecay.count != hiddenSizes.count + 1 {
        fields.fault(
          "weightDecay",
          "has \(weightDecay.count) numbers for \(hiddenSizes.count + 1) layers; give one, or one per layer")
      }
      fields.integer("batchSize", &batchSize, in: 1...1_000_000, "transitions per member and optimiser step")
      fields.integer("epochs", &epochs, in: 1...1_000_000, "passes over the data per fit, at most")
      fields.number("holdout", &holdout, in: 0...0.9, "share of the data held out for early stopping; 0: none")
      fields.integer("holdoutLimit", &holdoutLimit, in: 1...Int.max, "most transitions held out")
      fields.integer("patience", &patience, in: 1...1_000_000, "epochs without improvement before a fit stops")
      fields.number("improvementThreshold", &improvementThreshold, in: 0...1, "relative improvement that counts")
      fields.number("maximumGradientNorm", &maximumGradientNorm, in: 0...1e12, "clip the global norm; 0: never")
    }

    package var hasVariance: Bool { kind == .probabilistic }

    /// What each member is trained on: all rows, or as many of them drawn with replacement.
    package func rowsOfMembers(_ rows: [Int32], _ random: inout RandomStream) -> [[Int32]] {
      (0..<ensembleSize).map { _ in bootstrap ? rows.map { _ in rows[random.integer(below: rows.count)] } : rows }
    }

    package var hasDisagreement: Bool { (elites == 0 ? ensembleSize : elites) > 1 }
    package var disagreementRemedy: String { ensembleSize > 1 ? "model.elites to 0" : "model.ensembleSize to 5" }

    package func warn(replayCapacity: Int, _ fields: Fields) {
      func unused(_ name: String, because reason: String) { fields.unused("model.\(name)", because: reason) }
      if hiddenSizes.isEmpty { unused("activation", because: "there is no hidden layer") }
      if termination != .learned { unused("terminationWeight", because: "model.termination is not \"learned\"") }
      if kind == .deterministic {
        for name in ["learnsVarianceBounds", "varianceExponent"] {
          unused(name, because: "a model of kind \"deterministic\" has no variance")
        }
      }
      if holdout == 0 {
        for name in ["patience", "improvementThreshold"] {
          unused(name, because: "without model.holdout no fit stops early")
        }
        // Elites are chosen on that many transitions all the same.
        if elites == 0 || elites == ensembleSize { unused("holdoutLimit", because: "model.holdout is 0") }
      }
      if batchSize > replayCapacity {
        fields.warn("model.batchSize", "\(batchSize) is more than agent.replayCapacity \(replayCapacity) holds")
      }
    }

    package func memory(_ task: EnvironmentDescription, transitions: Int, differentiatedRows: Int) -> MemoryNeed {
      let layout = DynamicsLayout(task)
      let (inputs, targets) = (layout.features.count + layout.actionColumns, EnsembleDynamics.targets(self, layout))
      let sizes = [inputs] + hiddenSizes + [kind == .probabilistic ? 2 * targets : targets]
      var need = MemoryNeed()
      // Values, gradients and two moments, the first values, three to go back to where a fit is interrupted, and what
      // a checkpoint copies in parts.
      let copies = 10 + (holdout > 0 ? 1 : 0)
      need.add(
        "model: \(ensembleSize) networks (model.ensembleSize) of \(MLP.parameterCount(sizes)) parameters "
          + "(model.hiddenSizes)",
        bytes: ensembleSize, MLP.parameterCount(sizes), copies, 4)
      need.add(
        "fit: \(transitions) transitions for \(ensembleSize) networks", bytes: transitions,
        2 * (inputs + targets) + ensembleSize, 4)
      let (batch, columns) = (min(batchSize, transitions), sizes.reduce(0, +))
      need.add("fit: model.batchSize \(batch) × all layers", bytes: batch, columns, 8)
      if differentiatedRows > 0 {
        need.add(
          "gradients of plans: planner.restarts × planner.horizon × \(ensembleSize) networks × all layers",
          bytes: differentiatedRows, elites == 0 ? ensembleSize : elites, columns, 8)
      }
      return need
    }

    package func makeModel(_ layout: DynamicsLayout, random: RandomStream, pool: ComputePool) -> any DynamicsModel {
      EnsembleDynamics(self, layout, random: random, pool: pool)
    }

    package var networks: Int { elites == 0 ? ensembleSize : elites }

    package func operationsPerRow(_ layout: DynamicsLayout) -> Double? {
      let outputs = EnsembleDynamics.targets(self, layout) * (kind == .probabilistic ? 2 : 1)
      let widths = [layout.features.count + layout.actionColumns] + hiddenSizes + [outputs]
      return 2 * zip(widths, widths.dropFirst()).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }

    func decay(ofLayer layer: Int) -> Double { weightDecay.count == 1 ? weightDecay[0] : weightDecay[layer] }
  }

  package let configuration: Configuration
  package let layout: DynamicsLayout
  let pool: ComputePool
  let store = ParameterStore()
  let network: MLP
  /// nil: deterministic.
  let head: GaussianHead?
  private let adam: Adam
  let trainer: Trainer
  let tape: Tape
  package private(set) var normalizer: InputNormalizer
  /// The identity unless targets are standardised; the termination logit never is.
  package private(set) var targetNormalizer: InputNormalizer
  /// Members used for prediction, best first.
  package private(set) var elites: [Int]
  /// Whose features errors are measured in, too, and with which weight.
  private(set) var judge: (inverse: InverseModel, weight: Double)?
  private var fits = 0
  private var random: RandomStream
  private let initialValues: [Float]
  private(set) var kernel: EnsembleKernel!
  /// Scratch memory of one imagined step.
  var stepIndex: [Int32] = []
  private(set) lazy var stepWorkspace = FloatBuffer(count: kernel.workspaceSize)

  package init(_ configuration: Configuration, _ layout: DynamicsLayout, random: RandomStream, pool: ComputePool) {
    self.configuration = configuration
    self.layout = layout
    self.pool = pool
    self.random = random.stream("fits")
    var initial = random.stream("initialisation")
    let targets = EnsembleDynamics.targets(configuration, layout)
    let outputs = configuration.kind == .probabilistic ? 2 * targets : targets
    network = MLP(
      name: "members.{member}",
      sizes: [layout.features.count + layout.actionColumns] + configuration.hiddenSizes + [outputs],
      members: configuration.ensembleSize, activation: configuration.activation, in: store, random: &initial)
    head =
      configuration.kind == .probabilistic
      ? GaussianHead(name: "", size: targets, in: store, random: &initial) : nil
    let layers = network.layers
    let norm = configuration.maximumGradientNorm
    adam = Adam(
      store, learningRate: Float(configuration.learningRate),
      decays: store.parameters.map { parameter in
        layers.firstIndex { $0.weight == parameter }.map { Float(configuration.decay(ofLayer: $0)) } ?? 0
      }, maximumNorm: norm > 0 ? Float(norm) : nil)
    trainer = Trainer(network, adam, pool: pool)
    tape = Tape(pool: pool)
    normalizer = InputNormalizer(columns: layout.features.count + layout.actionColumns)
    targetNormalizer = InputNormalizer(columns: targets)
    elites = Array(0..<(configuration.elites == 0 ? configuration.ensembleSize : configuration.elites))
    initialValues = Array(store.values)
    kernel = EnsembleKernel(self)
  }

  /// Predicted quantities: observation columns, then reward, then termination, where learned.
  static func targets(_ configuration: Configuration, _ layout: DynamicsLayout) -> Int {
    layout.observationSize + (configuration.reward == .learned ? 1 : 0)
      + (configuration.termination == .learned ? 1 : 0)
  }

  package var targetCount: Int { EnsembleDynamics.targets(configuration, layout) }
  package var inputColumns: Int { normalizer.mean.count }
  /// Targets trained by likelihood or squared error: all but the termination logit.
  var regressionTargets: Int { targetCount - (configuration.termination == .learned ? 1 : 0) }
  /// Whether observation column `column` is predicted as a change.
  func predictsChange(_ column: Int) -> Bool { configuration.target == .change && layout.predictsChange[column] }

  package var parameterCount: Int { store.parameterCount }

  package var facts: [(name: String, value: String)] {
    [
      ("model parameters", String(parameterCount)),
      ("model fits", String(fits)),
      ("model elites", elites.map(String.init).joined(separator: " ")),
      ("model targets", String(targetCount)),
    ]
  }

  package var tables: [TableDeclaration] { [TableDeclaration("model", ModelFitRow.columns)] }

  package func fit(_ replay: Replay, _ metrics: inout Metrics) throws -> ModelFitSummary {
    var rows: [ModelFitRow] = []
    let summary = try fit(replay, rows: &rows)
    for row in rows { metrics.append(to: "model", row.cells) }
    return summary
  }

  /// As the other, with a row for each epoch.
  package func fit(_ replay: Replay, rows: inout [ModelFitRow]) throws -> ModelFitSummary {
    let before = try StateSnapshot(of: adam)
    if !configuration.warmStart && fits > 0 {
      _ = store.values.update(fromContentsOf: initialValues)
      adam.reset()
    }
    var fit = EnsembleFit(self, replay, number: fits, random: random.stream(UInt64(fits)))
    let result: EnsembleFit.Result
    do {
      result = try fit.run()
    } catch let interruption as InterruptedError {
      try before.restore(adam)
      throw interruption
    }
    rows += result.epochs
    (normalizer, targetNormalizer, elites) = (result.normalizer, result.targetNormalizer, result.elites)
    fits += 1
    kernel.refresh(self)
    return result.summary
  }

  package func judge(byFeaturesOf inverse: InverseModel, weight: Double) { judge = (inverse, weight) }

  package func makeScorer(_ settings: RolloutSettings) -> any PlanScorer { EnsembleScorer(self, settings) }

  package func archive(_ archive: Archive) throws {
    try adam.archive(archive)
    try archive.part("normalizer", &normalizer)
    try archive.part("targetNormalizer", &targetNormalizer)
    try archive.part("random", &random)
    try archive.value("fits", &fits)
    var members = elites.map(Int32.init)
    try archive.array("elites", &members, isWeight: true)
    elites = members.map(Int.init)
    guard !elites.isEmpty, elites.allSatisfy((0..<configuration.ensembleSize).contains) else {
      throw ArchiveError.malformed("elites", "\(members)")
    }
    kernel.refresh(self)
  }
}
