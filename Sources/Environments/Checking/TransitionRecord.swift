import Support

/// Transitions that were really made, row by row: what the contract and the trace replay compare.
package struct TransitionRecord: Sendable {
  package let observationSize: Int
  /// One-hot for discrete actions.
  package let actionColumns: Int
  /// [count][observationSize]
  package private(set) var observations: [Float] = []
  /// [count][actionColumns]
  package private(set) var actions: [Float] = []
  /// [count][observationSize]
  package private(set) var nextObservations: [Float] = []
  package private(set) var outcomes: [Outcome] = []

  package init(_ specification: EnvironmentSpecification) {
    observationSize = specification.observationSpace.size
    actionColumns = specification.actionSpace.columns
  }

  /// Rows that were stored elsewhere, row-major; `terminated` holds 1 for a transition that ended the task.
  package init(
    _ specification: EnvironmentSpecification, observations: [Float], actions: [Float], nextObservations: [Float],
    rewards: [Float], terminated: [Float]
  ) {
    self.init(specification)
    self.observations = observations
    self.actions = actions
    self.nextObservations = nextObservations
    outcomes = zip(rewards, terminated).map { Outcome(reward: Double($0), isTerminated: $1 != 0) }
  }

  package var count: Int { outcomes.count }

  /// The observation before the step of that row.
  package func observation(_ row: Int) -> ArraySlice<Float> {
    observations[row * observationSize..<(row + 1) * observationSize]
  }
  /// The action of that row.
  package func action(_ row: Int) -> ArraySlice<Float> { actions[row * actionColumns..<(row + 1) * actionColumns] }
  /// The observation after the step of that row.
  package func nextObservation(_ row: Int) -> ArraySlice<Float> {
    nextObservations[row * observationSize..<(row + 1) * observationSize]
  }

  /// Adds one transition; the arrays have `observationSize` values.
  package mutating func append(observation: [Float], action: Action, nextObservation: [Float], outcome: Outcome) {
    observations += observation
    switch action {
    case .discrete(let index): actions += (0..<actionColumns).map { $0 == index ? 1 : 0 }
    case .continuous(let values): actions += values
    }
    nextObservations += nextObservation
    outcomes.append(outcome)
  }

  /// The first row in which the two records differ in any bit; nil where they are the same.
  package func firstDifference(from other: TransitionRecord) -> Int? {
    for row in 0..<max(count, other.count) {
      guard row < count, row < other.count, hasSameBits(as: other, row) else { return row }
    }
    return nil
  }

  private func hasSameBits(as other: TransitionRecord, _ row: Int) -> Bool {
    func same(_ left: ArraySlice<Float>, _ right: ArraySlice<Float>) -> Bool {
      left.elementsEqual(right) { $0.bitPattern == $1.bitPattern }
    }
    let (left, right) = (outcomes[row], other.outcomes[row])
    return same(observation(row), other.observation(row)) && same(action(row), other.action(row))
      && same(nextObservation(row), other.nextObservation(row)) && left.reward.bitPattern == right.reward.bitPattern
      && left.isTerminated == right.isTerminated && left.isTruncated == right.isTruncated
  }

  /// The rows as feature-major columns, in memory that lives during the call only.
  package func withColumns<Result>(_ body: (TransitionColumns) throws -> Result) rethrows -> Result {
    let observation = transposed(observations, observationSize)
    let action = transposed(actions, actionColumns)
    let next = transposed(nextObservations, observationSize)
    return try withExtendedLifetime((observation, action, next)) {
      try body(
        TransitionColumns(
          count: count, stride: max(count, 1), observation: observation.base, action: action.base,
          nextObservation: next.base))
    }
  }

  /// Copies of one row whose next observation is moved by ±`distance` (relative above 1) in one column each.
  func neighbours(of row: Int, distance: Float) -> TransitionRecord {
    var moved = self
    (moved.observations, moved.actions, moved.nextObservations, moved.outcomes) = ([], [], [], [])
    for column in 0..<observationSize {
      for sign: Float in [-1, 1] {
        moved.observations += observation(row)
        moved.actions += action(row)
        var next = Array(nextObservation(row))
        next[column] += sign * distance * max(1, abs(next[column]))
        moved.nextObservations += next
        moved.outcomes.append(outcomes[row])
      }
    }
    return moved
  }

  private func transposed(_ rows: [Float], _ size: Int) -> FloatBuffer {
    let columns = FloatBuffer(count: rows.count)
    for row in 0..<count {
      for column in 0..<size { columns[column * count + row] = rows[row * size + column] }
    }
    return columns
  }
}

extension Environment {
  /// Takes `steps` random steps and records them; episodes that end are followed by `reset(seed:)` with `nextSeed`
  /// and its successors.
  package mutating func record(
    steps: Int, _ sampler: inout ActionSampler, nextSeed: UInt64
  ) throws -> TransitionRecord {
    var record = TransitionRecord(specification)
    var seed = nextSeed
    for _ in 0..<steps {
      let before = observed
      let outcome = try sampler.draw().withAction { action in
        let outcome = try step(action)
        record.append(observation: before, action: action, nextObservation: observed, outcome: outcome)
        return outcome
      }
      if outcome.isOver {
        try reset(seed: seed)
        seed &+= 1
      }
    }
    return record
  }
}
