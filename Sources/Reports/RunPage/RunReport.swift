import Environments
import Experiments
import Support

/// `mbrl report`: what is known of some groups of runs, from their files alone.
package struct RunReport: Sendable {
  /// How one seed went.
  package struct Seed: Sendable {
    package var seed: Int
    /// "done", "running", …; "not begun" without a status.
    package var status: String
    package var reason: String?
    package var step: Int
    package var total: Int?
    package var evaluations: [EvaluationRow]
    /// Seconds of work on it, as its tables say; nil without a row.
    package var seconds: Double?
    /// Of all sessions that ended.
    package var processorSeconds: Double?

    package var last: EvaluationRow? { evaluations.last }
    package var best: EvaluationRow? { EvaluationRow.best(of: evaluations) }
    package var isFailed: Bool { status == "failed" || status == "diverged" }
    package var stepsPerSecond: Double? { seconds.flatMap { $0 > 0 && step > 0 ? Double(step) / $0 : nil } }

    /// The first evaluated step at a level or above; nil where it is not reached.
    package func steps(to level: Double) -> Int? { evaluations.first { $0.mean >= level }?.step }
  }

  /// One group on one task.
  package struct Row: Sendable {
    package var group: String
    package var color: Int
    package var run: RunGroup.Run
    package var seeds: [Seed]
    /// The level of `steps(to:)`; nil: none is known for the task.
    package var level: Double?

    package var agent: String { run.configuration["agent"]?.object?["type"]?.string ?? "?" }
    package var finals: [Double] { seeds.compactMap { $0.last?.mean } }
    package var bests: [Double] { seeds.compactMap { $0.best?.mean } }

    /// The interquartile mean of the last evaluations, with its interval; nil without any.
    package var finalEstimate: Comparison.Estimate? {
      let scores = finals
      guard !scores.isEmpty else { return nil }
      let interval = Bootstrap().intervals(of: [[scores]]) { [ScoreStatistics.interquartileMean($0[0][0])] }[0]
      return .init(value: ScoreStatistics.interquartileMean(scores), interval: interval)
    }

    /// Median steps to the level, infinite where half of the seeds do not get there, and how many do.
    package var stepsToLevel: (median: Double, reached: Int)? {
      guard let level, !seeds.isEmpty else { return nil }
      let steps = seeds.map { $0.steps(to: level).map(Double.init) ?? .infinity }
      return (Spread.median(steps), steps.count { $0.isFinite })
    }
  }

  package var title: String
  package var groups: [RunGroup]
  package var rows: [Row]
  /// What a comparison of the groups comes to; empty where there is nothing to compare.
  package var conclusions: [String] = []
  /// A chart for each task, over steps and over time.
  package var charts: [Chart] = []
  /// What was left out, and why.
  package var notes: [String] = []
  /// See `diagnose(_:)`; empty: nobody asked.
  package var models: [ModelFindings] = []
  /// What `mbrl diagnose` printed about the models; nil: nobody asked it.
  package var diagnosis: String?

  /// Reads the groups' files.
  /// - Parameter level: the return at which a task counts as solved; nil: the registry's, where it has one.
  package init(
    _ groups: [RunGroup], title: String?, level: Double?, curves: LearningCurves = LearningCurves()
  ) throws(ExperimentError) {
    self.groups = groups
    var tasks: [String] = []
    for task in groups.flatMap({ $0.runs.map(\.task) }) where !tasks.contains(task) { tasks.append(task) }
    self.title = title ?? "Runs on \(tasks.joined(separator: ", "))"
    rows = []
    for task in tasks {
      let known = level ?? EnvironmentRegistry.specifications.first { $0.id == task }?.rewardThreshold
      for (color, group) in groups.enumerated() {
        for run in group.runs where run.task == task {
          let seeds = try run.seeds.map { seed throws(ExperimentError) in try RunReport.seed(seed, run) }
          rows.append(Row(group: group.name, color: color, run: run, seeds: seeds, level: known))
        }
      }
    }
    try addCharts(curves, level)
    try compare(level)
  }

  private static func seed(_ seed: Int, _ run: RunGroup.Run) throws(ExperimentError) -> Seed {
    let folder = run.folder(of: seed)
    let status = RunStatus.read("\(folder)/status.json")
    var evaluations: [EvaluationRow] = []
    if FileSystem.kind(of: "\(folder)/eval.csv") != nil {
      evaluations = try rethrow(CSVTable.read("\(folder)/eval.csv").rows()) { (error: CSVError) in
        ExperimentError.failed("\(error)")
      }
    }
    let times = ["progress.csv", "episodes.csv", "eval.csv"].compactMap { lastTime("\(folder)/\($0)") }
    let sessions = RunSessions.read("\(folder)/run.json").map { $0["processorSeconds"]?.double }
    let processor = sessions.isEmpty || sessions.contains(nil) ? nil : sessions.compactMap { $0 }.reduce(0, +)
    return Seed(
      seed: seed, status: status?.state.rawValue ?? "not begun", reason: status?.reason,
      step: max(status?.step ?? 0, evaluations.last?.step ?? 0), total: status?.total, evaluations: evaluations,
      seconds: times.max(), processorSeconds: processor)
  }

  private static func lastTime(_ path: String) -> Double? {
    guard let table = try? CSVTable.read(path), table.rowCount > 0 else { return nil }
    return (try? table.text("wall_s", table.rowCount - 1)).flatMap { $0 }.flatMap(Double.init)
  }

  private mutating func addCharts(_ settings: LearningCurves, _ level: Double?) throws(ExperimentError) {
    guard rows.contains(where: { !$0.finals.isEmpty }) else { return }
    var settings = settings
    settings.threshold = settings.threshold ?? level
    var notes: [String] = []
    for axis in [SeedCurve.Axis.steps, .time] {
      settings.axis = axis
      let chart = try settings.chart(groups) { if axis == .steps { notes.append($0) } }
      for panel in chart.panels {
        var single = chart
        let task = panel.title.isEmpty ? chart.title : panel.title
        single.title = ""
        single.panels = [panel]
        single.legend = panel.curves.map { LearningCurves.entry($0.color, $0.curve.name, [$0.curve.seedCount]) }
        single.panels[0].title = "\(task): \(chart.yTitle) over \(axis.title)"
        single.panelSize = (900, 440)
        charts.append(single)
      }
    }
    self.notes += notes
  }

  private mutating func compare(_ level: Double?) throws(ExperimentError) {
    guard groups.count > 1 else { return }
    var scores: [ScoreGroup] = []
    for group in groups {
      let group = try ScoreGroup(group, .final, level: level) { _ in }
      if !group.tasks.isEmpty { scores.append(group) }
    }
    guard scores.count > 1, let comparison = Comparison(scores, gamma: nil, level: level, note: { _ in }) else {
      return
    }
    conclusions = comparison.conclusions
    if comparison.tasks.count > 1 {
      conclusions.append("Scores of \(comparison.tasks.count) tasks are pooled as they are, whatever their scales.")
    }
  }
}

/// The sessions in a seed's run.json.
package enum RunSessions {
  /// In their order; empty where the file is missing or no such record.
  package static func read(_ path: String) -> [JSONObject] {
    ((try? JSONParser.read(path))?.object?["sessions"]?.array ?? []).compactMap(\.object)
  }
}
