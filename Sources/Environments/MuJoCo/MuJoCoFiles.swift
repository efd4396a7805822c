import Foundation
import Support

/// Where MuJoCo's library and the XML files of models are.
package struct MuJoCoFiles: Sendable {
  /// The environment variable that may name the place.
  package static let variable = "MBRL_MUJOCO"
  /// What scripts/setup-mujoco.sh makes, beside the sources.
  package static let folder = ".mujoco"

  /// The path of libmujoco.
  package let library: String
  /// Folders with models, the first one first.
  let modelFolders: [String]

  /// Looks at `place`, else where the environment variable says, else in `.mujoco` of the working folder and of the
  /// folders that the program lies in. A place is a library, or a folder that holds one in itself or in `mujoco`, as
  /// Python's site-packages do; models are in `models`, in `gymnasium/envs/mujoco/assets` or beside the library.
  init(_ place: String) throws(MuJoCoError) {
    let named = place.isEmpty ? ProcessInfo.processInfo.environment[Self.variable] ?? "" : place
    for candidate in named.isEmpty ? Self.usual : [Self.expanded(named)] {
      guard let library = Self.library(at: candidate) else { continue }
      self.library = library
      let home = FileSystem.folder(of: library)
      modelFolders = [candidate, home, FileSystem.folder(of: home)].flatMap {
        ["\($0)/models", "\($0)/gymnasium/envs/mujoco/assets", $0]
      }
      return
    }
    throw .missing(place: named)
  }

  private static var usual: [String] {
    var starts = [FileManager.default.currentDirectoryPath]
    if let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
      starts.append(program)
    } else if let program = Bundle.main.executablePath {
      starts.append(program)
    }
    return starts.flatMap { start in
      sequence(first: start) { $0 == "/" || $0 == "." ? nil : FileSystem.folder(of: $0) }.map { "\($0)/\(folder)" }
    }
  }

  private static func expanded(_ path: String) -> String { NSString(string: path).expandingTildeInPath }

  private static func library(at place: String) -> String? {
    if FileSystem.kind(of: place) == .file { return place }
    for folder in [place, "\(place)/mujoco"] {
      let names = (try? FileSystem.list(folder)) ?? []
      let isLibrary = { (name: String) in
        name.hasPrefix("libmujoco.") && (name.contains(".so") || name.hasSuffix(".dylib"))
      }
      // The newest, where there are several.
      if let name = names.last(where: isLibrary) { return "\(folder)/\(name)" }
    }
    return nil
  }

  /// The path of a model: as Gymnasium takes it, a path begins with "/", "." or "~", anything else names a model.
  func model(_ name: String) throws(MuJoCoError) -> String {
    if let first = name.first, "/.~".contains(first) {
      let path = Self.expanded(name)
      if FileSystem.kind(of: path) == .file { return path }
      throw .missingModel(name: name, folder: FileSystem.folder(of: path))
    }
    for folder in modelFolders where FileSystem.kind(of: "\(folder)/\(name)") == .file { return "\(folder)/\(name)" }
    throw .missingModel(name: name, folder: modelFolders[0])
  }
}
