import Algorithms
import Environments
import Foundation
import Neural
import Support
import Testing

/// What the earlier Dreamers do otherwise, and the policy that explores.
struct DreamerVariantTests {
  /// A small learner on a filled batch, with heads that are not 0.
  static func learner(
    isDiscrete: Bool = false, count: Int = 2, parts: Int? = nil, pool: ComputePool? = nil,
    _ change: (inout DreamerLearner.Settings) -> Void
  ) -> DreamerLearner {
    var settings = DreamerLearner.Settings()
    settings.model.sizes = DreamerSizes(
      deterministic: 16, hidden: 8, units: 8, latents: 3, classes: 4, blocks: 2, bins: 21, depth: 1)
    settings.behaviour.horizon = 3
    settings.warmup = 0
    settings.learningRate = 1e-2
    change(&settings)
    let learner = DreamerLearner(
      settings, DreamerObservation([.vector(name: "v", size: 3)]), actions: 2, isDiscrete: isDiscrete, length: 4,
      count: count, parts: parts, random: RandomStream(seed: 3), pool: pool)
    var random = RandomStream(seed: 4)
    let batch = learner.batch
    random.fillNormal(batch.observations.memory)
    random.fillUniform(batch.previousActions.memory, -1, 1)
    random.fillNormal(batch.rewards.memory)
    (batch.isFirst.rows[5, 0], batch.isLast.rows[3, 0], batch.isTerminal.rows[3, 0]) = (1, 1, 1)
    for store in learner.optimizer.stores {
      for parameter in store.parameters where parameter.name.contains("head") || parameter.name.hasSuffix("bias") {
        random.fillUniform(store.values(of: parameter), -0.5, 0.5)
      }
    }
    // Far bins stand for millions: what they say has to be little, or no difference of two values would mean anything.
    for head in [learner.model.reward.heads[0], learner.task.critic.heads[0]] {
      for (bin, value) in head.store.values(of: head.bias).enumerated() {
        head.store.values(of: head.bias)[bin] = value - 3 * Float(abs(bin - 10))
      }
    }
    learner.draw(&random)
    return learner
  }

  // MARK: Normal latents

  /// Divergence and entropy against the formulas in double precision.
  @Test func divergenceOfNormals() {
    let (tape, rows, latents) = (Tape(), 5, 3)
    var random = RandomStream(seed: 1)
    func statistics() -> Tensor { tape.constant(rows: rows, columns: 2 * latents) { random.fillNormal($0) } }
    let (posterior, prior) = (statistics(), statistics())
    let (losses, measured) = LatentNormals.balancedKL(
      posterior: posterior, prior: prior, freeNats: 1.5, on: tape)
    func normal(_ tensor: Tensor, _ row: Int, _ latent: Int) -> (Double, Double) {
      let values = tape.rows(of: tensor)
      return (
        Double(values[row, latent]), log1p(exp(Double(values[row, latents + latent]))) + 0.1
      )
    }
    var (below, above) = (0, 0)
    for row in 0..<rows {
      var (kl, entropy) = (0.0, 0.0)
      for latent in 0..<latents {
        let ((m, s), (n, t)) = (normal(posterior, row, latent), normal(prior, row, latent))
        kl += log(t / s) + (s * s + (m - n) * (m - n)) / (2 * t * t) - 0.5
        entropy += log(s) + 0.5 * log(2 * .pi * M_E)
      }
      if kl < 1.5 { below += 1 } else { above += 1 }
      for column in 0..<2 {
        #expect(abs(Double(tape.rows(of: losses)[row, column]) - max(1.5, kl)) < 1e-4 * max(1, kl))
      }
      #expect(abs(Double(tape.rows(of: measured)[row, 0]) - kl) < 1e-4 * max(1, kl))
      #expect(abs(Double(tape.rows(of: measured)[row, 1]) - entropy) < 1e-4)
    }
    #expect(below > 0 && above > 0)
  }

