import CKernels

/// The threads one run may use inside its own work.
package final class ComputePool: @unchecked Sendable {
  package let threads: Int
  package init(threads: Int) { self.threads = threads }
}
