import Support

/// What any task can do, foreign ones included: one episode at a time. A time limit truncates, it never terminates.
///
/// `reset` and `step` bring the observation with them, so that `observe` cannot fail. What only some tasks have is an
/// optional value with a default, never a protocol to cast to, so that a wrapper forwards everything once.
package protocol Simulation: Sendable {
  var specification: EnvironmentSpecification { get }
  /// Starts an episode; the same seed gives the same start, Gymnasium's where the id is Gymnasium's.
  mutating func reset(seed: UInt64) throws
  /// Moves one step. Actions outside the space are clipped or rejected as the environment's source does.
  /// - Throws: `EnvironmentError` where the action does not fit the space or the simulation fails.
  mutating func step(_ action: Action) throws -> Outcome
  /// Tells the action of the `step` that comes next. A group tells those of all its lanes before it steps the first
  /// one, so that simulations that share a process can step together; default: nothing happens.
  mutating func announce(_ action: Action)
  /// Writes the current observation: `specification.observationSpace.size` floats; an image's are 0…255.
  func observe(into observation: UnsafeMutableBufferPointer<Float>)
  /// The run's environment steps until now, for tasks that change in the course of a run: they count their own steps
  /// on from what was set last. A reset leaves it alone.
  var runStep: Int { get set }
  /// Reward and end as functions of a transition, where they are known.
  var knownDynamics: (any KnownDynamics)? { get }
  /// The table of the dynamics in force now, and where the episode is in it.
  var tabular: (any TabularTask)? { get }
  /// The physical state as recordings write it; setting it moves there (step counts stay).
  var physicalState: PhysicalState? { get set }
  /// Whether the present state is what the task calls success, as Gymnasium's `info["is_success"]` says; nil: no such
  /// word is known of it.
  var isSuccess: Bool? { get }
  /// What a bystander would see now.
  var sketch: Sketch? { get }
  /// What a bystander would see now, of simulations that draw pixels themselves; nil: they do not.
  var picture: Raster? { get }
  /// The complete state as bytes, of simulations that can give it; default: nil.
  func snapshot() throws -> [UInt8]?
  /// Moves to a state that a `snapshot` holds, at which the observation was this one.
  mutating func restore(_ snapshot: [UInt8], _ observation: [Float]) throws
  /// An independent one in the same state; nil: it refuses.
  func copy() -> Self?
}

extension Simulation {
  package var runStep: Int {
    get { 0 }
    set {}
  }
  package var knownDynamics: (any KnownDynamics)? { nil }
  package var tabular: (any TabularTask)? { nil }
  package var physicalState: PhysicalState? {
    get { nil }
    set {}
  }
  package var isSuccess: Bool? { nil }
  package var sketch: Sketch? { nil }
  package mutating func announce(_ action: Action) {}
  package var picture: Raster? { nil }
  package func snapshot() throws -> [UInt8]? { nil }
  package mutating func restore(_ snapshot: [UInt8], _ observation: [Float]) throws {
    throw EnvironmentError.failed("\(specification.id) cannot be moved to a stored state")
  }
  package func copy() -> Self? { nil }

  /// The current observation in an array of its own; for checks and logs, not for training loops.
  package var observed: [Float] {
    let size = specification.observationSpace.size
    return [Float](unsafeUninitializedCapacity: size) { buffer, initialized in
      buffer.initialize(repeating: .nan)
      observe(into: UnsafeMutableBufferPointer(rebasing: buffer[..<size]))
      initialized = size
    }
  }
}

/// What a run needs: a simulation that can stop in the middle of an episode and go on. `EpisodeLog` makes one of any
/// deterministic simulation.
package protocol Environment: Simulation, Archivable {}

/// An environment that is a value without references: a copy of it is an independent one.
package protocol ValueEnvironment: Environment {}

extension ValueEnvironment {
  package func copy() -> Self? { self }
}

/// The numbers that a simulation's future depends on, random draws apart.
package struct PhysicalState: Equatable, Sendable {
  /// In the order of the environment's recordings.
  package var values: [Double]
  /// Whether the arithmetic currently runs in single precision, as NumPy's does after some steps
  /// (Acrobot after a reset, MountainCarContinuous after a step).
  package var isSinglePrecision = false

  package init(_ values: [Double], isSinglePrecision: Bool = false) {
    (self.values, self.isSinglePrecision) = (values, isSinglePrecision)
  }
}

/// Why an environment could not be made or step.
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

/// What is known before a step is taken; one short-lived environment gives it.
package struct EnvironmentDescription: Sendable {
  package let specification: EnvironmentSpecification
  package let knownDynamics: (any KnownDynamics)?
  /// Before the first reset.
  package let tabular: (any TabularTask)?
  /// Whether planning with the environment itself is possible.
  package let canBeCopied: Bool
  /// The wrapper's setting for which declared dynamics are not those of what an agent sees; nil: they are, or there are
  /// none.
  package let hidingSetting: String?
  /// Versions of what a foreign environment comes from; empty of native ones.
  package var origin: [(name: String, value: String)] = []

  /// Of an environment whose observations are normalised on the way to the agent, where there is a normaliser.
  package init(_ environment: any Environment, normalizer: RunningNormalizer? = nil, hidingSetting: String? = nil) {
    specification = normalizer?.normalized(environment.specification) ?? environment.specification
    knownDynamics = hidingSetting == nil ? environment.knownDynamics : nil
    self.hidingSetting = hidingSetting
    tabular = environment.tabular
    canBeCopied = environment.copy() != nil
  }
}
