import Support

/// What `eval` and `inspect` can be pointed at: a checkpoint, a seed's folder, or a run with all its seeds.
package enum CheckpointTarget: Equatable, Sendable {
  /// A folder with state.json.
  case checkpoint(String)
  case seed(String)
  case run(RunDirectory)

  /// Looks at what stands at a path.
  package init(_ path: String) throws(ExperimentError) {
    var path = path
    while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
    switch FileSystem.kind(of: path) {
    case nil: throw .usage("there is nothing at \(path)")
    case .folder:
      if FileSystem.kind(of: "\(path)/\(CheckpointManifest.fileName)") != nil {
        self = .checkpoint(path)
      } else if FileSystem.kind(of: "\(path)/checkpoints") == .folder {
        self = .seed(path)
      } else if RunDirectory(path).exists {
        self = .run(RunDirectory(path))
      } else {
        let parts = [Checkpoint.weightsName, Checkpoint.stateName]
        if parts.contains(where: { FileSystem.kind(of: "\(path)/\($0)") != nil }) {
          throw .checkpoint(path: path, reason: "\(CheckpointManifest.fileName) is missing")
        }
        throw .usage("\(path) is neither a checkpoint nor a run")
      }
    default: throw .usage("\(path) is no folder; a checkpoint is a folder with \(CheckpointManifest.fileName)")
    }
  }

  /// The checkpoints meant: one, or one per seed of a run; seeds of a run that have none yet are told to `skip`.
  package func checkpoints(
    _ pointer: CheckpointStore.Pointer, skip: (String) -> Void = { _ in }
  ) throws(ExperimentError) -> [String] {
    switch self {
    case .checkpoint(let path): return [path]
    case .seed(let path):
      try RunFormat.check(FileSystem.folder(of: path))
      guard let found = CheckpointStore("\(path)/checkpoints").path(pointer) else {
        throw .usage("\(path) has no checkpoint \"\(pointer.rawValue)\"")
      }
      return [found]
    case .run(let directory):
      try RunFormat.check(directory.path)
      var paths: [String] = []
      for seed in try directory.seeds() {
        let path = "\(directory.path)/\(SeedDirectory.name(seed))"
        if let found = CheckpointStore("\(path)/checkpoints").path(pointer) {
          paths.append(found)
        } else {
          skip("\(path) has no checkpoint \"\(pointer.rawValue)\" yet: left out")
        }
      }
      if paths.isEmpty { throw .usage("\(directory.path) has no checkpoint \"\(pointer.rawValue)\" yet") }
      return paths
    }
  }
}
