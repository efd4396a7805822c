import Algorithms
import Environments
import Support

/// Imagination through ensembles, and whole plans.
enum PlanningBenchmarks {
  static let all: [Benchmark] = [rollout(), light(), published()]

  /// A plan that a small experiment makes at every step.
  static func light(_ precision: RolloutSettings.Precision = .float32) -> Benchmark {
    plan(
      "light", hidden: [200, 200, 200], population: 200, iterations: 3, horizon: 15, particles: 10,
      precision: precision)
  }

  /// A plan at the PETS authors' settings.
  static func published(_ precision: RolloutSettings.Precision = .float32) -> Benchmark {
    plan(
      "published", hidden: [500, 500, 500], population: 400, iterations: 5, horizon: 25, particles: 20,
      precision: precision)
  }

  /// Operations of `rows` rows through one network.
  static func operations(_ widths: [Int], rows: Int) -> Double {
    2 * Double(rows) * zip(widths, widths.dropFirst()).reduce(0) { $0 + Double($1.0 * $1.1) }
  }

  /// One iteration's imagination: 5 members, 6→4×200→8, 500 plans of 20 particles over 25 steps.
  static func rollout(_ precision: RolloutSettings.Precision = .float32) -> Benchmark {
    let (population, particles, horizon) = (500, 20, 25)
    let rows = population * particles * horizon
    return Benchmark(
      "rollout-500x20x25", "one iteration's imagination, 5 members 6-4x200-8, TS1",
      operations: operations([6, 200, 200, 200, 200, 8], rows: rows), items: Double(rows), unit: "steps"
    ) { pool in
      var configuration = EnsembleDynamics.Configuration()
      configuration.hiddenSizes = [200, 200, 200, 200]
      configuration.termination = .never
      let model = TrainingBenchmarks.model(configuration, pool)
      var settings = RolloutSettings()
      (settings.horizon, settings.particles, settings.propagation) = (horizon, particles, .ts1)
      settings.precision = precision
      let scorer = model.makeScorer(settings)
      let observation = BenchmarkData.normals(4, scale: 0.1)
      try scorer.begin(in: Situation(observations: Rows(observation.base, 1, 4), isFirst: [true], episode: [0]), row: 0)
      let numbers = BenchmarkData.normals(population * horizon * 2)
      let plans = Plans(numbers.base, population: population, horizon: horizon, columns: 2)
      let returns = FloatBuffer(count: population)
      let random = RandomStream(seed: 1)
      return { [numbers] in
        _ = numbers
        try scorer.score(plans, iteration: 0, noise: random, into: returns.memory)
      }
    }
  }

  /// A whole plan of the cross-entropy method on the continuous cart-pole, probabilistic members, TS∞. No trajectory
  /// ends early, so that all operations are done.
  static func plan(
    _ name: String, hidden: [Int], population: Int, iterations: Int, horizon: Int, particles: Int, members: Int = 5,
    precision: RolloutSettings.Precision = .float32
  ) -> Benchmark {
    let rows = population * particles * horizon * iterations
    return Benchmark(
      "plan-\(name)",
      "CEM \(population)x\(iterations), horizon \(horizon), \(particles) particles, \(hidden.count)x\(hidden[0])",
      operations: operations([5] + hidden + [8], rows: rows), items: Double(rows), unit: "steps"
    ) { pool in
      var configuration = EnsembleDynamics.Configuration()
      configuration.hiddenSizes = hidden
      configuration.ensembleSize = members
      configuration.termination = .never
      let environment = try EnvironmentConfiguration(id: "ContinuousCartPole-v0")!.make()
      let model = EnsembleDynamics(
        configuration, DynamicsLayout(EnvironmentDescription(environment)), random: RandomStream(seed: 1), pool: pool)
      var search = CrossEntropyMethod.Configuration()
      (search.population, search.elites, search.iterations) = (population, population / 10, iterations)
      search.minimumVariance = 0
      var planner = PlannerConfiguration()
      (planner.rollout.horizon, planner.rollout.particles) = (horizon, particles)
      planner.optimizer = Variant("cem", search)
      planner.rollout.precision = precision
      let noise = RandomStream(seed: 2)
      let controller = PlanningController(
        planner, space: environment.specification.actionSpace, scorer: model.makeScorer(planner.rollout), rows: 1,
        noise: { _ in noise })
      let group = EnvironmentGroup([environment]) { _ in 1 }
      try group.begin()
      return { try controller.act(in: group.situation, into: group.actions) }
    }
  }
}
