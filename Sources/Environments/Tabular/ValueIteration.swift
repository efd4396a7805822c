/// The best policy of a task whose table is known, and what it is worth.
package struct TabularSolution: Sendable {
  /// The best action of each state. Among equally good ones, one that leads to the task's end.
  package var policy: [Int]
  package var values: [Double]
  package var expectedReturn: Double
  /// Passes over all states until nothing changed.
  package var sweeps: Int
  /// False: the values still changed after the last pass allowed; without discounting there may be no finite value.
  package var isConverged: Bool
}

/// Dynamic programming over a table: what learning is measured against. R. Bellman, "Dynamic Programming" (1957).
///
///     V(s) ← max_a Σ p(s', r | s, a) [r + γ V(s')]        V = 0 behind an outcome that ends the task
///
/// Values are updated in place, so that a pass already uses what it has found. With γ = 1 this converges wherever every
/// policy worth having ends; a task that can collect rewards for ever has no value, and the solution says so.
package enum ValueIteration {
  /// A pass that changes no value by more than this (relative above 1) is the last.
  package static let tolerance = 1e-13

  /// The best policy over an unlimited time.
  package static func solve(
    _ table: TransitionTable, discount: Double, sweeps limit: Int = 100_000
  ) -> TabularSolution {
    var values = [Double](repeating: 0, count: table.stateCount)
    let (sweeps, isConverged) = iterate(limit, &values) { state, values in
      var best = -Double.infinity
      for action in 0..<table.actionCount { best = max(best, table.value(of: state, action, discount, values)) }
      return best
    }
    return TabularSolution(
      policy: policy(of: table, discount: discount, values: values), values: values,
      expectedReturn: table.expectation(ofStart: values), sweeps: sweeps, isConverged: isConverged)
  }

  /// What a policy is worth over an unlimited time: an action for each state.
  package static func evaluate(
    _ policy: [Int], in table: TransitionTable, discount: Double, sweeps limit: Int = 100_000
  ) -> TabularSolution {
    precondition(policy.count == table.stateCount, "an action for each state")
    var values = [Double](repeating: 0, count: table.stateCount)
    let (sweeps, isConverged) = iterate(limit, &values) { state, values in
      table.value(of: state, policy[state], discount, values)
    }
    return TabularSolution(
      policy: policy, values: values, expectedReturn: table.expectation(ofStart: values), sweeps: sweeps,
      isConverged: isConverged)
  }

  /// The most that an episode of so many steps can be worth, by a policy that knows how many are left.
  package static func expectedReturn(of table: TransitionTable, steps: Int, discount: Double = 1) -> Double {
    backward(table, steps) { state, values in
      var best = -Double.infinity
      for action in 0..<table.actionCount { best = max(best, table.value(of: state, action, discount, values)) }
      return best
    }
  }

  /// What an episode of so many steps under a policy is worth: what evaluations of it have as their mean.
  package static func expectedReturn(
    of policy: [Int], in table: TransitionTable, steps: Int, discount: Double = 1
  ) -> Double {
    precondition(policy.count == table.stateCount, "an action for each state")
    return backward(table, steps) { state, values in table.value(of: state, policy[state], discount, values) }
  }

  // MARK: Parts

  private typealias Values = UnsafeMutableBufferPointer<Double>

  private static func iterate(
    _ limit: Int, _ values: inout [Double], update: (Int, Values) -> Double
  ) -> (sweeps: Int, isConverged: Bool) {
    values.withUnsafeMutableBufferPointer { values in
      for sweep in 1...max(1, limit) {
        var (change, size) = (0.0, 1.0)
        for state in values.indices {
          let value = update(state, values)
          change = max(change, abs(value - values[state]))
          size = max(size, abs(value))
          values[state] = value
        }
        if change <= tolerance * size { return (sweep, true) }
      }
      return (limit, false)
    }
  }

  private static func backward(
    _ table: TransitionTable, _ steps: Int, update: (Int, Values) -> Double
  ) -> Double {
    var values = [Double](repeating: 0, count: table.stateCount)
    var earlier = values
    for _ in 0..<steps {
      values.withUnsafeMutableBufferPointer { later in
        for state in later.indices { earlier[state] = update(state, later) }
      }
      swap(&values, &earlier)
      if values == earlier { break }  // one more step changes nothing
    }
    return table.expectation(ofStart: values)
  }

  /// The best actions; among equally good ones, one from which the task's end is fewest steps away.
  ///
  /// Without this, a greedy policy may stand still for ever where time costs nothing: every way has the same value.
  private static func policy(of table: TransitionTable, discount: Double, values: [Double]) -> [Int] {
    var values = values
    let best: [[Int]] = values.withUnsafeMutableBufferPointer { values in
      (0..<table.stateCount).map { state in
        let all = (0..<table.actionCount).map { table.value(of: state, $0, discount, values) }
        let most = all.max() ?? 0
        return all.indices.filter { all[$0] >= most - 1e-9 * max(1, abs(most)) }
      }
    }
    var policy = best.map { $0[0] }
    var leadsToEnd = [Bool](repeating: false, count: table.stateCount)
    while true {
      var found: [(state: Int, action: Int)] = []
      for state in 0..<table.stateCount where !leadsToEnd[state] {
        let action = best[state].first { action in
          table.outcomes(from: state, taking: action).contains {
            $0.probability > 0 && ($0.isTerminated || leadsToEnd[$0.nextState])
          }
        }
        if let action { found.append((state, action)) }
      }
      if found.isEmpty { return policy }
      for (state, action) in found {
        policy[state] = action
        leadsToEnd[state] = true
      }
    }
  }
}

extension TransitionTable {
  /// Σ p [r + γ V(s')] of an action in a state.
  @inline(__always)
  fileprivate func value(
    of state: Int, _ action: Int, _ discount: Double, _ values: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    var sum = 0.0
    for outcome in outcomes(from: state, taking: action) {
      let later = outcome.isTerminated ? 0 : discount * values[outcome.nextState]
      sum += outcome.probability * (outcome.reward + later)
    }
    return sum
  }

  /// Σ p [r + γ V(s')] of an action in a state.
  package func value(of state: Int, taking action: Int, discount: Double, under values: [Double]) -> Double {
    outcomes(from: state, taking: action).reduce(0) { sum, outcome in
      sum + outcome.probability * (outcome.reward + (outcome.isTerminated ? 0 : discount * values[outcome.nextState]))
    }
  }

  /// Of each state whether an episode can come to it and go on.
  package var reachableStates: [Bool] {
    var isReached = initialDistribution.map { $0 > 0 }
    var open = isReached.indices.filter { isReached[$0] }
    while let state = open.popLast() {
      for action in 0..<actionCount {
        for outcome in outcomes(from: state, taking: action)
        where outcome.probability > 0 && !outcome.isTerminated && !isReached[outcome.nextState] {
          isReached[outcome.nextState] = true
          open.append(outcome.nextState)
        }
      }
    }
    return isReached
  }

  /// The mean of a quantity of states over the starts of episodes.
  package func expectation(ofStart quantity: [Double]) -> Double {
    zip(initialDistribution, quantity).reduce(0) { $0 + ($1.0 > 0 ? $1.0 * $1.1 : 0) }
  }
}
