import Experiments
import Support

/// Measures the policy of a checkpoint by the code that measures it in training: equal settings give equal numbers.
package struct PolicyEvaluation: Sendable {
  /// nil: the experiment's own.
  package var episodes: Int?
  /// nil: the experiment's own.
  package var seed: Int?
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

  /// A way of drawing an episode.
  package enum Drawing: Sendable {
    /// Its observations and rewards over time, as SVG.
    case chart
    /// What a bystander sees, as an animated GIF.
    case movie
  }

  /// The experiment's own settings.
  package init() {}

  /// What the measurement of one checkpoint gave.
  package struct Report: Sendable {
    package var path: String
    package var manifest: CheckpointManifest
    package var result: EvaluationResult
    /// The greedy policy, where it was asked for.
    package var map: [String] = []
    /// The episodes as text, where they were asked for.
    package var text = ""
    /// The file with the first episode, where it was asked for.
    package var picture: [UInt8] = []
  }

  /// Reads, verifies and restores a checkpoint, then runs the episodes.
  package func run(_ path: String) throws(ExperimentError) -> Report {
    let checkpoint = try Checkpoint.read(path)
    let configuration = try PolicyEvaluation.configuration(of: checkpoint)
    try MemoryCheck.need(of: configuration, steps: 0)
    do {
      let loop = try RunLoop(configuration, seed: checkpoint.manifest.seed, threads: max(1, min(64, threads)))
      try loop.restore(checkpoint)
      let standard = configuration.evaluation
      let task = try configuration.task()
      var evaluation = Evaluation(
        episodes: episodes ?? (standard.episodes > 0 ? standard.episodes : EvaluationConfiguration().episodes),
        seed: seed ?? standard.seed)
      evaluation.runStep = checkpoint.manifest.step
      guard configuration.environment.stepLimit != nil else {
        throw ExperimentError.failed("episodes of this task have no step limit: an evaluation might never end")
      }
      let rollout = try writesText ? RolloutText(task) : nil
      let title = "\(checkpoint.manifest.environment), seed \(evaluation.seed), after \(checkpoint.manifest.step) steps"
      let chart = drawing == .chart ? EpisodePicture(task.specification, title: title) : nil
      let movie = drawing == .movie ? EpisodeMovie(task.specification) : nil
      evaluation.onState = { environment, outcome in
        rollout?.append(environment, outcome)
        chart?.append(environment, outcome)
        movie?.append(environment, outcome)
      }
      let map = try drawsMap ? PolicyMap.lines(of: loop.agent, on: task) : []
      var results: [Evaluation.Episode] = []
      _ = try loop.evaluate(evaluation, isStochastic: isStochastic, into: &results, shouldStop: { false })
      return Report(
        path: path, manifest: checkpoint.manifest, result: EvaluationResult(episodes: results), map: map,
        text: rollout?.text ?? "", picture: movie?.bytes ?? Array((chart?.svg ?? "").utf8))
    } catch {
      throw ExperimentError(error, step: checkpoint.manifest.step)
    }
  }

  /// The configuration that a checkpoint carries.
  package static func configuration(of checkpoint: Checkpoint) throws(ExperimentError) -> ExperimentConfiguration {
    let manifest = checkpoint.manifest
    guard ConfigurationIdentity.hash(manifest.settings) == manifest.configurationHash else {
      throw .checkpoint(path: checkpoint.path, reason: "its settings do not have its configuration's hash")
    }
    do throws(ExperimentError) {
      return try ExperimentFile.read(.object(manifest.settings), name: "experiment", source: checkpoint.path)
        .configuration
    } catch {
      throw .checkpoint(path: checkpoint.path, reason: "its settings do not suit this program: \(error)")
    }
  }
}
