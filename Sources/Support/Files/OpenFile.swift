import Foundation

/// Why a file or folder could not be used: what was tried, on which path, and the system's own words.
package struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
  package var path: String
  /// What was tried, as the verb after "cannot": "open", "write to".
  package var operation: String
  /// The system's error number; 0 where the program found the fault itself.
  package var code: Int32
  /// The system's text for `code`, or the program's own.
  package var reason: String

  /// A fault that the program found itself.
  package init(path: String, operation: String, reason: String) {
    (self.path, self.operation, self.code, self.reason) = (path, operation, 0, reason)
  }

  /// A failed system call.
  package init(path: String, operation: String, code: Int32) {
    self.init(path: path, operation: operation, reason: String(cString: strerror(code)))
    self.code = code
  }

  /// Whether the disk has no such thing at all: links, or locks.
  package var isUnsupported: Bool {
    [EPERM, ENOSYS, ENOTSUP, EOPNOTSUPP, EINVAL, ENOLCK].contains(code)
  }

  package var description: String { "cannot \(operation) \(path): \(reason)" }
}

/// An open file; closes itself when it goes out of scope. Interrupted and partial calls are continued.
package struct OpenFile: ~Copyable {
  /// The file descriptor, for calls that this type does not wrap.
  package let descriptor: Int32
  package let path: String

  deinit { close(descriptor) }

  /// Opens an existing file to read.
  package static func reading(_ path: String) throws(FileError) -> OpenFile { try open(path, O_RDONLY, "open") }

  /// Creates a file to write; fails where the path exists.
  package static func creating(_ path: String) throws(FileError) -> OpenFile {
    try open(path, O_RDWR | O_CREAT | O_EXCL, "create")
  }

  /// Opens a file to read and write; creates it where it is missing, if `creates`.
  package static func updating(_ path: String, creates: Bool = false) throws(FileError) -> OpenFile {
    try open(path, creates ? O_RDWR | O_CREAT : O_RDWR, "open")
  }

  /// Opens what exists to write at its end.
  package static func appending(_ path: String) throws(FileError) -> OpenFile {
    try open(path, O_WRONLY | O_APPEND, "open")
  }

  private static func open(_ path: String, _ flags: Int32, _ operation: String) throws(FileError) -> OpenFile {
    // A zero byte would silently end the path for the system.
    guard !path.utf8.contains(0) else { throw FileError(path: path, operation: operation, code: EINVAL) }
    while true {
      let descriptor = Foundation.open(path, flags | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return OpenFile(descriptor: descriptor, path: path) }
      if errno != EINTR { throw FileError(path: path, operation: operation, code: errno) }
    }
  }

  /// The size in bytes, where this is a regular file; nil for pipes and devices.
  package func regularSize() throws(FileError) -> Int? {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("examine") }
    return status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
  }

  /// Reads up to `memory.count` bytes; 0 only at the end of the file.
  package func read(into memory: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    while true {
      let count = Foundation.read(descriptor, memory.baseAddress, memory.count)
      if count >= 0 { return count }
      if errno != EINTR { throw failure("read") }
    }
  }

  /// Fills `memory` from `offset`; a file that ends before is a fault.
  package func readExactly(into memory: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) {
    var done = 0
    while done < memory.count {
      let count = pread(descriptor, memory.baseAddress! + done, memory.count - done, off_t(offset + done))
      if count < 0 {
        if errno == EINTR { continue }
        throw failure("read")
      }
      if count == 0 { throw FileError(path: path, operation: "read", reason: "the file ends too early") }
      done += count
    }
  }

  /// `count` bytes from `offset`. The caller has checked `count` against the size of the file.
  package func bytes(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
    // The initialiser below would write the count into the one empty array that all threads share.
    if count == 0 { return [] }
    do {
      return try [UInt8](unsafeUninitializedCapacity: count) { memory, initialized in
        try readExactly(into: UnsafeMutableRawBufferPointer(start: memory.baseAddress, count: count), at: offset)
        initialized = count
      }
    } catch let error as FileError {
      throw error
    } catch {
      preconditionFailure("only file errors are thrown above")
    }
  }

  /// Writes all of `bytes` at the current position.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var done = 0
    while done < bytes.count {
      let count = Foundation.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if count < 0 {
        if errno == EINTR { continue }
        throw failure("write to")
      }
      if count == 0 { throw FileError(path: path, operation: "write to", code: ENOSPC) }
      done += count
    }
  }

  /// Writes all of `bytes` at the current position.
  package func write(_ bytes: [UInt8]) throws(FileError) {
    try bytes.withUnsafeBufferPointer { (memory) throws(FileError) in try write(UnsafeRawBufferPointer(memory)) }
  }

  /// Cuts the file at `offset` and moves the position there.
  package func truncate(to offset: Int) throws(FileError) {
    guard ftruncate(descriptor, off_t(offset)) == 0 else { throw failure("cut") }
    guard lseek(descriptor, off_t(offset), SEEK_SET) >= 0 else { throw failure("seek in") }
  }

  /// Waits until everything written is on the disk.
  package func synchronize() throws(FileError) {
    while fsync(descriptor) != 0 {
      if errno == EINTR { continue }
      // Pipes and some file systems cannot: nothing is lost by going on.
      if errno == EINVAL || errno == ENOTSUP || errno == EROFS { return }
      throw failure("flush")
    }
  }

  private func failure(_ operation: String) -> FileError { FileError(path: path, operation: operation, code: errno) }
}

extension OpenFile {
  /// Fills the places of standard streams that were closed when the program started, so that no data file gets their
  /// numbers, and no message lands in it. What stands in can only be read: writing to it is the error it was before.
  package static func reserveStandardStreams() {
    for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) == -1 {
      // The lowest free number is taken, which is this one.
      _ = Foundation.open("/dev/null", O_RDONLY)
    }
  }
}
