import Support

/// A stored state, verified: its manifest and its tensors.
package struct Checkpoint {
  /// The folder.
  package var path: String
  /// What state.json says.
  package var manifest: CheckpointManifest
  /// Weights first, then everything else.
  package var tensors: [(name: String, tensor: Archive.Tensor)]

  /// Weights, under PyTorch's names and layout.
  package static let weightsName = "weights.safetensors"
  /// All other tensors.
  package static let stateName = "state.safetensors"

  /// An archive to restore from; without `logs` what is in them is left out: a policy does not need it.
  package func makeArchive(_ logs: LogFolder? = nil, omitting omitted: Set<Archive.Passing> = []) -> Archive {
    Archive(scalars: manifest.scalars, tensors: tensors, logs: manifest.logs, in: logs, omitting: omitted)
  }

  /// The folder of the logs of a checkpoint in a seed's folder or in its folder of checkpoints.
  package static func logs(of path: String) -> String {
    let folder = FileSystem.folder(of: path)
    let isBeside = FileSystem.kind(of: "\(folder)/logs") == .folder
    return "\(isBeside ? folder : FileSystem.folder(of: folder))/logs"
  }

  /// Bytes of its files, state.json apart.
  package var byteCount: Int { manifest.files.reduce(0) { $0 + $1.bytes } }

  // MARK: Writing

  /// Writes the archive's state as the folder `path`, in one step: every file is on the disk before the folder gets its
  /// name. What stood there is replaced. On an error the old folder stands.
  package static func write(
    _ archive: Archive, _ manifest: CheckpointManifest, to path: String
  ) throws(FileError) {
    let temporary = FileSystem.temporaryName(beside: path)
    do throws(FileError) {
      try FileSystem.createFolder(temporary)
      var manifest = manifest
      manifest.scalars = archive.scalars
      manifest.logs = archive.logs
      manifest.files = []
      let metadata = [("format", "pt"), ("program", "mbrl \(Version.program)"), ("step", String(manifest.step))]
      for (name, areWeights) in [(weightsName, true), (stateName, false)] {
        let tensors = archive.tensors.filter { $0.tensor.isWeight == areWeights }
        let file = "\(temporary)/\(name)"
        let checksum = try Safetensors.write(tensors, metadata: metadata, to: file)
        manifest.files.append(.init(name: name, bytes: try size(of: file), checksum: checksum))
      }
      try FileSystem.writeAtomically(manifest.text, to: "\(temporary)/\(CheckpointManifest.fileName)")
      try replace(path, with: temporary)
    } catch {
      try? FileSystem.removeTree(temporary)
      var named = error
      if named.path.hasPrefix(temporary) { named.path = path + named.path.dropFirst(temporary.count) }
      throw named
    }
  }

  /// Renews scalars and offsets of a stored state whose tensors are still those of `archive`, in one step.
  package static func renew(
    _ path: String, _ archive: Archive, offsets: [(name: String, offset: Int)]
  ) throws(ExperimentError) {
    var manifest = try readManifest(path)
    manifest.scalars = archive.scalars
    manifest.offsets = offsets
    do throws(FileError) {
      try FileSystem.writeAtomically(manifest.text, to: "\(path)/\(CheckpointManifest.fileName)")
    } catch {
      throw .file(error)
    }
  }

  /// A folder cannot be renamed over a full one: the old one steps aside first and goes last.
  private static func replace(_ path: String, with temporary: String) throws(FileError) {
    guard FileSystem.kind(of: path) != nil else { return try FileSystem.moveDurably(temporary, to: path) }
    let old = FileSystem.temporaryName(beside: path)
    try FileSystem.move(path, to: old)
    try FileSystem.moveDurably(temporary, to: path)
    try FileSystem.removeTree(old)
  }

  private static func size(of path: String) throws(FileError) -> Int {
    try OpenFile.reading(path).regularSize() ?? 0
  }

  // MARK: Reading

  /// Reads and verifies a folder: format, version, sizes, checksums.
  /// - Parameter settings: the resolved configuration that it has to belong to; nil accepts any.
  package static func read(_ path: String, settings: JSONObject? = nil) throws(ExperimentError) -> Checkpoint {
    let manifest = try readManifest(path)
    if let settings {
      let differences = ConfigurationIdentity.differences(
        manifest.settings, settings, without: ConfigurationIdentity.changeable)
      if !differences.isEmpty {
        let more = differences.count > 3 ? "; and \(differences.count - 3) more" : ""
        let text = differences.prefix(3).map(\.description).joined(separator: "; ") + more
        throw .checkpoint(path: path, reason: "belongs to another configuration (\(text))")
      }
    }
    var tensors: [(name: String, tensor: Archive.Tensor)] = []
    for (name, areWeights) in [(weightsName, true), (stateName, false)] {
      guard let file = manifest.files.first(where: { $0.name == name }) else {
        throw .checkpoint(path: path, reason: "state.json does not list \(name)")
      }
      try verify(file, in: path)
      do throws(SafetensorsError) {
        tensors += try Safetensors.read("\(path)/\(name)", areWeights: areWeights).tensors
      } catch {
        throw .checkpoint(path: path, reason: "\(error)")
      }
    }
    return Checkpoint(path: path, manifest: manifest, tensors: tensors)
  }

  /// state.json alone, verified.
  package static func readManifest(_ path: String) throws(ExperimentError) -> CheckpointManifest {
    let document: JSON
    do throws(JSONFileError) {
      document = try JSONParser.read("\(path)/\(CheckpointManifest.fileName)")
    } catch {
      throw .checkpoint(path: path, reason: "\(error)")
    }
    do throws(CheckpointManifest.Fault) {
      return try CheckpointManifest(document)
    } catch {
      throw error.isOtherVersion
        ? .otherVersion(path: path, reason: error.description) : .checkpoint(path: path, reason: error.description)
    }
  }

  private static func verify(_ file: CheckpointManifest.File, in path: String) throws(ExperimentError) {
    do throws(FileError) {
      let found = try size(of: "\(path)/\(file.name)")
      guard found == file.bytes else {
        throw FileError(
          path: "", operation: "",
          reason: "\(file.name) has \(found) bytes instead of \(file.bytes): cut off or foreign")
      }
      guard try FileChecksum.ofFile("\(path)/\(file.name)") == file.checksum else {
        throw FileError(path: "", operation: "", reason: "\(file.name) does not have its checksum: damaged")
      }
    } catch {
      throw .checkpoint(path: path, reason: error.path.isEmpty ? error.reason : error.description)
    }
  }
}
