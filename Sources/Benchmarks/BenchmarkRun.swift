import Experiments
import Support

/// One call of `mbrl bench`: which workloads, on how many threads, and what came out.
package struct BenchmarkRun: Sendable {
  /// Threads of every workload: each is measured once with each number.
  package var threads: [Int]
  /// About how long each workload is repeated.
  package var seconds: Double
  package private(set) var benchmarks: [Benchmark]

  /// The workloads that `filter` names (nil: all of `candidates`).
  package init(
    filter: String?, threads: [Int], seconds: Double, among candidates: [Benchmark] = Benchmark.all
  ) throws(ExperimentError) {
    (self.threads, self.seconds) = (threads, seconds)
    guard let filter else {
      benchmarks = candidates
      return
    }
    var chosen: Set<String> = []
    for part in filter.lowercased().split(separator: ",").map(String.init) {
      let names = BenchmarkRun.names(candidates.map(\.name), of: part)
      if names.isEmpty { throw BenchmarkRun.unknown(part, candidates) }
      chosen.formUnion(names)
    }
    benchmarks = candidates.filter { chosen.contains($0.name) }
    if benchmarks.isEmpty { throw BenchmarkRun.unknown(filter, candidates) }
  }

  /// The one of that very name; else, where `*` stands in it, those of that pattern; else those that contain it.
  private static func names(_ all: [String], of part: String) -> [String] {
    if let exact = all.first(where: { $0.lowercased() == part }) { return [exact] }
    if part.contains("*") { return all.filter { matches($0.lowercased()[...], part[...]) } }
    return all.filter { $0.lowercased().contains(part) }
  }

  /// Whether a name follows a pattern, in which `*` stands for any text.
  private static func matches(_ name: Substring, _ pattern: Substring) -> Bool {
    guard let first = pattern.first else { return name.isEmpty }
    if first == "*" {
      let rest = pattern.dropFirst()
      return matches(name, rest) || (!name.isEmpty && matches(name.dropFirst(), pattern))
    }
    return name.first == first && matches(name.dropFirst(), pattern.dropFirst())
  }

  private static func unknown(_ filter: String, _ candidates: [Benchmark]) -> ExperimentError {
    let groups = Set(candidates.map { String($0.name.prefix { $0 != "-" }) }).sorted()
    let remedy = Suggestion.didYouMean(
      filter, among: groups + candidates.map(\.name), otherwise: "; they begin with \(groups.joined(separator: ", "))")
    return .usage("--filter: no workload's name contains \"\(filter)\"\(remedy)")
  }

  /// Runs them one after another and hands over each result when it is there.
  package func run(_ report: (BenchmarkResult) -> Void) throws {
    let pools = threads.map { ComputePool(threads: $0) }
    let meters = pools.map { PeakBenchmark.Meter($0) }
    let pairMeters = Machine.multipliesBfloat16 ? pools.map { PeakBenchmark.Meter($0, pairs: true) } : []
    for benchmark in benchmarks {
      let ceilings = benchmark.multipliesPairs ? pairMeters : meters
      if ceilings.isEmpty { report(BenchmarkResult(benchmark: benchmark, threads: threads[0], seconds: [], peaks: [])) }
      for (pool, meter) in zip(pools, ceilings) { report(try measure(benchmark, pool, meter)) }
    }
  }

  /// A repetition lasts at least this long, so that the clock and the caches' state after a burst do not count.
  private static let shortest = 0.002

  /// At least three repetitions after one that warms the caches, with a burst at the ceiling before and after each.
  private func measure(
    _ benchmark: Benchmark, _ pool: ComputePool, _ meter: PeakBenchmark.Meter
  ) throws -> BenchmarkResult {
    let body = try benchmark.prepare(pool)
    try body()
    let trial = PeakBenchmark.seconds(pool)
    try body()
    let once = max(PeakBenchmark.seconds(pool) - trial, 1e-7)
    let runs = min(max(Int((BenchmarkRun.shortest / once).rounded(.up)), 1), 10_000)
    var result = BenchmarkResult(benchmark: benchmark, threads: pool.threads, seconds: [], peaks: [meter.measure()])
    let start = Clock.monotonicSeconds()
    while result.seconds.count < 3 || (result.seconds.count < 1000 && Clock.monotonicSeconds() - start < seconds) {
      let before = PeakBenchmark.seconds(pool)
      for _ in 0..<runs { try body() }
      result.seconds.append((PeakBenchmark.seconds(pool) - before) / Double(runs))
      result.peaks.append(meter.measure())
    }
    result.peakMemory = Machine.peakMemory
    return result
  }
}
