import Algorithms
import Environments
import Neural
import Support
import TestSupport
import Testing

/// The parts of the double horizon: gradients through whole rollouts, its buffers, its model.
struct DoubleHorizonTests {
  /// A model of two quantities and one action that has seen no data, and a learner on it.
  private static func small(_ change: (inout DoubleHorizonSettings) -> Void = { _ in }) -> (
    model: NormalizedEnsemble, learner: DoubleHorizonLearner
  ) {
    var configuration = NormalizedEnsemble.Configuration()
    (configuration.ensembleSize, configuration.hiddenSizes) = (3, [9, 9])
    configuration.termination = .never
    var layout = DynamicsLayout(EnvironmentRegistry.specifications[0], known: nil)
    layout.observationSize = 2
    layout.actionSpace = .box(low: [-1], high: [1])
    let model = NormalizedEnsemble(
      configuration, layout, random: RandomStream(seed: 3), pool: ComputePool(threads: 1))
    var settings = DoubleHorizonSettings()
    (settings.hiddenSizes, settings.criticHiddenSizes) = ([7], [7])
    (settings.batchSize, settings.horizon, settings.critics, settings.learningRate) = (6, 3, 3, 0)
    change(&settings)
    let learner = DoubleHorizonLearner(settings, model, random: RandomStream(seed: 4), pool: nil)
    // Critics that say something, so that their gradient reaches the policy.
    var random = RandomStream(seed: 5)
    let last = learner.critics.linears.last!
    random.fillUniform(learner.critics.store.values(of: last.weight), -0.5, 0.5)
    learner.target.follow(rate: 1)
    learner.range = ValueRange(low: -3, high: 5)
    return (model, learner)
  }

  private static func update(_ learner: DoubleHorizonLearner, rows: Int) throws -> DoubleHorizonLearner.Report {
    let start = RowBuffer(rows, 2)
    var (drawing, noise) = (RandomStream(seed: 6), RandomStream(seed: 7))
    drawing.fillNormal(start.memory)
    return try withExtendedLifetime(start) {
      try learner.update(
        from: start.read, pair: [2, 0], members: MemberDraw(3, RandomStream(seed: 8)).fill, &noise)
    }
  }

  /// d(loss)/d(parameters) along a random direction: by the gradient of an update, and by differences.
  private static func slopes(
    _ learner: DoubleHorizonLearner, _ store: ParameterStore, step: Float,
    _ quantity: (DoubleHorizonLearner.Report) -> Float
  ) throws -> (gradient: Double, differences: Double) {
    _ = try update(learner, rows: 6)
    let gradient = Array(store.gradients)
    var random = RandomStream(seed: 9)
    var direction = [Float](repeating: 0, count: gradient.count)
    direction.withUnsafeMutableBufferPointer { random.fillNormal($0) }
    let values = Array(store.values)
    func loss(at distance: Float) throws -> Double {
      for index in values.indices { store.values[index] = values[index] + distance * direction[index] }
      return Double(quantity(try update(learner, rows: 6)))
    }
    let slope = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    return (slope, (try loss(at: step) - loss(at: -step)) / (2 * Double(step)))
  }

  /// d(actor loss)/d(parameters) along a direction, against differences: through policy, model, rewards, log π and Q.
  @Test func theActorLossHasItsGradient() throws {
    let (_, learner) = Self.small { $0.rangeRate = 0 }
    let (slope, differences) = try Self.slopes(learner, learner.policy.network.store, step: 2e-3, \.actorLoss)
    #expect(abs(slope - differences) < 0.01 * abs(differences), "\(slope), by differences \(differences)")
    #expect(abs(differences) > 0.05)
  }

  /// The same of Σ over critics of their squared errors.
  @Test func theCriticLossHasItsGradient() throws {
    let (_, learner) = Self.small { $0.rangeRate = 0 }
    let (slope, differences) = try Self.slopes(learner, learner.critics.store, step: 1e-3, \.criticLoss)
    #expect(abs(slope - differences) < 0.01 * abs(differences), "\(slope), by differences \(differences)")
  }

