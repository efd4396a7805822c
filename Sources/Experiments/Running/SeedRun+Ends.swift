import Algorithms
import Support

/// How a run leaves: what it says of itself on disk.
extension SeedRun {
  /// What an error means for the run; a diverged state is stored for a look at it.
  func examine(_ error: any Error) -> ExperimentError {
    guard let diverged = error as? DivergedError else { return ExperimentError(error) }
    let archive = Archive(in: logs)
    if (try? loop.archive(archive)) != nil { try? Checkpoint.write(archive, manifest([]), to: directory.divergedPath) }
    return ExperimentError(diverged, step: loop.progress.step)
  }

  func leave(_ end: SeedEnd) {
    let (state, reason) = (end.state, end.reason)
    log.write(reason.map { "\(state.rawValue): \($0)" } ?? "\(state.rawValue) at step \(loop.progress.step)")
    // A full disk must not hide why the run ended.
    try? status(state, reason)
    try? RunRecord.end(
      directory.recordPath, step: loop.progress.step, outcome: state.rawValue,
      processorSeconds: clock.processorSeconds)
  }

  func status(_ state: RunStatus.State, _ reason: String? = nil) throws {
    try RunStatus(state: state, step: loop.progress.step, total: total, reason: reason).write(to: directory.statusPath)
  }

  func manifest(_ offsets: [(name: String, offset: Int)]) -> CheckpointManifest {
    CheckpointManifest(
      configurationHash: hash, settings: experiment.resolved, agent: configuration.agent.type,
      environment: configuration.environment.id, seed: directory.seed, step: loop.progress.step,
      facts: loop.agent.facts, offsets: offsets)
  }

  func firstNonFiniteWeight(_ archive: Archive) -> String? {
    archive.tensors.first { _, tensor in
      tensor.isWeight && tensor.elementType == .float32
        && tensor.bytes.withUnsafeBytes { !$0.bindMemory(to: Float.self).allSatisfy(\.isFinite) }
    }?.name
  }
}
