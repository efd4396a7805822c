import Environments
import Experiments
import Support

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
