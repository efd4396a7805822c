import Environments
import Neural
import Support

/// Acting by a world model's filter: the latent state of some environments, and the next action of each.
package final class RecurrentActor: ArchivableObject {
  private let model: WorldModel
  private let actor: DreamerActor
  private let space: ActionSpace
  private let tape = Tape()
  /// States in which the last actions were chosen, and those actions in [−1, 1] or one-hot; one row per environment.
  package let h, z: RowBuffer
  private let actions: RowBuffer
  private let isFirst: RowBuffer
  /// What the next step draws: latents as the model says, actions as the actor does.
  package let latentDraws, actionDraws: RowBuffer

  package init(_ model: WorldModel, _ actor: DreamerActor, _ space: ActionSpace, rows: Int) {
    (self.model, self.actor, self.space) = (model, actor, space)
    let sizes = model.settings.sizes
    (h, z) = (RowBuffer(rows, sizes.deterministic), RowBuffer(rows, sizes.stochastic))
    (actions, isFirst) = (RowBuffer(rows, space.columns), RowBuffer(rows, 1))
    (latentDraws, actionDraws) = (RowBuffer(rows, sizes.latents), RowBuffer(rows, actor.drawColumns))
  }

  /// Draws for the rows in `rows` from one stream.
  package func draw(_ rows: Range<Int>, _ random: inout RandomStream) {
    func memory(_ buffer: RowBuffer) -> UnsafeMutableBufferPointer<Float> {
      let columns = buffer.rows.columns
      return .init(rebasing: buffer.memory[rows.lowerBound * columns..<rows.upperBound * columns])
    }
    model.dynamics.fillDraws(memory(latentDraws), &random)
    if actor.isDiscrete {
      random.fillUniform(memory(actionDraws), 0, 1)
    } else {
      random.fillNormal(memory(actionDraws))
    }
  }

  /// Takes in what is seen and writes an action for every row, by the draws or, where not stochastic, the policy's
  /// mode.
  package func act(in situation: Situation, into out: ActionRows, isStochastic: Bool) {
    for row in 0..<situation.count { isFirst.rows[row, 0] = situation.isFirst[row] ? 1 : 0 }
    tape.rewind()
    tape.withoutGradients {
      let sequence = model.dynamics.observe(
        seen: model.encode(situation.observations, on: tape), actions: actions.read, isFirst: isFirst.read,
        draws: latentDraws.read, from: (tape.constant(h.read), tape.constant(z.read)), on: tape)
      h.rows.copy(tape.rows(of: sequence.h))
      z.rows.copy(tape.rows(of: sequence.z))
      let distribution = actor(tape.concatenateColumns(sequence.h, sequence.z), on: tape)
      let action =
        isStochastic
        ? actor.sample(distribution, tape.constant(actionDraws.read), on: tape) : actor.mode(distribution, on: tape)
      actions.rows.copy(tape.rows(of: action))
    }
    out.rows.copy(actions.read)
    space.unsquash(out.rows)
  }

  package func archive(_ archive: Archive) throws {
    try archive.part("h", h)
    try archive.part("z", z)
    try archive.part("action", actions)
  }
}

/// A policy for evaluation: one stream per episode.
package final class DreamerPolicy: Policy {
  private let actor: RecurrentActor
  private let isStochastic: Bool
  private let random: RandomStream
  private var streams: [RandomStream]

  package init(_ actor: RecurrentActor, isStochastic: Bool, rows: Int, random: RandomStream) {
    (self.actor, self.isStochastic, self.random) = (actor, isStochastic, random)
    streams = [RandomStream](repeating: random, count: rows)
  }

  package func act(in situation: Situation, into actions: ActionRows) {
    for row in 0..<situation.count {
      if situation.isFirst[row] { streams[row] = random.stream(UInt64(situation.episode[row])) }
      actor.draw(row..<row + 1, &streams[row])
    }
    actor.act(in: situation, into: actions, isStochastic: isStochastic)
  }
}
