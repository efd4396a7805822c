import Support

/// Points of a curve that others have published, for one task.
package struct PublishedCurve: Equatable, Sendable {
  package struct Point: Equatable, Sendable {
    package var x, value: Double
    /// Its interval, where the source has one.
    package var low, high: Double?
  }

  package var name: String
  /// Ascending.
  package var points: [Point]

  /// A row of a table of published points; columns beyond these are left alone.
  private struct Row: TableRow {
    var system = ""
    var task = ""
    var steps = 0.0
    var mean = 0.0
    var low: Double?
    var high: Double?

    mutating func visit(_ cells: TableCells) throws(CSVError) {
      try cells.text("system", &system)
      try cells.text("task", &task)
      try cells.number("steps", &steps)
      try cells.number("return_mean", &mean)
      try cells.number("return_low", &low)
      try cells.number("return_high", &high)
    }
  }

  /// The curves of every task of a CSV file with the columns system, task, steps, return_mean, return_low, return_high,
  /// in the file's order.
  /// - Parameter systems: the ones that are wanted; nil: all.
  /// - Throws: `CSVError` also where the file has no system of that name.
  package static func read(_ path: String, systems: [String]?) throws(CSVError) -> [(
    task: String, curve: PublishedCurve
  )] {
    let rows = try CSVTable.read(path).rows(Row.self)
    var names: [String] = []
    for row in rows where !names.contains(row.system) { names.append(row.system) }
    for system in systems ?? [] where !names.contains(system) {
      let remedy = Suggestion.didYouMean(system, among: names, otherwise: "; it has \(names.joined(separator: ", "))")
      throw .malformed(path: path, line: 1, "no system \"\(system)\"\(remedy)")
    }
    var curves: [(task: String, curve: PublishedCurve)] = []
    for row in rows where systems?.contains(row.system) ?? true {
      guard row.steps.isFinite, row.mean.isFinite else { continue }
      let point = Point(x: row.steps, value: row.mean, low: row.low, high: row.high)
      if let index = curves.firstIndex(where: { $0.task == row.task && $0.curve.name == row.system }) {
        curves[index].curve.points.append(point)
      } else {
        curves.append((row.task, PublishedCurve(name: row.system, points: [point])))
      }
    }
    for index in curves.indices { curves[index].curve.points.sort { $0.x < $1.x } }
    return curves
  }

  /// Whether a table's task is an environment: "gym/Hopper" and "Hopper" are Hopper-v5.
  package static func isTask(_ name: String, _ environment: String) -> Bool {
    func plain(_ text: String) -> String {
      let last = text.split(separator: "/").last.map(String.init) ?? text
      let parts = last.split(separator: "-").map(String.init)
      let isVersioned =
        parts.count > 1 && parts[parts.count - 1].first == "v"
        && parts[parts.count - 1].dropFirst().allSatisfy(\.isNumber)
      return (isVersioned ? parts.dropLast().joined(separator: "-") : last).lowercased()
    }
    return name == environment || plain(name) == plain(environment)
  }
}
