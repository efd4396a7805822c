import Neural
import Support

/// What a policy imagines in a world model: from N states H steps on, and what the heads say on the way. Step first:
/// row k·N + i; memory that is filled again for every update.
package final class Dreams {
  package let starts, horizon: Int
  /// h and z side by side, [(H+1)·N, features].
  package let features: RowBuffer
  /// [(H+1)·N, actions]
  package let actions: RowBuffer
  /// Predicted rewards, probabilities to go on (γ included), values of critic and slow critic, [(H+1)·N, 1].
  package let rewards, continuations, values, slowValues: RowBuffer
  /// Products of the continuations until each state, its own included, [(H+1)·N, 1].
  package let weights: RowBuffer
  /// λ-returns, [H·N, 1].
  package let returns: RowBuffer
  /// λ of every step, for `lambdaReturns`.
  private let keep: RowBuffer
  /// How much the ensemble of an explorer disagreed about each state, [(H+1)·N, 1]; 0 in the first ones.
  private let bonuses: RowBuffer
  /// What actor and critic computed on the way, of the states but the last [H·N, ·]; nil where nothing was kept.
  private(set) var actorLayers, criticLayers: ComputedLayers?
  private let bootstrapsSlowly: Bool
  private let pool: ComputePool?
  /// One for each thread.
  private let tapes: [Tape]
  /// One for each thread; none where the steps go layer by layer.
  private let tiles: [DreamTile]
  /// Start states that are taken through all steps together, so that they stay in the caches.
  private let tileRows: Int

  /// - Parameter isFused: whether rows go through a step's layers in the lanes, to the same bits in less time; latents
  ///   that are normals never do.
  package init(
    starts: Int, _ sizes: DreamerSizes, actions: Int, _ settings: DreamerBehaviour.Settings, isFused: Bool = true,
    pool: ComputePool?
  ) {
    (self.starts, horizon, bootstrapsSlowly) = (starts, settings.horizon, settings.bootstrapsSlowly)
    let rows = (horizon + 1) * starts
    features = RowBuffer(rows, sizes.features)
    self.actions = RowBuffer(rows, actions)
    (rewards, continuations) = (RowBuffer(rows, 1), RowBuffer(rows, 1))
    (values, slowValues, weights) = (RowBuffer(rows, 1), RowBuffer(rows, 1), RowBuffer(rows, 1))
    returns = RowBuffer(horizon * starts, 1)
    keep = RowBuffer(rows, 1)
    keep.rows.fill(settings.lambda)
    bonuses = RowBuffer(rows, 1)
    self.pool = pool
    let threads = 0..<(pool?.threads ?? 1)
    tapes = threads.map { _ in Tape() }
    let isFused = isFused && sizes.latent == .categorical
    // Few starts are shared among all threads; a tile of the kernels has 32 rows at most.
    let share = (starts + threads.count - 1) / threads.count
    tileRows = isFused ? min(128, (share + 31) / 32 * 32) : 256
    let capacity = min(tileRows, starts)
    tiles = isFused ? threads.map { _ in DreamTile(sizes, actions: actions, capacity: capacity) } : []
  }

  /// Dreams from `states` [N, features], which are constants for whatever is learned.
  /// - Parameters:
  ///   - curiosity: what an explorer's rewards are made of.
  ///   - latentDraws: [H·N, latents].
  ///   - actionDraws: [(H+1)·N, columns of an action's draw].
  package func imagine(
    from states: Rows, _ model: WorldModel, _ actor: DreamerActor, _ critic: DreamerMLP, slow: DreamerMLP,
    curiosity: LatentDisagreement? = nil, latentDraws: Rows, actionDraws: Rows
  ) {
    precondition(states.count == starts, "\(states.count) states to dream from instead of \(starts)")
    features.rows.slice(0..<starts).copy(states)
    if !tiles.isEmpty && actorLayers == nil {
      actorLayers = ComputedLayers(actor.network, rows: horizon * starts)
      criticLayers = ComputedLayers(critic, rows: horizon * starts)
    }
    var journey = Journey(
      dreams: .passUnretained(self), model: .passUnretained(model), actor: .passUnretained(actor),
      critic: .passUnretained(critic), slow: .passUnretained(slow),
      curiosity: curiosity.map { .passUnretained($0) }, latentDraws: latentDraws, actionDraws: actionDraws)
    let tasks = (starts + tileRows - 1) / tileRows
    pool.run(tasks: tasks, on: &journey) { journey, tile, worker in
      let journey = journey!.assumingMemoryBound(to: Journey.self).pointee
      journey.dreams.takeUnretainedValue().walk(journey, Int(tile), worker: Int(worker))
    }
    weigh()
    if let curiosity { mix(curiosity.settings) }
    lambdaReturns(
      rewards: rewards.read, live: continuations.read, keep: keep.read,
      values: (bootstrapsSlowly ? slowValues : values).read, width: starts, into: returns.rows)
  }

  /// What the tiles have in common; alive for the time of one call.
  private struct Journey {
    let dreams: Unmanaged<Dreams>
    let model: Unmanaged<WorldModel>
    let actor: Unmanaged<DreamerActor>
    let critic, slow: Unmanaged<DreamerMLP>
    let curiosity: Unmanaged<LatentDisagreement>?
    let latentDraws, actionDraws: Rows
  }

  /// Takes one tile of start states through all steps.
  private func walk(_ journey: Journey, _ tile: Int, worker: Int) {
    let (model, actor) = (journey.model.takeUnretainedValue(), journey.actor.takeUnretainedValue())
    let (critic, slow) = (journey.critic.takeUnretainedValue(), journey.slow.takeUnretainedValue())
    let tape = tapes[worker]
    let tile = tile * tileRows..<min((tile + 1) * tileRows, starts)
    if !tiles.isEmpty { return walkInLanes(journey, tile, tiles[worker], tape) }
    tape.withoutGradients {
      for step in 0...horizon {
        let rows = step * starts + tile.lowerBound..<step * starts + tile.upperBound
        tape.rewind()
        let state = tape.constant(features.read.slice(rows))
        let action = actor.sample(actor(state, on: tape), tape.constant(journey.actionDraws.slice(rows)), on: tape)
        actions.rows.slice(rows).copy(tape.rows(of: action))
        judge(state, rows, model, critic, slow, tape)
        guard step < horizon else { continue }
        let following = features.rows.slice(rows.lowerBound + starts..<rows.upperBound + starts)
        if let curiosity = journey.curiosity?.takeUnretainedValue() {
          let bonus = curiosity.bonuses(state, action, on: tape)
          bonuses.rows.slice(rows.lowerBound + starts..<rows.upperBound + starts).copy(tape.rows(of: bonus))
        }
        move(state, action, tape.constant(journey.latentDraws.slice(rows)), model, tape, into: following)
      }
    }
  }

  /// The same with the rows in the lanes.
  private func walkInLanes(_ journey: Journey, _ starting: Range<Int>, _ tile: DreamTile, _ tape: Tape) {
    let (model, actor) = (journey.model.takeUnretainedValue(), journey.actor.takeUnretainedValue())
    let (critic, slow) = (journey.critic.takeUnretainedValue(), journey.slow.takeUnretainedValue())
    let count = starting.count
    tile.begin(features.read.slice(starting))
    tape.withoutGradients {
      for step in 0...horizon {
        let rows = step * starts + starting.lowerBound..<step * starts + starting.upperBound
        tape.rewind()
        var (first, second): (Tensor?, Tensor?)
        func kept(_ layers: ComputedLayers?) -> (layers: ComputedLayers, rows: Range<Int>)? {
          step < horizon ? layers.map { ($0, rows) } : nil
        }
        tile.say(actor.network, count: count, keeping: kept(actorLayers)) { head, said in
          let said = tape.constant(Rows(said))
          if head == 0 { first = said } else { second = said }
        }
        let action = actor.sample(
          actor.distribution(first!, second, on: tape), tape.constant(journey.actionDraws.slice(rows)), on: tape)
        actions.rows.slice(rows).copy(tape.rows(of: action))
        tile.mean(model.reward, model.bins, into: rewards.rows.slice(rows))
        tile.probability(model.continuation, into: continuations.rows.slice(rows))
        tile.mean(critic, model.bins, into: values.rows.slice(rows), keeping: kept(criticLayers))
        tile.mean(slow, model.bins, into: slowValues.rows.slice(rows))
        guard step < horizon else { continue }
        let following = rows.lowerBound + starts..<rows.upperBound + starts
        if let curiosity = journey.curiosity?.takeUnretainedValue() {
          let bonus = curiosity.bonuses(tape.constant(features.read.slice(rows)), action, on: tape)
          bonuses.rows.slice(following).copy(tape.rows(of: bonus))
        }
        // An action beyond ±1 counts as ±1.
        tile.move(
          model.dynamics, actions: tape.rows(of: tape.clamp(action, low: -1, high: 1)),
          draws: journey.latentDraws.slice(rows), into: features.rows.slice(following))
      }
    }
  }

  /// The next states, by the prior.
  private func move(
    _ state: Tensor, _ action: Tensor, _ draws: Tensor, _ model: WorldModel, _ tape: Tape, into out: MutableRows
  ) {
    let (dynamics, deter) = (model.dynamics, model.settings.sizes.deterministic)
    let h = dynamics.next(
      tape.columns(state, 0..<deter), tape.columns(state, deter..<state.columns),
      dynamics.actionBranch(action, on: tape), on: tape)
    out.columns(0..<deter).copy(tape.rows(of: h))
    let z = dynamics.sample(dynamics.prior(h, on: tape), draws, on: tape)
    out.columns(deter..<state.columns).copy(tape.rows(of: z))
  }

  /// What the heads say of states.
  private func judge(
    _ state: Tensor, _ rows: Range<Int>, _ model: WorldModel, _ critic: DreamerMLP, _ slow: DreamerMLP, _ tape: Tape
  ) {
    rewards.rows.slice(rows).copy(tape.rows(of: model.rewards(state, on: tape)))
    continuations.rows.slice(rows).copy(tape.rows(of: model.continuations(state, on: tape)))
    values.rows.slice(rows).copy(tape.rows(of: tape.twoHotMean(critic(state, on: tape), bins: model.bins)))
    slowValues.rows.slice(rows).copy(tape.rows(of: tape.twoHotMean(slow(state, on: tape), bins: model.bins)))
  }

  /// Rewards ← weight·disagreement + taskWeight·rewards.
  private func mix(_ settings: LatentDisagreement.Settings) {
    for row in 0..<(horizon + 1) * starts {
      rewards.rows[row, 0] = settings.weight * bonuses.rows[row, 0] + settings.taskWeight * rewards.rows[row, 0]
    }
  }

  /// Mean disagreement about the states but the first.
  package var meanBonus: Double { bonuses.read.slice(starts..<(horizon + 1) * starts).mean() }

  private func weigh() {
    for row in 0..<(horizon + 1) * starts {
      let before = row < starts ? 1 : weights.rows[row - starts, 0]
      weights.rows[row, 0] = before * continuations.rows[row, 0]
    }
  }
}
