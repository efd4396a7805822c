import Algorithms
import Environments
import Neural
import Support
import TestSupport
import Testing

/// One update of the double horizon, and its model's loss, against numbers in double precision.
struct DoubleHorizonGoldenTests {
  private static let file = "neural/double_horizon.json"

  /// Ends where the first raw number of the state has passed a threshold.
  private struct Threshold: KnownDynamics {
    let limit: Float

    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      reward.update(repeating: 0, count: columns.count)
    }

    func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
      let first = columns.nextObservationColumn(0)
      for row in 0..<columns.count { terminated[row] = first[row] > limit ? 1 : 0 }
    }
  }

  /// Noise of a file: per step the policy's, then the model's.
  private struct Recorded: NoiseSource {
    var parts: [[Float]]

    mutating func fillNormal(_ out: UnsafeMutableBufferPointer<Float>) {
      _ = out.update(fromContentsOf: parts.removeFirst())
    }
    mutating func fillTruncatedNormal(_ out: UnsafeMutableBufferPointer<Float>, bound: Float) { fillNormal(out) }
    mutating func fillUniform(_ out: UnsafeMutableBufferPointer<Float>, _ low: Float, _ high: Float) { fillNormal(out) }
  }

  /// Learner and model with the numbers of the file.
  private struct Case {
    let fixture: Fixture
    let model: NormalizedEnsemble
    let learner: DoubleHorizonLearner
    let settings: DoubleHorizonSettings
    let rows, size, actions, horizon: Int

    init() throws {
      fixture = try Fixture(DoubleHorizonGoldenTests.file)
      let (inputs, given) = (try fixture["inputs"], try fixture["inputs/settings"])
      func whole(_ name: String) throws -> Int { try inputs["sizes/\(name)"].integer(in: 1...10_000) }
      (rows, size, actions) = (try whole("batch"), try whole("observation"), try whole("action"))
      horizon = try whole("horizon")
      let hidden = [Int](repeating: try whole("width"), count: try whole("layers") - 1)

      var configuration = NormalizedEnsemble.Configuration()
      configuration.ensembleSize = try whole("members")
      configuration.hiddenSizes = hidden
      configuration.normEpsilons = try given["model_norm_epsilons"].doubles([hidden.count])
      var layout = DynamicsLayout(
        EnvironmentRegistry.specifications[0],
        known: Threshold(limit: try given["terminates_above_raw_state_0"].float))
      layout.observationSize = size
      layout.actionSpace = .box(
        low: [Float](repeating: -1, count: actions), high: [Float](repeating: 1, count: actions))
      model = NormalizedEnsemble(configuration, layout, random: RandomStream(seed: 1), pool: ComputePool(threads: 1))
      try Case.copy(inputs["model"], to: model.network)
      _ = model.store.values(of: model.logDeviation).update(
        fromContentsOf: try inputs["ln_sigma"].floats([configuration.ensembleSize, 1 + size]))
      let normaliser = try inputs["normaliser"]
      model.normalizer = InputNormalizer(
        mean: try normaliser["input_mean"].doubles([size]), deviation: try normaliser["input_deviation"].doubles([size])
      )
      model.targetNormalizer = InputNormalizer(
        mean: try normaliser["output_mean"].doubles([1 + size]),
        deviation: try normaliser["output_deviation"].doubles([1 + size]))
      model.refresh()

      var settings = DoubleHorizonSettings()
      settings.hiddenSizes = hidden
      settings.criticHiddenSizes = hidden
      settings.critics = try whole("critics")
      settings.horizon = horizon
      settings.batchSize = rows
      settings.discount = try given["gamma"].double
      settings.targetRate = try given["tau"].double
      settings.targetEntropy = try given["target_entropy"].double
      settings.rangeRate = try given["range_rate"].double
      let quantiles = try given["range_quantiles"].doubles([2])
      settings.rangeQuantiles = (quantiles[0], quantiles[1])
      settings.learningRate = 0
      settings.criticEpsilon = try given["critic_norm_epsilon"].double
      self.settings = settings
      learner = DoubleHorizonLearner(settings, model, random: RandomStream(seed: 2), pool: nil)
      try Case.copy(inputs["critics"], to: learner.critics)
      try Case.copy(inputs["target_critics"], to: learner.target.network)
      let layers = learner.policy.network.layers
      for (layer, part) in try inputs["actor"].elements(layers.count).enumerated() {
        let (weight, bias) = layers[layer]
        let store = learner.policy.network.store
        _ = store.values(of: weight).update(fromContentsOf: try part["weight"].floats([weight.rows, weight.columns]))
        _ = store.values(of: bias).update(fromContentsOf: try part["bias"].floats([bias.columns]))
      }
      learner.temperature.logValue = try given["alpha_raw"].float
      learner.range = ValueRange(low: try given["range_low"].float, high: try given["range_high"].float)
    }

    static func copy(_ layers: Fixture, to network: NormalizedMLP) throws {
      for (linear, layer) in zip(network.linears, try layers.elements(network.linears.count)) {
        let (weight, bias) = (linear.weight, linear.bias)
        _ = network.store.values(of: weight).update(
          fromContentsOf: try layer["weight"].floats([weight.batch, weight.rows, weight.columns]))
        _ = network.store.values(of: bias).update(fromContentsOf: try layer["bias"].floats([bias.batch, bias.columns]))
      }
    }

    /// The noise and the members of the file.
    func recorded() throws -> (noise: Recorded, members: [[Int32]]) {
      let inputs = try fixture["inputs"]
      let action = try inputs["action_noise"].floats([horizon + 1, rows, actions])
      let state = try inputs["state_noise"].floats([horizon, rows, size])
      var parts: [[Float]] = []
      for step in 0...horizon {
        parts.append(Array(action[step * rows * actions..<(step + 1) * rows * actions]))
        if step < horizon { parts.append(Array(state[step * rows * size..<(step + 1) * rows * size])) }
      }
      let members = try inputs["member"].floats([horizon, rows]).map { Int32($0) }
      return (Recorded(parts: parts), (0..<horizon).map { Array(members[$0 * rows..<($0 + 1) * rows]) })
    }

    func update(improvesPolicy: Bool = true) throws -> DoubleHorizonLearner.Report {
      var (noise, members) = try recorded()
      let start = RowBuffer(rows, size)
      _ = start.memory.update(fromContentsOf: try fixture["inputs/start_states"].floats([rows, size]))
      let pair = try fixture["inputs/settings/target_critic_pair"].floats([2]).map { Int($0) }
      return try withExtendedLifetime(start) {
        try learner.update(
          from: start.read, pair: pair, members: { step, serving in serving = members[step] }, &noise,
          improvesPolicy: improvesPolicy)
      }
    }
  }

  @Test(.golden(file)) func trajectoriesRangeAndTargets() throws {
    let test = try Case()
    let report = try test.update()
    let (outputs, tape, steps) = (try test.fixture["outputs"], test.learner.tape, test.learner.trajectory)
    func joined(_ tensors: [Tensor]) -> [Float] { tensors.flatMap { Array(tape.values($0)) } }
    let (rows, horizon) = (test.rows, test.horizon)
    try outputs["states"].expectClose(joined(steps.states), [horizon + 1, rows, test.size], within: 2e-4)
    try outputs["actions"].expectClose(joined(steps.actions), [horizon + 1, rows, test.actions], within: 2e-4)
    try outputs["log_pi"].expectClose(joined(steps.logProbabilities), [horizon + 1, rows], within: 2e-4)
    try outputs["rewards"].expectClose(joined(steps.rewards), [horizon, rows], within: 2e-4)
    try outputs["alive"].expectClose(steps.alive, [horizon + 1, rows], within: 1e-9)
    try outputs["range/low"].expectClose([report.low], within: 2e-4)
    try outputs["range/high"].expectClose([report.high], within: 2e-4)
    try outputs["critic_target"].expectClose(test.learner.targets, [rows], within: 2e-4)
    try outputs["critic_loss"].expectClose([report.criticLoss], within: 2e-4)
    try outputs["alpha_loss"].expectClose([report.temperatureLoss], within: 2e-4)
  }

  @Test(.golden(file)) func gradientsOfTheCritics() throws {
    let test = try Case()
    _ = try test.update(improvesPolicy: false)
    try expect(try test.fixture["outputs/critic_gradients"], gradientsOf: test.learner.critics)
  }

  /// The file's actor climbs the critics that are given: they do not move.
  @Test(.golden(file)) func gradientsOfTheActor() throws {
    let test = try Case()
    let report = try test.update()
    let outputs = try test.fixture["outputs"]
    try outputs["actor_loss"].expectClose([report.actorLoss], within: 2e-4)
    let (store, layers) = (test.learner.policy.network.store, test.learner.policy.network.layers)
    for (layer, part) in try outputs["actor_gradients"].elements(layers.count).enumerated() {
      let (weight, bias) = layers[layer]
      try part["weight"].expectClose(store.gradients(of: weight), [weight.rows, weight.columns], within: 1e-3)
      try part["bias"].expectClose(store.gradients(of: bias), [bias.columns], within: 1e-3)
    }
    let targets = test.learner.target.network
    for (linear, layer) in zip(targets.linears, try outputs["target_critics_after"].elements(targets.linears.count)) {
      let (weight, bias) = (linear.weight, linear.bias)
      try layer["weight"].expectClose(
        targets.store.values(of: weight), [weight.batch, weight.rows, weight.columns], within: 2e-4)
      try layer["bias"].expectClose(targets.store.values(of: bias), [bias.batch, bias.columns], within: 2e-4)
    }
  }

  @Test(.golden(file)) func lossAndScoresOfTheModel() throws {
    let test = try Case()
    let (model, tape) = (test.model, Tape())
    let batch = try test.fixture["inputs/model_batch"]
    let rows = try test.fixture["inputs/sizes/model_rows"].integer(in: 1...10_000)
    let (members, size, actions) = (model.configuration.ensembleSize, test.size, test.actions)
    let (states, chosen) = (try batch["states"].floats([rows, size]), try batch["actions"].floats([rows, actions]))
    let targets = try batch["targets"].floats([rows, 1 + size])
    let weights = try batch["weights"].floats([rows, members])
    let input = tape.concatenateColumns([
      tape.constant(states, rows: rows, columns: size), tape.constant(chosen, rows: rows, columns: actions),
    ])
    let output = model.network(input, on: tape)
    let wanted = tape.broadcastBatch(tape.constant(targets, rows: rows, columns: 1 + size), to: members)
    let shares = tape.constant(batch: members, rows: rows, columns: 1) { out in
      for index in out.indices { out[index] = weights[index % rows * members + index / rows] }
    }
    let loss = NormalizedEnsemble.loss(
      output, wanted, logDeviation: tape.parameter(model.logDeviation, of: model.store), weights: shares,
      floor: try test.fixture["inputs/settings/sigma_floor"].float, on: tape)
    model.store.clearGradients()
    tape.backward(loss)
    let outputs = try test.fixture["outputs"]
    try outputs["model_loss"].expectClose([tape.scalar(loss)], within: 2e-4)
    try expect(try outputs["model_gradients"], gradientsOf: model.network)
    try outputs["ln_sigma_gradient"].expectClose(
      model.store.gradients(of: model.logDeviation), [members, 1 + size], within: 1e-3)
    let rowsWanted = RowBuffer(rows, 1 + size)
    _ = rowsWanted.memory.update(fromContentsOf: targets)
    let scores = NormalizedEnsemble.scores(
      tape.values(output), members: members, logDeviations: .init(model.store.values(of: model.logDeviation)),
      wanted: (0..<rows).map { rowsWanted.read.row($0) })
    try outputs["validation_score"].expectClose(scores.map { Float($0) }, [rows], within: 2e-4)
  }

  private func expect(_ layers: Fixture, gradientsOf network: NormalizedMLP) throws {
    for (linear, layer) in zip(network.linears, try layers.elements(network.linears.count)) {
      let (weight, bias) = (linear.weight, linear.bias)
      try layer["weight"].expectClose(
        network.store.gradients(of: weight), [weight.batch, weight.rows, weight.columns], within: 1e-3)
      try layer["bias"].expectClose(network.store.gradients(of: bias), [bias.batch, bias.columns], within: 1e-3)
    }
  }
}
