import Algorithms
import Support

/// The four tables of one seed. Wall-clock columns stand last: everything before them is reproducible byte for byte.
package final class RunFiles {
  /// One row per training episode.
  package static let episodeColumns = [
    "episode", "env_step", "return", "length", "terminated", "truncated", "wall_s",
  ]
  /// One row per evaluation.
  package static let evaluationColumns = [
    "env_step", "episodes", "return_mean", "return_std", "return_min", "return_max", "length_mean", "wall_s",
  ]
  /// One row per epoch of model fitting.
  package static let modelColumns = [
    "env_step", "iteration", "epoch", "train_loss", "val_loss", "val_loss_best", "train_size", "val_size", "wall_s",
  ]
  /// progress.csv for an algorithm with these metrics.
  package static func progressColumns(_ metrics: [String]) -> [String] {
    ["env_step", "updates", "episodes", "return_mean_\(RunProgress.window)"] + metrics
      + ["buffer_size", "steps_per_s", "wall_s"]
  }

  private let episodes: CSVFile
  private let evaluations: CSVFile
  private let progress: CSVFile
  private let model: CSVFile

  /// The tables with their names on disk, in the order of the initialisers.
  private static func tables(_ metrics: [String]) -> [(name: String, columns: [String])] {
    [
      ("episodes.csv", episodeColumns), ("eval.csv", evaluationColumns), ("progress.csv", progressColumns(metrics)),
      ("model.csv", modelColumns),
    ]
  }

  private init(_ files: [CSVFile]) {
    episodes = files[0]
    evaluations = files[1]
    progress = files[2]
    model = files[3]
  }

  /// Creates all four. Tables that hold nothing but their header, left by a run that was killed before its first
  /// checkpoint, are made anew; one with rows is a fault, because nothing that was measured is ever thrown away.
  package static func create(in directory: String, metrics: [String]) throws(ExperimentError) -> RunFiles {
    do throws(FileError) {
      for (name, _) in tables(metrics) where FileSystem.kind(of: "\(directory)/\(name)") != nil {
        guard try rowlessOrMissing("\(directory)/\(name)") else {
          throw FileError(
            path: directory, operation: "go on in",
            reason: "\(name) has rows but there is no checkpoint; remove this folder to start the seed anew")
        }
      }
      return RunFiles(
        try tables(metrics).map { (name, columns) throws(FileError) in
          try FileSystem.removeTree("\(directory)/\(name)")
          return try CSVFile(creating: "\(directory)/\(name)", columns: columns)
        })
    } catch {
      if error.code == 0 { throw .checkpoint(path: error.path, reason: error.reason) }
      throw .file(error)
    }
  }

  /// Reopens all four where a checkpoint left them and cuts off what lies beyond.
  package static func reopen(
    in directory: String, metrics: [String], at offsets: [(name: String, offset: Int)]
  ) throws -> RunFiles {
    let tables = tables(metrics)
    let positions = try tables.map { name, _ in
      guard let offset = offsets.first(where: { $0.name == name })?.offset else {
        throw ArchiveError.missing("offsets.\(name)")
      }
      return offset
    }
    // All are looked at before one is cut.
    for (table, offset) in zip(tables, positions) {
      try CSVFile.verify("\(directory)/\(table.name)", columns: table.columns, at: offset)
    }
    return RunFiles(
      try zip(tables, positions).map { table, offset in
        try CSVFile(reopening: "\(directory)/\(table.name)", columns: table.columns, at: offset)
      })
  }

  private static func rowlessOrMissing(_ path: String) throws(FileError) -> Bool {
    let bytes = try FileSystem.read(path, limit: 1 << 40)
    return (bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count) + 1 >= bytes.count
  }

  /// Waits until every row is on the disk and returns where each table ends.
  package func synchronizedOffsets() throws(FileError) -> [(name: String, offset: Int)] {
    try [("episodes.csv", episodes), ("eval.csv", evaluations), ("progress.csv", progress), ("model.csv", model)].map {
      (entry: (String, CSVFile)) throws(FileError) in
      try entry.1.synchronize()
      return (entry.0, entry.1.offset)
    }
  }

  // MARK: Rows

  /// The episode that ended with the last step.
  package func appendEpisode(_ run: RunProgress, isTerminated: Bool, isTruncated: Bool, seconds: Double)
    throws(FileError)
  {
    try episodes.append([
      .integer(run.episodes - 1), .integer(run.step), .number(run.episodeReturn), .integer(run.episodeLength),
      .flag(isTerminated), .flag(isTruncated), .number(rounded(seconds)),
    ])
  }

  /// An evaluation at a step.
  package func appendEvaluation(_ result: EvaluationResult, step: Int, seconds: Double) throws(FileError) {
    try evaluations.append([
      .integer(step), .integer(result.episodes.count), .number(result.mean), .number(result.deviation),
      .number(result.minimum), .number(result.maximum), .number(result.lengthMean), .number(rounded(seconds)),
    ])
  }

  /// Where training stands; the means since the last row.
  package func appendProgress(_ run: RunProgress, _ metrics: Metrics, seconds: Double) throws(FileError) {
    let rate = Double(run.step - run.rowStep) / max(seconds - run.rowSeconds, 1e-9)
    try progress.append(
      [.integer(run.step), .integer(metrics.updates), .integer(run.episodes), run.recentMean.map { .number($0) }]
        + metrics.values.map { $0.map { .number($0) } }
        + [metrics.bufferSize.map { .integer($0) }, .number(rounded(rate)), .number(rounded(seconds))])
  }

  /// The epochs of a fit that ended with that step.
  package func appendModel(_ rows: [ModelFitRow], step: Int, seconds: Double) throws(FileError) {
    for row in rows {
      try model.append([
        .integer(step), .integer(row.iteration), .integer(row.epoch), .number(row.trainLoss),
        row.validationLoss.map { .number($0) }, row.bestValidationLoss.map { .number($0) }, .integer(row.trainSize),
        .integer(row.validationSize), .number(rounded(seconds)),
      ])
    }
  }

  /// Milliseconds are enough for a clock.
  private func rounded(_ seconds: Double) -> Double { (seconds * 1000).rounded() / 1000 }
}
