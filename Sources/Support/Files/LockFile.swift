import Foundation

/// An exclusive claim on a folder, kept as long as this object lives: a file under `flock`, which the system releases
/// when the process ends, however it ends. The file stays behind; only the lock counts.
///
/// Where the disk has no locks a second file, PATH.held, is the claim as long as it is there. It says whose it is: one
/// left behind by a process of this machine that has ended is taken over; of another machine's nobody can tell, and the
/// error says which file to remove.
package final class LockFile {
  private let file: OpenFile
  /// The file that is the claim on a disk without locks; nil where the disk has them.
  private let claim: String?

  /// Takes the lock at once or says who has it.
  package init(_ path: String) throws(LockError) {
    let file: OpenFile
    do throws(FileError) { file = try OpenFile.updating(path, creates: true) } catch { throw .file(error) }
    var claim: String?
    while flock(file.descriptor, LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      if errno == EWOULDBLOCK { throw .held(path: path, by: LockFile.holder(file)) }
      let error = FileError(path: path, operation: "lock", code: errno)
      guard error.isUnsupported else { throw .file(error) }
      try LockFile.take("\(path).held")
      claim = "\(path).held"
      break
    }
    self.claim = claim
    do throws(FileError) {
      try file.truncate(to: 0)
      try file.write(Array("\(LockFile.identity)\n".utf8))
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
    if let claim {
      let isOurs = (try? FileSystem.read(claim, limit: 4096)) == Array("\(LockFile.identity)\n".utf8)
      if isOurs { unlink(claim) }
    }
    flock(file.descriptor, LOCK_UN)
  }

  private static var identity: String { "process \(getpid()) on \(hostName)" }

  /// Makes the file that is the claim, in one step; takes over that of a process of this machine that has ended.
  private static func take(_ path: String) throws(LockError) {
    for _ in 0..<100 {
      do throws(FileError) {
        let file = try OpenFile.creating(path)
        return try file.write(Array("\(identity)\n".utf8))
      } catch {
        guard error.code == EEXIST else { throw .file(error) }
      }
      guard let bytes = try? FileSystem.read(path, limit: 4096) else { continue }
      let holder = String(decoding: bytes.prefix { $0 >= 0x20 }, as: UTF8.self)
      guard hasEnded(holder) else { throw .claimed(path: path, by: holder.isEmpty ? "another process" : holder) }
      // Moved away under a name of its own: of two that take over, one finds the file gone.
      let aside = FileSystem.temporaryName(beside: path)
      guard rename(path, aside) == 0 else { continue }
      let isThatOne = (try? FileSystem.read(aside, limit: 4096)) == bytes
      if isThatOne { unlink(aside) } else { link(aside, path); unlink(aside) }
    }
    throw .claimed(path: path, by: "another process")
  }

  /// Whether "process 123 on HOST" is of this machine and gone.
  private static func hasEnded(_ holder: String) -> Bool {
    let words = holder.split(separator: " ")
    guard words.count == 4, words[3] == hostName, let process = pid_t(words[1]) else { return false }
    return kill(process, 0) != 0 && errno == ESRCH
  }

  /// Whether a process of this machine has the lock now, as far as can be told without touching it: Linux lists all
  /// locks, elsewhere the lock's note is believed where the process that it names lives.
  package static func isHeldHere(_ path: String) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    guard let bytes = try? FileSystem.read("/proc/locks", limit: 1 << 24) else { return isNoteTrue(path) }
    // "1: FLOCK  ADVISORY  WRITE 703 fe:00:131223 0 EOF": the device's numbers and the file's.
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").contains { line in
      let words = line.split(separator: " ")
      return words.contains("FLOCK") && words.contains { $0.hasSuffix(":\(status.st_ino)") }
    } && isNoteTrue(path)
  }

  private static func isNoteTrue(_ path: String) -> Bool {
    guard let bytes = try? FileSystem.read(path, limit: 4096), !bytes.isEmpty else { return false }
    return !hasEnded(String(decoding: bytes.prefix { $0 >= 0x20 }, as: UTF8.self))
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
  /// On a disk without locks: the file that says so outlives a process that is killed.
  case claimed(path: String, by: String)
  case file(FileError)

  package var description: String {
    switch self {
    case .held(let path, let holder): "\(path) is locked by \(holder); wait for it to end, or stop it"
    case .claimed(let path, let holder):
      "\(path) says that \(holder) works here, on a disk without locks; if it has ended, remove that file"
    case .file(let error): error.description
    }
  }
}
