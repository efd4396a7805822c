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
    layout.actionSpace = .box(low: [-1, -1], high: [1, 1])
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
      let replay = transitions(count)
      var metrics = Metrics(names: [], tables: model.tables)
      return {
        metrics.clearRows()
        _ = try model.fit(replay, &metrics)
      }
    }
  }

  private static func transitions(_ count: Int) -> Replay {
    let replay = Replay(observationSize: 4, actionColumns: 2, capacity: count, layout: .loose, storage: .copied)
    let numbers = BenchmarkData.normals(10 * count)
    let rows = Rows(numbers.base, count, 10)
    let zeros = RowBuffer(count, 1)
    replay.append(
      rows.columns(0..<4), rows.columns(4..<6), rewards: zeros.read, terminated: zeros.read, next: rows.columns(6..<10))
    return replay
  }
}
