import Environments
import Neural
import Support

/// Q(s, ·) as a multi-layer perceptron with a target network, trained by Double DQN (van Hasselt, Guez & Silver 2016):
///
///     y = r + γ·(1 − ended)·Q_target(s', argmax_a Q(s', a)),   loss = mean of (Q(s, a) − y)²,
///
/// the error limited to ±`errorLimit` in the gradient (Huber's loss; Mnih et al. 2015). Observations are standardised.
/// The target network, an average over the last updates, chooses the actions.
final class QNetwork: ArchivableObject {
  private let store = ParameterStore()
  private let targetStore: ParameterStore
  private let network: MLP
  private let target: MLP
  private let tape: Tape
  private let adam: Adam
  private let size: Int
  private let actions: Int
  private let errorLimit: Float
  private var normalizer: InputNormalizer

  init(
    size: Int, actions: Int, hiddenSizes: [Int], activation: Activation, learningRate: Double,
    maximumGradientNorm: Double, errorLimit: Double, random: RandomStream, pool: ComputePool
  ) {
    var random = random
    network = MLP(
      name: "q", sizes: [size] + hiddenSizes + [actions], activation: activation, store: store,
      weightInitializer: .kaimingUniform, biasInitializer: .kaimingUniform, random: &random)
    targetStore = ParameterStore(copying: store)
    target = network.over(targetStore)
    tape = Tape(pool: pool)
    adam = Adam(
      learningRate: Float(learningRate), maximumNorm: maximumGradientNorm > 0 ? Float(maximumGradientNorm) : nil)
    normalizer = InputNormalizer(columns: size)
    (self.size, self.actions, self.errorLimit) = (size, actions, errorLimit > 0 ? Float(errorLimit) : .infinity)
  }

  /// Takes mean and deviation of the observations there are.
  func standardize(by buffer: TransitionBuffer) { normalizer.fit(buffer.observations, rows: buffer.count) }

  /// Observations [rows, size], standardised.
  private func input(_ observations: Rows) -> Tensor {
    tape.constant(rows: observations.count, columns: size) { memory in
      let input = MutableRows(memory.baseAddress!, observations.count, size)
      for column in 0..<size {
        let (mean, factor) = (Float(normalizer.mean[column]), Float(1 / normalizer.deviation[column]))
        for row in 0..<observations.count { input[row, column] = (observations[row, column] - mean) * factor }
      }
    }
  }

  var parameterCount: Int { store.parameters.reduce(0) { $0 + $1.count } }

  /// The actions of the greatest values, the first of equals.
  func greedyActions(_ observations: Rows, into chosen: ActionRows) {
    tape.rewind()
    tape.withoutGradients {
      let q = tape.values(target(input(observations), on: tape))
      for row in 0..<observations.count { chosen.set(row, index: QNetwork.argmax(q, row * actions, actions)) }
    }
  }

  /// One optimiser step.
  /// - Returns: the mean squared error before it, and the mean Q of the taken actions.
  func update(on batch: TransitionBatch, discount: Float) throws -> (loss: Double, value: Double) {
    tape.rewind()
    let rows = batch.count
    let (choosing, judging) = tape.withoutGradients {
      let next = input(batch.next)
      return (tape.values(network(next, on: tape)), tape.values(target(next, on: tape)))
    }
    let q = network(input(batch.observations), on: tape)
    let values = tape.values(q)
    var (squares, total) = (0.0, 0.0)
    // The target of an action that was not taken is its own value: no error, no gradient.
    let targets = tape.constant(rows: rows, columns: actions) { memory in
      for index in 0..<rows * actions { memory[index] = values[index] }
      for row in 0..<rows {
        let best = QNetwork.argmax(choosing, row * actions, actions)
        let beyond = batch.terminated[row, 0] != 0 ? 0 : judging[row * actions + best]
        let place = row * actions + batch.actions.hotColumn(row)
        let error = batch.rewards[row, 0] + discount * beyond - values[place]
        squares += Double(error) * Double(error)
        total += Double(values[place])
        memory[place] = values[place] + min(max(error, -errorLimit), errorLimit)
      }
    }
    // The mean runs over all actions of a row, of which one has an error.
    let loss = tape.scale(tape.meanSquaredError(q, targets), by: Float(actions))
    store.clearGradients()
    tape.backward(loss)
    adam.step(store)
    guard squares.isFinite else { throw DivergedError(quantity: store.firstNonfinite() ?? "the loss of q") }
    return (squares / Double(rows), total / Double(rows))
  }

  /// target ← rate·online + (1 − rate)·target.
  func moveTarget(rate: Float) {
    if rate == 1 { targetStore.copyValues(from: store) } else { targetStore.polyak(from: store, rate: rate) }
  }

  private static func argmax(_ values: UnsafeBufferPointer<Float>, _ start: Int, _ count: Int) -> Int {
    var best = 0
    for action in 1..<max(count, 1) where values[start + action] > values[start + best] { best = action }
    return best
  }

  func archive(_ archive: Archive) throws {
    try store.archive(archive)
    try archive.part("normalizer", &normalizer)
    try archive.part("target", targetStore)
    try archive.scope("adam") { try adam.archive(archive, of: store) }
  }
}

/// Acts greedily by a Q-network, with exploration where it is stochastic.
final class QPolicy: RowPolicy {
  private let network: QNetwork
  private let exploration: Double

  init(_ network: QNetwork, exploration: Double) {
    self.network = network
    self.exploration = exploration
  }

  func act(_ observations: Rows, into actions: ActionRows, isStochastic: Bool, _ random: inout RandomStream) {
    network.greedyActions(observations, into: actions)
    guard isStochastic, exploration > 0 else { return }
    for row in 0..<actions.count where random.uniform() < exploration { actions.setUniform(row, &random) }
  }
}
