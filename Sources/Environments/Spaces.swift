/// The set of actions an environment takes.
package enum ActionSpace: Equatable, Sendable {
  /// Actions 0..<count.
  case discrete(count: Int)
  /// A vector within bounds, one pair per dimension.
  case box(low: [Float], high: [Float])

  /// Columns of an action in a model's or planner's batch: one-hot for discrete actions.
  package var columns: Int {
    switch self {
    case .discrete(let count): count
    case .box(let low, _): low.count
    }
  }
  package var isDiscrete: Bool { if case .discrete = self { true } else { false } }
}

/// The set of observations an environment gives.
package enum ObservationSpace: Equatable, Sendable {
  /// An index 0..<count (given as one float).
  case discrete(count: Int)
  /// A vector within bounds (infinite ones allowed).
  case box(low: [Float], high: [Float])
  /// Bytes, row after row of pixels, channels together; as floats 0…255, exact. A replay keeps them as bytes.
  case image(height: Int, width: Int, channels: Int)

  /// Floats that `observe(into:)` writes.
  package var size: Int {
    switch self {
    case .discrete: 1
    case .box(let low, _): low.count
    case .image(let height, let width, let channels): height * width * channels
    }
  }
  package var isDiscrete: Bool { if case .discrete = self { true } else { false } }
  package var isImage: Bool { if case .image = self { true } else { false } }
}

/// One action. A vector is borrowed: valid during the call only.
package enum Action {
  case discrete(Int)
  case continuous(UnsafeBufferPointer<Float>)
}

/// What one step gave, apart from the observation.
package struct Outcome: Equatable, Sendable {
  package var reward: Double
  /// The task itself ended: no value beyond this state.
  package var isTerminated: Bool
  /// The time limit cut the episode: the state has a value, and learners bootstrap through it.
  package var isTruncated: Bool

  package init(reward: Double, isTerminated: Bool, isTruncated: Bool = false) {
    (self.reward, self.isTerminated, self.isTruncated) = (reward, isTerminated, isTruncated)
  }

  package var isOver: Bool { isTerminated || isTruncated }
}

/// What is known about an environment before a step is taken.
package struct EnvironmentSpecification: Equatable, Sendable {
  /// "CartPole-v1".
  package var id: String
  package private(set) var observationSpace: ObservationSpace
  package var actionSpace: ActionSpace
  /// Steps after which an episode is truncated; nil: never.
  package var stepLimit: Int?
  /// Smallest and largest reward of one step.
  package var rewardRange: ClosedRange<Double>
  /// The mean return at which the task counts as solved, where its authors name one.
  package var rewardThreshold: Double?
  /// States that a bystander sees in a second; Gymnasium's `render_fps` where the id is Gymnasium's.
  package var framesPerSecond: Int
  /// What the columns of an observation are, with units; empty where nobody says.
  package private(set) var observationNames: [String]
  /// What the columns of an action in a box are; empty where nobody says.
  package var actionNames: [String]
  /// One line for `mbrl list environments`.
  package var summary: String
  /// Where observations say which actions are legal; nil: all are, or nobody says.
  package var legalActions: LegalActions?
  /// What recordings of the original are held to.
  package var fidelity = Fidelity.rounding

  /// How near to the original an environment is.
  package enum Fidelity: Sendable {
    /// But for the rounding of other arithmetic.
    case rounding
    /// In every bit.
    case bits
    /// In every bit, but for rewards from norms, which NumPy rounds otherwise on machines without AVX-512.
    case bitsButNorms
  }

  package init(
    id: String, observationSpace: ObservationSpace, actionSpace: ActionSpace, stepLimit: Int?,
    rewardRange: ClosedRange<Double>, rewardThreshold: Double? = nil, framesPerSecond: Int,
    observationNames: [String] = [], actionNames: [String] = [], summary: String
  ) {
    precondition(
      observationNames.isEmpty || observationNames.count == observationSpace.size, "a name for every observation")
    precondition(actionNames.isEmpty || actionNames.count == actionSpace.columns, "a name for every action")
    (self.observationNames, self.actionNames) = (observationNames, actionNames)
    (self.id, self.observationSpace, self.actionSpace) = (id, observationSpace, actionSpace)
    (self.stepLimit, self.rewardRange, self.rewardThreshold) = (stepLimit, rewardRange, rewardThreshold)
    (self.framesPerSecond, self.summary) = (framesPerSecond, summary)
  }

  /// Makes it that of other observations: what pointed at the old columns, their names and where they say which actions
  /// are legal, is gone.
  /// - Parameter names: of the new columns; empty where nobody says.
  package mutating func showObservations(in space: ObservationSpace, names: [String] = []) {
    precondition(names.isEmpty || names.count == space.size, "a name for every observation")
    (observationSpace, observationNames, legalActions) = (space, names, nil)
  }

  /// "θ̇, rad/s", or "observation 3" where nobody says.
  package func observationName(_ column: Int) -> String {
    observationNames.isEmpty ? "observation \(column)" : observationNames[column]
  }
}
