import Support

/// One line of jobs.tsv: one seed of one variant, up to some step.
package struct SweepJob: Sendable, Equatable {
  package var index: Int
  /// NAME-HASH: the run's directory in the sweep's folder `runs`.
  package var run: String
  package var seed: Int
  /// In successive halving, which length it is; 0 otherwise.
  package var rung: Int
  /// Environment steps to be made.
  package var steps: Int
  /// What makes the variant, as "key.path=value".
  package var settings: [String]

  /// Names of the columns, in order.
  package static let columns = ["index", "run", "seed", "rung", "steps", "directory", "config", "settings"]

  /// Of the seed, within the sweep's folder.
  package var directory: String { "runs/\(run)/\(SeedDirectory.name(seed))" }
  /// The variant's configuration, within the sweep's folder.
  package var configuration: String { "configs/\(run).json" }

  package init(index: Int, run: String, seed: Int, rung: Int, steps: Int, settings: [String]) {
    (self.index, self.run, self.seed, self.rung) = (index, run, seed, rung)
    (self.steps, self.settings) = (steps, settings)
  }

  /// The line, without its end. Settings are JSON, which holds neither tab nor line end.
  package var line: String {
    [
      String(index), run, String(seed), String(rung), String(steps), directory, configuration,
      JSON.texts(settings).compactText,
    ].joined(separator: "\t")
  }

  /// A line; nil of anything else.
  package init?(line: Substring) {
    let cells = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    guard cells.count == SweepJob.columns.count, let index = Int(cells[0]), let seed = Int(cells[2]),
      let rung = Int(cells[3]), let steps = Int(cells[4]),
      let settings = (try? JSONParser.parse(cells[7]))?.array?.compactMap(\.string)
    else { return nil }
    self.init(index: index, run: cells[1], seed: seed, rung: rung, steps: steps, settings: settings)
    guard cells[5] == directory, cells[6] == configuration else { return nil }
  }
}
