import Algorithms
import Support
import Testing

import Experiments

/// What makes an experiment the same one.
@Suite struct IdentityTests {
  /// The first digits of the hash that a run's folder is named by, of every agent's own settings. Where one changes, the
  /// runs that stand in people's folders are not gone on with any more: a setting that came later and changes nothing
  /// at its default belongs in `ConfigurationIdentity.standard` instead.
  static let known: [(agent: String, environment: String, hash: String)] = [
    ("random", "Pendulum-v1", "3200151277"), ("pets", "Pendulum-v1", "0b059a8347"),
    ("random-shooting", "Pendulum-v1", "0f74781d7e"), ("mbpo", "Pendulum-v1", "360d152f84"),
    ("double-horizon", "Pendulum-v1", "f928d145a6"), ("sac", "Pendulum-v1", "3a8a4550b2"),
    ("ppo", "Pendulum-v1", "228e82bc92"), ("dqn", "CartPole-v1", "187f7162e7"), ("dyna", "CartPole-v1", "f688676561"),
    ("dreamer", "Pendulum-v1", "4cb5274d05"), ("dyna-q", "Taxi-v4", "85af19e9e2"),
  ]

  @Test(arguments: known) func aRunStaysTheSame(agent: String, environment: String, hash: String) throws {
    let document: JSON = ["environment": ["id": .string(environment)], "agent": ["type": .string(agent)]]
    let file = try ExperimentFile.read(document, name: "x", source: "x")
    #expect(ConfigurationIdentity.hash(file.resolved).hasPrefix(hash), "\(ConfigurationIdentity.hash(file.resolved))")
  }

  @Test func everyAgentIsKnown() {
    #expect(Set(Self.known.map(\.agent)) == Set(Agents.entries.map(\.name)))
  }

  /// What is not at its default does belong to it.
  @Test(arguments: ["agent.sharesLayers=never", "agent.convolutions.hiddenSizes=[64]", "agent.epochs=3"])
  func otherSettingsAreAnotherRun(override: String) throws {
    let document: JSON = ["environment": ["id": "Pendulum-v1"], "agent": ["type": "ppo"]]
    let (plain, other) = (
      try ExperimentFile.read(document, name: "x", source: "x"),
      try ExperimentFile.read(document, name: "x", source: "x", overrides: [override])
    )
    #expect(ConfigurationIdentity.hash(plain.resolved) != ConfigurationIdentity.hash(other.resolved))
  }
}
