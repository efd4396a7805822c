import Environments
import Support

/// The loop of agent and environments, without files: `begin`, act, step, observe, learn.
///
/// Between two steps, and where a step was interrupted, the complete state can be archived; what is restored from it
/// goes on to the same bytes.
package final class Interaction: ArchivableObject {
  package let agent: any Agent
  package let group: EnvironmentGroup
  /// What the agent reported since somebody last looked.
  package var metrics: Metrics
  /// Environment steps of all lanes.
  package private(set) var step = 0
  /// The step was made, but its learning was interrupted: `advance` goes on with it.
  package private(set) var isUnlearned = false

  package init(_ agent: any Agent, _ group: EnvironmentGroup) {
    self.agent = agent
    self.group = group
    metrics = Metrics(of: agent)
  }

  /// One step of every lane, learning included. `onStep` sees what the environments gave, before the agent learns.
  /// - Throws: `InterruptedError` in the middle of a step; another call, after a restoration too, goes on with it.
  package func advance(onStep: (Transitions) -> Void = { _ in }) throws {
    if !isUnlearned { try act(onStep) }
    try agent.learn(&metrics)
    isUnlearned = false
    if let name = metrics.firstNonfinite { throw DivergedError(quantity: name) }
  }

  /// The first half of a step: all but learning.
  private func act(_ onStep: (Transitions) -> Void) throws {
    group.setRunStep(step)
    try group.begin()
    try agent.act(in: group.situation, into: group.actions)
    try group.step()
    let steps = group.transitions
    for lane in 0..<steps.count {
      guard steps.outcomes[lane].reward.isFinite else { throw DivergedError(quantity: "reward") }
      for column in 0..<steps.next.columns where !steps.next[lane, column].isFinite {
        throw DivergedError(quantity: "observation[\(column)]")
      }
    }
    agent.observe(steps)
    step += steps.count
    isUnlearned = true
    // Counted before learning, so that a failure in it is reported at the step that was completed.
    onStep(steps)
  }

  /// Visits everything that the future depends on. The agent's entries have bare names, as PyTorch's have; "run" is
  /// taken.
  package func archive(_ archive: Archive) throws {
    try archive.scope("run") {
      try archive.value("step", &step)
      try archive.value("isUnlearned", &isUnlearned)
      try archive.part("metrics", &metrics)
      try archive.part("environments", group)
    }
    try agent.archive(archive)
  }
}
