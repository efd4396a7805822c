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
    var action = sigaction()
    sigemptyset(&action.sa_mask)
    action.sa_flags = SA_RESTART
    Signals.setHandler(of: &action) { number in
      let now = Signals.milliseconds()
      let (isFirst, _) = Signals.first.compareExchange(expected: 0, desired: number, ordering: .relaxed)
      if isFirst {
        Signals.firstTime.store(now, ordering: .relaxed)
      } else if now - Signals.firstTime.load(ordering: .relaxed) > 300 {
        // `timeout` and batch systems signal the process and its group: one request that arrives twice.
        _exit(number == SIGINT ? 130 : 143)
      }
    }
    for number in [SIGINT, SIGTERM, SIGUSR1] { sigaction(number, &action, nil) }
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

  /// The monotonic clock; async-signal-safe.
  private static func milliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
  }

  private static func setHandler(of action: inout sigaction, _ handler: @escaping @convention(c) (Int32) -> Void) {
    #if canImport(Darwin)
      action.__sigaction_u.__sa_handler = handler
    #else
      action.__sigaction_handler.sa_handler = handler
    #endif
  }
}
