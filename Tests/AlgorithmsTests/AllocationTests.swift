import Algorithms
import AllocationCounter
import Environments
import Support
import Testing

/// Planning and training take no memory once they have met their sizes: counted, not believed.
///
/// The counter stands in for the C library's functions in this process and counts by thread, so that tests beside this
/// one do not matter.
@Suite(.enabled(if: allocation_counter_is_active() != 0)) struct AllocationTests {
  private func allocations(_ body: () throws -> Void) rethrows -> Int {
    let before = allocation_counter_count()
    try body()
    return Int(allocation_counter_count() - before)
  }

  @Test func theCounterSeesSwiftAndC() {
    // Kept, so that no optimiser puts the object on the stack.
    var buffer: FloatBuffer?
    #expect(allocations { buffer = FloatBuffer(count: 16) } >= 2)
    #expect(buffer?.count == 16)
    var numbers: [Int] = []
    #expect(allocations { numbers.append(1) } >= 1)
    #expect(allocations { numbers[0] += 1 } == 0)
  }

  private static let planners = PlannerRegistry.entries.map(\.name)
  private static let environments = ["Pendulum-v1", "CartPole-v1"]

  /// A controller with a small learned model, warmed up by three plans; then the allocations of three more.
  private func allocationsOfPlans(
    _ id: String, threads: Int = 1, model: String = "", _ change: (inout PlannerConfiguration) -> Void
  ) throws -> Int {
    let environment = environment(id)
    let known = environment as? any KnownDynamicsParts
    let model = makeModel(
      "{\"ensembleSize\": 3, \"hiddenSizes\": [16, 16]\(model)}", for: id, threads: threads)
    var planner = PlannerConfiguration()
    (planner.horizon, planner.particles) = (5, 6)
    change(&planner)
    let controller = PlanningController(
      planner, space: environment.specification.actionSpace, evaluator: model.makeEvaluator(planner, known: known),
      random: RandomStream(seed: 2))
    let (now, memory) = situation(environment)
    return try withExtendedLifetime(memory) {
      for _ in 0..<3 { _ = try controller.act(in: now) }
      return try allocations { for _ in 0..<3 { _ = try controller.act(in: now) } }
    }
  }

  @Test(arguments: planners, environments) func aPlanAllocatesNothing(planner: String, id: String) throws {
    #expect(try allocationsOfPlans(id) { $0.select(planner) } == 0)
  }

  @Test(arguments: Propagation.allCases) func norDoesAnyPropagation(propagation: Propagation) throws {
    for id in AllocationTests.environments {
      #expect(try allocationsOfPlans(id) { $0.propagation = propagation } == 0, "\(id)")
      #expect(
        try allocationsOfPlans(id) { ($0.propagation, $0.pessimism) = (propagation, 0.5) } == 0, "\(id), pessimism")
    }
  }

  @Test(arguments: ["cem", "gradient"]) func norDoLearnedRewardsAndEnds(planner: String) throws {
    let learned = ", \"reward\": \"learned\", \"termination\": \"learned\", \"normalizesTargets\": true"
    #expect(try allocationsOfPlans("CartPole-v1", model: learned) { $0.select(planner) } == 0)
  }

  @Test func norDoThreads() throws {
    #expect(try allocationsOfPlans("Pendulum-v1", threads: 2) { $0.select("cem") } == 0)
  }

  /// A plan by the environment itself takes some memory for its tasks, but none for its candidates.
  @Test(arguments: ["Pendulum-v1", "CartPole-v1", "Acrobot-v1", "CartPoleSwingUp-v0", "Taxi-v4"])
  func norDoCopiesOfTheEnvironment(id: String) throws {
    func allocations(population: Int) throws -> Int {
      let environment = environment(id)
      let space = environment.specification.actionSpace
      var planner = PlannerConfiguration()
      planner.horizon = 5
      let evaluator = TrueTrajectories(planner, space: space, pool: ComputePool(threads: 1))
      let plans = FloatBuffer(count: population * planner.horizon * space.columns)
      if case .discrete = space { for row in 0..<population * planner.horizon { plans[row * space.columns] = 1 } }
      let returns = FloatBuffer(count: population)
      let (now, memory) = situation(environment)
      return try withExtendedLifetime(memory) {
        evaluator.begin(in: now)
        func evaluate() throws {
          try evaluator.evaluate(
            plans.base, population: population, iteration: 0, random: RandomStream(seed: 1), returns: returns.base)
        }
        try evaluate()
        return try self.allocations(evaluate)
      }
    }
    let (few, many) = (try allocations(population: 10), try allocations(population: 500))
    #expect(many == few)
  }

  /// Allocations of a fit with so many epochs, on a model that was fitted before.
  private func allocationsOfFit(epochs: Int, _ settings: String) throws -> Int {
    let model = makeModel(
      "{\"ensembleSize\": 3, \"hiddenSizes\": [16, 16], \"patience\": 1000, \"epochs\": \(epochs)\(settings)}",
      for: "CartPole-v1")
    let buffer = try randomTransitions("CartPole-v1", count: 150)
    var rows: [ModelFitRow] = []
    rows.reserveCapacity(1000)
    _ = try model.fit(buffer, &rows)
    return try allocations { _ = try model.fit(buffer, &rows) }
  }

  /// A fit copies the model's state and prepares its data, with hash tables that differ by an allocation or two from
  /// process to process; its epochs, and what they keep of the best weights, take nothing more.
  @Test(arguments: [
    "", ", \"holdout\": 0.2", ", \"kind\": \"deterministic\"", ", \"maximumGradientNorm\": 1",
    ", \"reward\": \"learned\", \"termination\": \"learned\"",
  ])
  func anEpochAllocatesNothing(settings: String) throws {
    let (few, many) = (try allocationsOfFit(epochs: 3, settings), try allocationsOfFit(epochs: 63, settings))
    #expect(abs(many - few) <= 6, "\(many - few) in 60 epochs")
  }

  /// An agent from the sections of a configuration that describe it.
  private func makeAgent(_ sections: String, for environment: any SnapshotEnvironment) throws -> any Agent {
    try algorithm(sections).makeAgent(
      AgentContext(environment: environment, random: RandomStream(seed: 1), pool: ComputePool(threads: 1)))
  }

  /// Every backup and every kind of planning on a small maze, once all pairs were met.
  @Test(arguments: [
    "", ", \"backup\": \"expected-sarsa\"", ", \"backup\": \"tree-backup\"", ", \"model\": \"counted\"",
    ", \"planning\": \"prioritized\"", ", \"explorationBonus\": 0.001",
  ])
  func aTabularStepAllocatesNothing(settings: String) throws {
    let environment = configured(EnvironmentConfiguration.self, "{\"id\": \"DynaMaze-v0\"}").make()
    let agent = try makeAgent(
      "{\"agent\": {\"type\": \"dyna-q\", \"planningSteps\": 20, \"exploration\": {\"start\": 0.5}\(settings)}}",
      for: environment)
    var metrics = Metrics(names: agent.metricNames)
    var random = RandomStream(seed: 5)
    guard case .discrete(let states) = environment.specification.observationSpace else {
      Issue.record("a tabular environment")
      return
    }
    let actions = environment.specification.actionSpace.columns
    let (observation, next) = (FloatBuffer(count: 1), FloatBuffer(count: 1))
    let now = Situation(observation: observation.readOnly, environment: environment)
    func step(_ pair: Int) throws {
      observation[0] = Float(pair / actions)
      next[0] = Float(random.integer(below: 2) == 0 ? pair / actions : (pair / actions + 1) % states)
      _ = try agent.act(in: now)
      try agent.observe(
        Transition(
          observation: observation.readOnly, action: .discrete(pair % actions), reward: 1,
          nextObservation: next.readOnly, isTerminated: pair % 17 == 0, isTruncated: false))
      try agent.learn(&metrics)
    }
    for round in 0..<40 * states * actions { try step(round % (states * actions)) }
    #expect(try allocations { for round in 0..<1000 { try step(round % (states * actions)) } } == 0)
  }

  /// Acting, real and imagined updates, and walks through the model: between two fits nothing is taken.
  ///
  /// The replay is full before the count begins: one that still fills up moves now and then, and how often depends on
  /// what the allocator has left over.
  @Test(arguments: ["", ", \"imaginationLength\": 3", ", \"planningSteps\": 0", ", \"maximumGradientNorm\": 1"])
  func aStepOfNeuralDynaAllocatesNothing(settings: String) throws {
    var environment = environment("CartPole-v1")
    let agent = try makeAgent(
      """
      {"agent": {"type": "dyna", "initialRandomSteps": 100, "fitEvery": 100000, "hiddenSizes": [16], "batchSize": 8,
      "replayCapacity": 200
      \(settings)}, "model": {"ensembleSize": 3, "hiddenSizes": [16], "epochs": 2}}
      """, for: environment)
    var metrics = Metrics(names: agent.metricNames)
    let size = environment.specification.observationSpace.size
    var (observation, next) = (FloatBuffer(count: size), FloatBuffer(count: size))
    environment.observe(into: observation.memory)
    func step() throws {
      let action = try agent.act(in: Situation(observation: observation.readOnly, environment: environment))
      let outcome = try environment.step(action)
      environment.observe(into: next.memory)
      try agent.observe(
        Transition(
          observation: observation.readOnly, action: action, reward: outcome.reward, nextObservation: next.readOnly,
          isTerminated: outcome.isTerminated, isTruncated: outcome.isTruncated))
      try agent.learn(&metrics)
      swap(&observation, &next)
      if outcome.isOver {
        environment.reset(seed: 1)
        environment.observe(into: observation.memory)
      }
    }
    for _ in 0..<300 { try step() }
    #expect(try allocations { for _ in 0..<200 { try step() } } == 0)
  }
}
