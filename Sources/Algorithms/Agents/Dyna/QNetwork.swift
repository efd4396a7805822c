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
  private let network: MLP
  private let target: Target<MLP>
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
      name: "q", sizes: [size] + hiddenSizes + [actions], activation: activation,
      weightInitializer: .kaimingUniform, biasInitializer: .kaimingUniform, random: &random)
    target = Target(of: network)
    tape = Tape(pool: pool)
    adam = Adam(
      network.store, learningRate: Float(learningRate),
      maximumNorm: maximumGradientNorm > 0 ? Float(maximumGradientNorm) : nil)
    normalizer = InputNormalizer(columns: size)
    (self.size, self.actions, self.errorLimit) = (size, actions, errorLimit > 0 ? Float(errorLimit) : .infinity)
  }

  /// Takes mean and deviation of the observations there are.
  func standardize(by replay: Replay) {
    let observations = replay.all(replay.observation)
    normalizer.fit(observations.read, rows: 0..<Int32(replay.count))
  }

  /// Observations [rows, size], standardised.
  private func input(_ observations: Rows) -> Tensor {
    tape.constant(rows: observations.count, columns: size) {
      let rows = MutableRows($0.baseAddress!, observations.count, size)
      rows.copy(observations)
      normalizer.standardize(rows)
    }
  }

  var parameterCount: Int { network.store.parameters.reduce(0) { $0 + $1.count } }

  /// The actions of the greatest values, the first of equals.
  func greedyActions(_ observations: Rows, into chosen: ActionRows) {
    tape.rewind()
    tape.withoutGradients {
      let q = tape.rows(of: target.network(input(observations), on: tape))
      for row in 0..<observations.count { chosen.set(row, index: QNetwork.argmax(q, row)) }
    }
  }

  /// One optimiser step.
  /// - Returns: the mean squared error before it, and the mean Q of the taken actions.
  func update(on batch: TransitionBatch, discount: Float) throws -> (loss: Double, value: Double) {
    tape.rewind()
    let count = batch.count
    let (choosing, judging) = tape.withoutGradients {
      let next = input(batch.next)
      return (tape.rows(of: network(next, on: tape)), tape.rows(of: target.network(next, on: tape)))
    }
    let q = network(input(batch.observations), on: tape)
    let values = tape.rows(of: q)
    var (squares, total) = (0.0, 0.0)
    // The target of an action that was not taken is its own value: no error, no gradient.
    let targets = tape.constant(rows: count, columns: actions) {
      let targets = MutableRows($0.baseAddress!, count, actions)
      targets.copy(values)
      for row in 0..<count {
        let (action, best) = (batch.actions.hotColumn(row), QNetwork.argmax(choosing, row))
        let beyond = batch.terminated[row, 0] != 0 ? 0 : judging[row, best]
        let error = batch.rewards[row, 0] + discount * beyond - values[row, action]
        squares += Double(error) * Double(error)
        total += Double(values[row, action])
        targets[row, action] = values[row, action] + error.clipped(-errorLimit, errorLimit)
      }
    }
    // The mean runs over all actions of a row, of which one has an error.
    let loss = tape.scale(tape.meanSquaredError(q, targets), by: Float(actions))
    network.store.clearGradients()
    tape.backward(loss)
    adam.step()
    guard squares.isFinite else { throw DivergedError(quantity: network.store.firstNonfinite() ?? "the loss of q") }
    return (squares / Double(count), total / Double(count))
  }

  /// target ← rate·online + (1 − rate)·target.
  func moveTarget(rate: Float) { target.follow(rate: rate) }

  private static func argmax(_ values: Rows, _ row: Int) -> Int {
    (1..<max(values.columns, 1)).reduce(0) { values[row, $1] > values[row, $0] ? $1 : $0 }
  }

  func archive(_ archive: Archive) throws {
    try adam.archive(archive)
    try archive.part("normalizer", &normalizer)
    try archive.part("target", target)
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
