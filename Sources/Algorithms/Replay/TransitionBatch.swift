import Environments
import Support

/// Transitions for one update; rows in either layout, borrowed.
package struct TransitionBatch {
  /// [count, observation size]
  package let observations: Rows
  /// [count, action columns]; one-hot for discrete actions.
  package let actions: Rows
  /// [count, 1]
  package let rewards: Rows
  /// [count, observation size]
  package let next: Rows
  /// [count, 1]: 1 where the task ended.
  package let terminated: Rows

  package init(observations: Rows, actions: Rows, rewards: Rows, next: Rows, terminated: Rows) {
    self.observations = observations
    self.actions = actions
    self.rewards = rewards
    self.next = next
    self.terminated = terminated
  }

  package var count: Int { observations.count }
}

/// Memory of a minibatch that is drawn again and again.
package final class Minibatch {
  private let observations, actions, rewards, next, terminated: RowBuffer

  /// `count` rows of transitions as `buffer` holds them.
  package init(_ count: Int, of buffer: TransitionBuffer) {
    observations = RowBuffer(count, buffer.observationSize)
    actions = RowBuffer(count, buffer.actionColumns)
    rewards = RowBuffer(count, 1)
    next = RowBuffer(count, buffer.observationSize)
    terminated = RowBuffer(count, 1)
  }

  /// Rows drawn with replacement; valid until the next call.
  package func draw(from buffer: TransitionBuffer, _ random: inout RandomStream) -> TransitionBatch {
    let (size, width) = (buffer.observationSize, buffer.actionColumns)
    for row in 0..<rewards.rows.count {
      let source = random.integer(below: buffer.count)
      for column in 0..<size {
        observations.rows[row, column] = buffer.observations[source * size + column]
        next.rows[row, column] = buffer.nextObservations[source * size + column]
      }
      for column in 0..<width { actions.rows[row, column] = buffer.actions[source * width + column] }
      rewards.rows[row, 0] = buffer.rewards[source]
      terminated.rows[row, 0] = buffer.terminated[source]
    }
    return TransitionBatch(
      observations: observations.read, actions: actions.read, rewards: rewards.read, next: next.read,
      terminated: terminated.read)
  }
}
