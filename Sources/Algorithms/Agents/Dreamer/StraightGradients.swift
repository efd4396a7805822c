import Neural
import Support

/// What moves a policy through the dynamics (Dreamer, Hafner et al. 2020; DreamerV2's share 1 − ρ): the gradient of
/// the weighted λ-returns of its dreams with respect to the actions in them.
///
/// The dreams are there; some of their rows at a time are dreamed again, with the same draws, on a tape. The states
/// that the policy sees are constants, as in both papers' code: a return moves an action through what follows from it,
/// not through the actions that follow.
final class StraightGradients {
  private let actor: DreamerActor
  private let settings: DreamerBehaviour.Settings
  private let parts: [Part]
  private let pool: ComputePool?
  /// Start states that are differentiated together.
  private static let tileRows = 64

  init(_ actor: DreamerActor, starts: Int, _ settings: DreamerBehaviour.Settings, pool: ComputePool?) {
    (self.actor, self.settings, self.pool) = (actor, settings, pool)
    let tile = StraightGradients.tileRows
    parts = stride(from: 0, to: starts, by: tile).map { Part(starts: $0..<min($0 + tile, starts)) }
  }

  /// Adds the gradient of −(1 − ρ)·mean of weight·R/scale to the actor's store.
  /// - Parameter critic: whose values the returns end in.
  func addGradients(
    of dreams: Dreams, _ model: WorldModel, _ critic: DreamerMLP, scale: Float, latentDraws: Rows, actionDraws: Rows
  ) {
    var lesson = Lesson(
      learner: .passUnretained(self), dreams: .passUnretained(dreams), model: .passUnretained(model),
      critic: .passUnretained(critic), latentDraws: latentDraws, actionDraws: actionDraws,
      factor: -(1 - settings.reinforceShare) / (scale * Float(dreams.horizon * dreams.starts)), lambda: settings.lambda)
    pool.run(tasks: parts.count, on: &lesson) { lesson, part, _ in
      let lesson = lesson!.assumingMemoryBound(to: Lesson.self).pointee
      lesson.learner.takeUnretainedValue().parts[Int(part)].differentiate(lesson)
    }
    for part in parts { part.tape.addCollectedGradients() }
  }

  /// What the parts have in common; alive for the time of one call.
  private struct Lesson {
    let learner: Unmanaged<StraightGradients>
    let dreams: Unmanaged<Dreams>
    let model: Unmanaged<WorldModel>
    let critic: Unmanaged<DreamerMLP>
    let latentDraws, actionDraws: Rows
    let factor, lambda: Float
  }

  /// Some start states, on a tape of their own.
  private final class Part {
    private let starts: Range<Int>
    let tape = Tape(collectsGradients: true)
    /// What the heads say of the states after each step.
    private var rewards: [Tensor] = []
    private var continuations: [Tensor] = []
    private var values: [Tensor] = []

    init(starts: Range<Int>) { self.starts = starts }

    func differentiate(_ lesson: Lesson) {
      let dreams = lesson.dreams.takeUnretainedValue()
      dream(lesson, dreams)
      // R_t = r_{t+1} + c_{t+1}·((1 − λ)·v_{t+1} + λ·R_{t+1}), from the last step on.
      var (returns, sum) = (values[dreams.horizon - 1], nil as Tensor?)
      for step in (0..<dreams.horizon).reversed() {
        let ahead = tape.add(
          tape.scale(values[step], by: 1 - lesson.lambda), tape.scale(returns, by: lesson.lambda))
        returns = tape.add(rewards[step], tape.multiply(continuations[step], ahead))
        let weights = tape.constant(dreams.weights.read.slice(rows(step, dreams)))
        let gain = tape.sum(tape.multiply(weights, returns))
        sum = sum.map { tape.add($0, gain) } ?? gain
      }
      tape.backward(tape.scale(sum!, by: lesson.factor))
    }

    private func rows(_ step: Int, _ dreams: Dreams) -> Range<Int> {
      step * dreams.starts + starts.lowerBound..<step * dreams.starts + starts.upperBound
    }

    /// The dreams again, with what gradients need.
    private func dream(_ lesson: Lesson, _ dreams: Dreams) {
      let (model, critic) = (lesson.model.takeUnretainedValue(), lesson.critic.takeUnretainedValue())
      let actor = lesson.learner.takeUnretainedValue().actor
      let (dynamics, deter) = (model.dynamics, model.settings.sizes.deterministic)
      rewards.removeAll(keepingCapacity: true)
      continuations.removeAll(keepingCapacity: true)
      values.removeAll(keepingCapacity: true)
      tape.rewind()
      let start = tape.constant(dreams.features.read.slice(rows(0, dreams)))
      var (h, z) = (tape.columns(start, 0..<deter), tape.columns(start, deter..<start.columns))
      for step in 0..<dreams.horizon {
        let rows = rows(step, dreams)
        let seen = tape.constant(dreams.features.read.slice(rows))
        let action = actor.sample(
          actor(seen, on: tape), tape.constant(lesson.actionDraws.slice(rows)), isStraight: true, on: tape)
        tape.withFrozenParameters {
          h = dynamics.next(h, z, dynamics.actionBranch(action, isStraight: true, on: tape), on: tape)
          z = dynamics.sample(dynamics.prior(h, on: tape), tape.constant(lesson.latentDraws.slice(rows)), on: tape)
          let features = tape.concatenateColumns(h, z)
          rewards.append(model.rewards(features, on: tape))
          continuations.append(model.continuations(features, on: tape))
          values.append(tape.twoHotMean(critic(features, on: tape), bins: model.bins))
        }
      }
    }
  }
}
