import Algorithms
import AllocationCounter
import Environments
import Support
import TestSupport
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

  private static let planners = PlanOptimizers.entries.map(\.name)
  private static let environments = ["Pendulum-v1", "CartPole-v1"]

  /// A controller with a small learned model, warmed up by three plans; then the allocations of three more.
  private func allocationsOfPlans(
    _ id: String, threads: Int = 1, model: String = "", _ change: (inout PlannerConfiguration) -> Void
  ) throws -> Int {
    let group = try group(id)
    let model = makeModel(
      "{\"ensembleSize\": 3, \"hiddenSizes\": [16, 16]\(model)}", for: id, threads: threads)
    var planner = PlannerConfiguration()
    (planner.rollout.horizon, planner.rollout.particles) = (5, 6)
    change(&planner)
    let noise = RandomStream(seed: 2)
    let controller = PlanningController(
      planner, space: group.specification.actionSpace, scorer: model.makeScorer(planner.rollout), rows: 1,
      noise: { noise.stream(UInt64($0)) })
    let now = group.situation
    return try withExtendedLifetime(group) {
      for _ in 0..<3 { try controller.act(in: now, into: group.actions) }
      return try allocations { for _ in 0..<3 { try controller.act(in: now, into: group.actions) } }
    }
  }

  @Test(arguments: planners, environments) func aPlanAllocatesNothing(planner: String, id: String) throws {
    #expect(try allocationsOfPlans(id) { $0.optimizer = Variant(planner) } == 0)
  }

  @Test(arguments: Propagation.allCases) func norDoesAnyPropagation(propagation: Propagation) throws {
    for id in AllocationTests.environments {
      #expect(try allocationsOfPlans(id) { $0.rollout.propagation = propagation } == 0, "\(id)")
      #expect(
        try allocationsOfPlans(id) { ($0.rollout.propagation, $0.rollout.pessimism) = (propagation, 0.5) } == 0,
        "\(id), pessimism")
    }
  }

  @Test(arguments: ["cem", "gradient"]) func norDoLearnedRewardsAndEnds(planner: String) throws {
    let learned = ", \"reward\": \"learned\", \"termination\": \"learned\", \"normalizesTargets\": true"
    #expect(try allocationsOfPlans("CartPole-v1", model: learned) { $0.optimizer = Variant(planner) } == 0)
  }

  @Test func norDoThreads() throws {
    #expect(try allocationsOfPlans("Pendulum-v1", threads: 2) { $0.optimizer = Variant("cem") } == 0)
  }

  /// A plan by the environment itself takes some memory for its tasks, but none for its candidates.
  @Test(arguments: ["Pendulum-v1", "CartPole-v1", "Acrobot-v1", "CartPoleSwingUp-v0", "Taxi-v4"])
  func norDoCopiesOfTheEnvironment(id: String) throws {
    func allocations(population: Int) throws -> Int {
      let group = try group(id)
      let space = group.specification.actionSpace
      var settings = RolloutSettings()
      settings.horizon = 5
      let scorer = TrueModelScorer(settings, pool: ComputePool(threads: 1))
      let memory = FloatBuffer(count: population * settings.horizon * space.columns)
      let plans = Plans(memory.base, population: population, horizon: settings.horizon, columns: space.columns)
      if space.isDiscrete { for plan in 0..<population { for step in 0..<5 { plans[plan][step, 0] = 1 } } }
      let returns = FloatBuffer(count: population)
      return try withExtendedLifetime((group, memory)) {
        try scorer.begin(in: group.situation, row: 0)
        func evaluate() throws {
          try scorer.score(plans, iteration: 0, noise: RandomStream(seed: 1), into: returns.memory)
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
    _ = try model.fit(buffer, rows: &rows)
    return try allocations { _ = try model.fit(buffer, rows: &rows) }
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

  /// A full ring takes in steps and gives batches and windows, in whatever layout.
  @Test(arguments: ReplayTests.settings) func aReplayAllocatesNothing(settings: ReplayFixture.Settings) {
    let (replay, lanes) = (settings.makeReplay(), settings.lanes)
    let (observations, actions) = (RowBuffer(lanes, 3), RowBuffer(lanes, 2))
    let (batch, latents) = (RowBuffer(16, 3), RowBuffer(16, 2))
    let steps = [true, false].map { isOver in
      Transitions(
        observations: observations.read, actions: ActionRows(actions.rows, .discrete(count: 2)),
        outcomes: [Outcome](repeating: Outcome(reward: 1, isTerminated: isOver), count: lanes), next: observations.read,
        isFirst: [Bool](repeating: false, count: lanes), episode: [Int](repeating: 0, count: lanes))
    }
    var (random, rows) = (RandomStream(seed: 1), [Int32]())
    let (latent, number) = (replay.column("latent"), replay.column("number"))
    func step(_ index: Int) {
      replay.append(steps[index % 7 == 0 ? 0 : 1]) { _, row in row.set(number, latents.read.columns(0..<1)) }
      replay.sample(16, &random, into: &rows)
      replay.gather(rows, replay.next, into: batch.rows)
      guard settings.layout == .chained,
        replay.windows(16, length: 2, withinEpisodes: true, &random, into: &rows)
      else { return }
      replay.gather(rows, latent, shifted: 1, into: latents.rows)
      replay.write(rows, latent, shifted: 1, latents.read)
      for row in rows { replay.setPriority(row, 2) }
    }
    for index in 0..<2000 { step(index) }
    #expect(allocations { for index in 0..<200 { step(index) } } == 0)
  }

  /// Every backup and every kind of planning on a small maze, once all pairs were met.
  @Test(arguments: [
    "", ", \"backup\": \"expected-sarsa\"", ", \"backup\": \"tree-backup\"", ", \"model\": \"counted\"",
    ", \"planning\": \"prioritized\"", ", \"explorationBonus\": 0.001",
  ])
  func aTabularStepAllocatesNothing(settings: String) throws {
    let task = task("DynaMaze-v0")
    let agent = try makeAgent(
      "{\"agent\": {\"type\": \"dyna-q\", \"planningSteps\": 20, \"exploration\": {\"start\": 0.5}\(settings)}}",
      for: task)
    var metrics = Metrics(of: agent)
    var random = RandomStream(seed: 5)
    guard case .discrete(let states) = task.specification.observationSpace else {
      Issue.record("a tabular environment")
      return
    }
    let space = task.specification.actionSpace
    let actions = space.columns
    let (observation, next, taken) = (RowBuffer(1, 1), RowBuffer(1, 1), RowBuffer(1, actions))
    let now = Situation(observations: observation.read, isFirst: [false], episode: [0])
    let (over, going) = ([Outcome(reward: 1, isTerminated: true)], [Outcome(reward: 1, isTerminated: false)])
    func step(_ pair: Int) throws {
      observation.rows[0, 0] = Float(pair / actions)
      next.rows[0, 0] = Float(random.integer(below: 2) == 0 ? pair / actions : (pair / actions + 1) % states)
      let rows = ActionRows(taken.rows, space)
      try agent.act(in: now, into: rows)
      rows.set(0, index: pair % actions)
      agent.observe(
        Transitions(
          observations: observation.read, actions: rows, outcomes: pair % 17 == 0 ? over : going, next: next.read,
          isFirst: now.isFirst, episode: now.episode))
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
    let task = task("CartPole-v1")
    let agent = try makeAgent(
      """
      {"agent": {"type": "dyna", "initialRandomSteps": 100, "fitEvery": 100000, "hiddenSizes": [16], "batchSize": 8,
      "replayCapacity": 200
      \(settings)}, "model": {"ensembleSize": 3, "hiddenSizes": [16], "epochs": 2}}
      """, for: task)
    let interaction = Interaction(agent, try group("CartPole-v1"))
    func step() throws { try interaction.advance() }
    for _ in 0..<300 { try step() }
    #expect(try allocations { for _ in 0..<200 { try step() } } == 0)
  }

  /// Policies by soft actor-critic and by deep Q-learning on full rings, model-based ones between two fits: acting, with
  /// the environment's step, and updates of every loss.
  @Test(arguments: [
    ("CartPole-v1", #"{"type": "sac", "initialRandomSteps": 100"#),
    ("Pendulum-v1", #"{"type": "sac", "initialRandomSteps": 100"#),
    ("Pendulum-v1", #"{"type": "sac", "initialRandomSteps": 100, "nStepReturns": 3, "maximumGradientNorm": 1"#),
    ("Pendulum-v1", #"{"type": "sac", "initialRandomSteps": 100, "criticLayerNorm": true, "criticDropout": 0.1"#),
    ("CartPole-v1", #"{"type": "mbpo", "initialRandomSteps": 100, "fitEvery": 100000, "rolloutStarts": 100"#),
    ("Pendulum-v1", #"{"type": "mbpo", "initialRandomSteps": 100, "fitEvery": 100000, "rolloutStarts": 100"#),
    (
      "CartPole-v1",
      #"{"type": "mbpo", "initialRandomSteps": 100, "fitEvery": 99999, "rolloutStarts": 9, "valueExpansion": {"type": "fixed"}"#
    ),
    (
      "Pendulum-v1",
      #"{"type": "mbpo", "initialRandomSteps": 100, "fitEvery": 99999, "rolloutStarts": 9, "valueExpansion": {"type": "weighted"}"#
    ),
    (
      "CartPole-v1",
      #"{"type": "dqn", "initialRandomSteps": 100, "isDueling": true, "priorityExponent": 0.6, "nStepReturns": 3"#
    ),
  ])
  func aStepOfAPolicyAllocatesNothing(id: String, settings: String) throws {
    let model = settings.contains("mbpo") ? #", "model": {"ensembleSize": 3, "hiddenSizes": [16], "epochs": 2}"# : ""
    let critics = settings.contains("dqn") ? "" : #", "criticHiddenSizes": [16]"#
    let agent = try makeAgent(
      #"{"agent": \#(settings), "hiddenSizes": [16], "batchSize": 40, "replayCapacity": 200\#(critics)}\#(model)}"#,
      for: task(id))
    let interaction = Interaction(agent, try group(id))
    for _ in 0..<400 { try interaction.advance() }
    #expect(try allocations { for _ in 0..<100 { try interaction.advance() } } == 0)
  }

  /// MuJoCo's library included; the caller of several threads takes its share of lanes.
  @Test(.mujoco, arguments: [1, 2]) func aStepOfAGroupAllocatesNothing(threads: Int) throws {
    let configuration = try #require(EnvironmentConfiguration(id: "HalfCheetah-v5"))
    let group = try configuration.makeGroup(4, pool: ComputePool(threads: threads)) { UInt64($0) }
    func step() throws {
      try group.begin()
      for lane in 0..<4 { for column in 0..<6 { group.actions.rows[lane, column] = 0.1 } }
      try group.step()
    }
    for _ in 0..<20 { try step() }
    #expect(try allocations { for _ in 0..<100 { try step() } } == 0)
  }

  /// Acting and learning alike.
  @Test(arguments: ["CartPole-v1", "Pendulum-v1", "FrameCounter-v0"])
  func norDoesProximalPolicyOptimisation(id: String) throws {
    let settings = """
      {"agent": {"type": "ppo", "rolloutLength": 16, "batchSize": 24, "epochs": 3, "hiddenSizes": [16],
        "exploration": "stateDependent", "normalizesObservations": \(id != "FrameCounter-v0"),
        "normalizesRewards": true, "convolutions": {"hiddenSizes": [16]}}}
      """
    let agent = try makeAgent(settings, for: task(id))
    let group = try group(id)
    var metrics = Metrics(of: agent)
    func run(steps: Int) throws -> Int {
      var count = 0
      for _ in 0..<steps {
        try group.begin()
        let situation = group.situation
        count += try allocations { try agent.act(in: situation, into: group.actions) }
        try group.step()
        let steps = group.transitions
        count += try allocations {
          agent.observe(steps)
          try agent.learn(&metrics)
        }
      }
      return count
    }
    _ = try run(steps: 64)
    #expect(try run(steps: 64) == 0)
  }

  /// Acting and updates of Dreamer, in the middle of a run.
  @Test(arguments: ["Pendulum-v1", "CartPole-v1"], [false, true])
  func dreamsAllocateNothing(id: String, isLaden: Bool) throws {
    let more = #", "latent": {"type": "gaussian"}, "behaviour": {"reinforceShare": 0.5}"#
    let settings = """
      {"agent": {"type": "dreamer", "batchSize": \(isLaden ? 4 : 3), "sequenceLength": 4, "imaginationLength": 3, "trainRatio": 12,
                 "curiosity": {"type": "\(isLaden ? "disagreement" : "none")"}\(isLaden ? more : "")}}
      """
    let interaction = Interaction(try makeAgent(settings, for: task(id)), try group(id))
    for _ in 0..<60 { try interaction.advance() }
    let agent = try #require(interaction.agent as? Dreamer)
    var random = RandomStream(seed: 1)
    func update() throws {
      _ = agent.sequences.fill(agent.learner.batch, &random)
      agent.learner.draw(&random)
      _ = try agent.learner.update()
      agent.sequences.refresh(agent.learner.states, length: 4)
    }
    for _ in 0..<10 { try update() }
    let many = try allocations { for _ in 0..<4 { try update() } }
    #expect(many == 0)
  }
}
