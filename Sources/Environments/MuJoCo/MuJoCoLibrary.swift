import CMuJoCo
import Foundation
import Support

/// The loaded library, and the models that were read with it: one for a whole process, whatever threads use it.
///
/// Nothing of it is ever unloaded; environments share a model, which no step writes to.
package final class MuJoCoLibrary: @unchecked Sendable {
  /// Where it and its models are.
  package let files: MuJoCoFiles
  /// "4.0.0".
  package let version: String
  let layout: MuJoCoLayout
  /// See cmujoco.h.
  let handle: OpaquePointer
  private let models = Guarded([String: MuJoCoModel]())

  private static let loaded = Guarded([String: MuJoCoLibrary]())
  private static let announced = Guarded(Set<String>())

  /// The library that is found at `place`, as `MuJoCoFiles` reads it.
  package static func load(_ place: String) throws(MuJoCoError) -> MuJoCoLibrary {
    let files = try MuJoCoFiles(place)
    return try loaded.withLockTyped { loaded throws(MuJoCoError) in
      if let library = loaded[files.library] { return library }
      let library = try MuJoCoLibrary(files)
      loaded[files.library] = library
      return library
    }
  }

  private init(_ files: MuJoCoFiles) throws(MuJoCoError) {
    var library: OpaquePointer?
    var number: Int32 = 0
    if let text = cmujoco_open(files.library, &library, &number) {
      throw .unusable(files.library, String(cString: text))
    }
    guard let layout = MuJoCoLayout.all.first(where: { $0.version == number }), let library else {
      throw .unknownVersion(files.library, number)
    }
    if let text = cmujoco_bind(library) { throw .unusable(files.library, String(cString: text)) }
    (self.files, handle, self.layout, version) = (files, library, layout, layout.name)
  }

  /// The model of that name, read once: from `text` where the program brings it itself, else from its file.
  package func model(_ name: String, text: String? = nil) throws(MuJoCoError) -> MuJoCoModel {
    let path = text == nil ? try files.model(name) : "the program's own \(name)"
    return try models.withLockTyped { models throws(MuJoCoError) in
      if let model = models[path] { return model }
      let model = try MuJoCoModel(self, path, text: text)
      models[path] = model
      return model
    }
  }

  /// Turns what a function of cmujoco.h reports into an error.
  func check(_ text: UnsafePointer<CChar>?) throws(MuJoCoError) {
    if let text { throw .failed(Self.line(text)) }
  }

  /// A text of the library's as one line.
  static func line(_ text: UnsafePointer<CChar>) -> String {
    String(cString: text).split { $0.isWhitespace }.joined(separator: " ")
  }

  /// Tells a person on standard error, once in a process.
  static func announce(_ text: String) {
    guard announced.withLock({ $0.insert(text).inserted }) else { return }
    FileHandle.standardError.write(Data("mbrl: \(text)\n".utf8))
  }
}

extension Guarded {
  /// `withLock` with the error's type.
  fileprivate func withLockTyped<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let outcome = withLock { value -> Swift.Result<Result, Failure> in
      do throws(Failure) { return .success(try body(&value)) } catch { return .failure(error) }
    }
    return try outcome.get()
  }
}

/// Why an environment of MuJoCo's cannot be had.
package enum MuJoCoError: Error, Equatable, CustomStringConvertible {
  /// Nothing was found at a place that was named, or anywhere.
  case missing(place: String)
  case missingModel(name: String, folder: String)
  case unusable(String, String)
  case unreadableModel(path: String, String)
  case unknownVersion(String, Int32)
  /// A field is not where the version's layout has it.
  case unexpectedLayout(version: String, field: String)
  /// The model does not have what the task asks for.
  case unsuitableModel(path: String, String)
  case failed(String)

  /// What installs it.
  package static let remedy = "to install it: scripts/setup-mujoco.sh"

  package var description: String {
    switch self {
    case .missing(""):
      "MuJoCo is not there; \(Self.remedy) (or name its folder by environment.library or \(MuJoCoFiles.variable))"
    case .missing(let place): "there is no libmujoco at \(place); \(Self.remedy)"
    case .missingModel(let name, let folder): "there is no model \(name) in \(folder); \(Self.remedy)"
    case .unusable(let path, let reason): "\(path) cannot be loaded: \(reason); \(Self.remedy)"
    case .unreadableModel(let path, let reason): "\(path) is no model that MuJoCo can read: \(reason)"
    case .unknownVersion(let path, let number):
      "\(path) is version \(Self.text(number)) of MuJoCo; known here: "
        + "\(MuJoCoLayout.all.map(\.name).joined(separator: ", ")); \(Self.remedy)"
    case .unexpectedLayout(let version, let field):
      "this library calls itself MuJoCo \(version), but has \(field) elsewhere; \(Self.remedy)"
    case .unsuitableModel(let path, let reason): "\(path) does not suit the task: \(reason)"
    case .failed(let text): text
    }
  }

  /// 4.0.0 is 4000000, and 3.3.7 was 337.
  private static func text(_ number: Int32) -> String {
    number >= 1_000_000
      ? "\(number / 1_000_000).\(number / 1000 % 1000).\(number % 1000)"
      : "\(number / 100).\(number / 10 % 10).\(number % 10)"
  }
}
