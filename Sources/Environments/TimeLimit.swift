import Support

/// An environment whose episodes are cut after a number of steps: truncated, never terminated, by the limit.
///
/// A step may be both: the task's own end at the very last step stays an end, as in Gymnasium.
package struct TimeLimit<Base: Environment>: Environment {
  package internal(set) var base: Base
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

  package mutating func reset(seed: UInt64) {
    base.reset(seed: seed)
    elapsedSteps = 0
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    var outcome = try base.step(action)
    elapsedSteps += 1
    if elapsedSteps >= limit { outcome.isTruncated = true }
    return outcome
  }

  package func observe(into observation: UnsafeMutableBufferPointer<Float>) { base.observe(into: observation) }
}

extension TimeLimit: Archivable where Base: SnapshotEnvironment {
  package mutating func archive(_ archive: Archive) throws {
    try archive.value("elapsedSteps", &elapsedSteps)
    try archive.part("environment", &base)
  }
}

extension TimeLimit: SnapshotEnvironment where Base: SnapshotEnvironment {
  package var state: [Double] {
    get { base.state }
    set { base.state = newValue }
  }
  package var isSinglePrecision: Bool {
    get { base.isSinglePrecision }
    set { base.isSinglePrecision = newValue }
  }
  package var sketch: Sketch { base.sketch }
}

extension TimeLimit: KnownDynamicsParts where Base: KnownDynamicsParts {
  package var modelFeatures: [ObservationFeature] { base.modelFeatures }
  package var predictsChange: [Bool] { base.predictsChange }
  package func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
    base.rewards(of: columns, into: reward)
  }
  package func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
    base.terminations(of: columns, into: terminated)
  }
}
