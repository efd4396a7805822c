import Support

/// The folder of one seed, claimed by this process as long as the object lives.
package final class SeedDirectory {
  /// The folder.
  package let path: String
  /// Its seed.
  package let seed: Int
  /// Its checkpoints.
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
    self.path = path
    self.seed = seed
    checkpoints = CheckpointStore("\(path)/checkpoints")
    do throws(FileError) {
      try FileSystem.createFolder(path)
    } catch {
      throw .file(error)
    }
    do throws(LockError) {
      lock = try LockFile("\(path)/.lock")
    } catch {
      throw .locked(error)
    }
    do throws(FileError) {
      try checkpoints.removeLeftovers()
      for name in try FileSystem.list(path) where FileSystem.isTemporaryName(name) {
        try FileSystem.removeTree("\(path)/\(name)")
      }
    } catch {
      throw .file(error)
    }
  }

  /// Gives the claim up: from now on others may work on the seed.
  package func release() { lock.release() }

  /// How the run stands.
  package var statusPath: String { "\(path)/status.json" }
  /// How it was started.
  package var recordPath: String { "\(path)/run.json" }
  /// What happened, for people.
  package var logPath: String { "\(path)/log.txt" }
  /// The state at which a number was not finite.
  package var divergedPath: String { "\(path)/diverged" }
}
