import Foundation

/// Files and folders by path, in terms of what must not be lost: what is replaced is replaced in one step, and what is
/// reported as written is on the disk.
package enum FileSystem {
  /// What stands at a path. Links are followed.
  package enum Kind: Sendable { case file, folder, other }

  // MARK: Looking

  /// What stands at `path`; nil where nothing does (or a link leads nowhere).
  package static func kind(of path: String) -> Kind? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .folder
    default: .other
    }
  }

  /// Whether a folder stands there itself, and not a link to one.
  package static func isFolderItself(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The names in a folder, sorted by their bytes, without "." and "..".
  package static func list(_ path: String) throws(FileError) -> [String] {
    guard let folder = opendir(path) else { throw FileError(path: path, operation: "list", code: errno) }
    defer { closedir(folder) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(folder) else {
        if errno != 0 { throw FileError(path: path, operation: "list", code: errno) }
        break
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The whole of a file of at most `limit` bytes; the size is checked before anything is read.
  package static func read(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
    let file = try OpenFile.reading(path)
    let size = try file.regularSize()
    let tooLarge = FileError(path: path, operation: "read", reason: "larger than \(byteCount(limit))")
    if let size, size > limit { throw tooLarge }
    // Pipes, and files such as those in /proc whose size says nothing, are read until they end.
    var bytes = [UInt8]()
    bytes.reserveCapacity(size ?? 0)
    var chunk = [UInt8](repeating: 0, count: min(max(size ?? 0, 1) + 1, 1 << 16))
    while true {
      let count = try chunk.withUnsafeMutableBufferPointer { (memory) throws(FileError) in
        try file.read(into: UnsafeMutableRawBufferPointer(memory))
      }
      if count == 0 { return bytes }
      guard bytes.count + count <= limit else { throw tooLarge }
      bytes.append(contentsOf: chunk[..<count])
    }
  }

  /// Bytes that an ordinary user can still write where `path` is.
  package static func freeSpace(at path: String) throws(FileError) -> Int {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { throw FileError(path: path, operation: "examine", code: errno) }
    let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
    return overflow ? Int.max : Int(clamping: bytes)
  }

  /// A size for people: "512 bytes", "1.5 KB", "16 MB" (powers of 1024).
  package static func byteCount(_ bytes: Int) -> String {
    guard abs(bytes) >= 1024 else { return bytes == 1 ? "1 byte" : "\(bytes) bytes" }
    var value = Double(bytes)
    var unit = 0
    let units = ["bytes", "KB", "MB", "GB", "TB", "PB", "EB"]
    while abs(value) >= 1023.95 && unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    let tenths = (value * 10).rounded()
    let text =
      abs(tenths) >= 100 || tenths.remainder(dividingBy: 10) == 0 ? String(Int(value.rounded())) : String(tenths / 10)
    return "\(text) \(units[unit])"
  }

  // MARK: Writing

  /// Replaces `path` with `bytes` in one step: whoever reads it sees the old or the new file, whole, even after a
  /// power failure. On an error the old file stands and nothing is left behind.
  package static func writeAtomically(_ bytes: [UInt8], to path: String) throws(FileError) {
    try writeAtomically(to: path) { (file) throws(FileError) in try file.write(bytes) }
  }

  /// Replaces `path` with `text` in one step.
  package static func writeAtomically(_ text: String, to path: String) throws(FileError) {
    try writeAtomically(Array(text.utf8), to: path)
  }

  /// Replaces `path` in one step with whatever `body` writes.
  package static func writeAtomically(
    to path: String, _ body: (borrowing OpenFile) throws(FileError) -> Void
  ) throws(FileError) {
    let temporary = temporaryName(beside: path)
    do throws(FileError) {
      let file = try OpenFile.creating(temporary)
      try body(file)
      try file.synchronize()
      try move(temporary, to: path)
    } catch {
      unlink(temporary)
      var named = error
      if named.path == temporary { named.path = path }
      throw named
    }
    try synchronizeFolder(folder(of: path))
  }

  /// Moves a file or a folder in one step; a file or an EMPTY folder at `destination` is replaced. The caller flushes
  /// what is inside first, `moveDurably` flushes the folder after.
  package static func move(_ source: String, to destination: String) throws(FileError) {
    guard rename(source, destination) == 0 else {
      throw FileError(path: destination, operation: "move \(source) to", code: errno)
    }
  }

  /// Moves a file or folder in one step and waits until the new name is on the disk.
  package static func moveDurably(_ source: String, to destination: String) throws(FileError) {
    try move(source, to: destination)
    try synchronizeFolder(folder(of: destination))
    if folder(of: source) != folder(of: destination) { try synchronizeFolder(folder(of: source)) }
  }

  /// Makes `path` a symbolic link to `target` in one step, whatever file or link stood there before.
  package static func replaceLink(_ path: String, to target: String) throws(FileError) {
    let temporary = temporaryName(beside: path)
    guard symlink(target, temporary) == 0 else { throw FileError(path: path, operation: "create link", code: errno) }
    do throws(FileError) {
      try move(temporary, to: path)
    } catch {
      unlink(temporary)
      throw error
    }
    try synchronizeFolder(folder(of: path))
  }

  /// Waits until the names in a folder are on the disk.
  package static func synchronizeFolder(_ path: String) throws(FileError) { try OpenFile.reading(path).synchronize() }

  /// Makes a folder and every missing one above it.
  package static func createFolder(_ path: String) throws(FileError) {
    if kind(of: path) == .folder { return }
    guard path.utf8.count <= 4096 else { throw FileError(path: path, operation: "create folder", code: ENAMETOOLONG) }
    let parent = folder(of: path)
    if parent != path { try createFolder(parent) }
    if mkdir(path, 0o777) != 0 {
      let code = errno
      // Another process may have been faster.
      if code == EEXIST, kind(of: path) == .folder { return }
      var error = FileError(path: path, operation: "create folder", code: code)
      if code == EEXIST { error.reason = inTheWay(at: path, error.reason) }
      throw error
    }
  }

  /// What stands at a path where a folder should be, beside the system's own words.
  private static func inTheWay(at path: String, _ reason: String) -> String {
    guard kind(of: path) == nil else { return "\(reason), and it is no folder; remove it, or name another place" }
    var target = [UInt8](repeating: 0, count: 4096)
    let count = target.withUnsafeMutableBytes { readlink(path, $0.baseAddress!, $0.count) }
    let place = String(decoding: target.prefix(max(count, 0)), as: UTF8.self)
    return "it is a link to \(place), where nothing is; make that folder, or remove the link"
  }

  /// Removes a file, a link (not what it leads to) or a folder with everything in it. What is missing is no fault.
  package static func removeTree(_ path: String) throws(FileError) {
    let isFolder = isFolderItself(path)
    if isFolder { for name in try list(path) { try removeTree("\(path)/\(name)") } }
    guard (isFolder ? rmdir(path) : unlink(path)) == 0 || errno == ENOENT else {
      throw FileError(path: path, operation: "remove", code: errno)
    }
  }

  // MARK: Names

  /// The folder that holds `path`: "." for a bare name.
  package static func folder(of path: String) -> String {
    var rest = path.utf8[...]
    let slash = UInt8(ascii: "/")
    func drop(while condition: (UInt8) -> Bool) {
      while let last = rest.last, condition(last) { rest.removeLast() }
    }
    drop { $0 == slash }
    drop { $0 != slash }
    if rest.isEmpty { return "." }
    drop { $0 == slash }
    return rest.isEmpty ? "/" : String(Substring(rest))
  }

  /// A folder, the one that holds it, and so on to the outermost.
  package static func folders(from path: String) -> UnfoldFirstSequence<String> {
    sequence(first: path) { folder(of: $0) == $0 ? nil : folder(of: $0) }
  }

  /// A hidden name in the same folder that no other process uses, on this machine or another (hence not the pid).
  package static func temporaryName(beside path: String) -> String {
    let name = path.split(separator: "/").last ?? "file"
    return "\(folder(of: path))/.\(name.prefix(60)).\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).tmp"
  }

  /// Whether a name in a folder is one of `temporaryName`: what a killed process may leave behind.
  package static func isTemporaryName(_ name: String) -> Bool { name.hasPrefix(".") && name.hasSuffix(".tmp") }
}
