import Support

/// A table of an agent's own, beside progress.csv: "model" becomes model.csv.
package struct TableDeclaration: Equatable, Sendable {
  package let name: String
  /// Between `env_step`, which stands first, and the clock, which stands last.
  package let columns: [String]

  package init(_ name: String, _ columns: [String]) {
    self.name = name
    self.columns = columns
  }
}

/// What learning reported since the run loop last looked.
package struct Metrics: Sendable {
  /// The agent's `metricNames`.
  package let names: [String]
  /// The agent's `tables`.
  package let tables: [TableDeclaration]
  /// The latest value per name; nil where nothing was measured since the last row (an empty cell, never 0).
  package private(set) var values: [Double?]
  /// Per table the rows that were not written yet.
  package private(set) var rows: [[[CSVFile.Cell?]]]
  /// Gradient updates since the start of the run.
  package var updates = 0
  /// Causes of this session, and texts that nobody has taken yet.
  var raised: [Alarm] = []
  /// See `raised`.
  var alarms: [String] = []
  /// Transitions in the replay; nil for agents without one.
  package var bufferSize: Int?

  package init(names: [String], tables: [TableDeclaration] = []) {
    self.names = names
    self.tables = tables
    values = [Double?](repeating: nil, count: names.count)
    rows = tables.map { _ in [] }
  }

  /// Nothing yet, under the names of an agent.
  package init(of agent: any Agent) { self.init(names: agent.metricNames, tables: agent.tables) }

  /// Sets the value of one of the agent's columns; a name that was not declared is a programmer's error.
  package mutating func record(_ name: String, _ value: Double) {
    guard let index = names.firstIndex(of: name) else { preconditionFailure("metric \(name) was not declared") }
    values[index] = value
  }

  /// Adds a row, a cell for each column, to one of the agent's tables.
  package mutating func append(to table: String, _ row: [CSVFile.Cell?]) {
    guard let index = tables.firstIndex(where: { $0.name == table }), tables[index].columns.count == row.count
    else { preconditionFailure("table \(table) was not declared so") }
    rows[index].append(row)
  }

  /// Forgets the values after a row of progress.csv was written; counters stay.
  package mutating func clearValues() {
    for index in values.indices { values[index] = nil }
  }

  /// Forgets the tables' rows after they were written.
  package mutating func clearRows() {
    for index in rows.indices { rows[index].removeAll(keepingCapacity: true) }
  }

  /// Whatever is not finite: its name; nil where all numbers are.
  package var firstNonfinite: String? {
    for (name, value) in zip(names, values) { if let value, !value.isFinite { return name } }
    for (table, rows) in zip(tables, rows) {
      for row in rows {
        for (column, cell) in zip(table.columns, row) {
          if case .number(let value) = cell, !value.isFinite { return "\(column) of the \(table.name)" }
        }
      }
    }
    return nil
  }
}

extension Metrics: Archivable {
  /// The values that wait for the next row of progress.csv, under their names, and the counters.
  package mutating func archive(_ archive: Archive) throws {
    try archive.value("updates", &updates)
    var size = bufferSize ?? -1
    try archive.value("bufferSize", &size)
    bufferSize = size < 0 ? nil : size
    // By name, since what evaluates a checkpoint may know other columns than what wrote it.
    try archive.scope("values") {
      for (index, name) in names.enumerated() {
        guard try archive.presence("\(name).isMeasured", values[index] != nil) else {
          values[index] = nil
          continue
        }
        var value = values[index] ?? .nan
        try archive.value(name, &value)
        values[index] = value
      }
    }
  }
}
