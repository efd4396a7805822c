/// A CSV file in memory (RFC 4180: quoted fields, LF or CRLF), its columns found by name.
///
/// A last row without its line end is what a killed process leaves behind: it is left out and said in `incompleteRow`.
package struct CSVTable: Sendable {
  /// The largest file that is read: 1 GB.
  package static let maximumBytes = 1 << 30

  package private(set) var columns: [String] = []
  package private(set) var rowCount = 0
  /// The line of a last row that was not written to its end, and is left out.
  package private(set) var incompleteRow: Int?

  private let path: String
  /// Row after row; nil for an empty cell.
  private var cells: [String?] = []
  private var lines: [Int] = []

  /// Reads a file.
  package static func read(_ path: String) throws(CSVError) -> CSVTable {
    try CSVTable(rethrow(FileSystem.read(path, limit: maximumBytes), as: CSVError.file), path: path)
  }

  /// Reads a file from memory; `path` is its name in messages.
  package init(_ bytes: [UInt8], path: String = "data") throws(CSVError) {
    self.path = path
    var reader = CSVReader(bytes, path)
    guard let header = try reader.row() else {
      let isEmpty = reader.incompleteRow == nil
      let empty = "the file is empty; expected a line of column names"
      throw .malformed(path: path, line: 1, isEmpty ? empty : "the line of column names has no end")
    }
    columns = header.map { $0 ?? "" }
    var seen = Set<String>()
    for name in columns where !seen.insert(name).inserted {
      throw .malformed(path: path, line: 1, "two columns are named \"\(name.shortened())\"")
    }
    while let row = try reader.row() {
      guard row.count == columns.count else {
        if row.isEmpty || row.count == 1 && row[0] == nil { continue }  // a blank line
        let message = "\(row.count) cells, the header has \(columns.count) columns"
        throw .malformed(path: path, line: reader.rowLine, message)
      }
      cells += row
      lines.append(reader.rowLine)
    }
    rowCount = lines.count
    incompleteRow = reader.incompleteRow
  }

  /// One cell; nil where it is empty.
  package func text(_ column: String, _ row: Int) throws(CSVError) -> String? {
    cells[row * columns.count + (try index(of: column))]
  }

  /// A fault in that row.
  package func fault(_ row: Int, _ message: String) -> CSVError { .malformed(path: path, line: lines[row], message) }

  private func index(of column: String) throws(CSVError) -> Int {
    guard let index = columns.firstIndex(of: column) else {
      let known = columns.prefix(50).map { $0.shortened() }.joined(separator: ", ")
      let remedy = Suggestion.didYouMean(column, among: columns, otherwise: "; its columns: \(known)")
      throw .malformed(path: path, line: 1, "no column \"\(column)\"\(remedy)")
    }
    return index
  }
}

/// Why a CSV file could not be read.
package enum CSVError: Error, Equatable, Sendable, CustomStringConvertible {
  case file(FileError)
  case malformed(path: String, line: Int, String)

  package var description: String {
    switch self {
    case .file(let error): error.description
    case .malformed(let path, let line, let message): "\(path): line \(line): \(message)"
    }
  }
}

/// Takes rows off the bytes of a CSV file.
private struct CSVReader {
  private let bytes: [UInt8]
  private let path: String
  private var position = 0
  private var line = 1
  /// Where the last row started.
  private(set) var rowLine = 1
  private(set) var incompleteRow: Int?

  init(_ bytes: [UInt8], _ path: String) {
    (self.bytes, self.path) = (bytes, path)
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }  // spreadsheets write it
  }

  /// The next row that has its line end; nil at the end of the file.
  mutating func row() throws(CSVError) -> [String?]? {
    rowLine = line
    guard position < bytes.count else { return nil }
    var row: [String?] = []
    while true {
      guard let cell = try cell() else {
        incompleteRow = rowLine
        position = bytes.count
        return nil
      }
      row.append(cell)
      let end = bytes[position]
      position += 1
      if end == UInt8(ascii: "\n") {
        line += 1
        return row
      }
    }
  }

  /// One cell, up to the comma or line feed after it; nil where the file ends first. The inner nil is an empty cell.
  private mutating func cell() throws(CSVError) -> String?? {
    guard position < bytes.count else { return nil }
    if bytes[position] == UInt8(ascii: "\"") {
      guard let text = try quotedCell() else { return nil }
      return .some(text)
    }
    let start = position
    while position < bytes.count, bytes[position] != UInt8(ascii: ","), bytes[position] != UInt8(ascii: "\n") {
      if bytes[position] == UInt8(ascii: "\"") { throw fault("a quote inside a cell that does not start with one") }
      position += 1
    }
    guard position < bytes.count else { return nil }
    var end = position
    if bytes[position] == UInt8(ascii: "\n"), end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return end == start ? .some(nil) : try text(bytes[start..<end])
  }

  /// The text between quotes; nil where the file ends first.
  private mutating func quotedCell() throws(CSVError) -> String? {
    position += 1
    var start = position
    var content: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == UInt8(ascii: "\n") { line += 1 }
      guard byte == UInt8(ascii: "\"") else { continue }
      content += bytes[start..<position - 1]
      start = position
      guard position < bytes.count else { return nil }
      switch bytes[position] {
      case UInt8(ascii: "\""): position += 1  // a doubled quote: `start` is at the second, which stands for itself
      case UInt8(ascii: ","), UInt8(ascii: "\n"): return try text(content[...])
      case UInt8(ascii: "\r") where position + 1 == bytes.count: return nil
      case UInt8(ascii: "\r") where bytes[position + 1] == UInt8(ascii: "\n"):
        position += 1
        return try text(content[...])
      default: throw fault("text after the closing quote of a cell")
      }
    }
    return nil
  }

  private func text(_ bytes: ArraySlice<UInt8>) throws(CSVError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw fault("invalid UTF-8") }
    return text
  }

  private func fault(_ message: String) -> CSVError { .malformed(path: path, line: line, message) }
}
