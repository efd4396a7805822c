import Algorithms
import Environments
import Support
import Testing

/// What every planner promises; a newly registered one is tested with no new test code.
@Suite struct PlannerContractTests {
  static let names = PlanOptimizers.entries.map(\.name)
  static let spaces: [ActionSpace] = [.box(low: [-1, -0.5], high: [1, 2]), .discrete(count: 3)]
  private let horizon = 6

  private func optimizer(_ name: String, _ space: ActionSpace) -> any PlanOptimizer {
    Variant<PlanOptimizers>(name).settings.makeOptimizer(horizon: horizon, space: space)
  }

  /// The goal of every step: an action in the box, or category 2.
  private func goal(_ space: ActionSpace) -> [Float] { space.isDiscrete ? [0, 0, 1] : [0.4, -0.3] }

  private func problem(
    _ space: ActionSpace, seed: UInt64 = 5, check: @escaping (UnsafeBufferPointer<Float>) -> Void = { _ in },
    spoil: @escaping (Int) -> Bool = { _ in false }
  ) -> PlanProblem {
    PlanProblem(
      horizon: horizon, space: space, random: RandomStream(seed: seed),
      scorer: GoalScorer(goal: goal(space), check: check, spoil: spoil), noise: RandomStream(seed: 0))
  }

  private func plan(_ optimizer: any PlanOptimizer, _ problem: PlanProblem) throws -> [Float] {
    let plan = FloatBuffer(count: problem.planSize)
    try search(optimizer, problem, into: plan)
    return Array(plan.memory)
  }

  /// Apart from `plan`: of an array that nobody reads, Swift 6.3 frees the memory before it copies into it.
  private func search(_ optimizer: any PlanOptimizer, _ problem: PlanProblem, into plan: FloatBuffer) throws {
    var problem = problem
    _ = try optimizer.optimize(&problem, into: MutableRows(plan.base, problem.horizon, problem.space.columns))
  }

  private func cost(_ plan: [Float], _ space: ActionSpace) -> Float {
    let goal = goal(space)
    return plan.enumerated().reduce(0) { total, item in
      let difference = item.element - goal[item.offset % goal.count]
      return total + difference * difference
    }
  }

  @Test(arguments: names, spaces) func findsTheGoal(name: String, space: ActionSpace) throws {
    let found = try plan(optimizer(name, space), problem(space))
    // A middling plan costs about 2.6 in the box; a wrong category costs 2 per step.
    #expect(cost(found, space) <= (name == "random-shooting" ? 4 : 0.8))
  }

  @Test(arguments: names, spaces) func plansStayInTheSpace(name: String, space: ActionSpace) throws {
    let bounds = PlanBounds(space)
    let isGradient = name == "gradient"
    let method = optimizer(name, space)
    for seed in 0..<3 as Range<UInt64> {
      let found = try plan(
        method,
        problem(space, seed: seed) { plans in
          for (index, value) in plans.enumerated() {
            let column = index % space.columns
            #expect(value >= bounds.low[column] && value <= bounds.high[column])
          }
        })
      method.shift(by: 2)
      for row in 0..<horizon where space.isDiscrete {
        #expect(found[row * 3..<row * 3 + 3].sorted() == [0, 0, 1], "one-hot, gradient: \(isGradient)")
      }
    }
  }

