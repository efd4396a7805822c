import Support

/// One row of episodes.csv: a training episode.
package struct EpisodeRow: Equatable, Sendable, TableRow {
  /// Its number in the run, from 0.
  package var episode = 0
  /// Environment steps of the run when it ended.
  package var step = 0
  package var total = 0.0
  package var length = 0
  /// The task ended.
  package var isTerminated = false
  /// The time limit cut it.
  package var isTruncated = false
  /// Of work on the run.
  package var seconds = 0.0

  package init() {}

  package mutating func visit(_ cells: TableCells) throws(CSVError) {
    try cells.integer("episode", &episode)
    try cells.integer("env_step", &step)
    try cells.number("return", &total)
    try cells.integer("length", &length)
    try cells.flag("terminated", &isTerminated)
    try cells.flag("truncated", &isTruncated)
    try cells.number("wall_s", &seconds)
  }
}

/// One row of eval.csv: an evaluation.
package struct EvaluationRow: Equatable, Sendable, TableRow {
  /// Environment steps of the run when it was made.
  package var step = 0
  package var episodes = 0
  /// Of the episodes' returns; the deviation is the population's, divided by n.
  package var mean = 0.0
  package var deviation = 0.0
  package var minimum = 0.0
  package var maximum = 0.0
  package var lengthMean = 0.0
  /// Of work on the run.
  package var seconds = 0.0

  package init() {}

  /// The one with the highest mean, of equals the first; nil where there is none.
  package static func best(of rows: [EvaluationRow]) -> EvaluationRow? {
    rows.reduce(nil) { best, row in row.mean > best?.mean ?? -.infinity ? row : best }
  }

  package mutating func visit(_ cells: TableCells) throws(CSVError) {
    try cells.integer("env_step", &step)
    try cells.integer("episodes", &episodes)
    try cells.number("return_mean", &mean)
    try cells.number("return_std", &deviation)
    try cells.number("return_min", &minimum)
    try cells.number("return_max", &maximum)
    try cells.number("length_mean", &lengthMean)
    try cells.number("wall_s", &seconds)
  }
}
