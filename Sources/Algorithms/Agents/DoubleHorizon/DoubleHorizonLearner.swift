import Environments
import Neural
import Support

/// The policy update of double-horizon policy optimisation (Kubo, Parmas & Ishii 2025): actor and critics learn from
/// short differentiable rollouts through a model.
package final class DoubleHorizonLearner: ArchivableObject {
  /// What one update was about.
  package struct Report: Equatable {
    package var criticLoss: Float = 0
    package var actorLoss: Float = 0
    package var temperatureLoss: Float = 0
    /// α, as the update used it.
    package var temperature: Float = 0
    /// −mean log π(a₀|s₀).
    package var entropy: Float = 0
    /// Mean of the critics' target y.
    package var value: Float = 0
    /// The value range's bounds.
    package var low: Float = 0
    package var high: Float = 0
    /// Share of the rollouts in which the task has not ended.
    package var alive: Float = 0
    /// The largest |Q_i(s₀, a₀)|.
    package var magnitude: Float = 0

    /// Records everything under `metricNames`.
    func record(in metrics: inout Metrics) {
      let values = [criticLoss, actorLoss, temperature, entropy, value, low, high, alive, magnitude]
      for (name, value) in zip(DoubleHorizonLearner.metricNames, values) { metrics.record(name, Double(value)) }
    }
  }

  /// Columns of progress.csv.
  package static let metricNames = [
    "critic_loss", "actor_loss", "temperature", "entropy", "value", "value_low", "value_high", "alive",
    CriticWatch.metricName,
  ]

  package let policy: SoftPolicy
  package let critics: NormalizedMLP
  package let target: Target<NormalizedMLP>
  package let temperature: Temperature
  package var range = ValueRange()
  package private(set) var trajectory = ImaginedTrajectory()
  /// y of the last update.
  package private(set) var targets: [Float] = []
  private let settings: DoubleHorizonSettings
  private let model: any DifferentiableDynamics
  private let actorAdam, criticAdam: Adam
  private let pool: ComputePool?
  package let tape: Tape
  private var soft: [Float] = []

  package init(
    _ settings: DoubleHorizonSettings, _ model: any DifferentiableDynamics, random: RandomStream, pool: ComputePool?
  ) {
    (self.settings, self.model, self.pool) = (settings, model, pool)
    let (layout, rate) = (model.layout, Float(settings.learningRate))
    var (policyRandom, criticRandom) = (random.stream("policy"), random.stream("critics"))
    policy = SoftPolicy(
      layout.observationSize, layout.actionSpace, hiddenSizes: settings.hiddenSizes, form: .doubleHorizon,
      random: &policyRandom, pool: pool)
    critics = NormalizedMLP(
      name: "", sizes: [layout.observationSize + layout.actionColumns] + settings.criticHiddenSizes + [1],
      epsilons: settings.criticHiddenSizes.map { _ in Float(settings.criticEpsilon) }, members: settings.critics,
      startsAtZero: true,
      random: &criticRandom)
    target = Target(of: critics)
    temperature = Temperature(
      initial: settings.temperature,
      targetEntropy: settings.learnsTemperature ? settings.targetEntropy ?? -Double(layout.actionColumns) : nil,
      learningRate: settings.learningRate, isLossScaled: true)
    actorAdam = Adam(policy.network.store, learningRate: rate)
    criticAdam = Adam(critics.store, learningRate: rate)
    tape = Tape(pool: pool)
  }

  /// Optimisers start anew, as after every fit of the model.
  package func resetOptimizers() {
    actorAdam.reset()
    criticAdam.reset()
    temperature.resetOptimizer()
  }

  /// One update.
  ///
  /// 1. Imagine H steps from every state, the graph kept.
  /// 2. Range: towards the quantiles of r − α log π, divided by 1 − γ. Every critic says Q = width·network + centre.
  /// 3. Critics: y = Σ_{k<H} γᵏ alive_k (r_k − α log π_k·[k ≥ 1]) + γᴴ alive_H (Q̄ − α log π_H), where Q̄ is the least
  ///    of two target critics, within the range; Σ over critics of mean (Q(s₀, a₀) − y)².
  /// 4. Actor: −mean [Σ_{k<H} γᵏ alive_k (r_k − α log π_k) + γᴴ alive_H (mean of Q(s_H, a_H) − α log π_H)], by the
  ///    critics of now.
  /// 5. α: α(−mean log π₀ − H̄).
  /// - Parameters:
  ///   - states: s₀ [rows, observation size], standardised.
  ///   - pair: the target critics of Q̄.
  ///   - members: see `ImaginedTrajectory`.
  ///   - improvesPolicy: false: the critics alone learn.
  /// - Throws: `DivergedError`.
  package func update(
    from states: Rows, pair: [Int], members: (_ step: Int, _ serving: inout [Int32]) -> Void,
    _ noise: inout some NoiseSource, improvesPolicy: Bool = true
  ) throws -> Report {
    let alpha = temperature.value
    tape.rewind()
    imagine(from: states, members: members, &noise, isDifferentiable: improvesPolicy)  // 1
    moveRange(alpha)  // 2
    fillTargets(alpha, terminal: terminalTarget(pair))  // 3
    let (criticLoss, magnitude) = criticLoss()
    critics.store.clearGradients()
    tape.backward(criticLoss)
    criticAdam.step(pool: pool)
    target.follow(rate: Float(settings.targetRate))
    var report = Report()
    (report.criticLoss, report.magnitude) = (tape.scalar(criticLoss), magnitude)
    let firstLogs = tape.values(trajectory.logProbabilities[0])
    if improvesPolicy {
      let actorLoss = actorLoss(alpha)  // 4
      policy.network.store.clearGradients()
      tape.backward(actorLoss)
      actorAdam.step(pool: pool)
      report.actorLoss = tape.scalar(actorLoss)
      report.temperatureLoss = temperature.step(on: firstLogs)  // 5
    }
    report.temperature = alpha
    report.entropy = -firstLogs.reduce(0, +) / Float(firstLogs.count)
    report.value = targets.reduce(0, +) / Float(targets.count)
    (report.low, report.high) = (range.low!, range.high!)
    report.alive = trajectory.alive.suffix(states.count).reduce(0, +) / Float(states.count)
    guard report.criticLoss.isFinite, report.actorLoss.isFinite else { throw diverged }
    return report
  }

  private func imagine(
    from states: Rows, members: (_ step: Int, _ serving: inout [Int32]) -> Void, _ noise: inout some NoiseSource,
    isDifferentiable: Bool
  ) {
    let start = tape.constant(states)
    func imagine() {
      trajectory.imagine(from: start, settings.horizon, by: policy, in: model, members: members, &noise, on: tape)
    }
    if isDifferentiable { imagine() } else { tape.withoutGradients(imagine) }
  }

  private func moveRange(_ alpha: Float) {
    soft.removeAll(keepingCapacity: true)
    for step in 0..<trajectory.horizon {
      let (rewards, logs) = (tape.values(trajectory.rewards[step]), tape.values(trajectory.logProbabilities[step]))
      for row in rewards.indices { soft.append(rewards[row] - alpha * logs[row]) }
    }
    range.move(
      towards: soft, quantiles: settings.rangeQuantiles, discount: settings.discount, rate: Float(settings.rangeRate))
  }

  /// Q̄ at the last state, before it is limited to the range.
  private func terminalTarget(_ pair: [Int]) -> UnsafeBufferPointer<Float> {
    let horizon = trajectory.horizon
    return tape.withoutGradients {
      let input = tape.concatenateColumns([trajectory.states[horizon], trajectory.actions[horizon]])
      var least: Tensor?
      for member in pair {
        let value = target.network.member(member, input, on: tape)
        least = least.map { tape.minimum($0, value) } ?? value
      }
      return tape.values(tape.addScalar(tape.scale(least!, by: range.width), range.center))
    }
  }

  private func fillTargets(_ alpha: Float, terminal: UnsafeBufferPointer<Float>) {
    let (rows, horizon, gamma) = (terminal.count, trajectory.horizon, Float(settings.discount))
    targets.removeAll(keepingCapacity: true)
    for _ in 0..<rows { targets.append(0) }
    var weight: Float = 1
    for step in 0...horizon {
      let logs = tape.values(trajectory.logProbabilities[step])
      let rewards = step < horizon ? tape.values(trajectory.rewards[step]) : terminal
      for row in 0..<rows where trajectory.alive[step * rows + row] != 0 {
        let reward = step < horizon ? rewards[row] : rewards[row].clipped(range.low!, range.high!)
        targets[row] += weight * (reward - (step > 0 ? alpha * logs[row] : 0))
      }
      weight *= gamma
    }
  }

  /// Q [critics, rows, 1] at one step of the trajectory, through which gradients pass where the parameters are frozen.
  private func values(_ states: Tensor, _ actions: Tensor, frozen: Bool) -> Tensor {
    let output = critics.fused(tape.concatenateColumns([states, actions]), on: tape, frozen: frozen)
    return tape.addScalar(tape.scale(output, by: range.width), range.center)
  }

  /// The loss, and the largest |Q|.
  private func criticLoss() -> (loss: Tensor, magnitude: Float) {
    let q = values(tape.detached(trajectory.states[0]), tape.detached(trajectory.actions[0]), frozen: false)
    let y = tape.constant(rows: targets.count, columns: 1) { _ = $0.update(fromContentsOf: targets) }
    let loss = tape.scale(tape.sum(tape.square(tape.subtract(q, y))), by: 1 / Float(targets.count))
    return (loss, tape.values(q).reduce(0) { max($0, abs($1)) })
  }

  private func actorLoss(_ alpha: Float) -> Tensor {
    let (horizon, rows) = (trajectory.horizon, targets.count)
    var (total, weight): (Tensor?, Float) = (nil, 1)
    for step in 0...horizon {
      let gain =
        step < horizon
        ? trajectory.rewards[step]
        : tape.meanBatch(values(trajectory.states[step], trajectory.actions[step], frozen: true))
      let soft = tape.subtract(gain, tape.scale(trajectory.logProbabilities[step], by: alpha))
      let shares = tape.constant(rows: rows, columns: 1) { shares in
        for row in 0..<rows { shares[row] = weight * trajectory.alive[step * rows + row] }
      }
      let sum = tape.sum(tape.multiply(soft, shares))
      total = total.map { tape.add($0, sum) } ?? sum
      weight *= Float(settings.discount)
    }
    return tape.scale(total!, by: -1 / Float(rows))
  }

  private var diverged: DivergedError {
    DivergedError(policy: policy.network.store, critics: critics.store)
  }

  package func archive(_ archive: Archive) throws {
    try archive.scope("actor") { try actorAdam.archive(archive) }
    try archive.scope("critic") {
      try criticAdam.archive(archive)
      try archive.part("target", target)
    }
    try archive.scope("temperature") { try temperature.archive(archive) }
    try archive.part("range", &range)
  }
}
