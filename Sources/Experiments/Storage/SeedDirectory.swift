import Support

/// The folder of one seed, claimed by this process as long as the object lives.
package final class SeedDirectory {
  package private(set) var path: String
  package let seed: Int
  package var checkpoints: CheckpointStore { CheckpointStore("\(path)/checkpoints") }
  /// The run that it is part of.
  package var run: RunDirectory { RunDirectory(FileSystem.folder(of: path)) }
  private let lock: LockFile
  private let folder: HeldFolder

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
    try rethrow(FileSystem.createFolder(path), as: ExperimentError.file)
    do throws(FileError) { folder = try HeldFolder(path) } catch { throw .file(error) }
    lock = try rethrow(LockFile("\(path)/.lock"), as: ExperimentError.locked)
    try rethrow(removeLeftovers(), as: ExperimentError.file)
  }

  /// Whether the folder still stands where it was claimed.
  package var isInPlace: Bool { folder.isAt(path) }

  /// Goes after a folder that was moved.
  /// - Returns: where it is now; nil where it was removed.
  package func follow() -> String? {
    guard let place = folder.place else { return nil }
    path = place
    return place
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
