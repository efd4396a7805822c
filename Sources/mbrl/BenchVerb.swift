import Benchmarks
import Experiments
import Support

/// `mbrl bench`.
enum BenchVerb: Verb {
  static let syntax = CommandSyntax(
    "bench", "how fast the program is here, as a share of what the machine can do",
    options: [
      .init("--filter", "NAMES", "only workloads of these names, separated by commas; see below"),
      .init("--scaling", nil, "the workloads of one size after another instead: population, horizon, ensemble, …"),
      .init("--threads", "LIST", "threads of the workloads, as 2 or 1,2; default: one, and all cores"),
      .init("--seconds", "S", "repeat each workload for about so many seconds, at least three times; default: 1"),
      .init("--json", nil, "one JSON object"),
      .init("--csv", nil, "one row per workload and number of threads"),
      .init("--list", nil, "only names, sizes and summaries of the workloads, as CSV"),
    ],
    discussion: [
      "Each figure is the median of repeated runs. The peak is that of multiply-adds that never leave the registers; "
        + "short bursts of them on the same threads stand before and after every repetition, and a share is the "
        + "median of the repetitions against their neighbours, so that it holds although clocks drift. One thread is "
        + "timed by its processor time, several by the wall clock: leave the machine alone then.",
      "A name given to --filter means the workload of just that name; if there is none, those of that pattern where "
        + "it has a * for any text, otherwise all whose names contain it. Upper and lower case are the same.",
    ],
    exitCodes: [.success, .failure, .usage],
    examples: [
      ("mbrl bench", "everything, on one core and on all"),
      ("mbrl bench --filter plan --threads 1", "the planner on one core"),
      ("mbrl bench --filter \"matmul-*x200x200\"", "the layers of width 200"),
      ("mbrl bench --scaling --filter population --csv", "a plan's cost against the population"),
      ("mbrl bench --json > bench.json", "for a program to read"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let threads = try threads(arguments.values["--threads"])
    let seconds = try arguments.number("--seconds", in: 0...3600) ?? 1
    if arguments.has("--json") && arguments.has("--csv") { throw UsageError("--json and --csv: choose one") }
    let bench = try BenchmarkRun(
      filter: arguments.values["--filter"], threads: threads, seconds: seconds,
      among: arguments.has("--scaling") ? ScalingBenchmarks.all : Benchmark.all)
    if arguments.has("--list") {
      for benchmark in bench.benchmarks { console.result(benchmark.listing) }
      return .success
    }
    var report = BenchmarkReport(ceilings: PeakBenchmark.ceilings(threads: threads), results: [])
    try bench.run { report.results.append($0) }
    console.show(arguments, arguments.has("--csv") ? report.csv : report.lines, json: [report.json])
    return .success
  }

  /// "1,2" in order, without repetitions.
  private static func threads(_ text: String?) throws -> [Int] {
    guard let text else { return Set([1, min(Machine.cores, 64)]).sorted() }
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard numbers.allSatisfy((1...64).contains) else {
      throw UsageError("--threads: expected whole numbers, 1 to 64, separated by commas; found \"\(text)\"")
    }
    return Set(numbers).sorted()
  }
}
