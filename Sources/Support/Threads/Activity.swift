import Synchronization

/// What a long piece of work is at: set by the thread that works, read by any that watches. Either costs one access to
/// memory and never waits, so that being watched changes nothing.
package final class Activity: Sendable {
  /// What kind of work it is.
  package enum Phase: UInt64, Sendable {
    /// Nothing that would take long.
    case none
    /// Acting at random, before anything is learned.
    case random
    /// A plan at every step.
    case planning
    case fitting
    /// Updates of a policy that come in bursts.
    case updating
    case evaluating
  }

  /// The phase, and how much of it is done: fits count epochs, evaluations episodes; 0 of 0 where nothing is counted.
  package struct Moment: Equatable, Sendable {
    package var phase: Phase
    package var done: Int
    package var total: Int

    /// That much of a phase.
    package init(_ phase: Phase, _ done: Int = 0, of total: Int = 0) {
      (self.phase, self.done, self.total) = (phase, done, total)
    }
  }

  /// Most that is counted.
  private static let limit = (1 << 28) - 1
  /// Phase, done and total: 8, 28 and 28 bits.
  private let word = Atomic<UInt64>(0)

  /// Doing nothing yet.
  package init() {}

  /// Says what is done from now on.
  package func set(_ phase: Phase, _ done: Int = 0, of total: Int = 0) {
    let counts = UInt64(min(done, Activity.limit)) << 28 | UInt64(min(total, Activity.limit))
    word.store(phase.rawValue << 56 | counts, ordering: .relaxed)
  }

  /// What is done now.
  package var moment: Moment {
    let word = word.load(ordering: .relaxed)
    let mask = UInt64(Activity.limit)
    return Moment(Phase(rawValue: word >> 56) ?? .none, Int(word >> 28 & mask), of: Int(word & mask))
  }
}
