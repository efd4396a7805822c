import Algorithms
import Environments
import Support
import Testing

/// Imagination through the ensemble, against a plain loop over the members' predictions and against its own promises.
@Suite struct TrajectoryTests {
  private static let deterministic = #"{"kind": "deterministic", "hiddenSizes": [16], "ensembleSize": 3}"#
  private static let probabilistic = #"{"hiddenSizes": [16], "ensembleSize": 3}"#

  private func returns(
    _ model: EnsembleDynamics, _ planner: String, plans: [Float], population: Int, on id: String,
    iteration: Int = 0, seed: UInt64 = 4
  ) throws -> [Float] {
    let planner = configured(PlannerConfiguration.self, planner)
    return try score(
      model.makeScorer(planner.rollout), plans, population, planner.rollout.horizon, on: id, iteration, seed)
  }

  /// Returns of plans of one action column from where the environment starts.
  private func score(
    _ scorer: any PlanScorer, _ plans: [Float], _ population: Int, _ horizon: Int, on id: String,
    _ iteration: Int = 0, _ seed: UInt64 = 4
  ) throws -> [Float] {
    let group = try group(id)
    var (plans, returns) = (plans, [Float](repeating: 0, count: population))
    try scorer.begin(in: group.situation, row: 0)
    try plans.withUnsafeMutableBufferPointer { memory in
      let plans = Plans(memory.baseAddress!, population: population, horizon: horizon, columns: 1)
      try returns.withUnsafeMutableBufferPointer {
        try scorer.score(plans, iteration: iteration, noise: RandomStream(seed: seed), into: $0)
      }
    }
    return returns
  }

  private func plans(_ population: Int, _ horizon: Int, scale: Float = 1, seed: UInt64 = 8) -> [Float] {
    var random = RandomStream(seed: seed)
    return (0..<population * horizon).map { _ in scale * Float(random.uniform(-1, 1)) }
  }

  /// Mean over the members at every step, the environment's reward, the discount and the disagreement's penalty.
  @Test(arguments: [(1.0, 0.0), (0.9, 0.0), (1.0, 2.0)])
  func expectationIsThePlainLoop(discount: Double, pessimism: Double) throws {
    let model = makeModel(Self.deterministic, for: "Pendulum-v1")
    let known = task("Pendulum-v1").knownDynamics!
    let plans = plans(5, 4)
    let got = try returns(
      model,
      #"{"propagation": "expectation", "horizon": 4, "discount": \#(discount), "pessimism": \#(pessimism)}"#,
      plans: plans, population: 5, on: "Pendulum-v1")
    let start = try group("Pendulum-v1").environment(0).observed
    for candidate in 0..<5 {
      var state = start
      var total = 0.0
      for step in 0..<4 {
        let action = [plans[candidate * 4 + step]]
        let together = model.disagreement(observation: state, action: action)
        let next = together.mean.map { Float($0) }
        let reward = reward(known, of: state, action, next)
        var weight = 1.0
        for _ in 0..<step { weight *= discount }
        total += weight * (Double(reward) - pessimism * together.variance.squareRoot())
        state = next
      }
      #expect(abs(Double(got[candidate]) - total) < 1e-4 * max(1, abs(total)))
    }
  }

  /// A plan's return depends neither on threads, nor on the plans beside it, nor on how it is cut into chunks.
  @Test(arguments: ["expectation", "ts1", "tsinf", "ds"], [4, 20])
  func returnsDoNotDependOnTheCut(propagation: String, particles: Int) throws {
    let planner = #"{"propagation": "\#(propagation)", "horizon": 5, "particles": \#(particles)}"#
    let plans = plans(700, 5)
    let all = try returns(
      makeModel(Self.probabilistic, for: "Pendulum-v1"), planner, plans: plans, population: 700, on: "Pendulum-v1")
    let threaded = try returns(
      makeModel(Self.probabilistic, for: "Pendulum-v1", threads: 3), planner, plans: plans, population: 700,
      on: "Pendulum-v1")
    let few = try returns(
      makeModel(Self.probabilistic, for: "Pendulum-v1"), planner, plans: plans, population: 11, on: "Pendulum-v1")
    let sameForThreads = all == threaded
    let sameAlone = Array(all.prefix(11)) == few
    #expect(sameForThreads)
    #expect(sameAlone)
    let other = try returns(
      makeModel(Self.probabilistic, for: "Pendulum-v1"), planner, plans: plans, population: 11, on: "Pendulum-v1",
      iteration: 1)
    #expect((few == other) == (propagation == "expectation"), "noise differs between iterations")
  }

