import Environments
import Support

/// Memory of a minibatch of real and imagined transitions, real ones first.
package final class MixedMinibatch {
  private let observations, actions, rewards, next, terminated: RowBuffer
  private let realCount: Int
  private var rows: [Int32] = []

  /// `count` rows, of which ⌊`realRatio` · count⌋ are real.
  package init(_ count: Int, realRatio: Double, of replay: Replay) {
    realCount = Int(realRatio * Double(count))
    observations = RowBuffer(count, replay.observation.width)
    actions = RowBuffer(count, replay.action.width)
    rewards = RowBuffer(count, 1)
    next = RowBuffer(count, replay.observation.width)
    terminated = RowBuffer(count, 1)
  }

  /// Draws both parts with replacement, vectors of actions in [−1, 1]; valid until the next call. Nothing imagined yet:
  /// all are real.
  package func draw(
    real: Replay, imagined: Replay, squashedTo space: ActionSpace, _ random: inout RandomStream
  ) -> TransitionBatch {
    let count = rewards.rows.count
    let split = imagined.count > 0 ? realCount : count
    fill(0..<split, from: real, &random)
    fill(split..<count, from: imagined, &random)
    space.squash(actions.rows)
    return TransitionBatch(
      observations: observations.read, actions: actions.read, rewards: rewards.read, next: next.read,
      terminated: terminated.read)
  }

  private func fill(_ range: Range<Int>, from replay: Replay, _ random: inout RandomStream) {
    guard !range.isEmpty else { return }
    replay.sample(range.count, &random, into: &rows)
    replay.gather(rows, replay.observation, into: observations.rows.slice(range))
    replay.gather(rows, replay.action, into: actions.rows.slice(range))
    replay.gather(rows, replay.reward, into: rewards.rows.slice(range))
    replay.gather(rows, replay.next, into: next.rows.slice(range))
    replay.gather(rows, replay.terminated, into: terminated.rows.slice(range))
  }
}
