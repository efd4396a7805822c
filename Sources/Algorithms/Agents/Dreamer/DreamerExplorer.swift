import Neural
import Support

/// The policy that collects data where the model does not know what happens (Plan2Explore): an ensemble whose
/// disagreement rewards it, and a behaviour of its own, beside that of the task.
package final class DreamerExplorer: ArchivableObject {
  package let disagreement: LatentDisagreement
  package let behaviour: DreamerBehaviour
  private let tape: Tape
  /// Of the last batch, what was done in each state, and 1 where the next state follows from it.
  private let actions, counts: RowBuffer

  /// For batches of `length` steps of `count` sequences.
  package init(
    _ settings: LatentDisagreement.Settings, _ behaviour: DreamerBehaviour.Settings, _ sizes: DreamerSizes,
    actions: Int, isDiscrete: Bool, length: Int, count: Int, random: RandomStream, pool: ComputePool?
  ) {
    disagreement = LatentDisagreement(settings, sizes, actions: actions, random: random.stream("disagreement"))
    var own = behaviour
    // Disagreement has no unit that a range of 1 could be measured in.
    own.smallestRange = 0.01
    self.behaviour = DreamerBehaviour(
      own, sizes, name: "explorer.", actions: actions, isDiscrete: isDiscrete, starts: length * count, random: random,
      pool: pool)
    tape = Tape(pool: pool)
    self.actions = RowBuffer((length - 1) * count, actions)
    counts = RowBuffer((length - 1) * count, 1)
  }

  /// Parameters that an optimiser moves.
  package var stores: [ParameterStore] { [disagreement.store] + behaviour.stores }

  /// What an update did.
  package struct Report: Sendable {
    /// Of the ensemble, see `LatentDisagreement.loss`.
    package var loss = 0.0
    /// Mean bonus in the explorer's dreams.
    package var bonus = 0.0
    package var behaviour = BehaviourLearner.Report()
    /// Mean λ-return of its dreams.
    package var imaginedReturn = 0.0

    package init() {}
  }

  /// Adds the gradients of ensemble, actor and critic to their stores.
  /// - Parameter states: h and z of the batch's steps, [T·B, features].
  package func differentiate(_ batch: SequenceBatch, states: Rows, _ model: WorldModel) -> Report {
    let (width, rows) = (batch.count, batch.rows)
    let (earlier, later) = (0..<rows - width, width..<rows)
    actions.rows.copy(batch.previousActions.read.slice(later))
    for row in earlier { counts.rows[row, 0] = batch.isFirst.rows[row + width, 0] != 0 ? 0 : 1 }
    tape.rewind()
    let latents = model.settings.sizes.deterministic..<states.columns
    let loss = disagreement.loss(
      states: states.slice(earlier), actions: actions.read, following: states.slice(later).columns(latents),
      counts: counts.read, on: tape)
    tape.backward(loss)
    var report = Report()
    report.loss = Double(tape.scalar(loss))
    report.behaviour = behaviour.differentiate(from: states, model, curiosity: disagreement)
    report.bonus = behaviour.dreams.meanBonus
    report.imaginedReturn = behaviour.dreams.returns.read.mean()
    return report
  }

  package func archive(_ archive: Archive) throws { try behaviour.archive(archive) }
}
