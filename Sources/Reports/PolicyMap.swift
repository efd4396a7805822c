import Experiments
import Algorithms
import Environments
import Support

/// The greedy policy of an agent with a table, drawn for people.
package enum PolicyMap {
  /// One line per row of the world; where states are no places, how many states choose which action.
  static func lines(of agent: any Agent, on task: EnvironmentDescription) throws(ExperimentError) -> [String] {
    guard let values = agent.actionValues, let environment = task.tabular else {
      throw .usage("--map: only an agent with a table has a policy to draw; this checkpoint has none")
    }
    let policy = (0..<values.states).map { values.greedyActions($0)[0] }
    if let layout = environment.layout { return layout.policyLines(policy, symbols: environment.actionSymbols) }
    return environment.actionNames.enumerated().map { action, name in
      "\(name): \(policy.count { $0 == action }) of \(policy.count) states"
    }
  }
}
