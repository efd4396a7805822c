import Support

/// The checks that hold for every environment, so that a new one needs no test of its own for them.
package enum EnvironmentContract {
  /// Runs random episodes under several seeds and holds the environment to every rule that applies to it.
  /// - Parameters:
  ///   - make: a new environment, before its first reset.
  ///   - seeds: one trajectory each.
  ///   - steps: length of a trajectory, over as many episodes as it takes.
  ///   - truncatesItself: episodes may be cut though no limit is known.
  /// - Throws: where one cannot be made.
  package static func check(
    seeds: Range<UInt64> = 0..<3, steps: Int = 1000, truncatesItself: Bool = false,
    _ make: @escaping () throws -> any Environment
  ) throws -> ContractReport {
    let specification = try make().specification
    var check = ContractCheck(
      make: make, specification: specification, truncatesItself: truncatesItself,
      report: ContractReport(id: specification.id))
    try check.run(seeds: seeds, steps: steps)
    return check.report
  }
}

/// One run of the contract over one environment.
private struct ContractCheck {
  let make: () throws -> any Environment
  let specification: EnvironmentSpecification
  let truncatesItself: Bool
  var report: ContractReport

  mutating func run(seeds: Range<UInt64>, steps: Int) throws {
    guard checkSpecification() else { return }
    for seed in seeds {
      do {
        try checkTrajectory(seed: seed, steps: steps)
        try checkCopy(seed: seed)
        try checkArchive(seed: seed)
        try checkTable(seed: seed, steps: steps)
      } catch {
        report.find(.stepping, "seed \(seed): \(error)")
      }
    }
    try checkStepLimit()
    try checkWrongActions()
  }

  private func sampler(seed: UInt64) -> ActionSampler {
    ActionSampler(specification.actionSpace, RandomStream(seed: seed).stream("actions"))
  }

  private mutating func begin(_ rule: ContractReport.Rule) {
    if !report.checked.contains(rule) { report.checked.append(rule) }
  }

  private mutating func checkSpecification() -> Bool {
    begin(.specification)
    let before = report.findings.count
    func checkBounds(_ name: String, _ low: [Float], _ high: [Float]) {
      if low.count != high.count || low.isEmpty {
        report.find(.specification, "the \(name) space has \(low.count) lower and \(high.count) upper bounds")
      } else if !zip(low, high).allSatisfy({ $0 <= $1 }) {
        report.find(.specification, "a lower bound of the \(name) space is above its upper bound")
      }
    }
    switch specification.actionSpace {
    case .discrete(let count): if count < 1 { report.find(.specification, "there are \(count) actions") }
    case .box(let low, let high): checkBounds("action", low, high)
    }
    switch specification.observationSpace {
    case .discrete(let count): if count < 1 { report.find(.specification, "there are \(count) observations") }
    case .box(let low, let high): checkBounds("observation", low, high)
    case .image(let height, let width, let channels):
      if min(height, width, channels) < 1 { report.find(.specification, "an image of \(height)×\(width)×\(channels)") }
    }
    if let limit = specification.stepLimit, limit < 1 {
      report.find(.specification, "the step limit is \(limit)")
    }
    return report.findings.count == before
  }

  // MARK: Trajectories

  private mutating func checkTrajectory(seed: UInt64, steps: Int) throws {
    [.stepping, .observations, .rewards, .determinism].forEach { begin($0) }
    var fresh = try make()
    let record = try trajectory(&fresh, seed: seed, steps: steps)
    report.steps += record.count
    scan(record, seed: seed)
    // Again from a used environment: nothing may be left over from earlier episodes.
    var used = try make()
    _ = try trajectory(&used, seed: seed &+ 77, steps: 13)
    _ = try trajectory(&used, seed: seed, steps: 0)
    let again = try trajectory(&used, seed: seed, steps: steps)
    if let row = again.firstDifference(from: record) {
      report.find(.determinism, "seed \(seed): the second run differs from the first at step \(row + 1)")
    }
    if let known = fresh.knownDynamics { checkKnownDynamics(known, record, seed: seed) }
  }

  private func trajectory(
    _ environment: inout any Environment, seed: UInt64, steps: Int
  ) throws -> TransitionRecord {
    // What a changing task carries from episode to episode is this count and nothing else.
    environment.runStep = 0
    try environment.reset(seed: seed)
    var actions = sampler(seed: seed)
    return try environment.record(steps: steps, &actions, nextSeed: seed &+ 1000)
  }

