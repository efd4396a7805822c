import CKernels
import Synchronization

/// A long computation was given up because the run is asked to stop. Nothing is wrong: whoever throws it leaves its
/// state as it was before that computation, so that the same call can come again.
package struct InterruptedError: Error {
  package init() {}
}

/// The threads of one run: a fixed set of workers for matrix products and planning tiles.
///
/// Work is always cut the same way, so the number of threads never changes a result. One caller at a time.
///
/// What computes for long asks between two pieces whether the run should stop, with `checkInterruption` or by
/// `runInterruptibly`: a model fit or a plan may take minutes, and a batch system that wants its node back kills after
/// some seconds.
package final class ComputePool: @unchecked Sendable {
  /// How many threads work, the caller's included.
  package let threads: Int
  /// The C pool; nil where everything runs on the calling thread.
  package let handle: OpaquePointer?
  /// What the run is at, for whoever watches.
  package let activity: Activity
  private let shouldStop: @Sendable () -> Bool
  /// Whether the present interruptible run is to end.
  private let isStopped = Atomic(false)

  /// A pool of `threads` threads (at least 1); falls back to one thread where the system refuses to make more.
  /// `shouldStop` is asked often, by all of them.
  package init(
    threads: Int, activity: Activity = Activity(), shouldStop: @escaping @Sendable () -> Bool = { false }
  ) {
    precondition(threads >= 1, "a pool has at least one thread")
    self.activity = activity
    self.shouldStop = shouldStop
    handle = threads > 1 ? ck_pool_create(Int32(min(threads, 64))) : nil
    self.threads = handle.map { Int(ck_pool_threads($0)) } ?? 1
  }

  deinit {
    if let handle { ck_pool_destroy(handle) }
  }

  /// Calls `body` with `job` for every task in 0..<tasks, from several threads at once; `worker` (0..<threads) is the
  /// thread's number, for scratch memory. Returns when all are done. Takes no memory, so it is what inner loops use.
  package func run<Job>(
    tasks: Int, on job: inout Job, _ body: @convention(c) (_ job: UnsafeMutableRawPointer?, Int64, Int32) -> Void
  ) {
    Optional(self).run(tasks: tasks, on: &job, body)
  }

  /// As `run`, for bodies that do nothing where `isStopping`: then what the others wrote is worth nothing.
  package func runInterruptibly<Job>(
    tasks: Int, on job: inout Job, _ body: @convention(c) (_ job: UnsafeMutableRawPointer?, Int64, Int32) -> Void
  ) throws(InterruptedError) {
    isStopped.store(false, ordering: .relaxed)
    run(tasks: tasks, on: &job, body)
    if isStopped.load(ordering: .relaxed) { throw InterruptedError() }
  }

  /// Whether the tasks that are left of an interruptible run are to be skipped. To be asked before each.
  package var isStopping: Bool {
    if isStopped.load(ordering: .relaxed) { return true }
    guard shouldStop() else { return false }
    isStopped.store(true, ordering: .relaxed)
    return true
  }

  /// `run` with a closure, which takes some memory at every call.
  package func run(tasks: Int, _ body: (_ task: Int, _ worker: Int) -> Void) {
    guard handle != nil, tasks > 1 else {
      for task in 0..<tasks { body(task, 0) }
      return
    }
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { pointer in
        ck_pool_run(
          handle, Int64(tasks),
          { context, task, worker in
            let body = context!.assumingMemoryBound(to: ((Int, Int) -> Void).self)
            body.pointee(Int(task), Int(worker))
          }, UnsafeMutableRawPointer(mutating: pointer))
      }
    }
  }

  /// To be called between two pieces of a long computation on the calling thread.
  package func checkInterruption() throws(InterruptedError) {
    if shouldStop() { throw InterruptedError() }
  }

  /// As `run`, and asks before every task whether to stop: then the tasks that are left are skipped, and what the
  /// others wrote is worth nothing.
  package func runInterruptibly(tasks: Int, _ body: (_ task: Int, _ worker: Int) -> Void) throws(InterruptedError) {
    isStopped.store(false, ordering: .relaxed)
    run(tasks: tasks) { task, worker in
      if !isStopping { body(task, worker) }
    }
    if isStopped.load(ordering: .relaxed) { throw InterruptedError() }
  }
}

extension ComputePool? {
  /// As a pool's `run`; on the calling thread where there is none.
  package func run<Job>(
    tasks: Int, on job: inout Job, _ body: @convention(c) (_ job: UnsafeMutableRawPointer?, Int64, Int32) -> Void
  ) {
    withUnsafeMutablePointer(to: &job) { ck_pool_run(self?.handle, Int64(tasks), body, $0) }
  }
}
