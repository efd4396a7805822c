import Support

/// n environments that are stepped together, lane by lane.
///
/// It never resets within a step: `next` keeps the last observation of an episode until `begin` gives that lane another
/// one, so that learners always see it. Episode e starts from the seed that `seed(e)` names, whichever lane plays it.
package final class EnvironmentGroup: ArchivableObject, EnvironmentSource {
  package let specification: EnvironmentSpecification
  /// Where an agent writes the actions of the next step.
  package let actions: ActionRows
  /// Of the last step; before a lane's first one as if an episode had been cut.
  package private(set) var outcomes: [Outcome]
  package private(set) var isFirst: [Bool]
  /// The number, in the run, of the episode that each lane plays.
  package private(set) var episode: [Int]
  /// What a restoration could not give back exactly, and episodes that could not go on.
  package private(set) var warnings: [String] = []
  /// Lanes whose last step lost its episode; it counts as truncated.
  package private(set) var lostLanes: [Int] = []
  private var environments: [any Environment]
  private var now, next: RowBuffer
  /// nil: observations are as the environments give them.
  private var normalizer: RunningNormalizer?
  private let actionMemory: RowBuffer
  private var episodes: Int
  /// `begin` was called since the last step.
  private var isBegun = false
  /// What steps lanes side by side; nil: one after another.
  private let pool: ComputePool?
  /// Of lanes that are stepped side by side: what was thrown.
  private var failures: [(any Error)?]
  private let announcesSteps: Bool
  private let seed: (_ episode: Int) -> UInt64

  /// - Parameters:
  ///   - environments: one per lane, all of the same specification.
  ///   - firstEpisode: the number of the first episode.
  ///   - pool: the threads that step lanes side by side, for simulations that work for so long that it pays; their
  ///     number changes no result, for every lane has its own state and draws.
  ///   - announcesSteps: every lane is told its action before the first one is stepped; for simulations that share a
  ///     process.
  ///   - normalizer: what observations go through; it goes on learning from them unless it is frozen.
  package init(
    _ environments: [any Environment], firstEpisode: Int = 0, pool: ComputePool? = nil,
    announcesSteps: Bool = false, normalizer: RunningNormalizer? = nil, seed: @escaping (_ episode: Int) -> UInt64
  ) {
    precondition(!environments.isEmpty, "a group has environments")
    self.environments = environments
    self.normalizer = normalizer
    specification = normalizer?.normalized(environments[0].specification) ?? environments[0].specification
    let (lanes, size) = (environments.count, specification.observationSpace.size)
    now = RowBuffer(lanes, size)
    next = RowBuffer(lanes, size)
    actionMemory = RowBuffer(lanes, specification.actionSpace.columns)
    actions = ActionRows(actionMemory.rows, specification.actionSpace)
    outcomes = [Outcome](repeating: Outcome(reward: 0, isTerminated: false, isTruncated: true), count: lanes)
    isFirst = [Bool](repeating: true, count: lanes)
    episode = [Int](repeating: -1, count: lanes)
    episodes = firstEpisode
    self.pool = lanes > 1 ? pool : nil
    failures = [(any Error)?](repeating: nil, count: lanes)
    self.announcesSteps = announcesSteps && lanes > 1
    self.seed = seed
  }

  package var count: Int { environments.count }

  /// What observations go through now, for an evaluation, which leaves it as it is; nil: nothing.
  package var frozenNormalizer: RunningNormalizer? {
    var frozen = normalizer
    frozen?.isFrozen = true
    return frozen
  }

  /// What an agent sees; valid after `begin`.
  package var situation: Situation {
    Situation(observations: now.read, isFirst: isFirst, episode: episode, source: self)
  }

  /// The last step; valid until `begin`.
  package var transitions: Transitions {
    Transitions(
      observations: now.read, actions: actions, outcomes: outcomes, next: next.read, isFirst: isFirst, episode: episode)
  }

  /// The warnings until now, once.
  package func takeWarnings() -> [String] {
    defer { warnings = [] }
    return warnings
  }

  package func copy(of lane: Int) -> (any Environment)? { environments[lane].copy() }

  /// The environment of a lane as a bystander sees it.
  package func environment(_ lane: Int) -> any Environment { environments[lane] }

  /// Tells tasks that change in the course of a run where it stands.
  package func setRunStep(_ step: Int) {
    for lane in environments.indices { environments[lane].runStep = step }
  }

  /// The next situation: goes on where episodes do, begins others where they ended. Again, before a step: nothing.
  package func begin() throws {
    if !isBegun {
      isBegun = true
      swap(&now, &next)
      for lane in environments.indices { isFirst[lane] = outcomes[lane].isOver }
    }
    // Where it was begun already: a lane that was lost while an agent was acting, or whose reset had failed.
    for lane in environments.indices where outcomes[lane].isOver {
      isFirst[lane] = true
      try environments[lane].reset(seed: seed(episodes))
      observe(lane, now)
      normalizer?.normalize(now.rows.row(lane))
      episode[lane] = episodes
      episodes += 1
      outcomes[lane] = Outcome(reward: 0, isTerminated: false)
    }
  }

  /// Steps every lane by its row of `actions`.
  /// - Throws: the error of the first lane that failed.
  package func step() throws {
    lostLanes.removeAll(keepingCapacity: true)
    if let pool {
      try stepSideBySide(pool)
    } else {
      if announcesSteps { for lane in environments.indices { environments[lane].announce(actions.action(lane)) } }
      for lane in environments.indices {
        do {
          outcomes[lane] = try environments[lane].step(actions.action(lane))
          observe(lane, next)
        } catch let lost as EpisodeLost {
          lose(lane, lost)
        }
      }
    }
    normalizer?.normalize(next.rows)
    isBegun = false
  }

  /// The episode ends where it was: cut, with the observation before.
  private func lose(_ lane: Int, _ lost: EpisodeLost) {
    let text = "\(lost); the episode counts as truncated"
    if warnings.last != text { warnings.append(text) }
    lostLanes.append(lane)
    outcomes[lane] = Outcome(reward: 0, isTerminated: false, isTruncated: true)
    observe(lane, next)
  }

  /// What goes wrong is looked at when all lanes are done, in their order.
  private func stepSideBySide(_ pool: ComputePool) throws {
    environments.withUnsafeMutableBufferPointer { environments in
      outcomes.withUnsafeMutableBufferPointer { outcomes in
        failures.withUnsafeMutableBufferPointer { failures in
          var steps = LaneSteps(
            environments: environments, outcomes: outcomes, failures: failures, actions: actions, next: next.rows)
          pool.run(tasks: environments.count, on: &steps) { steps, lane, _ in
            steps!.assumingMemoryBound(to: LaneSteps.self).pointee.take(Int(lane))
          }
        }
      }
    }
    for lane in failures.indices {
      guard let failure = failures[lane] else { continue }
      failures[lane] = nil
      guard let lost = failure as? EpisodeLost else { throw failure }
      lose(lane, lost)
    }
  }

  private func observe(_ lane: Int, _ rows: RowBuffer) {
    environments[lane].observe(into: rows.rows.contiguousRow(lane))
  }

  /// Everything but the last step's actions; without the episodes new ones begin, numbered on from there. A lane whose
  /// episode cannot be played again is cut, with a warning.
  package func archive(_ archive: Archive) throws {
    try archive.value("episodes", &episodes)
    // No part of an episode: a policy sees everything through them.
    if normalizer != nil { try archive.part("normalizer", &normalizer!) }
    if archive.omits(.episodes) { return }
    try archive.value("isBegun", &isBegun)
    for lane in environments.indices {
      try archive.scope("lane\(lane)") {
        try archive.value("episode", &episode[lane])
        try archive.value("isFirst", &isFirst[lane])
        try archive.part("outcome", &outcomes[lane])
        do {
          try archive.part("environment", &environments[lane])
          if archive.mode == .reading && episode[lane] >= 0 { observe(lane, isBegun ? now : next) }
        } catch let lost as EpisodeLost {
          warnings.append("lane \(lane): \(lost); it begins another episode")
          outcomes[lane].isTruncated = true
        }
      }
    }
    // Normalised by the statistics of their own time.
    if normalizer != nil { try archive.part("observations", isBegun ? now : next) }
  }
}

/// One step of every lane, as threads share it: each lane is one thread's alone.
private struct LaneSteps {
  let environments: UnsafeMutableBufferPointer<any Environment>
  let outcomes: UnsafeMutableBufferPointer<Outcome>
  let failures: UnsafeMutableBufferPointer<(any Error)?>
  let actions: ActionRows
  /// [lanes, observation size]
  let next: MutableRows

  func take(_ lane: Int) {
    do {
      outcomes[lane] = try environments[lane].step(actions.action(lane))
      environments[lane].observe(into: next.contiguousRow(lane))
    } catch {
      failures[lane] = error
    }
  }
}

extension Outcome: Archivable {
  package mutating func archive(_ archive: Archive) throws {
    try archive.value("reward", &reward)
    try archive.value("isTerminated", &isTerminated)
    try archive.value("isTruncated", &isTruncated)
  }
}
