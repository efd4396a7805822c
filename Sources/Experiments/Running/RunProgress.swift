import Environments
import Support

/// Where one run stands, apart from its agent and environment. Everything here is archived.
package struct RunProgress: Archivable, Equatable, Sendable {
  /// Completed environment steps of all lanes.
  package var step = 0
  /// Before the last call of `count`: no cadence is jumped over in between.
  package private(set) var stepBefore = 0
  package var episodes = 0
  /// Per lane, of the episode that is going on.
  private var returns: [Double]
  private var lengths: [Int32]
  /// Episodes that have ended and are not written down yet, without the time.
  package var ended: [EpisodeRow] = []
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

  /// Before the first step.
  package init(lanes: Int) {
    returns = [Double](repeating: 0, count: lanes)
    lengths = [Int32](repeating: 0, count: lanes)
  }

  /// Takes in one step of every lane.
  package mutating func count(_ steps: Transitions) {
    stepBefore = step
    for lane in 0..<steps.count {
      let outcome = steps.outcomes[lane]
      step += 1
      if steps.isFirst[lane] { (returns[lane], lengths[lane]) = (0, 0) }
      returns[lane] += outcome.reward
      lengths[lane] += 1
      if outcome.isOver { end(steps.episode[lane], lane, outcome) }
    }
  }

  private mutating func end(_ episode: Int, _ lane: Int, _ outcome: Outcome) {
    episodes += 1
    if recentReturns.count == RunFiles.returnWindow { recentReturns.removeFirst() }
    recentReturns.append(returns[lane])
    var row = EpisodeRow()
    (row.episode, row.step, row.total, row.length) = (episode, step, returns[lane], Int(lengths[lane]))
    (row.isTerminated, row.isTruncated) = (outcome.isTerminated, outcome.isTruncated)
    ended.append(row)
  }

  /// Forgets what belongs to the tables and checkpoints of the run so far: another one goes on from here.
  package mutating func forgetHistory() {
    (bestStep, bestMean, partialEvaluation) = (0, -.infinity, [])
    (rowStep, rowSeconds, elapsedSeconds) = (step, 0, 0)
  }

  /// Whether something that happens every `every` steps fell due with the last step; 0: never.
  package func isDue(_ every: Int) -> Bool { Cadence.isDue(every: every, from: stepBefore, to: step) }

  /// Mean of the last 100 returns; nil before the first episode ended.
  package var recentMean: Double? {
    recentReturns.isEmpty ? nil : recentReturns.reduce(0, +) / Double(recentReturns.count)
  }

  package mutating func archive(_ archive: Archive) throws {
    try archive.value("step", &step)
    try archive.value("episodes", &episodes)
    try archive.value("stepBefore", &stepBefore)
    let lanes = returns.count
    try archive.array("returns", &returns, isFixed: true)
    try archive.array("lengths", &lengths, isFixed: true)
    try RunProgress.archive("ended", &ended, of: EpisodeRow(), atMost: lanes, archive)
    try archive.array("recentReturns", &recentReturns)
    try archive.value("evaluatedStep", &evaluatedStep)
    try archive.value("bestStep", &bestStep)
    try archive.value("bestMean", &bestMean)
    try archive.value("evaluationMean", &evaluationMean)
    try RunProgress.archive(
      "partialEvaluation", &partialEvaluation, of: Evaluation.Episode(seed: 0), atMost: 1_000_000, archive)
    try archive.value("rowStep", &rowStep)
    try archive.value("rowSeconds", &rowSeconds)
    try archive.value("elapsedSeconds", &elapsedSeconds)
  }

  /// How many there are, then each under its number.
  private static func archive<Element: Archivable>(
    _ name: String, _ elements: inout [Element], of empty: Element, atMost limit: Int, _ archive: Archive
  ) throws {
    try archive.scope(name) {
      var count = elements.count
      try archive.value("episodes", &count)
      guard 0...limit ~= count else { throw ArchiveError.malformed("\(name).episodes", "\(count)") }
      if archive.mode == .reading { elements = [Element](repeating: empty, count: count) }
      for index in 0..<count { try archive.part(String(index), &elements[index]) }
    }
  }
}

extension EpisodeRow: Archivable {
  /// Everything but the time.
  package mutating func archive(_ archive: Archive) throws {
    try archive.value("episode", &episode)
    try archive.value("step", &step)
    try archive.value("total", &total)
    try archive.value("length", &length)
    try archive.value("isTerminated", &isTerminated)
    try archive.value("isTruncated", &isTruncated)
  }
}

extension Evaluation.Episode: Archivable {
  package mutating func archive(_ archive: Archive) throws {
    try archive.value("seed", &seed)
    try archive.value("total", &total)
    try archive.value("length", &length)
    try archive.value("isTerminated", &isTerminated)
    try archive.value("isTruncated", &isTruncated)
  }
}
