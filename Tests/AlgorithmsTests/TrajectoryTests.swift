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
    let environment = environment(id)
    let evaluator = model.makeEvaluator(
      configured(PlannerConfiguration.self, planner), known: environment as? any KnownDynamicsParts)
    let (start, memory) = situation(environment)
    evaluator.begin(in: start)
    var returns = [Float](repeating: 0, count: population)
    try evaluator.evaluate(
      plans, population: population, iteration: iteration, random: RandomStream(seed: seed), returns: &returns)
    _ = memory
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
    let known = environment("Pendulum-v1") as! any KnownDynamicsParts
    let plans = plans(5, 4)
    let got = try returns(
      model,
      #"{"propagation": "expectation", "horizon": 4, "discount": \#(discount), "pessimism": \#(pessimism)}"#,
      plans: plans, population: 5, on: "Pendulum-v1")
    for candidate in 0..<5 {
      let (start, memory) = situation(environment("Pendulum-v1"))
      var state = Array(start.observation)
      _ = memory
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
    func score(_ evaluator: any TrajectoryEvaluator) throws -> [Float] {
      let (start, memory) = situation(environment("Pendulum-v1"))
      evaluator.begin(in: start)
      _ = memory
      var returns = [Float](repeating: 0, count: 6)
      try evaluator.evaluate(plans, population: 6, iteration: 0, random: RandomStream(seed: 4), returns: &returns)
      return returns
    }
    let known = environment("Pendulum-v1") as? any KnownDynamicsParts
    let model = makeModel(settings, for: "Pendulum-v1")
    let early = model.makeEvaluator(configured(PlannerConfiguration.self, planner), known: known)
    let before = try score(early)
    var rows: [ModelFitRow] = []
    _ = try model.fit(randomTransitions("Pendulum-v1", count: 100), &rows)
    let after = try score(early)
    #expect(after != before)
    #expect(try score(model.makeEvaluator(configured(PlannerConfiguration.self, planner), known: known)) == after)
    let copy = makeModel(settings, for: "Pendulum-v1")
    let waiting = copy.makeEvaluator(configured(PlannerConfiguration.self, planner), known: known)
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
    let known = environment("Pendulum-v1") as! any KnownDynamicsParts
    for candidate in 0..<12 {
      var sum = 0.0
      for member in 0..<3 {
        let (start, memory) = situation(environment("Pendulum-v1"))
        var state = Array(start.observation)
        _ = memory
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
    var rows: [ModelFitRow] = []
    let settings = #"{"hiddenSizes": [32, 32], "ensembleSize": 2, "epochs": 40"#
    let knowing = makeModel(settings + "}", for: "ContinuousCartPole-v0")
    let endless = makeModel(settings + #", "termination": "never"}"#, for: "ContinuousCartPole-v0")
    _ = try knowing.fit(buffer, &rows)
    _ = try endless.fit(buffer, &rows)
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
    var rows: [ModelFitRow] = []
    _ = try model.fit(randomTransitions(id, count: 100), &rows)
    let environment = environment(id)
    let planner = configured(
      PlannerConfiguration.self, #"{"propagation": "expectation", "horizon": 4, "discount": 0.9}"#)
    let evaluator = model.makeEvaluator(planner, known: environment as? any KnownDynamicsParts)
    let (start, memory) = situation(environment)
    evaluator.begin(in: start)
    _ = memory
    var plans = plans(3, 4, scale: 0.8)
    var gradients = [Float](repeating: 0, count: 12)
    var (returns, above, below) = (
      [Float](repeating: 0, count: 3), [Float](repeating: 0, count: 3), [Float](repeating: 0, count: 3)
    )
    let random = RandomStream(seed: 0)
    try evaluator.differentiate(
      plans, population: 3, iteration: 0, random: random, gradients: &gradients, returns: &returns)
    try evaluator.evaluate(plans, population: 3, iteration: 0, random: random, returns: &above)
    for row in 0..<3 { #expect(abs(returns[row] - above[row]) < 1e-3 * max(1, abs(above[row]))) }
    let largest = gradients.map { abs($0) }.max()!
    #expect(largest > 0)
    for step in 0..<4 {
      let original = plans
      for row in 0..<3 { plans[row * 4 + step] = original[row * 4 + step] + 0.02 }
      try evaluator.evaluate(plans, population: 3, iteration: 0, random: random, returns: &above)
      for row in 0..<3 { plans[row * 4 + step] = original[row * 4 + step] - 0.02 }
      try evaluator.evaluate(plans, population: 3, iteration: 0, random: random, returns: &below)
      plans = original
      for row in 0..<3 {
        let difference = (above[row] - below[row]) / 0.04
        #expect(abs(gradients[row * 4 + step] - difference) < 0.03 * largest + 2e-3)
      }
    }
  }

  /// A learned value of the last state joins the return, for trajectories that have not ended.
  @Test func horizonValueIsAdded() throws {
    final class Constant: HorizonValue {
      func values(
        of observation: UnsafePointer<Float>, count: Int, stride: Int, into values: UnsafeMutablePointer<Float>
      ) {
        values.update(repeating: 100, count: count)
      }
    }
    let model = makeModel(Self.deterministic, for: "Pendulum-v1")
    let planner = configured(PlannerConfiguration.self, #"{"propagation": "tsinf", "horizon": 3, "discount": 0.5}"#)
    let environment = environment("Pendulum-v1")
    let evaluator = model.makeEvaluator(planner, known: environment as? any KnownDynamicsParts) as! EnsembleTrajectories
    let (start, memory) = situation(environment)
    _ = memory
    evaluator.begin(in: start)
    var (without, with): (Float, Float) = (0, 0)
    try evaluator.evaluate([0, 0, 0], population: 1, iteration: 0, random: RandomStream(seed: 0), returns: &without)
    evaluator.horizonValue = Constant()
    try evaluator.evaluate([0, 0, 0], population: 1, iteration: 0, random: RandomStream(seed: 0), returns: &with)
    #expect(abs(with - without - 12.5) < 1e-3)
  }

  /// What the environment declares for one transition.
  private func reward(
    _ known: any KnownDynamicsParts, of observation: [Float], _ action: [Float], _ next: [Float]
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