  @Test(arguments: names, spaces) func sameNoiseSamePlan(name: String, space: ActionSpace) throws {
    let first = try plan(optimizer(name, space), problem(space))
    let second = try plan(optimizer(name, space), problem(space))
    #expect(first == second)
    let other = try plan(optimizer(name, space), problem(space, seed: 6))
    // Gradient ascent ends in the one optimum of this smooth problem, whatever the noise.
    if !space.isDiscrete && name != "gradient" { #expect(first != other) }
  }

  @Test(arguments: names, spaces) func resetForgets(name: String, space: ActionSpace) throws {
    let used = optimizer(name, space)
    try search(used, problem(space, seed: 9), into: FloatBuffer(count: horizon * space.columns))
    used.shift(by: 1)
    used.reset()
    let after = try plan(used, problem(space))
    let fresh = try plan(optimizer(name, space), problem(space))
    #expect(after == fresh)
  }

  @Test(arguments: names, spaces) func archiveGoesOn(name: String, space: ActionSpace) throws {
    let original = optimizer(name, space)
    try search(original, problem(space, seed: 9), into: FloatBuffer(count: horizon * space.columns))
    original.shift(by: 1)
    let copy = optimizer(name, space)
    try restore(copy, from: stored(original))
    let goesOn = try plan(original, problem(space, seed: 10))
    let restored = try plan(copy, problem(space, seed: 10))
    #expect(goesOn == restored)
  }

  /// A return that is not a number loses against any other.
  @Test(arguments: names, spaces) func notANumberNeverWins(name: String, space: ActionSpace) throws {
    let found = try plan(optimizer(name, space), problem(space, spoil: { $0 % 3 == 0 }))
    #expect(!found.contains { !$0.isFinite })
    #expect(cost(found, space) <= (name == "random-shooting" ? 4.5 : 1))
  }

  /// The start of the next search is the last plan, moved ahead: with one weak search more it is still near the goal.
  @Test(arguments: names) func warmStartKeepsWhatWasFound(name: String) throws {
    let space = Self.spaces[0]
    let method = optimizer(name, space)
    let ignored = FloatBuffer(count: horizon * space.columns)
    var cold = 0 as Float
    var warm = 0 as Float
    for seed in 0..<8 as Range<UInt64> {
      method.reset()
      cold += cost(try plan(method, problem(space, seed: seed)), space)
      for later in 1...3 as ClosedRange<UInt64> {
        method.shift(by: 1)
        try search(method, problem(space, seed: seed + 100 * later), into: ignored)
      }
      method.shift(by: 1)
      warm += cost(try plan(method, problem(space, seed: seed + 1000)), space)
    }
    #expect(warm <= cold * 1.05 + 0.01)
  }
}

/// −Σ(a − goal)² over the steps of a plan, and its gradient.
final class GoalScorer: PlanScorer {
  /// One step's goal, or a whole plan's.
  private let goal: [Float]
  private let check: (UnsafeBufferPointer<Float>) -> Void
  private let spoil: (Int) -> Bool
  private let log: ([Float], [Float]) -> Void

  init(
    goal: [Float], check: @escaping (UnsafeBufferPointer<Float>) -> Void = { _ in },
    spoil: @escaping (Int) -> Bool = { _ in false }, log: @escaping ([Float], [Float]) -> Void = { _, _ in }
  ) {
    self.goal = goal
    self.check = check
    self.spoil = spoil
    self.log = log
  }

  func begin(in situation: Situation, row: Int) {}

  func score(_ plans: Plans, iteration: Int, noise: RandomStream, into returns: UnsafeMutableBufferPointer<Float>) {
    let all = UnsafeBufferPointer(start: UnsafePointer(plans.base), count: plans.population * plans.planSize)
    check(all)
    for candidate in 0..<plans.population {
      var total = 0.0
      for index in 0..<plans.planSize {
        let difference = Double(all[candidate * plans.planSize + index] - goal[index % goal.count])
        total -= difference * difference
      }
      returns[candidate] = spoil(candidate) ? .nan : Float(total)
    }
    log(Array(all), Array(returns.prefix(plans.population)))
  }

  func differentiate(
    _ plans: Plans, iteration: Int, noise: RandomStream, gradients: Plans,
    into returns: UnsafeMutableBufferPointer<Float>
  ) {
    score(plans, iteration: iteration, noise: noise, into: returns)
    for index in 0..<plans.population * plans.planSize {
      gradients.base[index] = -2 * (plans.base[index] - goal[index % goal.count])
    }
  }
}
