import Environments
import Support

/// Uniformly random actions: the baseline every learner has to beat.
package final class RandomAgent: Agent {
  package struct Configuration: AgentConfiguration {
    package init() {}
    package mutating func declare(_ fields: Fields) {}
    package func check(
      _ algorithm: AlgorithmConfiguration, for environment: any SnapshotEnvironment, _ fields: Fields
    ) {}
    package func makeAgent(_ algorithm: AlgorithmConfiguration, _ context: AgentContext) throws -> any Agent {
      RandomAgent(context)
    }
  }

  private let space: ActionSpace
  private let policy: RandomPolicy

  package init(_ context: AgentContext) {
    space = context.specification.actionSpace
    policy = RandomPolicy(space, context.random.stream("policy"))
  }

  package var metricNames: [String] { [] }
  package func beginEpisode() {}
  package func act(in situation: Situation) -> Action { policy.act(in: situation) }
  package func observe(_ transition: Transition) {}
  package func learn(_ metrics: inout Metrics) {}
  package func makePolicy(isStochastic: Bool) -> any Policy { RandomPolicy(space, RandomStream(seed: 0)) }
  package func estimatedCheckpointBytes(afterSteps steps: Int) -> Int { 0 }
  package func archive(_ archive: Archive) throws { try archive.part("policy", policy) }
}

/// Draws every action uniformly from a space.
package final class RandomPolicy: Policy, ArchivableObject {
  private let space: ActionSpace
  private var random: RandomStream
  private let action: FloatBuffer

  package init(_ space: ActionSpace, _ random: RandomStream) {
    self.space = space
    self.random = random
    action = FloatBuffer(count: space.columns)
  }

  package func beginEpisode(_ random: RandomStream) { self.random = random }

  package func act(in situation: Situation) -> Action {
    switch space {
    case .discrete(let count):
      return .discrete(random.integer(below: count))
    case .box(let low, let high):
      for index in low.indices {
        action[index] = Float(random.uniform(Double(low[index]), Double(high[index])))
      }
      return .continuous(action.readOnly)
    }
  }

  package func archive(_ archive: Archive) throws { try archive.part("random", &random) }
}
