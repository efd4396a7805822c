import Algorithms
import Environments
import Support

/// Epochs of ensemble training, everything included: shuffling, gathering, loss, optimiser.
enum TrainingBenchmarks {
  static let all: [Benchmark] = [
    epoch("train-5x32", members: 5, batch: 32, transitions: 60 * 32),
    epoch("train-7x256", members: 7, batch: 256, transitions: 8 * 256),
  ]

  /// An ensemble 6→…→8: observations of 4, actions of 2.
  static func model(_ configuration: EnsembleDynamics.Configuration, _ pool: ComputePool) -> EnsembleDynamics {
    var layout = DynamicsLayout(EnvironmentRegistry.specifications[0], known: nil)
    layout.observationSize = 4
    layout.actionColumns = 2
    layout.features = (0..<4).map { .value($0) }
    layout.predictsChange = [true, true, true, true]
    return EnsembleDynamics(configuration, layout, random: RandomStream(seed: 1), pool: pool)
  }

  static func epoch(
    _ name: String, members: Int, batch: Int, transitions count: Int, hidden: [Int] = [200, 200, 200, 200]
  ) -> Benchmark {
    let widths = [6] + hidden + [8]
    let steps = (count + batch - 1) / batch
    // Forward, gradients of the inputs (but the first layer's) and of the weights.
    let forward = PlanningBenchmarks.operations(widths, rows: members * count)
    let first = PlanningBenchmarks.operations(Array(widths.prefix(2)), rows: members * count)
    return Benchmark(
      name, "epoch of \(steps) steps, \(members) members 6-\(hidden.count)x\(hidden[0])-8, batch \(batch)",
      operations: 3 * forward - first, items: Double(steps), unit: "updates"
    ) { pool in
      var configuration = EnsembleDynamics.Configuration()
      configuration.ensembleSize = members
      configuration.hiddenSizes = hidden
      configuration.batchSize = batch
      configuration.epochs = 1
      let model = model(configuration, pool)
      let buffer = transitions(count)
      var metrics = Metrics(names: [], tables: model.tables)
      return {
        metrics.clearRows()
        _ = try model.fit(buffer, &metrics)
      }
    }
  }

  private static func transitions(_ count: Int) -> TransitionBuffer {
    let space = ActionSpace.box(low: [-1, -1], high: [1, 1])
    let buffer = TransitionBuffer(observationSize: 4, actionSpace: space, capacity: count)
    let numbers = BenchmarkData.normals(10 * count)
    let rows = MutableRows(numbers.base, count, 10)
    for row in 0..<count {
      let row = rows.row(row)
      buffer.append(
        Transitions(
          observations: Rows(row.columns(0..<4)), actions: ActionRows(row.columns(4..<6), space),
          outcomes: [Outcome(reward: 0, isTerminated: false)], next: Rows(row.columns(6..<10)),
          isFirst: [row.base == numbers.base],
          episode: [0]))
    }
    return buffer
  }
}
