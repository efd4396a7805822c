import Environments
import Support

/// Model-predictive control: plan, execute the first action(s), plan again. Every row of a situation has a plan and a
/// warm start of its own; all share one scorer.
///
/// Rows are planned one after the other; where one is interrupted, those before it keep their actions, and the same
/// call goes on behind them. The noise of a plan depends on its episode's stream and its number in the episode only.
package final class PlanningController: ArchivableObject {
  /// What belongs to one row.
  private struct Row {
    let optimizer: any PlanOptimizer
    let plan: RowBuffer
    /// The episode that the row plays; planner state never crosses an episode's end.
    var episode = -1
    /// Actions of the present plan that were taken; equal to `replanEvery` when a new plan is due.
    var taken = 0
    /// Plans made in this episode.
    var plansMade = 0
    /// Predicted return of the last plan; NaN: none.
    var plannedReturn = Float.nan
    /// Its action of this call is decided, and stands in `held`.
    var hasActed = false
  }

  private let space: ActionSpace
  private let horizon: Int
  private let replanEvery: Int
  private let scorer: any PlanScorer
  private let noise: (_ episode: Int) -> RandomStream
  private let advice: () -> String?
  private var rows: [Row]
  private let held: RowBuffer

  /// For `rows` rows; `noise` gives the stream of an episode, `advice` what may help where imagination diverges.
  package init(
    _ settings: PlannerConfiguration, space: ActionSpace, scorer: any PlanScorer, rows: Int,
    advice: @escaping () -> String? = { nil }, noise: @escaping (_ episode: Int) -> RandomStream
  ) {
    self.space = space
    horizon = settings.rollout.horizon
    replanEvery = settings.replanEvery
    self.scorer = scorer
    (self.noise, self.advice) = (noise, advice)
    self.rows = (0..<rows).map { _ in
      Row(
        optimizer: settings.optimizer.settings.makeOptimizer(horizon: settings.rollout.horizon, space: space),
        plan: RowBuffer(settings.rollout.horizon, space.columns))
    }
    held = RowBuffer(rows, space.columns)
  }

  /// Mean over the rows of their last plans' predicted returns; nil before there is one.
  package var plannedReturn: Double? {
    let known = rows.filter { !$0.plannedReturn.isNaN }
    return known.isEmpty ? nil : known.reduce(0) { $0 + Double($1.plannedReturn) } / Double(known.count)
  }

  /// The next actions of the rows that are `chosen`; plans where one is due.
  /// - Throws: `InterruptedError`; `DivergedError`.
  package func act(in situation: Situation, into actions: ActionRows, chosen: (_ row: Int) -> Bool) throws {
    for row in rows.indices where chosen(row) {
      if rows[row].episode != situation.episode[row] { beginEpisode(situation.episode[row], row) }
      if rows[row].hasActed { continue }
      if rows[row].taken >= replanEvery { try makePlan(in: situation, row) }
      held.rows.row(row).copy(rows[row].plan.read.row(rows[row].taken))
      rows[row].taken += 1
      if rows[row].taken == replanEvery { rows[row].optimizer.shift(by: replanEvery) }
      rows[row].hasActed = true
    }
    for row in rows.indices where rows[row].hasActed {
      actions.set(row, held.read.row(row))
      rows[row].hasActed = false
    }
  }

  private func beginEpisode(_ episode: Int, _ row: Int) {
    rows[row].optimizer.reset()
    rows[row].episode = episode
    rows[row].taken = replanEvery
    rows[row].plansMade = 0
    rows[row].hasActed = false
  }

  private func makePlan(in situation: Situation, _ row: Int) throws {
    let (random, number) = (noise(rows[row].episode), UInt64(rows[row].plansMade))
    try scorer.begin(in: situation, row: row)
    var problem = PlanProblem(
      horizon: horizon, space: space, random: random.stream("proposals").stream(number), scorer: scorer,
      noise: random.stream("imagination").stream(number))
    let plan = rows[row].plan
    let value = try rows[row].optimizer.optimize(&problem, into: plan.rows)
    guard plan.memory.allSatisfy(\.isFinite), value?.isFinite ?? true else {
      throw DivergedError(quantity: "the planned return (every imagined trajectory)", advice: advice())
    }
    rows[row].plannedReturn = value ?? .nan
    rows[row].plansMade += 1
    rows[row].taken = 0
  }

  package func archive(_ archive: Archive) throws {
    if archive.omits(.plans) { return }
    try archive.part("held", held)
    for row in rows.indices {
      try archive.scope("row\(row)") {
        try archive.value("episode", &rows[row].episode)
        try archive.value("taken", &rows[row].taken)
        try archive.value("plansMade", &rows[row].plansMade)
        try archive.value("plannedReturn", &rows[row].plannedReturn)
        try archive.value("hasActed", &rows[row].hasActed)
        try archive.part("plan", rows[row].plan)
        try archive.part("optimizer", rows[row].optimizer)
        guard (0...replanEvery).contains(rows[row].taken) else {
          throw ArchiveError.malformed("taken", String(rows[row].taken))
        }
      }
    }
  }
}

extension PlanningController: Policy {
  package func act(in situation: Situation, into actions: ActionRows) throws {
    try act(in: situation, into: actions, chosen: { _ in true })
  }
}
