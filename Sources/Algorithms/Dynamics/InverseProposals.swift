import Environments
import Support

/// Plans that follow what was really done from states like the present one, proposed to a planner beside its own.
///
/// With every fit some stretches of real episodes are kept. Of those that began nearest to the present observation the
/// best by their real return are followed: at each imagined step the inverse model says which action leads from where
/// the model is to where the episode went, and the model takes it. An action replayed as it was would miss the place as
/// soon as the start differs.
package final class InverseProposals: PlanScorer, ArchivableObject {
  /// Stretches kept for each plan, and those of them that are near enough to be chosen from by return.
  static let (kept, near) = (16, 4)

  private let base: any PlanScorer
  private let model: any DynamicsModel
  private let inverse: InverseModel
  private let horizon: Int
  private let size: Int
  private let random: RandomStream
  /// [capacity, horizon + 1, observation size]
  private let goals: FloatBuffer
  /// Real return of each stretch.
  private let returns: FloatBuffer
  private var count = 0
  private var fits = 0
  private let start: RowBuffer
  private let nearness, chosenReturns: FloatBuffer
  private var nearest, chosen: [Int32]
  private let wanted: RowBuffer
  private let step: ImaginedStep

  /// Proposals to plans of `horizon` steps that `base` scores.
  package init(
    _ base: any PlanScorer, _ model: any DynamicsModel, _ inverse: InverseModel,
    _ specification: EnvironmentSpecification, horizon: Int, random: RandomStream
  ) {
    (self.base, self.model, self.inverse, self.horizon, self.random) = (base, model, inverse, horizon, random)
    size = specification.observationSpace.size
    let plans = inverse.settings.proposals
    let capacity = plans * InverseProposals.kept
    goals = FloatBuffer(count: capacity * (horizon + 1) * size)
    returns = FloatBuffer(count: capacity)
    start = RowBuffer(1, size)
    nearness = FloatBuffer(count: capacity)
    chosenReturns = FloatBuffer(count: plans * InverseProposals.near)
    nearest = [Int32](repeating: 0, count: plans * InverseProposals.near)
    chosen = [Int32](repeating: 0, count: plans)
    wanted = RowBuffer(plans, size)
    step = ImaginedStep(
      capacity: plans, observationSize: size, actionColumns: specification.actionSpace.columns)
  }

  /// Observations of every kept stretch at one time [count, size].
  private func goals(at time: Int) -> MutableRows {
    MutableRows(goals.base + time * size, count, size, rowStride: (horizon + 1) * size)
  }

  /// Keeps other stretches, of what is in the replay now: none where no episode was as long as a plan.
  package func renew(from replay: Replay) {
    var random = random.stream(UInt64(fits))
    fits += 1
    var rows: [Int32] = []
    let isFound = replay.windows(
      returns.count, length: horizon + 1, withinEpisodes: true, &random, into: &rows)
    count = isFound ? rows.count : 0
    let rewards = RowBuffer(count, 1)
    returns.memory.update(repeating: 0)
    for time in 0...horizon where isFound {
      replay.gather(rows, replay.observation, shifted: time, into: goals(at: time))
      guard time < horizon else { break }
      replay.gather(rows, replay.reward, shifted: time, into: rewards.rows)
      for index in 0..<count { returns[index] += rewards.rows[index, 0] }
    }
  }

  package func begin(in situation: Situation, row: Int) throws {
    start.rows.copy(situation.observations.row(row))
    try base.begin(in: situation, row: row)
  }

  package func propose(_ plans: Plans, noise: RandomStream) -> Int {
    let proposed = choose(min(plans.population, chosen.count))
    let noise = noise.stream("proposals")
    step.count = proposed
    for row in 0..<proposed { step.state.row(row).copy(start.read) }
    for time in 0..<min(plans.horizon, horizon) where proposed > 0 {
      let targets = wanted.rows.slice(0..<proposed)
      for row in 0..<proposed { targets.row(row).copy(Rows(goals(at: time + 1)).row(Int(chosen[row]))) }
      let actions = step.action.slice(0..<proposed)
      inverse.actions(from: Rows(step.state.slice(0..<proposed)), to: Rows(targets), into: actions)
      plans.actions(at: time).slice(0..<proposed).copy(Rows(actions))
      model.advance(step, by: .inTurn, noise: noise.stream(UInt64(time)))
      step.carryOn()
    }
    return proposed
  }

  /// Makes `chosen` begin with the stretches to follow, at most `plans`.
  /// - Returns: how many.
  private func choose(_ plans: Int) -> Int {
    guard count > 0, plans > 0 else { return 0 }
    measureNearness()
    let near = min(plans * InverseProposals.near, count)
    nearest.withUnsafeMutableBufferPointer { nearest in
      let nearest = UnsafeMutableBufferPointer(rebasing: nearest[..<near])
      PlanMath.rank(UnsafeBufferPointer(rebasing: nearness.readOnly[..<count]), into: nearest)
      for index in 0..<near { chosenReturns[index] = returns[Int(nearest[index])] }
    }
    let proposed = min(plans, near)
    chosen.withUnsafeMutableBufferPointer { chosen in
      PlanMath.rank(
        UnsafeBufferPointer(rebasing: chosenReturns.readOnly[..<near]),
        into: UnsafeMutableBufferPointer(rebasing: chosen[..<proposed]))
    }
    for row in 0..<proposed { chosen[row] = nearest[Int(chosen[row])] }
    return proposed
  }

  /// −(squared distance of each stretch's start, every column by its variance over the stretches).
  private func measureNearness() {
    let starts = goals(at: 0)
    for index in 0..<count { nearness[index] = 0 }
    for column in 0..<size {
      var (sum, squares) = (0.0, 0.0)
      for index in 0..<count { sum += Double(starts[index, column]) }
      let mean = sum / Double(count)
      for index in 0..<count {
        let difference = Double(starts[index, column]) - mean
        squares += difference * difference
      }
      let variance = squares / Double(count)
      guard variance > 1e-12 else { continue }
      for index in 0..<count {
        let difference = starts[index, column] - start.rows[0, column]
        nearness[index] -= difference * difference / Float(variance)
      }
    }
  }

  package func score(
    _ plans: Plans, iteration: Int, noise: RandomStream, into returns: UnsafeMutableBufferPointer<Float>
  ) throws { try base.score(plans, iteration: iteration, noise: noise, into: returns) }

  package func differentiate(
    _ plans: Plans, iteration: Int, noise: RandomStream, gradients: Plans,
    into returns: UnsafeMutableBufferPointer<Float>
  ) throws {
    try base.differentiate(plans, iteration: iteration, noise: noise, gradients: gradients, into: returns)
  }

  package func archive(_ archive: Archive) throws {
    try archive.value("count", &count)
    try archive.value("fits", &fits)
    try archive.buffer("goals", goals.memory, shape: [returns.count, horizon + 1, size])
    try archive.buffer("returns", returns.memory, shape: [returns.count])
    guard (0...returns.count).contains(count) else { throw ArchiveError.malformed("count", String(count)) }
  }
}
