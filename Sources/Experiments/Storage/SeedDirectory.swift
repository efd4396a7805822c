import Support

/// The folder of one seed, claimed by this process as long as the object lives.
package final class SeedDirectory {
  package let path: String
  package let seed: Int
  package let checkpoints: CheckpointStore
  private let lock: LockFile

  /// "seed-3".
  package static func name(_ seed: Int) -> String { "seed-\(seed)" }

  /// The seed in a folder's name; nil for any other name.
  package static func seed(_ name: String) -> Int? {
    guard name.hasPrefix("seed-"), let seed = Int(name.dropFirst(5)), self.name(seed) == name else { return nil }
    return seed
  }

  /// Makes the folder where it is missing, takes its lock, and removes what a killed process left half done.
  package init(run: String, seed: Int) throws(ExperimentError) {
    let path = "\(run)/\(SeedDirectory.name(seed))"
    (self.path, self.seed) = (path, seed)
    checkpoints = CheckpointStore("\(path)/checkpoints")
    try rethrow(FileSystem.createFolder(path), as: ExperimentError.file)
    lock = try rethrow(LockFile("\(path)/.lock"), as: ExperimentError.locked)
    try rethrow(removeLeftovers(), as: ExperimentError.file)
  }

  private func removeLeftovers() throws(FileError) {
    try checkpoints.removeLeftovers()
    for name in try FileSystem.list(path) where FileSystem.isTemporaryName(name) {
      try FileSystem.removeTree("\(path)/\(name)")
    }
  }

  /// Gives the claim up: from now on others may work on the seed.
  package func release() { lock.release() }

  package var statusPath: String { "\(path)/status.json" }
  package var recordPath: String { "\(path)/run.json" }
  package var logPath: String { "\(path)/log.txt" }
  /// The state at which a number was not finite.
  package var divergedPath: String { "\(path)/diverged" }
}
