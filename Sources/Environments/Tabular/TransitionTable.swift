/// One way in which a state and an action can turn out.
package struct TableOutcome: Equatable, Sendable, Decodable {
  /// That it happens, given the state and the action.
  package var probability: Double
  package var nextState: Int
  package var reward: Double
  package var isTerminated: Bool

  /// As recordings name them.
  private enum CodingKeys: String, CodingKey {
    case probability, nextState = "next_state", reward, isTerminated = "terminated"
  }

  /// A sure outcome, unless a probability is given.
  package init(probability: Double = 1, nextState: Int, reward: Double, isTerminated: Bool) {
    (self.probability, self.nextState) = (probability, nextState)
    (self.reward, self.isTerminated) = (reward, isTerminated)
  }
}

/// The dynamics of a finite task, whole: what every action may do in every state, and where episodes start.
///
/// Built once and never changed, so that every copy of an environment shares it. Outcomes of all (state, action) pairs
/// stand in one allocation; outcome k is drawn where it is the first whose cumulative probability exceeds u, as
/// Gymnasium does it, and drawing allocates nothing.
package final class TransitionTable: @unchecked Sendable {
  /// States are 0..<stateCount.
  package let stateCount: Int
  /// Actions are 0..<actionCount, the same in every state.
  package let actionCount: Int
  /// The probability of each state at an episode's start.
  package let initialDistribution: [Double]
  private let initialCumulative: [Double]
  /// Of pair state · actionCount + action: its outcomes are offsets[pair]..<offsets[pair + 1].
  private let offsets: UnsafeMutableBufferPointer<Int32>
  private let outcomes: UnsafeMutableBufferPointer<TableOutcome>
  private let cumulative: UnsafeMutableBufferPointer<Double>

  /// - Parameters:
  ///   - initialDistribution: one probability per state.
  ///   - outcomes: at least one of every state and action, in the order in which they are drawn.
  package init(
    stateCount: Int, actionCount: Int, initialDistribution: [Double],
    outcomes of: (_ state: Int, _ action: Int) -> [TableOutcome]
  ) {
    precondition(stateCount > 0 && actionCount > 0, "a table of \(stateCount) states and \(actionCount) actions")
    precondition(initialDistribution.count == stateCount, "one initial probability per state")
    (self.stateCount, self.actionCount) = (stateCount, actionCount)
    self.initialDistribution = initialDistribution
    initialCumulative = TransitionTable.runningSums(initialDistribution)
    var all: [TableOutcome] = []
    var ends: [Int32] = [0]
    var sums: [Double] = []
    for state in 0..<stateCount {
      for action in 0..<actionCount {
        let outcomes = of(state, action)
        precondition(!outcomes.isEmpty, "state \(state), action \(action): no outcome")
        precondition(outcomes.allSatisfy { (0..<stateCount).contains($0.nextState) }, "an outcome leaves the table")
        all += outcomes
        sums += TransitionTable.runningSums(outcomes.map(\.probability))
        ends.append(Int32(all.count))
      }
    }
    offsets = .allocate(capacity: ends.count)
    _ = offsets.initialize(from: ends)
    self.outcomes = .allocate(capacity: all.count)
    _ = self.outcomes.initialize(from: all)
    cumulative = .allocate(capacity: sums.count)
    _ = cumulative.initialize(from: sums)
  }

  deinit {
    offsets.deallocate()
    outcomes.deallocate()
    cumulative.deallocate()
  }

  private static func runningSums(_ values: [Double]) -> [Double] {
    var sum = 0.0
    return values.map {
      sum += $0
      return sum
    }
  }

  /// The outcomes of an action in a state, borrowed from the table.
  @inline(__always)
  package func outcomes(from state: Int, taking action: Int) -> UnsafeBufferPointer<TableOutcome> {
    let pair = state * actionCount + action
    let (start, end) = (Int(offsets[pair]), Int(offsets[pair + 1]))
    return UnsafeBufferPointer(start: outcomes.baseAddress! + start, count: end - start)
  }

  /// The outcome of an action in a state that a uniform number in [0, 1) picks.
  @inline(__always)
  package func outcome(from state: Int, taking action: Int, at uniform: Double) -> TableOutcome {
    let pair = state * actionCount + action
    let (start, end) = (Int(offsets[pair]), Int(offsets[pair + 1]))
    var chosen = start
    while chosen < end && !(cumulative[chosen] > uniform) { chosen += 1 }
    // Where rounding leaves the sum below u, NumPy's argmax of nothing is the first outcome.
    return outcomes[chosen < end ? chosen : start]
  }

  /// The start that a uniform number in [0, 1) picks.
  package func initialState(at uniform: Double) -> Int {
    var (low, high) = (0, stateCount)
    while low < high {
      let middle = (low + high) / 2
      if initialCumulative[middle] > uniform { high = middle } else { low = middle + 1 }
    }
    return low < stateCount ? low : 0
  }

  /// Smallest and largest reward of any outcome.
  package var rewardRange: ClosedRange<Double> {
    let rewards = outcomes.map(\.reward)
    return (rewards.min() ?? 0)...(rewards.max() ?? 0)
  }

  /// What does not fit the specification, or is no distribution.
  package func faults(against specification: EnvironmentSpecification) -> [String] {
    var faults: [String] = []
    if specification.observationSpace != .discrete(count: stateCount) {
      faults.append("\(stateCount) states for the observations \(specification.observationSpace)")
    }
    if specification.actionSpace != .discrete(count: actionCount) {
      faults.append("\(actionCount) actions for \(specification.actionSpace)")
    }
    func isDistribution(_ values: [Double]) -> Bool {
      values.allSatisfy { $0 >= 0 } && abs(values.reduce(0, +) - 1) <= 1e-9
    }
    if !isDistribution(initialDistribution) { faults.append("the initial probabilities are no distribution") }
    for state in 0..<stateCount {
      for action in 0..<actionCount where !isDistribution(outcomes(from: state, taking: action).map(\.probability)) {
        faults.append("state \(state), action \(action): the probabilities are no distribution")
      }
    }
    return faults
  }
}
