import Support

/// One workload of `mbrl bench`, with its sizes fixed so that figures of different machines compare.
package struct Benchmark: Sendable {
  /// "matmul-256x256x256": what `--filter` looks into.
  package var name: String
  /// What a run does, in a few words.
  package var summary: String
  /// Floating-point operations of one run, a multiply-add counted as two; nil where they are not what takes the time.
  package var operations: Double?
  /// What a run gets done, in `unit`: 25,000 "steps".
  package var items: Double
  /// "steps"; "runs" where there is nothing to count.
  package var unit: String
  /// Whether its products are those of pairs of bfloat16: then so are those of the ceiling, and a machine without the
  /// instruction skips it.
  package var multipliesPairs = false
  /// Where the workload is one point of a scaling: which size differs ("population"), and its value there.
  package var size: (name: String, value: Int)?
  /// Builds everything a run needs and returns the run.
  package var prepare: @Sendable (ComputePool) throws -> () throws -> Void

  /// A workload.
  package init(
    _ name: String, _ summary: String, operations: Double? = nil, items: Double = 1, unit: String = "runs",
    prepare: @escaping @Sendable (ComputePool) throws -> () throws -> Void
  ) {
    (self.name, self.summary, self.operations) = (name, summary, operations)
    (self.items, self.unit, self.prepare) = (items, unit, prepare)
  }

  /// The same workload as one point of a scaling.
  package func at(_ name: String, _ value: Int) -> Benchmark {
    var point = self
    point.name = "\(name)-\(value)"
    point.size = (name, value)
    return point
  }

  /// Name, size and its value (empty outside of a scaling) and summary, as a row of CSV.
  package var listing: String {
    [name, size?.name ?? "", size.map { String($0.value) } ?? "", "\"\(summary)\""].joined(separator: ",")
  }

  package static var all: [Benchmark] {
    MatrixBenchmarks.all + PlanningBenchmarks.all + ReducedPrecisionBenchmarks.all + TrainingBenchmarks.all
      + PolicyBenchmarks.all + AgentBenchmarks.all + DoubleHorizonBenchmark.all + EnvironmentBenchmarks.all
      + TabularBenchmarks.all + ReplayBenchmarks.all + CheckpointBenchmarks.all + DreamerBenchmarks.all
  }
}

/// What the runs of one workload came to.
package struct BenchmarkResult: Sendable {
  package var benchmark: Benchmark
  package var threads: Int
  /// Seconds of a run in every repetition, in order: of the processor where one thread works, of the wall clock
  /// otherwise.
  package var seconds: [Double]
  /// Multiply-adds that stay in the registers, GFLOP/s on the same threads: before the first repetition and after each.
  package var peaks: [Double]
  /// Bytes: the most that the process has held so far; nil where the system does not tell.
  package var peakMemory: Int?

  /// Whether the machine has no instruction for it, so that there is nothing to tell.
  package var isSkipped: Bool { seconds.isEmpty }

  /// Repetitions and ceilings, in the order in which they were measured.
  package init(benchmark: Benchmark, threads: Int, seconds: [Double], peaks: [Double]) {
    (self.benchmark, self.threads, self.seconds, self.peaks) = (benchmark, threads, seconds, peaks)
  }

  /// Seconds of the middle run.
  package var median: Double { Spread.median(seconds) }
  /// Seconds of the fastest run.
  package var fastest: Double { seconds.min() ?? .nan }
  /// GFLOP/s of the middle run.
  package var rate: Double? { benchmark.operations.map { $0 / median / 1e9 } }
  /// GFLOP/s of the machine at the same time.
  package var peak: Double { Spread.median(peaks) }
  /// The part of the ceiling that the workload reaches: each repetition against the bursts on both sides of it, then
  /// the median, so that a clock that drifts does not count.
  package var share: Double? {
    guard let operations = benchmark.operations, !seconds.isEmpty else { return nil }
    return Spread.median(
      zip(seconds, zip(peaks, peaks.dropFirst())).map { seconds, neighbours in
        operations / seconds / 1e9 / ((neighbours.0 + neighbours.1) / 2)
      })
  }
  package var itemsPerSecond: Double { benchmark.items / median }
}
