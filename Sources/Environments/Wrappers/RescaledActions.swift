import Support

/// Vectors of actions come in [−1, 1] and are given to the environment within its bounds (see `ActionScale`). What is
/// beyond ±1 is beyond the bounds too, and clipped or charged as the environment does that.
package struct RescaledActions<Base: Environment>: EnvironmentWrapper {
  package static var keepsTransitions: Bool { true }
  package var base: Base
  package let specification: EnvironmentSpecification
  private let scale: ActionScale

  /// Around an environment with vectors of actions that are bounded on both sides.
  package init(_ base: Base) {
    guard case .box(let low, let high) = base.specification.actionSpace else {
      preconditionFailure("only vectors of actions can be rescaled")
    }
    self.base = base
    scale = ActionScale(low: low, high: high)
    var specification = base.specification
    specification.actionSpace = .box(low: low.map { _ in -1 }, high: low.map { _ in 1 })
    self.specification = specification
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    let given = try action.vector(count: scale.low.count)
    return try withUnsafeTemporaryAllocation(of: Float.self, capacity: given.count) { scaled in
      for column in given.indices { scaled.initializeElement(at: column, to: scale(given[column], column)) }
      return try base.step(.continuous(UnsafeBufferPointer(scaled)))
    }
  }

  package mutating func announce(_ action: Action) {
    guard let given = try? action.vector(count: scale.low.count) else { return }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: given.count) { scaled in
      for column in given.indices { scaled.initializeElement(at: column, to: scale(given[column], column)) }
      base.announce(.continuous(UnsafeBufferPointer(scaled)))
    }
  }

  /// See `TimeLimit`.
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) { base.observe(into: observation) }

  package mutating func archive(_ archive: Archive) throws { try archive.part("rescaled", &base) }

  package var knownDynamics: (any KnownDynamics)? { base.knownDynamics.map { Known(base: $0, scale: scale) } }

  /// The declared functions of the environment, which see its own actions.
  private struct Known: KnownDynamics {
    let base: any KnownDynamics
    let scale: ActionScale

    var modelFeatures: [ObservationFeature]? { base.modelFeatures }
    var knowsRewards: Bool { base.knowsRewards }
    func showsEnd(_ nextObservation: ArraySlice<Float>) -> Bool { base.showsEnd(nextObservation) }
    var predictsChange: [Bool]? { base.predictsChange }

    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      rescale(columns) { base.rewards(of: $0, into: reward + $1) }
    }

    func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
      rescale(columns) { base.terminations(of: $0, into: terminated + $1) }
    }

    /// Gives `body` some rows after others, with the first one's number: their actions fit the stack.
    private func rescale(_ columns: TransitionColumns, _ body: (TransitionColumns, Int) -> Void) {
      let capacity = 256
      precondition(scale.low.count <= capacity, "\(scale.low.count) action columns")
      withUnsafeTemporaryAllocation(of: Float.self, capacity: capacity) { actions in
        let (stride, base) = (capacity / scale.low.count, actions.baseAddress!)
        for first in Swift.stride(from: 0, to: columns.count, by: stride) {
          var part = columns
          part.count = min(stride, columns.count - first)
          part.observation += first
          part.nextObservation += first
          for column in scale.low.indices {
            let given = columns.actionColumn(column) + first
            for row in 0..<part.count { base[column * stride + row] = scale(given[row], column) }
          }
          (part.action, part.actionStride) = (UnsafePointer(base), stride)
          body(part, first)
        }
      }
    }
  }
}
