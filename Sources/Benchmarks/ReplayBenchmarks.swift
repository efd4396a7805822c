import Algorithms
import Environments
import Support

/// What experience costs to keep and to draw: vectors of a robot's size, images as bytes.
enum ReplayBenchmarks {
  static let all: [Benchmark] = [
    Benchmark("replay-append", "17 observations, 6 actions, into a full ring", items: 1000, unit: "rows") { _ in
      let (replay, steps) = (replay(capacity: 10_000), Steps(17, 6))
      return { for _ in 0..<1000 { steps.append(to: replay) } }
    },
    Benchmark("replay-batch", "256 transitions of 100,000, all columns", items: 256, unit: "rows") { _ in
      let (replay, steps) = (replay(capacity: 100_000), Steps(17, 6))
      for _ in 0..<100_000 { steps.append(to: replay) }
      let columns = [replay.observation, replay.action, replay.next, replay.reward, replay.terminated]
      let batch = columns.map { RowBuffer(256, $0.width) }
      var (random, rows) = (RandomStream(seed: 1), [Int32]())
      return {
        replay.sample(256, &random, into: &rows)
        for (column, buffer) in zip(columns, batch) { replay.gather(rows, column, into: buffer.rows) }
      }
    },
    Benchmark("replay-images", "20,000 of 64x64x3, of a million there is room for", items: 20_000, unit: "rows") { _ in
      let steps = Steps(64 * 64 * 3, 6)
      return {
        let replay = Replay(observationSize: 64 * 64 * 3, element: .uint8, actionColumns: 6, capacity: 1_000_000)
        for _ in 0..<20_000 { steps.append(to: replay) }
      }
    },
  ]

  static func replay(capacity: Int, _ storage: Replay.Storage = .logged) -> Replay {
    Replay(observationSize: 17, actionColumns: 6, capacity: capacity, storage: storage)
  }

  /// Rows of noise, as a model's rollouts leave them.
  static func replay(capacity: Int, observations: Int, actions: Int, filledBy count: Int) -> Replay {
    let replay = Replay(
      observationSize: observations, actionColumns: actions, capacity: capacity, layout: .loose, storage: .copied)
    let numbers = BenchmarkData.normals(count * (2 * observations + actions + 1))
    let rows = Rows(numbers.base, count, 2 * observations + actions + 1)
    let zeros = RowBuffer(count, 1)
    let end = observations + actions
    replay.append(
      rows.columns(0..<observations), rows.columns(observations..<end),
      rewards: rows.columns(rows.columns - 1..<rows.columns), terminated: zeros.read,
      next: rows.columns(end..<end + observations))
    withExtendedLifetime(numbers) {}
    return replay
  }

  /// The same step again and again; every thousandth ends an episode.
  final class Steps {
    private let observation, action: RowBuffer
    private let step, end: Transitions
    private var count = 0

    init(_ observationSize: Int, _ actionColumns: Int) {
      let (observation, action) = (RowBuffer(1, observationSize), RowBuffer(1, actionColumns))
      for index in 0..<observationSize { observation.memory[index] = Float(index % 256) }
      func transitions(isOver: Bool) -> Transitions {
        Transitions(
          observations: observation.read, actions: ActionRows(action.rows, .discrete(count: actionColumns)),
          outcomes: [Outcome(reward: 1, isTerminated: isOver)], next: observation.read, isFirst: [false], episode: [0])
      }
      (step, end) = (transitions(isOver: false), transitions(isOver: true))
      (self.observation, self.action) = (observation, action)
    }

    func append(to replay: Replay) {
      count += 1
      replay.append(count % 1000 == 0 ? end : step)
    }
  }
}
