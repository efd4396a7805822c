import Support

/// A model of the world that can be asked what it expects to see.
package protocol OpenLoopModel: AnyObject {
  /// Predicts the observations of an episode [steps, columns], in their own units: the first `known` from what was seen
  /// until and at each of them, the others from the actions alone.
  /// - Parameter actions: that which was taken at each observation, [steps, columns of an action].
  func predict(_ observations: Rows, actions: Rows, known: Int, random: RandomStream, into predictions: MutableRows)
}
