import Support

/// Results of `mbrl eval` as a table, as lines of JSON, and as a CSV file with one row per episode.
package struct EvaluationTable {
  /// One per checkpoint, in the order of seeds.
  package var reports: [PolicyEvaluation.Report]

  /// A table of these reports.
  package init(_ reports: [PolicyEvaluation.Report]) { self.reports = reports }

  /// The columns of `--csv`.
  package static let columns = [
    "run_seed", "env_step", "episode", "episode_seed", "return", "length", "terminated", "truncated",
  ]

  /// The mean over runs, each with the same weight.
  package var overallMean: Double { reports.map(\.result.mean).reduce(0, +) / Double(reports.count) }

  /// The table for people.
  package var lines: [String] {
    var table = TextTable(
      ["seed", "step", "episodes", "mean", "std", "min", "max", "length"], rightAligned: Set(0...7))
    for report in reports {
      let result = report.result
      table.append(
        [String(report.manifest.seed), String(report.manifest.step), String(result.episodes.count)]
          + [result.mean, result.deviation, result.minimum, result.maximum, result.lengthMean].map(NumberText.short))
    }
    let overall = "mean over \(reports.count) seeds: \(NumberText.short(overallMean))"
    return table.lines + (reports.count > 1 ? [overall] : [])
  }

  /// One object per checkpoint, with its episodes; then, of several, one for all.
  package var json: [JSON] {
    var objects = reports.map { report in
      JSONObject(
        [
          ("event", .string("evaluation")), ("checkpoint", .string(report.path)),
          ("seed", .integer(report.manifest.seed)), ("env_step", .integer(report.manifest.step)),
        ] + report.result.members + [
          ("returns", .array(report.result.episodes.map { .finite($0.total) })),
          ("lengths", .array(report.result.episodes.map { .integer($0.length) })),
        ])
    }
    if reports.count > 1 {
      objects.append(
        JSONObject([
          ("event", .string("summary")), ("seeds", .integer(reports.count)), ("return_mean", .finite(overallMean)),
        ]))
    }
    return objects.map { .object($0) }
  }

  /// Appends one report's episodes.
  package static func append(_ report: PolicyEvaluation.Report, to file: CSVFile) throws(FileError) {
    for (index, episode) in report.result.episodes.enumerated() {
      try file.append([
        .integer(report.manifest.seed), .integer(report.manifest.step), .integer(index), .integer(episode.seed),
        .number(episode.total), .integer(episode.length), .flag(episode.isTerminated), .flag(episode.isTruncated),
      ])
    }
  }
}