  /// An update without the policy leaves policy and α as they are, and moves the critics.
  @Test func criticsLearnAlone() throws {
    let (_, learner) = Self.small { $0.learningRate = 1e-2 }
    let (policy, critics) = (Array(learner.policy.network.store.values), Array(learner.critics.store.values))
    let start = RowBuffer(6, 2)
    var noise = RandomStream(seed: 7)
    _ = try learner.update(
      from: start.read, pair: [0, 1], members: MemberDraw(3, RandomStream(seed: 8)).fill, &noise,
      improvesPolicy: false)
    #expect(Array(learner.policy.network.store.values) == policy)
    #expect(learner.temperature.value == Float(0.1))
    #expect(Array(learner.critics.store.values) != critics)
  }

  /// The actor climbs the critics as they are after their own step, and their slow copies follow that step.
  @Test func criticsStepFirst() throws {
    func after(_ rate: Double) throws -> (loss: Float, report: DoubleHorizonLearner.Report, copied: Bool) {
      let (_, learner) = Self.small { ($0.learningRate, $0.targetRate) = (rate, 1) }
      let report = try Self.update(learner, rows: 6)
      return (
        report.criticLoss, report, Array(learner.target.network.store.values) == Array(learner.critics.store.values)
      )
    }
    let (still, moving) = (try after(0), try after(0.05))
    // The same rollouts, targets and errors; only what the critics say afterwards differs.
    #expect(still.loss == moving.loss && still.report.entropy == moving.report.entropy)
    #expect(still.report.actorLoss != moving.report.actorLoss)
    #expect(moving.copied)
  }

