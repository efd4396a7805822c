import Experiments
import Support

/// What a seed's table says of one quantity, against steps, time or updates.
package struct SeedCurve: Equatable, Sendable {
  package struct Point: Equatable, Sendable {
    package var x, y: Double
    package init(_ x: Double, _ y: Double) { (self.x, self.y) = (x, y) }
  }

  package var seed: Int
  /// x strictly ascending, all finite.
  package var points: [Point]
  /// How the run stands; nil where it has not begun.
  package var state: RunStatus.State?

  package init(seed: Int, points: [Point], state: RunStatus.State? = nil) {
    (self.seed, self.points, self.state) = (seed, points, state)
  }

  /// What the curves are drawn against.
  package enum Axis: String, CaseIterable, Sendable {
    case steps, time, updates

    /// For the axis; a time's unit is put behind it.
    package var title: String {
      switch self {
      case .steps: "environment steps"
      case .time: "wall-clock time"
      case .updates: "gradient updates"
      }
    }

    fileprivate var column: String {
      switch self {
      case .steps: "env_step"
      case .time: "wall_s"
      case .updates: "updates"
      }
    }
  }

  /// The y at an x, in proportion between two points; nil outside of them. After the last point `holding` gives its y.
  package func value(at x: Double, holding: Bool = false) -> Double? {
    guard let first = points.first, let last = points.last, x >= first.x else { return nil }
    if x > last.x { return holding ? last.y : nil }
    var (low, high) = (0, points.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if points[middle].x < x { low = middle + 1 } else { high = middle }
    }
    let after = points[low]
    guard after.x > x, low > 0 else { return after.y }
    let before = points[low - 1]
    return before.y + (after.y - before.y) * (x - before.x) / (after.x - before.x)
  }

  /// Every y as the mean of itself and of those before it, `count` in all.
  package func smoothed(over count: Int) -> SeedCurve {
    guard count > 1 else { return self }
    var curve = self
    for index in points.indices {
      let window = points[max(0, index - count + 1)...index]
      curve.points[index].y = window.reduce(0) { $0 + $1.y } / Double(window.count)
    }
    return curve
  }
}

/// A column of one of a seed's tables.
package struct CurveColumn: Equatable, Sendable {
  /// "eval.csv".
  package var file: String
  package var column: String

  /// The evaluations' mean return.
  package static let evaluation = CurveColumn(file: "eval.csv", column: "return_mean")

  /// The tables in which a bare name is looked for.
  private static let files = ["eval.csv", "episodes.csv", "progress.csv", "model.csv"]

  /// For the axis.
  package var title: String {
    switch (file, column) {
    case ("eval.csv", "return_mean"): "evaluation return"
    case ("episodes.csv", "return"): "training episode return"
    case ("progress.csv", "return_mean_100"): "mean return of the last 100 episodes"
    default: column.split(separator: "_").joined(separator: " ")
    }
  }

  /// The column that a text names: "return_mean", "progress.csv:critic_loss", "progress:critic_loss".
  /// - Throws: `usage`, where no run has it, with the nearest that there is.
  package static func named(_ text: String, in groups: [RunGroup]) throws(ExperimentError) -> CurveColumn {
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    let name = parts.last ?? text
    let file = parts.count == 2 ? (parts[0].hasSuffix(".csv") ? parts[0] : "\(parts[0]).csv") : nil
    if let file, !files.contains(file) {
      throw .usage(
        "\"\(text)\": a run has \(files.joined(separator: ", "))\(Suggestion.didYouMean(file, among: files))")
    }
    var known: [String] = []
    for file in file.map({ [$0] }) ?? files {
      let columns = columns(of: file, in: groups)
      if columns.contains(name) { return CurveColumn(file: file, column: name) }
      known += columns.filter { !known.contains($0) }
    }
    let remedy = Suggestion.didYouMean(
      name, among: known, otherwise: known.isEmpty ? "" : "; there are \(known.joined(separator: ", "))")
    throw .usage("no run has a column \"\(name)\"\(file.map { " in \($0)" } ?? "")\(remedy)")
  }

  private static func columns(of file: String, in groups: [RunGroup]) -> [String] {
    var found: [String] = []
    for run in groups.flatMap(\.runs) {
      for seed in run.seeds {
        guard let table = try? CSVTable.read("\(run.folder(of: seed))/\(file)") else { continue }
        found += table.columns.filter { !found.contains($0) }
        break
      }
    }
    return found
  }

  /// A seed's curve of this column; without points where its table is not there, or lacks the column.
  package func curve(_ run: RunGroup.Run, seed: Int, _ axis: SeedCurve.Axis) throws(CSVError) -> SeedCurve {
    let folder = run.folder(of: seed)
    var curve = SeedCurve(seed: seed, points: [], state: RunStatus.read("\(folder)/status.json")?.state)
    let path = "\(folder)/\(file)"
    guard FileSystem.kind(of: path) != nil else { return curve }
    // The header of a run that has just begun may not be whole yet.
    guard let table = try CurveColumn.table(path), table.columns.contains(column) else { return curve }
    let isDirect = table.columns.contains(axis.column)
    let updates = isDirect ? nil : try CurveColumn.updates("\(folder)/progress.csv")
    for row in 0..<table.rowCount {
      guard let text = try table.text(column, row) else { continue }
      guard let y = CurveColumn.number(text) else {
        throw table.fault(row, "column \"\(column)\": \"\(text.shortened())\" is not a number")
      }
      guard let place = try table.text(isDirect ? axis.column : "env_step", row).flatMap(Double.init),
        let x = isDirect ? place : updates?.value(at: place, holding: true), x.isFinite, y.isFinite
      else { continue }
      if let last = curve.points.last, x <= last.x {
        // Of several rows of one step, such as a fit's epochs, the last one counts.
        if x == last.x { curve.points[curve.points.count - 1].y = y }
        continue
      }
      curve.points.append(.init(x, y))
    }
    return curve
  }

  private static func number(_ text: String) -> Double? {
    switch text {
    case "true": 1
    case "false": 0
    default: Double(text)
    }
  }

  private static func table(_ path: String) throws(CSVError) -> CSVTable? {
    do throws(CSVError) { return try CSVTable.read(path) } catch {
      if case .malformed(_, 1, _) = error { return nil }
      throw error
    }
  }

  /// How many updates there were at a step.
  private static func updates(_ path: String) throws(CSVError) -> SeedCurve {
    guard FileSystem.kind(of: path) != nil, let table = try table(path), table.columns.contains("updates") else {
      return SeedCurve(seed: 0, points: [])
    }
    var points = [SeedCurve.Point(0, 0)]
    for row in 0..<table.rowCount {
      guard let step = try table.text("env_step", row).flatMap(Double.init),
        let count = try table.text("updates", row).flatMap(Double.init), step > points[points.count - 1].x
      else { continue }
      points.append(.init(step, count))
    }
    return SeedCurve(seed: 0, points: points)
  }
}
