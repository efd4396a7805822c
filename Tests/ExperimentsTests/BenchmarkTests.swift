import Experiments
import Neural
import Support
import Testing

/// `mbrl bench`: which workloads, and figures that can be.
@Suite(.serialized) struct BenchmarkTests {
  @Test func namesAreUniqueAndCoverEveryGroup() {
    let names = Benchmark.all.map(\.name)
    #expect(Set(names).count == names.count)
    for group in ["matmul", "rollout", "plan", "train", "steps", "checkpoint"] {
      #expect(names.contains { $0.hasPrefix(group + "-") }, "\(group)")
    }
  }

  @Test func aFilterThatFindsNothingIsAUsageError() throws {
    let error = #expect(throws: ExperimentError.self) {
      try BenchmarkRun(filter: "trian", threads: 1, seconds: 0)
    }
    guard case .usage(let text) = try #require(error) else {
      Issue.record("not a usage error")
      return
    }
    #expect(text.contains("did you mean"))
    #expect(text.contains("train"))
  }

  /// Other tests share the cores, so a share may be far too low, and once in a while too high.
  @Test(arguments: ["matmul-256x256x256", "train-5x32"]) func sharesArePossible(name: String) throws {
    var shares: [Double] = []
    for _ in 0..<5 {
      try BenchmarkRun(filter: name, threads: 1, seconds: 0).run { shares.append($0.share ?? .nan) }
      if let share = shares.last, share > 0, share <= 1.1 { return }
    }
    Issue.record("shares \(shares)")
  }

  /// Plans in bfloat16 are measured against that ceiling, or skipped where there is none; both show.
  @Test func bfloat16IsMeasuredOrSkipped() throws {
    var report = BenchmarkReport(threads: 1, ceilings: PeakBenchmark.ceilings(threads: 1), results: [])
    try BenchmarkRun(filter: "plan-light-bfloat16", threads: 1, seconds: 0).run { report.results.append($0) }
    #expect(report.results.count == 1)
    let isSkipped = report.results.allSatisfy(\.isSkipped)
    #expect(isSkipped == !Machine.multipliesBfloat16)
    #expect(report.lines.contains { $0.contains("plan-light-bfloat16") && $0.contains("skipped") } == isSkipped)
    #expect(report.lines.contains { $0.hasPrefix("peak avx512-bfloat16") } == !isSkipped)
    if !isSkipped { #expect(report.results[0].peak > 0) }
  }

  @Test(arguments: ["steps-CartPole-v1", "checkpoint-write", "checkpoint-read"]) func runs(name: String) throws {
    var results: [BenchmarkResult] = []
    try BenchmarkRun(filter: name, threads: 2, seconds: 0).run { results.append($0) }
    #expect(results.count == 1)
    #expect(results[0].seconds.count == 3)
    #expect(results[0].median > 0 && results[0].fastest <= results[0].median)
    #expect(results[0].share == nil)
    #expect(results[0].itemsPerSecond > 0)
  }

  @Test func theJSONHoldsWhatWasMeasured() throws {
    var report = BenchmarkReport(
      threads: 1, ceilings: [.init(instructionSet: "avx2", threads: 1, rate: 100)], results: [])
    let benchmark = Benchmark("a", "b", operations: 2e9, items: 10, unit: "steps") { _ in {} }
    report.results = [BenchmarkResult(benchmark: benchmark, seconds: [0.1, 0.3, 0.2], peaks: [40, 20, 20])]
    guard case .object(let object) = report.json, case .array(let workloads)? = object["workloads"],
      case .object(let workload)? = workloads.first
    else {
      Issue.record("shape")
      return
    }
    #expect(workload["name"] == .string("a"))
    #expect(workload["median_seconds"] == .finite(0.2))
    #expect(workload["gflops"] == .finite(10))
    #expect(workload["share"] == .finite(0.5))
    #expect(workload["items_per_second"] == .finite(50))
    #expect(report.lines.contains { $0.contains("50 %") })
  }

  @Test func theMachineHasACeiling() {
    let ceilings = PeakBenchmark.ceilings(threads: 1)
    #expect(!ceilings.isEmpty)
    #expect(ceilings.allSatisfy { $0.rate > 0.01 })
  }
}
