import Support

/// Reads a network's output [mean | raw log variance] as diagonal Gaussians with learned soft bounds of the log
/// variance, shared by all members (PETS, Chua et al. 2018).
package struct GaussianHead {
  /// [1, 1, size], starts at −10
  package let minimum: Parameter
  /// [1, 1, size], starts at +0.5
  package let maximum: Parameter
  /// Dimensions of the Gaussian: half the columns of the network's output.
  package let size: Int
  /// Owns the two bounds.
  package let store: ParameterStore

  /// Parameters "min_logvar" and "max_logvar", after "name." unless the name is empty.
  package init(
    name: String, size: Int, minimum: Float = -10, maximum: Float = 0.5, in store: ParameterStore,
    random: inout RandomStream
  ) {
    let prefix = name.isEmpty ? "" : name + "."
    self.size = size
    self.store = store
    self.minimum = store.addVector(
      prefix + "min_logvar", count: size, initializer: .constant(minimum), random: &random)
    self.maximum = store.addVector(
      prefix + "max_logvar", count: size, initializer: .constant(maximum), random: &random)
  }

  /// output [members, rows, 2·size] → mean and bounded log variance, [members, rows, size] each.
  package func callAsFunction(
    _ output: Tensor, on tape: Tape, frozen: Bool = false
  ) -> (mean: Tensor, logVariance: Tensor) {
    precondition(output.columns == 2 * size, "a Gaussian of \(size) needs \(2 * size) columns, not \(output.columns)")
    let logVariance = tape.boundedLogVariance(
      tape.columns(output, size..<2 * size), minimum: tape.parameter(minimum, of: store, frozen: frozen),
      maximum: tape.parameter(maximum, of: store, frozen: frozen))
    return (tape.columns(output, 0..<size), logVariance)
  }

  /// Σ maximum − Σ minimum → [1, 1, 1]; 0.01 times it belongs to the loss, once: it draws the bounds together.
  package func boundsWidth(on tape: Tape) -> Tensor {
    tape.subtract(
      tape.sum(tape.parameter(maximum, of: store)), tape.sum(tape.parameter(minimum, of: store)))
  }
}
