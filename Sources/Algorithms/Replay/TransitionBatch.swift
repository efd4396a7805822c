import Environments
import Support

/// Transitions for one update; rows in either layout, borrowed.
package struct TransitionBatch {
  /// [count, observation size]
  package let observations: Rows
  /// [count, action columns]; one-hot for discrete actions.
  package let actions: Rows
  /// [count, 1]: the reward, or the discounted sum of several.
  package let rewards: Rows
  /// [count, observation size]: what followed the last of the rewards.
  package let next: Rows
  /// [count, 1]: 1 where the task ended.
  package let terminated: Rows
  /// [count, 1]: γ to the power of the rewards summed; nil where there is one of each.
  package var discounts: Rows?
  /// [count, 1]: what each row counts for in a loss, 1 at most; nil: 1.
  package var weights: Rows?

  package init(observations: Rows, actions: Rows, rewards: Rows, next: Rows, terminated: Rows) {
    self.observations = observations
    self.actions = actions
    self.rewards = rewards
    self.next = next
    self.terminated = terminated
  }

  package var count: Int { observations.count }

  /// What the value of the next observation counts for in a target; `discount` is γ. 0 where the task ended.
  @inline(__always)
  package func discount(_ row: Int, _ discount: Float) -> Float {
    terminated[row, 0] != 0 ? 0 : discounts?[row, 0] ?? discount
  }

  /// y = r + γ·v of a row, v = `next` the value of the next observation and γ = `discount` to the power of the rewards
  /// summed. Where the task ended, no product: an infinite value there is nobody's business.
  @inline(__always)
  package func target(_ row: Int, discount: Float, next: Float) -> Float {
    rewards[row, 0] + self.discount(row, discount) * (terminated[row, 0] != 0 ? 0 : next)
  }
}

/// Memory of a minibatch that is drawn again and again.
package final class Minibatch {
  private let observations, actions, rewards, next, terminated, discounts, weights: RowBuffer
  private let steps: Int
  private let discount: Float
  /// Of the rest's rows.
  private let weight: Replay.Column?
  private var rows: [Int32] = []
  /// Where the sums of rewards end.
  private var ends: [Int32] = []

  /// `count` rows of transitions as `replay` holds them; with `steps` above 1 rewards are sums of so many, discounted
  /// by `discount`, of a chained replay.
  /// `weight`: the column of what a row of the rest counts for; those of the replay count 1.
  package init(_ count: Int, of replay: Replay, steps: Int = 1, discount: Double = 1, weight: Replay.Column? = nil) {
    self.weight = weight
    observations = RowBuffer(count, replay.observation.width)
    actions = RowBuffer(count, replay.action.width)
    rewards = RowBuffer(count, 1)
    next = RowBuffer(count, replay.next.width)
    terminated = RowBuffer(count, 1)
    discounts = RowBuffer(count, 1)
    weights = RowBuffer(count, 1)
    (self.steps, self.discount) = (steps, Float(discount))
    rows.reserveCapacity(count)
    ends.reserveCapacity(count)
  }

  /// Rows drawn with replacement; valid until the next call. With `space` its vectors of actions come in [−1, 1].
  package func draw(
    from replay: Replay, squashedTo space: ActionSpace? = nil, _ random: inout RandomStream
  ) -> TransitionBatch {
    draw(0..<rewards.rows.count, from: replay, &random)
    return batch(squashedTo: space)
  }

  /// As the other, ⌊`share` · count⌋ rows from `replay` and those after them from `rest`; all from `replay` where
  /// `rest` is empty.
  package func draw(
    _ share: Double, from replay: Replay, rest: Replay, squashedTo space: ActionSpace? = nil,
    _ random: inout RandomStream
  ) -> TransitionBatch {
    let count = rewards.rows.count
    let split = rest.count > 0 ? Int(share * Double(count)) : count
    draw(0..<split, from: replay, &random)
    draw(split..<count, from: rest, &random)
    var batch = batch(squashedTo: space)
    guard let weight else { return batch }
    weights.rows.slice(0..<split).fill(1)
    if split < count { rest.gather(rows, weight, into: weights.rows.slice(split..<count)) }
    batch.weights = weights.read
    return batch
  }

  /// Rows drawn by their priorities, with the weights that make up for it to the degree β = `importance`.
  package func draw(
    byPriorityFrom replay: Replay, importance: Double, _ random: inout RandomStream
  ) -> TransitionBatch {
    replay.sampleByPriority(rewards.rows.count, &random, into: &rows)
    replay.importanceWeights(rows, exponent: Float(importance), into: weights.rows)
    gather(0..<rows.count, from: replay)
    var batch = batch(squashedTo: nil)
    batch.weights = weights.read
    return batch
  }

  /// Gives the rows drawn last priorities |error|^exponent.
  package func prioritize(in replay: Replay, by errors: Rows, exponent: Double) {
    replay.prioritize(rows, by: errors, exponent: Float(exponent))
  }

  /// Rows drawn with replacement for that range of the minibatch.
  private func draw(_ range: Range<Int>, from replay: Replay, _ random: inout RandomStream) {
    guard !range.isEmpty else { return }
    replay.sample(range.count, &random, into: &rows)
    gather(range, from: replay)
  }

  /// Copies `rows` into that range of the minibatch.
  private func gather(_ range: Range<Int>, from replay: Replay) {
    replay.gather(rows, replay.observation, into: observations.rows.slice(range))
    replay.gather(rows, replay.action, into: actions.rows.slice(range))
    if steps > 1 {
      replay.sumRewards(
        rows, steps: steps, discount: discount, into: rewards.rows.slice(range),
        discounts: discounts.rows.slice(range), ends: &ends)
    } else {
      replay.gather(rows, replay.reward, into: rewards.rows.slice(range))
    }
    replay.gather(steps > 1 ? ends : rows, replay.next, into: next.rows.slice(range))
    replay.gather(steps > 1 ? ends : rows, replay.terminated, into: terminated.rows.slice(range))
  }

  private func batch(squashedTo space: ActionSpace?) -> TransitionBatch {
    space?.squash(actions.rows)
    var batch = TransitionBatch(
      observations: observations.read, actions: actions.read, rewards: rewards.read, next: next.read,
      terminated: terminated.read)
    if steps > 1 { batch.discounts = discounts.read }
    return batch
  }
}
