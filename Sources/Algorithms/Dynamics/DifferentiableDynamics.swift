import Environments
import Neural
import Support

/// A learned model whose steps gradients pass through, to states and actions. It works on observations as it
/// standardises them, and on actions in [−1, 1].
package protocol DifferentiableDynamics: AnyObject {
  var layout: DynamicsLayout { get }
  /// Networks that a row can be moved by.
  var members: Int { get }
  /// Observations [rows, observation size] to their standardised form, in place.
  func standardize(_ observations: MutableRows)
  /// One step of every row through the member that `members` names for it.
  /// - Parameters:
  ///   - state: [1, rows, observation size], standardised.
  ///   - action: [1, rows, action columns], in [−1, 1].
  ///   - noise: standard normals [rows · observation size]; nil: the mean.
  /// - Returns: the next state likewise, and the reward [1, rows, 1] in its own units, a mean without noise.
  func step(
    _ state: Tensor, _ action: Tensor, by members: some Sequence<Int32>, noise: UnsafeBufferPointer<Float>?,
    on tape: Tape
  ) -> (next: Tensor, reward: Tensor)
  /// Sets ended[row] = 1 where the task ends with a step of standardised states and actions in [−1, 1], else 0.
  /// - Returns: false where no step ends it: then nothing is set.
  func ends(_ state: Rows, _ action: Rows, _ next: Rows, into ended: UnsafeMutablePointer<Float>) -> Bool
}