  /// Imagination in bfloat16 keeps every promise of the cut, and differs from float32's by its rounding only.
  @Test(arguments: ["expectation", "ts1", "tsinf", "ds"], [0.0, 1.5])
  func returnsInBfloat16(propagation: String, pessimism: Double) throws {
    func planner(_ precision: String) -> String {
      #"{"propagation": "\#(propagation)", "horizon": 5, "particles": 4, "pessimism": \#(pessimism), "precision": "\#(precision)"}"#
    }
    let plans = plans(700, 5)
    let model = makeModel(Self.probabilistic, for: "Pendulum-v1")
    let all = try returns(model, planner("bfloat16"), plans: plans, population: 700, on: "Pendulum-v1")
    let threaded = try returns(
      makeModel(Self.probabilistic, for: "Pendulum-v1", threads: 3), planner("bfloat16"), plans: plans,
      population: 700, on: "Pendulum-v1")
    let few = try returns(model, planner("bfloat16"), plans: plans, population: 11, on: "Pendulum-v1")
    let exact = try returns(model, planner("float32"), plans: plans, population: 700, on: "Pendulum-v1")
    let sameForThreads = all == threaded
    let sameAlone = Array(all.prefix(11)) == few
    let equal = zip(all, exact).count { $0 == $1 }
    #expect(sameForThreads)
    #expect(sameAlone)
    #expect(equal < 20)
    // Returns of five steps lie between 0 and −80.
    for (got, want) in zip(all, exact) { #expect(abs(got - want) < 0.02 * abs(want) + 0.02) }
  }

  /// The rounded weights follow a fit and a checkpoint, also where the evaluator was made before.
  @Test func bfloat16FollowsTheModel() throws {
    let settings = #"{"hiddenSizes": [16], "ensembleSize": 2, "epochs": 3, "normalizesTargets": true}"#
    let planner = #"{"horizon": 4, "particles": 2, "precision": "bfloat16"}"#
    let plans = plans(6, 4)
    func score(_ scorer: any PlanScorer) throws -> [Float] { try self.score(scorer, plans, 6, 4, on: "Pendulum-v1") }
    let rollout = configured(PlannerConfiguration.self, planner).rollout
    let model = makeModel(settings, for: "Pendulum-v1")
    let early = model.makeScorer(rollout)
    let before = try score(early)
    try model.fit(randomTransitions("Pendulum-v1", count: 100))
    let after = try score(early)
    #expect(after != before)
    #expect(try score(model.makeScorer(rollout)) == after)
    let copy = makeModel(settings, for: "Pendulum-v1")
    let waiting = copy.makeScorer(rollout)
    try restore(copy, from: stored(model))
    #expect(try score(waiting) == after)
  }

  /// With one deterministic member every propagation but DS is the same loop; DS has no spread to redraw from.
  @Test func oneDeterministicMember() throws {
    let model = makeModel(#"{"kind": "deterministic", "hiddenSizes": [16], "ensembleSize": 1}"#, for: "Pendulum-v1")
    let plans = plans(40, 6)
    let reference = try returns(
      model, #"{"propagation": "expectation", "horizon": 6}"#, plans: plans, population: 40, on: "Pendulum-v1")
    for propagation in ["ts1", "tsinf", "ds"] {
      let got = try returns(
        model, #"{"propagation": "\#(propagation)", "horizon": 6, "particles": 8}"#, plans: plans, population: 40,
        on: "Pendulum-v1")
      for (got, want) in zip(got, reference) { #expect(abs(got - want) < 1e-3 * abs(want)) }
    }
  }

  /// Deterministic members that disagree: TS∞ with as many particles as members is the mean over whole trajectories of
  /// one member each; TS1 mixes members along the way and differs.
  @Test func trajectorySamplingUsesItsMembers() throws {
    let model = makeModel(Self.deterministic, for: "Pendulum-v1")
    let plans = plans(12, 5)
    let together = try returns(
      model, #"{"propagation": "tsinf", "horizon": 5, "particles": 3}"#, plans: plans, population: 12,
      on: "Pendulum-v1")
    let known = task("Pendulum-v1").knownDynamics!
    let start = try group("Pendulum-v1").environment(0).observed
    for candidate in 0..<12 {
      var sum = 0.0
      for member in 0..<3 {
        var state = start
        for step in 0..<5 {
          let action = [plans[candidate * 5 + step]]
          let next = model.predict(observation: state, action: action, member: member)
          let reward = reward(known, of: state, action, next)
          sum += Double(reward)
          state = next
        }
      }
      #expect(abs(Double(together[candidate]) - sum / 3) < 1e-4 * abs(sum))
    }
    let mixed = try returns(
      model, #"{"propagation": "ts1", "horizon": 5, "particles": 3}"#, plans: plans, population: 12,
      on: "Pendulum-v1")
    #expect(mixed != together)
  }

  /// Rewards stop with the imagined end: a plan that topples the pole early earns less than the horizon.
  @Test func imaginedEndsStopRewards() throws {
    let buffer = try randomTransitions("ContinuousCartPole-v0", count: 800)
    let settings = #"{"hiddenSizes": [32, 32], "ensembleSize": 2, "epochs": 40"#
    let knowing = makeModel(settings + "}", for: "ContinuousCartPole-v0")
    let endless = makeModel(settings + #", "termination": "never"}"#, for: "ContinuousCartPole-v0")
    try knowing.fit(buffer)
    try endless.fit(buffer)
    let push = [Float](repeating: 1, count: 40)
    let planner = #"{"propagation": "tsinf", "horizon": 40, "particles": 4}"#
    let ended = try returns(knowing, planner, plans: push, population: 1, on: "ContinuousCartPole-v0")[0]
    let went = try returns(endless, planner, plans: push, population: 1, on: "ContinuousCartPole-v0")[0]
    #expect(ended < 25)
    #expect(went == 40)
  }

  /// The gradient of imagined returns against central differences of the returns themselves.
  @Test(arguments: ["Pendulum-v1", "CartPoleSwingUp-v0"], ["known", "learned"])
  func gradientsOfReturns(id: String, reward: String) throws {
    let model = makeModel(
      #"""
      {"kind": "deterministic", "hiddenSizes": [16], "ensembleSize": 3, "elites": 2, "reward": "\#(reward)",
       "epochs": 2, "normalizesTargets": \#(reward == "known")}
      """#, for: id)
    try model.fit(randomTransitions(id, count: 100))
    let planner = configured(
      PlannerConfiguration.self, #"{"propagation": "expectation", "horizon": 4, "discount": 0.9}"#)
    let scorer = model.makeScorer(planner.rollout)
    var plans = plans(3, 4, scale: 0.8)
    var gradients = [Float](repeating: 0, count: 12)
    var returns = [Float](repeating: 0, count: 3)
    let group = try group(id)
    try scorer.begin(in: group.situation, row: 0)
    try plans.withUnsafeMutableBufferPointer { plans in
      try gradients.withUnsafeMutableBufferPointer { gradients in
        try returns.withUnsafeMutableBufferPointer { returns in
          func view(_ memory: UnsafeMutableBufferPointer<Float>) -> Plans {
            Plans(memory.baseAddress!, population: 3, horizon: 4, columns: 1)
          }
          try scorer.differentiate(
            view(plans), iteration: 0, noise: RandomStream(seed: 0), gradients: view(gradients), into: returns)
        }
      }
    }
    var above = try score(scorer, plans, 3, 4, on: id, 0, 0)
    for row in 0..<3 { #expect(abs(returns[row] - above[row]) < 1e-3 * max(1, abs(above[row]))) }
    let largest = gradients.map { abs($0) }.max()!
    #expect(largest > 0)
    for step in 0..<4 {
      let original = plans
      for row in 0..<3 { plans[row * 4 + step] = original[row * 4 + step] + 0.02 }
      above = try score(scorer, plans, 3, 4, on: id, 0, 0)
      for row in 0..<3 { plans[row * 4 + step] = original[row * 4 + step] - 0.02 }
      let below = try score(scorer, plans, 3, 4, on: id, 0, 0)
      plans = original
      for row in 0..<3 {
        let difference = (above[row] - below[row]) / 0.04
        #expect(abs(gradients[row * 4 + step] - difference) < 0.03 * largest + 2e-3)
      }
    }
  }

  /// What the environment declares for one transition.
  private func reward(
    _ known: any KnownDynamics, of observation: [Float], _ action: [Float], _ next: [Float]
  ) -> Float {
    var reward: Float = 0
    observation.withUnsafeBufferPointer { observation in
      action.withUnsafeBufferPointer { action in
        next.withUnsafeBufferPointer { next in
          let columns = TransitionColumns(
            count: 1, stride: 1, observation: observation.baseAddress!, action: action.baseAddress!,
            nextObservation: next.baseAddress!)
          known.rewards(of: columns, into: &reward)
        }
      }
    }
    return reward
  }
}
