import Environments
import Support

/// Uniformly random actions: the baseline every learner has to beat.
package final class RandomAgent: Agent {
  package struct Configuration: AgentConfiguration {
    package init() {}
    package mutating func declare(_ fields: Fields) {}
    package func warn(_ task: EnvironmentDescription, lanes: Int, steps: Int, _ fields: Fields) {}
    package func memory(_ task: EnvironmentDescription, lanes: Int, steps: Int) -> MemoryNeed { MemoryNeed() }
    package func makeAgent(_ context: AgentContext) throws -> any Agent { RandomAgent(context) }
  }

  private var random: RandomStream
  private let legal: LegalActions?

  package init(_ context: AgentContext) {
    (random, legal) = (context.random.stream("policy"), context.specification.legalActions)
  }

  package var metricNames: [String] { [] }
  package func act(in situation: Situation, into actions: ActionRows) {
    actions.setUniform(legal, at: situation.observations, &random)
  }
  package func observe(_ steps: Transitions) {}
  package func learn(_ metrics: inout Metrics) {}
  package func makePolicy(isStochastic: Bool, rows: Int, random: RandomStream) -> any Policy {
    EpisodePolicy(UniformPolicy(legal), isStochastic: isStochastic, rows: rows, random: random)
  }
  package func archive(_ archive: Archive) throws { try archive.part("random", &random) }
}
