import Support

/// The results of `mbrl bench`, for people and for programs.
package struct BenchmarkReport: Sendable {
  /// Threads of the workloads.
  package var threads: Int
  /// What the machine can do.
  package var ceilings: [PeakBenchmark.Ceiling]
  /// What the workloads came to.
  package var results: [BenchmarkResult]

  /// What was measured.
  package init(threads: Int, ceilings: [PeakBenchmark.Ceiling], results: [BenchmarkResult]) {
    self.threads = threads
    self.ceilings = ceilings
    self.results = results
  }

  /// The lines for people.
  package var lines: [String] {
    var lines = ["\(Machine.processor), \(Machine.cores) cores, \(Machine.instructionSet) kernels"]
    for ceiling in ceilings {
      let threads = ceiling.threads == 1 ? "1 thread" : "\(ceiling.threads) threads"
      lines.append("peak \(ceiling.instructionSet), \(threads): \(NumberText.fixed(ceiling.rate, 1)) GFLOP/s")
    }
    var table = TextTable(
      ["workload", "threads", "runs", "median ms", "fastest ms", "GFLOP/s", "share", "rate"],
      rightAligned: [1, 2, 3, 4, 5, 6])
    for result in results {
      if result.isSkipped {
        let reason = "skipped: no instruction for bfloat16"
        table.append([result.benchmark.name, String(threads), "0", "", "", "", "", reason])
        continue
      }
      table.append([
        result.benchmark.name, String(threads), String(result.seconds.count), NumberText.short(result.median * 1e3),
        NumberText.short(result.fastest * 1e3), result.rate.map { NumberText.fixed($0, 1) } ?? "",
        result.share.map { NumberText.fixed($0 * 100, 1) + " %" } ?? "",
        result.benchmark.unit == "runs"
          ? "" : "\(NumberText.short(result.itemsPerSecond)) \(result.benchmark.unit)/s",
      ])
    }
    return lines + [""] + table.lines
  }

  /// One JSON object.
  package var json: JSON {
    .object(
      JSONObject([
        ("program", .string(Version.program)), ("processor", .string(Machine.processor)),
        ("cores", .integer(Machine.cores)), ("instruction_set", .string(Machine.instructionSet)),
        ("threads", .integer(threads)),
        (
          "peaks",
          .array(
            ceilings.map {
              .object(
                JSONObject([
                  ("instruction_set", .string($0.instructionSet)), ("threads", .integer($0.threads)),
                  ("gflops", .finite($0.rate)),
                ]))
            })
        ),
        ("workloads", .array(results.map(BenchmarkReport.json))),
      ]))
  }

  private static func json(_ result: BenchmarkResult) -> JSON {
    .object(
      JSONObject([
        ("name", .string(result.benchmark.name)), ("summary", .string(result.benchmark.summary)),
        ("runs", .integer(result.seconds.count)), ("median_seconds", .finite(result.median)),
        ("fastest_seconds", .finite(result.fastest)), ("gflops", result.rate.map(JSON.finite) ?? .null),
        ("peak_gflops", .finite(result.peak)), ("share", result.share.map(JSON.finite) ?? .null),
        ("items_per_second", .finite(result.itemsPerSecond)), ("unit", .string(result.benchmark.unit)),
      ]))
  }
}
