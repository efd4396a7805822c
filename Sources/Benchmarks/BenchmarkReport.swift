import Experiments
import Support

/// The results of `mbrl bench`, for people and for programs.
package struct BenchmarkReport: Sendable {
  package var ceilings: [PeakBenchmark.Ceiling]
  package var results: [BenchmarkResult]

  /// What was measured.
  package init(ceilings: [PeakBenchmark.Ceiling], results: [BenchmarkResult]) {
    (self.ceilings, self.results) = (ceilings, results)
  }

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
        table.append([result.benchmark.name, String(result.threads), "0", "", "", "", "", reason])
        continue
      }
      table.append([
        result.benchmark.name, String(result.threads), String(result.seconds.count),
        NumberText.short(result.median * 1e3), NumberText.short(result.fastest * 1e3),
        result.rate.map { NumberText.fixed($0, 1) } ?? "",
        result.share.map { NumberText.fixed($0 * 100, 1) + " %" } ?? "",
        result.benchmark.unit == "runs" ? "" : "\(NumberText.short(result.itemsPerSecond)) \(result.benchmark.unit)/s",
      ])
    }
    return lines + [""] + table.lines
  }

  /// A header and one row per result, for plots; sizes are empty where a workload is not part of a scaling.
  package var csv: [String] {
    let columns = [
      "workload", "size", "value", "threads", "instruction_set", "runs", "median_s", "fastest_s", "gflops",
      "peak_gflops", "share", "items_per_s", "unit", "peak_memory_bytes",
    ]
    return [columns.joined(separator: ",")]
      + results.filter { !$0.isSkipped }.map { result in
        let cells: [String] = [
          result.benchmark.name, result.benchmark.size?.name ?? "",
          result.benchmark.size.map { String($0.value) } ?? "", String(result.threads), Machine.instructionSet,
          String(result.seconds.count), "\(result.median)", "\(result.fastest)",
          result.rate.map { "\($0)" } ?? "", "\(result.peak)", result.share.map { "\($0)" } ?? "",
          "\(result.itemsPerSecond)", result.benchmark.unit, result.peakMemory.map(String.init) ?? "",
        ]
        return cells.joined(separator: ",")
      }
  }

  package var json: JSON {
    let peaks = ceilings.map { ceiling -> JSON in
      [
        "instruction_set": .string(ceiling.instructionSet), "threads": .integer(ceiling.threads),
        "gflops": .finite(ceiling.rate),
      ]
    }
    return [
      "program": .string(Version.program), "processor": .string(Machine.processor), "cores": .integer(Machine.cores),
      "instruction_set": .string(Machine.instructionSet), "peaks": .array(peaks),
      "workloads": .array(results.map(BenchmarkReport.json)),
    ]
  }

  private static func json(_ result: BenchmarkResult) -> JSON {
    [
      "name": .string(result.benchmark.name), "summary": .string(result.benchmark.summary),
      "size": result.benchmark.size.map { [$0.name: .integer($0.value)] } ?? .null,
      "threads": .integer(result.threads), "runs": .integer(result.seconds.count),
      "median_seconds": .finite(result.median), "fastest_seconds": .finite(result.fastest),
      "gflops": .finite(result.rate), "peak_gflops": .finite(result.peak), "share": .finite(result.share),
      "items_per_second": .finite(result.itemsPerSecond), "unit": .string(result.benchmark.unit),
      "peak_memory_bytes": .integer(result.peakMemory),
    ]
  }
}