  /// Column 0 moves the prior only, column 1 the posterior only.
  @Test func eachSideHasItsOwnDivergence() {
    let tape = Tape()
    for column in 0..<2 {
      var random = RandomStream(seed: 1)
      tape.rewind()
      let posterior = tape.variable(rows: 2, columns: 4) { random.fillNormal($0) }
      let prior = tape.variable(rows: 2, columns: 4) { random.fillNormal($0) }
      let (losses, _) = LatentNormals.balancedKL(posterior: posterior, prior: prior, freeNats: 0, on: tape)
      tape.backward(tape.sum(tape.columns(losses, column..<column + 1)))
      #expect(tape.gradient(column == 0 ? prior : posterior).contains { $0 != 0 })
      #expect(tape.gradient(column == 0 ? posterior : prior).allSatisfy { $0 == 0 })
    }
  }

  /// With normal latents the whole loss of the model is smooth as it is.
  @Test(arguments: [false, true]) func gradientOfTheWorldModel(averagesFreeNats: Bool) {
    let learner = Self.learner {
      $0.model.sizes.latent = .gaussian
      $0.model.averagesFreeNats = averagesFreeNats
      $0.model.freeNats = averagesFreeNats ? 0.1 : 0
      $0.model.representationScale = 1
    }
    let (model, tape) = (learner.model, Tape())
    func loss(gradient: Bool) -> Double {
      tape.rewind()
      let losses = model.losses(learner.batch, draws: learner.posteriorDraws.read, on: tape)
      let total = model.total(losses, on: tape)
      if gradient {
        model.store.clearGradients()
        tape.backward(total)
      }
      // Both sides have the value of the divergence and half of its gradient each.
      return Double(tape.scalar(total)) - tape.rows(of: losses.balancedKL).mean()
    }
    _ = loss(gradient: true)
    expectSlopes(model.store, "the model") { loss(gradient: false) }
  }

  /// The mean of all states is held to the free nats: nothing is learned from the divergence below them, and all of it
  /// above, from states that lie below, too.
  @Test func freeNatsOfTheMean() throws {
    func learn(_ freeNats: Float, averages: Bool, scale: Float = 1) throws -> (gradients: [Float], kl: Float) {
      let learner = Self.learner {
        $0.model.freeNats = freeNats
        $0.model.averagesFreeNats = averages
        ($0.model.dynamicsScale, $0.model.representationScale) = (scale, 0.5 * scale)
      }
      let report = try learner.differentiate()
      return (Array(learner.model.store.gradients), Float(report.kl))
    }
    func isSame(_ a: [Float], _ b: [Float]) -> Bool { zip(a, b).allSatisfy { abs($0 - $1) <= 1e-5 + 1e-4 * abs($1) } }
    let (none, (all, mean)) = (try learn(0, averages: true, scale: 0).gradients, try learn(0, averages: false))
    #expect(!isSame(all, none))
    #expect(isSame(try learn(1.1 * mean, averages: true).gradients, none))
    #expect(isSame(try learn(0.9 * mean, averages: true).gradients, all))
    #expect(!isSame(try learn(0.9 * mean, averages: false).gradients, all))
  }

  /// What was kept of normal latents is what the next batch starts from.
  @Test func normalLatentsAreKeptAsTheyAre() throws {
    let sections = """
      {"agent": {"type": "dreamer", "batchSize": 2, "sequenceLength": 3, "imaginationLength": 3, "trainRatio": 6,
                 "latent": {"type": "gaussian", "count": 5}}}
      """
    let interaction = Interaction(try makeAgent(sections, for: task("Pendulum-v1")), try group("Pendulum-v1"))
    for _ in 0..<30 { try interaction.advance() }
    let agent = try #require(interaction.agent as? Dreamer)
    var random = RandomStream(seed: 2)
    #expect(agent.sequences.fill(agent.learner.batch, &random))
    let z = agent.learner.batch.startZ
    #expect(z.rows.columns == 5 && z.memory.contains { $0 != 0 && abs($0) != 1 })
  }

  // MARK: Actor and critic

