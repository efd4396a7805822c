/// What checking an environment against the contract found.
package struct ContractReport: Sendable {
  /// What every environment promises. A rule that an environment cannot be held to (no archive, no known parts) is
  /// left out of `checked`.
  package enum Rule: String, CaseIterable, Sendable {
    case specification = "the specification makes sense"
    case stepping = "every action of the space can be taken"
    case observations = "observations are finite and in the observation space"
    case rewards = "rewards are finite and in the reward range"
    case determinism = "the same seed gives the same trajectory"
    case copies = "a copy is independent"
    case archiving = "an archived episode goes on the same"
    case truncation = "the step limit truncates and never terminates"
    case wrongActions = "an action that does not fit is refused and changes nothing"
    case table = "the table's probabilities sum to 1 and what happens stands in it"
    case knownFeatures = "model features name columns of the observation"
    case knownRewards = "the known reward function agrees with the environment"
    case knownTerminations = "the known termination function agrees with the environment"
  }

  /// One rule that does not hold, and where that showed.
  package struct Finding: Equatable, Sendable, CustomStringConvertible {
    package var rule: Rule
    package var message: String
    package var description: String { "\(rule.rawValue): no; \(message)" }
  }

  package internal(set) var id: String
  package internal(set) var checked: [Rule] = []
  /// Everything that does not hold; empty for a sound environment.
  package internal(set) var findings: [Finding] = []
  /// Random steps taken in the trajectories.
  package internal(set) var steps = 0
  /// Episodes that ended in them.
  package internal(set) var episodes = 0

  package var passes: Bool { findings.isEmpty }

  mutating func find(_ rule: Rule, _ message: String) { findings.append(Finding(rule: rule, message: message)) }
}
