import Experiments
import Support

/// Results of `mbrl eval` as a table, as lines of JSON, and as a CSV file with one row per episode.
package struct EvaluationTable {
  /// One per checkpoint, in the order of seeds.
  package var reports: [PolicyEvaluation.Report]

  /// A table of these reports.
  package init(_ reports: [PolicyEvaluation.Report]) { self.reports = reports }

  /// The columns of `--csv`.
  package static let columns = [
    "run_seed", "env_step", "episode", "episode_seed", "return", "length", "terminated", "truncated", "success",
  ]

  /// The mean over runs, each with the same weight.
  package var overallMean: Double { reports.map(\.result.mean).reduce(0, +) / Double(reports.count) }

  /// The mean of success rates over runs, likewise; nil where one has none.
  package var overallSuccess: Double? {
    let rates = reports.compactMap(\.successRate)
    return rates.isEmpty || rates.count < reports.count ? nil : rates.reduce(0, +) / Double(rates.count)
  }

  /// Where the seeds do not stand at the same step; nil where they do.
  package var unequalSteps: String? {
    guard Set(reports.map(\.manifest.step)).count > 1 else { return nil }
    let steps = reports.map { "seed \($0.manifest.seed) at \($0.manifest.step)" }
    return "the seeds stand at different steps: \(steps.joined(separator: ", "))"
  }

  private static func percent(_ share: Double) -> String { "\(NumberText.short(100 * share)) %" }

  /// The table for people, then the maps of policies.
  package var lines: [String] {
    let showsSuccess = reports.contains { $0.successRate != nil }
    var table = TextTable(
      ["seed", "step", "episodes", "mean", "std", "min", "max", "length"] + (showsSuccess ? ["success"] : []),
      rightAligned: Set(0...8))
    for report in reports {
      let result = report.result
      table.append(
        [String(report.manifest.seed), String(report.manifest.step), String(result.episodes.count)]
          + [result.mean, result.deviation, result.minimum, result.maximum, result.lengthMean].map(NumberText.short)
          + (showsSuccess ? [report.successRate.map(EvaluationTable.percent) ?? "–"] : []))
    }
    let success = overallSuccess.map { ", success \(EvaluationTable.percent($0))" } ?? ""
    let overall = "mean over \(reports.count) seeds: \(NumberText.short(overallMean))\(success)"
    let maps = reports.filter { !$0.map.isEmpty }.flatMap { report in
      ["greedy policy of seed \(report.manifest.seed) at step \(report.manifest.step)"] + report.map.map { "  \($0)" }
    }
    let settings = reports.first.flatMap { ExperimentFile.text($0.settings) }.map { ["with \($0)"] } ?? []
    return table.lines + (reports.count > 1 ? [overall] : []) + settings + maps
  }

  /// One object per checkpoint, with its episodes; then, of several, one for all.
  package var json: [JSON] {
    var objects = reports.map { report in
      JSON.joined(
        [
          "event": "evaluation", "checkpoint": .string(report.path), "seed": .integer(report.manifest.seed),
          "env_step": .integer(report.manifest.step),
        ], report.settings.isEmpty ? [:] : ["settings": .object(JSONObject(report.settings))], report.result.json,
        report.successRate.map { ["success_rate": .finite($0)] } ?? [:],
        report.isComplete ? [:] : ["episodes_wanted": .integer(report.wanted)],
        [
          "returns": .array(report.result.episodes.map { .finite($0.total) }),
          "lengths": .integers(report.result.episodes.map(\.length)),
        ])
    }
    if reports.count > 1 {
      objects.append(
        .joined(
          ["event": "summary", "seeds": .integer(reports.count), "return_mean": .finite(overallMean)],
          overallSuccess.map { ["success_rate": .finite($0)] } ?? [:]))
    }
    return objects
  }

  /// The file of `--csv`: one row per episode.
  package var csv: [UInt8] {
    let rows = reports.flatMap { report in
      report.result.episodes.enumerated().map { index, episode -> [CSVFile.Cell?] in
        [
          .integer(report.manifest.seed), .integer(report.manifest.step), .integer(index), .integer(episode.seed),
          .number(episode.total), .integer(episode.length), .flag(episode.isTerminated), .flag(episode.isTruncated),
          report.successes[index].map(CSVFile.Cell.flag),
        ]
      }
    }
    return CSVFile.bytes(EvaluationTable.columns, rows)
  }
}