  /// The gradient through the dynamics, against differences of the weighted returns in the actions of every step.
  @Test func straightGradient() throws {
    let learner = Self.learner {
      $0.model.sizes.latent = .gaussian
      ($0.behaviour.reinforceShare, $0.behaviour.entropyScale) = (0, 0)
      $0.behaviour.normalizesReturns = false
    }
    _ = try learner.differentiate()
    let (task, model, tape) = (learner.task, learner.model, Tape())
    let (dreams, deter) = (task.dreams, learner.settings.model.sizes.deterministic)
    let (starts, horizon, lambda) = (dreams.starts, dreams.horizon, learner.settings.behaviour.lambda)
    func constant(_ buffer: RowBuffer, _ step: Int) -> Tensor {
      tape.constant(buffer.read.slice(step * starts..<(step + 1) * starts))
    }
    /// −mean of weight·R, dreamed with the actor as it is at the states as they were.
    func loss() -> Double {
      tape.rewind()
      return tape.withoutGradients {
        let start = constant(dreams.features, 0)
        var (h, z) = (tape.columns(start, 0..<deter), tape.columns(start, deter..<start.columns))
        var heads: [(reward: Tensor, continuation: Tensor, value: Tensor)] = []
        for step in 0..<horizon {
          let action = task.actor.sample(
            task.actor(constant(dreams.features, step), on: tape), constant(task.actionDraws, step), on: tape)
          h = model.dynamics.next(h, z, model.dynamics.actionBranch(action, isStraight: true, on: tape), on: tape)
          z = model.dynamics.sample(model.dynamics.prior(h, on: tape), constant(task.priorDraws, step), on: tape)
          let state = tape.concatenateColumns(h, z)
          heads.append(
            (
              model.rewards(state, on: tape), model.continuations(state, on: tape),
              tape.twoHotMean(task.critic(state, on: tape), bins: model.bins)
            ))
        }
        var sum = 0.0
        for row in 0..<starts {
          func at(_ tensor: Tensor) -> Double { Double(tape.rows(of: tensor)[row, 0]) }
          var returns = at(heads[horizon - 1].value)
          for step in (0..<horizon).reversed() {
            let ahead = Double(1 - lambda) * at(heads[step].value) + Double(lambda) * returns
            returns = at(heads[step].reward) + at(heads[step].continuation) * ahead
            sum += Double(dreams.weights.rows[step * starts + row, 0]) * returns
          }
        }
        return -sum / Double(starts * horizon)
      }
    }
    expectSlopes(task.actor.store, "the actor", loss)
  }

  /// REINFORCE and the gradient through the dynamics are mixed by their shares.
  @Test(arguments: [false, true]) func theShareMixesBoth(isDiscrete: Bool) throws {
    func gradients(_ share: Float) throws -> [Float] {
      let learner = Self.learner(isDiscrete: isDiscrete) {
        ($0.behaviour.reinforceShare, $0.behaviour.entropyScale) = (share, 0)
      }
      _ = try learner.differentiate()
      return Array(learner.task.actor.store.gradients)
    }
    let (straight, half, reinforce) = (try gradients(0), try gradients(0.25), try gradients(1))
    let size = straight.map { abs($0) }.max()!
    #expect(size > 0 && reinforce.contains { $0 != 0 } && straight != reinforce)
    for index in half.indices {
      #expect(abs(half[index] - 0.75 * straight[index] - 0.25 * reinforce[index]) <= 1e-4 * size)
    }
  }

  /// By period the slow critic is a copy of what the critic was at every third update.
  @Test func theSlowCriticFollowsByPeriod() throws {
    let learner = Self.learner { ($0.behaviour.slowPeriod, $0.behaviour.slowRate) = (3, 1) }
    var copied = Array(learner.task.slowCritic.network.store.values)
    for update in 1...7 {
      _ = try learner.update()
      if update % 3 == 0 { copied = Array(learner.task.critic.store.values) }
      let isCopy = Array(learner.task.slowCritic.network.store.values) == copied
      #expect(isCopy, "after update \(update)")
    }
  }

