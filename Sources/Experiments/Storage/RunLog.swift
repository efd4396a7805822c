import Support

/// log.txt of one seed: one dated line per event, for people.
package final class RunLog {
  private let file: AppendFile

  /// Opens or creates the file.
  package init(_ path: String) throws(FileError) {
    file = FileSystem.kind(of: path) == nil ? try AppendFile(creating: path) : try AppendFile(reopening: path)
  }

  /// Appends one line. What cannot be written is left out: the log never stops a run.
  package func write(_ line: String) {
    let oneLine = line.split(whereSeparator: \.isNewline).joined(separator: "; ")
    try? file.append(Array("\(Clock.timestamp()) \(oneLine)\n".utf8))
  }
}
