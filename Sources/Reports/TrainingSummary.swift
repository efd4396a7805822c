import Experiments
import Support

/// What a training command shows at its end: per seed how it ended, its final and best evaluation, and where it is.
package struct TrainingSummary: Sendable {
  /// One seed.
  package struct Row: Sendable {
    package var seed: Int
    /// "done", "interrupted", "failed" or "diverged".
    package var status: String
    package var step: Int
    /// Those that this command asked for.
    package var requestedSteps: Int
    /// Mean return of the last evaluation, and its step; nil without one.
    package var finalMean: Double?
    package var finalStep: Int?
    /// Mean return of the best evaluation, and its step.
    package var bestMean: Double?
    package var bestStep: Int?
    package var directory: String
    package var reason: String?
  }

  package var directory: String
  package var rows: [Row]
  package var exitCode: ExitCode
  /// What the command line decided.
  private let experiment: ExperimentFile

  /// Gathers the rows from the seeds' own files, so that seeds that were done before are shown like the others.
  package init(_ result: Training.Result, of experiment: ExperimentFile) {
    self.experiment = experiment
    directory = result.directory.path
    exitCode = result.exitCode
    rows = result.ends.map { seed, end in
      let path = "\(result.directory.path)/\(SeedDirectory.name(seed))"
      let status = RunStatus.read("\(path)/status.json")
      var row = Row(
        seed: seed, status: end.state.rawValue, step: status?.step ?? 0,
        requestedSteps: result.requestedSteps, directory: path, reason: end.reason)
      switch end {
      case .done(let step, _), .surpassed(let step, _, _): row.step = step
      case .interrupted, .failed: break
      }
      let evaluations = (try? CSVTable.read("\(path)/eval.csv").rows(EvaluationRow.self)) ?? []
      (row.finalMean, row.finalStep) = (evaluations.last?.mean, evaluations.last?.step)
      let best = EvaluationRow.best(of: evaluations)
      (row.bestMean, row.bestStep) = (best?.mean, best?.step)
      return row
    }
  }

  package var lines: [String] {
    var table = TextTable(
      ["seed", "status", "steps", "last eval", "at step", "best eval", "at step", "files"],
      rightAligned: [0, 2, 3, 4, 5, 6])
    for row in rows {
      table.append([
        String(row.seed), row.status, String(row.step), row.finalMean.map(NumberText.short) ?? "–",
        row.finalStep.map(String.init) ?? "–", row.bestMean.map(NumberText.short) ?? "–",
        row.bestStep.map(String.init) ?? "–", row.directory,
      ])
    }
    return table.lines + [overSeeds, experiment.overriddenText.map { "with \($0)" }].compactMap { $0 }
  }

  /// What to do next: look at what failed, see the curves, or measure the best policy.
  package var nextCommand: String {
    if let failed = rows.first(where: { $0.status == "diverged" || $0.status == "failed" }) {
      let isDiverged = failed.status == "diverged"
      return isDiverged ? "mbrl inspect \(failed.directory)/diverged" : "less \(failed.directory)/log.txt"
    }
    guard rows.contains(where: { $0.finalMean != nil }) else { return "mbrl eval \(directory)" }
    return rows.count > 1 ? "mbrl report \(directory) -o report.html" : "mbrl plot \(directory)"
  }

  /// "mean over 5 seeds: last eval 178.2 ± 1.3, best eval 180.1 ± 0.9"; nil with less than two that were evaluated.
  private var overSeeds: String? {
    let evaluated = rows.filter { $0.finalMean != nil }
    guard evaluated.count > 1, let last = Spread(evaluated.compactMap(\.finalMean)),
      let best = Spread(evaluated.compactMap(\.bestMean))
    else { return nil }
    let which = evaluated.count == rows.count ? "" : " of \(rows.count)"
    let steps = Set(evaluated.map(\.finalStep)).count > 1 ? " (at different steps)" : ""
    return "mean over \(evaluated.count)\(which) seeds: last eval \(last)\(steps), best eval \(best)"
  }

  package var json: JSON {
    let seeds = rows.map { row -> JSON in
      [
        "seed": .integer(row.seed), "status": .string(row.status), "env_step": .integer(row.step),
        "requested_steps": .integer(row.requestedSteps),
        "final_mean": .finite(row.finalMean), "final_step": .integer(row.finalStep), "best_mean": .finite(row.bestMean),
        "best_step": .integer(row.bestStep),
        "directory": .string(row.directory), "reason": .text(row.reason),
      ]
    }
    return [
      "event": "summary", "directory": .string(directory), "seeds": .array(seeds),
      "final_mean": .finite(Spread(rows.compactMap(\.finalMean))?.mean),
      "settings": .object(JSONObject(experiment.overridden)),
      "exit_code": .integer(Int(exitCode.rawValue)),
    ]
  }
}
