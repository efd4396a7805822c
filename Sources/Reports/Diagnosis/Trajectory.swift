import Environments
import Support

/// An episode that really happened, as an agent sees it.
package struct Trajectory: Sendable {
  /// Values of an observation, and columns of an action (one-hot where actions are discrete).
  package let columns, actionColumns: Int
  /// [steps + 1][columns]
  package var observations: [Float] = []
  /// [steps][action columns]
  package var actions: [Float] = []
  /// Of every step.
  package var rewards: [Double] = []
  /// The task ended with the last step.
  package var isTerminated = false

  /// Of an environment of this kind, before its first state.
  package init(_ specification: EnvironmentSpecification) {
    columns = specification.observationSpace.size
    actionColumns = specification.actionSpace.columns
  }

  package var steps: Int { rewards.count }

  /// What was seen before step `step`; with the number of steps, the last observation.
  package func observation(_ step: Int) -> ArraySlice<Float> {
    observations[step * columns..<(step + 1) * columns]
  }

  /// What was done at step `step`.
  package func action(_ step: Int) -> ArraySlice<Float> {
    actions[step * actionColumns..<(step + 1) * actionColumns]
  }
}

/// Writes down every episode of an evaluation.
package final class TrajectoryRecorder {
  package private(set) var trajectories: [Trajectory] = []
  private let specification: EnvironmentSpecification
  /// What agents see observations through, frozen.
  private var normalizer: RunningNormalizer?
  private let buffer: RowBuffer

  package init(_ specification: EnvironmentSpecification, _ normalizer: RunningNormalizer?) {
    (self.specification, self.normalizer) = (specification, normalizer)
    buffer = RowBuffer(1, specification.observationSpace.size)
  }

  /// Takes in a state after a reset (without an outcome) or a step.
  package func append(_ environment: any Environment, _ outcome: Outcome?) {
    if outcome == nil { trajectories.append(Trajectory(specification)) }
    environment.observe(into: buffer.memory)
    normalizer?.normalize(buffer.rows)
    let last = trajectories.count - 1
    trajectories[last].observations += buffer.memory
    guard let outcome else { return }
    trajectories[last].rewards.append(outcome.reward)
    trajectories[last].isTerminated = outcome.isTerminated
  }

  /// Takes in the action of the next step.
  package func append(_ actions: ActionRows) {
    trajectories[trajectories.count - 1].actions += Rows(actions.rows).row(0).array
  }

  /// The episodes without a step that was begun and not made.
  package var complete: [Trajectory] {
    trajectories.filter { $0.steps > 0 && $0.actions.count == $0.steps * $0.actionColumns }
  }
}
