import Support

/// A last column that tells how much of the episode is over: 0 at its start, 1 at the step limit.
///
/// With it a value can depend on what is left (F. Pardo et al., "Time Limits in Reinforcement Learning", 2018). The
/// limit still truncates and does not terminate.
package struct TimeObservation<Base: Environment>: EnvironmentWrapper {
  package static var keepsTransitions: Bool { false }
  package var base: Base
  package let specification: EnvironmentSpecification
  private let limit: Int
  private var elapsedSteps = 0

  /// Around an environment with vectors of observations and a step limit.
  package init(_ base: Base) {
    var specification = base.specification
    guard case .box(let low, let high) = specification.observationSpace, let limit = specification.stepLimit else {
      preconditionFailure("a share of the time needs a limit and a vector")
    }
    self.base = base
    self.limit = limit
    let (names, legal) = (specification.observationNames, specification.legalActions)
    specification.showObservations(
      in: .box(low: low + [0], high: high + [1]), names: names.isEmpty ? [] : names + ["share of the time"])
    // All columns but the last are where they were.
    specification.legalActions = legal
    self.specification = specification
  }

  package mutating func reset(seed: UInt64) throws {
    try base.reset(seed: seed)
    elapsedSteps = 0
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    let outcome = try base.step(action)
    elapsedSteps += 1
    return outcome
  }

  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    let last = observation.count - 1
    base.observe(into: UnsafeMutableBufferPointer(rebasing: observation[..<last]))
    observation[last] = min(1, Float(elapsedSteps) / Float(limit))
  }

  package mutating func archive(_ archive: Archive) throws {
    try archive.value("elapsedSteps", &elapsedSteps)
    try archive.part("timed", &base)
  }

  package var knownDynamics: (any KnownDynamics)? { base.knownDynamics.map(Known.init) }

  /// The declared functions of the columns before the last.
  private struct Known: KnownDynamics {
    let base: any KnownDynamics

    var modelFeatures: [ObservationFeature]? { base.modelFeatures }
    var knowsRewards: Bool { base.knowsRewards }
    func showsEnd(_ nextObservation: ArraySlice<Float>) -> Bool { base.showsEnd(nextObservation.dropLast()) }
    var predictsChange: [Bool]? { base.predictsChange.map { $0 + [true] } }

    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      base.rewards(of: columns, into: reward)
    }

    func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
      base.terminations(of: columns, into: terminated)
    }
  }
}
