import Support

/// The n-step Tree Backup algorithm (Precup, Sutton & Singh 2000; Sutton & Barto, section 7.5): off-policy without
/// importance ratios, towards the ε-greedy policy of the present table.
///
///     G ← r_T at the end, else r + γ·Σ π(a|s)·Q(s, a) of the newest state
///     back to the updated step: G ← r + γ·(Σ_{a ≠ A} π(a|s)·Q(s, a) + π(A|s)·G)
///     Q(S, A) ← Q(S, A) + α·(G − Q(S, A))
struct TreeBackup: Archivable {
  /// A state, the action taken there, and its reward.
  struct Step {
    var state: Int
    var action: Int
    var reward: Double
  }

  private let limit: Int
  /// The last steps of the episode that are still to be updated, the oldest first.
  private var window: [Step] = []

  /// `steps`: n ≥ 1.
  init(steps: Int) {
    limit = steps
    window.reserveCapacity(steps)
  }

  /// Takes in a step of the episode and updates the step that lies n back; at the end of an episode all that are left.
  /// - Returns: target minus value of the last update; 0 where none was due.
  mutating func learn(_ step: Step, nextRow: Int, isOver: Bool, _ learner: TabularLearner) -> Double {
    window.append(step)
    var error = 0.0
    while !window.isEmpty && (window.count == limit || isOver) {
      error = update(learner, nextRow)
      window.removeFirst()
    }
    return error
  }

  private func update(_ learner: TabularLearner, _ nextRow: Int) -> Double {
    let (values, discount) = (learner.values, learner.settings.discount)
    var target = window[window.count - 1].reward + discount * learner.value(ofRow: nextRow)
    var index = window.count - 1
    while index > 0 {
      let (state, action) = (window[index].state, window[index].action)
      let share = values.probability(of: action, in: state, exploration: learner.exploration)
      let expectation = learner.value(ofRow: state * values.actions)
      let others = expectation - share * values[state, action]
      target = window[index - 1].reward + discount * (others + share * target)
      index -= 1
    }
    let oldest = window[0]
    let error = target - values[oldest.state, oldest.action]
    values[oldest.state, oldest.action] += learner.learningRate * error
    return error
  }

  mutating func archive(_ archive: Archive) throws {
    var (states, actions) = (window.map { Int32($0.state) }, window.map { Int32($0.action) })
    var rewards = window.map(\.reward)
    try archive.array("states", &states)
    try archive.array("actions", &actions)
    try archive.array("rewards", &rewards)
    guard archive.mode == .reading else { return }
    guard states.count < limit, actions.count == states.count, rewards.count == states.count else {
      throw ArchiveError.malformed("states", "not a window of \(limit) steps")
    }
    window = states.indices.map { Step(state: Int(states[$0]), action: Int(actions[$0]), reward: rewards[$0]) }
  }

  /// Refuses stored steps that lie outside the table.
  func check(_ values: ActionValues) throws {
    let isInside = window.allSatisfy {
      (0..<values.states).contains($0.state) && (0..<values.actions).contains($0.action)
    }
    if !isInside { throw ArchiveError.malformed("states", "steps outside the table") }
  }
}
