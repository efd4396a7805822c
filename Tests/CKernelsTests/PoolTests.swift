import CKernels
import Foundation
import Testing

extension Kernels {
  @Suite struct Pool {
    /// How often each task ran; a worker out of range spoils its task's count.
    private final class Tally {
      let counts: UnsafeMutablePointer<Int32>
      let tasks: Int, threads: Int32
      let pause: TimeInterval

      init(tasks: Int, threads: Int32, pause: TimeInterval = 0) {
        self.tasks = tasks
        self.threads = threads
        self.pause = pause
        counts = .allocate(capacity: tasks + 1)
        counts.initialize(repeating: 0, count: tasks + 1)
      }

      deinit { counts.deallocate() }

      func run(_ pool: OpaquePointer?) -> Bool {
        ck_pool_run(
          pool, Int64(tasks),
          { context, task, worker in
            let tally = Unmanaged<Tally>.fromOpaque(context!).takeUnretainedValue()
            if tally.pause > 0 { Thread.sleep(forTimeInterval: tally.pause) }
            tally.counts[Int(task)] += (0..<tally.threads).contains(worker) ? 1 : 1000
          }, Unmanaged.passUnretained(self).toOpaque())
        return (0..<tasks).allSatisfy { counts[$0] == 1 }
      }
    }

    @Test(arguments: [1, 2, 3, 8] as [Int32]) func everyTaskRunsOnce(_ threads: Int32) throws {
      let pool = try makePool(threads)
      defer { ck_pool_destroy(pool) }
      #expect(ck_pool_threads(pool) == threads)
      let isRight = (0..<300).allSatisfy { Tally(tasks: $0 % 17, threads: threads).run(pool) }
      #expect(isRight)
    }

    @Test func worksAfterSleepingAndWithSlowTasks() throws {
      let pool = try makePool(3)
      defer { ck_pool_destroy(pool) }
      for _ in 0..<3 {
        Thread.sleep(forTimeInterval: 0.005)
        #expect(Tally(tasks: 7, threads: 3, pause: 0.002).run(pool))
      }
    }

    @Test func withoutPoolEverythingRunsHere() {
      #expect(Tally(tasks: 5, threads: 1).run(nil))
      #expect(ck_pool_threads(nil) == 1)
      ck_pool_destroy(nil)
    }

    @Test func refusesImpossibleSizes() {
      #expect(ck_pool_create(0) == nil)
      #expect(ck_pool_create(65) == nil)
    }
  }
}
