import Algorithms
import Environments
import Neural
import Support

/// Epochs of ensemble training, everything included: shuffling, gathering, loss, optimiser.
enum TrainingBenchmarks {
  static let all: [Benchmark] = [
    epoch(members: 5, batch: 32, steps: 60), epoch(members: 7, batch: 256, steps: 8),
  ]

  /// An ensemble 6→…→8: observations of 4, actions of 2.
  static func model(_ configuration: EnsembleDynamics.Configuration, _ pool: ComputePool) -> EnsembleDynamics {
    var layout = DynamicsLayout(EnvironmentConfiguration().make().specification, known: nil)
    layout.observationSize = 4
    layout.actionColumns = 2
    layout.features = (0..<4).map { .value($0) }
    layout.predictsChange = [true, true, true, true]
    return EnsembleDynamics(configuration, layout, random: RandomStream(seed: 1), pool: pool)
  }

  private static func epoch(members: Int, batch: Int, steps: Int) -> Benchmark {
    let widths = [6, 200, 200, 200, 200, 8]
    // Forward, gradients of the inputs (but the first layer's) and of the weights.
    let forward = PlanningBenchmarks.operations(widths, rows: members * batch * steps)
    let first = PlanningBenchmarks.operations(Array(widths.prefix(2)), rows: members * batch * steps)
    return Benchmark(
      "train-\(members)x\(batch)", "epoch of \(steps) steps, \(members) members 6-4x200-8, batch \(batch)",
      operations: 3 * forward - first, items: Double(steps), unit: "updates"
    ) { pool in
      var configuration = EnsembleDynamics.Configuration()
      configuration.ensembleSize = members
      configuration.hiddenSizes = Array(widths.dropFirst().dropLast())
      configuration.batchSize = batch
      configuration.epochs = 1
      let model = model(configuration, pool)
      let buffer = transitions(batch * steps)
      var rows: [ModelFitRow] = []
      return {
        rows.removeAll(keepingCapacity: true)
        _ = try model.fit(buffer, &rows)
      }
    }
  }

  private static func transitions(_ count: Int) -> TransitionBuffer {
    let space = ActionSpace.box(low: [-1, -1], high: [1, 1])
    let buffer = TransitionBuffer(observationSize: 4, actionSpace: space, capacity: count)
    let numbers = BenchmarkData.normals(10 * count)
    for row in 0..<count {
      let memory = UnsafeBufferPointer(numbers.memory)
      let at = 10 * row
      buffer.append(
        Transition(
          observation: UnsafeBufferPointer(rebasing: memory[at..<at + 4]),
          action: .continuous(UnsafeBufferPointer(rebasing: memory[at + 4..<at + 6])), reward: 0,
          nextObservation: UnsafeBufferPointer(rebasing: memory[at + 6..<at + 10]), isTerminated: false,
          isTruncated: false))
    }
    return buffer
  }
}
