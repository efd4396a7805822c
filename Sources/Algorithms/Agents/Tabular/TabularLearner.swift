import Support

/// The table, the model and the backups of the Dyna-Q family, apart from acting: what a real step changes, and what
/// planning changes. Nothing here allocates after the model has met its outcomes.
package final class TabularLearner: ArchivableObject {
  /// What the value of the next state is taken to be.
  package enum Backup: String, CaseIterable, Sendable {
    /// max Q: Q-learning.
    case qLearning = "q-learning"
    /// Σ π(a)·Q under the ε-greedy policy: Expected SARSA.
    case expectedSARSA = "expected-sarsa"
    /// n-step Tree Backup towards the ε-greedy policy; planning uses its one-step form, Expected SARSA.
    case treeBackup = "tree-backup"
  }

  /// Which imagined transitions are updated.
  package enum Planning: String, CaseIterable, Sendable {
    /// Tried pairs, each with the same probability.
    case random
    /// The pair whose value would change most, then those that lead to it.
    case prioritized
  }

  /// How a counted model is used in planning.
  package enum CountedUpdate: String, CaseIterable, Sendable {
    /// One outcome is drawn by its count.
    case sampled
    /// The mean over all outcomes.
    case expected
  }

  /// Everything that does not change with time.
  package struct Settings: Sendable {
    /// γ.
    package var discount = 0.95
    package var backup = Backup.qLearning
    /// n of Tree Backup.
    package var backupSteps = 3
    package var model = TabularModel.Kind.lastOutcome
    package var countedUpdate = CountedUpdate.expected
    package var planning = Planning.random
    /// θ: changes of at most this size are not swept.
    package var priorityThreshold = 1e-4
    /// κ of Dyna-Q+.
    package var explorationBonus = 0.0
    /// Q before anything was learned.
    package var initialValue = 0.0
    package init() {}
  }

  package let settings: Settings
  package let values: ActionValues
  package let model: TabularModel
  /// What prioritized sweeping has yet to update.
  package internal(set) var queue: SweepQueue
  var draws: SplitMix64
  /// One per lane: the last steps of its episode.
  private var treeBackups: [TreeBackup]
  /// α of the present step.
  package var learningRate = 0.1
  /// ε of the present step: the policy that the expectations are taken under.
  package var exploration = 0.1
  /// Real steps done, t of Dyna-Q+.
  package private(set) var steps = 0
  /// Target minus value of the last real update, before α.
  package private(set) var lastError = 0.0

  /// A learner that has seen nothing.
  package init(_ settings: Settings, states: Int, actions: Int, lanes: Int = 1, random: RandomStream) {
    self.settings = settings
    values = ActionValues(states: states, actions: actions, initial: settings.initialValue)
    let isPrioritized = settings.planning == .prioritized
    model = TabularModel(settings.model, states: states, actions: actions, tracksPredecessors: isPrioritized)
    queue = SweepQueue(pairs: isPrioritized ? states * actions : 0)
    let treeBackup = TreeBackup(steps: settings.backup == .treeBackup ? settings.backupSteps : 1)
    treeBackups = [TreeBackup](repeating: treeBackup, count: lanes)
    var random = random
    draws = SplitMix64(state: random.nextBits())
  }

  /// One real step of a lane: the direct update (step d) and the model's (step e). A terminated transition has no value
  /// beyond it; a truncated one has, only the trajectory ends.
  package func learn(
    state: Int, action: Int, reward: Double, nextState: Int, isTerminated: Bool, isTruncated: Bool = false,
    lane: Int = 0
  ) {
    steps += 1
    let row = state * values.actions
    let pair = row + action
    let nextRow = isTerminated ? values.endRow : nextState * values.actions
    if settings.backup == .treeBackup {
      lastError = treeBackups[lane].learn(
        TreeBackup.Step(state: state, action: action, reward: reward), nextRow: nextRow,
        isOver: isTerminated || isTruncated, self)
    } else {
      lastError = reward + settings.discount * value(ofRow: nextRow) - values.base[pair]
      values.base[pair] += learningRate * lastError
    }
    if settings.explorationBonus > 0 { model.imagineUntriedActions(ofRow: row) }
    model.record(pair: pair, reward: reward, nextRow: nextRow, step: steps)
    if settings.planning == .prioritized {
      let priority = abs(expectedTarget(ofPair: pair) - values.base[pair])
      if priority > settings.priorityThreshold { queue.insert(pair, priority: priority) }
    }
  }

  /// The value of the state with this row under the chosen backup.
  @inline(__always) func value(ofRow row: Int) -> Double {
    settings.backup == .qLearning ? values.best(row) : values.expectation(row, exploration: exploration)
  }

  package func archive(_ archive: Archive) throws {
    try archive.value("steps", &steps)
    try archive.value("lastError", &lastError)
    try archive.part("draws", &draws)
    try archive.part("queue", &queue)
    for lane in treeBackups.indices {
      try archive.part("treeBackup\(lane)", &treeBackups[lane])
      try treeBackups[lane].check(values)
    }
    try archive.part("table", values)
    try archive.part("model", model)
  }
}
