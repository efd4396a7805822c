import Algorithms
import Experiments
import Support

/// Measures the policy of a checkpoint by the code that measures it in training: equal settings give equal numbers.
package struct PolicyEvaluation: Sendable {
  /// nil: the experiment's own.
  package var episodes: Int?
  /// nil: the experiment's own.
  package var seed: Int?
  /// "planner.horizon=15": settings of the planner and the environment other than those of training, in order.
  package var overrides: [String] = []
  /// With exploration, where the policy has it.
  package var isStochastic = false
  /// Never changes a result.
  package var threads = Machine.cores
  /// The greedy policy of a tabular agent is drawn as a map.
  package var drawsMap = false
  /// The episodes of a tabular environment are written down as text.
  package var writesText = false
  /// How the first episode is drawn, if at all.
  package var drawing: Drawing?
  /// Asked before every step and within long plans: whether to leave it at the episodes that were completed.
  package var shouldStop: @Sendable () -> Bool = { false }

  /// What is written of how the agent's world model expects the first episode to go on, if at all.
  package var openLoop: OpenLoopPicture.Format?

  /// A way of drawing an episode.
  package enum Drawing: Sendable {
    /// Its observations, actions and rewards over time, as SVG.
    case chart
    /// What a bystander sees, or, of an agent with a world model that sees pictures, those and what it rebuilds, as an
    /// animated GIF.
    case movie
    /// Its last state likewise, as PNG.
    case still
  }

  /// The experiment's own settings.
  package init() {}

  /// What the measurement of one checkpoint gave.
  package struct Report: Sendable {
    package var path: String
    package var manifest: CheckpointManifest
    /// What `overrides` decided.
    package var settings: [(key: String, value: JSON)] = []
    /// What of the checkpoint's settings they leave out.
    package var notes: [String] = []
    package var result: EvaluationResult
    /// Whether each episode of `result` ended in what the task calls success; nil: it has no such word.
    package var successes: [Bool?] = []
    /// Episodes that were asked for; `result` has fewer where it was stopped.
    package var wanted: Int
    /// The greedy policy, where it was asked for.
    package var map: [String] = []
    /// The episodes as text, where they were asked for.
    package var text = ""
    /// The file with the first episode, where it was asked for.
    package var picture: [UInt8] = []
    /// The file with what a world model expected, where it was asked for; nil: there is nothing to show.
    package var openLoop: [UInt8]?

    /// The share of episodes that ended in success, 0 to 1; nil where the task does not say it of all.
    package var successRate: Double? {
      let known = successes.compactMap { $0 }
      guard !known.isEmpty && known.count == successes.count else { return nil }
      return Double(known.count { $0 }) / Double(known.count)
    }

    /// Whether all episodes were completed.
    package var isComplete: Bool { result.episodes.count == wanted }

    /// "seed 1 at step 300: 3 of 10 episodes, 2 checkpoints not measured": how far a measurement came that was stopped
    /// here, with so many checkpoints `left`.
    package func reached(left: Int) -> String {
      let rest = left > 0 ? ", \(left) \(left == 1 ? "checkpoint" : "checkpoints") not measured" : ""
      return "seed \(manifest.seed) at step \(manifest.step): \(result.episodes.count) of \(wanted) episodes\(rest)"
    }
  }

  /// Reads, verifies and restores a checkpoint, then runs the episodes and shows how far they are.
  package func run(_ path: String, reporter: EvaluationReporter? = nil) throws(ExperimentError) -> Report {
    let checkpoint = try Checkpoint.read(path)
    let experiment = try PolicyEvaluation.experiment(of: checkpoint, overrides)
    var configuration = experiment.configuration
    if drawing == .movie || drawing == .still { configuration.environment.drawPictures() }
    try MemoryCheck.need(of: configuration, steps: 0)
    do {
      let loop = try RunLoop(
        configuration, seed: checkpoint.manifest.seed, threads: max(1, min(64, threads)), shouldStop: shouldStop)
      try loop.restore(checkpoint, omitting: [.plans, .episodes])
      let standard = configuration.evaluation
      let task = try configuration.task()
      var evaluation = Evaluation(
        episodes: episodes ?? (standard.episodes > 0 ? standard.episodes : EvaluationConfiguration().episodes),
        seed: seed ?? standard.seed)
      evaluation.runStep = checkpoint.manifest.step
      guard !configuration.environment.isEndless else {
        throw ExperimentError.failed("episodes of this task have no step limit: an evaluation might never end")
      }
      if let openLoop { try OpenLoopPicture.check(openLoop, of: loop.agent, on: task.specification) }
      let rollout = try writesText ? RolloutText(task) : nil
      let title = "\(checkpoint.manifest.environment), seed \(evaluation.seed), after \(checkpoint.manifest.step) steps"
      let chart = drawing == .chart ? EpisodePicture(task.specification, title: title) : nil
      let still = drawing == .still ? EpisodeStill() : nil
      let movie = drawing == .movie ? EpisodeMovie(task.specification) : nil
      let rebuilt =
        drawing != nil && drawing != .chart && loop.agent.openLoopModel != nil
        ? ReconstructionMovie(task.specification) : nil
      let expectation = openLoop == nil ? nil : OpenLoopPicture(task.specification)
      var moment = EvaluationReporter.Moment(
        seed: checkpoint.manifest.seed, step: checkpoint.manifest.step, episodes: evaluation.episodes)
      reporter?.begin(moment)
      defer { reporter?.end(moment) }
      var successes: [Bool?] = []
      evaluation.onState = { environment, outcome in
        if outcome?.isOver == true { successes.append(environment.isSuccess) }
        moment.take(outcome)
        reporter?.update(moment)
        rollout?.append(environment, outcome)
        chart?.append(environment, outcome)
        movie?.append(environment, outcome)
        still?.append(environment, outcome)
        rebuilt?.append(environment, outcome)
        expectation?.append(environment, outcome)
      }
      evaluation.onAction = { actions in
        chart?.append(actions)
        rebuilt?.append(actions)
        expectation?.append(actions)
      }
      let map = try drawsMap ? mapLines(of: loop.agent, at: checkpoint.manifest.step, experiment) : []
      var results: [Evaluation.Episode] = []
      do {
        _ = try loop.evaluate(evaluation, isStochastic: isStochastic, into: &results, shouldStop: shouldStop)
      } catch is InterruptedError {}  // in a plan
      let expected = openLoop.flatMap { format in
        loop.agent.openLoopModel.flatMap { expectation?.bytes($0, format) }
      }
      let reconstruction = loop.agent.openLoopModel.flatMap { rebuilt?.bytes($0, isStill: drawing == .still) }
      return Report(
        path: path, manifest: checkpoint.manifest, settings: experiment.overridden,
        notes: experiment.notes.map(\.description),
        result: EvaluationResult(episodes: results), successes: successes,
        wanted: evaluation.episodes, map: map,
        text: rollout?.text ?? "",
        picture: reconstruction ?? movie?.bytes ?? still?.bytes ?? Array((chart?.svg ?? "").utf8),
        openLoop: expected)
    } catch {
      throw ExperimentError(error, step: checkpoint.manifest.step)
    }
  }

  private func mapLines(of agent: any Agent, at step: Int, _ experiment: ExperimentFile) throws -> [String] {
    var environment = try experiment.configuration.environment.make()
    environment.runStep = step
    let discount = experiment.resolved["agent"]?.object?["discount"]?.double ?? 1
    return try PolicyMap.lines(of: agent, on: environment.tabular, discount: discount)
  }

  /// The configuration that a checkpoint carries.
  package static func configuration(of checkpoint: Checkpoint) throws(ExperimentError) -> ExperimentConfiguration {
    try experiment(of: checkpoint, []).configuration
  }

  /// The settings that a checkpoint carries, changed by overrides of the planner and the environment.
  static func experiment(
    of checkpoint: Checkpoint, _ overrides: [String]
  ) throws(ExperimentError) -> ExperimentFile {
    let manifest = checkpoint.manifest
    guard ConfigurationIdentity.hash(manifest.settings) == manifest.configurationHash else {
      throw .checkpoint(path: checkpoint.path, reason: "its settings do not have its configuration's hash")
    }
    let own: ExperimentFile
    do throws(ExperimentError) {
      own = try ExperimentFile.read(.object(manifest.settings), name: "experiment", source: checkpoint.path)
    } catch {
      throw .checkpoint(path: checkpoint.path, reason: "its settings do not suit this program: \(error)")
    }
    if overrides.isEmpty { return own }
    let changed = try ExperimentFile.read(
      .object(manifest.settings), name: "experiment", source: checkpoint.path, overrides: overrides)
    let fixed = changed.overridden.map(\.key).filter { !$0.hasPrefix("planner.") && !$0.hasPrefix("environment.") }
    guard fixed.isEmpty else {
      throw .usage(
        "a policy is evaluated with other settings of planner and environment only; learning has decided "
          + fixed.joined(separator: ", "))
    }
    return changed
  }
}
