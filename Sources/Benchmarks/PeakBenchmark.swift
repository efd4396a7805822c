import Experiments
import CKernels
import Support
import Synchronization

/// The machine's own ceiling: multiply-adds that never leave the registers, on every thread of a pool.
package enum PeakBenchmark {
  /// Short bursts on the threads of one pool: each as long as a clock needs to be exact, and as short as a clock that
  /// drifts asks for.
  package struct Meter {
    private let pool: ComputePool
    private let rounds: Int
    private let pairs: Bool
    /// Long enough for the threads' start not to count.
    private static let seconds = 0.0004

    /// A meter for the instruction set in use; `pairs`: in products of pairs of bfloat16.
    package init(_ pool: ComputePool, pairs: Bool = false) {
      (self.pool, self.pairs) = (pool, pairs)
      let trial = 1000
      let times = (0..<5).map { _ in
        let start = Clock.monotonicSeconds()
        _ = PeakBenchmark.multiplyAdds(rounds: trial, pairs: pairs)
        return Clock.monotonicSeconds() - start
      }
      rounds = max(trial, Int(Double(trial) * Meter.seconds / times.min()!))
    }

    /// GFLOP/s of all threads together. They start at the same time, and each is timed by itself.
    package func measure() -> Double {
      guard pool.threads > 1 else { return PeakBenchmark.rate(rounds, pairs, Clock.processorSeconds) }
      let arrived = Atomic(0)
      let rates = FloatBuffer(count: pool.threads)
      pool.run(tasks: pool.threads) { task, _ in
        // A thread that waits here takes no second task, so that every thread has its own.
        arrived.add(1, ordering: .acquiringAndReleasing)
        while arrived.load(ordering: .acquiring) < pool.threads {}
        rates[task] = Float(PeakBenchmark.rate(rounds, pairs, Clock.monotonicSeconds))
      }
      return rates.memory.reduce(0) { $0 + Double($1) }
    }
  }

  /// GFLOP/s of one burst on this thread.
  private static func rate(_ rounds: Int, _ pairs: Bool, _ clock: () -> Double) -> Double {
    let start = clock()
    let operations = 2 * Double(multiplyAdds(rounds: rounds, pairs: pairs))
    return operations / (clock() - start) / 1e9
  }

  private static func multiplyAdds(rounds: Int, pairs: Bool) -> Int64 {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 2) { sink in
      sink[0] = 0.999
      sink[1] = 0.001
      let sink = sink.baseAddress!
      return pairs ? ck_bfloat16_peak(Int64(rounds), sink) : ck_peak(Int64(rounds), sink)
    }
  }

  /// Time on the processor for one thread, which what else the machine does hardly changes; else the wall clock.
  package static func seconds(_ pool: ComputePool) -> Double {
    pool.threads == 1 ? Clock.processorSeconds() : Clock.monotonicSeconds()
  }

  /// One ceiling of the machine.
  package struct Ceiling: Sendable {
    /// "avx2"; "avx512-bfloat16": in products of pairs.
    package var instructionSet: String
    package var threads: Int
    /// GFLOP/s, the median of several measurements.
    package var rate: Double

    /// A ceiling that was measured.
    package init(instructionSet: String, threads: Int, rate: Double) {
      (self.instructionSet, self.threads, self.rate) = (instructionSet, threads, rate)
    }
  }

  /// The ceilings of every instruction set that the processor has, on one thread and on each of these numbers.
  package static func ceilings(threads: [Int]) -> [Ceiling] {
    let chosen = ck_isa_current()
    defer { ck_isa_select(chosen) }
    var ceilings: [Ceiling] = []
    for isa in (Int32(CK_ISA_AVX2)...Int32(CK_ISA_AVX512)).filter({ ck_isa_available($0) != 0 }) + [chosen] {
      let name = String(cString: ck_isa_name(isa))
      if ceilings.contains(where: { $0.instructionSet == name }) { continue }
      ck_isa_select(isa)
      for count in Set([1] + threads).sorted() {
        let pool = ComputePool(threads: count)
        for pairs in Machine.multipliesBfloat16 ? [false, true] : [false] {
          let meter = Meter(pool, pairs: pairs)
          let rates = (0..<31).map { _ in meter.measure() }
          ceilings.append(
            Ceiling(
              instructionSet: pairs ? name + "-bfloat16" : name, threads: count, rate: Spread.median(rates)))
        }
      }
    }
    return ceilings
  }
}
