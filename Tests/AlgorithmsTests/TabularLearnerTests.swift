import Algorithms
import Environments
import Support
import Testing

/// Single updates of the tabular family, worked out by hand.
@Suite struct TabularLearnerTests {
  private static let (up, down, left, right) = (0, 1, 2, 3)
  private static func at(_ x: Int, _ y: Int) -> Int { 5 * y + x }

  /// The seed text's worked example (chapter 04): 5×5 grid, goal (4, 4) with +1, K = 5; α = .1 and γ = .95 are those of
  /// the seed's Python class, Q starts at 0. Of the real step and the five listed imagined ones, only the two that
  /// reach the goal change an entry, each by α·1 = .1.
  @Test func workedExampleOfTheSeedText() {
    let (up, down, right) = (Self.up, Self.down, Self.right)
    let learner = makeLearner(states: 25, actions: 4)
    learner.learningRate = 0.1
    let listed: [(x: Int, y: Int, action: Int, next: Int, reward: Double)] = [
      (1, 1, up, Self.at(1, 2), 0), (3, 4, right, Self.at(4, 4), 1), (0, 2, right, Self.at(1, 2), 0),
      (4, 3, up, Self.at(4, 4), 1), (2, 2, down, Self.at(2, 1), 0),
    ]
    // The model that the example takes for granted.
    for step in listed {
      learner.model.record(
        pair: 4 * Self.at(step.x, step.y) + step.action, reward: step.reward,
        nextRow: step.reward == 1 ? learner.values.endRow : 4 * step.next, step: 0)
    }
    learner.learn(
      state: Self.at(2, 3), action: right, reward: 0, nextState: Self.at(3, 3), isTerminated: false)
    #expect(learner.lastError == 0)
    #expect(learner.model.outcomes(ofPair: 4 * Self.at(2, 3) + right).map(\.nextState) == [Self.at(3, 3)])
    var changes: [[Int]: Double] = [:]
    for step in listed {
      let before = learner.values[Self.at(step.x, step.y), step.action]
      learner.imagine(pair: 4 * Self.at(step.x, step.y) + step.action)
      changes[[step.x, step.y, step.action]] = learner.values[Self.at(step.x, step.y), step.action] - before
    }
    #expect(
      changes == [[1, 1, up]: 0, [3, 4, right]: 0.1, [0, 2, right]: 0, [4, 3, up]: 0.1, [2, 2, down]: 0])
    #expect(nonzero(learner) == [[Self.at(4, 3), up], [Self.at(3, 4), right]])

