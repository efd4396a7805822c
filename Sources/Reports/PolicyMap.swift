import Algorithms
import Environments
import Experiments
import Support

/// What a table has learned, drawn for people: the greedy policy, what it takes each state to be worth, and where it
/// differs from the optimum.
package enum PolicyMap {
  /// - Parameters:
  ///   - task: with the dynamics of the moment that the agent is looked at.
  ///   - discount: the agent's own, under which the optimum is found.
  static func lines(
    of agent: any Agent, on task: (any TabularTask)?, discount: Double
  ) throws(ExperimentError) -> [String] {
    guard let values = agent.actionValues, let task else {
      throw .usage("--map: only an agent with a table has a policy to draw; this checkpoint has none")
    }
    let policy = (0..<values.states).map { values.greedyActions($0)[0] }
    let comparison = compare(policy, with: task, discount: discount)
    guard let layout = task.layout else {
      let actions = task.actionNames.enumerated().map { action, name in
        "\(name): \(policy.count { $0 == action }) of \(policy.count) states"
      }
      return actions + [comparison.text]
    }
    let greatest = (0..<values.states).map { state in (0..<values.actions).map { values[state, $0] }.max() ?? 0 }
    var lines = layout.policyLines(policy, symbols: task.actionSymbols)
    lines += ["value"] + layout.valueLines(greatest) + [comparison.text]
    // "·" where there is nothing to say.
    if !comparison.better.allSatisfy({ $0 < 0 }) {
      lines += layout.policyLines(comparison.better, symbols: task.actionSymbols)
    }
    return lines
  }

  /// The best action of each state in which a policy's is worse; -1 elsewhere.
  private static func compare(
    _ policy: [Int], with task: any TabularTask, discount: Double
  ) -> (better: [Int], text: String) {
    let table = task.table
    let solution = ValueIteration.solve(table, discount: discount)
    let none = [Int](repeating: -1, count: policy.count)
    guard solution.isConverged else { return (none, "no optimum to compare with: it has no finite value") }
    let reachable = table.reachableStates
    var better = none
    for state in policy.indices where reachable[state] {
      let (own, best) = (
        table.value(of: state, taking: policy[state], discount: discount, under: solution.values),
        table.value(of: state, taking: solution.policy[state], discount: discount, under: solution.values)
      )
      if own < best - 1e-9 * max(1, abs(best)) { better[state] = solution.policy[state] }
    }
    let (wrong, all) = (better.count { $0 >= 0 }, reachable.count { $0 })
    let discount = NumberText.fixed(discount, 6)
    return (
      better,
      wrong == 0
        ? "as good as the optimum in all \(all) states that can be reached (discount \(discount))"
        : "worse than the optimum in \(wrong) of \(all) states that can be reached (discount \(discount))"
          + (task.layout == nil ? "" : "; the best action there:")
    )
  }
}

extension GridLayout {
  /// The values of the open places, in columns.
  func valueLines(_ values: [Double]) -> [String] {
    let cells = places.indices.map { place in
      isOpen(place) ? NumberText.short(values[states[place]]) : String(places[place])
    }
    let width = cells.map(\.count).max() ?? 0
    return (0..<rows).map { row in
      cells[row * columns..<(row + 1) * columns].map { $0.leftPadded(to: width) }.joined(separator: " ")
    }
  }
}
