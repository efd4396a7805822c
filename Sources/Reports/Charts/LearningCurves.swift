import Environments
import Experiments
import Support

/// `mbrl plot`: what is drawn of some groups of runs, by which rules.
package struct LearningCurves: Sendable {
  package var axis = SeedCurve.Axis.steps
  package var column = CurveColumn.evaluation
  package var statistic = GroupCurve.Statistic.mean
  /// Whether a seed keeps its last value after its end.
  package var isHolding = false
  package var isLogarithmic = false
  /// Rows over which every seed's y is averaged.
  package var smoothing = 1
  /// x beyond it is left out.
  package var until = Double.infinity
  package var yRange: ClosedRange<Double>?
  /// The return at which a task counts as solved; nil: the registry's, where it has one.
  package var threshold: Double?
  package var optimum: Double?
  package var title: String?
  /// A CSV file with the columns task, low and high: the y that become 0 and 1, and all tasks one curve; nil: each task
  /// has a panel.
  package var references: String?
  package var published: [(task: String, curve: PublishedCurve)] = []
  package var panelSize: (width: Double, height: Double) = (720, 440)

  package init() {}

  /// The chart of the groups as their files are now.
  /// - Parameter note: is told what is left out, and what to know about the rest.
  package func chart(_ groups: [RunGroup], note: (String) -> Void) throws(ExperimentError) -> Chart {
    var tasks: [String] = []
    for task in groups.flatMap({ $0.runs.map(\.task) }) where !tasks.contains(task) { tasks.append(task) }
    if let references { return try pooled(groups, tasks, references, note) }
    var panels: [Chart.Panel] = []
    var counts = [[Int]](repeating: [], count: groups.count)
    var unit = TimeUnit.seconds
    var found: [[(index: Int, seeds: [SeedCurve])]] = []
    for task in tasks {
      var curves: [(index: Int, seeds: [SeedCurve])] = []
      for (index, group) in groups.enumerated() {
        guard let run = group.runs.first(where: { $0.task == task }) else { continue }
        let seeds = try self.seeds(run, group.name, note)
        if !seeds.isEmpty { curves.append((index, seeds)) }
      }
      found.append(curves)
    }
    // A logarithmic axis takes any length in seconds.
    if axis == .time && !isLogarithmic {
      unit = TimeUnit(longest: found.flatMap { $0.flatMap { $0.seeds.compactMap { $0.points.last?.x } } }.max() ?? 0)
    }
    for (task, seeds) in zip(tasks, found) {
      let curves = seeds.map { index, seeds -> (color: Int, curve: GroupCurve) in
        let scaled = seeds.map { $0.scaled(by: 1 / unit.seconds).smoothed(over: smoothing) }
        let curve = GroupCurve(
          groups[index].name, [scaled], statistic, holding: isHolding, isLogarithmic: isLogarithmic, until: until)
        counts[index].append(curve.seedCount)
        if curve.seedCount > 1 && curve.points.isEmpty {
          note("\(groups[index].name): the seeds on \(task) share no stretch, so there is no curve of all of them")
        }
        return (index, curve)
      }
      if curves.isEmpty {
        note("\(task) is left out: no seed has \(column.column) in its \(column.file) yet")
      } else {
        panels.append(panel(task, curves))
      }
    }
    if panels.isEmpty {
      throw .usage("nothing to draw: no seed has \(column.column) in its \(column.file) yet")
    }
    if !published.isEmpty, panels.allSatisfy(\.published.isEmpty) {
      let known = Set(published.map(\.task)).sorted().joined(separator: ", ")
      note(
        axis == .steps
          ? "no published points on \(panels.map(\.title).joined(separator: ", ")); there are some on \(known)"
          : "published points are by environment steps, and left out")
    }
    return chart(groups, panels, counts, unit)
  }

  /// One panel of all tasks that all groups have.
  private func pooled(
    _ groups: [RunGroup], _ tasks: [String], _ references: String, _ note: (String) -> Void
  ) throws(ExperimentError) -> Chart {
    if axis != .steps {
      throw .usage("several tasks in one curve have the steps in common, but neither time nor updates")
    }
    let common = tasks.filter { task in groups.allSatisfy { $0.runs.contains { $0.task == task } } }
    for task in tasks where !common.contains(task) { note("\(task) is left out: not every group has it") }
    if common.isEmpty { throw .usage("no task is common to \(groups.map(\.name).joined(separator: ", "))") }
    let ends = try rethrow(ScoreGroup.references(references, of: common)) { (error: CSVError) in
      ExperimentError.failed("\(error)")
    }
    var curves: [(color: Int, curve: GroupCurve)] = []
    for (index, group) in groups.enumerated() {
      var seeds: [[SeedCurve]] = []
      for (task, ends) in zip(common, ends) {
        guard let run = group.runs.first(where: { $0.task == task }) else { continue }
        seeds.append(
          try self.seeds(run, group.name, note).map { curve in
            var curve = curve.smoothed(over: smoothing)
            for place in curve.points.indices {
              curve.points[place].y = (curve.points[place].y - ends.low) / (ends.high - ends.low)
            }
            return curve
          })
      }
      let curve = GroupCurve(
        group.name, seeds, statistic, holding: isHolding, isLogarithmic: isLogarithmic, until: until)
      if curve.points.isEmpty { note("\(group.name) is left out: its seeds share no stretch") }
      if !curve.points.isEmpty { curves.append((index, curve)) }
    }
    if curves.isEmpty { throw .usage("nothing to draw: no group has a stretch that its seeds share") }
    var counts = [[Int]](repeating: [], count: groups.count)
    for (color, curve) in curves { counts[color] = curve.seeds.map(\.count) }
    var panel = panel("", curves)
    panel.title = "\(common.count) \(common.count == 1 ? "task" : "tasks"): \(common.joined(separator: ", "))"
    var chart = chart(groups, [panel], counts, .seconds)
    chart.yTitle = "normalized \(chart.yTitle)"
    return chart
  }

  private func chart(_ groups: [RunGroup], _ panels: [Chart.Panel], _ counts: [[Int]], _ unit: TimeUnit) -> Chart {
    let legend = groups.indices.filter { !counts[$0].isEmpty }.map { index in
      LearningCurves.entry(index, groups[index].name, counts[index])
    }
    var chart = Chart(
      title: title ?? (panels.count == 1 ? panels[0].title : ""), caption: caption(panels),
      xTitle: axis.title + (axis == .time ? " (\(unit.rawValue))" : ""), yTitle: column.title, panels: panels,
      legend: legend)
    if panels.count == 1 { chart.panels[0].title = "" }
    chart.remarks = remarks(panels)
    (chart.isLogarithmic, chart.yRange, chart.until, chart.panelSize) = (isLogarithmic, yRange, until, panelSize)
    return chart
  }

  private func seeds(
    _ run: RunGroup.Run, _ group: String, _ note: (String) -> Void
  ) throws(ExperimentError) -> [SeedCurve] {
    var curves: [SeedCurve] = []
    for seed in run.seeds {
      let curve = try rethrow(column.curve(run, seed: seed, axis)) { (error: CSVError) in
        ExperimentError.failed("\(error)")
      }
      if curve.points.isEmpty {
        let state = curve.state.map(\.rawValue) ?? "not begun"
        note("\(group): seed \(seed) on \(run.task) is left out: no \(column.column) in its \(column.file) (\(state))")
      } else {
        if let state = curve.state, state == .failed || state == .diverged {
          note("\(group): seed \(seed) on \(run.task) \(state.rawValue); what it reached until then is drawn")
        }
        curves.append(curve)
      }
    }
    return curves
  }

  private func panel(_ task: String, _ curves: [(color: Int, curve: GroupCurve)]) -> Chart.Panel {
    var levels: [Chart.Level] = []
    let isReturn = ["return_mean", "return", "return_mean_100"].contains(column.column)
    let known = isReturn ? EnvironmentRegistry.specifications.first { $0.id == task }?.rewardThreshold : nil
    if let threshold = threshold ?? known {
      levels.append(.init(value: threshold, label: "threshold \(NumberText.short(threshold))"))
    }
    if let optimum { levels.append(.init(value: optimum, label: "optimum \(NumberText.short(optimum))")) }
    let others = axis == .steps ? published.filter { PublishedCurve.isTask($0.task, task) }.map(\.curve) : []
    return Chart.Panel(title: task, curves: curves, published: others, levels: levels)
  }

  private func caption(_ panels: [Chart.Panel]) -> String {
    let curves = panels.flatMap { $0.curves.map(\.curve) }
    guard curves.contains(where: { $0.seedCount > 1 }) else { return "" }
    let isPooled = curves.contains { $0.seeds.count > 1 }
    let thin = isPooled ? "" : "; thin: each seed\(smoothed)"
    let key = "Thick: \(statistic.title) over seeds; band: 95 % stratified bootstrap interval\(thin)."
    return ([key] + remarks(panels)).joined(separator: " ")
  }

  /// What to know about the curves, however they are drawn.
  private func remarks(_ panels: [Chart.Panel]) -> [String] {
    let curves = panels.flatMap { $0.curves.map(\.curve) }.filter { $0.seedCount > 1 }
    var parts: [String] = []
    if curves.isEmpty { return parts }
    if isHolding { parts.append("A seed that has ended keeps its last value.") }
    if curves.contains(where: { $0.points.contains { !$0.isWhole } }) {
      parts.append("Dashed where some seeds have ended.")
    }
    if curves.contains(where: { $0.seedCount < 5 }) { parts.append("With fewer than 5 seeds a band is unreliable.") }
    return parts
  }

  /// A legend's entry; of several numbers of seeds from the least to the most.
  static func entry(_ color: Int, _ name: String, _ seeds: [Int]) -> Chart.Entry {
    let (least, most) = (seeds.min() ?? 0, seeds.max() ?? 0)
    let number = least == most ? "\(most)" : "\(least)–\(most)"
    return Chart.Entry(color: color, label: "\(name) (\(number) \(most == 1 ? "seed" : "seeds"))")
  }

  private var smoothed: String { smoothing > 1 ? ", over \(smoothing) rows" : "" }

  /// In which unit a time axis is.
  enum TimeUnit: String {
    case seconds = "s", minutes = "min", hours = "h"

    init(longest: Double) { self = longest < 300 ? .seconds : longest < 3 * 3600 ? .minutes : .hours }

    var seconds: Double {
      switch self {
      case .seconds: 1
      case .minutes: 60
      case .hours: 3600
      }
    }
  }
}

extension SeedCurve {
  /// With every x multiplied.
  func scaled(by factor: Double) -> SeedCurve {
    var curve = self
    if factor != 1 { for index in points.indices { curve.points[index].x *= factor } }
    return curve
  }
}
