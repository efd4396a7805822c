import Foundation
import Synchronization

/// Requests from outside to stop. The first SIGINT, SIGTERM or SIGUSR1 is only noted, for the run loop and for long
/// computations, which ask often, so that a checkpoint is written soon; a second one, not within the same 0.3 s, ends
/// the process at once, even when every thread is busy or waits for the disk: that is why these are signal handlers,
/// which touch nothing but atomic numbers, and not events on a queue.
///
/// Dispatch's worker threads block signals, so it is the main thread that runs the handler: it must not block them.
package enum Signals {
  /// The signal that asked first; 0 before one did.
  private static let first = Atomic<Int32>(0)
  /// When it came, in milliseconds of the monotonic clock.
  private static let firstTime = Atomic<Int64>(0)

  /// Installs the handlers, and ignores the signals of failed writes.
  package static func install() {
    _ = first.load(ordering: .relaxed)  // initialised here, not in a handler
    _ = firstTime.load(ordering: .relaxed)
    for number in [SIGINT, SIGTERM, SIGUSR1] {
      // Interrupted system calls go on: what `signal` does on every system here.
      signal(number) { number in
        let now = Int64(Clock.monotonicSeconds() * 1000)
        let (isFirst, _) = Signals.first.compareExchange(expected: 0, desired: number, ordering: .relaxed)
        if isFirst {
          Signals.firstTime.store(now, ordering: .relaxed)
        } else if now - Signals.firstTime.load(ordering: .relaxed) > 300 {
          // `timeout` and batch systems signal the process and its group: one request that arrives twice.
          _exit(number == SIGINT ? 130 : 143)
        }
      }
    }
    ignoreWriteSignals()
  }

  /// Ignores the signals that a write can bring upon its process: a closed pipe (SIGPIPE) and a limit on the size of
  /// files (SIGXFSZ, `ulimit -f`) are errors of that write, to be reported like a full disk.
  package static func ignoreWriteSignals() {
    for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
  }

  /// Whether to stop at the next step boundary. Costs one load: poll it every step.
  package static var isStopRequested: Bool { first.load(ordering: .relaxed) != 0 }

  /// "SIGTERM" for the first signal that came; nil before.
  package static var name: String? {
    switch first.load(ordering: .relaxed) {
    case 0: nil
    case SIGINT: "SIGINT"
    case SIGTERM: "SIGTERM"
    case SIGUSR1: "SIGUSR1"
    case let number: "signal \(number)"
    }
  }

  /// Forgets a request; for tests.
  package static func reset() { first.store(0, ordering: .relaxed) }
}
