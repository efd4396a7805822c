/// A table for people: columns aligned by spaces, numbers to the right.
package struct TextTable {
  private let headers: [String]
  private let rightAligned: Set<Int>
  private var rows: [[String]] = []

  /// - Parameter rightAligned: indexes of the columns that hold numbers.
  package init(_ headers: [String], rightAligned: Set<Int> = []) {
    (self.headers, self.rightAligned) = (headers, rightAligned)
  }

  /// Adds a row, a text for each column.
  package mutating func append(_ row: [String]) {
    precondition(row.count == headers.count, "\(row.count) cells in \(headers.count) columns")
    rows.append(row)
  }

  /// The lines, the header first, without spaces at their ends.
  package var lines: [String] {
    let all = [headers] + rows
    let widths = headers.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      var line = row.indices.map { column in
        let (cell, width) = (row[column], widths[column])
        return rightAligned.contains(column) ? cell.leftPadded(to: width) : cell.padded(to: width)
      }.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}
