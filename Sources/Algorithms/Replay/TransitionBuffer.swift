import Environments
import Support

/// Real transitions in the order in which they happened, up to a capacity, then the newest of them (a ring).
///
/// Row-major: observation [count, observation size], action [count, action columns] (one-hot for discrete actions).
package final class TransitionBuffer: ArchivableObject {
  package let observationSize: Int
  package let actionSpace: ActionSpace
  package let capacity: Int
  package private(set) var observations: [Float] = []
  package private(set) var actions: [Float] = []
  package private(set) var nextObservations: [Float] = []
  package private(set) var rewards: [Float] = []
  /// 1 where the task ended with the transition. A truncated transition has 0: its value goes on.
  package private(set) var terminated: [Float] = []
  /// Where the next transition goes once the buffer is full.
  private var head = 0

  /// - Parameter capacity: most transitions kept, ≥ 1.
  package init(observationSize: Int, actionSpace: ActionSpace, capacity: Int) {
    precondition(capacity >= 1, "capacity")
    self.observationSize = observationSize
    self.actionSpace = actionSpace
    self.capacity = capacity
  }

  package var count: Int { rewards.count }
  package var actionColumns: Int { actionSpace.columns }

  /// Row `row` of the observations, in the order of storage.
  package func observation(_ row: Int) -> [Float] {
    Array(observations[row * observationSize..<(row + 1) * observationSize])
  }
  /// Row `row` of the actions, one-hot where they are discrete.
  package func action(_ row: Int) -> [Float] { Array(actions[row * actionColumns..<(row + 1) * actionColumns]) }
  /// Row `row` of the observations after the step.
  package func nextObservation(_ row: Int) -> [Float] {
    Array(nextObservations[row * observationSize..<(row + 1) * observationSize])
  }

  /// Adds one step of every lane, over the oldest ones where the buffer is full.
  package func append(_ steps: Transitions) {
    for lane in 0..<steps.count {
      append(
        steps.observations.contiguousRow(lane), Rows(steps.actions.rows).contiguousRow(lane), steps.outcomes[lane],
        steps.next.contiguousRow(lane))
    }
  }

  private func append(
    _ observation: UnsafeBufferPointer<Float>, _ action: UnsafeBufferPointer<Float>, _ outcome: Outcome,
    _ next: UnsafeBufferPointer<Float>
  ) {
    let width = actionColumns
    if count < capacity {
      observations.append(contentsOf: observation)
      nextObservations.append(contentsOf: next)
      actions.append(contentsOf: action)
      rewards.append(Float(outcome.reward))
      terminated.append(outcome.isTerminated ? 1 : 0)
    } else {
      for column in 0..<observationSize {
        observations[head * observationSize + column] = observation[column]
        nextObservations[head * observationSize + column] = next[column]
      }
      for column in 0..<width { actions[head * width + column] = action[column] }
      rewards[head] = Float(outcome.reward)
      terminated[head] = outcome.isTerminated ? 1 : 0
      head = (head + 1) % capacity
    }
  }

  package func archive(_ archive: Archive) throws {
    try archive.array("observations", &observations, shape: [count, observationSize])
    try archive.array("actions", &actions, shape: [count, actionColumns])
    try archive.array("nextObservations", &nextObservations, shape: [count, observationSize])
    try archive.array("terminated", &terminated)
    try archive.array("rewards", &rewards)
    try archive.value("head", &head)
    guard archive.mode == .reading else { return }
    guard
      observations.count == count * observationSize, nextObservations.count == count * observationSize,
      actions.count == count * actionColumns, terminated.count == count, count <= capacity,
      head >= 0, head < max(count, 1)
    else { throw ArchiveError.malformed("rewards", "the replay buffer's arrays do not belong together") }
  }
}
