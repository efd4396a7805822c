/// How far an environment is from a recorded trace of the original.
///
/// Every row starts from the recorded state, so errors never add up. Tolerances: state 1e-12 + 1e-12·|x|; observation
/// one float32 ulp (or 1e-12); reward 1e-9; flags exact, except within 1e-12 of their threshold. None where the
/// environment promises the original's bits (see `EnvironmentSpecification.Fidelity`).
package struct TraceReport: Sendable, CustomStringConvertible {
  /// The largest deviation of one quantity, and the line that has it; line 0: no deviation at all.
  package struct Deviation: Sendable, Equatable {
    package var largest: Double
    package var line: Int

    package init(largest: Double = 0, line: Int = 0) {
      (self.largest, self.line) = (largest, line)
    }

    mutating func note(_ value: Double, line: Int) {
      // A NaN on either side is the largest deviation there is.
      let value = value.isNaN ? .infinity : value
      if value > largest { (largest, self.line) = (value, line) }
    }
  }

  package var id: String
  package var resets = 0
  package var rollouts = 0
  package var probes = 0
  package var state = Deviation()
  package var observation = Deviation()
  /// In units of the last place of float32.
  package var observationUlps = Deviation()
  package var reward = Deviation()
  /// Lines whose terminated flag is wrong, thresholds aside.
  package var wrongFlags: [Int] = []
  /// Flags that differ within 1e-12 of their threshold.
  package var flagsAtThreshold = 0
  /// Lines outside the tolerances, wrong flags included.
  package var failedLines: [Int] = []
  /// What the header says otherwise than the environment: step limit and spaces.
  package var headerDifferences: [String] = []
  /// Lines on which the known reward or termination function disagrees with the recorded step.
  package var knownDynamicsLines: [Int] = []

  package var passes: Bool { failedLines.isEmpty && headerDifferences.isEmpty && knownDynamicsLines.isEmpty }

  package var description: String {
    func text(_ name: String, _ deviation: Deviation, unit: String = "") -> String {
      deviation.line == 0
        ? "\(name): exact" : "\(name): at most \(deviation.largest)\(unit) off (line \(deviation.line))"
    }
    func list(_ lines: [Int]) -> String {
      lines.prefix(5).map(String.init).joined(separator: ", ") + (lines.count > 5 ? ", …" : "")
    }
    var lines = [
      "\(id): \(resets) resets, \(rollouts) rollout steps, \(probes) probes: \(passes ? "passes" : "FAILS")",
      text("state", state), text("observation", observation),
      text("observation", observationUlps, unit: " float32 ulp"), text("reward", reward),
    ]
    lines += headerDifferences
    if !wrongFlags.isEmpty { lines.append("\(wrongFlags.count) wrong flags: lines \(list(wrongFlags))") }
    if flagsAtThreshold > 0 { lines.append("\(flagsAtThreshold) flags at their threshold left out") }
    if !failedLines.isEmpty { lines.append("\(failedLines.count) lines outside tolerance: \(list(failedLines))") }
    if !knownDynamicsLines.isEmpty {
      lines.append(
        "known reward or termination disagrees on \(knownDynamicsLines.count) lines: \(list(knownDynamicsLines))")
    }
    return lines.joined(separator: "\n")
  }
}

/// Replays a recorded trace through an environment and measures the deviation.
package enum TraceReplay {
  /// - Parameter environment: with the options of the recording (Gymnasium's are the standard options).
  /// - Throws: `TraceError` where the trace is of another environment or a row does not fit this one.
  package static func replay(
    _ trace: TraceFile, through environment: any Environment
  ) throws(TraceError) -> TraceReport {
    var replay = Replay(environment)
    try replay.run(trace)
    return replay.report
  }
}

private struct Replay {
  private var environment: any Environment
  private let specification: EnvironmentSpecification
  private let stateSize: Int
  private let isExact: Bool
  private var record: TransitionRecord
  private var recordLines: [Int] = []
  var report: TraceReport

  init(_ environment: any Environment) {
    self.environment = environment
    specification = environment.specification
    isExact = specification.fidelity != .rounding
    stateSize = environment.physicalState?.values.count ?? 0
    record = TransitionRecord(specification)
    report = TraceReport(id: specification.id)
  }

  mutating func run(_ trace: TraceFile) throws(TraceError) {
    report.headerDifferences = try trace.header.differences(from: specification)
    for row in trace.rows { try replay(row) }
    if let known = environment.knownDynamics {
      let check = KnownDynamicsCheck(known, on: record)
      let rows = Set((check.rewards + check.terminations).map(\.row))
      report.knownDynamicsLines = rows.map { recordLines[$0] }.sorted()
    }
  }

