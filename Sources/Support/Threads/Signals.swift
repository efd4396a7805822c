import Foundation
import Synchronization

/// Requests from outside to stop: every signal that people, terminals and batch systems send to ask for an end and that
/// would end the process by itself. The first one is only noted, for the run loop and for long computations, which ask
/// often, so that a checkpoint is written soon; a second one, not within the same 0.3 s, ends the process at once, even
/// when every thread is busy or waits for the disk: that is why these are signal handlers, which touch nothing but
/// atomic numbers, and not events on a queue.
///
/// Dispatch's worker threads block signals, so it is the main thread that runs the handler: it must not block them.
package enum Signals {
  /// A terminal's Ctrl-C and its closing, the end of processor time (`ulimit -t`), and what batch systems send.
  package static let requests: [(number: Int32, name: String)] = [
    (SIGINT, "SIGINT"), (SIGTERM, "SIGTERM"), (SIGHUP, "SIGHUP"), (SIGUSR1, "SIGUSR1"), (SIGUSR2, "SIGUSR2"),
    (SIGXCPU, "SIGXCPU"),
  ]

  /// The signal that asked first; 0 before one did.
  private static let first = Atomic<Int32>(0)
  /// When it came, in milliseconds of the monotonic clock.
  private static let firstTime = Atomic<Int64>(0)

  /// Installs the handlers, and ignores the signals of failed writes. What is ignored already stays ignored: `nohup`
  /// ignores SIGHUP, a script's background job SIGINT.
  package static func install() {
    _ = first.load(ordering: .relaxed)  // initialised here, not in a handler
    _ = firstTime.load(ordering: .relaxed)
    for (number, _) in requests where !isIgnored(number) {
      // Interrupted system calls go on: what `signal` does on every system here.
      signal(number) { number in
        let now = Int64(Clock.monotonicSeconds() * 1000)
        let (isFirst, _) = Signals.first.compareExchange(expected: 0, desired: number, ordering: .relaxed)
        if isFirst {
          Signals.firstTime.store(now, ordering: .relaxed)
        } else if now - Signals.firstTime.load(ordering: .relaxed) > 300 {
          // `timeout` and batch systems signal the process and its group: one request that arrives twice.
          _exit(128 + number)
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
    let number = first.load(ordering: .relaxed)
    return requests.first { $0.number == number }?.name
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var old = sigaction()
    guard sigaction(number, nil, &old) == 0 else { return false }
    return unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// Forgets a request; for tests.
  package static func reset() { first.store(0, ordering: .relaxed) }
}
