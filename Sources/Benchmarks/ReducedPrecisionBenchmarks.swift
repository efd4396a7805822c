/// The planning workloads with `planner.precision` "bfloat16", as shares of the ceiling in products of bfloat16.
enum ReducedPrecisionBenchmarks {
  static let all: [Benchmark] = [
    reduced(PlanningBenchmarks.rollout(.bfloat16)), reduced(PlanningBenchmarks.light(.bfloat16)),
    reduced(PlanningBenchmarks.published(.bfloat16)),
  ]

  private static func reduced(_ benchmark: Benchmark) -> Benchmark {
    var benchmark = benchmark
    benchmark.name += "-bfloat16"
    benchmark.summary += ", in bfloat16"
    benchmark.multipliesPairs = true
    return benchmark
  }
}
