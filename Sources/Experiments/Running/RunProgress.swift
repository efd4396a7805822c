import Support

/// Where one run stands, apart from its agent and environment. Everything here is archived.
package struct RunProgress: Archivable, Equatable, Sendable {
  /// Completed environment steps.
  package var step = 0
  /// Completed episodes; also the number of the one that is going on.
  package var episodes = 0
  /// The last episode is over, the next one has not begun.
  package var isBetweenEpisodes = true
  /// Of the episode that is going on, or of the last one.
  package var episodeReturn = 0.0
  /// Likewise, in steps.
  package var episodeLength = 0
  /// Returns of the last 100 completed episodes, oldest first.
  package var recentReturns: [Double] = []
  /// The last step at which an evaluation was completed; 0: none yet.
  package var evaluatedStep = 0
  /// The step of the best evaluation so far; 0: none yet.
  package var bestStep = 0
  /// Its mean return.
  package var bestMean = -Double.infinity
  /// The mean of the last evaluation, for the display.
  package var evaluationMean = Double.nan
  /// Episodes of an evaluation at this step that was interrupted; empty otherwise. Stored as scalars: they may change
  /// while every tensor of the state stays.
  package var partialEvaluation: [Evaluation.Episode] = []
  /// Step and time of the last row of progress.csv, for its steps per second.
  package var rowStep = 0
  /// See `rowStep`.
  package var rowSeconds = 0.0
  /// Seconds spent on this run, sessions added up.
  package var elapsedSeconds = 0.0

  /// Episodes in the mean that progress.csv shows.
  package static let window = 100

  /// Before the first step.
  package init() {}

  /// Takes in one step; true where it ended the episode.
  package mutating func count(reward: Double, isOver: Bool) {
    step += 1
    episodeReturn += reward
    episodeLength += 1
    guard isOver else { return }
    episodes += 1
    isBetweenEpisodes = true
    if recentReturns.count == RunProgress.window { recentReturns.removeFirst() }
    recentReturns.append(episodeReturn)
  }

  /// Starts the count of a new episode.
  package mutating func beginEpisode() {
    isBetweenEpisodes = false
    episodeReturn = 0
    episodeLength = 0
  }

  /// Mean of the last 100 returns; nil before the first episode ended.
  package var recentMean: Double? {
    recentReturns.isEmpty ? nil : recentReturns.reduce(0, +) / Double(recentReturns.count)
  }

  package mutating func archive(_ archive: Archive) throws {
    try archive.value("step", &step)
    try archive.value("episodes", &episodes)
    try archive.value("isBetweenEpisodes", &isBetweenEpisodes)
    try archive.value("episodeReturn", &episodeReturn)
    try archive.value("episodeLength", &episodeLength)
    try archive.array("recentReturns", &recentReturns)
    try archive.value("evaluatedStep", &evaluatedStep)
    try archive.value("bestStep", &bestStep)
    try archive.value("bestMean", &bestMean)
    try archive.value("evaluationMean", &evaluationMean)
    try archive.scope("partialEvaluation") { try archivePartialEvaluation(archive) }
    try archive.value("rowStep", &rowStep)
    try archive.value("rowSeconds", &rowSeconds)
    try archive.value("elapsedSeconds", &elapsedSeconds)
  }

  private mutating func archivePartialEvaluation(_ archive: Archive) throws {
    var count = partialEvaluation.count
    try archive.value("episodes", &count)
    if archive.mode == .reading {
      guard 0...1_000_000 ~= count else { throw ArchiveError.malformed("partialEvaluation.episodes", "\(count)") }
      partialEvaluation = [Evaluation.Episode](repeating: Evaluation.Episode(seed: 0), count: count)
    }
    for index in 0..<count {
      try archive.scope(String(index)) {
        try archive.value("seed", &partialEvaluation[index].seed)
        try archive.value("total", &partialEvaluation[index].total)
        try archive.value("length", &partialEvaluation[index].length)
        try archive.value("isTerminated", &partialEvaluation[index].isTerminated)
        try archive.value("isTruncated", &partialEvaluation[index].isTruncated)
      }
    }
  }
}
