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

  /// Bytes of one transition.
  package static func bytesPerTransition(observationSize: Int, actionColumns: Int) -> Int {
    4 * (2 * observationSize + actionColumns + 2)
  }

  /// Adds a transition, over the oldest one where the buffer is full.
  package func append(_ transition: Transition) {
    let width = actionColumns
    if count < capacity {
      observations.append(contentsOf: transition.observation)
      nextObservations.append(contentsOf: transition.nextObservation)
      actions.append(contentsOf: repeatElement(0, count: width))
      rewards.append(Float(transition.reward))
      terminated.append(transition.isTerminated ? 1 : 0)
      write(transition.action, at: (count - 1) * width)
    } else {
      for column in 0..<observationSize {
        observations[head * observationSize + column] = transition.observation[column]
        nextObservations[head * observationSize + column] = transition.nextObservation[column]
      }
      rewards[head] = Float(transition.reward)
      terminated[head] = transition.isTerminated ? 1 : 0
      write(transition.action, at: head * width)
      head = (head + 1) % capacity
    }
  }

  private func write(_ action: Action, at offset: Int) {
    switch action {
    case .discrete(let index):
      for column in 0..<actionColumns { actions[offset + column] = column == index ? 1 : 0 }
    case .continuous(let vector):
      for column in 0..<actionColumns { actions[offset + column] = vector[column] }
    }
  }

  package func archive(_ archive: Archive) throws {
    try archive.array("observations", &observations, shape: [count, observationSize])
    try archive.array("actions", &actions, shape: [count, actionColumns])
    try archive.array("next_observations", &nextObservations, shape: [count, observationSize])
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
