import Foundation

/// A path of the user's choosing that a command is to write a result to. Making one, before the work, tries whether it
/// can be written.
///
/// One rule for all commands: a file that stands there is replaced in one step, once the new one is whole; until then,
/// and on every error, the old one stands. "-" and "/dev/stdout" are standard output; a pipe or device is written to.
package struct OutputPath: Equatable, Sendable {
  private enum Kind { case standardOutput, file, device }

  /// As it was given.
  package let path: String
  private let kind: Kind
  /// Where the file itself stands: behind links, so that a link stays one.
  private let target: String

  /// Looks at the path; a file is tried by making one beside it and removing that again.
  package init(_ path: String) throws(FileError) {
    self.path = path
    guard !["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].contains(path) else {
      (kind, target) = (.standardOutput, path)
      return
    }
    target = OutputPath.resolved(path)
    switch FileSystem.kind(of: target) {
    case .folder: throw FileError(path: path, operation: "write", code: EISDIR)
    case .other:
      kind = .device
      guard access(target, W_OK) == 0 else { throw FileError(path: path, operation: "write to", code: errno) }
    case .file, nil:
      kind = .file
      if path.hasSuffix("/") { throw FileError(path: path, operation: "write", code: EISDIR) }
      let trial = FileSystem.temporaryName(beside: target)
      do throws(FileError) {
        _ = try OpenFile.creating(trial)
        try FileSystem.removeTree(trial)
      } catch {
        throw FileError(path: path, operation: "write", code: error.code)
      }
    }
  }

  /// Whether the result goes where other results go: to be printed instead of written.
  package var isStandardOutput: Bool { kind == .standardOutput }

  /// Whether both lead to the same place.
  package func collides(with other: OutputPath) -> Bool {
    kind != .device && (kind, target) == (other.kind, other.target) || (isStandardOutput && other.isStandardOutput)
  }

  /// Writes the whole result. Not for standard output.
  package func write(_ bytes: [UInt8]) throws(FileError) {
    if kind == .file { return try FileSystem.writeAtomically(bytes, to: target) }
    try OpenFile.appending(target).write(bytes)
  }

  /// Absolute and without links, as far as there is something.
  private static func resolved(_ path: String) -> String {
    func real(_ path: String) -> String? {
      guard let real = realpath(path, nil) else { return nil }
      defer { free(real) }
      return String(cString: real)
    }
    let name = path.split(separator: "/").last.map { "/\($0)" } ?? ""
    return real(path) ?? real(FileSystem.folder(of: path)).map { $0 + name } ?? path
  }
}
