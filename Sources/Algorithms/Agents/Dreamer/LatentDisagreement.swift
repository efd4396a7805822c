import Neural
import Support

/// An ensemble that predicts the next latent z from a state and an action; where its members say different things, the
/// model has seen little (Plan2Explore, Sekar et al. 2020).
package final class LatentDisagreement {
  package struct Settings: Sendable {
    /// Networks, which differ by where they start.
    package var members = 5
    /// Layers of each.
    package var layers = 3
    /// Weight of the disagreement in the explorer's reward.
    package var weight: Float = 1
    /// Weight of the task's reward in it.
    package var taskWeight: Float = 0

    package init() {}
  }

  package let settings: Settings
  package let store = ParameterStore()
  package let members: [DreamerMLP]
  private let sizes: DreamerSizes

  package init(_ settings: Settings, _ sizes: DreamerSizes, actions: Int, random: RandomStream) {
    (self.settings, self.sizes) = (settings, sizes)
    var random = random
    let store = store
    members = (0..<settings.members).map { member in
      DreamerMLP(
        name: "disagreement.\(member)", inputs: sizes.features + actions, units: sizes.units, layers: settings.layers,
        heads: [("head", sizes.stochastic)], outputScale: 1, in: store, random: &random)
    }
  }

  /// Half the squared error of every member's prediction, summed over members and columns and averaged over the rows
  /// that count: [1, 1, 1].
  ///
  /// No gradient flows into what is given: states [rows, features], actions [rows, actions], the z that followed
  /// [rows, stochastic], and 1 where it did, 0 where another episode began [rows, 1].
  package func loss(states: Rows, actions: Rows, following: Rows, counts: Rows, on tape: Tape) -> Tensor {
    let inputs = tape.concatenateColumns(tape.constant(states), tape.constant(actions))
    let (targets, counts) = (tape.constant(following), tape.constant(counts))
    var sum: Tensor?
    for member in members {
      let errors = tape.sumColumns(tape.square(tape.subtract(member(inputs, on: tape), targets)))
      sum = sum.map { tape.add($0, errors) } ?? errors
    }
    return tape.scale(tape.mean(tape.multiply(sum!, counts)), by: 0.5)
  }

  /// The standard deviation of the members' predictions, averaged over the columns of z: states [rows, features] and
  /// actions [rows, actions] → [rows, 1].
  package func bonuses(_ states: Tensor, _ actions: Tensor, on tape: Tape) -> Tensor {
    let inputs = tape.concatenateColumns(states, actions)
    let share = 1 / Float(members.count)
    var (sum, squares) = (nil as Tensor?, nil as Tensor?)
    // Differences from the first member: what all have in common cancels before anything is squared.
    let first = members[0](inputs, on: tape)
    for member in members.dropFirst() {
      let difference = tape.subtract(member(inputs, on: tape), first)
      sum = sum.map { tape.add($0, difference) } ?? difference
      let square = tape.square(difference)
      squares = squares.map { tape.add($0, square) } ?? square
    }
    let mean = tape.scale(sum!, by: share)
    let variance = tape.subtract(tape.scale(squares!, by: share), tape.square(mean))
    let deviations = tape.sqrt(tape.clamp(variance, low: 0, high: .greatestFiniteMagnitude))
    return tape.scale(tape.sumColumns(deviations), by: 1 / Float(sizes.stochastic))
  }
}
