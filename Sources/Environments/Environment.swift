import Support

/// A task: one episode at a time. A time limit truncates, it never terminates.
///
/// A conforming type is a value: a copy is an independent environment in the same state.
package protocol Environment: Sendable {
  var specification: EnvironmentSpecification { get }
  /// Starts an episode; the same seed gives the same start, Gymnasium's where the id is Gymnasium's.
  mutating func reset(seed: UInt64)
  /// Moves one step. Actions outside the space are clipped or rejected as the environment's source does.
  /// - Throws: `EnvironmentError` where the action does not fit the space or the simulation fails.
  mutating func step(_ action: Action) throws -> Outcome
  /// Writes the current observation: `specification.observationSpace.size` floats.
  func observe(into observation: UnsafeMutableBufferPointer<Float>)
}

/// An environment that can write and restore its state in the middle of an episode (all native ones can).
package protocol SnapshotEnvironment: Environment, Archivable {
  /// The physical state as the fixtures write it; setting it makes that the current state (the step count stays).
  var state: [Double] { get set }
  /// Whether the arithmetic currently runs in single precision, as NumPy's does after some steps
  /// (Acrobot after a reset, MountainCarContinuous after a step). Set before `state` when replaying a trace.
  var isSinglePrecision: Bool { get set }
  /// What a bystander would see now.
  var sketch: Sketch { get }
}

extension SnapshotEnvironment {
  package var isSinglePrecision: Bool {
    get { false }
    set {}
  }
}

/// Why an environment could not step.
package enum EnvironmentError: Error, Equatable, CustomStringConvertible {
  case actionDoesNotFit(String)
  case failed(String)

  package var description: String {
    switch self {
    case .actionDoesNotFit(let text): "the action does not fit: \(text)"
    case .failed(let text): text
    }
  }
}

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
  /// [observation size][stride]
  package var observation: UnsafePointer<Float>
  /// [action columns][stride]; one-hot for discrete actions
  package var action: UnsafePointer<Float>
  /// [observation size][stride]
  package var nextObservation: UnsafePointer<Float>

  package init(
    count: Int, stride: Int, observation: UnsafePointer<Float>, action: UnsafePointer<Float>,
    nextObservation: UnsafePointer<Float>
  ) {
    self.count = count
    self.stride = stride
    self.observation = observation
    self.action = action
    self.nextObservation = nextObservation
  }

  /// `count` values of one observation column.
  package func observationColumn(_ index: Int) -> UnsafePointer<Float> { observation + index * stride }
  /// `count` values of one action column.
  package func actionColumn(_ index: Int) -> UnsafePointer<Float> { action + index * stride }
  /// `count` values of one column of the next observation.
  package func nextObservationColumn(_ index: Int) -> UnsafePointer<Float> { nextObservation + index * stride }
}

/// What is known of a task's dynamics without learning: its reward and termination as functions of a transition, and
/// the features a model should see. Lives in the environment's own file and is checked against real transitions.
package protocol KnownDynamicsParts: Environment {
  /// What the model sees of an observation: angles as sine and cosine, irrelevant columns left out.
  var modelFeatures: [ObservationFeature] { get }
  /// Per observation column: whether the model predicts the change (true) or the next value itself.
  var predictsChange: [Bool] { get }
  /// reward[r] of every transition; `reward` has `columns.count` elements.
  func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>)
  /// terminated[r] = 1 where the transition ends the task, else 0.
  func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>)
}

extension KnownDynamicsParts {
  package var modelFeatures: [ObservationFeature] {
    (0..<specification.observationSpace.size).map { .value($0) }
  }
  package var predictsChange: [Bool] {
    [Bool](repeating: true, count: specification.observationSpace.size)
  }
  /// No transition ends the task.
  package func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
    terminated.update(repeating: 0, count: columns.count)
  }
}
