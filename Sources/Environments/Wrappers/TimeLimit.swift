import Support

/// An environment whose episodes are cut after a number of steps: truncated, never terminated, by the limit.
///
/// A step may be both: the task's own end at the very last step stays an end, as in Gymnasium.
package struct TimeLimit<Base: Environment>: EnvironmentWrapper {
  package static var keepsTransitions: Bool { true }
  package var base: Base
  package let specification: EnvironmentSpecification
  /// Steps since the last reset.
  package private(set) var elapsedSteps = 0
  private let limit: Int

  /// - Parameter stepLimit: at least 1; nil: episodes end only where the task does.
  package init(_ base: Base, stepLimit: Int?) {
    precondition(stepLimit ?? 1 >= 1, "a step limit is at least 1")
    self.base = base
    limit = stepLimit ?? Int.max
    var specification = base.specification
    specification.stepLimit = stepLimit
    self.specification = specification
  }

  package mutating func reset(seed: UInt64) throws {
    try base.reset(seed: seed)
    elapsedSteps = 0
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    var outcome = try base.step(action)
    elapsedSteps += 1
    if elapsedSteps >= limit { outcome.isTruncated = true }
    return outcome
  }

  /// Here as well, for every step asks for it: the wrapper's own way there costs a copy of the base.
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) { base.observe(into: observation) }

  package mutating func archive(_ archive: Archive) throws {
    try archive.value("elapsedSteps", &elapsedSteps)
    try archive.part("environment", &base)
  }
}
