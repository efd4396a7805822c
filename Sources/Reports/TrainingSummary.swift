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
    /// Mean return of the last evaluation; nil without one.
    package var finalMean: Double?
    /// Mean return of the best evaluation, and its step.
    package var bestMean: Double?
    package var bestStep: Int?
    package var directory: String
    package var reason: String?
  }

  package var directory: String
  package var rows: [Row]
  package var exitCode: ExitCode

  /// Gathers the rows from the seeds' own files, so that seeds that were done before are shown like the others.
  package init(_ result: Training.Result) {
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
      row.finalMean = evaluations.last?.mean
      let best = EvaluationRow.best(of: evaluations)
      (row.bestMean, row.bestStep) = (best?.mean, best?.step)
      return row
    }
  }

  package var lines: [String] {
    var table = TextTable(
      ["seed", "status", "steps", "final eval", "best eval", "at step", "files"], rightAligned: [0, 2, 3, 4, 5])
    for row in rows {
      table.append([
        String(row.seed), row.status, String(row.step), row.finalMean.map(NumberText.short) ?? "–",
        row.bestMean.map(NumberText.short) ?? "–", row.bestStep.map(String.init) ?? "–", row.directory,
      ])
    }
    return table.lines
  }

  package var json: JSON {
    let seeds = rows.map { row -> JSON in
      [
        "seed": .integer(row.seed), "status": .string(row.status), "env_step": .integer(row.step),
        "requested_steps": .integer(row.requestedSteps),
        "final_mean": .finite(row.finalMean), "best_mean": .finite(row.bestMean), "best_step": .integer(row.bestStep),
        "directory": .string(row.directory), "reason": .text(row.reason),
      ]
    }
    return [
      "event": "summary", "directory": .string(directory), "seeds": .array(seeds),
      "exit_code": .integer(Int(exitCode.rawValue)),
    ]
  }
}
