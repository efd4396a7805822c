/// What may be going wrong while a run's numbers still look like learning. Each cause is told once per session, with
/// what may help; nothing is changed by it.
package enum Alarm: CaseIterable, Sendable {
  /// Action values are far beyond what rewards allow.
  case criticMagnitude
  /// Log variances of a model lie beyond their bounds.
  case varianceBounds
  /// Members of a model fail together.
  case ensembleCollapse
  /// The model promises a policy far more than the environment gives it.
  case exploitation
  /// What a task declares of its rewards or ends is not what happened.
  case knownDynamics
}

extension Metrics {
  /// Has somebody told of a cause, unless that was done in this session.
  package mutating func raise(_ alarm: Alarm, _ text: @autoclosure () -> String) {
    guard !raised.contains(alarm) else { return }
    raised.append(alarm)
    alarms.append(text())
  }

  /// What was raised since somebody last asked.
  package mutating func takeAlarms() -> [String] {
    defer { alarms.removeAll() }
    return alarms
  }
}
