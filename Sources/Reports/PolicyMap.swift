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

/// The episodes of an evaluation as text, state by state.
final class RolloutText {
  private(set) var text = ""
  private var episode = 0
  private var length = 0
  private var total = 0.0

  /// - Throws: where the environment has no text.
  init(_ task: EnvironmentDescription) throws(ExperimentError) {
    guard task.tabular != nil else { throw .usage("--text: \(task.specification.id) does not draw its states as text") }
  }

  /// Appends the state after a reset or a step.
  func append(_ environment: any Environment, _ outcome: Outcome?) {
    guard let environment = environment.tabular else { return }
    if let outcome {
      length += 1
      total += outcome.reward
    } else {
      (length, total) = (0, 0)
      text += "episode \(episode)\n"
      episode += 1
    }
    text += environment.text(.plain)
    guard let outcome, outcome.isOver else { return }
    text += outcome.isTerminated ? "terminated" : "truncated"
    text += " after \(length) steps, return \(NumberText.short(total))\n\n"
  }
}
