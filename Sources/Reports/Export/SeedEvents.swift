import Support

/// Every number of every table of a seed under "eval/return_mean", "progress/critic_loss", …, each row once; of several
/// rows of one step, such as a fit's epochs, the last.
struct SeedEvents {
  private static let tables = [
    (file: "eval.csv", tag: "eval"), (file: "episodes.csv", tag: "episode"), (file: "progress.csv", tag: "progress"),
    (file: "model.csv", tag: "model"),
  ]
  private static let noValues = ["env_step", "wall_s", "episode", "iteration", "epoch"]

  /// Rows of each table that are events already.
  private var done = [Int](repeating: 0, count: tables.count)

  /// Adds what the tables have got since the last time.
  /// - Parameters:
  ///   - start: when the run began, in seconds since 1970.
  ///   - isComplete: nothing follows; else a table with epochs keeps back its last row, which may not be the step's.
  mutating func append(
    to file: inout EventFile, from folder: String, start: Double, isComplete: Bool
  ) throws(CSVError) {
    for (place, (name, tag)) in SeedEvents.tables.enumerated() {
      guard let table = try RunExport.table("\(folder)/\(name)"), table.columns.contains("env_step") else { continue }
      let end = table.rowCount - (table.columns.contains("epoch") && !isComplete ? 1 : 0)
      let columns = table.columns.filter { !SeedEvents.noValues.contains($0) }
      // A run that goes on writes the rows after its checkpoint once more; they are the same.
      for row in done[place]..<max(done[place], end) {
        guard let text = try table.text("env_step", row), let step = Int(text) else {
          throw table.fault(row, "column \"env_step\" is no whole number")
        }
        if row + 1 < table.rowCount, try table.text("env_step", row + 1) == text { continue }
        let seconds = table.columns.contains("wall_s") ? try table.text("wall_s", row).flatMap(Double.init) : nil
        for column in columns {
          guard let cell = try table.text(column, row) else { continue }
          guard let value = cell == "true" ? 1 : cell == "false" ? 0 : Double(cell) else { continue }
          file.append("\(tag)/\(column)", value, step: step, time: start + (seconds ?? 0))
        }
      }
      done[place] = max(done[place], end)
    }
  }
}