  /// Whether returns end in the slow critic's values, and whether the critic learns them.
  @Test func whatTheSlowCriticIsFor() throws {
    func run(_ bootstraps: Bool, _ stays: Bool, shifted: Bool) throws -> (returns: [Float], gradients: [Float]) {
      let learner = Self.learner {
        ($0.behaviour.bootstrapsSlowly, $0.behaviour.staysNearSlow) = (bootstraps, stays)
      }
      let slow = learner.task.slowCritic.network
      let bias = slow.store.values(of: slow.heads[0].bias)
      if shifted { for bin in 11..<bias.count { bias[bin] += 3 } }
      _ = try learner.differentiate()
      return (Array(learner.task.dreams.returns.memory), Array(learner.task.critic.store.gradients))
    }
    for (bootstraps, stays) in [(false, false), (true, false), (false, true)] {
      let (plain, moved) = (
        try run(bootstraps, stays, shifted: false), try run(bootstraps, stays, shifted: true)
      )
      #expect((plain.returns != moved.returns) == bootstraps)
      #expect((plain.gradients != moved.gradients) == (bootstraps || stays))
    }
  }

  /// Without normalisation advantages are what they are, however far returns lie apart.
  @Test func returnsAreDividedByTheirRangeOrNot() throws {
    func gradients(_ normalizes: Bool, low: Double) throws -> [Float] {
      let learner = Self.learner {
        $0.behaviour.normalizesReturns = normalizes
        $0.behaviour.returnRate = 0
        $0.behaviour.entropyScale = 0
      }
      learner.task.returnRange = ReturnRange(rate: 0, low: low, high: 4)
      _ = try learner.differentiate()
      return Array(learner.task.actor.store.gradients)
    }
    let (near, far) = (try gradients(true, low: 0), try gradients(true, low: -4))
    #expect(zip(near, far).allSatisfy { abs($0 - 2 * $1) <= 1e-5 * abs($0) + 1e-9 } && near.contains { $0 != 0 })
    #expect(try gradients(false, low: 0) == gradients(false, low: -4))
  }

  // MARK: Exploration

  private static func explorer(weight: Float = 1, taskWeight: Float = 0) -> DreamerLearner {
    learner {
      var settings = LatentDisagreement.Settings()
      (settings.members, settings.layers) = (3, 1)
      (settings.weight, settings.taskWeight) = (weight, taskWeight)
      $0.exploration = settings
    }
  }

  /// The bonus is the deviation of the predictions, averaged over columns.
  @Test func disagreementIsTheDeviationOfTheMembers() throws {
    let learner = Self.explorer()
    let disagreement = try #require(learner.explorer).disagreement
    let (tape, sizes) = (Tape(), learner.settings.model.sizes)
    var random = RandomStream(seed: 6)
    let state = tape.constant(rows: 4, columns: sizes.features) { random.fillNormal($0) }
    let action = tape.constant(rows: 4, columns: 2) { random.fillNormal($0) }
    let inputs = tape.concatenateColumns(state, action)
    let predictions = disagreement.members.map { tape.rows(of: $0(inputs, on: tape)) }
    let found = tape.rows(of: disagreement.bonuses(state, action, on: tape))
    for row in 0..<4 {
      var sum = 0.0
      for column in 0..<sizes.stochastic { sum += Spread(predictions.map { Double($0[row, column]) })!.deviation }
      #expect(abs(Double(found[row, 0]) - sum / Double(sizes.stochastic)) < 1e-5)
      #expect(found[row, 0] > 0.01)
    }
    // Members that are the same agree to the bit.
    for member in disagreement.members.dropFirst() {
      for (from, to) in zip(parameters(of: disagreement.members[0]), parameters(of: member)) {
        _ = disagreement.store.values(of: to).update(fromContentsOf: disagreement.store.values(of: from))
      }
    }
    let later = Tape()
    let (same, done) = (later.constant(tape.rows(of: state)), later.constant(tape.rows(of: action)))
    #expect(later.rows(of: disagreement.bonuses(same, done, on: later)).array == [0, 0, 0, 0])
  }

  private func parameters(of network: DreamerMLP) -> [Parameter] {
    network.layers.flatMap { [$0.linear.weight, $0.linear.bias, $0.scale] }
      + network.heads.flatMap { [$0.weight, $0.bias] }
  }

