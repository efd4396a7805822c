/// A row of a table that is written and read by type, so that who writes a file and who reads it cannot drift apart.
package protocol TableRow {
  /// A row of zeros.
  init()
  /// Visits every column in order; the cells' mode decides whether the value is written or read.
  mutating func visit(_ cells: TableCells) throws(CSVError)
}

extension TableRow {
  /// The names in the header.
  package static var columns: [String] { Self().written.columns }

  /// The row as a file takes it.
  package var cells: [CSVFile.Cell?] { written.values }

  private var written: TableCells {
    let cells = TableCells()
    var row = self
    try! row.visit(cells)  // writing cannot fail
    return cells
  }
}

extension CSVTable {
  /// All rows. Columns that the type does not know are left out.
  package func rows<Row: TableRow>(_ type: Row.Type = Row.self) throws(CSVError) -> [Row] {
    var rows: [Row] = []
    rows.reserveCapacity(rowCount)
    for index in 0..<rowCount {
      var row = Row()
      try row.visit(TableCells(reading: self, row: index))
      rows.append(row)
    }
    return rows
  }
}

/// The cells of one row on their way into a file or out of one.
package final class TableCells {
  package private(set) var columns: [String] = []
  package private(set) var values: [CSVFile.Cell?] = []
  private let source: (table: CSVTable, row: Int)?

  /// Cells that are written.
  init() { source = nil }

  /// Cells that are read.
  init(reading table: CSVTable, row: Int) { source = (table, row) }

  /// A whole number.
  package func integer(_ column: String, _ value: inout Int) throws(CSVError) {
    try visit(column, &value, .integer(value), "a whole number") { Int($0) }
  }

  /// A number, "nan" and "inf" included.
  package func number(_ column: String, _ value: inout Double) throws(CSVError) {
    try visit(column, &value, .number(value), "a number") { Double($0) }
  }

  /// A number, or an empty cell.
  package func number(_ column: String, _ value: inout Double?) throws(CSVError) {
    if let source, try source.table.text(column, source.row) == nil { return value = nil }
    var number = value ?? 0
    try visit(column, &number, value.map { .number($0) }, "a number") { Double($0) }
    if source != nil { value = number }
  }

  /// A text; an empty cell is an empty one.
  package func text(_ column: String, _ value: inout String) throws(CSVError) {
    if let source {
      value = try source.table.text(column, source.row) ?? ""
    } else {
      columns.append(column)
      values.append(.text(value))
    }
  }

  /// true or false.
  package func flag(_ column: String, _ value: inout Bool) throws(CSVError) {
    try visit(column, &value, .flag(value), "true or false") { Bool($0) }
  }

  private func visit<Value>(
    _ column: String, _ value: inout Value, _ cell: CSVFile.Cell?, _ kind: String, _ parse: (String) -> Value?
  ) throws(CSVError) {
    guard let source else {
      columns.append(column)
      values.append(cell)
      return
    }
    let text = try source.table.text(column, source.row)
    guard let text, let parsed = parse(text) else {
      throw source.table.fault(source.row, "column \"\(column)\": \"\((text ?? "").shortened())\" is not \(kind)")
    }
    value = parsed
  }
}
