/// A file that only grows, one write per record: nothing is buffered in the process, so what was appended survives its
/// death. A record that could not be written whole is taken back.
package final class AppendFile {
  private let file: OpenFile
  /// Bytes in the file; a checkpoint keeps it, and `init(reopening:at:)` goes back to it.
  package private(set) var offset: Int

  /// Creates the file; fails where the path exists, so that no earlier log is lost.
  package init(creating path: String) throws(FileError) {
    file = try OpenFile.creating(path)
    offset = 0
  }

  /// Opens an existing file and cuts off what lies beyond `offset`; nil keeps everything.
  package init(reopening path: String, at offset: Int? = nil) throws(FileError) {
    let file = try OpenFile.updating(path)
    guard let size = try file.regularSize() else {
      throw FileError(path: path, operation: "append to", reason: "not a regular file")
    }
    let end = offset ?? size
    guard end >= 0, end <= size else {
      throw FileError(
        path: path, operation: "append to", reason: "it has \(size) bytes, the checkpoint was made at \(end)")
    }
    try file.truncate(to: end)
    self.file = file
    self.offset = end
  }

  package var path: String { file.path }

  /// Appends one record with one call to the system; on an error the file is as it was before.
  package func append(_ bytes: [UInt8]) throws(FileError) {
    do throws(FileError) {
      try file.write(bytes)
    } catch {
      try? file.truncate(to: offset)
      throw error
    }
    offset += bytes.count
  }

  /// Waits until everything appended is on the disk; a checkpoint calls this before it keeps `offset`.
  package func synchronize() throws(FileError) { try file.synchronize() }
}
