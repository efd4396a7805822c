import Algorithms
import Environments
import Support

/// The two costs of double-horizon policy optimisation at the authors' sizes: the policy's update, everything but the
/// drawing of states, and the model's fit.
enum DoubleHorizonBenchmark {
  static let all: [Benchmark] = [
    benchmark("double-horizon-update", rows: 256), fit,
  ]

  /// Epochs of 6 minibatches of 256 rows, each judged by 2,048 rows; the data is prepared and judged once before.
  private static let fit: Benchmark = {
    let (size, actions, epochs) = (17, 6, 5)
    let configuration = NormalizedEnsemble.Configuration()
    let widths = [size + actions] + configuration.hiddenSizes + [1 + size]
    let step =
      3 * PlanningBenchmarks.operations(widths, rows: configuration.batchSize)
      - PlanningBenchmarks.operations(Array(widths.prefix(2)), rows: configuration.batchSize)
    let judged = PlanningBenchmarks.operations(widths, rows: configuration.holdoutLimit)
    let members = Double(configuration.ensembleSize)
    return Benchmark(
      "double-horizon-fit", "\(epochs) epochs of 6 minibatches of 256, 8 × 256³, 15,000 transitions",
      operations: members * (Double(epochs * configuration.epochBatches) * step + Double(epochs + 1) * judged),
      items: Double(epochs), unit: "epochs"
    ) { pool in
      var configuration = NormalizedEnsemble.Configuration()
      (configuration.termination, configuration.epochs, configuration.firstFit) = (.never, epochs, 1)
      let model = NormalizedEnsemble(configuration, layout(size, actions), random: RandomStream(seed: 1), pool: pool)
      let replay = ReplayBenchmarks.replay(
        capacity: 20_000, observations: size, actions: actions, filledBy: 15_000)
      var metrics = Metrics(names: [], tables: model.tables)
      return {
        metrics.clearRows()
        _ = try model.fit(replay, &metrics)
      }
    }
  }()

  private static func layout(_ size: Int, _ actions: Int) -> DynamicsLayout {
    var layout = DynamicsLayout(EnvironmentRegistry.specifications[0], known: nil)
    let space = ActionSpace.box(
      low: [Float](repeating: -1, count: actions), high: [Float](repeating: 1, count: actions))
    (layout.observationSize, layout.actionSpace) = (size, space)
    return layout
  }

  /// Observations of 17 and actions of 6, as HalfCheetah's: H = 5, eight networks of the model, five critics.
  private static func benchmark(_ name: String, rows: Int) -> Benchmark {
    let (size, actions, settings) = (17, 6, DoubleHorizonSettings())
    let configuration = NormalizedEnsemble.Configuration()
    let horizon = Double(settings.horizon)
    let widths = (
      actor: [size] + settings.hiddenSizes + [2 * actions],
      model: [size + actions] + configuration.hiddenSizes + [1 + size],
      critic: [size + actions] + settings.criticHiddenSizes + [1]
    )
    func whole(_ widths: [Int]) -> Double { PlanningBenchmarks.operations(widths, rows: rows) }
    func first(_ widths: [Int]) -> Double { PlanningBenchmarks.operations(Array(widths.prefix(2)), rows: rows) }
    let critics = Double(settings.critics)
    // The actor's weights and inputs, but those of the first states; the model's inputs alone.
    let rollout = 3 * (horizon + 1) * whole(widths.actor) - first(widths.actor) + 2 * horizon * whole(widths.model)
    let learning =
      Double(settings.targetCritics) * whole(widths.critic)
      + critics * (3 * whole(widths.critic) - first(widths.critic))
    let climbing = 2 * critics * whole(widths.critic)
    return Benchmark(
      name, "8 × 256³, H = 5, batch \(rows), 5 critics, 17 observations, 6 actions",
      operations: rollout + learning + climbing, items: 1, unit: "updates"
    ) { pool in
      var configuration = NormalizedEnsemble.Configuration()
      configuration.termination = .never
      let model = NormalizedEnsemble(configuration, layout(size, actions), random: RandomStream(seed: 1), pool: pool)
      let learner = DoubleHorizonLearner(
        DoubleHorizonSettings(), model, random: RandomStream(seed: 2), pool: pool)
      let numbers = BenchmarkData.normals(rows * size)
      let members = MemberDraw(configuration.ensembleSize, RandomStream(seed: 3))
      var noise = RandomStream(seed: 4)
      return {
        _ = try learner.update(from: Rows(numbers.base, rows, size), pair: [1, 3], members: members.fill, &noise)
      }
    }
  }
}
