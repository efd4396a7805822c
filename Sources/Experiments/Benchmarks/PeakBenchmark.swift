import CKernels
import Foundation
import Neural
import Support

/// The machine's own ceiling: multiply-adds that never leave the registers, on every thread of a pool.
package enum PeakBenchmark {
  /// Whether the kernels in use have an instruction for products of pairs of bfloat16.
  package static var hasPairs: Bool { Machine.multipliesBfloat16 }

  /// GFLOP/s of about `rounds` rounds on each thread, by the clock that fits the pool; `pairs`: in products of pairs of
  /// bfloat16.
  package static func measure(_ pool: ComputePool, rounds: Int = 40_000, pairs: Bool = false) -> Double {
    let operations = UnsafeMutablePointer<Double>.allocate(capacity: pool.threads)
    defer { operations.deallocate() }
    let start = seconds(pool)
    pool.run(tasks: pool.threads) { task, _ in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 2) { sink in
        sink[0] = 0.999
        sink[1] = 0.001
        let sink = sink.baseAddress!
        operations[task] = 2 * Double(pairs ? ck_bfloat16_peak(Int64(rounds / 2), sink) : ck_peak(Int64(rounds), sink))
      }
    }
    let elapsed = seconds(pool) - start
    return (0..<pool.threads).reduce(0) { $0 + operations[$1] } / elapsed / 1e9
  }

  /// Time on the processor for one thread, which what else the machine does hardly changes; else the wall clock.
  package static func seconds(_ pool: ComputePool) -> Double {
    guard pool.threads == 1 else { return Clock.monotonicSeconds() }
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// One ceiling of the machine.
  package struct Ceiling: Sendable {
    /// "avx2"; "avx512-bfloat16": in products of pairs.
    package var instructionSet: String
    /// How many threads did the same at once.
    package var threads: Int
    /// GFLOP/s, the median of several measurements.
    package var rate: Double

    /// A ceiling that was measured.
    package init(instructionSet: String, threads: Int, rate: Double) {
      self.instructionSet = instructionSet
      self.threads = threads
      self.rate = rate
    }
  }

  /// The ceilings of every instruction set that the processor has, on one thread and on all of them.
  package static func ceilings(threads: Int) -> [Ceiling] {
    let chosen = ck_isa_current()
    defer { ck_isa_select(chosen) }
    var ceilings: [Ceiling] = []
    for isa in (Int32(CK_ISA_AVX2)...Int32(CK_ISA_AVX512)).filter({ ck_isa_available($0) != 0 }) + [chosen] {
      let name = String(cString: ck_isa_name(isa))
      if ceilings.contains(where: { $0.instructionSet == name }) { continue }
      ck_isa_select(isa)
      for count in Set([1, threads]).sorted() {
        let pool = ComputePool(threads: count)
        for pairs in hasPairs ? [false, true] : [false] {
          let rates = (0..<15).map { _ in measure(pool, pairs: pairs) }
          ceilings.append(
            Ceiling(
              instructionSet: pairs ? name + "-bfloat16" : name, threads: count, rate: BenchmarkResult.median(rates)))
        }
      }
    }
    return ceilings
  }
}
