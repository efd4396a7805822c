import Environments
import Support

/// A way of acting that does not learn.
package protocol Policy: AnyObject {
  /// Writes an action for every row. Where a row `isFirst`, whatever is kept of its last episode is forgotten.
  /// - Throws: `InterruptedError` where the run is asked to stop in a long plan; the same call may come again.
  func act(in situation: Situation, into actions: ActionRows) throws
}

/// A policy that is a function of rows, for the run, imagined rollouts and evaluation alike; its noise comes from
/// `random` only.
package protocol RowPolicy: AnyObject {
  func act(_ observations: Rows, into actions: ActionRows, isStochastic: Bool, _ random: inout RandomStream)
}

/// Any `RowPolicy` as a policy for evaluation: one stream per episode.
package final class EpisodePolicy: Policy {
  private let policy: any RowPolicy
  private let isStochastic: Bool
  private let random: RandomStream
  private var streams: [RandomStream]

  /// For `rows` lanes; the draws of episode e come from `random.stream(e)`.
  package init(_ policy: any RowPolicy, isStochastic: Bool, rows: Int, random: RandomStream) {
    self.policy = policy
    self.isStochastic = isStochastic
    self.random = random
    streams = [RandomStream](repeating: random, count: rows)
  }

  package func act(in situation: Situation, into actions: ActionRows) {
    for row in 0..<situation.count {
      if situation.isFirst[row] { streams[row] = random.stream(UInt64(situation.episode[row])) }
      policy.act(
        situation.observations.row(row), into: actions.row(row), isStochastic: isStochastic, &streams[row])
    }
  }
}

/// Draws every action uniformly from the space, or from what is legal.
package final class UniformPolicy: RowPolicy {
  private let legal: LegalActions?

  /// - Parameter legal: where observations say what may be drawn; nil: all of the space.
  package init(_ legal: LegalActions?) { self.legal = legal }

  package func act(_ observations: Rows, into actions: ActionRows, isStochastic: Bool, _ random: inout RandomStream) {
    actions.setUniform(legal, at: observations, &random)
  }
}
