import Algorithms
import Neural
import Support
import Testing

/// Gradients of the whole losses along a direction for every parameter, against differences of their values.
struct DreamerGradientTests {
  private static func learner(isDiscrete: Bool) -> DreamerLearner {
    var settings = DreamerLearner.Settings()
    settings.model.sizes = DreamerSizes(
      deterministic: 16, hidden: 8, units: 8, latents: 3, classes: 4, blocks: 2, bins: 21, depth: 1)
    settings.model.freeNats = 0
    settings.model.representationScale = 1
    settings.behaviour.horizon = 3
    let learner = DreamerLearner(
      settings, DreamerObservation([.vector(name: "v", size: 3), .index(name: "i", count: 4)]), actions: 2,
      isDiscrete: isDiscrete, length: 4, count: 2, random: RandomStream(seed: 3), pool: nil)
    var random = RandomStream(seed: 4)
    let batch = learner.batch
    random.fillNormal(batch.observations.memory)
    for row in 0..<batch.rows {
      batch.observations.rows[row, 3] = Float(random.integer(below: 4))
      batch.previousActions.rows[row, isDiscrete ? random.integer(below: 2) : 0] = 1
      batch.rewards.rows[row, 0] = Float(random.uniform(-2, 2))
    }
    (batch.isFirst.rows[5, 0], batch.isLast.rows[3, 0], batch.isTerminal.rows[3, 0]) = (1, 1, 1)
    // No head is exactly 0, or its gradient to what is before it would be; and no bias, or the norm of a layer that sees
    // nothing would bend within the steps of the differences.
    for store in learner.optimizer.stores {
      for parameter in store.parameters {
        let isHead = ["head", "mean", "deviation", "logits"].contains { parameter.name.contains($0) }
        guard isHead || parameter.name.hasSuffix("bias") else { continue }
        random.fillUniform(store.values(of: parameter), -0.5, 0.5)
      }
    }
    learner.draw(&random)
    return learner
  }

  /// With probabilities in place of samples the loss is smooth, and the straight-through gradient exact; with equal
  /// weights for both sides of the divergence their gradients are those of one.
  @Test(arguments: [false, true]) func ofTheWorldModel(isDiscrete: Bool) {
    let learner = Self.learner(isDiscrete: isDiscrete)
    let (model, tape) = (learner.model, Tape())
    learner.posteriorDraws.rows.fill(-1)
    func loss(gradient: Bool) -> Double {
      tape.rewind()
      let losses = model.losses(learner.batch, draws: learner.posteriorDraws.read, on: tape)
      let total = model.total(losses, on: tape)
      if gradient {
        model.store.clearGradients()
        tape.backward(total)
      }
      let twice = tape.rows(of: losses.balancedKL)
      let kl = (0..<twice.count).reduce(0) { $0 + Double(twice[$1, 0]) } / Double(twice.count)
      return Double(tape.scalar(total)) - kl
    }
    _ = loss(gradient: true)
    expectSlopes(model.store, "the model") { loss(gradient: false) }
  }

  /// Actor and critic on frozen dreams.
  @Test(arguments: [false, true]) func ofActorAndCritic(isDiscrete: Bool) throws {
    let learner = Self.learner(isDiscrete: isDiscrete)
    _ = try learner.differentiate()
    let dreams = learner.task.dreams
    let (starts, horizon) = (dreams.starts, dreams.horizon)
    let tape = Tape()
    let scale = learner.task.returnRange.scale
    func loss(actorOnly: Bool) -> Double {
      tape.rewind()
      let used = 0..<starts * horizon
      func constant(_ buffer: RowBuffer) -> Tensor { tape.constant(buffer.read.slice(used)) }
      let state = constant(dreams.features)
      if actorOnly {
        let advantages = tape.scale(
          tape.subtract(constant(dreams.returns), constant(dreams.values)), by: 1 / scale)
        let (loss, _) = actorLoss(
          learner.task.actor(state, on: tape), actions: constant(dreams.actions), advantages: advantages,
          weights: constant(dreams.weights), entropyScale: learner.settings.behaviour.entropyScale, on: tape)
        return Double(tape.scalar(tape.mean(loss)))
      }
      let targets = tape.concatenateColumns([constant(dreams.returns), constant(dreams.slowValues)])
      let dreamed = criticLoss(
        learner.task.critic(state, on: tape), targets: targets, weights: constant(dreams.weights),
        bins: learner.model.bins,
        on: tape)
      let replayed = 0..<starts - learner.batch.count
      func replay(_ buffer: RowBuffer) -> Tensor { tape.constant(buffer.read.slice(replayed)) }
      let weights = tape.constant(
        replayed.map { 1 - learner.batch.isLast.rows[$0, 0] }, rows: replayed.count, columns: 1)
      let real = criticLoss(
        learner.task.critic(replay(dreams.features), on: tape),
        targets: tape.concatenateColumns([replay(learner.replayReturns), replay(dreams.slowValues)]), weights: weights,
        bins: learner.model.bins, on: tape)
      return Double(
        tape.scalar(
          tape.add(tape.mean(dreamed), tape.scale(tape.mean(real), by: learner.settings.replayValueScale))))
    }
    expectSlopes(learner.task.actor.store, "the actor") { loss(actorOnly: true) }
    expectSlopes(learner.task.critic.store, "the critic") { loss(actorOnly: false) }
  }
}

/// Holds the gradients that a store has, along a direction for every parameter, to differences of the loss.
func expectSlopes(_ store: ParameterStore, _ what: String, _ loss: () -> Double) {
  var random = RandomStream(seed: 9)
  for parameter in store.parameters {
    let values = store.values(of: parameter)
    let gradients = Array(store.gradients(of: parameter))
    let start = Array(values)
    // Along the gradient, where the slope is large, and a little aside.
    var direction = [Float](repeating: 0, count: values.count)
    direction.withUnsafeMutableBufferPointer { random.fillNormal($0) }
    let norm = gradients.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let share = 0.3 / Float(values.count).squareRoot()
    for index in direction.indices {
      direction[index] = direction[index] * share + gradients[index] / max(norm, 1e-9)
    }
    let slope = zip(gradients, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    func at(_ step: Float) -> Double {
      for index in values.indices { values[index] = start[index] + step * direction[index] }
      defer { _ = values.update(fromContentsOf: start) }
      return loss()
    }
    let step: Float = 5e-3
    let found = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * Double(step))
    #expect(
      abs(found - slope) <= 2e-2 * max(abs(slope), 0.05),
      "\(what): \(parameter.name): \(slope), by differences \(found)")
  }
}
