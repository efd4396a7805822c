import Support

/// A checkpoint to be read: a folder, or what a seed's store calls so at that moment.
package enum CheckpointReference: Equatable, Sendable {
  case folder(String)
  case named(CheckpointStore.Pointer, CheckpointStore)

  /// The folder, or the seed's where it has a name only.
  package var place: String {
    switch self {
    case .folder(let path): path
    case .named(_, let store): FileSystem.folder(of: store.directory)
    }
  }

  /// Hands over the checkpoint's folder. A run that goes on meanwhile may remove it at any moment: `body` then gets the
  /// one that has its name by now.
  package func read<Result>(_ body: (_ path: String) throws -> Result) throws -> Result {
    switch self {
    case .folder(let path): return try body(path)
    case .named(let pointer, let store): return try CheckpointReference.read(pointer, store, body)
    }
  }

  private static func read<Result>(
    _ pointer: CheckpointStore.Pointer, _ store: CheckpointStore, _ body: (String) throws -> Result
  ) throws -> Result {
    var attempts = 0
    while true {
      guard let path = try store.path(pointer) else { throw CheckpointReference.missing(pointer, store) }
      do {
        return try body(path)
      } catch {
        attempts += 1
        // state.json goes first.
        let isGone = FileSystem.kind(of: "\(path)/\(CheckpointManifest.fileName)") == nil
        guard isGone, attempts < 100, try store.path(pointer) != path else { throw error }
      }
    }
  }

  /// Why there is none, and what to do.
  static func missing(_ pointer: CheckpointStore.Pointer, _ store: CheckpointStore) -> ExperimentError {
    let seed = FileSystem.folder(of: store.directory)
    switch pointer {
    case .latest: return .usage("\(seed) has no checkpoint yet")
    case .best:
      return .usage(
        "\(seed) has no best checkpoint, for no evaluation in its eval.csv has one; leave out --best for the newest")
    }
  }
}

/// What `eval` and `inspect` can be pointed at: a checkpoint, a seed's folder, or a run with all its seeds.
package enum CheckpointTarget: Equatable, Sendable {
  /// A folder with state.json, or `latest` or `best` in a seed's folder of checkpoints.
  case checkpoint(CheckpointReference)
  case seed(String)
  case run(RunDirectory)

  /// Looks at what stands at a path.
  package init(_ path: String) throws(ExperimentError) {
    var path = path
    while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
    if let named = CheckpointTarget.named(path) {
      self = .checkpoint(named)
      return
    }
    switch FileSystem.kind(of: path) {
    case nil: throw .usage("there is nothing at \(path)")
    case .folder:
      if FileSystem.kind(of: "\(path)/\(CheckpointManifest.fileName)") != nil {
        self = .checkpoint(.folder(path))
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

  /// What is called so by a link, a folder or a file beside a seed's checkpoints: which one it is the store knows.
  private static func named(_ path: String) -> CheckpointReference? {
    let store = CheckpointStore(FileSystem.folder(of: path))
    guard let pointer = CheckpointStore.Pointer(rawValue: String(path.split(separator: "/").last ?? "")),
      let steps = try? store.steps(), !steps.isEmpty
    else { return nil }
    return .named(pointer, store)
  }

  /// The only checkpoint meant.
  /// - Parameter purpose: what one is needed for, in words: "one policy acts".
  /// - Throws: `.usage` where there are several.
  package func checkpoint(
    _ pointer: CheckpointStore.Pointer, for purpose: String
  ) throws(ExperimentError) -> CheckpointReference {
    let all = try checkpoints(pointer)
    guard all.count == 1 else {
      throw .usage("\(purpose); name one seed or checkpoint, this run has \(all.count)")
    }
    return all[0]
  }

  /// The checkpoints meant: one, or one per seed of a run; seeds of a run that have none yet are told to `skip`.
  package func checkpoints(
    _ pointer: CheckpointStore.Pointer, skip: (String) -> Void = { _ in }
  ) throws(ExperimentError) -> [CheckpointReference] {
    switch self {
    case .checkpoint(let reference): return [reference]
    case .seed(let path):
      try RunFormat.check(FileSystem.folder(of: path))
      let store = CheckpointStore("\(path)/checkpoints")
      if try CheckpointTarget.isMissing(pointer, store) { throw CheckpointReference.missing(pointer, store) }
      return [.named(pointer, store)]
    case .run(let directory):
      try RunFormat.check(directory.path)
      let stores = try directory.seeds().map {
        CheckpointStore("\(directory.path)/\(SeedDirectory.name($0))/checkpoints")
      }
      if stores.isEmpty { throw .usage("\(directory.path) has no seeds yet") }
      var references: [CheckpointReference] = []
      var reason: ExperimentError?
      for store in stores {
        if try CheckpointTarget.isMissing(pointer, store) {
          let missing = CheckpointReference.missing(pointer, store)
          if stores.count > 1 { skip("\(missing): left out") }
          reason = reason ?? missing
        } else {
          references.append(.named(pointer, store))
        }
      }
      if references.isEmpty, let reason { throw reason }
      return references
    }
  }

  private static func isMissing(
    _ pointer: CheckpointStore.Pointer, _ store: CheckpointStore
  ) throws(ExperimentError) -> Bool {
    try rethrow(try store.path(pointer) == nil, as: ExperimentError.file)
  }
}