  /// What a supply brings: all states from the first on in which the task has not ended, and no other.
  @Test func theSupplyLeavesOutWhatHasEnded() throws {
    func run(_ id: String, _ ends: TerminationSource) throws -> (
      added: Int, ring: StateRing, real: Replay
    ) {
      var configuration = NormalizedEnsemble.Configuration()
      (configuration.ensembleSize, configuration.hiddenSizes, configuration.termination) = (2, [8], ends)
      let model = NormalizedEnsemble(
        configuration, DynamicsLayout(task(id)), random: RandomStream(seed: 3), pool: ComputePool(threads: 1))
      var policyRandom = RandomStream(seed: 4)
      let policy = SoftPolicy(
        model.layout.observationSize, model.layout.actionSpace, hiddenSizes: [8], form: .doubleHorizon,
        random: &policyRandom, pool: nil)
      let real = try randomTransitions(id, count: 50)
      let ring = StateRing(capacity: 1000, size: model.layout.observationSize)
      var random = RandomStream(seed: 6)
      let added = StateSupply(rows: 40, size: model.layout.observationSize, pool: ComputePool(threads: 1))
        .run(5, from: real, by: policy, in: model, into: ring, &random)
      return (added, ring, real)
    }
    // Forty starts and five steps of each.
    let endless = try run("Pendulum-v1", .never)
    #expect(endless.added == 240 && endless.ring.count == 240)
    // New networks say anything: many poles fall within five steps.
    let ending = try run("ContinuousCartPole-v0", .known)
    #expect(ending.added == ending.ring.count && (41..<240).contains(ending.added))
    let out = RowBuffer(2000, 4)
    var random = RandomStream(seed: 1)
    ending.ring.draw(into: out.rows, &random)
    for row in 0..<2000 { #expect(abs(out.rows[row, 0]) <= 2.4 && abs(out.rows[row, 2]) <= 0.2095) }
    // The states that they began with are there.
    let real = ending.real.all(ending.real.observation)
    let first = Set((0..<50).map { real.rows[$0, 0] })
    #expect((0..<2000).contains { first.contains(out.rows[$0, 0]) })
  }

  /// A quarter of an iteration's updates is of critics alone; the first time there are five times as many of the policy.
  /// Adam begins anew with every fit.
  @Test func updatesOfAnIteration() throws {
    let agent = try makeAgent(
      """
      {"agent": {"type": "double-horizon", "initialRandomSteps": 20, "fitEvery": 8, "batchSize": 4, "horizon": 1,
         "hiddenSizes": [4], "criticHiddenSizes": [4], "critics": 2},
       "model": {"type": "normalized-ensemble", "ensembleSize": 2, "hiddenSizes": [4], "epochs": 1,
         "termination": "never"}}
      """, for: task("Pendulum-v1"))
    let interaction = Interaction(agent, try group("Pendulum-v1"))
    func updates() -> Int { Int(agent.facts.first { $0.name == "updates" }?.value ?? "") ?? -1 }
    func adamSteps() throws -> Set<String> {
      Set(try stored(agent).scalars.filter { $0.name.hasSuffix("adam.steps") }.map(\.value))
    }
    while interaction.step < 20 { try interaction.advance() }
    #expect(updates() == 2 + 40)
    #expect(try adamSteps().isSuperset(of: ["42", "40"]))
    while interaction.step < 28 { try interaction.advance() }
    #expect(updates() == 42 + 2 + 8)
    #expect(try adamSteps().isSuperset(of: ["10", "8"]) && !adamSteps().contains("52"))
  }

  /// Random steps are whole iterations: five, and 1,000 steps at least.
  @Test(arguments: [(150, 1050), (200, 1000), (1000, 5000)]) func randomSteps(iteration: Int, random: Int) throws {
    let agent = try makeAgent(
      """
      {"agent": {"type": "double-horizon", "fitEvery": \(iteration), "batchSize": 4, "horizon": 1, "hiddenSizes": [4],
         "criticHiddenSizes": [4], "critics": 2, "updatesPerStep": 0.01},
       "model": {"ensembleSize": 2, "hiddenSizes": [4], "epochs": 1, "termination": "never"}}
      """, for: task("Pendulum-v1"))
    let interaction = Interaction(agent, try group("Pendulum-v1"))
    while interaction.step < random - 1 { try interaction.advance() }
    #expect(interaction.metrics.updates == 0)
    try interaction.advance()
    #expect(interaction.metrics.updates > 0)
  }

  /// Every member serves as many rows as any other; groups stay together.
  @Test func membersServeEqualGroups() {
    var serving = [Int32](repeating: -1, count: 24)
    var orders: Set<[Int32]> = []
    for step in 0..<20 {
      MemberDraw(8, RandomStream(seed: 1)).fill(step, &serving)
      let groups = (0..<8).map { Array(serving[$0 * 3..<$0 * 3 + 3]) }
      #expect(groups.allSatisfy { Set($0).count == 1 })
      #expect(Set(serving).count == 8)
      orders.insert(groups.map { $0[0] })
    }
    #expect(orders.count > 15)
  }

  /// Rows of any members come back in their places, whatever the members' shares.
  @Test func rowsFindTheirMember() {
    let (model, _) = Self.small()
    let members: [Int32] = [2, 0, 2, 2, 1, 2, 0]
    let tape = Tape()
    var random = RandomStream(seed: 2)
    let state = tape.constant(rows: 7, columns: 2) { random.fillNormal($0) }
    let action = tape.constant(rows: 7, columns: 1) { random.fillUniform($0, -1, 1) }
    let (next, reward) = model.step(state, action, by: members, noise: nil, on: tape)
    for (row, member) in members.enumerated() {
      let input = tape.concatenateColumns([tape.rows(state, row..<row + 1), tape.rows(action, row..<row + 1)])
      let alone = tape.values(model.network.member(Int(member), input, on: tape))
      #expect(tape.values(reward)[row] == alone[0])
      for column in 0..<2 {
        #expect(tape.values(next)[row * 2 + column] == tape.values(state)[row * 2 + column] + alone[1 + column])
      }
    }
  }

  @Test func theRangeGoesTowardsTheQuantiles() {
    var range = ValueRange()
    let rewards = (0...100).map { Float($0) }
    range.move(towards: rewards, discount: 0.5, rate: 0.25)
    #expect(range.low == 2 && range.high == 198)
    range.move(towards: rewards.map { $0 + 10 }, discount: 0.5, rate: 0.25)
    #expect(range.low == 7 && range.high == 203)
    #expect(range.center == 105 && range.width == 98)
  }

  /// The oldest states go first, and all that are left are drawn.
  @Test func theRingHoldsTheNewestStates() {
    let (ring, out) = (StateRing(capacity: 5, size: 1), RowBuffer(200, 1))
    for value in 0..<8 {
      let one = RowBuffer(1, 1)
      one.rows[0, 0] = Float(value)
      ring.append(one.read)
    }
    var random = RandomStream(seed: 1)
    ring.draw(into: out.rows, &random)
    #expect(Set(out.memory) == [3, 4, 5, 6, 7])
  }
}
