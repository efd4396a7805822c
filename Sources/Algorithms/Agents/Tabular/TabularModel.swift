import Support

/// What a tabular agent has seen happen: for every tried (state, action) its last outcome, or all outcomes with counts.
///
/// A pair is state·actions + action, a row the offset of a state's first pair. The tried pairs stand in a flat list, so
/// that drawing one at random is one index, and the outcomes in flat memory, linked per pair and per next state.
package final class TabularModel: ArchivableObject {
  /// What is kept of a pair's outcomes.
  package enum Kind: String, CaseIterable, Sendable {
    /// The newest outcome replaces the one before: right for deterministic tasks.
    case lastOutcome = "last-outcome"
    /// Every outcome with its count and mean reward: the maximum-likelihood model of a stochastic task.
    case counted
  }

  /// One remembered outcome of a pair.
  struct Outcome {
    var pair: Int32
    /// Row of the next state; the end's row where the task ended.
    var nextRow: Int32
    /// Reward; the mean over the times it happened in a counted model.
    var reward: Double
    /// How often it happened; 0 for an action that was only imagined (Dyna-Q+).
    var count: Int32
    /// Next outcome of the same pair, −1 after the last.
    var nextOfPair: Int32
    /// Next outcome that leads to the same state, −1 after the last.
    var nextOfState: Int32
  }

  /// What is kept.
  package let kind: Kind
  private let actions: Int
  private let pairs: Int
  private let tracksPredecessors: Bool
  /// Tried pairs in the order of their first trial; `count` are valid. In a last-outcome model entry i of `outcomes`
  /// belongs to entry i of this list.
  let visited: UnsafeMutablePointer<Int32>
  /// Tried pairs.
  package private(set) var count = 0
  /// All outcomes; `outcomeCount` are valid.
  private(set) var outcomes: UnsafeMutablePointer<Outcome>
  private(set) var outcomeCount = 0
  private var outcomeCapacity: Int
  /// Per pair: its first outcome, −1 where it was never tried.
  let firstOutcome: UnsafeMutablePointer<Int32>
  /// Per pair: how often it was tried.
  let trials: UnsafeMutablePointer<Int32>
  /// Per pair: the step of its last trial, 0 where there was none.
  let lastTrial: UnsafeMutablePointer<Int64>
  /// Per state, the end included: the first outcome that leads there, −1 for none.
  let firstPredecessor: UnsafeMutablePointer<Int32>

  /// An empty model. `tracksPredecessors`: outcomes are linked by next state, for prioritized sweeping.
  package init(_ kind: Kind, states: Int, actions: Int, tracksPredecessors: Bool) {
    self.kind = kind
    self.actions = actions
    self.tracksPredecessors = tracksPredecessors
    pairs = states * actions
    outcomeCapacity = pairs
    visited = .allocate(capacity: pairs)
    outcomes = .allocate(capacity: pairs)
    firstOutcome = .allocate(capacity: pairs)
    trials = .allocate(capacity: pairs)
    lastTrial = .allocate(capacity: pairs)
    firstPredecessor = .allocate(capacity: states + 1)
    visited.initialize(repeating: 0, count: pairs)
    firstOutcome.initialize(repeating: -1, count: pairs)
    trials.initialize(repeating: 0, count: pairs)
    lastTrial.initialize(repeating: 0, count: pairs)
    firstPredecessor.initialize(repeating: -1, count: states + 1)
  }

  deinit {
    visited.deallocate()
    outcomes.deallocate()
    firstOutcome.deallocate()
    trials.deallocate()
    lastTrial.deallocate()
    firstPredecessor.deallocate()
  }

  /// Takes in one real outcome of a pair, at that step.
  package func record(pair: Int, reward: Double, nextRow: Int, step: Int) {
    lastTrial[pair] = Int64(step)
    trials[pair] &+= 1
    let first = firstOutcome[pair]
    if first < 0 {
      append(pair: pair, reward: reward, nextRow: nextRow, count: 1)
    } else if kind == .lastOutcome || outcomes[Int(first)].count == 0 {
      replace(Int(first), reward: reward, nextRow: nextRow)
    } else {
      count(pair: pair, reward: reward, nextRow: nextRow, from: Int(first))
    }
  }

  /// Dyna-Q+: the actions of a state that were not tried yet may be imagined; they are thought to lead back to the
  /// state itself with reward 0 (Sutton & Barto, section 8.3).
  package func imagineUntriedActions(ofRow row: Int) {
    for pair in row..<row + actions where firstOutcome[pair] < 0 {
      append(pair: pair, reward: 0, nextRow: row, count: 0)
    }
  }

  /// Mean reward and probability of every outcome of a pair, for reports and tests.
  package func outcomes(ofPair pair: Int) -> [(nextState: Int, reward: Double, probability: Double)] {
    var list: [(Int, Double, Double)] = []
    var index = firstOutcome[pair]
    let total = Double(max(trials[pair], 1))
    while index >= 0 {
      let outcome = outcomes[Int(index)]
      let share = kind == .lastOutcome ? 1 : Double(max(outcome.count, 1)) / total
      list.append((Int(outcome.nextRow) / actions, outcome.reward, share))
      index = outcome.nextOfPair
    }
    return list
  }

  private func count(pair: Int, reward: Double, nextRow: Int, from first: Int) {
    var index = first
    while true {
      if outcomes[index].nextRow == Int32(nextRow) {
        outcomes[index].count &+= 1
        outcomes[index].reward += (reward - outcomes[index].reward) / Double(outcomes[index].count)
        return
      }
      guard outcomes[index].nextOfPair >= 0 else { break }
      index = Int(outcomes[index].nextOfPair)
    }
    let added = addOutcome(pair: pair, reward: reward, nextRow: nextRow, count: 1)
    outcomes[index].nextOfPair = Int32(added)
  }

  private func append(pair: Int, reward: Double, nextRow: Int, count: Int32) {
    visited[self.count] = Int32(pair)
    self.count += 1
    firstOutcome[pair] = Int32(addOutcome(pair: pair, reward: reward, nextRow: nextRow, count: count))
  }

  private func addOutcome(pair: Int, reward: Double, nextRow: Int, count: Int32) -> Int {
    if outcomeCount == outcomeCapacity { grow(to: 2 * outcomeCapacity) }
    let index = outcomeCount
    outcomeCount += 1
    (outcomes + index).initialize(
      to: Outcome(
        pair: Int32(pair), nextRow: Int32(nextRow), reward: reward, count: count, nextOfPair: -1, nextOfState: -1))
    link(index)
    return index
  }

  private func replace(_ index: Int, reward: Double, nextRow: Int) {
    outcomes[index].reward = reward
    outcomes[index].count = 1
    guard outcomes[index].nextRow != Int32(nextRow) else { return }
    unlink(index)
    outcomes[index].nextRow = Int32(nextRow)
    link(index)
  }

  private func link(_ index: Int) {
    guard tracksPredecessors else { return }
    let state = Int(outcomes[index].nextRow) / actions
    outcomes[index].nextOfState = firstPredecessor[state]
    firstPredecessor[state] = Int32(index)
  }

  private func unlink(_ index: Int) {
    guard tracksPredecessors else { return }
    let state = Int(outcomes[index].nextRow) / actions
    let after = outcomes[index].nextOfState
    if firstPredecessor[state] == Int32(index) {
      firstPredecessor[state] = after
      return
    }
    var previous = Int(firstPredecessor[state])
    while outcomes[previous].nextOfState != Int32(index) { previous = Int(outcomes[previous].nextOfState) }
    outcomes[previous].nextOfState = after
  }

  private func grow(to capacity: Int) {
    let larger = UnsafeMutablePointer<Outcome>.allocate(capacity: capacity)
    larger.moveInitialize(from: outcomes, count: outcomeCount)
    outcomes.deallocate()
    outcomes = larger
    outcomeCapacity = capacity
  }

  /// The outcomes as columns; the lists are linked anew in the same order, so that a resumed run goes on alike.
  package func archive(_ archive: Archive) throws {
    let list = UnsafeBufferPointer(start: outcomes, count: outcomeCount)
    var tried = Array(UnsafeBufferPointer(start: visited, count: count))
    var (pair, nextRow, counts) = (list.map(\.pair), list.map(\.nextRow), list.map(\.count))
    var (nextOfPair, nextOfState) = (list.map(\.nextOfPair), list.map(\.nextOfState))
    var rewards = list.map(\.reward)
    var heads = Array(UnsafeBufferPointer(start: firstPredecessor, count: pairs / actions + 1))
    var trialCounts = tried.map { trials[Int($0)] }
    var lastSteps = tried.map { Double(lastTrial[Int($0)]) }
    try archive.array("visited", &tried)
    try archive.array("trials", &trialCounts)
    try archive.array("lastTrial", &lastSteps)
    try archive.array("outcomePair", &pair)
    try archive.array("outcomeNextRow", &nextRow)
    try archive.array("outcomeReward", &rewards)
    try archive.array("outcomeCount", &counts)
    try archive.array("outcomeNextOfPair", &nextOfPair)
    try archive.array("outcomeNextOfState", &nextOfState)
    try archive.array("firstPredecessor", &heads)
    guard archive.mode == .reading else { return }
    let n = pair.count
    func isLink(_ link: Int32) -> Bool { link >= -1 && Int(link) < n }
    guard tried.count <= pairs, trialCounts.count == tried.count, lastSteps.count == tried.count, n >= tried.count,
      kind == .counted || n == tried.count, nextRow.count == n, rewards.count == n, counts.count == n,
      nextOfPair.count == n, nextOfState.count == n, heads.count == pairs / actions + 1,
      (tried + pair).allSatisfy({ $0 >= 0 && Int($0) < pairs }),
      nextRow.allSatisfy({ $0 >= 0 && Int($0) <= pairs && Int($0) % actions == 0 }),
      (nextOfPair + nextOfState + heads).allSatisfy(isLink), lastSteps.allSatisfy({ abs($0) < 1e15 })
    else { throw ArchiveError.malformed("outcomePair", "the tabular model's arrays do not belong together") }
    if n > outcomeCapacity { grow(to: n) }
    firstOutcome.update(repeating: -1, count: pairs)
    trials.update(repeating: 0, count: pairs)
    lastTrial.update(repeating: 0, count: pairs)
    (count, outcomeCount) = (tried.count, n)
    for (place, index) in tried.enumerated() {
      visited[place] = index
      trials[Int(index)] = trialCounts[place]
      lastTrial[Int(index)] = Int64(lastSteps[place])
    }
    for index in 0..<n {
      (outcomes + index).initialize(
        to: Outcome(
          pair: pair[index], nextRow: nextRow[index], reward: rewards[index], count: counts[index],
          nextOfPair: nextOfPair[index], nextOfState: nextOfState[index]))
      if firstOutcome[Int(pair[index])] < 0 { firstOutcome[Int(pair[index])] = Int32(index) }
    }
    for (state, head) in heads.enumerated() { firstPredecessor[state] = head }
  }
}
