/// One feature of an observation, as a dynamics model sees it.
package enum ObservationFeature: Equatable, Sendable {
  case value(Int)
  case sine(Int)
  case cosine(Int)
}

/// A batch of transitions in feature-major columns: column d of row r stands at [d·stride + r]. Borrowed memory.
package struct TransitionColumns {
  package var count: Int
  package var stride: Int
  /// Of the actions, where they lie elsewhere; `stride` at first.
  package var actionStride: Int
  /// [observation size][stride]
  package var observation: UnsafePointer<Float>
  /// [action columns][actionStride]; one-hot for discrete actions
  package var action: UnsafePointer<Float>
  /// [observation size][stride]
  package var nextObservation: UnsafePointer<Float>

  package init(
    count: Int, stride: Int, observation: UnsafePointer<Float>, action: UnsafePointer<Float>,
    nextObservation: UnsafePointer<Float>
  ) {
    (self.count, self.stride, actionStride) = (count, stride, stride)
    (self.observation, self.action, self.nextObservation) = (observation, action, nextObservation)
  }

  /// `count` values of one observation column.
  package func observationColumn(_ index: Int) -> UnsafePointer<Float> { observation + index * stride }
  /// `count` values of one action column.
  package func actionColumn(_ index: Int) -> UnsafePointer<Float> { action + index * actionStride }
  /// `count` values of one column of the next observation.
  package func nextObservationColumn(_ index: Int) -> UnsafePointer<Float> { nextObservation + index * stride }

  /// Σ a² over the first `columns` of one row's action, one after another.
  package func squaredAction(_ row: Int, columns: Int) -> Float {
    var sum: Float = 0
    for column in 0..<columns { sum += actionColumn(column)[row] * actionColumn(column)[row] }
    return sum
  }
}

/// What is known of a task's dynamics without learning: its reward and termination as functions of a transition, and
/// the features a model should see. Lives in the environment's own file and is checked against real transitions.
package protocol KnownDynamics: Sendable {
  /// What the model sees of an observation: angles as sine and cosine, irrelevant columns left out. nil: every column.
  var modelFeatures: [ObservationFeature]? { get }
  /// Per observation column: whether the model predicts the change (true) or the next value itself. nil: the change.
  var predictsChange: [Bool]? { get }
  /// Whether `rewards` tells the task's; false: they are no function of a transition, and a model has to learn them.
  var knowsRewards: Bool { get }
  /// Whether an observation shows all that the end of the step before it depended on; not where it is clipped or lags.
  func showsEnd(_ nextObservation: ArraySlice<Float>) -> Bool
  /// reward[r] of every transition; `reward` has `columns.count` elements.
  func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>)
  /// terminated[r] = 1 where the transition ends the task, else 0.
  func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>)
}

extension KnownDynamics {
  package var modelFeatures: [ObservationFeature]? { nil }
  package var predictsChange: [Bool]? { nil }
  package var knowsRewards: Bool { true }
  package func showsEnd(_ nextObservation: ArraySlice<Float>) -> Bool { true }
  /// No transition ends the task.
  package func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
    terminated.update(repeating: 0, count: columns.count)
  }
}
