import Environments
import Experiments
import Support

/// Writes transitions of a policy, or of random actions, into a file.
package struct DataRecorder: Sendable {
  package var recording = RunLoop.Recording()
  /// Settings of planner and environment that replace a checkpoint's, or any of a configuration.
  package var overrides: [String] = []
  /// Never changes a result.
  package var threads = 1

  package init() {}

  /// Of a checkpoint's policy.
  /// - Returns: what was done, in a line.
  package func record(checkpoint path: String, to output: String) throws -> String {
    let (manifest, loop, _) = try restored(path)
    return try write(
      loop, to: output,
      DataRecorder.facts(manifest, isRandom: recording.isRandom, isStochastic: recording.isStochastic))
  }

  /// What the model of a checkpoint makes up; see `RunLoop.Imagining`.
  /// - Parameter starts: a file of transitions of the same task whose states rollouts begin in; nil: resets.
  /// - Returns: what was done, in a line.
  package func imagine(
    checkpoint path: String, _ imagining: RunLoop.Imagining, starts: String?, to output: String
  ) throws -> String {
    let (manifest, loop, configuration) = try restored(path)
    var imagining = imagining
    imagining.starts = try starts.map { try TransitionFile(reading: $0, for: try configuration.task().specification) }
    let file = try loop.imagine(imagining)
    try file.write(
      to: output,
      facts: DataRecorder.facts(manifest, isRandom: imagining.isRandom, isStochastic: imagining.isStochastic)
        + [("source", "model"), ("seed", String(imagining.seed))])
    return "\(output): \(file.count) imagined transitions"
  }

  /// A checkpoint's run as its policy needs it, with the settings that `overrides` leave it.
  private func restored(
    _ path: String
  ) throws -> (manifest: CheckpointManifest, loop: RunLoop, configuration: ExperimentConfiguration) {
    let checkpoint = try Checkpoint.read(path)
    let configuration = try PolicyEvaluation.experiment(of: checkpoint, overrides).configuration
    try MemoryCheck.need(of: configuration, steps: 0)
    let loop = try RunLoop(configuration, seed: checkpoint.manifest.seed, threads: threads)
    try loop.restore(checkpoint, omitting: [.plans, .episodes])
    return (checkpoint.manifest, loop, configuration)
  }

  /// Where transitions of a checkpoint come from, as their file says it.
  private static func facts(
    _ manifest: CheckpointManifest, isRandom: Bool, isStochastic: Bool
  ) -> [(key: String, value: String)] {
    [
      ("environment", manifest.environment), ("agent", manifest.agent),
      ("policy", isRandom ? "random" : isStochastic ? "stochastic" : "deterministic"),
      ("step", String(manifest.step)),
    ]
  }

  /// Of random actions in a configuration's environment.
  /// - Returns: what was done, in a line.
  package func record(configuration path: String, to output: String) throws -> String {
    let experiment = try ExperimentFile.load(path, overrides: overrides)
    var recorder = self
    recorder.recording.isRandom = true
    let loop = try RunLoop(experiment.configuration, seed: 0, threads: threads)
    return try recorder.write(
      loop, to: output, [("environment", experiment.configuration.environment.id), ("policy", "random")])
  }

  private func write(_ loop: RunLoop, to output: String, _ facts: [(key: String, value: String)]) throws -> String {
    let file = try loop.record(recording)
    try file.write(to: output, facts: facts + [("seed", String(recording.seed))])
    return "\(output): \(file.count) transitions"
  }
}
