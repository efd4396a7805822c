/// A table on disk that grows row by row under columns fixed at its start. Every row is one write to the system, so a
/// killed process loses at most a row that it had not finished; `offset` goes into checkpoints.
package final class CSVFile {
  /// One value; a missing one is nil in `append` and an empty cell in the file, never 0.
  package enum Cell: Equatable, Sendable {
    case integer(Int)
    /// The shortest digits that read back as the same number; "nan", "inf" and "-inf" where it is not finite.
    case number(Double)
    case flag(Bool)
    case text(String)
  }

  package let columns: [String]
  /// Places of the columns that the file has; nil: all.
  private let places: [Int]?
  private let file: AppendFile
  private var row: [UInt8] = []

  /// Creates the file with its header; fails where the path exists, so that no earlier log is lost.
  package init(creating path: String, columns: [String]) throws(FileError) {
    (self.columns, places) = (columns, nil)
    let header = CSVFile.header(columns)
    file = try AppendFile(creating: path)
    try file.append(header)
  }

  /// Opens an existing file at a row's end and cuts off what lies beyond. Its header must be that of `columns`, without
  /// some of the `optional` ones perhaps: those stay out.
  package init(reopening path: String, columns: [String], optional: [String] = [], at offset: Int) throws(FileError) {
    self.columns = columns
    places = try CSVFile.verify(path, columns: columns, optional: optional, at: offset)
    file = try AppendFile(reopening: path, at: offset)
  }

  /// Bytes in the file: the end of the last row.
  package var offset: Int { file.offset }
  package var path: String { file.path }

  /// Appends one row, a cell for each of `columns`; on an error the file is as it was before.
  package func append(_ cells: [Cell?]) throws(FileError) {
    precondition(cells.count == columns.count, "\(path) has \(columns.count) columns, not \(cells.count)")
    CSVFile.write(places.map { $0.map { cells[$0] } } ?? cells, to: &row)
    try file.append(row)
  }

  /// Waits until every row is on the disk; a checkpoint calls this before it keeps `offset`.
  package func synchronize() throws(FileError) { try file.synchronize() }

  /// A whole table as the bytes of such a file.
  package static func bytes(_ columns: [String], _ rows: [[Cell?]]) -> [UInt8] {
    var row: [UInt8] = []
    return rows.reduce(into: header(columns)) { bytes, cells in
      precondition(cells.count == columns.count, "\(columns.count) columns, not \(cells.count)")
      write(cells, to: &row)
      bytes += row
    }
  }

  // MARK: Parts

  /// Whether `init(reopening:columns:optional:at:)` can go on with a file; looks, and cuts nothing.
  /// - Returns: places of the columns that the file has; nil: all.
  @discardableResult
  package static func verify(
    _ path: String, columns: [String], optional: [String] = [], at offset: Int
  ) throws(FileError) -> [Int]? {
    var (header, places) = (header(columns), [Int]?.none)
    let file = try OpenFile.reading(path)
    func fault(_ reason: String) -> FileError { FileError(path: path, operation: "append to", reason: reason) }
    guard let size = try file.regularSize() else { throw fault("not a regular file") }
    let start = try file.bytes(at: 0, count: min(size, max(4096, header.count)))
    let line = start.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
    if !start.starts(with: header) {
      let found = Set(String(decoding: line, as: UTF8.self).split(separator: ",").map(String.init))
      let there = columns.indices.filter { found.contains(columns[$0]) || !optional.contains(columns[$0]) }
      (header, places) = (CSVFile.header(there.map { columns[$0] }), there)
    }
    guard start.starts(with: header) else {
      if let change = spreadsheetChange(start, header) {
        throw fault("\(change): undo that, or bring the old file back")
      }
      let text = String(decoding: line, as: UTF8.self).shortened(to: 200)
      throw fault("its columns are \"\(text)\", not \"\(columns.joined(separator: ","))\"")
    }
    guard offset >= header.count, offset <= size else {
      throw fault("it has \(size) bytes, the checkpoint was made at \(offset)")
    }
    guard try file.bytes(at: offset - 1, count: 1) == [UInt8(ascii: "\n")] else {
      throw fault("the checkpoint's position, byte \(offset), is not the end of a row")
    }
    return places
  }

  /// What a spreadsheet or an editor has done to a file whose columns are right; nil where that is not it.
  private static func spreadsheetChange(_ start: [UInt8], _ header: [UInt8]) -> String? {
    let names = Array(header.dropLast())
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let hasMark = start.starts(with: mark)
    let line = hasMark ? start.dropFirst(mark.count) : start[...]
    let hasReturns = line.starts(with: names + Array("\r\n".utf8))
    guard hasReturns || hasMark && line.starts(with: header) else { return nil }
    let changes =
      (hasMark ? ["a byte order mark before its first line"] : [])
      + (hasReturns ? ["lines that end in CRLF instead of LF"] : [])
    return "another program has saved it, with \(changes.joined(separator: " and "))"
  }

  private static func header(_ columns: [String]) -> [UInt8] {
    precondition(!columns.isEmpty && Set(columns).count == columns.count, "columns")
    var line: [UInt8] = []
    write(columns.map { .text($0) }, to: &line)
    return line
  }

  private static func write(_ cells: [Cell?], to row: inout [UInt8]) {
    row.removeAll(keepingCapacity: true)
    for (index, cell) in cells.enumerated() {
      if index > 0 { row.append(UInt8(ascii: ",")) }
      if let cell { write(cell, to: &row) }
    }
    row.append(UInt8(ascii: "\n"))
  }

  private static func write(_ cell: Cell, to row: inout [UInt8]) {
    switch cell {
    case .integer(let value): row += String(value).utf8
    case .number(let value): row += (value.isNaN ? "nan" : "\(value)").utf8
    case .flag(let value): row += (value ? "true" : "false").utf8
    case .text(let text):
      let special = ",\"\r\n".utf8
      // An empty text is quoted: bare, it would be a missing cell.
      guard text.isEmpty || text.first == " " || text.last == " " || text.utf8.contains(where: special.contains) else {
        row += text.utf8
        return
      }
      row.append(UInt8(ascii: "\""))
      for byte in text.utf8 {
        if byte == UInt8(ascii: "\"") { row.append(byte) }
        row.append(byte)
      }
      row.append(UInt8(ascii: "\""))
    }
  }
}
