import Experiments
import Support

/// One side of a comparison: of every task the scores of its runs, and, where they come from run directories, when each
/// of them reached a level.
package struct ScoreGroup: Sendable {
  /// The runs of one task.
  package struct Task: Sendable {
    package var name: String
    /// Per seed.
    package var seeds: [Int]
    package var scores: [Double]
    /// Environment steps until the level was first reached; infinite where it was not. Empty without a level.
    package var steps: [Double] = []
  }

  package var name: String
  package var tasks: [Task]

  /// What of an evaluation curve is the score of a seed.
  package enum Score: String, CaseIterable, Sendable {
    /// The last evaluation's mean.
    case final
    /// The best evaluation's mean; it is selected, and so above what a new measurement would give.
    case best
    /// The mean over the curve's evaluations: early learning counts.
    case area
  }

  // MARK: Run directories

  /// The scores of a group's runs; a task without any is left out. Seeds without an evaluation are told to `note` and
  /// left out.
  /// - Parameters:
  ///   - step: evaluations after it do not count; nil: all do.
  ///   - level: what `Task.steps` are about.
  package init(
    _ group: RunGroup, _ score: Score, until step: Int? = nil, level: Double?, note: (String) -> Void
  ) throws(ExperimentError) {
    (name, tasks) = (group.name, [])
    for run in group.runs {
      let directory = RunDirectory(run.path)
      let task = try ScoreGroup.task(run.task, directory, run.seeds, score, until: step, level, name, note)
      if !task.scores.isEmpty { tasks.append(task) }
    }
  }

  private static func task(
    _ name: String, _ run: RunDirectory, _ seeds: [Int], _ score: Score, until step: Int?, _ level: Double?,
    _ group: String, _ note: (String) -> Void
  ) throws(ExperimentError) -> Task {
    var task = Task(name: name, seeds: [], scores: [])
    for seed in seeds {
      let path = "\(run.path)/\(SeedDirectory.name(seed))"
      let state = RunStatus.read("\(path)/status.json")?.state
      let all = try rethrow(evaluations("\(path)/eval.csv")) { (error: CSVError) in
        ExperimentError.failed("\(error)")
      }
      let rows = all.filter { $0.step <= step ?? Int.max }
      guard let last = rows.last else {
        note("\(group): seed \(seed) on \(name) is left out: no evaluation yet (\(state?.rawValue ?? "not begun"))")
        continue
      }
      if let state, state == .failed || state == .diverged {
        note("\(group): seed \(seed) on \(name) \(state.rawValue) at step \(last.step); its last evaluation counts")
      }
      task.seeds.append(seed)
      let number =
        switch score {
        case .final: last.mean
        case .best: EvaluationRow.best(of: rows)!.mean
        case .area: ScoreStatistics.mean(rows.map(\.mean))
        }
      task.scores.append(number)
      if let level { task.steps.append(rows.first { $0.mean >= level }.map { Double($0.step) } ?? .infinity) }
    }
    return task
  }

  private static func evaluations(_ path: String) throws(CSVError) -> [EvaluationRow] {
    FileSystem.kind(of: path) == nil ? [] : try CSVTable.read(path).rows()
  }

  // MARK: Tables of scores

  private init(name: String) { (self.name, tasks) = (name, []) }

  /// A row of a table of scores.
  private struct Row: TableRow {
    var group = ""
    var task = ""
    var seed = 0
    var score = 0.0

    mutating func visit(_ cells: TableCells) throws(CSVError) {
      try cells.text("group", &group)
      try cells.text("task", &task)
      try cells.integer("seed", &seed)
      try cells.number("score", &score)
    }
  }

  /// The groups of a CSV file with the columns group, task, seed and score, in the order in which they come.
  package static func read(_ path: String) throws(CSVError) -> [ScoreGroup] {
    var groups: [ScoreGroup] = []
    let table = try CSVTable.read(path)
    for (index, row) in try table.rows(Row.self).enumerated() {
      guard row.score.isFinite else { throw table.fault(index, "column \"score\": \(row.score) is no score") }
      let group = groups.firstIndex { $0.name == row.group } ?? groups.endIndex
      if group == groups.endIndex { groups.append(ScoreGroup(name: row.group)) }
      let task = groups[group].tasks.firstIndex { $0.name == row.task } ?? groups[group].tasks.endIndex
      if task == groups[group].tasks.endIndex {
        groups[group].tasks.append(Task(name: row.task, seeds: [], scores: []))
      }
      if groups[group].tasks[task].seeds.contains(row.seed) {
        throw table.fault(index, "group \"\(row.group)\" has seed \(row.seed) on task \"\(row.task)\" twice")
      }
      groups[group].tasks[task].seeds.append(row.seed)
      groups[group].tasks[task].scores.append(row.score)
    }
    return groups
  }

  /// Two scores per task that become 0 and 1.
  private struct Reference: TableRow {
    var task = ""
    var low = 0.0
    var high = 0.0

    mutating func visit(_ cells: TableCells) throws(CSVError) {
      try cells.text("task", &task)
      try cells.number("low", &low)
      try cells.number("high", &high)
    }
  }

  /// The scores that become 0 and 1, of some tasks, by a CSV file with the columns task, low and high.
  package static func references(
    _ path: String, of tasks: [String]
  ) throws(CSVError) -> [(low: Double, high: Double)] {
    let table = try CSVTable.read(path)
    let rows = try table.rows(Reference.self)
    for index in rows.indices where rows[index].low == rows[index].high {
      throw table.fault(index, "\"low\" and \"high\" of task \"\(rows[index].task)\" are the same")
    }
    return try tasks.map { task throws(CSVError) in
      guard let row = rows.first(where: { $0.task == task }) else {
        throw .malformed(path: path, line: 1, "no row for task \"\(task)\"")
      }
      return (row.low, row.high)
    }
  }

  /// Scores ← (score − low)/(high − low), by a CSV file with the columns task, low and high.
  package mutating func normalize(by path: String) throws(CSVError) {
    for (index, (low, high)) in try ScoreGroup.references(path, of: tasks.map(\.name)).enumerated() {
      tasks[index].scores = tasks[index].scores.map { ($0 - low) / (high - low) }
    }
  }
}
