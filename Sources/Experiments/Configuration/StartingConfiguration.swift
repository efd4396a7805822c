import Algorithms
import Environments
import Support

/// `mbrl init`: a configuration to begin with, for an environment and an agent.
package struct StartingConfiguration: Sendable {
  package let environment: String
  package let agent: String

  /// Fits both to each other.
  /// - Throws: `configuration` with the reason where they do not go together, or where one is not known.
  package init(environment: String, agent: String) throws(ExperimentError) {
    (self.environment, self.agent) = (environment, agent)
    _ = try ExperimentFile.read(document, name: "start", source: "mbrl init")
  }

  /// The environments that can be named, with a line about each.
  package static var environments: [(name: String, summary: String)] {
    EnvironmentRegistry.specifications.map { ($0.id, $0.summary) }
  }

  /// The agents that learn an environment with their standard settings, with a line about each; none where the
  /// environment is not known.
  package static func agents(for environment: String) -> [(name: String, summary: String)] {
    guard let task = try? EnvironmentConfiguration(id: environment)?.describe() else { return [] }
    let suiting = Agents.suiting(task)
    return Agents.entries.filter { suiting.contains($0.name) }.map { ($0.name, $0.summary) }
  }

  /// How long an agent of a kind usually takes for small tasks; longer may follow in the same place.
  private var steps: Int {
    switch agent {
    case "pets", "random-shooting", "mbpo", "double-horizon": 5000
    case "ppo", "dqn", "dreamer": 50_000
    default: 20_000
    }
  }

  /// What is to be written.
  package var document: JSON {
    [
      "comment": "Made by mbrl init. mbrl config show FILE explains every setting, also those that are not here.",
      "environment": ["id": .string(environment)], "agent": ["type": .string(agent)],
      "training": ["environmentSteps": .integer(steps)],
      "evaluation": ["every": .integer(steps / 20), "episodes": .integer(10)],
      "checkpoint": ["every": .integer(steps / 10)], "seeds": .integers([0, 1, 2, 3, 4]),
    ]
  }
}