  /// Observations, rewards and the time of truncation. One finding of a kind per seed is enough.
  private mutating func scan(_ record: TransitionRecord, seed: UInt64) {
    var found: Set<ContractReport.Rule> = []
    var stepOfEpisode = 0
    for (row, outcome) in record.outcomes.enumerated() {
      stepOfEpisode += 1
      let place = "seed \(seed), step \(row + 1)"
      if let fault = fault(inObservation: record.nextObservation(row)), found.insert(.observations).inserted {
        report.find(.observations, "\(place): \(fault)")
      }
      if !specification.rewardRange.contains(outcome.reward), found.insert(.rewards).inserted {
        report.find(.rewards, "\(place): reward \(outcome.reward) is not in \(specification.rewardRange)")
      }
      let isKnown = specification.stepLimit != nil || !truncatesItself
      let isWrong = isKnown && outcome.isTruncated != (stepOfEpisode == specification.stepLimit)
      if isWrong, found.insert(.truncation).inserted {
        let limit = specification.stepLimit.map { "\($0)" } ?? "none"
        let verb = outcome.isTruncated ? "was" : "was not"
        report.find(.truncation, "\(place): step \(stepOfEpisode) \(verb) truncated; step limit: \(limit)")
      }
      if outcome.isOver {
        stepOfEpisode = 0
        report.episodes += 1
      }
    }
  }

  private func fault(inObservation observation: ArraySlice<Float>) -> String? {
    switch specification.observationSpace {
    case .discrete(let count):
      let value = observation.first ?? .nan
      let isIndex = value >= 0 && value < Float(count) && value == value.rounded()
      return isIndex ? nil : "observation \(value) is not one of 0 to \(count - 1)"
    case .box(let low, let high):
      for (column, value) in observation.enumerated() {
        guard value.isFinite, low[column] <= value, value <= high[column] else {
          return "observation column \(column) is \(value), outside \(low[column]) to \(high[column])"
        }
      }
      return nil
    case .image:
      for value in observation where !(value >= 0 && value <= 255 && value == value.rounded()) {
        return "a pixel is \(value), not one of 0 to 255"
      }
      return nil
    }
  }

  private mutating func checkKnownDynamics(_ known: any KnownDynamics, _ record: TransitionRecord, seed: UInt64) {
    [.knownFeatures, .knownTerminations].forEach { begin($0) }
    if known.knowsRewards { begin(.knownRewards) }
    let size = record.observationSize
    let features = known.modelFeatures ?? [.value(0)]
    let isFeatureRight = features.allSatisfy { feature in
      switch feature {
      case .value(let column), .sine(let column), .cosine(let column): (0..<size).contains(column)
      }
    }
    let targets = known.predictsChange?.count ?? size
    if !isFeatureRight || features.isEmpty || targets != size {
      report.find(.knownFeatures, "features \(features), \(targets) targets for \(size) observation columns")
    }
    let check = KnownDynamicsCheck(known, on: record)
    let rules: [(ContractReport.Rule, [KnownDynamicsCheck.Mismatch])] = [
      (.knownRewards, check.rewards), (.knownTerminations, check.terminations),
    ]
    for (rule, wrong) in rules {
      guard let first = wrong.first else { continue }
      let values = "\(first.known) instead of \(first.actual)"
      report.find(rule, "seed \(seed), step \(first.row + 1): \(values); \(wrong.count) wrong")
    }
  }

  // MARK: Tables

  private mutating func checkTable(seed: UInt64, steps: Int) throws {
    var environment = try make()
    try environment.reset(seed: seed)
    guard let start = environment.tabular else { return }
    begin(.table)
    for fault in start.table.faults(against: specification) { report.find(.table, fault) }
    var actions = sampler(seed: seed)
    if !(start.table.initialDistribution[start.currentState] > 0) {
      report.find(.table, "seed \(seed): no episode starts in state \(start.currentState)")
    }
    var now = start
    for step in 1...max(1, steps) {
      let (state, table) = (now.currentState, now.table)
      let action = actions.draw()
      let taken = if case .discrete(let index) = action { index } else { 0 }
      let outcome = try action.withAction { try environment.step($0) }
      now = environment.tabular ?? now
      let next = now.currentState
      let isKnown = table.outcomes(from: state, taking: taken).contains { known -> Bool in
        let isSame = known.nextState == next && known.reward == outcome.reward
        return isSame && known.isTerminated == outcome.isTerminated && known.probability > 0
      }
      if !isKnown || environment.observed != [Float(next)] || now.lastAction != taken {
        let place = "seed \(seed), step \(step)"
        let what = "action \(taken) in state \(state) gave \(outcome.reward) and state \(next)"
        report.find(.table, "\(place): \(what), observed as \(environment.observed); the table has it otherwise")
        return
      }
      if outcome.isOver {
        try environment.reset(seed: seed &+ UInt64(step))
        now = environment.tabular ?? now
      }
    }
    if StateTextStyle.allCases.contains(where: { now.text($0).isEmpty }) {
      report.find(.table, "a state has no picture")
    }
  }

