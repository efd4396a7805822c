import Environments
import Experiments
import Support

/// Shows an evaluation while it runs: a line on standard error that goes when the result is there.
package final class EvaluationReporter {
  private let console: Console
  private let clock: () -> Double
  private var started = 0.0
  private var drawn = -Double.infinity
  /// When the clock was asked last, and after how many updates it is asked again: short steps are not worth a look.
  private var asked = 0.0
  private var stride = 1
  private var skips = 0

  /// Shows on `console`; `clock` gives seconds, never going back.
  package init(_ console: Console, clock: @escaping () -> Double = Clock.monotonicSeconds) {
    (self.console, self.clock) = (console, clock)
  }

  /// Where an evaluation stands.
  package struct Moment: Equatable, Sendable {
    package var seed: Int
    /// The checkpoint's.
    package var step: Int
    /// Completed episodes, and all of them.
    package var done: Int
    package var episodes: Int
    /// Of the episode that is going on.
    package var length = 0
    package var total = 0.0

    /// The start of an evaluation.
    package init(seed: Int, step: Int, episodes: Int) {
      (self.seed, self.step, self.done, self.episodes) = (seed, step, 0, episodes)
    }

    /// Takes in a state after a reset (without an outcome) or a step.
    package mutating func take(_ outcome: Outcome?) {
      guard let outcome else {
        (length, total) = (0, 0)
        return
      }
      length += 1
      total += outcome.reward
      if outcome.isOver { done += 1 }
    }
  }

  /// Starts the clock.
  package func begin(_ moment: Moment) {
    (started, drawn, stride, skips) = (clock(), -.infinity, 1, 0)
    asked = started
    update(moment)
  }

  /// Shows where it stands, ten times a second at most.
  package func update(_ moment: Moment) {
    guard skips == 0 else {
      skips -= 1
      return
    }
    let now = clock()
    stride = now - asked < 0.001 ? min(2 * stride, 1024) : 1
    (asked, skips) = (now, stride - 1)
    guard now - drawn >= Console.liveInterval else { return }
    drawn = now
    console.update(slot: moment.seed, line: EvaluationReporter.line(moment, elapsed: now - started))
  }

  /// Takes the line away.
  package func end(_ moment: Moment) { console.remove(slot: moment.seed) }

  /// "seed 0 at step 2000  evaluating 3/10  step 120, return 45.2  41s left".
  static func line(_ moment: Moment, elapsed: Double) -> String {
    var parts = [
      "seed \(moment.seed) at step \(moment.step)", "evaluating \(moment.done)/\(moment.episodes)",
      "step \(moment.length), return \(NumberText.short(moment.total))",
    ]
    if moment.done > 0 {
      let left = elapsed / Double(moment.done) * Double(moment.episodes - moment.done)
      parts.append("\(TimeText.duration(left)) left")
    }
    return parts.joined(separator: "  ")
  }
}