  /// The gradient of the ensemble's loss; and where an episode begins nothing is learned from what came before.
  @Test func theEnsembleLearnsTheNextLatent() throws {
    let learner = Self.explorer()
    let explorer = try #require(learner.explorer)
    _ = try learner.differentiate()
    let (batch, disagreement, tape) = (learner.batch, explorer.disagreement, Tape())
    let (states, width) = (learner.states, batch.count)
    let z = learner.settings.model.sizes.deterministic..<states.columns
    /// ½ Σ (prediction of z of the row below − z)², by hand.
    func loss() -> Double {
      tape.rewind()
      let earlier = batch.rows - width
      let inputs = tape.concatenateColumns(
        tape.constant(states.slice(0..<earlier)), tape.constant(batch.previousActions.read.slice(width..<batch.rows)))
      var sum = 0.0
      for member in disagreement.members {
        let predictions = tape.rows(of: member(inputs, on: tape))
        for row in 0..<earlier where batch.isFirst.rows[row + width, 0] == 0 {
          for column in 0..<predictions.columns {
            let error = Double(predictions[row, column] - states.columns(z)[row + width, column])
            sum += 0.5 * error * error
          }
        }
      }
      return sum / Double(earlier)
    }
    let report = explorer.differentiate(batch, states: states, learner.model)
    #expect(abs(report.loss - loss()) < 1e-4 * report.loss)
    disagreement.store.clearGradients()
    _ = explorer.differentiate(batch, states: states, learner.model)
    expectSlopes(disagreement.store, "the ensemble", loss)
  }

  /// Rewards of the explorer's dreams are made of both by their weights, and those of the task's dreams of none.
  @Test func rewardsOfTheExplorer() throws {
    func dreams(_ weight: Float, _ taskWeight: Float) throws -> (explorer: [Float], task: [Float], bonus: Double) {
      let learner = Self.explorer(weight: weight, taskWeight: taskWeight)
      let report = try learner.differentiate()
      let behaviour = try #require(learner.explorer).behaviour
      let later = behaviour.dreams.starts * 4
      return (
        Array(behaviour.dreams.rewards.memory[behaviour.dreams.starts..<later]),
        Array(learner.task.dreams.rewards.memory), try #require(report.exploration).bonus
      )
    }
    let (pure, task, mixed) = (try dreams(1, 0), try dreams(0, 1), try dreams(2, 0.5))
    #expect(pure.task == task.task && pure.task == mixed.task)
    #expect(pure.explorer.allSatisfy { $0 > 0 } && task.explorer.contains { $0 < 0 })
    for index in pure.explorer.indices {
      #expect(abs(mixed.explorer[index] - 2 * pure.explorer[index] - 0.5 * task.explorer[index]) < 1e-4)
    }
    let mean = pure.explorer.reduce(0) { $0 + Double($1) } / Double(pure.explorer.count)
    #expect(abs(mean - pure.bonus) < 1e-6)
  }

  /// The explorer acts while data is collected, the task's policy where it is evaluated.
  @Test func whoActs() throws {
    let sections = """
      {"agent": {"type": "dreamer", "batchSize": 2, "sequenceLength": 3, "imaginationLength": 3, "trainRatio": 6,
                 "curiosity": {"type": "disagreement", "members": 2}}}
      """
    func actions(_ change: (DreamerLearner) -> DreamerActor?) throws -> (training: Float, evaluation: Float) {
      let agent = try #require(try makeAgent(sections, for: task("Pendulum-v1")) as? Dreamer)
      if let actor = change(agent.learner) { actor.store.values(of: actor.network.heads[0].bias)[0] = 0.5 }
      let (group, space) = (try group("Pendulum-v1"), task("Pendulum-v1").specification.actionSpace)
      func action(_ act: (ActionRows) throws -> Void) rethrows -> Float {
        let out = RowBuffer(1, 1)
        try act(ActionRows(out.rows, space))
        return out.rows[0, 0]
      }
      let policy = agent.makePolicy(isStochastic: false, rows: 1, random: RandomStream(seed: 1))
      return (
        action { agent.act(in: group.situation, into: $0) },
        try action { try policy.act(in: group.situation, into: $0) }
      )
    }
    let (plain, learned, explorer) = (
      try actions { _ in nil }, try actions { $0.task.actor }, try actions { $0.explorer?.behaviour.actor }
    )
    #expect(learned.training == plain.training && learned.evaluation > plain.evaluation + 0.5)
    #expect(explorer.evaluation == plain.evaluation && explorer.training != plain.training)
  }
}
