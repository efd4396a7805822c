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
  static func start(_ path: String) -> Double {
    guard let text = RunSessions.read(path).first?["started"]?.string else { return 0 }
    return ISO8601DateFormatter().date(from: text)?.timeIntervalSince1970 ?? 0
  }

  static func table(_ path: String) throws(CSVError) -> CSVTable? {
    FileSystem.kind(of: path) == nil ? nil : try CSVTable.read(path)
  }

  /// See `SeedEvents`.
  private static func events(_ folder: String, _ start: Double) throws(CSVError) -> (name: String, bytes: [UInt8]) {
    var file = EventFile(time: start)
    var events = SeedEvents()
    try events.append(to: &file, from: folder, start: start, isComplete: true)
    return (eventName(start), file.bytes)
  }

  static func eventName(_ start: Double) -> String { "events.out.tfevents.\(Int(start)).mbrl" }

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
