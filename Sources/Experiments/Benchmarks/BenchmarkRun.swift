import Neural
import Support

/// One call of `mbrl bench`: which workloads, on how many threads, and what came out.
package struct BenchmarkRun: Sendable {
  /// Threads of every workload.
  package var threads: Int
  /// About how long each workload is repeated.
  package var seconds: Double
  /// The chosen workloads, in their order.
  package private(set) var benchmarks: [Benchmark]

  /// The workloads whose names hold `filter` (nil: all).
  package init(filter: String?, threads: Int, seconds: Double) throws(ExperimentError) {
    self.threads = threads
    self.seconds = seconds
    let all = Benchmark.all
    benchmarks = all.filter { filter == nil || $0.name.lowercased().contains(filter!.lowercased()) }
    if let filter, benchmarks.isEmpty {
      let groups = Set(all.map { String($0.name.prefix { $0 != "-" }) }).sorted()
      let suggestion = Suggestion.didYouMean(filter, among: groups + all.map(\.name))
      throw .usage(
        "--filter: no workload's name contains \"\(filter)\""
          + (suggestion.isEmpty ? "; they begin with \(groups.joined(separator: ", "))" : suggestion))
    }
  }

  /// Runs them one after another and hands over each result when it is there.
  package func run(_ report: (BenchmarkResult) -> Void) throws {
    let pool = ComputePool(threads: threads)
    for benchmark in benchmarks {
      let isPossible = !benchmark.multipliesPairs || PeakBenchmark.hasPairs
      report(isPossible ? try measure(benchmark, pool) : BenchmarkResult(benchmark: benchmark, seconds: [], peaks: []))
    }
  }

  /// At least three runs after one that warms the caches; the ceiling is measured before each.
  private func measure(_ benchmark: Benchmark, _ pool: ComputePool) throws -> BenchmarkResult {
    let body = try benchmark.prepare(pool)
    try body()
    var result = BenchmarkResult(benchmark: benchmark, seconds: [], peaks: [])
    let start = Clock.monotonicSeconds()
    while result.seconds.count < 3 || (result.seconds.count < 1000 && Clock.monotonicSeconds() - start < seconds) {
      result.peaks.append(PeakBenchmark.measure(pool, rounds: 20_000, pairs: benchmark.multipliesPairs))
      let before = PeakBenchmark.seconds(pool)
      try body()
      result.seconds.append(PeakBenchmark.seconds(pool) - before)
    }
    return result
  }
}