  // MARK: Copies, archives, limits, wrong actions

  /// Steps before the copy or the archive is made: in the middle of the first episode.
  private var middle: Int { min(7, (specification.stepLimit ?? 14) / 2) }

  private mutating func checkCopy(seed: UInt64) throws {
    var original = try make()
    _ = try trajectory(&original, seed: seed, steps: middle)
    guard var copy = original.copy() else { return }
    begin(.copies)
    var actions = sampler(seed: seed &+ 5)
    var sameActions = actions
    let ofCopy = try copy.record(steps: 60, &actions, nextSeed: 1)
    let ofOriginal = try original.record(steps: 60, &sameActions, nextSeed: 1)
    if let row = ofOriginal.firstDifference(from: ofCopy) {
      report.find(.copies, "seed \(seed): after the copy moved, the original differs at step \(row + 1)")
    }
  }

  private mutating func checkArchive(seed: UInt64) throws {
    begin(.archiving)
    var original = try make()
    try original.reset(seed: seed)
    var actions = sampler(seed: seed)
    _ = try original.record(steps: middle, &actions, nextSeed: 1)
    let written = Archive()
    try original.archive(written)
    var restored = try make()
    try restored.archive(Archive(scalars: written.scalars, tensors: written.tensors))
    var sameActions = actions
    // Long enough to reach the step limit, where it is near: the step count belongs to the state.
    let steps = min(1200, (specification.stepLimit ?? 60) + 60)
    let expected = try original.record(steps: steps, &actions, nextSeed: 1)
    let found = try restored.record(steps: steps, &sameActions, nextSeed: 1)
    if let row = found.firstDifference(from: expected) {
      report.find(.archiving, "seed \(seed): the restored episode differs \(row + 1) steps later")
    }
  }

  /// Holds the state at the start, so that the task itself does not end before the limit.
  private mutating func checkStepLimit() throws {
    guard let limit = specification.stepLimit, limit <= 100_000 else { return }
    var environment = try make()
    try environment.reset(seed: 0)
    guard let start = environment.physicalState else { return }
    begin(.truncation)
    var actions = sampler(seed: 0)
    let action = actions.draw()
    for step in 1...limit {
      environment.physicalState = start
      guard let outcome = try? action.withAction({ try environment.step($0) }) else { return }
      if step < limit && outcome.isTerminated { return }  // cannot be held at its start
      if outcome.isTruncated != (step == limit) || outcome.isTerminated {
        report.find(
          .truncation,
          "step \(step) of \(limit), held at the start: truncated \(outcome.isTruncated), "
            + "terminated \(outcome.isTerminated)")
        return
      }
    }
  }

  private mutating func checkWrongActions() throws {
    begin(.wrongActions)
    var environment = try make()
    try environment.reset(seed: 0)
    let before = environment.observed
    func refuse(_ name: String, _ action: Action) throws {
      if (try? environment.step(action)) != nil {
        report.find(.wrongActions, "\(name) was taken")
        try environment.reset(seed: 0)
      } else if environment.observed != before {
        report.find(.wrongActions, "\(name) was refused but changed the observation")
      }
    }
    func refuse(_ name: String, _ values: [Float]) throws {
      try values.withUnsafeBufferPointer { try refuse(name, .continuous($0)) }
    }
    switch specification.actionSpace {
    case .discrete(let count):
      try refuse("action -1", .discrete(-1))
      try refuse("action \(count)", .discrete(count))
      try refuse("a vector", [0])
    case .box(let low, _):
      let zeros = [Float](repeating: 0, count: low.count)
      try refuse("a discrete action", .discrete(0))
      try refuse("a vector with one value too many", zeros + [0])
      try refuse("an empty vector", [])
      try refuse("a vector of NaN", zeros.map { _ in .nan })
      try refuse("an infinite vector", zeros.map { _ in .infinity })
    }
  }
}
