import Neural
import Support

/// The gradients of actor and critic on dreams, some steps of them at a time on every thread.
///
/// The steps are cut into the same parts for any number of threads, and every part collects gradients of its own, which
/// are added in their order: the sums have the same bits whoever computes them.
package final class BehaviourLearner {
  /// Means over all steps of all dreams.
  package struct Report: Sendable {
    /// Without what moves the policy through the dynamics.
    package var policy = 0.0
    package var value = 0.0
    package var entropy = 0.0
    package var advantage = 0.0
  }

  private let actor: DreamerActor
  private let critic: DreamerMLP
  private let parts: [Part]
  private let pool: ComputePool?

  init(_ actor: DreamerActor, _ critic: DreamerMLP, horizon: Int, pool: ComputePool?) {
    (self.actor, self.critic, self.pool) = (actor, critic, pool)
    let count = min(4, horizon)
    parts = (0..<count).map { Part(steps: horizon * $0 / count..<horizon * ($0 + 1) / count) }
  }

  /// Adds the gradients of both losses to their stores.
  func differentiate(on dreams: Dreams, scale: Float, _ settings: DreamerBehaviour.Settings, bins: TwoHotBins) -> Report
  {
    var lesson = Lesson(
      learner: .passUnretained(self), dreams: .passUnretained(dreams), bins: bins, scale: scale,
      settings: settings)
    pool.run(tasks: parts.count, on: &lesson) { lesson, part, _ in
      let lesson = lesson!.assumingMemoryBound(to: Lesson.self).pointee
      lesson.learner.takeUnretainedValue().parts[Int(part)].differentiate(lesson)
    }
    var report = Report()
    for part in parts {
      part.tape.addCollectedGradients()
      report.policy += part.sums.policy
      report.value += part.sums.value
      report.entropy += part.sums.entropy
      report.advantage += part.sums.advantage
    }
    return report
  }

  /// What the parts have in common; alive for the time of one call.
  private struct Lesson {
    let learner: Unmanaged<BehaviourLearner>
    let dreams: Unmanaged<Dreams>
    let bins: TwoHotBins
    let scale: Float
    let settings: DreamerBehaviour.Settings
  }

  /// Some steps, on a tape of their own.
  private final class Part {
    private let steps: Range<Int>
    let tape = Tape(collectsGradients: true)
    private(set) var sums = Report()

    init(steps: Range<Int>) { self.steps = steps }

    func differentiate(_ lesson: Lesson) {
      let dreams = lesson.dreams.takeUnretainedValue()
      let learner = lesson.learner.takeUnretainedValue()
      let (actor, critic) = (learner.actor, learner.critic)
      sums = Report()
      let factor = 1 / Float(dreams.horizon * dreams.starts)
      for step in steps {
        let rows = step * dreams.starts..<(step + 1) * dreams.starts
        tape.rewind()
        func constant(_ buffer: RowBuffer) -> Tensor { tape.borrowed(buffer.read.slice(rows)) }
        let (state, weights, returns) = (
          constant(dreams.features), constant(dreams.weights), constant(dreams.returns)
        )
        let advantages = tape.scale(tape.subtract(returns, constant(dreams.values)), by: 1 / lesson.scale)
        let (policyLosses, entropies) = actorLoss(
          dreams.actorLayers.map { actor(state, computed: $0, rows: rows, on: tape) } ?? actor(state, on: tape),
          actions: constant(dreams.actions), advantages: advantages, weights: weights,
          reinforceShare: lesson.settings.reinforceShare, entropyScale: lesson.settings.entropyScale, on: tape)
        let targets =
          lesson.settings.staysNearSlow
          ? tape.concatenateColumns(returns, constant(dreams.slowValues)) : returns
        let valueLosses = criticLoss(
          dreams.criticLayers.map { critic.heads(state, computed: $0, rows: rows, on: tape).first }
            ?? critic(state, on: tape), targets: targets, weights: weights, bins: lesson.bins, on: tape)
        let (policy, value) = (tape.sum(policyLosses), tape.sum(valueLosses))
        tape.backward(tape.scale(tape.add(policy, value), by: factor))
        func mean(_ sum: Tensor) -> Double { Double(tape.scalar(sum)) * Double(factor) }
        sums.policy += mean(policy)
        sums.value += mean(value)
        sums.entropy += mean(tape.sum(entropies))
        sums.advantage += mean(tape.sum(advantages))
      }
    }
  }
}
