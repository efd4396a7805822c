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
  private var rows: [Int32] = []

  /// `count` rows of transitions as `replay` holds them.
  package init(_ count: Int, of replay: Replay) {
    observations = RowBuffer(count, replay.observation.width)
    actions = RowBuffer(count, replay.action.width)
    rewards = RowBuffer(count, 1)
    next = RowBuffer(count, replay.next.width)
    terminated = RowBuffer(count, 1)
    rows.reserveCapacity(count)
  }

  /// Rows drawn with replacement; valid until the next call. With `space` its vectors of actions come in [−1, 1].
  package func draw(
    from replay: Replay, squashedTo space: ActionSpace? = nil, _ random: inout RandomStream
  ) -> TransitionBatch {
    replay.sample(rewards.rows.count, &random, into: &rows)
    replay.gather(rows, replay.observation, into: observations.rows)
    replay.gather(rows, replay.action, into: actions.rows)
    space?.squash(actions.rows)
    replay.gather(rows, replay.reward, into: rewards.rows)
    replay.gather(rows, replay.next, into: next.rows)
    replay.gather(rows, replay.terminated, into: terminated.rows)
    return TransitionBatch(
      observations: observations.read, actions: actions.read, rewards: rewards.read, next: next.read,
      terminated: terminated.read)
  }
}
