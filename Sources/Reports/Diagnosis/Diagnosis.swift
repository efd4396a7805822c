import Algorithms
import Environments
import Experiments
import Support

/// What the learned model of a checkpoint gets wrong, measured on episodes of its policy that no training has seen.
package struct Diagnosis: Sendable {
  /// What is measured, and how long.
  package struct Settings: Sendable {
    package var episodes = 5
    /// Episode i starts from `seed` + i; nil: past the evaluations' own episodes.
    package var seed: Int?
    /// Steps of open-loop forecasts; nil: 20, or as far as the agent looks.
    package var horizon: Int?
    /// The error at which a forecast is of no use: a share of the observation's deviation.
    package var tolerance = 0.5
    /// Never changes a result.
    package var threads = Machine.cores
    package var shouldStop: @Sendable () -> Bool = { false }
    /// Told what is being done, and how much of it is: for a progress line.
    package var onProgress: (@Sendable (_ what: String, _ done: Int, _ of: Int) -> Void)?

    package init() {}
  }

  package var path: String
  package var manifest: CheckpointManifest
  package var settings: Settings
  package var specification: EnvironmentSpecification
  /// The experiment's settings, for what to try next.
  private var resolved: JSONObject { manifest.settings }
  /// How far the agent itself looks ahead through its model, and the setting that says so; nil: nobody knows.
  package var reach: (steps: Int, setting: String)?

  /// Episode i started from `seed` + i.
  package var seed = 0
  /// Returns of the episodes.
  package var returns: [Double] = []
  /// Transitions of the episodes; and of what the model has learned from.
  package var transitions = 0
  package var known = 0
  /// Newest transitions that came after the model's last fit.
  package var unseen = 0
  /// Networks that predict; nil of a world model with a memory.
  package var members: Int?
  /// Sizes of one-step errors in `Units` on: what was learned from, the newest tenth of it, the episodes; the last also
  /// as a share of how far states move.
  package var trainingError, newestError, policyError: Double?
  package var relativeTraining, relativePolicy: Double?
  /// Of the squared errors on what was learned from: the share of the worst hundredth of the rows, and the column that
  /// has more than half of theirs; nil of fewer rows, and where there is no such column.
  package var worstShare: Double?
  package var worstColumn: Int?
  /// See `novelty(of:to:_:)`.
  package var novelty: Double?
  /// Per column of the observation: root mean square error of one step in its unit, and its deviation.
  package var columnErrors: [Double] = []
  package var columnDeviations: [Double] = []
  /// Root mean square errors of the reward: in the episodes, and on what was learned from.
  package var rewardError, knownRewardError: Double?
  package var rewardDeviation = 0.0
  /// Of an inverse model: the share of the policy's actions that it tells right, or 1 − squared error / variance.
  package var inverseAccuracy: Double?
  package var calibration: Calibration?
  /// Size of the deviations that the model predicts, as a share of how far states move.
  package var relativeDeviation: Double?
  /// Of disagreement and error, over the transitions of the episodes and of what was learned from.
  package var rankCorrelation: Double?
  /// Disagreement's size over the error's.
  package var spread: Double?
  package var openLoop: OpenLoopErrors?
  /// One-step error and Lipschitz constant of the bound; the latter is the model's own, or how errors really grow.
  package var oneStep: Double?
  package var lipschitz: Double?
  package var lipschitzIsLocal = false
  package var promised: PromisedReturn?
  package var regions: StateRegions?

  /// States from which open-loop forecasts and imagined rollouts begin, at most; of policies that plan, fewer of the
  /// latter.
  private static let moments = 100
  private static let rollouts = (rows: 64, planned: 8)
  private static let mostRows = 2000
  /// States that a world model with a memory sees before a forecast.
  private static let latentContext = 10

  /// Nothing measured yet.
  package init(
    _ path: String, _ manifest: CheckpointManifest, _ specification: EnvironmentSpecification, _ settings: Settings
  ) {
    (self.path, self.manifest, self.specification, self.settings) = (path, manifest, specification, settings)
    reach = Diagnosis.reach(manifest.settings)
  }

  /// Reads, verifies and restores a checkpoint, runs the episodes and measures.
  /// - Throws: `.failed` where there is no fitted model of the dynamics; `.checkpoint`; `InterruptedError`.
  package init(of path: String, _ settings: Settings) throws {
    let checkpoint = try Checkpoint.read(path)
    let configuration = try PolicyEvaluation.configuration(of: checkpoint)
    try MemoryCheck.need(of: configuration, steps: 0)
    let specification = try configuration.task().specification
    self.init(path, checkpoint.manifest, specification, settings)
    let loop = try RunLoop(
      configuration, seed: manifest.seed, threads: max(1, min(64, settings.threads)), shouldStop: settings.shouldStop)
    try loop.restore(checkpoint, LogFolder(Checkpoint.logs(of: path)))
    let agent = loop.agent
    guard agent.openLoopModel != nil || agent.model != nil else {
      throw ExperimentError.failed(
        loop.metrics.tables.contains { $0.name == "model" }
          ? "\(path) is from before the first fit of its model: there is nothing to diagnose yet"
          : "\(path) learns no model of its environment's dynamics; agents with one: pets, random-shooting, mbpo, "
            + "double-horizon, dyna, dreamer")
    }
    guard agent.openLoopModel != nil || (agent.replay?.count ?? 0) > 0 else {
      throw ExperimentError.failed("\(path) has no data that its model was fitted to")
    }
    guard configuration.environment.stepLimit != nil else {
      throw ExperimentError.failed("episodes of this task have no step limit: they might never end")
    }
    do {
      unseen = manifest.step - (try Diagnosis.lastFit(of: path, before: manifest.step) ?? manifest.step)
      seed = settings.seed ?? configuration.evaluation.seed + 1_000_000
      try measure(agent, try runEpisodes(loop))
    } catch let error where !(error is InterruptedError) {
      throw ExperimentError(error, step: manifest.step)
    }
  }

  /// The step of the newest fit that model.csv tells of; nil: nobody says.
  private static func lastFit(of path: String, before step: Int) throws -> Int? {
    let file = "\(Checkpoint.logs(of: path))/../model.csv"
    guard FileSystem.kind(of: file) == .file else { return nil }
    let table = try CSVTable.read(file)
    return try (0..<table.rowCount).compactMap { try table.text("env_step", $0).flatMap { Int($0) } }
      .filter { $0 <= step }.max()
  }

  /// Episodes of the policy.
  private mutating func runEpisodes(_ loop: RunLoop) throws -> [Trajectory] {
    let recorder = TrajectoryRecorder(specification, loop.frozenNormalizer)
    var evaluation = Evaluation(episodes: settings.episodes, seed: seed)
    evaluation.runStep = manifest.step
    var length = 0
    let (total, report) = (settings.episodes, settings.onProgress)
    evaluation.onState = {
      recorder.append($0, $1)
      length += 1
      if length % 16 == 1 { report?("episodes", recorder.trajectories.count - 1, total) }
    }
    evaluation.onAction = { recorder.append($0) }
    var done: [Evaluation.Episode] = []
    guard try loop.evaluate(evaluation, into: &done, shouldStop: settings.shouldStop) else { throw InterruptedError() }
    returns = done.map(\.total)
    return recorder.complete
  }

  /// Tells how far a part is; throws where it is to stop.
  private func progress(_ what: String) -> (Int, Int) throws -> Void {
    { [settings] done, total in
      if settings.shouldStop() { throw InterruptedError() }
      settings.onProgress?(what, done, total)
    }
  }

  /// Holds the agent's model to episodes of its policy.
  private mutating func measure(_ agent: any Agent, _ trajectories: [Trajectory]) throws {
    let policy = TransitionSample(
      trajectories, columns: specification.observationSpace.size, actionColumns: specification.actionSpace.columns)
    let training = agent.replay.map { TransitionSample($0, most: Diagnosis.mostRows, unseen: unseen) }
    (transitions, known) = (policy.count, max(0, (agent.replay?.count ?? 0) - unseen))
    inverseAccuracy = agent.inverseModel.flatMap { policy.accuracy(of: $0) }
    let units = Units([policy] + [training].compactMap { $0 }.filter { $0.count > 0 })
    (columnDeviations, rewardDeviation) = (units.deviations, units.reward)
    let longest = trajectories.map(\.steps).max() ?? 0
    let latent = agent.openLoopModel
    let context = latent == nil ? 1 : min(Diagnosis.latentContext, max(1, longest / 2))
    let horizon = max(1, min(settings.horizon ?? max(20, reach?.steps ?? 0), longest - context + 1))
    let forecaster: any Forecaster
    if let latent {
      forecaster = LatentForecaster(latent, context: context)
    } else {
      forecaster = EnsembleForecaster(agent.model!, specification)
    }
    openLoop = try OpenLoopErrors(
      forecaster, trajectories, units, horizon: horizon, most: Diagnosis.moments, progress: progress("looking ahead"))
    oneStep = openLoop?.high.first
    lipschitz = openLoop?.growth
    guard let model = agent.model, latent == nil, let training, let replay = agent.replay else { return }
    try measure(model, policy, training, replay, units)
    promised = try PromisedReturn(
      agent, model, specification, trajectories, steps: min(20, max(1, longest)),
      most: has("planner") ? Diagnosis.rollouts.planned : Diagnosis.rollouts.rows, progress: progress("imagining"))
  }

  /// Everything about single steps of an ensemble.
  private mutating func measure(
    _ model: any DynamicsModel, _ policy: TransitionSample, _ training: TransitionSample, _ replay: Replay,
    _ units: Units
  ) throws {
    members = model.elites.count
    let onPolicy = OneStepErrors(model, policy, units)
    let onTraining = OneStepErrors(model, training, units)
    guard onPolicy.count > 0, onTraining.count > 0 else { return }
    let newest = OneStepErrors(
      model, TransitionSample(replay, most: Diagnosis.mostRows, unseen: unseen, newest: max(known / 10, 1)), units)
    (trainingError, newestError, policyError) = (onTraining.rms, newest.rms, onPolicy.rms)
    (relativeTraining, relativePolicy) = (onTraining.relative, onPolicy.relative)
    (worstShare, worstColumn) = (onTraining.worstShare, onTraining.worstColumn)
    novelty = Reports.novelty(of: policy, to: training, units)
    columnErrors = onPolicy.squared.map { $0.squareRoot() }
    (rewardError, knownRewardError) = (onPolicy.rewardError, onTraining.rewardError)
    calibration = Calibration(onPolicy.places)
    relativeDeviation = onPolicy.relativeDeviation
    if model.elites.count > 1 {
      // Where the policy goes all errors may be alike: both kinds of states tell whether larger ones are foreseen.
      rankCorrelation = Reports.rankCorrelation(
        onPolicy.disagreements + onTraining.disagreements, onPolicy.errors + onTraining.errors)
      if onPolicy.rms > 0 { spread = onPolicy.disagreement / onPolicy.rms }
    }
    if let local = LocalLipschitz(model, policy, units).high {
      (lipschitz, lipschitzIsLocal) = (local, true)
    }
    regions = StateRegions(policy, onPolicy.errors, units)
  }

  /// Settings that say how far an agent looks ahead, the first that is there.
  private static let reaches = [
    "planner.horizon", "agent.rolloutLength.last", "agent.stateHorizon", "agent.imaginationLength",
  ]

  private static func reach(_ settings: JSONObject) -> (steps: Int, setting: String)? {
    for path in reaches {
      if let steps = value(path, in: settings)?.integer { return (steps, path) }
    }
    return nil
  }

  /// What stands at "agent.fitEvery", say.
  private static func value(_ path: String, in settings: JSONObject) -> JSON? {
    path.split(separator: ".").reduce(.object(settings)) { $0?.object?[String($1)] }
  }

  /// Whether the experiment has such a setting: "agent.fitEvery".
  func has(_ setting: String) -> Bool { value(setting) != nil }
  /// What it is in the experiment.
  func value(_ setting: String) -> JSON? { Diagnosis.value(setting, in: resolved) }

  /// The bound on the error after so many steps, in the unit of the errors; nil where it cannot be told.
  package func bound(_ steps: Int) -> Double? {
    guard let oneStep, let lipschitz else { return nil }
    return ErrorBound.error(oneStep: oneStep, lipschitz: lipschitz, steps: steps)
  }

  /// The first step whose bound, and whose measured error, passes the tolerance.
  package var boundPasses: Int? {
    guard let oneStep, let lipschitz else { return nil }
    return ErrorBound.firstStep(above: settings.tolerance, oneStep: oneStep, lipschitz: lipschitz, most: 1000)
  }
  package var errorPasses: Int? { openLoop?.firstStep(above: settings.tolerance) }

  /// "θ̇, rad/s", or "observation 3".
  package func name(_ column: Int) -> String { specification.observationName(column) }
}
