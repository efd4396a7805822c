import Algorithms
import Environments
import Support

/// A run of an agent on one environment, without files.
struct AgentRun {
  let interaction: Interaction
  /// Steps of every finished episode.
  var lengths: [Int] = []
  /// Returns of every finished episode.
  var returns: [Double] = []
  /// Return of the unfinished episode.
  private(set) var total = 0.0
  private var length = 0
  private let configuration: EnvironmentConfiguration

  /// `agent` and `environment`: the sections' settings as JSON.
  init(_ agent: String, on environment: String, seed: UInt64, threads: Int = 1) throws {
    configuration = configured(EnvironmentConfiguration.self, environment)
    let group = EnvironmentGroup([try configuration.make()]) { 1_000_000 * seed + UInt64($0) }
    interaction = Interaction(
      try makeAgent(agent, for: configuration.describe(), seed: seed, threads: threads), group)
  }

  var agent: any Agent { interaction.agent }
  var steps: Int { interaction.step }
  /// The environment as it stands.
  var environment: any Environment { interaction.group.environment(0) }

  /// One environment step, learning included.
  mutating func step() throws {
    var outcome = Outcome(reward: 0, isTerminated: false)
    try interaction.advance { outcome = $0.outcomes[0] }
    length += 1
    total += outcome.reward
    guard outcome.isOver else { return }
    lengths.append(length)
    returns.append(total)
    (total, length) = (0, 0)
  }

  mutating func run(steps count: Int) throws { for _ in 0..<count { try step() } }

  mutating func run(episodes count: Int) throws {
    let goal = lengths.count + count
    while lengths.count < goal { try step() }
  }

  /// Returns of the agent's policy (greedy where it has a greedy one) over episodes that start from `seed` + i.
  func evaluate(episodes: Int, seed: UInt64 = 10_000) throws -> [Double] {
    let policy = agent.makePolicy(isStochastic: false, rows: 1, random: RandomStream(seed: seed))
    let group = EnvironmentGroup([try configuration.make()]) { seed + UInt64($0) }
    group.setRunStep(interaction.step)
    return try (0..<episodes).map { _ in
      var total = 0.0
      repeat {
        try group.begin()
        try policy.act(in: group.situation, into: group.actions)
        try group.step()
        total += group.outcomes[0].reward
      } while !group.outcomes[0].isOver
      return total
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
