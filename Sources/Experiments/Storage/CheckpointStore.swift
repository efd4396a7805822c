import Support

/// The folder `checkpoints` of one seed: step-000010000/ … These folders count. The links `latest` and `best` beside
/// them are for people: copies make folders of them or lose them, and some disks have none.
package struct CheckpointStore: Equatable, Sendable {
  /// The folder; made with the first checkpoint.
  package let directory: String

  /// The folder of the logs beside it.
  package var logs: String { "\(FileSystem.folder(of: directory))/logs" }

  /// The newest checkpoint, and that of the best evaluation.
  package enum Pointer: String, Sendable { case latest, best }

  /// The store in that folder.
  package init(_ directory: String) { self.directory = directory }

  /// "step-000010000".
  package static func name(_ step: Int) -> String {
    let digits = String(step)
    return "step-" + String(repeating: "0", count: max(0, 9 - digits.count)) + digits
  }

  /// The step in a checkpoint's name; nil for any other name.
  package static func step(_ name: String) -> Int? {
    guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), self.name(step) == name else { return nil }
    return step
  }

  /// Where a step's checkpoint is, or would be.
  package func path(_ step: Int) -> String { "\(directory)/\(CheckpointStore.name(step))" }

  /// The steps of all stored checkpoints, newest first; empty where the folder is missing.
  package func steps() throws(FileError) -> [Int] {
    guard FileSystem.kind(of: directory) == .folder else { return [] }
    return try FileSystem.list(directory).compactMap(CheckpointStore.step).sorted(by: >)
  }

  /// Where that checkpoint is: the newest step, or the one of the best row of eval.csv; nil where there is none.
  package func path(_ pointer: Pointer) throws(FileError) -> String? {
    switch pointer {
    case .latest: return try steps().first.map(path)
    case .best:
      let table = try? CSVTable.read("\(FileSystem.folder(of: directory))/eval.csv").rows(EvaluationRow.self)
      return EvaluationRow.best(of: (table ?? []).filter { FileSystem.kind(of: path($0.step)) == .folder })
        .map { path($0.step) }
    }
  }

  /// Gives a step's checkpoint that name: by a link, or where the disk has none by a file that says where to look. nil,
  /// or a step that is not there, takes the name away.
  package func point(_ pointer: Pointer, to step: Int?) throws(FileError) {
    let link = "\(directory)/\(pointer.rawValue)"
    try makeRoom(at: link)
    guard let step, FileSystem.kind(of: path(step)) == .folder else { return try FileSystem.removeTree(link) }
    do throws(FileError) {
      try FileSystem.replaceLink(link, to: CheckpointStore.name(step))
    } catch {
      guard error.isUnsupported else { throw error }
      try FileSystem.writeAtomically(CheckpointStore.name(step) + "\n", to: link)
    }
  }

  /// A folder where a link should be, as copying leaves it: a step that is missing takes its place, a copy of one that
  /// is there goes, and anything else steps aside.
  private func makeRoom(at link: String) throws(FileError) {
    guard FileSystem.isFolderItself(link) else { return }
    let state = "/\(CheckpointManifest.fileName)"
    if let step = (try? Checkpoint.readManifest(link))?.step {
      if FileSystem.kind(of: path(step)) == nil { return try FileSystem.moveDurably(link, to: path(step)) }
      let (ours, theirs) = (try FileSystem.read(path(step) + state, limit: 1 << 40), link + state)
      if try FileSystem.read(theirs, limit: 1 << 40) == ours { return try FileSystem.removeTree(link) }
    }
    var (aside, number) = ("\(link)-aside", 1)
    while FileSystem.kind(of: aside) != nil {
      number += 1
      aside = "\(link)-aside-\(number)"
    }
    try FileSystem.moveDurably(link, to: aside)
  }

  /// Writes one checkpoint, calls it `latest`, and removes old ones: the newest `keep` and `protected` stay, and of
  /// the logs what one of these needs.
  package func write(
    _ archive: Archive, _ manifest: CheckpointManifest, keep: Int, protected: Set<Int>
  ) throws(FileError) {
    try FileSystem.createFolder(directory)
    try Checkpoint.write(archive, manifest, to: path(manifest.step))
    try point(.latest, to: manifest.step)
    for step in try steps().dropFirst(keep) where !protected.contains(step) {
      try FileSystem.removeTree(path(step))
    }
    if !archive.logs.isEmpty { try pruneLogs() }
  }

  /// As long as a checkpoint cannot be read nobody knows what it needs: then everything stays.
  private func pruneLogs() throws(FileError) {
    var needed: [(name: String, value: String)] = []
    for step in try steps() {
      guard let manifest = try? Checkpoint.readManifest(path(step)) else { return }
      needed += manifest.logs
    }
    try LogFolder.prune(logs, needed: needed)
  }

  /// The newest checkpoint that is intact, belongs to the configuration and passes `accepts`; what does not is set
  /// aside as "damaged-step-…" with a word to `warn`. One of another version of the program is not damaged: then all
  /// stay where they are.
  /// - Returns: nil where there is no checkpoint at all.
  package func newestUsable<Result>(
    settings: JSONObject, warn: (String) -> Void, accepts: (Checkpoint) throws -> Result
  ) throws(ExperimentError) -> Result? {
    var reasons: [(name: String, reason: String)] = []
    var advice = "the checkpoints are sound and stay: put the tables right first"
    func none() -> ExperimentError {
      .noUsableCheckpoint(directory: FileSystem.folder(of: directory), advice: advice, reasons)
    }
    for step in try listed() {
      let name = CheckpointStore.name(step)
      do {
        let result = try accepts(try Checkpoint.read(path(step), settings: settings))
        for reason in reasons { try setAside(reason.name, reason.reason, warn) }
        return result
      } catch let error as ExperimentError {
        switch error {
        case .checkpoint(_, let reason):
          reasons.append((name, reason))
          advice = "remove this folder to start the seed anew"
        case .otherVersion(_, let reason):
          reasons.append((name, reason))
          advice = "go on with the program that wrote them, or start a new run with --resume never"
          throw none()
        default: throw error
        }
      } catch {
        // A table that does not fit, mostly.
        reasons.append((name, "\(error)"))
      }
    }
    if !reasons.isEmpty { throw none() }
    return nil
  }

  private func listed() throws(ExperimentError) -> [Int] {
    do throws(FileError) { return try steps() } catch { throw .file(error) }
  }

  private func setAside(_ name: String, _ reason: String, _ warn: (String) -> Void) throws(FileError) {
    let aside = "\(directory)/damaged-\(name)"
    warn("checkpoint \(name) cannot be used and is set aside as damaged-\(name): \(reason)")
    try FileSystem.removeTree(aside)
    try FileSystem.move("\(directory)/\(name)", to: aside)
  }

  /// Removes what a killed process left half done, and mends what copying made of the links. The caller holds the lock.
  package func removeLeftovers() throws(FileError) {
    guard FileSystem.kind(of: directory) == .folder else { return }
    for pointer in [Pointer.latest, .best] { try makeRoom(at: "\(directory)/\(pointer.rawValue)") }
    for name in try FileSystem.list(directory) where FileSystem.isTemporaryName(name) {
      try FileSystem.removeTree("\(directory)/\(name)")
    }
  }
}
