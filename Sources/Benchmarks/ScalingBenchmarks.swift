/// What a plan and an update cost as one size grows and all others stay: `mbrl bench --scaling`.
package enum ScalingBenchmarks {
  /// Every point, named "population-400": size by size, small values first.
  package static var all: [Benchmark] {
    [100, 200, 400, 800, 1600].map { plan(population: $0).at("population", $0) }
      + [5, 10, 20, 40, 80].map { plan(horizon: $0).at("horizon", $0) }
      + [1, 2, 3, 5, 10].map { plan(members: $0).at("ensemble", $0) }
      + [25, 50, 100, 200, 400].map { plan(width: $0).at("width", $0) }
      + [1000, 3000, 10_000, 30_000, 100_000, 300_000].map {
        TrainingBenchmarks.epoch("scaling", members: 5, batch: 256, transitions: $0, hidden: [64, 64]).at("replay", $0)
      }
  }

  /// One plan of the cross-entropy method, three iterations of 10 particles, on the continuous cart-pole.
  private static func plan(population: Int = 200, horizon: Int = 15, members: Int = 5, width: Int = 200) -> Benchmark {
    PlanningBenchmarks.plan(
      "scaling", hidden: [width, width, width], population: population, iterations: 3, horizon: horizon, particles: 10,
      members: members)
  }
}
