import Algorithms
import Support

/// The tables of one seed: episodes, evaluations, progress, and what the agent declares. Wall-clock columns stand last:
/// everything before them is reproducible byte for byte.
package final class RunFiles {
  /// progress.csv for an algorithm with these metrics.
  package static func progressColumns(_ metrics: [String]) -> [String] {
    ["env_step", "updates", "episodes", "return_mean_\(RunFiles.returnWindow)"] + metrics
      + ["buffer_size", "steps_per_s", "wall_s"]
  }
  /// Episodes in the mean that progress.csv shows.
  package static let returnWindow = 100

  private let episodes: CSVFile
  private let evaluations: CSVFile
  private let progress: CSVFile
  /// In the order of the agent's declarations.
  private let agent: [CSVFile]
  private var all: [CSVFile] { [episodes, evaluations, progress] + agent }

  /// The tables with their names on disk, in the order of `all`. `optional`: the agent's own columns, which a file is
  /// without, for good, where the program that began it did not have them.
  private static func tables(_ metrics: Metrics) -> [(name: String, columns: [String], optional: [String])] {
    [
      ("episodes.csv", EpisodeRow.columns, []), ("eval.csv", EvaluationRow.columns, []),
      ("progress.csv", progressColumns(metrics.names), metrics.names),
    ] + metrics.tables.map { ("\($0.name).csv", ["env_step"] + $0.columns + ["wall_s"], $0.columns) }
  }

  private init(_ files: [CSVFile]) {
    (episodes, evaluations, progress, agent) = (files[0], files[1], files[2], Array(files[3...]))
  }

  /// Creates all of them. Tables that hold nothing but their header, left by a run that was killed before its first
  /// checkpoint, are made anew; one with rows is a fault, because nothing that was measured is ever thrown away.
  package static func create(in directory: String, metrics: Metrics) throws(ExperimentError) -> RunFiles {
    do throws(FileError) {
      for (name, _, _) in tables(metrics) where FileSystem.kind(of: "\(directory)/\(name)") != nil {
        guard try rowlessOrMissing("\(directory)/\(name)") else {
          throw FileError(
            path: directory, operation: "go on in",
            reason: "\(name) has rows but there is no checkpoint; remove this folder to start the seed anew")
        }
      }
      return RunFiles(
        try tables(metrics).map { (name, columns, _) throws(FileError) in
          try FileSystem.removeTree("\(directory)/\(name)")
          return try CSVFile(creating: "\(directory)/\(name)", columns: columns)
        })
    } catch {
      if error.code == 0 { throw .checkpoint(path: error.path, reason: error.reason) }
      throw .file(error)
    }
  }

  /// Reopens all of them where a checkpoint left them and cuts off what lies beyond.
  package static func reopen(
    in directory: String, metrics: Metrics, at offsets: [(name: String, offset: Int)]
  ) throws -> RunFiles {
    let tables = tables(metrics)
    let positions = try tables.map { name, _, _ in
      guard let offset = offsets.first(where: { $0.name == name })?.offset else {
        throw ArchiveError.missing("offsets.\(name)")
      }
      return offset
    }
    // All are looked at before one is cut.
    for (table, offset) in zip(tables, positions) {
      try CSVFile.verify(
        "\(directory)/\(table.name)", columns: table.columns, optional: table.optional, at: offset)
    }
    return RunFiles(
      try zip(tables, positions).map { table, offset in
        try CSVFile(
          reopening: "\(directory)/\(table.name)", columns: table.columns, optional: table.optional, at: offset)
      })
  }

  private static func rowlessOrMissing(_ path: String) throws(FileError) -> Bool {
    let bytes = try FileSystem.read(path, limit: 1 << 40)
    return (bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count) + 1 >= bytes.count
  }

  /// Waits until every row is on the disk and returns where each table ends.
  package func synchronizedOffsets() throws(FileError) -> [(name: String, offset: Int)] {
    try all.map { file throws(FileError) in
      try file.synchronize()
      return (String(file.path[file.path.index(after: file.path.lastIndex(of: "/")!)...]), file.offset)
    }
  }

  // MARK: Rows

  /// An episode that ended.
  package func append(_ row: EpisodeRow) throws(FileError) { try episodes.append(row.cells) }

  /// An evaluation.
  package func append(_ row: EvaluationRow) throws(FileError) { try evaluations.append(row.cells) }

  /// Where training stands; the latest values since the last row.
  /// - Parameters:
  ///   - stepsPerSecond: since the last row.
  ///   - seconds: of work on the run.
  package func appendProgress(
    step: Int, episodes: Int, recentMean: Double?, _ metrics: Metrics, stepsPerSecond: Double, seconds: Double
  ) throws(FileError) {
    try progress.append(
      [.integer(step), .integer(metrics.updates), .integer(episodes), recentMean.map { .number($0) }]
        + metrics.values.map { $0.map { .number($0) } } + [
          metrics.bufferSize.map { .integer($0) }, .number(RunFiles.rounded(stepsPerSecond)),
          .number(RunFiles.rounded(seconds)),
        ])
  }

  /// The rows of the agent's own tables that came with that step.
  package func appendTables(_ metrics: Metrics, step: Int, seconds: Double) throws(FileError) {
    for (file, rows) in zip(agent, metrics.rows) {
      for row in rows { try file.append([.integer(step)] + row + [.number(RunFiles.rounded(seconds))]) }
    }
  }

  /// Milliseconds are enough for a clock.
  package static func rounded(_ seconds: Double) -> Double { (seconds * 1000).rounded() / 1000 }
}
