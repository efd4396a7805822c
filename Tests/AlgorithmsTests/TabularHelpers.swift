import Algorithms
import Environments
import Support

/// A run of an agent on an environment, without files.
struct Walk {
  var environment: any SnapshotEnvironment
  let agent: any Agent
  /// Steps of every finished episode.
  var lengths: [Int] = []
  /// Returns of every finished episode.
  var returns: [Double] = []
  private(set) var steps = 0
  /// Return of the unfinished episode.
  private(set) var total = 0.0
  private var length = 0
  private var isBetweenEpisodes = true
  private let seed: UInt64
  private var metrics: Metrics

  /// `agent` and `environment`: the sections' settings as JSON.
  init(_ agent: String, on environment: String, seed: UInt64) throws {
    self.seed = seed
    self.environment = configured(EnvironmentConfiguration.self, environment).make()
    self.agent = try algorithm(agent).makeAgent(
      AgentContext(environment: self.environment, random: RandomStream(seed: seed), pool: ComputePool(threads: 1)))
    metrics = Metrics(names: self.agent.metricNames)
  }

  /// One environment step, learning included.
  mutating func step() throws {
    if isBetweenEpisodes {
      environment.reset(seed: 1_000_000 * seed + UInt64(lengths.count))
      agent.beginEpisode()
      (total, length, isBetweenEpisodes) = (0, 0, false)
    }
    let (before, memory) = situation(environment)
    let action = try agent.act(in: before)
    let outcome = try environment.step(action)
    let (after, next) = situation(environment)
    try withExtendedLifetime((memory, next)) {
      try agent.observe(
        Transition(
          observation: before.observation, action: action, reward: outcome.reward,
          nextObservation: after.observation, isTerminated: outcome.isTerminated, isTruncated: outcome.isTruncated))
    }
    try agent.learn(&metrics)
    steps += 1
    length += 1
    total += outcome.reward
    guard outcome.isOver else { return }
    lengths.append(length)
    returns.append(total)
    isBetweenEpisodes = true
  }

  mutating func run(steps count: Int) throws { for _ in 0..<count { try step() } }

  mutating func run(episodes count: Int) throws {
    let goal = lengths.count + count
    while lengths.count < goal { try step() }
  }

  /// Returns of the agent's policy (greedy where it has a greedy one) over episodes that start from `seed` + i.
  func evaluate(episodes: Int, seed: UInt64 = 10_000) throws -> [Double] {
    var copy = environment
    let policy = agent.makePolicy(isStochastic: false)
    return try (0..<episodes).map { index in
      copy.reset(seed: seed + UInt64(index))
      policy.beginEpisode(RandomStream(seed: seed + UInt64(index)))
      var total = 0.0
      while true {
        let (now, memory) = situation(copy)
        let outcome = try withExtendedLifetime(memory) { try copy.step(try policy.act(in: now)) }
        total += outcome.reward
        if outcome.isOver { return total }
      }
    }
  }
}

/// A learner on a table, for tests that hand it its steps.
func makeLearner(
  states: Int, actions: Int, _ change: (inout TabularLearner.Settings) -> Void = { _ in }
) -> TabularLearner {
  var settings = TabularLearner.Settings()
  change(&settings)
  return TabularLearner(settings, states: states, actions: actions, random: RandomStream(seed: 0))
}

/// Optimal action values of a table by plain value iteration: written for the tests, apart from every learner.
func optimalValues(_ table: TransitionTable, discount: Double) -> [[Double]] {
  var q = [[Double]](repeating: [Double](repeating: 0, count: table.actionCount), count: table.stateCount)
  for _ in 0..<2000 {
    let v = q.map { $0.max()! }
    for state in 0..<table.stateCount {
      for action in 0..<table.actionCount {
        q[state][action] = table.outcomes(from: state, taking: action).reduce(0) {
          $0 + $1.probability * ($1.reward + ($1.isTerminated ? 0 : discount * v[$1.nextState]))
        }
      }
    }
  }
  return q
}
