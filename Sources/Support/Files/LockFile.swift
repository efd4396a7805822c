import Foundation

/// An exclusive claim on a folder, kept as long as this object lives: a file under `flock`, which the system releases
/// when the process ends, however it ends. The file stays behind; only the lock counts.
package final class LockFile {
  private let file: OpenFile

  /// Takes the lock at once or says who has it.
  package init(_ path: String) throws(LockError) {
    let file: OpenFile
    do throws(FileError) { file = try OpenFile.updating(path, creates: true) } catch { throw .file(error) }
    while flock(file.descriptor, LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      guard errno == EWOULDBLOCK else { throw .file(FileError(path: path, operation: "lock", code: errno)) }
      throw .held(path: path, by: LockFile.holder(file))
    }
    do throws(FileError) {
      try file.truncate(to: 0)
      try file.write(Array("process \(getpid()) on \(LockFile.hostName)\n".utf8))
    } catch {
      // A full disk must not keep anyone from working: the lock itself holds without its note.
    }
    self.file = file
  }

  deinit { release() }

  /// Gives the claim up, also where some thread still holds on to this object.
  package func release() {
    // The note is not left for the next reader to be misled by.
    try? file.truncate(to: 0)
    flock(file.descriptor, LOCK_UN)
  }

  /// This machine's name, as the lock's note and run.json give it.
  package static var hostName: String {
    var name = [CChar](repeating: 0, count: 257)
    guard gethostname(&name, 256) == 0 else { return "unknown host" }
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static func holder(_ file: borrowing OpenFile) -> String {
    var bytes = [UInt8](repeating: 0, count: 300)
    let count = bytes.withUnsafeMutableBytes { pread(file.descriptor, $0.baseAddress, $0.count, 0) }
    let line = bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") && $0 >= 0x20 }
    return line.isEmpty ? "another process" : String(decoding: line, as: UTF8.self)
  }
}

/// Why a lock could not be taken.
package enum LockError: Error, Equatable, CustomStringConvertible {
  case held(path: String, by: String)
  case file(FileError)

  package var description: String {
    switch self {
    case .held(let path, let holder): "\(path) is locked by \(holder); wait for it to end, or stop it"
    case .file(let error): error.description
    }
  }
}
