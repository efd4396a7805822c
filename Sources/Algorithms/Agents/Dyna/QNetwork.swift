import Environments
import Neural
import Support

/// Rows of transitions for one update, row-major; discrete actions as numbers. Its memory is reused.
final class QBatch {
  let count: Int
  let size: Int
  /// [count, size]
  let observations: FloatBuffer
  /// [count, size]
  let nextObservations: FloatBuffer
  let rewards: FloatBuffer
  /// 1 where the task ended.
  let terminated: FloatBuffer
  var actions: [Int]

  init(count: Int, size: Int) {
    self.count = count
    self.size = size
    observations = FloatBuffer(count: count * size)
    nextObservations = FloatBuffer(count: count * size)
    rewards = FloatBuffer(count: count)
    terminated = FloatBuffer(count: count)
    actions = [Int](repeating: 0, count: count)
  }

  /// Rows drawn with replacement from real transitions.
  func draw(from buffer: TransitionBuffer, _ random: inout RandomStream) {
    let width = buffer.actionColumns
    for row in 0..<count {
      let source = random.integer(below: buffer.count)
      for column in 0..<size {
        observations[row * size + column] = buffer.observations[source * size + column]
        nextObservations[row * size + column] = buffer.nextObservations[source * size + column]
      }
      rewards[row] = buffer.rewards[source]
      terminated[row] = buffer.terminated[source]
      for action in 0..<width where buffer.actions[source * width + action] == 1 { actions[row] = action }
    }
  }
}

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
  func standardize(by buffer: TransitionBuffer) { normalizer.fit(buffer.observations, rows: buffer.count) }

  /// Observations [rows, size], standardised.
  private func input(_ observations: UnsafeBufferPointer<Float>, rows: Int) -> Tensor {
    tape.constant(rows: rows, columns: size) { memory in
      for column in 0..<size {
        let (mean, factor) = (Float(normalizer.mean[column]), Float(1 / normalizer.deviation[column]))
        for index in stride(from: column, to: rows * size, by: size) {
          memory[index] = (observations[index] - mean) * factor
        }
      }
    }
  }

  var parameterCount: Int { network.store.parameters.reduce(0) { $0 + $1.count } }

  /// The action of the greatest value, the first of equals.
  func greedyAction(_ observation: UnsafeBufferPointer<Float>) -> Int {
    tape.rewind()
    return tape.withoutGradients {
      let q = tape.values(target.network(input(observation, rows: 1), on: tape))
      return QNetwork.argmax(q, 0, actions)
    }
  }

  /// Greedy actions of `count` rows.
  func greedyActions(_ observations: FloatBuffer, count: Int, into chosen: inout [Int]) {
    tape.rewind()
    tape.withoutGradients {
      let q = tape.values(target.network(input(observations.readOnly, rows: count), on: tape))
      for row in 0..<count { chosen[row] = QNetwork.argmax(q, row * actions, actions) }
    }
  }

  /// One optimiser step.
  /// - Returns: the mean squared error before it, and the mean Q of the taken actions.
  func update(on batch: QBatch, discount: Float) throws -> (loss: Double, value: Double) {
    tape.rewind()
    let rows = batch.count
    let (choosing, judging) = tape.withoutGradients {
      let next = input(batch.nextObservations.readOnly, rows: rows)
      return (tape.values(network(next, on: tape)), tape.values(target.network(next, on: tape)))
    }
    let q = network(input(batch.observations.readOnly, rows: rows), on: tape)
    let values = tape.values(q)
    var (squares, total) = (0.0, 0.0)
    // The target of an action that was not taken is its own value: no error, no gradient.
    let targets = tape.constant(rows: rows, columns: actions) { memory in
      for index in 0..<rows * actions { memory[index] = values[index] }
      for row in 0..<rows {
        let best = QNetwork.argmax(choosing, row * actions, actions)
        let beyond = batch.terminated[row] != 0 ? 0 : judging[row * actions + best]
        let place = row * actions + batch.actions[row]
        let error = batch.rewards[row] + discount * beyond - values[place]
        squares += Double(error) * Double(error)
        total += Double(values[place])
        memory[place] = values[place] + min(max(error, -errorLimit), errorLimit)
      }
    }
    // The mean runs over all actions of a row, of which one has an error.
    let loss = tape.scale(tape.meanSquaredError(q, targets), by: Float(actions))
    network.store.clearGradients()
    tape.backward(loss)
    adam.step()
    guard squares.isFinite else { throw DivergedError(quantity: network.store.firstNonfinite() ?? "the loss of q") }
    return (squares / Double(rows), total / Double(rows))
  }

  /// target ← rate·online + (1 − rate)·target.
  func moveTarget(rate: Float) { target.follow(rate: rate) }

  private static func argmax(_ values: UnsafeBufferPointer<Float>, _ start: Int, _ count: Int) -> Int {
    var best = 0
    for action in 1..<max(count, 1) where values[start + action] > values[start + best] { best = action }
    return best
  }

  func archive(_ archive: Archive) throws {
    try adam.archive(archive)
    try archive.part("normalizer", &normalizer)
    try archive.part("target", target)
  }
}

/// Acts greedily by a Q-network, with exploration where it is asked to.
final class QPolicy: Policy {
  private let network: QNetwork
  private let actions: Int
  private let exploration: Double
  private var random = RandomStream(seed: 0)

  init(_ network: QNetwork, actions: Int, exploration: Double) {
    (self.network, self.actions, self.exploration) = (network, actions, exploration)
  }

  func beginEpisode(_ random: RandomStream) { self.random = random }

  func act(in situation: Situation) -> Action {
    if exploration > 0 && random.uniform() < exploration { return .discrete(random.integer(below: actions)) }
    return .discrete(network.greedyAction(situation.observation))
  }
}
