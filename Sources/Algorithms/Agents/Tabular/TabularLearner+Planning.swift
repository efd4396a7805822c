extension TabularLearner {
  /// Up to `updates` imagined updates; prioritized sweeping stops where its queue is empty.
  /// - Returns: how many were done.
  @discardableResult
  package func plan(_ updates: Int) -> Int {
    guard updates > 0, model.count > 0 else { return 0 }
    if settings.planning == .prioritized { return sweep(updates) }
    let isPlain = model.kind == .lastOutcome && settings.explorationBonus == 0 && settings.backup == .qLearning
    switch (isPlain, values.actions) {
    // Known numbers of actions, so that the loops over a row are unrolled.
    case (true, 2): replayLastOutcomes(updates, actions: 2)
    case (true, 4): replayLastOutcomes(updates, actions: 4)
    case (true, 6): replayLastOutcomes(updates, actions: 6)
    case (true, let actions): replayLastOutcomes(updates, actions: actions)
    case (false, _):
      for _ in 0..<updates { imagine(pair: Int(model.visited[draws.integer(below: UInt64(model.count))])) }
    }
    return updates
  }

  /// Step (f) at its plainest: Q-learning on the last outcomes of pairs drawn from those that were tried.
  @inline(__always)
  private func replayLastOutcomes(_ updates: Int, actions: Int) {
    let (q, outcomes, count) = (values.base, model.outcomes, UInt64(model.count))
    let (rate, discount) = (learningRate, settings.discount)
    var draws = self.draws
    for _ in 0..<updates {
      let outcome = outcomes + draws.integer(below: count)
      let pair = Int(outcome.pointee.pair)
      let best = greatest(of: q + Int(outcome.pointee.nextRow), count: actions)
      q[pair] += rate * (outcome.pointee.reward + discount * best - q[pair])
    }
    self.draws = draws
  }

  /// One imagined update of a pair that was tried (or, for Dyna-Q+, may be imagined).
  package func imagine(pair: Int) {
    let target: Double
    if model.kind == .counted && settings.countedUpdate == .sampled {
      target = sampledTarget(ofPair: pair)
    } else {
      target = expectedTarget(ofPair: pair)
    }
    values.base[pair] += learningRate * (target + bonus(ofPair: pair) - values.base[pair])
  }

  /// κ√τ, τ the steps since the pair was last tried in reality (from step 0 where it never was). It belongs to
  /// imagined rewards alone.
  package func bonus(ofPair pair: Int) -> Double {
    guard settings.explorationBonus > 0 else { return 0 }
    return settings.explorationBonus * Double(steps - Int(model.lastTrial[pair])).squareRoot()
  }

  /// Σ p̂(r, s')·(r + γ·V(s')) over what is remembered of the pair.
  func expectedTarget(ofPair pair: Int) -> Double {
    var index = Int(model.firstOutcome[pair])
    let first = model.outcomes + index
    guard first.pointee.nextOfPair >= 0 else {
      return first.pointee.reward + settings.discount * value(ofRow: Int(first.pointee.nextRow))
    }
    var total = 0.0
    while index >= 0 {
      let outcome = model.outcomes + index
      let target = outcome.pointee.reward + settings.discount * value(ofRow: Int(outcome.pointee.nextRow))
      total += Double(outcome.pointee.count) * target
      index = Int(outcome.pointee.nextOfPair)
    }
    return total / Double(model.trials[pair])
  }

  /// r + γ·V(s') of one outcome, drawn by its count.
  private func sampledTarget(ofPair pair: Int) -> Double {
    var outcome = model.outcomes + Int(model.firstOutcome[pair])
    if outcome.pointee.nextOfPair >= 0 {
      var place = draws.integer(below: UInt64(model.trials[pair]))
      while place >= Int(outcome.pointee.count) && outcome.pointee.nextOfPair >= 0 {
        place -= Int(outcome.pointee.count)
        outcome = model.outcomes + Int(outcome.pointee.nextOfPair)
      }
    }
    return outcome.pointee.reward + settings.discount * value(ofRow: Int(outcome.pointee.nextRow))
  }

  /// Prioritized sweeping (Moore & Atkeson 1993; Sutton & Barto, section 8.4).
  ///
  /// Until the queue is empty or the updates are done:
  /// 1. Take the pair of the greatest priority and update it.
  /// 2. For every pair that is thought to lead to its state: P ← |r̄ + γ·V(s) − Q(s̄, ā)|; where P > θ, queue it by P.
  private func sweep(_ updates: Int) -> Int {
    for done in 0..<updates {
      guard let pair = queue.removeFirst() else { return done }
      values.base[pair] += learningRate * (expectedTarget(ofPair: pair) - values.base[pair])  // 1
      var predecessor = Int(model.firstPredecessor[pair / values.actions])
      while predecessor >= 0 {  // 2
        let outcome = model.outcomes + predecessor
        let leading = Int(outcome.pointee.pair)
        let priority = abs(expectedTarget(ofPair: leading) - values.base[leading])
        if priority > settings.priorityThreshold { queue.insert(leading, priority: priority) }
        predecessor = Int(outcome.pointee.nextOfState)
      }
    }
    return updates
  }
}
