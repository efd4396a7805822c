import Foundation
import Support

/// A console whose two outputs are files and whose clock stands until it is moved.
package final class ConsoleStage: Sendable {
  private let folder = Guarded(TemporaryFolder())
  package let seconds = Guarded(0.0)
  private let output: Int32
  private let errors: Int32

  package init() {
    let path = folder.withLock(\.path)
    output = open("\(path)/output", O_RDWR | O_CREAT, 0o600)
    errors = open("\(path)/errors", O_RDWR | O_CREAT, 0o600)
  }

  deinit {
    close(output)
    close(errors)
  }

  /// A console on a terminal of that kind.
  package func console(_ terminal: Terminal, isQuiet: Bool = false) -> Console {
    Console(output: output, errors: errors, terminal: terminal, isQuiet: isQuiet) { [self] in seconds.withLock { $0 } }
  }

  /// Moves the clock.
  package func advance(_ step: Double) { seconds.withLock { $0 += step } }
  /// What went to standard output.
  package var results: String { folder.withLock { $0.text("output") } }
  /// What went to standard error.
  package var messages: String { folder.withLock { $0.text("errors") } }
}
