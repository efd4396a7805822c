import Environments
import Neural
import Support

/// The update of proximal policy optimisation (Schulman et al. 2017): several epochs of shuffled minibatches of one
/// rollout, on policy and values together.
package final class ProximalLearner: ArchivableObject {
  /// What a minibatch was about, or the means over those of an update.
  package struct Report: Equatable, Sendable {
    package var policyLoss = 0.0
    package var valueLoss = 0.0
    package var entropy = 0.0
    /// mean((ratio − 1) − log ratio)
    package var divergence = 0.0
    /// Share of the rows whose ratio is outside 1 ± ε.
    package var clipFraction = 0.0

    package init() {}

    /// Of the terms of an objective on a tape.
    package init(_ terms: ProximalObjective.Terms, clipRange: Float, on tape: Tape) {
      policyLoss = Double(tape.scalar(terms.policyLoss))
      valueLoss = Double(tape.scalar(terms.valueLoss))
      entropy = Double(tape.scalar(terms.entropy))
      let (ratio, logRatio) = (tape.values(terms.ratio), tape.values(terms.logRatio))
      for row in ratio.indices {
        divergence += Double(ratio[row] - 1) - Double(logRatio[row])
        if abs(ratio[row] - 1) > clipRange { clipFraction += 1 }
      }
      divergence /= Double(ratio.count)
      clipFraction /= Double(ratio.count)
    }
  }

  package let network: ActorCriticNetwork
  /// Steps of the optimiser.
  package private(set) var updates = 0
  private let optimizer: Adam
  private let settings: ProximalSettings
  private let pool: ComputePool?
  private let tape: Tape
  private var shuffling: RandomStream
  private var order: [Int32] = []
  /// Of the update under way: epochs that are done, sums over minibatches, and whether its divergence has ended it.
  private var epochs = 0
  private var minibatches = 0
  private var sums = Report()
  private var isEnded = false

  package init(
    _ settings: ProximalSettings, _ observations: ObservationSpace, _ space: ActionSpace, legal: LegalActions? = nil,
    random: RandomStream, pool: ComputePool?
  ) {
    (self.settings, self.pool) = (settings, pool)
    var start = random.stream("start")
    network = ActorCriticNetwork(
      settings.network, observations, space, legal: legal, random: &start, pool: pool)
    optimizer = Adam(
      network.store, learningRate: Float(settings.learningRate.start), epsilon: Float(settings.adamEpsilon),
      maximumNorm: settings.maximumGradientNorm > 0 ? Float(settings.maximumGradientNorm) : nil)
    tape = Tape(pool: pool)
    shuffling = random.stream("shuffling")
  }

  /// Learns from a full rollout, of which values of the last observations are known, `step` environment steps after the
  /// start of the run.
  /// - Throws: `InterruptedError` between two epochs: the same call, with the same rollout, goes on with the next one.
  package func update(on rollout: Rollout, at step: Int) throws -> Report {
    if epochs == 0 {
      network.evaluate(rollout.observations, 0..<rollout.rows, into: rollout.values.memory)
      rollout.estimateAdvantages(discount: Float(settings.discount), decay: Float(settings.lambda))
    }
    let objective = settings.objective(at: step)
    optimizer.learningRate = Float(settings.learningRate.value(at: step))
    while epochs < settings.epochs && !isEnded {
      try pool?.checkInterruption()
      try runEpoch(on: rollout, objective)
      epochs += 1
    }
    defer { (epochs, minibatches, sums, isEnded) = (0, 0, Report(), false) }
    if let name = network.store.firstNonfinite() { throw DivergedError(quantity: name) }
    return sums.divided(by: Double(minibatches))
  }

  /// Every row once, in an order of its own.
  private func runEpoch(on rollout: Rollout, _ objective: ProximalObjective) throws {
    if order.count != rollout.rows { order = [Int32](repeating: 0, count: rollout.rows) }
    for row in order.indices { order[row] = Int32(row) }
    shuffling.shuffle(&order)
    for start in stride(from: 0, to: order.count, by: settings.batchSize) where !isEnded {
      let rows = order[start..<min(start + settings.batchSize, order.count)]
      let report = try step(on: rollout, rows: rows, objective)
      sums.add(report)
      minibatches += 1
      isEnded = isTooFar(report)
    }
  }

  /// Whether the policy has gone too far from the one that drew the rollout.
  private func isTooFar(_ report: Report) -> Bool {
    settings.targetDivergence.map { report.divergence > 1.5 * $0 } ?? false
  }

  /// One step of the optimiser on some rows of a rollout whose advantages are there, unless the policy `isTooFar`.
  package func step(
    on rollout: Rollout, rows: ArraySlice<Int32>, _ objective: ProximalObjective
  ) throws -> Report {
    tape.rewind()
    func gathered(_ buffer: RowBuffer, columns: Int = 1) -> Tensor {
      tape.constant(rows: rows.count, columns: columns) {
        MutableRows($0.baseAddress!, rows.count, columns).gather(
          rows, of: Rows(buffer.rows.base, rollout.rows, columns))
      }
    }
    let observations = tape.constant(rows: rows.count, columns: rollout.observations.columns) {
      rollout.observations.gather(rows, into: $0.baseAddress!)
    }
    let advantages = tape.constant(rows: rows.count, columns: 1) {
      MutableRows($0.baseAddress!, rows.count, 1).gather(
        rows, of: Rows(rollout.advantages.rows.base, rollout.rows, 1))
      if settings.normalizesAdvantages { ProximalObjective.normalize($0) }
    }
    let batch = ProximalObjective.Minibatch(
      actions: gathered(rollout.actions, columns: rollout.actions.rows.columns),
      oldLogProbabilities: gathered(rollout.logProbabilities), advantages: advantages,
      oldValues: gathered(rollout.values), returns: gathered(rollout.returns))
    let (distribution, value) = network(observations, on: tape)
    let terms = objective(distribution, value, on: batch, tape)
    guard tape.scalar(terms.loss).isFinite else {
      throw DivergedError(quantity: network.store.firstNonfinite() ?? "the loss of policy and values")
    }
    let report = Report(terms, clipRange: objective.clipRange, on: tape)
    if isTooFar(report) { return report }
    network.store.clearGradients()
    tape.backward(terms.loss)
    optimizer.step(pool: pool)
    updates += 1
    return report
  }

  package func archive(_ archive: Archive) throws {
    try optimizer.archive(archive)
    try archive.value("updates", &updates)
    try archive.part("shuffling", &shuffling)
    try archive.scope("update") {
      try archive.value("epochs", &epochs)
      try archive.value("minibatches", &minibatches)
      try archive.value("isEnded", &isEnded)
      try archive.part("sums", &sums)
    }
  }
}

extension ProximalLearner.Report: Archivable {
  /// Adds every number.
  fileprivate mutating func add(_ other: Self) {
    policyLoss += other.policyLoss
    valueLoss += other.valueLoss
    entropy += other.entropy
    divergence += other.divergence
    clipFraction += other.clipFraction
  }

  /// The means, from sums.
  fileprivate func divided(by count: Double) -> Self {
    var means = self
    means.policyLoss /= count
    means.valueLoss /= count
    means.entropy /= count
    means.divergence /= count
    means.clipFraction /= count
    return means
  }

  package mutating func archive(_ archive: Archive) throws {
    try archive.value("policyLoss", &policyLoss)
    try archive.value("valueLoss", &valueLoss)
    try archive.value("entropy", &entropy)
    try archive.value("divergence", &divergence)
    try archive.value("clipFraction", &clipFraction)
  }
}
