import Foundation

/// A value that threads take turns at.
///
/// Built on NSLock, not on the standard library's Mutex: the thread sanitizer does not see what happens when threads
/// meet at a Mutex, so its false alarms would hide true ones.
package final class Guarded<Value>: @unchecked Sendable {
  private let lock = NSLock()
  private var value: Value

  package init(_ value: sending Value) { self.value = value }

  /// Calls `body` while no other thread has the value; calls must not nest.
  package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body(&value)
  }
}
