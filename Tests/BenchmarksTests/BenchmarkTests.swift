import Benchmarks
import Experiments
import Support
import TestSupport
import Testing

/// `mbrl bench`: which workloads, and figures that can be.
@Suite(.serialized) struct BenchmarkTests {
  @Test func namesAreUniqueAndCoverEveryGroup() {
    let names = Benchmark.all.map(\.name)
    #expect(Set(names).count == names.count)
    for group in ["matmul", "rollout", "plan", "train", "steps", "replay", "checkpoint"] {
      #expect(names.contains { $0.hasPrefix(group + "-") }, "\(group)")
    }
  }

  @Test func aFilterThatFindsNothingIsAUsageError() throws {
    let error = #expect(throws: ExperimentError.self) {
      try BenchmarkRun(filter: "trian", threads: [1], seconds: 0)
    }
    guard case .usage(let text) = try #require(error) else {
      Issue.record("not a usage error")
      return
    }
    #expect(text.contains("did you mean"))
    #expect(text.contains("train"))
  }

  /// The workload of just that name, or those of a pattern, or those that contain it; several with commas.
  @Test(arguments: [
    ("train-5x32", ["train-5x32"]), ("TRAIN", ["train-5x32", "train-7x256"]),
    ("matmul-32*", ["matmul-32x200x200"]), ("*-32x200x200,train-7x256", ["matmul-32x200x200", "train-7x256"]),
    ("steps-FrozenLake-v1", ["steps-FrozenLake-v1"]), ("*write", ["checkpoint-write"]),
  ])
  func aFilterNamesWorkloads(filter: String, names: [String]) throws {
    #expect(try BenchmarkRun(filter: filter, threads: [1], seconds: 0).benchmarks.map(\.name) == names)
  }

  @Test(arguments: ["train,nothing", "mat*64", ","]) func everyPartOfAFilterHasToFindSomething(filter: String) {
    #expect(throws: ExperimentError.self) { try BenchmarkRun(filter: filter, threads: [1], seconds: 0) }
  }

  /// One size grows from point to point of a scaling, from small to large.
  @Test func scalingsGrow() {
    let points = ScalingBenchmarks.all
    #expect(Set(points.map(\.name)).count == points.count)
    let names = ["population", "horizon", "ensemble", "width", "replay"]
    #expect(Set(points.compactMap { $0.size?.name }) == Set(names))
    for name in names {
      let values = points.filter { $0.size?.name == name }.compactMap { $0.size?.value }
      #expect(values.count >= 5 && values == Set(values).sorted(), "\(name)")
    }
  }

  /// Other tests share the cores, so a share may be far too low, and once in a while too high.
  @Test(arguments: ["matmul-256x256x256", "train-5x32"]) func sharesArePossible(name: String) throws {
    var shares: [Double] = []
    for _ in 0..<5 {
      try BenchmarkRun(filter: name, threads: [1], seconds: 0).run { shares.append($0.share ?? .nan) }
      if let share = shares.last, share > 0, share <= 1.1 { return }
    }
    Issue.record("shares \(shares)")
  }

  /// Plans in bfloat16 are measured against that ceiling, or skipped where there is none; both show.
  @Test func bfloat16IsMeasuredOrSkipped() throws {
    try holdingInstructionSet {
      var report = BenchmarkReport(ceilings: PeakBenchmark.ceilings(threads: [1]), results: [])
      try BenchmarkRun(filter: "plan-light-bfloat16", threads: [1], seconds: 0).run { report.results.append($0) }
      #expect(report.results.count == 1)
      let isSkipped = report.results.allSatisfy(\.isSkipped)
      #expect(isSkipped == !Machine.multipliesBfloat16)
      #expect(report.lines.contains { $0.contains("plan-light-bfloat16") && $0.contains("skipped") } == isSkipped)
      #expect(report.lines.contains { $0.hasPrefix("peak avx512-bfloat16") } == !isSkipped)
      if !isSkipped { #expect(report.results[0].peak > 0) }
    }
  }

  @Test(arguments: ["steps-CartPole-v1", "checkpoint-write", "checkpoint-read"]) func runs(name: String) throws {
    var results: [BenchmarkResult] = []
    try BenchmarkRun(filter: name, threads: [2], seconds: 0).run { results.append($0) }
    #expect(results.count == 1)
    #expect(results[0].seconds.count == 3)
    #expect(results[0].median > 0 && results[0].fastest <= results[0].median)
    #expect(results[0].share == nil)
    #expect(results[0].itemsPerSecond > 0)
  }

  @Test func theJSONHoldsWhatWasMeasured() throws {
    var report = BenchmarkReport(
      ceilings: [.init(instructionSet: "avx2", threads: 1, rate: 100)], results: [])
    let benchmark = Benchmark("a", "b", operations: 2e9, items: 10, unit: "steps") { _ in {} }
    // Rates of 20, 6.67 and 10 between bursts at 60, 20, 20 and 5: shares of 1/2, 1/3 and 4/5.
    report.results = [
      BenchmarkResult(
        benchmark: benchmark.at("size", 7), threads: 2, seconds: [0.1, 0.3, 0.2], peaks: [60, 20, 20, 5])
    ]
    guard case .object(let object) = report.json, case .array(let workloads)? = object["workloads"],
      case .object(let workload)? = workloads.first
    else {
      Issue.record("shape")
      return
    }
    #expect(workload["name"] == .string("size-7"))
    #expect(workload["size"] == .object(JSONObject([("size", .integer(7))])))
    #expect(workload["threads"] == .integer(2))
    #expect(workload["median_seconds"] == .finite(0.2))
    #expect(workload["gflops"] == .finite(10))
    #expect(workload["share"] == .finite(0.5))
    #expect(workload["items_per_second"] == .finite(50))
    #expect(report.lines.contains { $0.contains("50 %") })
    #expect(report.csv.count == 2)
    #expect(report.csv[0].hasPrefix("workload,size,value,threads,"))
    #expect(report.csv[1].hasPrefix("size-7,size,7,2,"))
    #expect(report.csv[1].split(separator: ",", omittingEmptySubsequences: false).count == 14)
  }

  @Test func theMachineHasACeiling() {
    let ceilings = holdingInstructionSet { PeakBenchmark.ceilings(threads: [1, 2]) }
    #expect(!ceilings.isEmpty)
    #expect(ceilings.allSatisfy { $0.rate > 0.01 })
  }
}
