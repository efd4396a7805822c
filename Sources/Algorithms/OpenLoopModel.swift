import Support

/// A model of the world that can be asked what it expects to see.
package protocol OpenLoopModel: AnyObject {
  /// Predicts the observations of an episode [steps, columns], in their own units: the first `known` from what was seen
  /// until and at each of them, the others from the actions alone.
  /// - Parameters:
  ///   - actions: that which was taken at each observation, [steps, columns of an action].
  ///   - rewards: where they are wanted, those that each observation came with, [steps, 1].
  func predict(
    _ observations: Rows, actions: Rows, known: Int, random: RandomStream, into predictions: MutableRows,
    rewards: MutableRows?)
}

extension OpenLoopModel {
  /// As the other, without rewards.
  package func predict(
    _ observations: Rows, actions: Rows, known: Int, random: RandomStream, into predictions: MutableRows
  ) {
    predict(observations, actions: actions, known: known, random: random, into: predictions, rewards: nil)
  }
}
