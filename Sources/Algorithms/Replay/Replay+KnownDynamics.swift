import Environments
import Support

extension Replay {
  /// The newest `count` transitions as arrays, in the order of `transition(_:)`: for checks and reports.
  package func record(_ specification: EnvironmentSpecification, last count: Int = .max) -> TransitionRecord {
    record(specification, of: (self.count - min(count, self.count)..<self.count).map(transition))
  }

  /// These transitions as arrays.
  func record(_ specification: EnvironmentSpecification, of rows: [Int32]) -> TransitionRecord {
    func values(_ column: Column) -> [Float] {
      let buffer = RowBuffer(rows.count, column.width)
      gather(rows, column, into: buffer.rows)
      return Array(buffer.memory)
    }
    return TransitionRecord(
      specification, observations: values(observation), actions: values(action), nextObservations: values(next),
      rewards: values(reward), terminated: values(terminated))
  }

  /// Holds an environment's declared reward and termination to what really happened, before anything is planned with
  /// them: a declared function that disagrees with its environment ruins a run silently.
  ///
  /// - Throws: `KnownDynamicsError` at the first transition that disagrees.
  package func requireAgreement(
    with task: EnvironmentDescription, reward checksReward: Bool, termination checksTermination: Bool
  ) throws {
    guard task.knownDynamics != nil, checksReward || checksTermination else { return }
    try record(task.specification).requireAgreement(with: task, reward: checksReward, termination: checksTermination)
  }
}

extension TransitionRecord {
  /// See `Replay`.
  func requireAgreement(
    with task: EnvironmentDescription, reward checksReward: Bool, termination checksTermination: Bool
  ) throws {
    guard let known = task.knownDynamics else { return }
    let (id, check) = (task.specification.id, KnownDynamicsCheck(known, on: self))
    if checksReward, let wrong = check.rewards.first {
      throw KnownDynamicsError.reward(
        environment: id, transition: wrong.row, declared: Float(wrong.known), real: Float(wrong.actual))
    }
    if checksTermination, !check.terminations.isEmpty {
      throw KnownDynamicsError.termination(environment: id, wrong: check.terminations.count, of: count)
    }
  }
}

/// A declared reward or termination function that does not describe its environment.
package enum KnownDynamicsError: Error, Equatable, CustomStringConvertible {
  case reward(environment: String, transition: Int, declared: Float, real: Float)
  case termination(environment: String, wrong: Int, of: Int)

  package var description: String {
    switch self {
    case .reward(let id, let transition, let declared, let real):
      "the declared reward of \(id) is \(declared) for transition \(transition), the environment gave \(real); "
        + "set model.reward to \"learned\" or mend the declaration"
    case .termination(let id, let wrong, let count):
      "the declared termination of \(id) is wrong for \(wrong) of \(count) transitions; "
        + "set model.termination to \"learned\" or mend the declaration"
    }
  }
}
