import Support

/// Makes an environment of any deterministic simulation: archives the seed and the actions of the episode, and plays
/// them again where it is read. Innermost, so that every wrapper outside archives its own part. A simulation that gives
/// its complete state is put there instead.
///
/// The observation after the replay is compared with the stored one: a simulation that does not repeat itself is told
/// from one that does.
package struct EpisodeLog<Base: Simulation>: EnvironmentWrapper {
  package static var keepsTransitions: Bool { true }
  package var base: Base
  private var seed: UInt64?
  /// The run's step at which the episode began.
  private var firstRunStep = 0
  /// Indices, or rows of the box, one after another.
  private var actions: [Float] = []

  /// A log of `base`, which has not been reset.
  package init(_ base: Base) { self.base = base }

  private var width: Int { base.specification.actionSpace.isDiscrete ? 1 : base.specification.actionSpace.columns }

  package mutating func reset(seed: UInt64) throws {
    firstRunStep = base.runStep
    try base.reset(seed: seed)
    self.seed = seed
    actions.removeAll(keepingCapacity: true)
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    let outcome: Outcome
    do {
      outcome = try base.step(action)  // first: a step that failed is no part of the episode
    } catch let lost as EpisodeLost {
      seed = nil
      throw lost
    }
    switch action {
    case .discrete(let index): actions.append(Float(index))
    case .continuous(let vector): actions.append(contentsOf: vector)
    }
    return outcome
  }

  /// - Throws: `EpisodeLost` where the simulation does not come to the stored observation again.
  package mutating func archive(_ archive: Archive) throws {
    guard try archive.presence("hasEpisode", seed != nil) else {
      seed = nil
      return actions.removeAll()
    }
    var (episodeSeed, observation) = (seed ?? 0, archive.mode == .writing ? observed : [])
    try archive.value("seed", &episodeSeed)
    try archive.value("firstRunStep", &firstRunStep)
    try archive.array("actions", &actions)
    try archive.array("observation", &observation)
    var state = archive.mode == .writing ? try base.snapshot() ?? [] : []
    if try archive.presence("hasState", !state.isEmpty) { try archive.array("state", &state) }
    guard archive.mode == .reading else { return }
    guard actions.count.isMultiple(of: width) else {
      throw ArchiveError.malformed("actions", "\(actions.count) numbers are no rows of \(width)")
    }
    seed = episodeSeed
    if !state.isEmpty, (try? base.restore(state, observation)) != nil { return }
    try replay(episodeSeed)
    let isSame = observed.elementsEqual(observation) { $0.bitPattern == $1.bitPattern }
    if !isSame {
      let (steps, id) = (actions.count / width, specification.id)
      throw EpisodeLost("\(id) does not repeat itself: after the same \(steps) actions it is elsewhere")
    }
  }

  private mutating func replay(_ seed: UInt64) throws {
    base.runStep = firstRunStep
    try base.reset(seed: seed)
    let (isDiscrete, width) = (base.specification.actionSpace.isDiscrete, width)
    for start in stride(from: 0, to: actions.count, by: width) {
      if isDiscrete {
        _ = try base.step(.discrete(Int(actions[start])))
      } else {
        _ = try actions.withUnsafeBufferPointer {
          try base.step(.continuous(UnsafeBufferPointer(rebasing: $0[start..<start + width])))
        }
      }
    }
  }
}

/// An episode that cannot go on, because it could not be played again or its process is gone: its lane begins another.
package struct EpisodeLost: Error, Equatable, CustomStringConvertible {
  /// Why.
  package let description: String

  package init(_ description: String) { self.description = description }
}
