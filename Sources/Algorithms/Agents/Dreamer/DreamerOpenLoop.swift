import Environments
import Neural
import Support

/// What Dreamer's world model expects: posterior states where something was seen, prior ones after that.
package final class DreamerOpenLoop: OpenLoopModel {
  private let model: WorldModel
  private let space: ActionSpace
  private let tape = Tape()

  package init(_ model: WorldModel, _ space: ActionSpace) { (self.model, self.space) = (model, space) }

  package func predict(
    _ observations: Rows, actions: Rows, known: Int, random: RandomStream, into predictions: MutableRows,
    rewards: MutableRows?
  ) {
    let (steps, sizes, dynamics) = (observations.count, model.settings.sizes, model.dynamics)
    precondition(
      1...steps ~= known && actions.count >= steps - 1, "\(known) of \(steps) steps, \(actions.count) actions")
    var random = random
    let (before, isFirst) = (RowBuffer(steps, space.columns), RowBuffer(steps, 1))
    let draws = RowBuffer(steps, sizes.latents)
    dynamics.fillDraws(draws.memory, &random)
    isFirst.rows[0, 0] = 1
    if steps > 1 { before.rows.slice(1..<steps).copy(actions.slice(0..<steps - 1)) }
    space.squash(before.rows)
    tape.rewind()
    tape.withoutGradients {
      func tell(_ h: Tensor, _ z: Tensor, _ rows: Range<Int>) {
        model.predict(h: h, z: z, on: tape, into: predictions.slice(rows))
        guard let rewards else { return }
        rewards.slice(rows).copy(tape.rows(of: model.rewards(tape.concatenateColumns(h, z), on: tape)))
      }
      func zeros(_ columns: Int) -> Tensor { tape.constant(columns: columns) { $0.update(repeating: 0) } }
      let seen = dynamics.observe(
        seen: model.encode(observations.slice(0..<known), on: tape), actions: before.read.slice(0..<known),
        isFirst: isFirst.read.slice(0..<known), draws: draws.read.slice(0..<known),
        from: (zeros(sizes.deterministic), zeros(sizes.stochastic)), on: tape)
      tell(seen.h, seen.z, 0..<known)
      var (h, z) = (tape.rows(seen.h, known - 1..<known), tape.rows(seen.z, known - 1..<known))
      for step in known..<steps {
        let action = dynamics.actionBranch(tape.constant(before.read.row(step)), on: tape)
        h = dynamics.next(h, z, action, on: tape)
        z = dynamics.sample(dynamics.prior(h, on: tape), tape.constant(draws.read.row(step)), on: tape)
        tell(h, z, step..<step + 1)
      }
    }
  }
}
