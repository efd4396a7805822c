import Algorithms
import Support

/// The work on one seed from start or checkpoint to the end: steps, tables, evaluations, checkpoints.
///
/// After each step everything that is due happens in one order: rows, evaluation, checkpoint, stop. Each part is
/// remembered in the checkpoint, so that a run that was stopped anywhere goes on with exactly what is left. What
/// belongs to the end alone (the last row and evaluation where the cadence does not give them) comes after the last
/// checkpoint: a longer run starts from that checkpoint as if it had never ended there.
///
/// A request to stop is also heard within a step or an evaluation, in a long plan or model fit: that work is given up,
/// and started over by the next session.
package final class SeedRun {
  let experiment: ExperimentFile
  let directory: SeedDirectory
  let threads: Int
  let call: RunRecord.Call
  /// Where the run branches off, if this session begins it.
  private let origin: RunOrigin.Checkpoint?
  private let report: (RunEvent) -> Void
  private let shouldStop: @Sendable (StopPoint) -> Bool
  let hash: String
  let log: RunLog
  var loop: RunLoop
  var files: RunFiles
  /// What of the logs beside the checkpoints belongs to this run.
  let logs: LogFolder
  /// Step of the newest checkpoint of this state; nil: none yet.
  var checkpointedStep: Int?
  /// Episodes of an evaluation were completed after that checkpoint was written: it was stored while they were due.
  var isCheckpointBehind = false
  var clock: RunClock

  var configuration: ExperimentConfiguration { experiment.configuration }
  var total: Int { configuration.training.environmentSteps }

  /// Works on the seed until it is done, interrupted or failed; leaves status.json, run.json and log.txt to say which.
  /// Without a checkpoint of its own it starts from `origin`, or from nothing.
  package static func perform(
    _ experiment: ExperimentFile, in directory: SeedDirectory, threads: Int, call: RunRecord.Call,
    origin: RunOrigin.Checkpoint? = nil, report: @escaping (RunEvent) -> Void,
    shouldStop: @escaping @Sendable (StopPoint) -> Bool
  ) -> SeedEnd {
    let total = experiment.configuration.training.environmentSteps
    let end: SeedEnd
    let status = RunStatus.read(directory.statusPath)
    if let nothing = nothingToDo(in: directory, status, total) {
      report(.ended(nothing))
      return nothing
    }
    do {
      let run = try SeedRun(
        experiment, directory, threads: threads, call: call, origin: origin, report: report, shouldStop: shouldStop)
      if let status, status.state == .done { run.warnOfLastEvaluation() }
      do {
        end = try run.train()
      } catch {
        end = .failed(run.examine(error))
      }
      run.leave(end)
    } catch {
      end = .failed(ExperimentError(error))
      try? RunStatus(state: .failed, step: status?.step ?? 0, total: total, reason: end.reason)
        .write(to: directory.statusPath)
    }
    report(.ended(end))
    return end
  }

  /// How a seed ends that has all the steps asked for, or more; nil where there is work. Records change with work only.
  private static func nothingToDo(in directory: SeedDirectory, _ status: RunStatus?, _ total: Int) -> SeedEnd? {
    if let status, status.state == .done, status.step >= total {
      return status.total == total
        ? .done(step: status.step, wasDone: true) : .surpassed(step: status.step, requested: total, status)
    }
    let newest = (try? directory.checkpoints.path(.latest)).flatMap { $0 }.flatMap { try? Checkpoint.readManifest($0) }
    guard let newest, newest.stepBefore >= total else { return nil }
    return .surpassed(step: newest.step, requested: total, status)
  }

  private init(
    _ experiment: ExperimentFile, _ directory: SeedDirectory, threads: Int, call: RunRecord.Call,
    origin: RunOrigin.Checkpoint?, report: @escaping (RunEvent) -> Void,
    shouldStop: @escaping @Sendable (StopPoint) -> Bool
  ) throws {
    (self.experiment, self.directory, self.threads, self.call) = (experiment, directory, threads, call)
    (self.report, self.shouldStop) = (report, shouldStop)
    hash = ConfigurationIdentity.hash(experiment.resolved)
    let log = try RunLog(directory.logPath)
    self.log = log
    func makeLoop() throws -> RunLoop {
      try RunLoop(
        experiment.configuration, seed: directory.seed, threads: threads, shouldStop: { shouldStop(.computation) })
    }
    let restored = try directory.checkpoints.newestUsable(
      settings: experiment.resolved, warn: { SeedRun.warn($0, log, report) },
      accepts: { checkpoint in
        guard checkpoint.manifest.seed == directory.seed else {
          throw ExperimentError.checkpoint(path: checkpoint.path, reason: "belongs to seed \(checkpoint.manifest.seed)")
        }
        let loop = try makeLoop()
        let logs = LogFolder(directory.checkpoints.logs)
        try loop.restore(checkpoint, logs)
        let files = try RunFiles.reopen(in: directory.path, metrics: loop.metrics, at: checkpoint.manifest.offsets)
        return (loop, files, logs, checkpoint.manifest.step)
      })
    if let restored {
      (loop, files, logs) = (restored.0, restored.1, restored.2)
      checkpointedStep = restored.3
      self.origin = nil
    } else {
      loop = try makeLoop()
      self.origin = origin
      let data = experiment.configuration.training.data
      if let origin {
        try loop.branch(off: origin, experiment.resolved)
      } else if !data.isEmpty {
        try loop.startReplay(with: data)
      }
      files = try RunFiles.create(in: directory.path, metrics: loop.metrics)
      logs = LogFolder(directory.checkpoints.logs)
    }
    clock = RunClock(elapsed: loop.progress.elapsedSeconds)
  }

  private static func warn(_ text: String, _ log: RunLog, _ report: (RunEvent) -> Void) {
    log.write("warning: \(text)")
    report(.warning(text))
  }

  private func warn(_ text: String) { SeedRun.warn(text, log, report) }

  /// Of a run that has ended and is to be longer, what only its end had is gone.
  private func warnOfLastEvaluation() {
    let step = loop.progress.step
    guard configuration.evaluation.episodes > 0, !loop.progress.isDue(configuration.evaluation.every) else { return }
    warn(
      "the evaluation at step \(step), where the run ended before, is left out, and checkpoints/best with it if it was "
        + "the best: rows are those of a run that was this long from the start")
  }

  // MARK: Course

  private func train() throws -> SeedEnd {
    let start = loop.progress.step
    try directory.run.writeConfiguration(experiment.resolved)
    log.write(
      start == 0 ? "started" : origin.map { "branched off \($0.path) at step \(start)" } ?? "resumed at step \(start)")
    try RunRecord.begin(
      directory.recordPath, call: call, configurationHash: hash, seed: directory.seed, step: start, threads: threads,
      origin: origin, environment: try configuration.task().origin)
    try status(.running)
    // The state before the first step: from now on there always is something to go on from.
    if checkpointedStep == nil { try checkpoint() }
    // Killed right after a checkpoint got its name, the last session left the link at the one before.
    try directory.checkpoints.point(.latest, to: start)
    try directory.checkpoints.point(.best, to: loop.progress.bestStep > 0 ? loop.progress.bestStep : nil)
    report(.started(RunOutlook(step: start, configuration, activity: loop.activity, origin: origin?.path)))
    loop.takeWarnings().forEach(warn)
    forgetOtherEvaluation()
    if loop.isInsideStep {
      guard try advance() else { return try interrupt() }
    }
    while true {
      if loop.progress.isDue(configuration.evaluation.every), configuration.evaluation.episodes > 0,
        loop.progress.evaluatedStep < loop.progress.step
      {
        guard try evaluate() else { return try interrupt() }
      }
      if loop.progress.step >= total { return try finish() }
      if loop.progress.isDue(configuration.logging.progressEvery), !directory.isInPlace { try leaveMovedFolder() }
      if loop.progress.isDue(configuration.checkpoint.every) || isBest || isCheckpointBehind { try checkpoint() }
      if isBest { try directory.checkpoints.point(.best, to: loop.progress.step) }
      if shouldStop(.step(loop.progress.step)) { return try interrupt() }
      guard try advance() else { return try interrupt() }
    }
  }

  /// One step and its rows; false where it was asked to stop in the middle.
  private func advance() throws -> Bool {
    // Of an evaluation that belonged to an earlier end of the run.
    loop.progress.partialEvaluation = []
    let wasInsideStep = loop.isInsideStep
    do {
      try loop.step()
    } catch is InterruptedError {
      // What was stored of this step is not where it stands now, and what was learned of it so far has its rows.
      if loop.isInsideStep { checkpointedStep = nil }
      try appendTables()
      return false
    }
    for text in loop.takeWarnings() { warn("at step \(loop.progress.step) \(text)") }
    for alarm in loop.metrics.takeAlarms() { warn("at step \(loop.progress.step) \(alarm)") }
    // What was stored of this step is not its end.
    if wasInsideStep { checkpointedStep = nil }
    let seconds = clock.seconds
    for var row in loop.progress.ended {
      row.seconds = RunFiles.rounded(seconds)
      try files.append(row)
    }
    loop.progress.ended.removeAll(keepingCapacity: true)
    try appendTables()
    if loop.progress.isDue(configuration.logging.progressEvery) { try appendProgress() }
    report(.stepped(RunSnapshot(loop.progress)))
    return true
  }

  private func appendTables() throws {
    try files.appendTables(loop.metrics, step: loop.progress.step, seconds: clock.seconds)
    loop.metrics.clearRows()
  }

  private func appendProgress() throws {
    let seconds = clock.seconds
    let run = loop.progress
    try files.appendProgress(
      step: run.step, episodes: run.episodes, recentMean: run.recentMean, loop.metrics,
      stepsPerSecond: Double(run.step - run.rowStep) / max(seconds - run.rowSeconds, 1e-9), seconds: seconds)
    loop.metrics.clearValues()
    loop.progress.rowStep = loop.progress.step
    loop.progress.rowSeconds = seconds
  }

  /// Whether the best evaluation so far is that of this step.
  private var isBest: Bool { loop.progress.bestStep > 0 && loop.progress.bestStep == loop.progress.step }

  /// False where it was asked to stop; the episodes that were completed are kept for the next session.
  private func evaluate() throws -> Bool {
    let step = loop.progress.step
    var evaluation = Evaluation(episodes: configuration.evaluation.episodes, seed: configuration.evaluation.seed)
    evaluation.runStep = step
    var isComplete = false
    let start = clock.seconds
    do {
      isComplete = try loop.evaluate(evaluation, into: &loop.progress.partialEvaluation) {
        shouldStop(.evaluation(step))
      }
    } catch is InterruptedError {}
    for text in loop.takeWarnings() { warn("in the evaluation at step \(step) \(text)") }
    isCheckpointBehind = checkpointedStep == step
    guard isComplete else { return false }
    let result = EvaluationResult(episodes: loop.progress.partialEvaluation)
    loop.progress.partialEvaluation = []
    guard result.mean.isFinite else { throw DivergedError(quantity: "the mean return of the evaluation") }
    let seconds = clock.seconds
    try files.append(result.row(step: step, seconds: seconds))
    loop.progress.evaluatedStep = step
    loop.progress.evaluationMean = result.mean
    let isBest = result.mean > loop.progress.bestMean
    if isBest {
      loop.progress.bestMean = result.mean
      loop.progress.bestStep = step
    }
    log.write("evaluation at step \(step): mean \(result.mean), deviation \(result.deviation)")
    report(.evaluated(step: step, result, isBest: isBest, seconds: seconds, took: seconds - start))
    return true
  }

  /// Stores the state of this step, once; again only where an evaluation has been completed since.
  private func checkpoint() throws {
    let step = loop.progress.step
    if !directory.isInPlace { try leaveMovedFolder() }
    guard checkpointedStep != step || isCheckpointBehind else { return }
    try store()
  }

  func store() throws {
    let step = loop.progress.step
    loop.progress.elapsedSeconds = clock.seconds
    let archive = Archive(in: logs)
    try loop.archive(archive)
    if let name = firstNonFiniteWeight(archive) { throw DivergedError(quantity: name) }
    let offsets = try files.synchronizedOffsets()
    if checkpointedStep == step {
      try Checkpoint.renew(directory.checkpoints.path(step), archive, offsets: offsets)
    } else {
      try directory.checkpoints.write(
        archive, manifest(offsets), keep: configuration.checkpoint.keep, protected: [loop.progress.bestStep])
    }
    checkpointedStep = step
    isCheckpointBehind = false
    log.write("checkpoint at step \(step)")
    try status(.running)
    report(.checkpointed(step: step))
  }

  /// Stores the run once more where its folder is now: the tables went along, and belong to this step.
  private func leaveMovedFolder() throws -> Never {
    let old = directory.path
    guard let place = directory.follow() else { throw ExperimentError.moved(old, to: nil, step: loop.progress.step) }
    logs.path = directory.checkpoints.logs
    if checkpointedStep != loop.progress.step || isCheckpointBehind { try store() }
    throw ExperimentError.moved(old, to: place, step: loop.progress.step)
  }

  /// Forgets what was stored of an interrupted evaluation that is not gone on with: the settings of evaluations, or the
  /// run's length, have changed in between.
  private func forgetOtherEvaluation() {
    let (settings, progress) = (configuration.evaluation, loop.progress)
    let isDue = progress.isDue(settings.every) || progress.step >= total
    let episodes = progress.partialEvaluation
    if !isDue || episodes.count > settings.episodes || episodes.first.map({ $0.seed != settings.seed }) ?? false {
      loop.progress.partialEvaluation = []
    }
  }

  /// Makes the last checkpoint what it is where the evaluation after it is not interrupted.
  private func forgetEvaluation(_ begun: RunProgress, _ offsets: [(name: String, offset: Int)]) throws {
    let evaluated = loop.progress
    defer { loop.progress = evaluated }
    loop.progress = begun
    loop.progress.partialEvaluation = []
    let archive = Archive(in: logs)
    try loop.archive(archive)
    try Checkpoint.renew(directory.checkpoints.path(begun.step), archive, offsets: offsets)
  }

  private func interrupt() throws -> SeedEnd {
    try checkpoint()
    return .interrupted(step: loop.progress.step)
  }

  /// The last checkpoint, then what belongs to the end alone.
  private func finish() throws -> SeedEnd {
    try checkpoint()
    if isBest { try directory.checkpoints.point(.best, to: loop.progress.step) }
    if configuration.evaluation.episodes > 0, loop.progress.evaluatedStep < loop.progress.step {
      let begun = loop.progress
      // What the last session stored of this evaluation does not belong to the run's end.
      let offsets = begun.partialEvaluation.isEmpty ? nil : try files.synchronizedOffsets()
      guard try evaluate() else { return try interrupt() }
      if let offsets { try forgetEvaluation(begun, offsets) }
      if isBest { try directory.checkpoints.point(.best, to: loop.progress.step) }
    }
    if loop.progress.rowStep < loop.progress.step { try appendProgress() }
    _ = try files.synchronizedOffsets()
    return .done(step: loop.progress.step, wasDone: false)
  }
}
