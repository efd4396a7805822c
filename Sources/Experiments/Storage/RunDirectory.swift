import Foundation
import Support

/// The folder of one experiment: NAME-HASH with config.json and one folder per seed.
package struct RunDirectory: Equatable, Sendable {
  package var path: String

  /// The resolved configuration's name in it.
  package static let configurationName = "config.json"

  /// The run at that path, whether it is there or not.
  package init(_ path: String) { self.path = path }

  package var configurationPath: String { "\(path)/\(RunDirectory.configurationName)" }

  /// Whether an experiment was started here.
  package var exists: Bool { FileSystem.kind(of: configurationPath) == .file }

  /// The resolved configuration that stands there.
  package func readConfiguration() throws(ExperimentError) -> JSONObject {
    let source = configurationPath
    let document = try rethrow(JSONParser.read(source)) { (error: JSONFileError) in
      ExperimentError.configuration(source: source, "\(error)")
    }
    guard let object = document.object else { throw .configuration(source: source, "expected an object") }
    return object
  }

  /// The seeds that have a folder, ascending.
  package func seeds() throws(ExperimentError) -> [Int] {
    try rethrow(FileSystem.list(path), as: ExperimentError.file).compactMap(SeedDirectory.seed).sorted()
  }

  /// Writes config.json, if what stands there says anything else, and format.json where it is missing.
  package func writeConfiguration(_ resolved: JSONObject) throws(FileError) {
    try RunFormat.complete(path)
    let text = JSON.object(resolved).prettyText
    if let old = try? FileSystem.read(configurationPath, limit: 1 << 24), old == Array(text.utf8) { return }
    try FileSystem.writeAtomically(text, to: configurationPath)
  }

  /// Makes the folder with its config.json in one step.
  /// - Returns: false where a folder with content stands there already: another process was faster.
  package func create(_ resolved: JSONObject) throws(FileError) -> Bool {
    let parent = FileSystem.folder(of: path)
    try FileSystem.createFolder(parent)
    let temporary = FileSystem.temporaryName(beside: path)
    do throws(FileError) {
      try FileSystem.createFolder(temporary)
      try RunDirectory(temporary).writeConfiguration(resolved)
      try FileSystem.moveDurably(temporary, to: path)
      return true
    } catch {
      try? FileSystem.removeTree(temporary)
      if error.code == ENOTEMPTY || error.code == EEXIST { return false }
      var named = error
      if named.path.hasPrefix(temporary) { named.path = path }
      throw named
    }
  }

  /// The first of NAME-HASH, NAME-HASH-2, NAME-HASH-3 … that nobody has, made now.
  package static func createFresh(_ base: String, _ resolved: JSONObject) throws(FileError) -> RunDirectory {
    var number = 1
    while true {
      let directory = RunDirectory(number == 1 ? base : "\(base)-\(number)")
      if FileSystem.kind(of: directory.path) == nil, try directory.create(resolved) { return directory }
      number += 1
    }
  }

  /// Other experiments of the same name beside `base`, for the message of `--resume must`.
  package static func relatives(of base: String, name: String) -> [RunDirectory] {
    let parent = FileSystem.folder(of: base)
    let names = (try? FileSystem.list(parent)) ?? []
    return names.filter { $0.hasPrefix("\(name)-") }.map { RunDirectory("\(parent)/\($0)") }.filter(\.exists)
  }
}
