import Neural
import Support

/// α of soft actor-critic: the weight of the entropy, fixed, or moved so that the policy keeps the entropy H̄
/// (Haarnoja et al. 2018b).
package final class Temperature: ArchivableObject {
  private let store = ParameterStore()
  private let logarithm: Parameter
  private let adam: Adam
  /// H̄; nil: α stays.
  package let targetEntropy: Float?

  /// Whether the loss is −α·mean(log π + H̄) instead.
  private let isLossScaled: Bool

  /// Starts at α = `initial`.
  package init(initial: Double, targetEntropy: Double?, learningRate: Double, isLossScaled: Bool = false) {
    self.isLossScaled = isLossScaled
    var random = RandomStream(seed: 0)
    logarithm = store.addVector(
      "log_alpha", count: 1,
      initializer: .constant(KernelMath.log(Float(initial))),
      random: &random)
    adam = Adam(store, learningRate: Float(learningRate))
    self.targetEntropy = targetEntropy.map { Float($0) }
  }

  /// log α.
  package var logValue: Float {
    get { store.values(of: logarithm)[0] }
    set { store.values(of: logarithm)[0] = newValue }
  }
  /// α.
  package var value: Float { KernelMath.exp(logValue) }

  /// The loss J = −log α·mean(log π + H̄), and one step on it; `negativeEntropies` holds log π, or Σ π log π.
  /// - Returns: J before the step; 0 where α is fixed.
  @discardableResult
  package func step(on negativeEntropies: UnsafeBufferPointer<Float>) -> Float {
    guard let targetEntropy else { return 0 }
    let excess = negativeEntropies.reduce(0) { $0 + Double($1) } / Double(negativeEntropies.count)
    let slope = -(Float(excess) + targetEntropy)
    let (loss, gradient) = isLossScaled ? (value * slope, value * slope) : (logValue * slope, slope)
    store.gradients(of: logarithm)[0] = gradient
    adam.step()
    return loss
  }

  /// The optimiser starts anew.
  package func resetOptimizer() { adam.reset() }

  package func archive(_ archive: Archive) throws { try adam.archive(archive) }
}
