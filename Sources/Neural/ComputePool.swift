import CKernels

/// The threads of one run: a fixed set of workers for matrix products and planning tiles.
///
/// Work is always cut the same way, so the number of threads never changes a result. One caller at a time.
package final class ComputePool: @unchecked Sendable {
  /// How many threads work, the caller's included.
  package let threads: Int
  /// The C pool; nil where everything runs on the calling thread.
  package let handle: OpaquePointer?

  /// A pool of `threads` threads (at least 1); falls back to one thread where the system refuses to make more.
  package init(threads: Int) {
    precondition(threads >= 1, "a pool has at least one thread")
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
    withUnsafeMutablePointer(to: &job) { ck_pool_run(handle, Int64(tasks), body, $0) }
  }

  /// The same with a closure, which takes some memory at every call.
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
}

/// An elementwise pass cut into fixed tiles over the pool. `work` must not let one tile's result depend on another's.
@inline(__always)
func forEachTile<Context: BitwiseCopyable>(
  _ pool: ComputePool?, count: Int, _ context: inout Context,
  _ work: @convention(c) (UnsafeMutableRawPointer?, Int64, Int32) -> Void
) {
  let tiles = (count + elementwiseTile - 1) / elementwiseTile
  ck_pool_run(tiles > 1 ? pool?.handle : nil, Int64(tiles), work, &context)
}

/// Elements of one tile of a parallel elementwise pass: a multiple of every vector width.
let elementwiseTile = 16384
