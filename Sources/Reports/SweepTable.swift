import Experiments
import Support

/// How a sweep stands, and what its runs reached.
package struct SweepTable: Sendable {
  /// One variant, all its seeds and rungs.
  package struct Row: Sendable {
    package var run: String
    package var settings: [String]
    /// Of every job.
    package var states: [SweepJobState]
    /// Environment steps made, and those asked for, of all jobs of every seed's longest length.
    package var steps, wanted: Int
    /// Mean return of every seed's last evaluation.
    package var finalMeans: [Double]
  }

  package let rows: [Row]
  package let jobs: [(job: SweepJob, state: SweepJobState)]
  private let directory: SweepDirectory

  /// Reads the sweep's jobs and every run's state.
  package init(_ directory: SweepDirectory) throws(ExperimentError) {
    self.directory = directory
    jobs = try directory.jobs().map { ($0, directory.state(of: $0)) }
    var rows: [Row] = []
    var places: [String: Int] = [:]
    for (job, state) in jobs {
      if places[job.run] == nil {
        places[job.run] = rows.count
        rows.append(Row(run: job.run, settings: job.settings, states: [], steps: 0, wanted: 0, finalMeans: []))
      }
      rows[places[job.run]!].states.append(state)
    }
    for index in rows.indices {
      let own = jobs.filter { $0.job.run == rows[index].run }
      let last = own.map(\.job.rung).max() ?? 0
      for (job, state) in own where job.rung == last {
        rows[index].steps += state.step
        rows[index].wanted += job.steps
        let evaluations = SweepTable.evaluations(job, directory)
        if let mean = evaluations.last?.mean { rows[index].finalMeans.append(mean) }
      }
    }
    self.rows = rows
  }

  private static func evaluations(_ job: SweepJob, _ directory: SweepDirectory) -> [EvaluationRow] {
    (try? CSVTable.read("\(directory.path)/\(job.directory)/eval.csv").rows(EvaluationRow.self)) ?? []
  }

  private func count(_ kind: SweepJobState.Kind) -> Int { jobs.count { $0.state.kind == kind } }
  /// Whether nothing is left to do, but for what would fail again.
  package var isOver: Bool { !jobs.contains { $0.state.isPending || $0.state.kind == .running } }
  /// Whether a job failed or diverged.
  package var hasFailures: Bool { jobs.contains { [.failed, .diverged].contains($0.state.kind) } }

  /// "24 jobs: 12 done, 2 running, 10 waiting".
  package var total: String {
    let kinds = SweepJobState.Kind.allCases.reversed().filter { count($0) > 0 }
    return "\(jobs.count) jobs: " + kinds.map { "\(count($0)) \($0.rawValue)" }.joined(separator: ", ")
  }

  /// A line per variant, failures by name, and the total last.
  package var lines: [String] {
    var table = TextTable(["run", "done", "steps", "last eval", "settings"], rightAligned: [1, 2, 3])
    for row in rows {
      let share = row.wanted > 0 ? 100 * row.steps / row.wanted : 100
      table.append([
        row.run, "\(row.states.count { $0.kind == .done })/\(row.states.count)", "\(share) %",
        Spread(row.finalMeans)?.description ?? "–", row.settings.joined(separator: " "),
      ])
    }
    let failed = jobs.filter { [.failed, .diverged].contains($0.state.kind) }.map { job, state in
      "job \(job.index), \(job.run) seed \(job.seed), \(state.kind.rawValue) at step \(state.step): "
        + (state.reason ?? "see its log.txt")
    }
    return table.lines + failed + [total]
  }

  /// The same as one object.
  package var json: JSON {
    let variants = rows.map { row -> JSON in
      [
        "run": .string(row.run), "settings": .texts(row.settings), "steps": .integer(row.steps),
        "requested_steps": .integer(row.wanted),
        "done": .integer(row.states.count { $0.kind == .done }), "jobs": .integer(row.states.count),
        "final_mean": .finite(Spread(row.finalMeans)?.mean), "final_std": .finite(Spread(row.finalMeans)?.deviation),
      ]
    }
    let counts = SweepJobState.Kind.allCases.map { ($0.rawValue, JSON.integer(count($0))) }
    return ["jobs": .integer(jobs.count), "states": .object(JSONObject(counts)), "runs": .array(variants)]
  }

  /// One row per evaluation of every seed, or per seed its last and best one; a column for every setting that makes the
  /// variants.
  package func collected(finalOnly: Bool) -> [UInt8] {
    var keys: [String] = []
    func parts(_ setting: String) -> (String, String) {
      let parts = setting.split(separator: "=", maxSplits: 1).map(String.init)
      return (parts[0], parts.count > 1 ? parts[1] : "")
    }
    for row in rows { for (key, _) in row.settings.map(parts) where !keys.contains(key) { keys.append(key) } }
    var lines: [[CSVFile.Cell?]] = []
    for row in rows {
      let settings = Dictionary(row.settings.map(parts)) { $1 }
      var seeds: [Int] = []
      for (job, _) in jobs where job.run == row.run && !seeds.contains(job.seed) { seeds.append(job.seed) }
      for seed in seeds {
        // The longest length comes last.
        guard let (job, state) = jobs.last(where: { $0.job.run == row.run && $0.job.seed == seed }) else { continue }
        let evaluations = SweepTable.evaluations(job, directory)
        let start: [CSVFile.Cell?] =
          [.text(row.run), .integer(seed), .text(state.kind.rawValue)] + keys.map { settings[$0].map(SweepTable.cell) }
        if finalOnly {
          let (last, best) = (evaluations.last, EvaluationRow.best(of: evaluations))
          lines.append(
            start + [
              (last?.step).map { .integer($0) }, (last?.mean).map { .number($0) },
              (last?.deviation).map { .number($0) }, (best?.step).map { .integer($0) },
              (best?.mean).map { .number($0) },
            ])
        } else {
          lines += evaluations.map {
            start + [
              .integer($0.step), .integer($0.episodes), .number($0.mean), .number($0.deviation), .number($0.minimum),
              .number($0.maximum), .number($0.lengthMean),
            ]
          }
        }
      }
    }
    let numbers =
      finalOnly
      ? ["env_step", "return_mean", "return_std", "best_step", "best_mean"]
      : ["env_step", "episodes", "return_mean", "return_std", "return_min", "return_max", "length_mean"]
    return CSVFile.bytes(["run", "seed", "status"] + keys + numbers, lines)
  }

  /// Numbers as numbers, words without their quotes, the rest as JSON.
  private static func cell(_ json: String) -> CSVFile.Cell {
    guard let value = try? JSONParser.parse(json) else { return .text(json) }
    return value.string.map { .text($0) } ?? .text(json)
  }
}
