import Experiments
import Support

/// `mbrl bench`.
enum BenchVerb: Verb {
  static let syntax = CommandSyntax(
    "bench", "how fast the program is here, as a share of what the machine can do",
    options: [
      .init("--filter", "NAME", "only workloads whose names contain this"),
      .init("--threads", "N", "threads of the workloads; default: all cores"),
      .init("--seconds", "S", "repeat each workload for about so many seconds, at least three times; default: 1"),
      .init("--json", nil, "one JSON object"),
      .init("--no-color", nil, "no colours (as NO_COLOR)"),
    ],
    discussion: [
      "Each figure is the median of repeated runs. The peak is that of multiply-adds that never leave the registers, "
        + "measured between the runs of each workload on the same threads, so that the shares hold although clocks "
        + "drift. One thread is timed by its processor time, several by the wall clock: leave the machine alone then."
    ],
    exitCodes: [.success, .failure, .usage],
    examples: [
      ("mbrl bench", "everything, on all cores"),
      ("mbrl bench --filter plan --threads 1", "the planner on one core"),
      ("mbrl bench --json > bench.json", "for a program to read"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let threads = try arguments.integer("--threads", in: 1...64) ?? Machine.cores
    let seconds = try arguments.integer("--seconds", in: 0...3600) ?? 1
    let bench = try BenchmarkRun(filter: arguments.values["--filter"], threads: threads, seconds: Double(seconds))
    var report = BenchmarkReport(
      threads: threads, ceilings: PeakBenchmark.ceilings(threads: threads), results: [])
    try bench.run { report.results.append($0) }
    if arguments.has("--json") {
      console.result(report.json.compactText)
    } else {
      report.lines.forEach(console.result)
    }
    return .success
  }
}
