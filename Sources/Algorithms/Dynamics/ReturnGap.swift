import Environments
import Support

/// What the model promises the present policy, against what the environment gave it lately: rollouts of both from the
/// same states, of so many steps. A policy that lives on its model's errors is promised far more than it gets.
package final class ReturnGap {
  /// Steps of a rollout.
  package static let horizon = 20
  /// Newest transitions among which rollouts begin, at least, and how many do.
  private static let window = 256
  private static let most = 64
  /// Fewer say nothing.
  private static let least = 8

  package struct Result: Equatable {
    /// Mean sums of rewards.
    package var model, real: Double
    /// What a return can differ by: `horizon` times the largest difference of two rewards so far, or of one and of
    /// the nothing that follows an end.
    package var span: Double

    package init(model: Double, real: Double, span: Double) { (self.model, self.real, self.span) = (model, real, span) }

    /// Records both returns, and raises an alarm where the model promises far more.
    /// - Parameter advice: what to try then; nil: nobody learns from the promises.
    package func record(in metrics: inout Metrics, advice: [String]?) {
      metrics.record("model_return", model)
      metrics.record("real_return", real)
      guard let advice, span > 0, model - real > 0.25 * span else { return }
      metrics.raise(
        .exploitation,
        "the model promises the policy \(NumberText.short(model)) in \(ReturnGap.horizon) steps where it gets "
          + "\(NumberText.short(real)): it lives on the model's errors; try \(advice.alternatives)")
    }
  }

  /// Columns of progress.csv.
  package static let metricNames = ["model_return", "real_return"]

  private let model: any DynamicsModel
  private let space: ActionSpace
  private let step: ImaginedStep
  private let observations, actions: RowBuffer
  private var alive: [Int32] = []

  package init(_ model: any DynamicsModel, _ specification: EnvironmentSpecification) {
    self.model = model
    space = specification.actionSpace
    let size = specification.observationSpace.size
    step = ImaginedStep(capacity: ReturnGap.most, observationSize: size, actionColumns: space.columns)
    observations = RowBuffer(ReturnGap.most, size)
    actions = RowBuffer(ReturnGap.most, space.columns)
  }

  /// nil where too little happened lately.
  package func measure(real: Replay, by policy: any RowPolicy, random: RandomStream) -> Result? {
    let (starts, returned) = realReturns(real)
    guard starts.count >= ReturnGap.least else { return nil }
    let (all, ends) = (real.all(real.reward), real.all(real.terminated))
    let start: (Float, Float) = ends.memory.contains { $0 != 0 } ? (0, 0) : (.infinity, -.infinity)
    let (lowest, highest) = all.memory.reduce(start) { (min($0.0, $1), max($0.1, $1)) }
    step.count = starts.count
    real.gather(starts, real.observation, into: step.state)
    var (acting, promised) = (random.stream("actions"), 0.0)
    for time in 0..<ReturnGap.horizon where step.count > 0 {
      let (seen, chosen) = (observations.rows.slice(0..<step.count), actions.rows.slice(0..<step.count))
      seen.copy(Rows(step.state.slice(0..<step.count)))
      policy.act(Rows(seen), into: ActionRows(chosen, space), isStochastic: true, &acting)
      step.action.slice(0..<step.count).copy(Rows(chosen))
      model.advance(step, by: .drawn, noise: random.stream("dynamics").stream(UInt64(time)))
      alive.removeAll(keepingCapacity: true)
      for row in 0..<step.count {
        promised += Double(step.reward[row, 0])
        if step.ended[row, 0] == 0 { alive.append(Int32(row)) }
      }
      step.carryOn(alive)
    }
    guard promised.isFinite else { return nil }
    return Result(
      model: promised / Double(starts.count), real: returned / Double(starts.count),
      span: Double(ReturnGap.horizon) * Double(highest - lowest))
  }

  /// Starts of stretches of `horizon` steps, or up to the task's end, and the mean of their rewards' sums.
  private func realReturns(_ real: Replay) -> (starts: [Int32], sum: Double) {
    let window = max(ReturnGap.window, 2 * ReturnGap.horizon * real.lanes)
    let newest = real.newest(window)
    let (rewards, discounts) = (RowBuffer(window, 1), RowBuffer(window, 1))
    guard !newest.isEmpty else { return ([], 0) }
    var (starts, ends): ([Int32], [Int32]) = ([], [])
    real.sumRewards(
      newest, steps: ReturnGap.horizon, discount: 1, into: rewards.rows, discounts: discounts.rows, ends: &ends)
    let (ended, last) = (RowBuffer(newest.count, 1), ReturnGap.horizon - 1)
    real.gather(ends, real.terminated, into: ended.rows)
    var sum = 0.0
    for (place, row) in newest.enumerated() where starts.count < ReturnGap.most {
      // Every fourth, so that they do not tell the same.
      guard place % (window / ReturnGap.most) == 0 else { continue }
      guard Int(ends[place]) == real.row(row, shifted: last) || ended.rows[place, 0] == 1 else { continue }
      starts.append(row)
      sum += Double(rewards.rows[place, 0])
    }
    return (starts, sum)
  }
}
