import Foundation

private let chosenInstructionSet = NSRecursiveLock()

/// Runs tests that choose the kernels' instruction set, or depend on which one is chosen, one after another: the choice
/// belongs to the process, and the suites of all targets run side by side in it.
package func holdingInstructionSet<Result>(_ body: () throws -> Result) rethrows -> Result {
  chosenInstructionSet.lock()
  defer { chosenInstructionSet.unlock() }
  return try body()
}
