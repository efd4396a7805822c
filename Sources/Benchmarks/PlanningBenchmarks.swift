import Algorithms
import Environments
import Support

/// Imagination through ensembles, and whole plans.
enum PlanningBenchmarks {
  static let all: [Benchmark] = [rollout(), light(), published()]

  /// A plan that a small experiment makes at every step.
  static func light(_ precision: PlannerConfiguration.Precision = .float32) -> Benchmark {
    plan(
      "light", hidden: [200, 200, 200], population: 200, iterations: 3, horizon: 15, particles: 10,
      precision: precision)
  }

  /// A plan at the PETS authors' settings.
  static func published(_ precision: PlannerConfiguration.Precision = .float32) -> Benchmark {
    plan(
      "published", hidden: [500, 500, 500], population: 400, iterations: 5, horizon: 25, particles: 20,
      precision: precision)
  }

  /// Operations of `rows` rows through one network.
  static func operations(_ widths: [Int], rows: Int) -> Double {
    2 * Double(rows) * zip(widths, widths.dropFirst()).reduce(0) { $0 + Double($1.0 * $1.1) }
  }

  /// One iteration's imagination: 5 members, 6→4×200→8, 500 plans of 20 particles over 25 steps.
  static func rollout(_ precision: PlannerConfiguration.Precision = .float32) -> Benchmark {
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
      var planner = PlannerConfiguration()
      (planner.horizon, planner.particles, planner.propagation) = (horizon, particles, .ts1)
      planner.precision = precision
      let evaluator = model.makeEvaluator(planner, known: nil)
      let environment = EnvironmentConfiguration(id: "ContinuousCartPole-v0")!.make()
      let observation = BenchmarkData.normals(4, scale: 0.1)
      evaluator.begin(in: Situation(observation: observation.readOnly, environment: environment))
      let plans = BenchmarkData.normals(population * horizon * 2)
      let returns = FloatBuffer(count: population)
      let random = RandomStream(seed: 1)
      return {
        try evaluator.evaluate(
          plans.base, population: population, iteration: 0, random: random, returns: returns.base)
      }
    }
  }

  /// A whole plan of the cross-entropy method on the continuous cart-pole, probabilistic members, TS∞. No trajectory ends
  /// early, so that all operations are done.
  static func plan(
    _ name: String, hidden: [Int], population: Int, iterations: Int, horizon: Int, particles: Int, members: Int = 5,
    precision: PlannerConfiguration.Precision = .float32
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
      var environment = EnvironmentConfiguration(id: "ContinuousCartPole-v0")!.make()
      environment.reset(seed: 1)
      let known = environment as? any KnownDynamicsParts
      let model = EnsembleDynamics(
        configuration, DynamicsLayout(environment.specification, known: known), random: RandomStream(seed: 1),
        pool: pool)
      var search = CrossEntropyMethod.Configuration()
      (search.population, search.elites, search.iterations) = (population, population / 10, iterations)
      search.minimumVariance = 0
      var planner = PlannerConfiguration()
      (planner.horizon, planner.particles, planner.optimizer) = (horizon, particles, search)
      planner.precision = precision
      let controller = PlanningController(
        planner, space: environment.specification.actionSpace,
        evaluator: model.makeEvaluator(planner, known: known), random: RandomStream(seed: 2))
      let observation = FloatBuffer(count: environment.specification.observationSpace.size)
      environment.observe(into: observation.memory)
      let start = environment
      return { _ = try controller.act(in: Situation(observation: observation.readOnly, environment: start)) }
    }
  }
}
