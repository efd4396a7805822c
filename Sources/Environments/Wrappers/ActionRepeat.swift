import Support

/// Every action is taken several times, or until the episode is over: one step of the wrapper, whose reward is the sum.
///
/// The step limit inside goes on counting the environment's own steps, so that an episode lasts as long as without.
package struct ActionRepeat<Base: Environment>: EnvironmentWrapper {
  /// A reward is a sum over states in between, which no transition shows.
  package static var keepsTransitions: Bool { false }
  package var base: Base
  package let specification: EnvironmentSpecification
  private let count: Int

  /// - Parameter count: at least 1.
  package init(_ base: Base, count: Int) {
    precondition(count >= 1, "an action is taken at least once")
    self.base = base
    self.count = count
    var specification = base.specification
    specification.stepLimit = specification.stepLimit.map { ($0 - 1) / count + 1 }
    let range = specification.rewardRange
    specification.rewardRange =
      min(range.lowerBound, range.lowerBound * Double(count))...max(range.upperBound, range.upperBound * Double(count))
    specification.framesPerSecond = max(1, specification.framesPerSecond / count)
    self.specification = specification
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    var outcome = try base.step(action)
    for _ in 1..<count where !outcome.isOver {
      let next = try base.step(action)
      outcome = Outcome(
        reward: outcome.reward + next.reward, isTerminated: next.isTerminated, isTruncated: next.isTruncated)
    }
    return outcome
  }

  /// See `TimeLimit`.
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) { base.observe(into: observation) }

  package mutating func archive(_ archive: Archive) throws { try archive.part("repeated", &base) }
}
