import Support

/// The newest observations together, oldest first; at an episode's start all are its first one.
///
/// Images are put together by their channels. What the environment declares of its dynamics is a function of the newest
/// observation, and stays known.
package struct FrameStack<Base: Environment>: EnvironmentWrapper {
  package static var keepsTransitions: Bool { false }
  package var base: Base
  package let specification: EnvironmentSpecification
  private let count: Int
  private let size: Int
  /// Floats of an observation that stay together: a pixel's channels, or all.
  private let group: Int
  /// [count, size], oldest first.
  private var frames: [Float]

  /// Around an environment that does not give indices; `count` is at least 1.
  package init(_ base: Base, count: Int) {
    precondition(count >= 1, "a stack has a frame")
    self.base = base
    self.count = count
    var specification = base.specification
    size = specification.observationSpace.size
    switch specification.observationSpace {
    case .discrete: preconditionFailure("indices cannot be stacked")
    case .box(let low, let high):
      group = size
      let names = specification.observationNames
      specification.showObservations(
        in: .box(low: (0..<count).flatMap { _ in low }, high: (0..<count).flatMap { _ in high }),
        names: (0..<count).reversed().flatMap { age in names.map { age == 0 ? $0 : "\($0) (\(age) before)" } })
    case .image(let height, let width, let channels):
      group = channels
      specification.showObservations(in: .image(height: height, width: width, channels: count * channels))
    }
    self.specification = specification
    frames = [Float](repeating: 0, count: count * size)
  }

  package mutating func reset(seed: UInt64) throws {
    try base.reset(seed: seed)
    for _ in 0..<count { push() }
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    let outcome = try base.step(action)
    push()
    return outcome
  }

  /// The present observation becomes the newest frame.
  private mutating func push() {
    // Taken out for the moment: the base cannot be asked while a part of the wrapper is being written.
    var moving: [Float] = []
    swap(&moving, &frames)
    moving.withUnsafeMutableBufferPointer { moving in
      for index in 0..<moving.count - size { moving[index] = moving[index + size] }
      base.observe(into: UnsafeMutableBufferPointer(rebasing: moving[(moving.count - size)...]))
    }
    swap(&moving, &frames)
  }

  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    var place = 0
    for start in stride(from: 0, to: size, by: group) {
      for frame in 0..<count {
        for offset in start..<start + group {
          observation[place] = frames[frame * size + offset]
          place += 1
        }
      }
    }
  }

  package mutating func archive(_ archive: Archive) throws {
    try archive.array("frames", &frames, isFixed: true)
    try archive.part("stacked", &base)
  }

  package var knownDynamics: (any KnownDynamics)? {
    base.knownDynamics.map { Known(base: $0, count: count, size: size) }
  }

  /// The declared functions of the newest frame.
  private struct Known: KnownDynamics {
    let base: any KnownDynamics
    let count, size: Int

    /// Of every frame.
    var modelFeatures: [ObservationFeature]? {
      base.modelFeatures.map { features in
        (0..<count).flatMap { frame in features.map { $0.moved(by: frame * size) } }
      }
    }

    var knowsRewards: Bool { base.knowsRewards }
    func showsEnd(_ nextObservation: ArraySlice<Float>) -> Bool { base.showsEnd(nextObservation.suffix(size)) }
    var predictsChange: [Bool]? { base.predictsChange.map { change in (0..<count).flatMap { _ in change } } }

    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      base.rewards(of: newest(columns), into: reward)
    }

    func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
      base.terminations(of: newest(columns), into: terminated)
    }

    private func newest(_ columns: TransitionColumns) -> TransitionColumns {
      var columns = columns
      columns.observation += (count - 1) * size * columns.stride
      columns.nextObservation += (count - 1) * size * columns.stride
      return columns
    }
  }
}

extension ObservationFeature {
  /// The same of a column further right.
  fileprivate func moved(by columns: Int) -> ObservationFeature {
    switch self {
    case .value(let column): .value(column + columns)
    case .sine(let column): .sine(column + columns)
    case .cosine(let column): .cosine(column + columns)
    }
  }
}
