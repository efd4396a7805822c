import Environments
import Support

/// Steps per second of every native environment that can be had here, resets and random actions included.
enum EnvironmentBenchmarks {
  static var all: [Benchmark] { single + groups }

  /// Environments of a group.
  private static let lanes = 8

  /// MuJoCo's in groups, as a run steps them.
  private static var groups: [Benchmark] {
    MuJoCoEnvironments().specifications.map(\.id).compactMap { id in
      if (try? EnvironmentConfiguration(id: id)?.make()) == nil { return nil }
      let steps = 200
      return Benchmark(
        "group-\(id)", "\(lanes) environments in a group, random actions, resets included",
        items: Double(lanes * steps), unit: "steps"
      ) { pool in
        let group = try EnvironmentConfiguration(id: id)!.makeGroup(lanes, pool: pool) { UInt64($0) }
        let columns = group.specification.actionSpace.columns
        let actions = BenchmarkData.normals(steps * lanes * columns)
        return {
          for step in 0..<steps {
            try group.begin()
            for lane in 0..<lanes {
              group.actions.set(
                lane,
                .continuous(UnsafeBufferPointer(start: actions.base + (step * lanes + lane) * columns, count: columns)))
            }
            try group.step()
          }
        }
      }
    }
  }

  private static var single: [Benchmark] {
    EnvironmentRegistry.ids.compactMap { id in
      let isSimulated = MuJoCoEnvironments().settings(for: id) != nil
      // MuJoCo's need the library.
      if isSimulated, (try? EnvironmentConfiguration(id: id)?.make()) == nil { return nil }
      let steps = isSimulated ? 1000 : 10_000
      return Benchmark("steps-\(id)", "random actions, resets included", items: Double(steps), unit: "steps") { _ in
        var environment = try EnvironmentConfiguration(id: id)!.make()
        let space = environment.specification.actionSpace
        let observation = FloatBuffer(count: environment.specification.observationSpace.size)
        // Actions are drawn beforehand: they are not what is measured.
        var random = RandomStream(seed: 1)
        let vectors = BenchmarkData.normals(steps * space.columns)
        let choices = (0..<steps).map { _ in random.integer(below: space.columns) }
        var episode: UInt64 = 0
        try environment.reset(seed: episode)
        return {
          for step in 0..<steps {
            let action: Action =
              switch space {
              case .discrete: .discrete(choices[step])
              case .box(let low, _):
                .continuous(UnsafeBufferPointer(start: vectors.base + step * low.count, count: low.count))
              }
            let outcome = try environment.step(action)
            environment.observe(into: observation.memory)
            if outcome.isOver {
              episode += 1
              try environment.reset(seed: episode)
            }
          }
        }
      }
    }
  }
}