    // A second round: the same entries go on to .1 + .1·(1 − .1) = .19, and a real step to (3, 4) is worth .1·.95·.19.
    for step in listed { learner.imagine(pair: 4 * Self.at(step.x, step.y) + step.action) }
    #expect(abs(learner.values[Self.at(3, 4), right] - 0.19) < 1e-15)
    #expect(abs(learner.values[Self.at(4, 3), up] - 0.19) < 1e-15)
    learner.learn(state: Self.at(2, 4), action: right, reward: 0, nextState: Self.at(3, 4), isTerminated: false)
    #expect(abs(learner.values[Self.at(2, 4), right] - 0.1 * 0.95 * 0.19) < 1e-15)
  }

  private func nonzero(_ learner: TabularLearner) -> [[Int]] {
    (0..<learner.values.states).flatMap { state in
      (0..<learner.values.actions).filter { learner.values[state, $0] != 0 }.map { [state, $0] }
    }
  }

  /// The same step, ended by the task and by the clock: only the latter counts the next state's value.
  @Test(arguments: [TabularLearner.Backup.qLearning, .expectedSARSA, .treeBackup])
  func terminationDoesNotBootstrapTruncationDoes(backup: TabularLearner.Backup) {
    for (isTerminated, expected) in [(true, 0.1 * 1), (false, 0.1 * (1 + 0.95 * 2))] {
      let learner = makeLearner(states: 2, actions: 2) { $0.backup = backup }
      (learner.values[1, 0], learner.values[1, 1]) = (2, 2)
      learner.learn(
        state: 0, action: 1, reward: 1, nextState: 1, isTerminated: isTerminated, isTruncated: !isTerminated)
      #expect(abs(learner.values[0, 1] - expected) < 1e-15)
      // What the model remembers is treated alike.
      learner.values[0, 1] = 0
      learner.plan(1)
      #expect(abs(learner.values[0, 1] - expected) < 1e-15)
    }
  }

  /// Targets 0 + γ·max(1, 3) and γ·(.8·3 + .2·2) at ε = .2.
  @Test func expectedSarsaTakesThePolicysMean() {
    for (backup, value) in [(TabularLearner.Backup.qLearning, 3.0), (.expectedSARSA, 0.8 * 3 + 0.2 * 2)] {
      let learner = makeLearner(states: 2, actions: 2) { $0.backup = backup }
      learner.exploration = 0.2
      (learner.values[1, 0], learner.values[1, 1]) = (1, 3)
      learner.learn(state: 0, action: 0, reward: 0, nextState: 1, isTerminated: false)
      #expect(abs(learner.values[0, 0] - 0.1 * 0.95 * value) < 1e-15)
    }
  }

  /// Two steps, n = 2, ε = .2, γ = .95: G = 1 + γ·(π(other)·Q(other) + π(taken)·5), the last reward being 5. The taken
  /// action has Q 1 of (1, 3): π = .1; the other one .9.
  @Test func treeBackupOverTwoSteps() {
    let learner = makeLearner(states: 3, actions: 2) {
      $0.backup = .treeBackup
      $0.backupSteps = 2
    }
    learner.exploration = 0.2
    (learner.values[1, 0], learner.values[1, 1]) = (1, 3)
    learner.learn(state: 0, action: 1, reward: 1, nextState: 1, isTerminated: false)
    #expect(learner.values[0, 1] == 0)  // n − 1 steps later
    learner.learn(state: 1, action: 0, reward: 5, nextState: 2, isTerminated: true)
    #expect(abs(learner.values[0, 1] - 0.1 * (1 + 0.95 * (0.9 * 3 + 0.1 * 5))) < 1e-12)
    #expect(abs(learner.values[1, 0] - (1 + 0.1 * (5 - 1))) < 1e-12)  // the end updates what is left
  }

  /// κ√τ in planning only; τ counts real steps since the last trial, from 0 for an action that was never tried.
  @Test func bonusOfDynaQPlus() {
    let learner = makeLearner(states: 3, actions: 2) {
      $0.explorationBonus = 0.5
      $0.discount = 0
    }
    learner.learn(state: 0, action: 0, reward: 1, nextState: 1, isTerminated: false)
    #expect(learner.values[0, 0] == 0.1)  // no bonus on what is real
    for _ in 0..<9 { learner.learn(state: 1, action: 0, reward: 0, nextState: 1, isTerminated: false) }
    #expect(learner.bonus(ofPair: 0) == 0.5 * 3)  // tried at step 1, now 10
    #expect(learner.bonus(ofPair: 1) == 0.5 * 10.0.squareRoot())  // never tried
    #expect(learner.bonus(ofPair: 2) == 0)  // tried just now
    #expect(learner.model.count == 4)  // both actions of both visited states, none of state 2
    learner.imagine(pair: 0)
    #expect(abs(learner.values[0, 0] - (0.1 + 0.1 * (1 + 1.5 - 0.1))) < 1e-15)
    // An untried action is thought to stay and to earn nothing.
    let imagined = learner.model.outcomes(ofPair: 1)
    #expect(imagined.count == 1 && imagined[0].nextState == 0 && imagined[0].reward == 0)
    learner.learn(state: 0, action: 1, reward: 7, nextState: 2, isTerminated: false)
    #expect(learner.model.outcomes(ofPair: 1)[0].nextState == 2)
  }

  /// A chain 0 → 1 → 2 → end with reward 1: one real success lets the sweep go backwards through it in three updates,
  /// the largest change first, and stops with an empty queue.
  @Test func prioritizedSweepingGoesBackwards() {
    let learner = makeLearner(states: 4, actions: 1) {
      $0.planning = .prioritized
      $0.priorityThreshold = 0.01
    }
    learner.learningRate = 1
    for state in 0..<2 {
      learner.learn(state: state, action: 0, reward: 0, nextState: state + 1, isTerminated: false)
      #expect(learner.plan(10) == 0)  // nothing would change
    }
    learner.learningRate = 0.5  // what is left for planning
    learner.learn(state: 2, action: 0, reward: 1, nextState: 3, isTerminated: true)
    #expect(learner.queue.count == 1)
    learner.learningRate = 1
    #expect(learner.plan(1) == 1)
    #expect((0..<3).map { learner.values[$0, 0] } == [0, 0, 1])
    #expect(learner.plan(1) == 1)
    #expect((0..<3).map { learner.values[$0, 0] } == [0, 0.95, 1])
    #expect(learner.plan(10) == 1)
    #expect((0..<3).map { learner.values[$0, 0] } == [0.95 * 0.95, 0.95, 1])
  }

  /// A changed last outcome leaves the old state's predecessors.
  @Test func predecessorsFollowTheModel() {
    let learner = makeLearner(states: 4, actions: 1) { $0.planning = .prioritized }
    learner.learningRate = 1
    for next in [2, 1, 3, 1] { learner.learn(state: 0, action: 0, reward: 0, nextState: next, isTerminated: false) }
    learner.learn(state: 2, action: 0, reward: 4, nextState: 3, isTerminated: true)
    learner.plan(10)
    #expect(learner.values[0, 0] == 0)
    learner.values[1, 0] = 0
    learner.learningRate = 0
    learner.learn(state: 1, action: 0, reward: 4, nextState: 3, isTerminated: true)
    learner.learningRate = 1
    learner.plan(10)
    #expect(learner.values[0, 0] == 0.95 * 4)
  }

  /// Greatest first; of equals the smaller number; a pair is held once, at its greatest priority.
  @Test func sweepQueueOrder() {
    var queue = SweepQueue(pairs: 8)
    for (pair, priority) in [(3, 1.0), (1, 5), (7, 2), (2, 5), (3, 9), (7, 0.5), (0, 3)] {
      queue.insert(pair, priority: priority)
    }
    var order: [Int] = []
    while let pair = queue.removeFirst() { order.append(pair) }
    #expect(order == [3, 1, 2, 0, 7])
  }

  /// Three times to state 1 with rewards 1, 2, 3, once the end with 6: probabilities ¾ and ¼, mean rewards 2 and 6.
  @Test(arguments: [TabularLearner.CountedUpdate.expected, .sampled])
  func countedModel(update: TabularLearner.CountedUpdate) {
    let learner = makeLearner(states: 2, actions: 1) {
      $0.model = .counted
      $0.countedUpdate = update
    }
    learner.learningRate = 0
    for reward in [1.0, 2, 3] {
      learner.learn(state: 0, action: 0, reward: reward, nextState: 1, isTerminated: false)
    }
    learner.learn(state: 0, action: 0, reward: 6, nextState: 1, isTerminated: true)
    let outcomes = learner.model.outcomes(ofPair: 0)
    #expect(outcomes.map(\.nextState) == [1, 2])
    #expect(outcomes.map(\.reward) == [2, 6])
    #expect(outcomes.map(\.probability) == [0.75, 0.25])
    learner.values[1, 0] = 10
    let targets = [2 + 0.95 * 10, 6]
    learner.learningRate = 1
    if update == .expected {
      learner.plan(1)
      #expect(learner.values[0, 0] == (3 * targets[0] + targets[1]) / 4)
      return
    }
    var hits = [0, 0]
    for _ in 0..<4000 {
      learner.plan(1)
      hits[learner.values[0, 0] == targets[0] ? 0 : 1] += 1
      #expect(targets.contains(learner.values[0, 0]))
    }
    #expect(abs(hits[0] - 3000) < 140)  // 5 standard deviations
  }

  /// Imagined updates fall on tried pairs alone, each as often as the others.
  @Test func planningDrawsTriedPairsAlike() {
    let learner = makeLearner(states: 10, actions: 3) { $0.discount = 0 }
    for state in [2, 5, 7] { learner.learn(state: state, action: 1, reward: 1, nextState: 0, isTerminated: false) }
    for state in [2, 5, 7] { learner.values[state, 1] = 0 }
    learner.learningRate = 1e-7  // so small that a value counts its updates
    learner.plan(30_000)
    let counts = (0..<30).map { learner.values[$0 / 3, $0 % 3] * 1e7 }
    for pair in 0..<30 {
      if [7, 16, 22].contains(pair) { #expect(abs(counts[pair] - 10_000) < 420) } else { #expect(counts[pair] == 0) }
    }
  }

  @Test func schedules() {
    let constant = Schedule(start: 0.3)
    #expect([0, 7, 1_000_000].map(constant.value) == [0.3, 0.3, 0.3])
    let linear = Schedule(.linear, start: 1, end: 0, steps: 10)
    #expect([0, 5, 10, 11].map(linear.value) == [1, 0.5, 0, 0])
    let exponential = Schedule(.exponential, start: 1, end: 0.01, steps: 10)
    #expect(zip([0, 5, 10, 99].map(exponential.value), [1, 0.1, 0.01, 0.01]).allSatisfy { abs($0 - $1) < 1e-12 })
    var impossible = Schedule(.exponential, start: 1, end: 0)
    #expect(Fields.read(&impossible).faults.count == 1)
  }

  /// Ties are broken evenly, and only the greatest are chosen.
  @Test func greedyActionsBreakTiesAtRandom() {
    let values = ActionValues(states: 1, actions: 4)
    for (action, value) in [1.0, 2, 0, 2].enumerated() { values[0, action] = value }
    var random = RandomStream(seed: 5)
    var counts = [0, 0, 0, 0]
    for _ in 0..<4000 { counts[values.greedyAction(0, &random)] += 1 }
    #expect(counts[0] == 0 && counts[2] == 0 && abs(counts[1] - 2000) < 160)
    #expect(values.greedyActions(0) == [1, 3])
  }
}