  private mutating func replay(_ row: TraceFile.Row) throws(TraceError) {
    try need(row.state.count == stateSize, row, "\(row.state.count) state values", "\(stateSize)")
    try need(
      row.observation.count == record.observationSize, row, "\(row.observation.count) observation values",
      "\(record.observationSize)")
    var fits = true
    switch row.content {
    case .reset(let seed):
      report.resets += 1
      do { try environment.reset(seed: seed) } catch { throw TraceError(line: row.line, message: "\(error)") }
    case .step(let start, let action, let reward, let isTerminated):
      if row.isProbe { report.probes += 1 } else { report.rollouts += 1 }
      try need(start.values.count == stateSize, row, "\(start.values.count) state values", "\(stateSize)")
      environment.physicalState = start
      let before = environment.observed
      let outcome = try step(action, row)
      action.withAction {
        record.append(observation: before, action: $0, nextObservation: environment.observed, outcome: outcome)
      }
      recordLines.append(row.line)
      let rewardDeviation = abs(outcome.reward - reward)
      report.reward.note(rewardDeviation, line: row.line)
      fits = rewardDeviation <= (specification.fidelity == .bits ? 0 : 1e-9)
      if outcome.isTerminated != isTerminated {
        // One that shares its state with a copy by value has to be copied otherwise.
        let reached = environment.copy() ?? environment
        let isAtThreshold = isExact ? false : try isAtThreshold(start, action, row, expected: isTerminated)
        if isAtThreshold {
          report.flagsAtThreshold += 1
        } else {
          report.wrongFlags.append(row.line)
          fits = false
        }
        environment = reached
      }
    }
    if !isStateNear(row) { fits = false }
    if !isObservationNear(row) { fits = false }
    if !fits { report.failedLines.append(row.line) }
  }

  private func need(_ holds: Bool, _ row: TraceFile.Row, _ found: String, _ expected: String) throws(TraceError) {
    if !holds {
      throw TraceError(line: row.line, message: "\(found) instead of \(expected) for \(specification.id)")
    }
  }

  private mutating func step(_ action: RecordedAction, _ row: TraceFile.Row) throws(TraceError) -> Outcome {
    do {
      return try action.withAction { try environment.step($0) }
    } catch {
      throw TraceError(line: row.line, message: "\(error)")
    }
  }

  /// Whether the recorded flag comes out from a start that is 1e-12 (relative above 1) away.
  private mutating func isAtThreshold(
    _ start: PhysicalState, _ action: RecordedAction, _ row: TraceFile.Row, expected: Bool
  ) throws(TraceError) -> Bool {
    for (index, value) in start.values.enumerated() {
      for sign in [-1.0, 1.0] {
        var moved = start
        moved.values[index] += sign * 1e-12 * max(1, abs(value))
        environment.physicalState = moved
        if try step(action, row).isTerminated == expected { return true }
      }
    }
    return false
  }

  private mutating func isStateNear(_ row: TraceFile.Row) -> Bool {
    var isNear = true
    for (value, expected) in zip(environment.physicalState?.values ?? [], row.state) {
      let deviation = abs(value - expected)
      report.state.note(deviation, line: row.line)
      if !(deviation <= (isExact ? 0 : 1e-12 + 1e-12 * abs(expected))) { isNear = false }
    }
    return isNear
  }

  private mutating func isObservationNear(_ row: TraceFile.Row) -> Bool {
    var isNear = true
    for (value, expected) in zip(environment.observed, row.observation) {
      // The original may give doubles; here an observation is float32.
      let rounded = Float(expected)
      let deviation = Double(abs(value - rounded))
      let ulps = Replay.ulps(between: value, and: rounded)
      report.observation.note(deviation, line: row.line)
      report.observationUlps.note(ulps, line: row.line)
      if isExact ? ulps != 0 : !(ulps <= 1 || deviation <= 1e-12) { isNear = false }
    }
    return isNear
  }

  /// How many float32 numbers lie between the two, one of them counted; 0 for equal ones, NaN for NaN.
  private static func ulps(between left: Float, and right: Float) -> Double {
    guard !left.isNaN, !right.isNaN else { return .nan }
    func ordinal(_ value: Float) -> Int {
      let magnitude = Int(value.magnitude.bitPattern)
      return value.sign == .minus ? -magnitude : magnitude
    }
    return Double(abs(ordinal(left) - ordinal(right)))
  }
}

extension RecordingHeader {
  /// What is otherwise in this environment.
  /// - Throws: where the recording is of another environment: its id is not this one's, with or without its version.
  func differences(from specification: EnvironmentSpecification) throws(TraceError) -> [String] {
    guard id == specification.id || id + "-v0" == specification.id else {
      throw TraceError(line: 1, message: "the trace is of \"\(id)\", not of \"\(specification.id)\"")
    }
    var differences: [String] = []
    if let space = observationSpace?.observations, space != specification.observationSpace {
      differences.append("observation space: \(space) recorded, \(specification.observationSpace) here")
    }
    if let space = actionSpace?.actions, space != specification.actionSpace {
      differences.append("action space: \(space) recorded, \(specification.actionSpace) here")
    }
    if stepLimit != specification.stepLimit {
      func text(_ limit: Int?) -> String { limit.map { "\($0)" } ?? "none" }
      differences.append("step limit: \(text(stepLimit)) recorded, \(text(specification.stepLimit)) here")
    }
    return differences
  }
}
