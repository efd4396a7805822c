import Experiments
import Foundation
import Support

/// The tables of a seed in the forms of other tools, made of its files: what a run that was stopped and went on leaves
/// is what an undisturbed one does.
package struct RunExport: Sendable {
  package enum Format: String, CaseIterable, Sendable {
    /// TensorBoard's event files.
    case tensorboard
    /// The CSV of Stable-Baselines3's and Gymnasium's monitors.
    case monitor
  }

  private static let tables = [
    (file: "eval.csv", tag: "eval"), (file: "episodes.csv", tag: "episode"), (file: "progress.csv", tag: "progress"),
    (file: "model.csv", tag: "model"),
  ]

  /// The file that a seed becomes, and its name below the folder of the seed.
  package static func file(
    _ run: RunGroup.Run, seed: Int, _ format: Format
  ) throws(ExperimentError) -> (name: String, bytes: [UInt8]) {
    let folder = run.folder(of: seed)
    let start = start("\(folder)/run.json")
    return try rethrow(
      format == .tensorboard ? events(folder, start) : monitor(folder, start, run.task)
    ) { (error: CSVError) in ExperimentError.failed("\(error)") }
  }

  /// When the first session began, in seconds since 1970; 0 where nobody knows.
  private static func start(_ path: String) -> Double {
    guard let text = RunSessions.read(path).first?["started"]?.string else { return 0 }
    return ISO8601DateFormatter().date(from: text)?.timeIntervalSince1970 ?? 0
  }

  private static func table(_ path: String) throws(CSVError) -> CSVTable? {
    FileSystem.kind(of: path) == nil ? nil : try CSVTable.read(path)
  }

  /// Every number of every table under "eval/return_mean", "progress/critic_loss", …; of several rows of one step, such
  /// as a fit's epochs, the last.
  private static func events(_ folder: String, _ start: Double) throws(CSVError) -> (name: String, bytes: [UInt8]) {
    var file = EventFile(time: start)
    for (name, tag) in tables {
      guard let table = try table("\(folder)/\(name)"), table.columns.contains("env_step") else { continue }
      let columns = table.columns.filter { !["env_step", "wall_s", "episode", "iteration", "epoch"].contains($0) }
      for row in 0..<table.rowCount {
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
    }
    return ("events.out.tfevents.\(Int(start)).mbrl", file.bytes)
  }

  /// One row per training episode: return, length, and seconds since the start.
  private static func monitor(
    _ folder: String, _ start: Double, _ task: String
  ) throws(CSVError) -> (name: String, bytes: [UInt8]) {
    let rows = try table("\(folder)/episodes.csv")?.rows(EpisodeRow.self) ?? []
    let header: JSON = ["t_start": .finite(start), "env_id": .string(task)]
    let cells = rows.map { row -> [CSVFile.Cell?] in [.number(row.total), .integer(row.length), .number(row.seconds)] }
    return ("monitor.csv", Array("#\(header.compactText)\n".utf8) + CSVFile.bytes(["r", "l", "t"], cells))
  }
}
